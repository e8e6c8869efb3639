"""SKEW and LAG as a client sees them, on REST and on the stream, while the truth stays the truth."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from emulated import MS, START_NS, NaiveBook, S, ask, emulated, messages, of, texts
from leadline.emulator import truth
from leadline.emulator.exchange import Exchange
from leadline.emulator.kraken.ws import Connection
from leadline.emulator.wire import Answer

T = START_NS + 2 * S
IDS = {"BTC/USD": "XXBTZUSD", "DOGE/USD": "XDGUSD"}


def rest(exchange: Exchange, endpoint: str, now_ns: int, symbol: str = "BTC/USD") -> Any:
    """What REST shows of one pair."""
    answer = exchange.request("GET", f"/0/public/{endpoint}", {"pair": symbol}, now_ns)
    assert isinstance(answer, Answer)
    return msgspec.json.decode(answer.body)["result"][IDS[symbol]]


def bid(exchange: Exchange, now_ns: int, symbol: str = "BTC/USD") -> Decimal:
    return Decimal(rest(exchange, "Ticker", now_ns, symbol)["b"][0])


def true_bid(exchange: Exchange, symbol: str = "BTC/USD") -> Decimal:
    return Decimal(truth.ticker(exchange.market.listings[symbol], T)["bid"])


def watching(*channels: str, rate: float = 100.0) -> tuple[Exchange, Connection]:
    exchange = emulated(rate)
    connection = exchange.connect(START_NS)
    for channel in channels:
        ask(connection, START_NS, "subscribe", channel=channel, symbol=["BTC/USD", "DOGE/USD"])
    exchange.advance(T)
    connection.outputs()
    return exchange, connection


def rows(connection: Connection, symbol: str = "BTC/USD") -> list[dict[str, Any]]:
    return [one["data"][0] for one in of("ticker", symbol, messages(connection))]


def test_skew_multiplies_every_price_of_a_rest_ticker_and_nothing_else() -> None:
    exchange = emulated(rate=0)
    before = rest(exchange, "Ticker", T)
    exchange.inject({"kind": "SKEW", "channel": "ticker", "factor": "1.01"}, T)

    after = rest(exchange, "Ticker", T)
    factor = Decimal("1.01")
    for name in ("a", "b", "c"):
        assert Decimal(after[name][0]) == (Decimal(before[name][0]) * factor).quantize(Decimal("0.00001"))
        assert after[name][1:] == before[name][1:]
    for name in ("p", "l", "h"):
        assert all(
            abs(Decimal(new) - Decimal(old) * factor) <= Decimal("0.00001")
            for new, old in zip(after[name], before[name], strict=True)
        )
    assert Decimal(after["o"]) == Decimal(before["o"]) * factor
    assert (after["v"], after["t"]) == (before["v"], before["t"])


def test_skew_multiplies_the_prices_of_rest_depth() -> None:
    exchange = emulated(rate=0)
    before = rest(exchange, "Depth", T)
    exchange.inject({"kind": "SKEW", "channel": "book", "symbol": "BTC/USD", "factor": 0.5}, T)

    after = rest(exchange, "Depth", T)
    for side in ("bids", "asks"):
        assert [Decimal(row[0]) * 2 for row in after[side]] == [Decimal(row[0]) for row in before[side]]
        assert [row[1:] for row in after[side]] == [row[1:] for row in before[side]]


def test_skew_is_about_its_symbol_and_route_and_the_truth_stays() -> None:
    exchange, connection = watching("ticker")
    exchange.inject({"kind": "SKEW", "symbol": "BTC/USD", "factor": 2}, T)

    assert bid(exchange, T) == 2 * true_bid(exchange)
    assert bid(exchange, T, "DOGE/USD") == true_bid(exchange, "DOGE/USD")
    exchange.advance(T + 5 * S)
    assert rows(connection)[-1]["bid"] == true_bid(exchange)
    exchange.end_faults(T + 5 * S)
    assert bid(exchange, T + 5 * S) == true_bid(exchange)


def test_a_skewed_stream_tells_wrong_prices_at_once_and_right_ones_at_its_end() -> None:
    exchange, connection = watching("ticker", "book", rate=0)
    exchange.inject({"kind": "SKEW", "route": "ws", "symbol": "BTC/USD", "factor": "1.5", "for_s": 3}, T)

    told = messages(connection)
    [row] = [one["data"][0] for one in of("ticker", "BTC/USD", told)]
    assert row["bid"] == (true_bid(exchange) * Decimal("1.5")).quantize(Decimal("0.1"))
    assert of("ticker", "DOGE/USD", told) == of("book", "BTC/USD", told) == []
    assert bid(exchange, T) == true_bid(exchange)
    exchange.advance(T + 3 * S)
    assert rows(connection)[-1]["bid"] == true_bid(exchange)


def test_lag_shows_rest_as_it_was_so_long_ago() -> None:
    exchange = emulated()
    exchange.inject({"kind": "RATE", "per_s": 1000, "burst": 1000}, T)
    exchange.inject({"kind": "LAG", "delay_s": 3, "for_s": 60}, T)
    was: list[Any] = []
    for second in range(20):
        now_ns = T + second * S
        exchange.advance(now_ns)
        book = truth.book(exchange.market.listings["BTC/USD"], 1, now_ns, {})
        was.append([Decimal(book["best_bid"]), Decimal(book["best_ask"])])
        expected = was[max(0, second - 3)]
        ticker, depth = rest(exchange, "Ticker", now_ns), rest(exchange, "Depth", now_ns)
        assert [Decimal(ticker[side][0]) for side in "ba"] == expected
        assert [Decimal(depth[side][0][0]) for side in ("bids", "asks")] == expected
    assert len({tuple(one) for one in was}) > 10


def test_a_lag_that_is_over_shows_the_present_again() -> None:
    exchange = emulated()
    exchange.inject({"kind": "LAG", "delay_s": 30, "for_s": 5}, T)
    exchange.advance(T + 5 * S - 1)
    stale = bid(exchange, T + 5 * S - 1)

    assert stale != true_bid(exchange)
    assert bid(exchange, T + 5 * S) == true_bid(exchange)
    assert len(exchange.market.listeners) == len(emulated().market.listeners)


def test_a_late_stream_tells_each_ticker_so_much_later() -> None:
    """The same play twice: once as it is, once 1.5 s late."""
    exchange, connection = watching("ticker")
    exchange.advance(T + 10 * S)
    prompt = list(rows(connection))
    exchange, connection = watching("ticker")
    exchange.inject({"kind": "LAG", "delay_s": 1.5, "route": "ws"}, T)
    exchange.advance(T + 1_500 * MS)
    connection.outputs()
    exchange.advance(T + 11_500 * MS)

    assert rows(connection) == prompt
    assert len(prompt) > 10


def test_who_subscribes_to_a_late_stream_begins_in_the_past() -> None:
    exchange, _ = watching()
    exchange.inject({"kind": "LAG", "delay_s": 30, "route": "ws"}, T)
    then = true_bid(exchange)
    other = exchange.connect(T + 10 * S)
    ask(other, T + 10 * S, "subscribe", channel="ticker", symbol=["BTC/USD"])
    exchange.advance(T + 11 * S)

    [row] = rows(other)
    assert row["bid"] == then != true_bid(exchange)


def test_at_the_end_of_a_lag_the_stream_tells_the_present_and_nothing_late() -> None:
    exchange, connection = watching("ticker")
    exchange.inject({"kind": "LAG", "delay_s": 4, "route": "all", "for_s": 5}, T)
    exchange.advance(T + 5 * S - 1)
    connection.outputs()
    exchange.advance(T + 5 * S)
    [row] = rows(connection)
    assert row["bid"] == true_bid(exchange)

    exchange.advance(T + 9 * S)
    late = [row["timestamp"] for row in rows(connection)]
    assert late
    assert min(late) >= row["timestamp"]


def test_a_book_on_the_stream_is_neither_late_nor_wrong() -> None:
    exchange, _ = watching()
    exchange.inject({"kind": "LAG", "delay_s": 4, "route": "all"}, T)
    exchange.inject({"kind": "SKEW", "factor": 3, "route": "all"}, T)
    other = exchange.connect(T)
    ask(other, T, "subscribe", channel="book", symbol=["BTC/USD"])
    exchange.advance(T + 5 * S)

    book = NaiveBook(10)
    assert all(book.apply(text) for text in texts(other) if text.startswith('{"channel":"book"'))
    assert Decimal(book.best()[0][0][0]) == true_bid(exchange)


def test_another_tick_ends_what_was_kept_of_the_past() -> None:
    exchange = emulated()
    exchange.inject({"kind": "LAG", "delay_s": 30}, T)
    exchange.advance(T + 5 * S)
    exchange.inject({"kind": "INSTRUMENT", "symbol": "BTC/USD", "price_precision": 3}, T + 5 * S)

    assert bid(exchange, T + 5 * S) == true_bid(exchange)

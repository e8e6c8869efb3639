from __future__ import annotations

import itertools

from binance_emulated import START_NS, S, asked, binance, payloads, reading
from leadline.emulator.binance.ports import Liquidated


def test_best_prices_are_told_at_every_change_and_only_then() -> None:
    exchange = binance(rate=300)
    line = reading(exchange, "ws_public", "btcusdt@bookTicker")
    exchange.advance(START_NS + 10 * S)
    found = [tuple(one[key] for key in "bBaA") for one in payloads(line)]
    assert len(found) > 50
    assert all(before != after for before, after in itertools.pairwise(found))


def test_best_prices_of_all_are_sampled_every_five_seconds_and_only_where_they_changed() -> None:
    exchange = binance(rate=300)
    line = reading(exchange, "ws_public", "!bookTicker")
    exchange.advance(START_NS + 15 * S)
    found = payloads(line)
    assert [(one["E"] % 5_000, one["s"]) for one in found] == [(0, "BTCUSDT"), (0, "ETHUSDT")] * 3
    row = asked(exchange, "/fapi/v1/ticker/bookTicker", "symbol=ETHUSDT", START_NS + 15 * S)
    assert (found[-1]["b"], found[-1]["A"]) == (row["bidPrice"], row["askQty"])
    still = binance(rate=0)
    quiet = reading(still, "ws_public", "!bookTicker")
    still.advance(START_NS + 15 * S)
    assert payloads(quiet) == []


def test_a_partial_book_is_whole_and_comes_at_its_speed() -> None:
    exchange = binance(rate=300)
    line = reading(exchange, "ws_public", "btcusdt@depth5@500ms")
    exchange.advance(START_NS + 10 * S)
    found = payloads(line)
    assert 10 <= len(found) <= 20
    assert {(len(one["b"]), len(one["a"])) for one in found} == {(5, 5)}
    moments = [one["E"] for one in found]
    assert {after - before for before, after in itertools.pairwise(moments)} <= {
        500,
        1_000,
        1_500,
    }


def test_single_trades_are_those_of_the_tape() -> None:
    exchange = binance(rate=300)
    line = reading(exchange, "ws_public", "btcusdt@trade")
    first = exchange.market.listings["BTCUSDT"].tape.next_id
    exchange.advance(START_NS + 5 * S)
    ids = [one["t"] for one in payloads(line)]
    assert ids == list(range(first, exchange.market.listings["BTCUSDT"].tape.next_id))


def test_a_bar_is_told_four_times_a_second_at_most() -> None:
    exchange = binance(rate=400)
    line = reading(exchange, "ws_market", "btcusdt@kline_1h", "btcusdt_perpetual@continuousKline_1h")
    exchange.advance(START_NS + 10 * S)
    found = payloads(line)
    bars = [one for one in found if one["e"] == "kline"]
    assert 20 < len(bars) <= 40
    assert all(one["E"] % 250 == 0 for one in bars)
    continued = next(one for one in found if one["e"] == "continuous_kline")
    assert (continued["ps"], continued["ct"]) == ("BTCUSDT", "PERPETUAL")
    assert "s" not in continued["k"]


def test_days_come_every_other_second_and_all_that_changed_every_second() -> None:
    exchange = binance(rate=300)
    one = reading(exchange, "ws_market", "btcusdt@ticker")
    everything = reading(exchange, "ws_market", "!miniTicker@arr")
    exchange.advance(START_NS + 10 * S)
    assert len(payloads(one)) == 5
    assert len(everything.outputs()) == 10


def test_of_a_seconds_liquidations_the_largest_is_told() -> None:
    exchange = binance(rate=0)
    line = reading(exchange, "ws_market", "btcusdt@forceOrder")
    whole = reading(exchange, "ws_market", "!forceOrder@arr")
    for at_ms, qty in ((0, 10), (300, 30), (700, 20), (1_500, 5)):
        moment = START_NS + at_ms * 1_000_000
        exchange.advance(moment)
        exchange._streams.liquidated(Liquidated("BTCUSDT", "SELL", qty, 633_000, moment))
    exchange.advance(START_NS + 4 * S)
    found = [one["o"]["q"] for one in payloads(line)]
    assert found == ["0.03", "0.005"]
    assert [one["o"]["q"] for one in payloads(whole)] == found

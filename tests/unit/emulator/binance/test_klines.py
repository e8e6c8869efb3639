from __future__ import annotations

from decimal import Decimal

from binance_emulated import START_NS, S, asked, binance, payloads, reading

MINUTE_S = 60


def test_bars_are_made_of_the_trades_and_counted_like_them() -> None:
    exchange = binance(rate=100)
    exchange.advance(START_NS + 130 * S)
    begin_s = (START_NS // S // MINUTE_S + 1) * MINUTE_S
    trades = [
        one
        for one in exchange.market.listings["BTCUSDT"].tape.trades
        if begin_s <= one.time_ns // S < begin_s + MINUTE_S
    ]
    query = f"symbol=BTCUSDT&interval=1m&startTime={begin_s * 1_000}&limit=1"
    rows = asked(exchange, "/fapi/v1/klines", query, START_NS + 130 * S)
    ((opened_ms, opened, high, low, close, volume, closed_ms, quote, count, bought, paid, _),) = rows
    prices = [Decimal(one.price) / 10 for one in trades]
    assert (opened_ms, closed_ms, count) == (begin_s * 1_000, begin_s * 1_000 + 59_999, len(trades))
    assert [Decimal(text) for text in (opened, high, low, close)] == [
        prices[0], max(prices), min(prices), prices[-1],
    ]  # fmt: skip
    assert Decimal(volume) == sum(Decimal(one.qty) / 1_000 for one in trades)
    assert Decimal(quote) == sum(Decimal(one.price * one.qty) / 10_000 for one in trades)
    taken = [one for one in trades if one.taker_side == 0]
    assert Decimal(bought) == sum(Decimal(one.qty) / 1_000 for one in taken)
    assert Decimal(paid) == sum(Decimal(one.price * one.qty) / 10_000 for one in taken)


def test_every_bar_ends_with_a_closing_frame_before_the_next_begins() -> None:
    exchange = binance(rate=400)
    line = reading(exchange, "ws_market", "btcusdt@kline_1m")
    exchange.advance(START_NS + 200 * S)
    bars = [one["k"] for one in payloads(line)]
    closed = [bar["t"] for bar in bars if bar["x"]]
    assert closed == sorted(set(closed))
    assert len(closed) == 3
    begins = [bar["t"] for bar in bars]
    assert begins == sorted(begins)
    for begin in closed:
        of_bar = [bar for bar in bars if bar["t"] == begin]
        assert [bar["x"] for bar in of_bar].index(True) == len(of_bar) - 1


def test_a_bar_without_trades_repeats_the_close() -> None:
    exchange = binance(rate=0)
    now_ns = START_NS + 3_600 * S
    rows = asked(exchange, "/fapi/v1/klines", "symbol=BTCUSDT&interval=1m&limit=30", now_ns)
    assert len(rows) == 30
    assert {(row[1], row[4], row[8]) for row in rows} == {(rows[0][4], rows[0][4], 0)}


def test_longer_bars_are_the_sum_of_shorter_ones() -> None:
    exchange = binance(rate=0, minutes=400)
    hour_ms = 3_600_000
    begin_ms = START_NS // S // 3_600 * hour_ms - 2 * hour_ms
    span = f"startTime={begin_ms}&endTime={begin_ms + hour_ms - 1}"
    (hour,) = asked(exchange, "/fapi/v1/klines", f"symbol=BTCUSDT&interval=1h&{span}")
    minutes = asked(exchange, "/fapi/v1/klines", f"symbol=BTCUSDT&interval=1m&{span}")
    assert hour[8] == sum(row[8] for row in minutes)
    assert Decimal(hour[5]) == sum(Decimal(row[5]) for row in minutes)
    assert Decimal(hour[2]) == max(Decimal(row[2]) for row in minutes if row[8])


def test_the_rolling_day_is_the_same_on_stream_and_rest() -> None:
    exchange = binance(rate=300)
    line = reading(exchange, "ws_market", "btcusdt@ticker")
    exchange.advance(START_NS + 20 * S)
    told = payloads(line)[-1]
    row = asked(exchange, "/fapi/v1/ticker/24hr", "symbol=BTCUSDT", START_NS + 20 * S)
    pairs = {"p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice", "c": "lastPrice"}
    pairs |= {"o": "openPrice", "h": "highPrice", "l": "lowPrice", "v": "volume", "q": "quoteVolume"}
    pairs |= {"O": "openTime", "F": "firstId", "L": "lastId", "n": "count", "Q": "lastQty", "C": "closeTime"}
    assert {key: told[key] for key in pairs} == {key: row[name] for key, name in pairs.items()}
    assert told["n"] == told["L"] - told["F"] + 1

from __future__ import annotations

import pytest

from leadline.emulator.binance.stream_names import ALL, StreamKey, parsed


@pytest.mark.parametrize(
    ("name", "key", "family"),
    [
        ("btcusdt@depth", StreamKey("depth", "BTCUSDT", 250), "public"),
        ("btcusdt@depth@100ms", StreamKey("depth", "BTCUSDT", 100), "public"),
        ("btcusdt@depth@250ms", StreamKey("depth", "BTCUSDT", 250), "public"),
        ("btcusdt@depth20@500ms", StreamKey("partial", "BTCUSDT", 500, 20), "public"),
        ("btcusdt@bookTicker", StreamKey("bookTicker", "BTCUSDT"), "public"),
        ("!bookTicker", StreamKey("bookTicker", ALL), "public"),
        ("btcusdt@trade", StreamKey("trade", "BTCUSDT"), "public"),
        ("btcusdt@aggTrade", StreamKey("aggTrade", "BTCUSDT"), "market"),
        ("btcusdt_261225@markPrice", StreamKey("markPrice", "BTCUSDT_261225", 3_000), "market"),
        ("!markPrice@arr@1s", StreamKey("markPrice", ALL, 1_000), "market"),
        ("币安人生usdt@kline_1m", StreamKey("kline", "币安人生USDT", 0, 1), "market"),
        ("btcusdt@kline_1M", StreamKey("kline", "BTCUSDT", 0, 43_200), "market"),
        ("btcusdt_perpetual@continuousKline_1h", StreamKey("continuousKline", "BTCUSDT", 0, 60), "market"),
        ("!forceOrder@arr", StreamKey("forceOrder", ALL), "market"),
        ("!contractInfo", StreamKey("contractInfo", ALL), "market"),
    ],
)
def test_a_name_is_read_as_the_venue_spells_it(name: str, key: StreamKey, family: str) -> None:
    assert parsed(name) == key
    assert key.family == family


@pytest.mark.parametrize(
    "name",
    [
        *("BTCUSDT@aggTrade", "btcusdt@aggtrade", "btcusdt@depth30", "btcusdt@depth@200ms", "btcusdt"),
        *("btcusdt@kline_7m", "!markPrice", "@aggTrade", "", "btcusdt_next@continuousKline_1m", "nonsense"),
    ],
)
def test_what_is_spelled_otherwise_is_no_stream(name: str) -> None:
    assert parsed(name) is None

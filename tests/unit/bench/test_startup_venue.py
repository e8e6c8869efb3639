"""The emulated Binance whose fullest minute is told."""

from __future__ import annotations

from leadline.bench.startup_venue import CONTRACTS, LEVELS, WeighedExchange, startup_contracts
from leadline.clock import NS_PER_S
from leadline.emulator.binance.contracts import synthetic

START_NS = 29_833_333 * 60 * NS_PER_S


def test_the_fullest_minute_is_remembered_when_a_quieter_one_follows() -> None:
    exchange = WeighedExchange(start_ns=START_NS, rate=0.0, contracts=synthetic(1), history_minutes=1)

    for second in (1, 2, 61):
        exchange.request(
            "GET", "/fapi/v1/depth", {"symbol": "S0000USDT", "limit": "1000"}, START_NS + second * NS_PER_S
        )

    assert exchange.weights.used(START_NS + 61 * NS_PER_S) == 20
    assert exchange.peak == 40


def test_books_are_deeper_than_a_snapshot_can_show() -> None:
    assert len(startup_contracts()) == CONTRACTS == 150
    assert {contract.pair.levels for contract in startup_contracts()} == {LEVELS}
    assert LEVELS > 1000

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from leadline.emulator.binance.contracts import DEMO_CONTRACTS
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.simulation.binance_others import Others

START_NS = 1_790_000_000 * 10**9
BTC, WIRE = "BTC/USDT:USDT", "BTCUSDT"


def venue() -> BinanceExchange:
    one = DEMO_CONTRACTS[0]
    contracts = [replace(one, pair=replace(one.pair, levels=20))]
    return BinanceExchange(start_ns=START_NS, rate=0.0, contracts=contracts, history_minutes=2)


def configured(exchange: BinanceExchange, what: str, **fields: Any) -> list[str]:
    """The kinds of events that a change by the owner has made."""
    told: list[str] = []
    exchange.trading.demo.listeners.append(lambda kind, body, now_ns: told.append(kind))
    Others(exchange).act({"kind": "CONFIGURE", "what": what, "symbol": BTC} | fields, START_NS)
    return told


def test_funding_is_paid_whenever_it_falls_due() -> None:
    exchange = venue()
    position = exchange.trading.demo.position(WIRE, "BOTH")
    position.amount = 1_000
    before = dict(exchange.trading.demo.wallets)
    Others(exchange).act({"kind": "FUNDING"}, START_NS)

    assert exchange.trading.demo.wallets["USDT"] < before["USDT"]


def test_leverage_is_told_and_a_margin_type_is_not() -> None:
    exchange = venue()
    setting = exchange.trading.demo.setting(WIRE)
    assert configured(exchange, "leverage", leverage=7) == ["ACCOUNT_CONFIG_UPDATE"]
    assert configured(exchange, "margin_type") == []
    assert (setting.leverage, setting.isolated) == (7, True)
    configured(exchange, "margin_type")
    assert not setting.isolated


@pytest.mark.parametrize("wanted", [True, False])
def test_the_assets_mode_is_switched_to_the_other(wanted: bool) -> None:
    exchange = venue()
    exchange.trading.demo.multi_assets = not wanted
    assert configured(exchange, "multi_assets") == ["ACCOUNT_CONFIG_UPDATE"]
    assert exchange.trading.demo.multi_assets is wanted


def test_what_the_venue_refuses_is_left_undone() -> None:
    exchange = venue()
    before = exchange.trading.demo.setting(WIRE).leverage
    assert configured(exchange, "leverage", leverage=9_999) == []
    assert exchange.trading.demo.setting(WIRE).leverage == before

from __future__ import annotations

from dataclasses import replace
from typing import Any

from binance_emulated import BTC, ETH, QUARTER, START_NS, S, asked, binance, payloads, reading
from leadline.emulator.binance.contracts import PERPETUAL_DELIVERY_MS
from leadline.emulator.binance.exchange import BinanceExchange

START_MS = START_NS // 10**6
HOUR_S = 3_600
DATED = replace(QUARTER, delivery_ms=START_MS + HOUR_S * 1_000)


def row(exchange: BinanceExchange, symbol: str) -> dict[str, Any]:
    rows = asked(exchange, "/fapi/v1/exchangeInfo", now_ns=exchange._now_ns)["symbols"]
    return next(one for one in rows if one["symbol"] == symbol)


def statuses(exchange: BinanceExchange, symbol: str, *seconds: float) -> list[str]:
    found = []
    for one in seconds:
        exchange.advance(START_NS + round(one * S))
        found.append(row(exchange, symbol)["status"])
    return found


def test_a_dated_contract_goes_through_its_statuses_at_its_date() -> None:
    exchange = binance(rate=0, contracts=(BTC, DATED))
    times = (0, HOUR_S - 1_800, HOUR_S - 1, HOUR_S, HOUR_S + 59, HOUR_S + 60, HOUR_S + 9_999)
    assert statuses(exchange, DATED.symbol, *times) == [
        *("TRADING", "PRE_DELIVERING", "PRE_DELIVERING", "DELIVERING", "DELIVERING", "DELIVERED", "DELIVERED")
    ]
    assert row(exchange, "BTCUSDT")["status"] == "TRADING"


def test_a_delisting_moves_the_date_at_once_and_every_step_is_told() -> None:
    exchange = binance(rate=0)
    line = reading(exchange, "ws_market", "!contractInfo")
    assert row(exchange, "ETHUSDT")["deliveryDate"] == PERPETUAL_DELIVERY_MS
    exchange.inject({"kind": "DELIST", "symbol": "ETHUSDT", "after_s": 300}, START_NS)
    assert row(exchange, "ETHUSDT")["deliveryDate"] == START_MS + 300_000
    assert statuses(exchange, "ETHUSDT", 0, 299, 300, 360) == [
        "PRE_SETTLE",
        "PRE_SETTLE",
        "SETTLING",
        "CLOSE",
    ]
    told = [(one["cs"], one["dt"]) for one in payloads(line)]
    assert [status for status, _ in told] == ["TRADING", "PRE_SETTLE", "SETTLING", "CLOSE"]
    assert {date for _, date in told} == {START_MS + 300_000}
    assert exchange.board.active == {}


def test_a_date_that_is_moved_again_counts_alone() -> None:
    exchange = binance(rate=0)
    exchange.inject({"kind": "DELIST", "symbol": "ETHUSDT", "after_s": 3_600}, START_NS)
    exchange.inject({"kind": "DELIST", "symbol": "ETHUSDT", "after_s": 7_200}, START_NS)
    assert statuses(exchange, "ETHUSDT", 3_599, 5_400, 7_200) == ["TRADING", "PRE_SETTLE", "SETTLING"]


def test_positions_are_closed_dated_ones_at_the_settlement_price_perpetual_ones_at_the_mark() -> None:
    exchange = binance(rate=2, contracts=(BTC, ETH, DATED))
    demo = exchange.trading.demo
    for symbol, lots in ((DATED.symbol, 5), ("ETHUSDT", -7)):
        position = demo.position(symbol, "BOTH")
        position.amount, position.entry = lots, exchange.marks.mark(symbol) * 10**4
    exchange.inject({"kind": "DELIST", "symbol": "ETHUSDT", "after_s": HOUR_S}, START_NS)
    exchange.advance(START_NS + HOUR_S * S - 1)
    assert len(demo.held()) == 2
    exchange.advance(START_NS + HOUR_S * S)
    assert demo.held() == []
    by_name = {one.client_id.partition("-")[0]: one for one in demo.trades}
    delivered, settled = by_name["delivery_autoclose"], by_name["settlement_autoclose"]
    assert abs(delivered.price * 10**7 - exchange.marks.settle(DATED.symbol)) <= 10**7
    assert abs(settled.price * 10**6 - exchange.marks.mark("ETHUSDT")) <= 10**6
    assert (delivered.side, settled.side) == ("SELL", "BUY")
    kinds = {one.symbol: one.income_type for one in demo.income if one.income_type != "COMMISSION"}
    assert kinds == {DATED.symbol: "DELIVERED_SETTELMENT", "ETHUSDT": "REALIZED_PNL"}


def test_a_contract_that_has_ended_cannot_be_put_online_or_ended_again() -> None:
    exchange = binance(rate=0)
    exchange.inject({"kind": "DELIST", "symbol": "ETHUSDT"}, START_NS)
    assert statuses(exchange, "ETHUSDT", 0, 60) == ["SETTLING", "CLOSE"]
    exchange.inject({"kind": "DELIST", "symbol": "ETHUSDT"}, START_NS + 60 * S)
    exchange.inject(
        {"kind": "STATUS", "mode": "maintenance", "symbol": "ETHUSDT", "for_s": 1}, START_NS + 60 * S
    )
    assert statuses(exchange, "ETHUSDT", 70) == ["CLOSE"]
    assert exchange.market.listings["ETHUSDT"].status == "maintenance"

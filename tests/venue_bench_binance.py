"""Binance USDⓈ-M Futures in the contract suite."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from leadline.emulator.binance import truth
from leadline.emulator.binance.contracts import DEMO_CONTRACTS
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.venues.binance.auth import Credentials
from leadline.venues.binance.kit import BINANCE, BinanceKey
from leadline.venues.binance.symbols import VENUE
from venue_bench import START_NS, AtVenue, WireBench

_OPEN = frozenset({"NEW", "PARTIALLY_FILLED"})
_LISTED = {one.symbol: one for one in DEMO_CONTRACTS}
_CONTRACTS = (
    replace(_LISTED["BTCUSDT"], pair=replace(_LISTED["BTCUSDT"].pair, levels=40, step=2000, weight=1.0)),
    replace(_LISTED["ETHUSDT"], pair=replace(_LISTED["ETHUSDT"].pair, levels=40, weight=1.0)),
)


class BinanceBench(WireBench):
    """Implements `WireBench`."""

    kit, name = BINANCE, VENUE
    symbol, other, listing = "BTC/USDT:USDT", "ETH/USDT:USDT", "BTCUSDT"
    spellings = ("BTCUSDT", "btcusdt")
    misspelt = "BTC/USDT:USDX"
    chatter = ('"time"', "listenKey", "LIST_SUBSCRIPTIONS", "SUBSCRIBE", "/fapi/v1/time")
    asset = "USDT"

    def exchange(self, rate: float) -> BinanceExchange:
        return BinanceExchange(start_ns=START_NS, seed=1, rate=rate, contracts=_CONTRACTS, history_minutes=10)

    def key(self, exchange: BinanceExchange) -> BinanceKey:
        demo = exchange.trading.demo
        return BinanceKey(Credentials(demo.api_key, demo.secret))

    def orders(self, exchange: BinanceExchange) -> list[AtVenue]:
        return [_at_venue(row) for row in truth.orders(exchange.trading.demo, exchange.market.listings)]

    def fills(self, exchange: BinanceExchange) -> list[Decimal]:
        return [Decimal(row["qty"]) for row in truth.fills(exchange.trading.demo, exchange.market.listings)]

    def owned(self, exchange: BinanceExchange) -> Decimal:
        return Decimal(truth.balances(exchange.trading.demo)[self.asset])


def _at_venue(row: dict[str, Any]) -> AtVenue:
    waits = "algo_id" in row and "status" in row and "filled" not in row
    order_id = f"algo:{row['algo_id']}" if waits else f"{row['symbol']}:{row['order_id']}"
    price = row.get("price")
    return AtVenue(
        row["client_id"],
        order_id,
        row["status"] in _OPEN,
        Decimal(row["qty"]),
        Decimal(row.get("filled", 0)),
        None if price is None else Decimal(price),
    )

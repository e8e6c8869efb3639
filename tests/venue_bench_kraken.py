"""Kraken in the contract suite."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from leadline.emulator import truth
from leadline.emulator.exchange import Exchange
from leadline.emulator.instruments import DEMO_PAIRS
from leadline.venues.kraken.auth import Credentials
from leadline.venues.kraken.kit import KRAKEN, KrakenKey
from leadline.venues.kraken.symbols import VENUE
from venue_bench import START_NS, AtVenue, WireBench

_OPEN = frozenset({"pending_new", "new", "partially_filled"})
_DEMO = {pair.symbol: pair for pair in DEMO_PAIRS}
_PAIRS = (
    replace(_DEMO["BTC/USD"], levels=40, step=2000, weight=1.0),
    replace(_DEMO["ETH/USD"], levels=40, weight=1.0),
)


class KrakenBench(WireBench):
    """Implements `WireBench`."""

    kit, name = KRAKEN, VENUE
    symbol, other, listing = "BTC/USD", "ETH/USD", "BTC/USD"
    spellings = ("XBT/USD", "XBTUSD", "XXBTZUSD")
    misspelt = "BTC/USX"
    chatter = ('"ping"', "GetWebSocketsToken", '"subscribe"', "Time")
    asset = "USD"

    def exchange(self, rate: float) -> Exchange:
        return Exchange(start_ns=START_NS, seed=1, rate=rate, pairs=_PAIRS, history_minutes=10)

    def key(self, exchange: Exchange) -> KrakenKey:
        demo = exchange.trading.demo
        return KrakenKey(Credentials(demo.api_key, demo.secret))

    def orders(self, exchange: Exchange) -> list[AtVenue]:
        return [
            AtVenue(
                row["cl_ord_id"] or "",
                row["order_id"],
                row["status"] in _OPEN,
                Decimal(row["qty"]),
                Decimal(row["filled"]),
                None if row["limit_price"] is None else Decimal(row["limit_price"]),
            )
            for row in truth.orders(exchange.trading.demo, exchange.market.listings)
        ]

    def fills(self, exchange: Exchange) -> list[Decimal]:
        return [Decimal(row["qty"]) for row in truth.fills(exchange.trading.demo, exchange.market.listings)]

    def owned(self, exchange: Exchange) -> Decimal:
        return Decimal(truth.balances(exchange.trading.demo)[self.asset]["spot"])

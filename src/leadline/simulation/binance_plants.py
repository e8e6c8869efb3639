"""Planted bugs of a client of Binance: the judges are judged by whether they find them.

Each is put in at a port, so that the product knows nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from leadline.simulation import binance_order_plants as order_plants
from leadline.simulation.book_plants import BridgeOffByOne, PuUnchecked, binance_with
from leadline.simulation.plants import Plant
from leadline.venues.binance.account import BinanceAccount
from leadline.venues.binance.venue import Binance


@dataclass(frozen=True, slots=True)
class BinancePlant(Plant):
    """What the parts of a client of Binance are made of; without a plant all are the product's own."""

    venue: type[Binance] = Binance
    ports: type[BinanceAccount] = BinanceAccount


BINANCE_NOTHING = BinancePlant()

BINANCE_PLANTS: dict[str, BinancePlant] = {
    "bridge-off-by-one": BinancePlant(venue=binance_with(BridgeOffByOne)),
    "pu-unchecked": BinancePlant(venue=binance_with(PuUnchecked)),
    "ack-as-final": BinancePlant(ports=order_plants.AckAsFinal),
    "trade-lite-counted": BinancePlant(ports=order_plants.TradeLiteCounted),
    "algo-orders-forgotten": BinancePlant(ports=order_plants.AlgoOrdersForgotten),
    "listenkey-not-renewed": BinancePlant(ports=order_plants.ListenKeyNotRenewed),
}

"""The orders that are placed while the way of an order is measured."""

from __future__ import annotations

from leadline.model.instrument import Instrument
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest

TICKS = 1000


def resting(instrument: Instrument) -> OrderRequest:
    """The smallest buy at a price of a thousand ticks that the venue takes."""
    price = instrument.tick * TICKS
    least = max(instrument.qty_min, instrument.cost_min / price, instrument.lot)
    lots = -(-least // instrument.lot)
    return OrderRequest(
        symbol=instrument.symbol,
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        qty=lots * instrument.lot,
        limit_price=price,
    )

"""The orders that are measured are ones the venue takes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.bench.processing import market
from leadline.bench.requests import resting
from leadline.clock import ManualClock
from leadline.emulator.instruments import DEMO_PAIRS, synthetic
from leadline.venues.kraken import order_rules


@pytest.mark.parametrize("pairs", [DEMO_PAIRS, synthetic(50)], ids=["demo", "synthetic"])
async def test_every_instrument_has_an_order_that_passes_the_venues_rules(pairs: tuple[object, ...]) -> None:
    clock = ManualClock()
    kraken = await market(pairs, clock)  # type: ignore[arg-type]

    for instrument in kraken.reference.instruments():
        order_rules.check(resting(instrument), instrument, clock.wall_ns())


async def test_it_is_the_smallest_that_passes() -> None:
    kraken = await market(DEMO_PAIRS, ManualClock())
    instrument = kraken.reference.instrument("BTC/USD")
    request = resting(instrument)
    assert request.qty is not None and request.limit_price is not None

    smaller = request.qty - instrument.lot

    assert smaller < instrument.qty_min or smaller * request.limit_price < instrument.cost_min
    assert request.limit_price % instrument.tick == Decimal(0)

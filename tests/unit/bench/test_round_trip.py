"""Orders there and back, against an emulator in a process of its own."""

from __future__ import annotations

from pathlib import Path

from leadline.bench.round_trip import round_trip
from leadline.clock import SystemClock


async def test_every_order_is_answered_and_the_slowest_took_longest(tmp_path: Path) -> None:
    trip = await round_trip(tmp_path, SystemClock(), orders=30)

    assert 0 < trip.p50_us <= trip.p99_us
    assert (tmp_path / "kraken" / "main" / "orders.sqlite").exists()

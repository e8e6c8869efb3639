from __future__ import annotations

from leadline.bench.snapshots import snapshot_figures
from leadline.clock import SystemClock


async def test_a_snapshot_of_every_instrument_is_timed() -> None:
    figures = await snapshot_figures(SystemClock(), symbols=3)

    assert figures["symbols"] == 3
    assert set(figures) == {"symbols", "changed_ms", "same_ms"}

"""A pace is the ratio of what was timed to decoding alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from leadline.bench.yardstick import measure
from leadline.clock import ManualClock


def test_a_callable_that_takes_a_millisecond_a_frame_is_paced_at_a_thousand_a_second() -> None:
    clock = ManualClock()
    frames = [b"{}"] * 10
    decoding_s, ours_s = 0.0005, 0.001

    class Ticking(ManualClock):
        """Every reading of the clock is one timed span later: yardstick first, then ours."""

        readings = 0

        def mono_ns(self) -> int:
            self.readings += 1
            if self.readings % 2 == 0:
                self.advance((decoding_s if self.readings % 4 == 2 else ours_s) * len(frames))
            return super().mono_ns()

    clock = Ticking()
    made: list[Callable[[bytes], None]] = []

    def prepare() -> Callable[[bytes], None]:
        made.append(lambda frame: None)
        return made[-1]

    pace = measure(clock, frames, prepare, rounds=3)

    assert pace.us == pytest.approx(1000.0)
    assert pace.yardstick_us == pytest.approx(500.0)
    assert pace.ratio == pytest.approx(2.0)
    assert pace.messages_s == 1000
    assert len(made) == 3

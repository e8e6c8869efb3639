"""What the venue's clock says, proven from answers: bounds that hold whatever the delays were.

Rule: only monotonic time carries a bound forward; the local wall clock may step and nothing here notices.
"""

from __future__ import annotations

DRIFT_PPM = 200
"""assumed: the venue's clock and ours run apart by no more than this."""


class VenueTime:
    """Bounds of the venue's clock as an offset from monotonic time, narrowed by every sample.

    A sample that no constant offset explains together with what is known means that a clock has stepped:
    what was known is then forgotten, and `resets` counts it.
    """

    def __init__(self) -> None:
        self.resets = 0
        self._at_ns = 0
        self._bounds: tuple[int, int] | None = None

    @property
    def known(self) -> bool:
        """Whether there has been a sample yet."""
        return self._bounds is not None

    def sample(
        self, sent_ns: int, received_ns: int, in_ns: int, out_ns: int, resolution_ns: int = 1_000
    ) -> None:
        """An exchange: when it left and came back (monotonic), when the venue took and answered it (its own).

        `resolution_ns` is what the venue cuts its times down to. A sample that says it took longer there than
        the whole exchange lasted here is no evidence and ignored.
        """
        lower_ns = out_ns - received_ns
        upper_ns = in_ns + resolution_ns - sent_ns + _drift(received_ns - sent_ns)
        if lower_ns > upper_ns or out_ns < in_ns:
            return
        at_ns = max(self._at_ns, received_ns)
        lower_ns, upper_ns = _widened((lower_ns, upper_ns), at_ns - received_ns)
        if self._bounds is not None:
            known_lower_ns, known_upper_ns = _widened(self._bounds, at_ns - self._at_ns)
            both = max(lower_ns, known_lower_ns), min(upper_ns, known_upper_ns)
            if both[0] <= both[1]:
                lower_ns, upper_ns = both
            else:
                self.resets += 1
        self._at_ns, self._bounds = at_ns, (lower_ns, upper_ns)

    def now_ns(self, mono_ns: int) -> int | None:
        """The best guess of the venue's Unix time, the middle of the bounds; None before the first sample."""
        bounds = self.bounds_ns(mono_ns)
        return None if bounds is None else (bounds[0] + bounds[1]) // 2

    def at_least_ns(self, mono_ns: int) -> int | None:
        """What the venue's clock has certainly reached; None before the first sample."""
        bounds = self.bounds_ns(mono_ns)
        return None if bounds is None else bounds[0]

    def at_most_ns(self, mono_ns: int) -> int | None:
        """What the venue's clock has certainly not passed; None before the first sample."""
        bounds = self.bounds_ns(mono_ns)
        return None if bounds is None else bounds[1]

    def bounds_ns(self, mono_ns: int) -> tuple[int, int] | None:
        """Between which Unix times the venue's clock certainly stands; None before the first sample."""
        if self._bounds is None:
            return None
        lower_ns, upper_ns = _widened(self._bounds, abs(mono_ns - self._at_ns))
        return mono_ns + lower_ns, mono_ns + upper_ns


def _drift(elapsed_ns: int) -> int:
    return -(-elapsed_ns * DRIFT_PPM // 1_000_000)


def _widened(bounds: tuple[int, int], elapsed_ns: int) -> tuple[int, int]:
    drift_ns = _drift(elapsed_ns)
    return bounds[0] - drift_ns, bounds[1] + drift_ns

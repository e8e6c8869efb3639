from __future__ import annotations

from leadline.clock import NS_PER_MS, NS_PER_S, ManualClock
from leadline.core.histogram import Histogram
from leadline.engine.events import EventLog, ReaderCaughtUp, ReaderLags
from leadline.engine.lag import LAG_NS, Lag


def test_an_episode_begins_and_ends_with_one_event_and_does_not_flicker() -> None:
    clock, events, delivery = ManualClock(mono_ns=NS_PER_S), EventLog(), Histogram()
    lag = Lag("a reader", clock.mono_ns, events, delivery)
    for lag_ms in (0, 250, 251, 400, 240, 130, 124, 200):
        lag.handed(clock.mono_ns() - lag_ms * NS_PER_MS)
        clock.advance(1)

    assert list(events.recent) == [
        ReaderLags("a reader", lag_ms=251.0),
        ReaderCaughtUp("a reader", worst_ms=400.0, lasted_s=4.0),
    ]
    assert (delivery.count, delivery.max) == (8, 400 * NS_PER_MS)
    assert not lag.lags


def test_without_a_histogram_a_lag_is_told_all_the_same() -> None:
    clock, events = ManualClock(mono_ns=NS_PER_S), EventLog()
    lag = Lag("a reader", clock.mono_ns, events)

    assert lag.handed(NS_PER_S - LAG_NS - 1) == NS_PER_S
    assert lag.lags

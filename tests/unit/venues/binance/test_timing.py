from __future__ import annotations

import pytest

from leadline.clock import NS_PER_MS, NS_PER_S, ManualClock
from leadline.core.venue_time import VenueTime
from leadline.errors import Held
from leadline.venues.binance.timing import LONGEST_WINDOW_MS, READ_WINDOW_MS, Moment, moment

AHEAD_NS = 3 * NS_PER_S


def heard(clock: ManualClock) -> VenueTime:
    """A venue whose clock is three seconds ahead of ours, asked over a way of 200 ms."""
    venue_time = VenueTime()
    sent_ns = clock.mono_ns()
    venue_ns = clock.wall_ns() + 100 * NS_PER_MS + AHEAD_NS
    clock.advance(0.2)
    venue_time.sample(sent_ns, clock.mono_ns(), venue_ns, venue_ns, NS_PER_MS)
    return venue_time


def test_a_timestamp_is_by_the_venues_clock_and_never_ahead_of_it() -> None:
    clock = ManualClock()
    told = moment(heard(clock), clock, None)
    true_ms = (clock.wall_ns() + AHEAD_NS) // NS_PER_MS
    assert true_ms - 110 <= told.at_ms <= true_ms
    assert told.window_ms == READ_WINDOW_MS


def test_a_window_ends_with_the_deadline() -> None:
    clock = ManualClock()
    venue_time = heard(clock)
    until_ns = clock.wall_ns() + AHEAD_NS + 2 * NS_PER_S
    told = moment(venue_time, clock, until_ns)
    assert told.at_ms + told.window_ms == until_ns // NS_PER_MS


def test_no_window_is_longer_than_the_venue_takes() -> None:
    clock = ManualClock()
    assert moment(heard(clock), clock, clock.wall_ns() + 600 * NS_PER_S).window_ms == LONGEST_WINDOW_MS


def test_what_is_past_its_deadline_does_not_leave() -> None:
    clock = ManualClock()
    with pytest.raises(Held, match="deadline passed"):
        moment(heard(clock), clock, clock.wall_ns() + AHEAD_NS - NS_PER_S)


def test_before_the_venue_was_heard_the_machines_clock_serves() -> None:
    clock = ManualClock()
    assert moment(VenueTime(), clock, None) == Moment(clock.wall_ns() // NS_PER_MS, READ_WINDOW_MS)

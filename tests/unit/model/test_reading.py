from __future__ import annotations

from leadline.clock import NS_PER_S, ManualClock
from leadline.model.market import FrozenBook
from leadline.model.reading import Reading, Source


def reading(clock: ManualClock, verified: bool = True) -> Reading[FrozenBook]:
    book = FrozenBook("BTC/USD", (), (), "1970-01-01T00:00:01Z")
    return Reading(book, Source.STREAM, clock.mono_ns(), clock, verified, 5.0)


def test_a_reading_grows_older_while_it_is_held() -> None:
    clock = ManualClock()
    held = reading(clock)

    clock.advance(1.5)

    assert held.age_s == 1.5


def test_a_step_of_the_wall_clock_does_not_change_an_age() -> None:
    clock = ManualClock(wall_ns=100 * NS_PER_S)
    held = reading(clock)
    clock.advance(2.0)

    clock.step_wall(-50.0)

    assert held.age_s == 2.0
    assert held.received_ns == 50 * NS_PER_S


def test_a_reading_carries_the_venues_time_where_there_is_one() -> None:
    clock = ManualClock()
    held = reading(clock)

    assert held.venue_ns == NS_PER_S
    assert held.of("a word").venue_ns is None


def test_another_form_of_the_value_keeps_its_provenance() -> None:
    clock = ManualClock()
    held = reading(clock)
    clock.advance(3.0)

    other = held.of("a word")

    assert (other.value, other.source, other.age_s, other.verified, other.bound_s) == (
        "a word", Source.STREAM, 3.0, True, 5.0,
    )  # fmt: skip


def test_a_reading_says_what_it_is() -> None:
    clock = ManualClock()

    assert repr(reading(clock).of("x")) == "Reading('x' from stream, 0.000 s old, verified, confidence 0.50)"
    assert "not verified" in repr(reading(clock, verified=False))

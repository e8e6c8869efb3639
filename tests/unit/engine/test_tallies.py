from __future__ import annotations

from leadline.engine.events import ReaderFailed, ReaderLags, ReaderSlow
from leadline.engine.tallies import MOST_READERS, OTHERS, Tallies
from leadline.model.market import Channel, Gap, GapCause, VenueMode, VenueStatus


def test_what_was_dropped_for_readers_is_summed_up_and_other_holes_are_not() -> None:
    tallies = Tallies()
    for cause, missing in ((GapCause.OVERFLOW, 5), (GapCause.OVERFLOW, 2), (GapCause.SKIPPED, 9)):
        tallies.hear(Gap(Channel.TRADES, "BTC/USD", cause, 0, 1, missing))

    assert tallies.dropped == 7


def test_a_reader_is_known_by_its_longest_call_and_its_failures() -> None:
    tallies = Tallies()
    for took_ms in (120.0, 300.0, 110.0):
        tallies.hear(ReaderSlow("strategy", took_ms))
    tallies.hear(ReaderSlow("writer", dropped=3))
    tallies.hear(ReaderFailed("strategy", "no", 1))
    tallies.hear(ReaderFailed("strategy", "no", 4))
    tallies.hear(ReaderLags("writer", 400.0))

    assert tallies.worst_ms == {"strategy": 300.0}
    assert (tallies.failed, tallies.failures, tallies.lags) == ({"strategy": 4}, 4, 1)


def test_names_are_bounded() -> None:
    tallies = Tallies()
    for number in range(MOST_READERS + 20):
        tallies.hear(ReaderSlow(f"reader {number}", 100.0 + number))

    assert len(tallies.worst_ms) == MOST_READERS + 1
    assert tallies.worst_ms[OTHERS] == 100.0 + MOST_READERS + 19


def test_an_overflow_counts_when_it_begins_and_its_values_when_they_are_known() -> None:
    tallies = Tallies()
    tallies.hear(ReaderSlow("writer", dropped=1))
    assert (tallies.overflows, tallies.dropped) == (1, 0)
    tallies.hear(Gap(Channel.TRADES, "BTC/USD", GapCause.OVERFLOW, 0, 1, 8))
    tallies.hear(Gap(Channel.TRADES, "BTC/USD", GapCause.OVERFLOW, 2, 3, 4))

    assert (tallies.overflows, tallies.dropped) == (1, 12)
    assert tallies.dropped_of == {"a reader of every trades BTC/USD": 12}


def test_the_venues_mode_is_the_last_it_has_told() -> None:
    tallies = Tallies()
    assert tallies.mode is VenueMode.ONLINE
    tallies.hear(VenueStatus(VenueMode.POST_ONLY))

    assert tallies.mode is VenueMode.POST_ONLY

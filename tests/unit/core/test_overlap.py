from __future__ import annotations

from msgspec.structs import replace

from leadline.core.overlap import MOST_BEYOND, Trail, later, repeats, same
from leadline.model.market import BarBatch
from linesrig import bars, ticker


def beyond(trail: Trail, told: object) -> list[object]:
    return [value for value, _ in trail.beyond(told)]  # type: ignore[arg-type]


def test_the_venues_time_tells_which_ticker_is_later_whatever_its_digits() -> None:
    coarse = replace(ticker(1), venue_time=ticker(1).venue_time.removesuffix(".000000Z") + "Z")  # type: ignore[union-attr]

    assert later(ticker(2), ticker(1))
    assert later(ticker(2), coarse)
    assert not later(coarse, ticker(1))


def test_without_a_time_another_value_counts_as_later() -> None:
    timeless = replace(ticker(1), venue_time=None)

    assert later(timeless, ticker(2))
    assert not later(timeless, timeless)


def test_a_bar_is_later_by_its_beginning_or_its_trades() -> None:
    assert later(bars(1, 1), bars(0, 9))
    assert later(bars(0, 3), bars(0, 2))
    assert not later(bars(0, 2), bars(0, 2))
    assert not later(BarBatch("BTC/USD", 60, ()), bars(0, 1))


def test_a_snapshot_may_be_the_same_as_an_update() -> None:
    assert same(bars(0, 2, snapshot=True), bars(0, 2))
    assert not same(ticker(1), ticker(2))


def test_what_a_line_has_told_beyond_what_readers_have_had_is_kept() -> None:
    trail = Trail()
    trail.add(ticker(1), 1, ticker(1))
    trail.add(ticker(2), 2, ticker(1))
    trail.add(ticker(3), 3, ticker(1))

    assert trail.beyond(ticker(2)) == [(ticker(3), 3)]
    assert beyond(trail, ticker(3)) == []


def test_a_line_behind_keeps_nothing_and_is_not_level() -> None:
    trail, told = Trail(), ticker(5)
    trail.add(ticker(3), 1, told)
    trail.add(ticker(4), 2, told)

    assert beyond(trail, told) == []
    assert not trail.level_with(told)

    trail.add(ticker(5), 3, told)
    assert trail.level_with(told)
    assert beyond(trail, told) == []


def test_values_of_one_venue_time_are_told_apart_by_their_order() -> None:
    first, second = ticker(1), replace(ticker(1), bid=ticker(1).ask)
    behind, ahead = Trail(), Trail()
    behind.add(first, 1, second)
    ahead.add(first, 1, first)
    ahead.add(second, 2, first)

    assert beyond(behind, second) == []
    assert beyond(ahead, first) == [second]


def test_a_value_that_the_line_missed_hides_none_that_came_after_it() -> None:
    trail, told = Trail(), ticker(2)
    trail.add(ticker(1), 1, ticker(1))
    trail.add(ticker(3), 3, told)

    assert trail.level_with(told)
    assert beyond(trail, told) == [ticker(3)]


def test_at_the_bound_the_oldest_is_passed_over() -> None:
    trail, told = Trail(), ticker(0)
    for number in range(1, MOST_BEYOND + 2):
        trail.add(ticker(number), number, told)

    assert len(trail.beyond(told)) == MOST_BEYOND
    assert beyond(trail, told)[0] == ticker(2)


def test_a_line_that_begins_anew_has_told_nothing() -> None:
    trail = Trail()
    trail.add(ticker(2), 2, ticker(1))
    trail.clear()

    assert beyond(trail, ticker(1)) == []
    assert not trail.level_with(ticker(1))


def test_a_snapshot_that_says_what_readers_have_had_is_no_news_whatever_its_time() -> None:
    snapshot = replace(ticker(1), venue_time=ticker(9).venue_time)
    trail, behind, told = Trail(), Trail(), ticker(1)
    trail.add(snapshot, 1, told)
    behind.add(snapshot, 1, ticker(0))

    assert beyond(trail, told) == []
    assert trail.level_with(told)
    assert beyond(behind, ticker(0)) == [snapshot]
    assert beyond(behind, ticker(1)) == []
    assert repeats(bars(0, 2, snapshot=True), bars(0, 2))


def test_only_a_first_value_is_a_snapshot() -> None:
    later_alike = replace(ticker(1), venue_time=ticker(9).venue_time)
    trail = Trail()
    trail.add(ticker(0), 1, ticker(0))
    trail.add(ticker(1), 2, ticker(0))
    trail.add(later_alike, 3, ticker(0))

    assert beyond(trail, ticker(1)) == [later_alike]

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from leadline.core.trades import LARGEST_HOLE, TradeLog
from leadline.model.market import Side, Trade


def trade(number: int | None) -> Trade:
    return Trade("BTC/USD", Side.BUY, Decimal(1), Decimal(1), number, None)


def merge(log: TradeLog, *numbers: int | None) -> list[int | None]:
    return [each.trade_id for each in log.merge(trade(number) for number in numbers)[0]]


def test_ids_that_follow_each_other_leave_no_hole() -> None:
    log = TradeLog()

    assert merge(log, 5, 6, 7) == [5, 6, 7]
    assert log.continuous


def test_a_snapshot_that_repeats_the_past_delivers_only_what_is_new() -> None:
    log = TradeLog()
    merge(log, 5, 6, 7)

    assert merge(log, 4, 5, 6, 7, 8) == [8]


def test_a_skipped_id_opens_a_hole_and_delays_nothing() -> None:
    log = TradeLog()
    merge(log, 5)
    fresh, opened = log.merge([trade(9)])

    assert [each.trade_id for each in fresh] == [9]
    assert [(hole.first_id, hole.size) for hole in opened] == [(6, 3)]


def test_missing_ids_pass_once_from_whatever_side_they_come() -> None:
    log = TradeLog()
    merge(log, 5, 9)

    assert merge(log, 7) == [7]
    assert merge(log, 6, 7, 8, 9) == [6, 8]
    assert [hole.first_id for hole in log.filled()] == [6]
    assert log.continuous


def test_a_late_trade_in_the_wrong_order_fills_its_own_hole() -> None:
    log = TradeLog()

    assert merge(log, 1, 3, 2, 4) == [1, 3, 2, 4]
    assert len(log.filled()) == 1


def test_an_absurd_jump_is_recorded_but_not_tracked() -> None:
    log = TradeLog()
    merge(log, 1)
    _, (hole,) = log.merge([trade(LARGEST_HOLE + 100)])

    assert not hole.tracked
    assert log.filled() == []


def test_trades_without_ids_pass_as_they_come() -> None:
    log = TradeLog()

    assert merge(log, None, None) == [None, None]
    assert log.continuous


def test_the_recent_past_is_in_order_of_ids_whenever_its_parts_came() -> None:
    log = TradeLog()
    merge(log, 1, 4, 2, 3)

    assert [each.trade_id for each in log.recent()] == [1, 2, 3, 4]


def test_only_missing_ids_are_within_holes() -> None:
    log = TradeLog()
    merge(log, 1, 4)

    assert [each.trade_id for each in log.within_holes(map(trade, range(1, 7)))] == [2, 3]


def test_a_forgotten_hole_is_no_longer_waited_for() -> None:
    log = TradeLog()
    _, (hole,) = log.merge([trade(1), trade(3)])
    log.forget(hole)

    assert merge(log, 2) == []
    assert log.continuous


def timed(number: int, second: float) -> Trade:
    return replace(trade(number), venue_time=f"2026-01-01T00:00:{second:09.6f}Z")


def test_trades_go_on_after_an_id_that_was_far_too_high() -> None:
    log = TradeLog()
    log.merge([timed(5, 1), timed(5000, 2)])
    fresh, (hole,) = log.merge([timed(7, 4), timed(8, 4), timed(7, 4)])

    assert [each.trade_id for each in fresh] == [7, 8]
    assert (hole.size, hole.tracked, hole.before.trade_id) == (None, False, 7)
    assert [each.size for each in log.abandoned()] == [4994]
    assert [each.trade_id for each in log.recent()] == [7, 8]


def test_a_repetition_is_none_the_newer_for_another_way_of_rounding_its_time() -> None:
    log = TradeLog()
    log.merge([timed(5, 1), timed(6, 1)])

    assert log.merge([timed(4, 1.0005), timed(5, 1.0005)]) == ([], [])


def test_the_oldest_of_too_many_holes_is_given_up() -> None:
    log = TradeLog()
    merge(log, *range(1, 2 * 66, 2))

    assert len(log.holes) == 64
    assert [hole.first_id for hole in log.abandoned()] == [2]
    assert log.abandoned() == []

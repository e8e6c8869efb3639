from __future__ import annotations

from decimal import Decimal

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

from __future__ import annotations

from emulated import S
from floor import LIMIT, Floor
from leadline.emulator.market import NEVER
from leadline.emulator.timers import Timers


def test_timers_strike_soonest_first_and_not_before() -> None:
    floor = Floor()
    timers, order = Timers(floor.market), floor.add()
    for due_s in (30, 10, 20):
        timers.set(due_s * S, "expire", floor.account, order)
    assert timers.next_ns() == 10 * S
    assert timers.due(9 * S) is None
    struck = [timers.due(30 * S) for _ in range(4)]
    assert [one and one.due_ns for one in struck] == [10 * S, 20 * S, 30 * S, None]
    assert timers.next_ns() == NEVER


def test_a_timer_of_a_closed_order_has_no_point() -> None:
    floor = Floor()
    timers, order = Timers(floor.market), floor.add()
    timers.set(10 * S, "expire", floor.account, order)
    floor.cancel(order)
    assert timers.next_ns() == NEVER
    assert timers.due(20 * S) is None


def test_a_dead_man_timer_that_was_set_anew_has_no_point() -> None:
    floor = Floor()
    timers = Timers(floor.market)
    timers.set(10 * S, "dead_man", floor.account)
    floor.account.armed_ns = 20 * S
    timers.set(20 * S, "dead_man", floor.account)
    assert timers.next_ns() == 20 * S


def test_what_falls_due_in_maintenance_is_put_off_until_it_ends() -> None:
    floor = Floor()
    timers, order = Timers(floor.market), floor.add(LIMIT)
    timers.set(10 * S, "expire", floor.account, order)
    floor.market.system = "maintenance"
    assert timers.due(20 * S) is None
    assert timers.next_ns() == NEVER
    floor.market.system = "cancel_only"
    assert timers.next_ns() == 0
    assert timers.due(0) is not None


def test_a_scheduled_order_waits_for_a_mode_that_matches() -> None:
    floor = Floor()
    timers, order = Timers(floor.market), floor.add(LIMIT)
    timers.set(10 * S, "effective", floor.account, order)
    floor.market.system = "cancel_only"
    assert timers.due(20 * S) is None
    floor.market.system = "online"
    assert timers.due(20 * S) is not None


def test_what_was_put_off_and_closed_meanwhile_does_not_strike() -> None:
    floor = Floor()
    timers, order = Timers(floor.market), floor.add(LIMIT)
    timers.set(10 * S, "effective", floor.account, order)
    floor.market.system = "cancel_only"
    assert timers.due(20 * S) is None
    floor.cancel(order)
    floor.market.system = "online"
    assert timers.due(20 * S) is None
    assert timers.next_ns() == NEVER

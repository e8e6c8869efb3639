from __future__ import annotations

from leadline.emulator.binance.agenda import Agenda
from leadline.emulator.market import NEVER


def test_acts_happen_in_order_of_their_moments_and_new_ones_with_them() -> None:
    agenda, done = Agenda(), list[tuple[str, int]]()
    agenda.at(20, lambda at_ns: done.append(("late", at_ns)))
    agenda.at(
        10,
        lambda at_ns: (done.append(("early", at_ns)), agenda.at(15, lambda at: done.append(("new", at))))[0],
    )
    agenda.at(10, lambda at_ns: done.append(("second", at_ns)))
    assert agenda.next_ns() == 10
    agenda.woke(9)
    assert done == []
    agenda.woke(16)
    assert done == [("early", 16), ("second", 16), ("new", 16)]
    agenda.woke(30)
    assert (done[-1], agenda.next_ns()) == (("late", 30), NEVER)

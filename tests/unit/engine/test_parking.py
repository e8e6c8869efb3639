from __future__ import annotations

from leadline.clock import NS_PER_S
from leadline.engine.parking import KEPT_NS, MOST_REPORTS, Parking
from leadline.model.order import Event, OrderReport


def report(order_id: str = "O1", *, snapshot: bool = False, reason: str = "") -> OrderReport:
    return OrderReport(event=Event.WORKING, order_id=order_id, snapshot=snapshot, reason=reason)


def free(_: OrderReport) -> bool:
    return False


def test_reports_wait_in_their_order_and_a_duplicate_waits_once() -> None:
    parking = Parking(lambda order_id: None)
    parking.park(report(reason="a"), 0)
    parking.park(report(reason="b"), 0)
    parking.park(report(reason="a"), 0)

    assert list(parking) == ["O1"]
    assert parking.reports("O1") == (report(reason="a"), report(reason="b"))
    assert parking.take("O1") == [report(reason="a"), report(reason="b")]
    assert (len(parking), parking.take("O1"), parking.reports("O1")) == (0, [], ())


def test_an_order_is_looked_up_once_after_a_second() -> None:
    parking = Parking(lambda order_id: None)
    parking.park(report(), 0)

    assert parking.to_look_up(NS_PER_S // 2, free) == []
    assert parking.to_look_up(NS_PER_S, free) == ["O1"]
    assert parking.to_look_up(2 * NS_PER_S, free) == []


def test_what_an_intent_may_own_is_neither_looked_up_nor_dropped() -> None:
    dropped: list[str] = []
    parking = Parking(dropped.append)
    parking.park(report(), 0)

    assert parking.to_look_up(KEPT_NS + 1, lambda report: True) == []
    assert (len(parking), dropped) == (1, [])


def test_news_without_an_owner_is_given_up_in_time_and_told() -> None:
    dropped: list[str] = []
    parking = Parking(dropped.append)
    parking.park(report(), 0)
    parking.to_look_up(KEPT_NS + 1, free)

    assert (len(parking), dropped) == (0, ["O1"])


def test_old_matches_of_a_snapshot_go_without_a_word() -> None:
    dropped: list[str] = []
    parking = Parking(dropped.append)
    parking.park(report(snapshot=True), 0)

    assert parking.to_look_up(NS_PER_S, free) == []
    parking.to_look_up(KEPT_NS + 1, free)
    assert (len(parking), dropped) == (0, [])


def test_at_the_bound_the_oldest_order_goes() -> None:
    dropped: list[str] = []
    parking = Parking(dropped.append)
    for number in range(MOST_REPORTS + 1):
        parking.park(report(f"O{number}"), 0)

    assert dropped == ["O0"]
    assert len(parking) == MOST_REPORTS

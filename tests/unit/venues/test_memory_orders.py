from __future__ import annotations

from decimal import Decimal

from leadline.clock import ManualClock
from leadline.model.order import Amendment, Event, OrderKey, OrderState
from leadline.venues.memory_orders import MemoryOrders, TrueOrder
from leadline.venues.ports import Placement
from orderrig import buy, sell


def venue() -> MemoryOrders:
    return MemoryOrders(ManualClock().wall_ns)


def placed(orders: MemoryOrders, userref: int | None = None) -> TrueOrder:
    return orders.place(Placement("c", userref, buy("2"), 2))


def test_an_order_lives_from_acceptance_to_its_last_match() -> None:
    orders = venue()
    order = placed(orders)
    orders.fill(order, Decimal(1), Decimal(100))
    orders.fill(order, Decimal(1), Decimal(101))
    reports = orders.deliver()

    assert [report.event for report in reports] == [
        Event.ACCEPTED,
        Event.WORKING,
        Event.FILL,
        Event.FILL,
        Event.FILLED,
    ]
    assert order.state is OrderState.FILLED
    assert orders.deliver() == []
    times = [report.venue_ns or 0 for report in reports]
    assert times == sorted(set(times))


def test_only_the_acceptance_describes_the_order() -> None:
    orders = venue()
    placed(orders)
    accepted, working = orders.deliver()

    assert accepted.symbol is not None
    assert (working.symbol, working.side, working.kind) == (None, None, None)


def test_orders_are_known_by_the_name_they_were_given() -> None:
    orders = venue()
    named, tagged = placed(orders), placed(orders, 7)

    assert orders.known(OrderKey(client_id="c")) is named
    assert orders.known(OrderKey(client_id="c", userref=7)) is tagged
    assert orders.known(OrderKey(named.order_id)) is named
    assert orders.known(OrderKey("O99")) is None


def test_what_is_over_cannot_be_changed() -> None:
    orders = venue()
    key = OrderKey(placed(orders).order_id)
    assert orders.amend(key, Amendment(limit_price=Decimal(99))) is None
    assert orders.cancel(key) is None

    assert orders.cancel(key) is not None
    assert orders.amend(key, Amendment(qty=Decimal(9))) is not None


def test_an_amendment_below_what_is_filled_cancels_the_rest() -> None:
    orders = venue()
    order = placed(orders)
    orders.fill(order, Decimal(1), Decimal(100))
    orders.amend(OrderKey(order.order_id), Amendment(qty=Decimal(1)))

    assert order.state is OrderState.CANCELED


def test_a_snapshot_has_the_open_orders_and_the_newest_matches() -> None:
    orders = venue()
    done, standing = placed(orders), orders.foreign(sell(), "O00001")
    orders.fill(done, Decimal(2), Decimal(100))
    first, second = orders.snapshot()

    assert (first.order_id, first.parent_id, first.event) == (standing.order_id, "O00001", Event.STANDS)
    assert (second.order_id, second.snapshot, second.filled_qty) == (done.order_id, True, None)


def test_everything_open_is_cancelled_at_once() -> None:
    orders = venue()
    placed(orders)
    placed(orders, 7)

    assert orders.cancel_all() == 2
    assert orders.cancel_all() == 0

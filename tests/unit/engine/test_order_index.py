from __future__ import annotations

from msgspec.structs import replace

from leadline.engine.order_index import OrderIndex, fits
from leadline.engine.records import Adopted, Intent
from leadline.model.order import Event, OrderReport, OrderState, Provenance
from orderrig import buy, sell


def intent(name: str = "c", userref: int | None = None, deadline_ns: int = 2) -> Intent:
    return Intent(
        at_ns=1, client_id=name, userref=userref, requested=buy(), sent=buy(), deadline_ns=deadline_ns
    )


def adopted(order_id: str = "O1", client_id: str = "") -> Adopted:
    wanted = sell()
    report = OrderReport(
        event=Event.WORKING, order_id=order_id, symbol=wanted.symbol, side=wanted.side, kind=wanted.kind
    )
    return Adopted(at_ns=1, client_id=client_id, provenance=Provenance.ADOPTED, report=report)


def report(**names: object) -> OrderReport:
    return OrderReport(event=Event.WORKING, **({"order_id": "O1"} | names))  # type: ignore[arg-type]


def test_an_owner_is_found_by_order_id_client_id_and_userref() -> None:
    index = OrderIndex()
    first, second = index.intend(intent("a")), index.intend(intent("b", userref=7))

    assert index.owner(report(client_id="a")) is first
    assert index.owner(report(userref=7)) is second
    assert index.owner(report()) is None
    index.set(first, replace(first.order, order_id="O1"))
    assert index.owner(report()) is first


def test_our_names_on_another_order_do_not_make_it_ours() -> None:
    index = OrderIndex()
    first = index.intend(intent("a"))
    index.set(first, replace(first.order, order_id="O9"))

    assert index.owner(report(client_id="a")) is None
    assert not fits(first.order, report())


def test_a_second_intent_only_moves_the_deadline() -> None:
    index = OrderIndex()
    first = index.intend(intent())

    assert index.intend(intent(deadline_ns=9)) is first
    assert first.deadline_ns == 9
    assert len(index.every()) == 1


def test_adopted_orders_are_known_by_order_id_and_may_share_a_client_id() -> None:
    index = OrderIndex()
    index.adopt(adopted("O1", "theirs"))
    second = index.adopt(adopted("O2", "theirs"))

    assert len(index.every()) == 2
    assert index.named("theirs") is second
    assert index.named("O1") is not second
    assert index.ours("theirs") is None


def test_lists_follow_the_state() -> None:
    index = OrderIndex()
    item = index.intend(intent())
    assert (index.live(), index.unanswered()) == ([item], [item])
    index.set(item, replace(item.order, order_id="O1", state=OrderState.WORKING))
    assert (index.live(), index.unanswered()) == ([item], [])
    index.set(item, replace(item.order, state=OrderState.FILLED))
    assert (index.live(), index.every()) == ([], [item])


def test_a_forgotten_order_leaves_under_every_name() -> None:
    index = OrderIndex()
    ours, theirs = index.intend(intent("c", userref=7)), index.adopt(adopted("O2", "theirs"))
    index.set(ours, replace(ours.order, order_id="O1"))
    index.forget(ours)
    index.forget(theirs)

    assert index.every() == []
    assert [index.named(name) for name in ("c", "O1", "O2", "theirs")] == [None] * 4
    assert index.owner(report(order_id="O3", userref=7)) is None

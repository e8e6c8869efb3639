"""Our open orders beside the venue's."""

from __future__ import annotations

from decimal import Decimal

from leadline.engine.reconcile import compare
from leadline.model.market import Side
from leadline.model.order import Event, Order, OrderKind, OrderReport, OrderState

ASKED_NS = 100_000_000_000


def ours(
    order_id: str = "O1",
    state: OrderState = OrderState.WORKING,
    qty: str = "1",
    told: str = "0",
    touched_ns: int | None = 0,
) -> Order:
    return Order(
        client_id=f"c-{order_id}",
        symbol="BTC/USD",
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        state=state,
        order_id=order_id,
        qty=Decimal(qty),
        limit_price=Decimal(10),
        venue_filled_qty=Decimal(told),
        touched_ns=touched_ns,
    )


def theirs(order_id: str = "O1", qty: str = "1", filled: str = "0", limit: str = "10.0") -> OrderReport:
    return OrderReport(
        event=Event.STANDS,
        order_id=order_id,
        symbol="BTC/USD",
        qty=Decimal(qty),
        limit_price=Decimal(limit),
        filled_qty=Decimal(filled),
        state=OrderState.WORKING,
        snapshot=True,
    )


def test_two_equal_views_agree() -> None:
    found = compare([ours()], [theirs()], ASKED_NS)
    assert found.agrees
    assert not found.reports
    assert not found.look_up


def test_an_order_the_venue_does_not_list_is_looked_up_never_closed() -> None:
    found = compare([ours()], [], ASKED_NS)
    assert found.look_up == ("O1",)
    assert not found.reports
    assert not found.agrees


def test_an_order_accepted_while_the_list_was_asked_for_may_be_missing_from_it() -> None:
    assert compare([ours(touched_ns=ASKED_NS - 1)], [], ASKED_NS).agrees


def test_an_order_nobody_here_knows_is_evidence_to_apply() -> None:
    found = compare([], [theirs("O7")], ASKED_NS)
    assert [report.order_id for report in found.reports] == ["O7"]
    assert found.differing[0][0] == "BTC/USD"


def test_another_quantity_or_price_is_evidence_to_apply() -> None:
    assert compare([ours()], [theirs(qty="2")], ASKED_NS).reports
    assert compare([ours()], [theirs(limit="11")], ASKED_NS).reports


def test_fills_the_venue_counts_and_we_do_not_are_evidence_to_apply() -> None:
    assert compare([ours()], [theirs(filled="0.4")], ASKED_NS).reports


def test_fills_without_details_are_looked_up() -> None:
    found = compare([ours(state=OrderState.PARTIALLY_FILLED, told="0.4")], [theirs()], ASKED_NS)
    assert found.look_up == ("O1",)


def test_an_order_finished_here_and_open_there_is_looked_up() -> None:
    assert compare([ours(state=OrderState.CANCELED)], [theirs()], ASKED_NS).look_up == ("O1",)


def test_an_order_that_has_just_been_finished_here_may_still_be_listed() -> None:
    just = ours(state=OrderState.CANCELED, touched_ns=ASKED_NS)
    assert compare([just], [theirs()], ASKED_NS).agrees


def test_an_unknown_order_that_the_venue_lists_is_known_by_that() -> None:
    assert compare([ours(state=OrderState.UNKNOWN)], [theirs()], ASKED_NS).reports

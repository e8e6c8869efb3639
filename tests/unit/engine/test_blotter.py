from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.clock import ManualClock
from leadline.engine.blotter import FINISHED_KEPT, LAG_NS, Blotter
from leadline.engine.order_news import Cause, OrderEvent, OrderNews
from leadline.engine.records import (
    AmendIntent,
    AnyRecord,
    CancelIntent,
    Intent,
    Reported,
    Settled,
)
from leadline.model.order import (
    Amendment,
    Event,
    OrderKey,
    OrderReport,
    OrderRequest,
    OrderState,
    Provenance,
)
from leadline.venues.memory_orders import MemoryOrders
from leadline.venues.ports import Placement
from orderrig import BTC, ETH, buy, sell


class Desk:
    """A blotter, its journal, and a venue to hear of."""

    def __init__(self) -> None:
        self.clock = ManualClock(mono_ns=1000)
        self.venue = MemoryOrders(self.clock.wall_ns)
        self.kept: list[AnyRecord] = []
        self.news: list[OrderNews] = []
        self.blotter = Blotter(self.clock, self.kept.append, self.news.append)

    def intend(
        self, name: str = "c", request: OrderRequest | None = None, userref: int | None = None
    ) -> None:
        request = request or buy()
        intent = Intent(
            at_ns=1, client_id=name, userref=userref, requested=request, sent=request, deadline_ns=2
        )
        self.kept.append(intent)
        self.blotter.decided(intent)

    def place(self, name: str = "c", request: OrderRequest | None = None) -> str:
        """Decide it, and let the venue take it without a word."""
        self.intend(name, request)
        order = self.venue.place(Placement(name, None, request or buy(), 2))
        return order.order_id

    def hear(self, *reports: OrderReport, asked_ns: int | None = None) -> None:
        self.blotter.reported(reports or self.venue.deliver(), self.clock.mono_ns(), asked_ns)

    def causes(self) -> list[Cause]:
        return [news.cause for news in self.news if isinstance(news, OrderEvent)]

    def replayed(self) -> Blotter:
        again = Blotter(self.clock, lambda record: None, lambda news: None)
        again.replay(self.kept)
        return again


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_order_is_found_by_every_name(desk: Desk) -> None:
    order_id = desk.place()
    desk.blotter.acknowledged("c", order_id, 1)

    assert desk.blotter.get("c") is desk.blotter.get(order_id) is not None
    assert desk.blotter.get("nobody") is None


def test_a_pure_duplicate_is_neither_journalled_nor_told(desk: Desk) -> None:
    desk.place()
    reports = desk.venue.deliver()
    desk.hear(*reports)
    kept, told = len(desk.kept), len(desk.news)

    desk.hear(*reports)

    assert (len(desk.kept), len(desk.news)) == (kept, told)


def test_matches_told_again_are_counted_as_such_and_never_twice(desk: Desk) -> None:
    desk.place()
    desk.venue.fill(desk.venue.every[0], Decimal("0.4"), Decimal(100))
    reports = desk.venue.deliver()
    desk.hear(*reports)
    desk.hear(*reports, *desk.venue.snapshot())

    order = desk.blotter.get("c")
    assert order is not None and order.filled_qty == Decimal("0.4")
    assert desk.blotter.counts.fills == 1
    assert desk.blotter.counts.fills_duplicate == 2
    assert [news.fill for news in desk.news if isinstance(news, OrderEvent) and news.fill] == [order.fills[0]]


def test_reports_under_a_userref_find_their_order(desk: Desk) -> None:
    desk.intend(userref=77)
    order = desk.venue.place(Placement("c", 77, buy(), 2))
    desk.hear()

    known = desk.blotter.get("c")
    assert known is not None and known.order_id == order.order_id
    assert known.state is OrderState.WORKING


def test_a_userref_of_another_program_s_order_is_not_taken_for_ours(desk: Desk) -> None:
    desk.intend(userref=77)
    desk.venue.place(Placement("x", 77, sell(symbol=ETH), 2))
    desk.hear()

    ours = desk.blotter.get("c")
    assert ours is not None and ours.state is OrderState.UNKNOWN


def test_news_of_an_order_nobody_knows_is_kept_until_the_acknowledgement_names_it(desk: Desk) -> None:
    order_id = desk.place()
    desk.venue.deliver()
    desk.hear(OrderReport(event=Event.CANCELED, order_id=order_id, reason="User requested"))
    assert desk.blotter.parked == 1

    desk.blotter.acknowledged("c", order_id, 1)

    order = desk.blotter.get("c")
    assert order is not None and order.state is OrderState.CANCELED
    assert desk.blotter.parked == 0


def test_an_adoption_waits_while_an_unanswered_intent_may_be_the_owner(desk: Desk) -> None:
    desk.intend()
    desk.venue.foreign(buy())
    desk.hear()
    assert len(desk.blotter.orders()) == 1

    desk.blotter.settle("c", OrderState.REJECTED, "refused", 1)

    assert [order.provenance for order in desk.blotter.orders()] == [Provenance.OURS, Provenance.ADOPTED]


@pytest.mark.parametrize("other", [sell(), buy(symbol=ETH)])
def test_an_intent_that_does_not_fit_holds_no_adoption(desk: Desk, other: OrderRequest) -> None:
    desk.intend()
    desk.venue.foreign(other)
    desk.hear()

    assert len(desk.blotter.orders()) == 2


def test_an_order_under_another_s_client_id_is_adopted_at_once(desk: Desk) -> None:
    desk.intend()
    desk.venue.place(Placement("theirs", None, buy(), 2))
    desk.hear()

    adopted = desk.blotter.get("theirs")
    assert adopted is not None and adopted.provenance is Provenance.ADOPTED


def test_an_order_the_venue_made_of_ours_is_the_venue_s(desk: Desk) -> None:
    order_id = desk.place()
    desk.hear()
    desk.venue.foreign(sell(), order_id)
    desk.hear()

    assert desk.blotter.orders()[1].provenance is Provenance.VENUE
    assert desk.blotter.orders()[1].parent_id == order_id


def test_a_match_in_a_snapshot_makes_no_order(desk: Desk) -> None:
    order = desk.venue.foreign(buy())
    desk.venue.fill(order, Decimal(1), Decimal(100))
    desk.hear(*desk.venue.snapshot())

    assert desk.blotter.orders() == []
    assert desk.blotter.strangers(10**12) == []


def test_follow_ups_without_a_description_have_their_order_looked_up(desk: Desk) -> None:
    desk.hear(OrderReport(event=Event.CANCELED, order_id="O9"))

    assert desk.blotter.strangers(desk.clock.mono_ns() + 10**9) == ["O9"]


def test_an_order_adopted_too_early_becomes_ours_when_the_acknowledgement_names_it(desk: Desk) -> None:
    order = desk.venue.foreign(buy())
    desk.venue.fill(order, Decimal("0.5"), Decimal(100))
    desk.hear()
    desk.intend()

    desk.blotter.acknowledged("c", order.order_id, 1)

    (ours,) = desk.blotter.orders()
    assert (ours.client_id, ours.filled_qty, ours.state) == ("c", Decimal("0.5"), OrderState.PARTIALLY_FILLED)
    assert [order.fills for order in desk.replayed().orders()] == [ours.fills]


def test_an_older_amendment_does_not_undo_a_newer_one(desk: Desk) -> None:
    order_id = desk.place()
    for qty in (2, 3):
        desk.venue.amend(OrderKey(order_id), Amendment(qty=Decimal(qty)))
    reports = desk.venue.deliver()
    desk.hear(*reversed(reports))

    order = desk.blotter.get("c")
    assert order is not None and order.qty == 3


def test_a_look_up_is_passed_over_where_something_newer_was_told_since_it_began(desk: Desk) -> None:
    order_id = desk.place()
    desk.hear()
    described = desk.venue.every[0].described()
    asked_ns = desk.clock.mono_ns()
    desk.clock.advance(1)
    desk.venue.amend(OrderKey(order_id), Amendment(qty=Decimal(2)))
    desk.hear()

    for at_ns in (asked_ns, desk.clock.mono_ns() + LAG_NS):  # REST may lag by so much
        desk.hear(*described, asked_ns=at_ns)
        order = desk.blotter.get("c")
        assert order is not None and order.qty == 2

    desk.hear(*described, asked_ns=desk.clock.mono_ns() + LAG_NS + 1)
    order = desk.blotter.get("c")
    assert order is not None and order.qty == 1


def test_a_snapshot_made_before_an_answer_by_another_path_does_not_undo_the_change(desk: Desk) -> None:
    desk.place()
    desk.hear()
    stood = desk.venue.every[0].described()
    change = Amendment(qty=Decimal(2))
    desk.blotter.decided(AmendIntent(at_ns=1, client_id="c", requested=change, sent=change, deadline_ns=2))
    desk.clock.advance(10)
    desk.blotter.amend_ended("c", True, "", desk.clock.mono_ns())
    desk.clock.advance(0.3)
    desk.hear(*stood)

    order = desk.blotter.get("c")
    assert order is not None and order.qty == 2


def test_evidence_wins_over_a_rejection_and_is_told(desk: Desk) -> None:
    desk.place()
    desk.blotter.settle("c", OrderState.REJECTED, "never placed", 1)
    desk.hear()

    order = desk.blotter.get("c")
    assert order is not None and order.state is OrderState.WORKING
    assert Cause.CONTRADICTED in desk.causes()
    assert desk.blotter.counts.contradicted == 1


def test_a_refusal_does_not_end_what_evidence_has_shown(desk: Desk) -> None:
    desk.place()
    desk.hear()

    assert desk.blotter.settle("c", OrderState.REJECTED, "refused", 1).state is OrderState.WORKING
    assert not any(isinstance(record, Settled) for record in desk.kept)


def test_what_evidence_has_shown_is_in_no_doubt(desk: Desk) -> None:
    desk.place()
    desk.hear()
    desk.blotter.doubt("c", "lost", 1)
    assert desk.blotter.doubted(BTC) == []

    desk.intend("d")
    desk.blotter.doubt("d", "lost", 1)
    assert [order.client_id for order in desk.blotter.doubted(BTC)] == ["d"]
    assert desk.blotter.doubted(ETH) == []


def test_the_worst_case_counts_everything_that_may_be_live(desk: Desk) -> None:
    desk.place("a")
    desk.hear()
    desk.venue.fill(desk.venue.every[0], Decimal("0.4"), Decimal(100))
    desk.hear()
    desk.intend("b", sell("3"))
    desk.blotter.decided(_growing("a"))

    exposure = desk.blotter.exposure(BTC)

    assert (exposure.buy, exposure.sell) == (Decimal("4.6"), Decimal(3))


def test_a_change_ends_by_its_answer_or_by_the_report_of_it(desk: Desk) -> None:
    order_id = desk.place()
    desk.hear()
    desk.blotter.decided(_growing("c"))
    assert desk.blotter.amend_ended("c", True, "", 5).qty == 5
    desk.blotter.decided(_growing("c", 6))
    assert desk.blotter.amend_ended("c", False, "refused", 6).qty == 5
    desk.blotter.decided(_growing("c", 7))
    desk.venue.amend(OrderKey(order_id), Amendment(qty=Decimal(7)))
    desk.hear()

    order = desk.blotter.amend_ended("c", False, "too late to say so", 7)

    assert (order.qty, order.amending) == (7, None)
    assert Cause.AMENDED in desk.causes() and Cause.NOT_AMENDED in desk.causes()


def test_the_journal_read_again_gives_the_same_orders(desk: Desk) -> None:
    order_id = desk.place("a")
    desk.venue.foreign(sell())
    desk.intend("b")
    desk.kept.append(CancelIntent(at_ns=1, client_ids=("a",)))
    desk.blotter.doubt("b", "lost", 1)
    desk.hear()
    desk.blotter.decided(_growing("a"))
    desk.kept.append(_growing("a"))
    desk.blotter.acknowledged("a", order_id, 1)
    desk.venue.fill(desk.venue.every[0], Decimal("0.4"), Decimal(100))
    desk.hear()

    again = desk.replayed()

    ages = [order.touched_ns for order in again.orders()]
    assert ages == [None] * len(ages)
    assert [(o.client_id, o.state, o.fills, o.amending, o.order_id) for o in again.orders()] == [
        (o.client_id, o.state, o.fills, o.amending, o.order_id) for o in desk.blotter.orders()
    ]
    assert {order.client_id for order in again.doubted(BTC)} == {"a", "b"}


def test_records_whose_order_has_left_the_journal_are_passed_over(desk: Desk) -> None:
    desk.blotter.replay(
        [
            Reported(at_ns=1, client_id="gone", report=OrderReport(event=Event.FILLED, order_id="O1")),
            Settled(at_ns=1, client_id="gone", state=OrderState.REJECTED, evidence="no"),
        ]
    )

    assert desk.blotter.orders() == []


def test_of_old_finished_orders_only_the_ids_stay_and_their_matches_are_still_known(desk: Desk) -> None:
    desk.place("first")
    desk.venue.fill(desk.venue.every[0], Decimal(1), Decimal(100))
    reports = desk.venue.deliver()
    desk.hear(*reports)
    for number in range(FINISHED_KEPT):
        desk.intend(f"n{number}")
        desk.blotter.settle(f"n{number}", OrderState.REJECTED, "refused", 1)
    assert desk.blotter.get("first") is None
    assert len(desk.blotter.orders()) == FINISHED_KEPT

    desk.hear(*reports, *desk.venue.snapshot())

    assert desk.blotter.counts.fills == 1
    assert desk.blotter.counts.adopted == 0
    assert desk.blotter.parked == 0
    again = desk.replayed()
    again.reported(reports, 1)
    assert (again.get("first"), again.counts.fills, again.counts.adopted) == (None, 1, 0)


def _growing(name: str, qty: int = 5) -> AmendIntent:
    change = Amendment(qty=Decimal(qty))
    return AmendIntent(at_ns=1, client_id=name, requested=change, sent=change, deadline_ns=2)


def test_an_acknowledgement_of_what_was_called_rejected_is_told_loudly(desk: Desk) -> None:
    order_id = desk.place()
    desk.blotter.settle("c", OrderState.REJECTED, "never placed", 1)

    assert desk.blotter.acknowledged("c", order_id, 2).state is OrderState.WORKING
    assert desk.causes()[-1] is Cause.CONTRADICTED
    assert desk.blotter.counts.contradicted == 1


def test_an_order_revived_by_evidence_is_not_put_away_with_the_finished(desk: Desk) -> None:
    order_id = desk.place()
    desk.blotter.settle("c", OrderState.REJECTED, "never placed", 1)
    desk.blotter.acknowledged("c", order_id, 2)
    for number in range(FINISHED_KEPT):
        desk.intend(f"n{number}")
        desk.blotter.settle(f"n{number}", OrderState.REJECTED, "refused", 1)

    assert desk.blotter.get("c") is not None
    assert [tracked.name for tracked in desk.blotter.live()] == ["c"]


def test_a_finished_order_still_takes_in_what_it_missed(desk: Desk) -> None:
    desk.place()
    desk.venue.fill(desk.venue.every[0], Decimal(1), Decimal(100))
    *_, fill, filled = desk.venue.deliver()
    desk.hear(filled)
    parked = desk.blotter.get("c")
    assert parked is not None and parked.fills_missing
    desk.hear(fill)

    order = desk.blotter.get("c")
    assert order is not None and (order.state, order.filled_qty) == (OrderState.FILLED, 1)


def test_an_amendment_told_again_after_the_answer_to_the_next_one_does_not_step_back(desk: Desk) -> None:
    order_id = desk.place()
    desk.hear()
    desk.venue.amend(OrderKey(order_id), Amendment(limit_price=Decimal(101)))
    first = desk.venue.deliver()
    desk.hear(*first)
    change = Amendment(limit_price=Decimal(102))
    desk.blotter.decided(AmendIntent(at_ns=1, client_id="c", requested=change, sent=change, deadline_ns=2))
    desk.venue.amend(OrderKey(order_id), change)
    desk.blotter.amend_ended("c", True, "", desk.clock.mono_ns())
    desk.hear(*first)

    order = desk.blotter.get("c")
    assert order is not None and order.limit_price == 102
    desk.hear()
    assert desk.blotter.get("c") == order


def test_an_order_adopted_by_its_match_learns_what_it_is_from_its_acceptance(desk: Desk) -> None:
    order = desk.venue.foreign(buy())
    acceptance = desk.venue.deliver()
    desk.venue.fill(order, Decimal("0.4"), Decimal(100))
    desk.hear()
    desk.hear(*acceptance)

    known = desk.blotter.get(order.order_id)
    assert known is not None
    assert (known.qty, known.limit_price, known.filled_qty) == (1, 100, Decimal("0.4"))


def test_what_is_meant_to_end_and_when_it_did_are_known_after_a_restart_too() -> None:
    desk = Desk()
    desk.clock.advance(10)
    for name in ("a", "b", "c"):
        desk.place(name)
    desk.hear()
    desk.blotter.cancelling(CancelIntent(at_ns=5, client_ids=("a", "nobody")))
    desk.clock.advance(1)
    ended_ns = desk.clock.wall_ns()
    desk.venue.end(desk.venue.every[0], OrderState.CANCELED)
    desk.hear()
    desk.clock.advance(1)
    desk.blotter.cancelling(CancelIntent(at_ns=7, client_ids=()))
    desk.blotter.never_asked("nobody", 7, 0)

    for blotter in (desk.blotter, desk.replayed()):
        found = [blotter.tracked(name) for name in ("a", "b", "c")]
        assert [(one.cancel_asked_ns, one.ended_ns, one.ended_venue_ns) for one in found if one] == [
            (5, ended_ns, ended_ns),
            (7, 0, 0),
            (7, 0, 0),
        ]


def test_a_cancel_that_never_left_leaves_standing_what_was_asked_for_before_and_since() -> None:
    desk = Desk()
    desk.place("a")
    desk.hear()
    assert [desk.blotter.cancel_asked_ns(name) for name in ("a", "nobody")] == [0, 0]
    kept = len(desk.kept)
    desk.blotter.cancelling(CancelIntent(at_ns=5, client_ids=("a",)))
    desk.blotter.cancelling(CancelIntent(at_ns=7, client_ids=("a",)), noted=True)
    assert len(desk.kept) == kept + 1

    desk.blotter.never_asked("a", 5, 0)
    assert desk.blotter.cancel_asked_ns("a") == 7
    desk.blotter.never_asked("a", 7, 5)
    assert desk.blotter.cancel_asked_ns("a") == 5

from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.core.lifecycle import TABLE, amended, contradicts, counted, next_state, told
from leadline.model.market import Side
from leadline.model.order import (
    Amendment,
    Event,
    Fill,
    Order,
    OrderKind,
    OrderReport,
    OrderState,
)

ONE = Decimal(1)


def order(state: OrderState = OrderState.UNKNOWN, **more: object) -> Order:
    known = {"client_id": "c", "symbol": "BTC/USD", "side": Side.BUY, "kind": OrderKind.LIMIT, "qty": ONE}
    return Order(state=state, **(known | more))  # type: ignore[arg-type]


def report(event: Event, **more: object) -> OrderReport:
    return OrderReport(event=event, order_id="O1", **more)  # type: ignore[arg-type]


def fill(exec_id: str = "T1", trade_id: int | None = None, qty: Decimal = ONE) -> Fill:
    return Fill(
        exec_id=exec_id,
        order_id="O1",
        symbol="BTC/USD",
        side=Side.BUY,
        qty=qty,
        price=ONE,
        cost=qty,
        fees=(),
        trade_id=trade_id,
    )


def matched(qty: Decimal = ONE, exec_id: str = "T1", **more: object) -> OrderReport:
    return report(Event.FILL, fill=fill(exec_id, qty=qty), **more)


def test_every_state_has_its_row() -> None:
    assert set(TABLE) == set(OrderState)


@pytest.mark.parametrize("state", [state for state in OrderState if state.final])
@pytest.mark.parametrize("event", list(Event))
def test_no_news_revives_a_finished_order(state: OrderState, event: Event) -> None:
    if state is not OrderState.REJECTED:
        assert next_state(state, report(event)) is state


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (Event.ACCEPTED, OrderState.WORKING),
        (Event.WORKING, OrderState.WORKING),
        (Event.FILL, OrderState.PARTIALLY_FILLED),
        (Event.FILLED, OrderState.FILLED),
        (Event.CANCELED, OrderState.CANCELED),
        (Event.EXPIRED, OrderState.EXPIRED),
        (Event.AMENDED, OrderState.WORKING),
        (Event.RESTATED, OrderState.WORKING),
        (Event.STANDS, OrderState.WORKING),
    ],
)
def test_any_word_of_the_venue_ends_unknown(event: Event, state: OrderState) -> None:
    assert next_state(OrderState.UNKNOWN, report(event)) is state


@pytest.mark.parametrize("event", [Event.ACCEPTED, Event.WORKING, Event.AMENDED, Event.STANDS])
def test_a_late_acceptance_takes_no_fill_back(event: Event) -> None:
    assert next_state(OrderState.PARTIALLY_FILLED, report(event)) is OrderState.PARTIALLY_FILLED


def test_matches_that_sum_up_to_the_whole_do_not_finish_an_order() -> None:
    after = told(order(OrderState.WORKING), matched(ONE), values=True)

    assert after.state is OrderState.PARTIALLY_FILLED  # an amendment may have made it larger
    assert told(after, report(Event.FILLED), values=True).state is OrderState.FILLED


def test_an_acceptance_with_something_filled_is_partly_filled() -> None:
    assert (
        next_state(OrderState.UNKNOWN, report(Event.WORKING, filled_qty=ONE)) is OrderState.PARTIALLY_FILLED
    )


def test_a_description_says_itself_what_the_state_is() -> None:
    closed = report(Event.STANDS, state=OrderState.CANCELED, snapshot=True)

    assert next_state(OrderState.UNKNOWN, closed) is OrderState.CANCELED
    assert next_state(OrderState.FILLED, closed) is OrderState.FILLED


def test_a_match_of_a_cancelled_order_still_counts() -> None:
    after = told(order(OrderState.CANCELED), matched(Decimal("0.4")), values=True)

    assert after.state is OrderState.CANCELED
    assert after.filled_qty == Decimal("0.4")


def test_a_match_counts_once_by_either_of_its_ids() -> None:
    fills = (fill("T1", 7),)

    assert counted(fills, fill("T1", 8))
    assert counted(fills, fill("T2", 7))
    assert not counted(fills, fill("T2", 8))
    assert not counted((fill("T1"),), fill("T2"))


def test_two_matches_of_one_order_both_count() -> None:
    after = told(told(order(), matched(exec_id="T1"), values=True), matched(exec_id="T2"), values=True)

    assert after.filled_qty == 2


def test_a_rejected_order_gives_way_to_evidence() -> None:
    rejected = order(OrderState.REJECTED)

    assert contradicts(OrderState.REJECTED, report(Event.WORKING))
    assert contradicts(OrderState.REJECTED, matched())
    assert told(rejected, report(Event.WORKING), values=True).state is OrderState.WORKING
    assert told(rejected, matched(), values=True).state is OrderState.PARTIALLY_FILLED


def test_that_a_refused_order_was_cancelled_unfilled_contradicts_nothing() -> None:
    assert not contradicts(OrderState.REJECTED, report(Event.CANCELED))
    assert contradicts(OrderState.REJECTED, report(Event.CANCELED, filled_qty=ONE))
    assert not contradicts(OrderState.CANCELED, report(Event.WORKING))


def test_a_cancel_keeps_what_was_filled_before_it_and_says_why() -> None:
    partly = told(order(), matched(Decimal("0.4"), filled_qty=Decimal("0.4")), values=True)
    after = told(
        partly, report(Event.CANCELED, reason="User requested", filled_qty=Decimal("0.4")), values=True
    )

    assert (after.state, after.reason, after.filled_qty) == (
        OrderState.CANCELED,
        "User requested",
        Decimal("0.4"),
    )
    assert not after.fills_missing


def test_the_venue_s_total_only_grows() -> None:
    after = told(order(), report(Event.WORKING, filled_qty=Decimal(2)), values=True)
    after = told(after, report(Event.WORKING, filled_qty=ONE), values=True)

    assert after.venue_filled_qty == 2
    assert after.fills_missing


def test_values_are_taken_only_where_they_are_newer() -> None:
    amendment = report(Event.AMENDED, qty=Decimal(3), limit_price=Decimal(9), trigger_price=Decimal(8))

    assert told(order(), amendment, values=False).qty == 1
    after = told(order(), amendment, values=True)
    assert (after.qty, after.limit_price, after.trigger_price) == (3, 9, 8)


def test_the_report_of_a_change_ends_its_doubt_only_when_it_shows_it() -> None:
    waiting = order(OrderState.WORKING, amending=Amendment(qty=Decimal(3)))

    assert told(waiting, report(Event.AMENDED, qty=Decimal(2)), values=True).amending is not None
    assert told(waiting, report(Event.AMENDED, qty=Decimal(3)), values=True).amending is None
    assert told(waiting, report(Event.CANCELED), values=True).amending is None


def test_a_change_that_was_taken_shows_in_the_values() -> None:
    change = Amendment(limit_price=Decimal(7))
    after = amended(order(OrderState.WORKING, amending=change, limit_price=ONE), change)

    assert (after.qty, after.limit_price, after.amending) == (1, 7, None)


def test_a_change_to_less_than_is_filled_leaves_the_quantity_of_the_order_it_ends() -> None:
    change = Amendment(qty=Decimal("0.4"))
    filled = told(order(OrderState.WORKING), report(Event.FILL, fill=fill(qty=Decimal("0.5"))), values=True)

    assert amended(filled, change).qty == 1


def test_old_news_of_an_amendment_does_not_end_the_one_that_asks_for_the_same_again() -> None:
    waiting = order(OrderState.WORKING, amending=Amendment(qty=Decimal(3)))

    assert told(waiting, report(Event.AMENDED, qty=Decimal(3)), values=False).amending is not None

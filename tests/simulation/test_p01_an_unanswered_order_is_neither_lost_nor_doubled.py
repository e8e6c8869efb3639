"""An order whose answer never comes: UNKNOWN until the venue's evidence, never sent again, on either path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from account_stage import AccountStage, Trader, buy, perform, refused, sell
from leadline.engine.records import Doubted, Intent, Settled
from leadline.errors import Held
from leadline.model.order import Order, OrderState

RESOLVED_S = 5.0
MARGIN_S = 1.0
TEN_MINUTES_S = 600.0

BUSY = '{"error":["EService:Busy"]}'
EDGE = "Unknown error, please check your request or try again later."


@dataclass(frozen=True)
class Case:
    """A way in which an answer is lost, and whether the venue has taken the order all the same."""

    path: str
    accepted: bool
    strike: Callable[[AccountStage], object]

    def __repr__(self) -> str:
        return self.path


def _cut_under_way(stage: AccountStage) -> None:
    stage.call(stage.now_s + 0.01, stage.cut)  # the request takes 25 ms


CASES = {
    "stream, executed and closed before the answer": Case(
        "add_order", True, lambda stage: stage.fault(kind="ACCEPT_THEN_DROP", method="add_order", count=1)
    ),
    "stream, closed while the request is under way": Case("add_order", False, _cut_under_way),
    "stream, nothing is read or answered for 20 s": Case(
        "add_order", False, lambda stage: stage.fault(kind="HALF_OPEN", for_s=20)
    ),
    "REST, executed and cut before the answer": Case(
        "AddOrder", True, lambda stage: stage.fault(kind="ACCEPT_THEN_DROP", path="AddOrder", count=1)
    ),
    "REST, executed and answered with 503": Case(
        "AddOrder", True, lambda stage: stage.fault(
            kind="REPLY", path="AddOrder", status=503, body=EDGE, accepted=True, count=1
        ),
    ),
    "REST, answered with 503 and not executed": Case(
        "AddOrder", False, lambda stage: stage.fault(
            kind="REPLY", path="AddOrder", status=503, body=EDGE, count=1
        ),
    ),
    "REST, executed and answered too late": Case(
        "AddOrder", True, lambda stage: stage.fault(kind="REPLY", path="AddOrder", delay_s=30, count=1)
    ),
    "REST, executed and answered that it is busy": Case(
        "AddOrder", True, lambda stage: stage.fault(
            kind="REPLY", path="AddOrder", body=BUSY, accepted=True, count=1
        ),
    ),
}  # fmt: skip
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


async def begun(stage: AccountStage, case: Case) -> Trader:
    """A program that is ready to send on the path of the case: on REST while connects are refused."""
    if case.path == "add_order":
        return await stage.start()
    stage.fault(kind="REFUSE", status=503)
    trader = await stage.start(ready=False)
    await stage.until(stage.now_s + 3)
    return trader


async def unanswered(stage: AccountStage, trader: Trader, case: Case) -> Order:
    """An order of which no answer has come."""
    case.strike(stage)
    return await trader.submit(buy())


def times_sent(stage: AccountStage) -> int:
    return len(stage.streamed("add_order")) + len(stage.rest("AddOrder"))


@each_case
def test_the_venue_sees_one_order_at_most_and_the_program_sends_it_once(case: Case) -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begun(stage, case)
        order = await unanswered(stage, trader, case)
        await stage.until(stage.now_s + 40)

        assert times_sent(stage) == 1
        assert len(stage.truth.orders()) == case.accepted
        final = OrderState.WORKING if case.accepted else OrderState.REJECTED
        assert trader.orders.get(order.client_id).state is final
        assert stage.differences() == []

    perform(scene)


@each_case
def test_without_an_answer_the_order_is_unknown_and_nothing_else(case: Case) -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begun(stage, case)
        order = await unanswered(stage, trader, case)

        assert order.state is OrderState.UNKNOWN
        assert trader.orders.counts.unconfirmed == 1
        await stage.until(stage.now_s + 40)
        states = [event.order.state for event in trader.events(order.client_id)]
        final = OrderState.WORKING if case.accepted else OrderState.REJECTED
        unknown = states.index(final)
        assert set(states[:unknown]) == {OrderState.UNKNOWN}
        assert set(states[unknown:]) == {final}
        assert trader.orders.counts.unconfirmed == 0

    perform(scene)


@each_case
def test_it_is_resolved_within_five_seconds_of_the_moment_at_which_it_can_be(case: Case) -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begun(stage, case)
        order = await unanswered(stage, trader, case)
        lost_s = stage.now_s
        final = OrderState.WORKING if case.accepted else OrderState.REJECTED
        (intent,) = [record for _, record in stage.written if isinstance(record, Intent)]
        deadline_s = (intent.deadline_ns - stage.network.venue_ns) / 1e9 + stage.now_s
        askable_s = lost_s if case.accepted else max(lost_s, deadline_s + MARGIN_S)

        resolved_s = await trader.known(order.client_id, final, within_s=60)

        assert resolved_s <= askable_s + RESOLVED_S

    perform(scene)


@each_case
def test_the_journal_has_the_intent_the_doubt_and_the_evidence_in_this_order(case: Case) -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begun(stage, case)
        order = await unanswered(stage, trader, case)
        await stage.until(stage.now_s + 40)

        kinds = trader.records(order.client_id)
        assert kinds[:2] == ["Intent", "Doubted"]
        assert kinds[2] == ("Reported" if case.accepted else "Settled")
        sent_s = [at_s for at_s, _ in stage.streamed("add_order")] + stage.rest("AddOrder")
        ((durable_s, _),) = [(at_s, one) for at_s, one in stage.written if isinstance(one, Intent)]
        assert durable_s <= min(sent_s)

    perform(scene)


@each_case
def test_a_program_killed_while_it_waits_resolves_the_order_in_its_next_life_and_sends_it_no_more(
    case: Case,
) -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begun(stage, case)
        case.strike(stage)
        trader.does(trader.orders.submit(buy()))
        await stage.clock.sleep(0.03)
        assert times_sent(stage) == 1
        stage.kill()
        await stage.until(stage.now_s + 1)
        trader = await stage.start(ready=False)
        await stage.until(stage.now_s + 40)

        (order,) = trader.orders.orders()
        assert order.state is (OrderState.WORKING if case.accepted else OrderState.REJECTED)
        assert times_sent(stage) == 1
        assert stage.differences() == []

    perform(scene)


@pytest.mark.parametrize("case", [CASES[name] for name in CASES if "executed and c" in name], ids=repr)
def test_a_venue_out_of_reach_for_ten_minutes_leaves_it_unknown_and_holds_what_adds_risk(case: Case) -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begun(stage, case)
        order = await unanswered(stage, trader, case)
        stage.unreachable(TEN_MINUTES_S)
        begun_s = stage.now_s
        while stage.now_s < begun_s + TEN_MINUTES_S:
            await stage.until(stage.now_s + 30)
            assert trader.orders.get(order.client_id).state is OrderState.UNKNOWN
            assert isinstance(await refused(trader.submit(buy())), Held)
        stage.heal()
        healed_s = stage.now_s

        resolved_s = await trader.known(order.client_id, OrderState.WORKING, within_s=60)

        assert resolved_s <= healed_s + RESOLVED_S
        assert len(stage.truth.orders()) == times_sent(stage) == 1

    perform(scene)


def test_what_nobody_tells_for_ten_minutes_stays_unknown_and_what_reduces_passes_at_first() -> None:
    """Once nobody has told of the account for a minute and a half only cancels leave."""
    case = CASES["REST, executed and cut before the answer"]

    async def scene(stage: AccountStage) -> None:
        trader = await begun(stage, case)
        silent = {"orders-open-query", "orders-closed-query"}
        stage.truth.account.permissions -= silent
        order = await unanswered(stage, trader, case)
        begun_s = stage.now_s
        await stage.until(begun_s + 60)

        assert isinstance(await refused(trader.submit(buy())), Held)
        reducing = await trader.submit(sell(price="63390.0"))
        assert reducing.state is OrderState.WORKING
        await stage.until(begun_s + TEN_MINUTES_S)
        assert trader.orders.get(order.client_id).state is OrderState.UNKNOWN
        held = await refused(trader.submit(sell(price="63390.0")))
        assert isinstance(held, Held) and "EMERGENCY_ONLY" in str(held)
        (outcome,) = await trader.does(trader.orders.cancel(reducing.client_id))
        assert outcome.error is None
        assert [one["status"] for one in stage.truth.orders()] == ["new", "canceled"]

        stage.truth.account.permissions |= silent
        await trader.known(order.client_id, OrderState.WORKING, within_s=30)
        assert not any(isinstance(one, Settled) for one in trader.journal.records())
        assert sum(isinstance(one, Doubted) for one in trader.journal.records()) == 1

    perform(scene)

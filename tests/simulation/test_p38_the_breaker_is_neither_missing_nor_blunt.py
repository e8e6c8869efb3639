"""The circuit breaker: what trips it, what passes all the same, how it closes, and what is kept of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from decimal import Decimal

import pytest

from account_stage import AccountStage, Trader, buy, perform, refused
from leadline.clock import NS_PER_S
from leadline.core.breaker import OPEN_S, BreakerState
from leadline.engine.order_news import RateExceeded
from leadline.engine.records import RateTripped, Tripped
from leadline.errors import BreakerOpen, CheckFailed, Error, Held, RateLimited, Refused, VenueDown
from leadline.model.market import VenueMode
from leadline.model.order import Amendment, Order, OrderState
from leadline.model.reading import Source
from leadline.net.http import Purpose
from leadline.venues.kraken.limits import Tier

BALANCE = "BalanceEx"
HOUR_S = 3600.0


def state(stage: AccountStage) -> BreakerState:
    return stage.trader.account.breaker.state(stage.clock.mono_ns())


async def begin(stage: AccountStage) -> Trader:
    """A program whose first looks at the account are over."""
    trader = await stage.start()
    await stage.until(5)
    return trader


def balance(trader: Trader) -> Awaitable[object]:
    """A read of the account by REST."""
    return trader.desk.balances.all(Source.REST)  # type: ignore[no-any-return]


async def fail(stage: AccountStage, times: int, every_s: float) -> list[type[Error]]:
    """The venue's edge breaks down for good, and the account is read so many times; what was raised."""
    stage.fault(kind="REPLY", path=BALANCE, status=503)
    raised = []
    for _ in range(times):
        raised.append(type(await refused(balance(stage.trader))))
        await stage.until(stage.now_s + every_s)
    return raised


async def lose_the_stream(stage: AccountStage) -> None:
    stage.fault(kind="REFUSE", route="ws")
    stage.fault(kind="CLOSE")
    await stage.until(stage.now_s + 1)


def left(stage: AccountStage, since_s: float) -> list[str]:
    """The private REST requests that have left since then."""
    public = {"SystemStatus", "Time", "Ticker"}
    return [name for at_s, name in stage.asked if at_s >= since_s and name not in public]


def tripped(trader: Trader) -> list[Tripped]:
    return [record for record in trader.journal.records() if isinstance(record, Tripped)]


def test_one_transient_failure_trips_nothing() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        for status in (500, 502, 503, 520):
            stage.fault(kind="REPLY", path=BALANCE, status=status, count=1)
            assert isinstance(await refused(balance(trader)), VenueDown)
            await balance(trader)
            assert state(stage) is BreakerState.CLOSED
            await stage.until(stage.now_s + 31)
        assert (await trader.submit(buy())).state is OrderState.WORKING
        assert not trader.account.breaker.trips
        assert tripped(trader) == []

    perform(scene)


def test_failures_in_a_row_hold_creates_while_cancels_and_look_ups_pass() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        first = await trader.submit(buy(price="60000"))
        second = await trader.submit(buy(price="60001"))
        raised = await fail(stage, times=5, every_s=5.0)
        assert raised == [VenueDown, VenueDown, VenueDown, BreakerOpen, BreakerOpen]
        assert state(stage) is BreakerState.OPEN

        before = len(stage.truth.orders())
        for work in (
            trader.orders.submit(buy()),
            trader.orders.batch([buy(), buy()]),
            trader.orders.amend(first.client_id, Amendment(limit_price=Decimal("59999"))),
        ):
            assert isinstance(await refused(work), BreakerOpen)
        assert len(stage.truth.orders()) == before
        owned = await trader.desk.balances.get("USD")
        assert owned.source is Source.STREAM
        (outcome,) = await trader.orders.cancel(first.client_id)
        assert outcome.error is None
        await lose_the_stream(stage)
        (outcome,) = await trader.orders.cancel(second.client_id)
        assert outcome.error is None
        found = await trader.orders.find(second.client_id)
        assert found is not None
        assert found.state is OrderState.CANCELED
        assert stage.truth.account.open_orders == {}
        assert state(stage) is BreakerState.OPEN

    perform(scene)


def test_an_open_breaker_is_probed_by_one_read_each_five_minutes_and_closed_by_the_first_that_succeeds() -> (
    None
):
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        await fail(stage, times=3, every_s=1.0)
        opened_s = stage.now_s
        await stage.until(opened_s + 3 * OPEN_S - 10)
        probes = left(stage, opened_s)
        assert probes == [BALANCE, BALANCE]
        assert isinstance(await refused(trader.submit(buy())), BreakerOpen)
        stage.heal()
        await stage.until(opened_s + 3 * OPEN_S + 10)
        assert left(stage, opened_s) == [BALANCE] * 3
        assert state(stage) is BreakerState.CLOSED
        assert (await trader.submit(buy())).state is OrderState.WORKING

    perform(scene)


def test_no_order_ever_is_the_probe() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        stage.fault(kind="REPLY", path=BALANCE, status=503, delay_s=5.0)
        for _ in range(3):
            await refused(balance(trader))
        await lose_the_stream(stage)
        before = len(stage.truth.orders())
        while stage.now_s < 2 * OPEN_S + 60:
            assert isinstance(await refused(trader.submit(buy())), Held | BreakerOpen)
            await stage.until(stage.now_s + 0.5)
        assert len(stage.truth.orders()) == before
        assert "AddOrder" not in left(stage, 0)

    perform(scene)


@pytest.mark.parametrize("killed", [True, False])
def test_an_open_breaker_is_as_open_after_a_restart(killed: bool) -> None:
    async def scene(stage: AccountStage) -> None:
        await begin(stage)
        await fail(stage, times=3, every_s=0.0)
        opened_s = stage.now_s
        await stage.until(opened_s + 100)
        stage.heal()
        if killed:
            trader = await stage.kill_and_restart()
        else:
            await stage.stop()
            trader = await begin(stage)
        assert state(stage) is BreakerState.OPEN
        error = await refused(trader.submit(buy()))
        assert isinstance(error, BreakerOpen)
        assert 0 < error.retry_s <= OPEN_S - 100
        (trip,) = trader.account.breaker.trips
        assert trip.reason == "3 failures within 30 s"
        await stage.until(opened_s + OPEN_S + 5)
        assert (await trader.submit(buy())).state is OrderState.WORKING

    perform(scene)


def test_every_trip_is_in_the_journal_with_its_reason_and_evidence() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        await fail(stage, times=3, every_s=1.0)
        stage.heal()
        await stage.until(stage.now_s + OPEN_S + 5)
        stage.fault(kind="REPLY", path=BALANCE, body='{"error":["EAPI:Rate limit exceeded"]}', count=1)
        await refused(balance(trader))
        await stage.until(stage.now_s + 5)

        first, closed, second = tripped(trader)
        assert first.state == second.state == "open"
        assert first.reason.startswith("3 failures within 30 s: ")
        assert first.reason.count("HTTP 503") == 3
        assert first.retry_s == OPEN_S
        assert (closed.state, closed.reason) == ("closed", "the venue answers again")
        assert second.reason == "the venue limits our rate: EAPI:Rate limit exceeded"
        assert [trip.reason for trip in trader.account.breaker.trips] == [
            "3 failures within 30 s",
            "the venue limits our rate",
        ]
        assert all(trip.evidence for trip in trader.account.breaker.trips)

    perform(scene)


@pytest.mark.parametrize(
    ("fault", "open_s"),
    [
        ({"status": 429}, OPEN_S),
        ({"body": '{"error":["EAPI:Rate limit exceeded"]}'}, OPEN_S),
        ({"body": '{"error":["EGeneral:Too many requests"]}'}, OPEN_S),
        ({"body": '{"error":["EGeneral:Temporary lockout"]}'}, 900.0),
        ({"body": '{"error":["EService: Throttled: %d"]}'}, 40.0),
    ],
)
def test_a_rate_limit_answer_opens_it_at_once_for_what_the_venue_said(
    fault: dict[str, str | int], open_s: float
) -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        until_s = stage.network.venue_ns // NS_PER_S + 40
        told = {name: text % until_s if "%d" in str(text) else text for name, text in fault.items()}  # type: ignore[operator]
        stage.fault(kind="REPLY", path=BALANCE, count=1, **told)
        assert isinstance(await refused(balance(trader)), RateLimited)
        limited_s = stage.now_s
        assert state(stage) is BreakerState.OPEN
        assert isinstance(await refused(trader.submit(buy())), BreakerOpen)
        (trip,) = trader.account.breaker.trips
        assert trip.span_s == pytest.approx(open_s, abs=1.0)
        await stage.until(limited_s + open_s - 2)
        assert left(stage, limited_s) == []
        await stage.until(limited_s + open_s + 10)
        assert left(stage, limited_s) == [BALANCE]
        assert state(stage) is BreakerState.CLOSED

    perform(scene)


def test_the_limit_of_one_pair_opens_nothing() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        stage.fault(kind="RATE", symbol="BTC/USD", burn=125)
        order = await trader.submit(buy())
        assert order.reason.startswith("EOrder:Rate limit exceeded")
        await lose_the_stream(stage)
        stage.fault(kind="RATE", symbol="ETH/USD", burn=125)
        order = await trader.submit(buy(symbol="ETH/USD", price="3000"))
        assert order.reason.startswith("EOrder:Rate limit exceeded")
        assert state(stage) is BreakerState.CLOSED
        assert not trader.account.breaker.trips

    perform(scene)


def test_held_open_by_hand_it_lets_out_what_is_safe_and_stays_so_after_a_restart() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        order = await trader.submit(buy())
        await stage.until(60)
        trader.account.breaker.force(BreakerState.OPEN, "the operator is at lunch")
        error = await refused(trader.submit(buy()))
        assert str(error) == "the breaker is held open: the operator is at lunch"
        await stage.until(stage.now_s + 2)
        (told,) = tripped(trader)
        assert (told.state, told.reason) == ("open", "held so by an operator")
        trader = await stage.kill_and_restart()
        await stage.until(stage.now_s + HOUR_S)
        error = await refused(trader.submit(buy()))
        assert str(error) == "the breaker is held open: the operator is at lunch"
        (outcome,) = await trader.orders.cancel(order.client_id)
        assert outcome.error is None
        trader.account.breaker.force(None, "")
        assert (await trader.submit(buy())).state is OrderState.WORKING

    perform(scene)


def test_held_closed_by_hand_it_lets_everything_pass_whatever_fails() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        trader.account.breaker.force(BreakerState.CLOSED, "the operator knows better")
        raised = await fail(stage, times=5, every_s=1.0)
        assert raised == [VenueDown] * 5
        assert (await trader.submit(buy())).state is OrderState.WORKING

    perform(scene)


def test_emergency_only_lets_out_five_kinds_of_requests_and_nothing_else_breaker_open_or_not() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        standing = [await trader.submit(buy(price=str(60_000 + number))) for number in range(3)]
        await fail(stage, times=3, every_s=1.0)
        stage.heal()
        assert state(stage) is BreakerState.OPEN
        trader.account.emergency_only = True
        account, orders = trader.account.account, trader.orders

        before_s, placed = stage.now_s, len(stage.truth.orders())
        change = Amendment(limit_price=Decimal("59999"))
        for work in (
            orders.submit(buy()),
            orders.batch([buy(), buy()]),
            orders.amend(standing[0].client_id, change),
            account.fetch_fills(0, Purpose.ACCOUNT),
            account.fetch_ledger(0, Purpose.HISTORY),
            account.fetch_positions(Purpose.ACCOUNT),
        ):
            assert isinstance(await refused(work), Held)
        assert isinstance(await refused(orders.replace(standing[0].client_id, buy())), Refused)
        assert left(stage, before_s) == []
        assert len(stage.truth.orders()) == placed

        assert len((await account.fetch_balances(Purpose.EMERGENCY)).balances) > 2
        await balance(trader)
        assert len(await account.fetch_open_orders(Purpose.EMERGENCY)) == 3
        status = await trader.system.market.fetch_status(Purpose.STATUS)
        assert status.mode is VenueMode.ONLINE
        (outcome,) = await orders.cancel(standing[0].client_id)
        assert outcome.error is None
        await lose_the_stream(stage)
        (outcome,) = await orders.cancel(standing[1].client_id)
        assert outcome.error is None
        assert await orders.cancel_all() == 1
        assert stage.truth.account.open_orders == {}

        trader.account.emergency_only = False
        trader.account.breaker.force(BreakerState.CLOSED, "the emergency is over")
        assert (await orders.submit(buy())).state is OrderState.WORKING

    perform(scene)


def test_emergency_requests_leave_at_once_ahead_of_whatever_waits() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage)
        account = trader.account.account
        waiting = [asyncio.ensure_future(account.fetch_fills(0, Purpose.HISTORY)) for _ in range(200)]
        await stage.until(stage.now_s + 5)
        asked_s = stage.now_s
        await asyncio.gather(
            account.fetch_balances(Purpose.EMERGENCY),
            account.fetch_open_orders(Purpose.EMERGENCY),
            trader.orders.cancel_all(),
        )
        first, second = [(at_s - asked_s, name) for at_s, name in stage.asked if at_s >= asked_s][:2]
        assert first == (0.0, BALANCE)
        assert second[1] == "OpenOrders"
        assert second[0] <= 0.05
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    perform(scene)


async def run_wild(stage: AccountStage, per_s: int, for_s: float) -> list[Order | Error]:
    """A strategy in a loop places so many orders a second; what came of each."""
    trader, tasks = stage.trader, []
    for number in range(round(per_s * for_s)):
        tasks.append(trader.does(trader.orders.submit(buy(price=str(60_000 + number)))))
        await stage.until(stage.now_s + 1 / per_s)
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, Order | Error) for one in done)
    return done  # type: ignore[return-value]


def test_fifty_orders_a_second_are_stopped_at_the_configured_rate_until_a_person_looks() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start(orders_per_s=10.0, tier=Tier.PRO)
        standing = await trader.submit(buy(price="59000"))
        await stage.until(stage.now_s + 2)
        done = await run_wild(stage, per_s=50, for_s=4)

        placed = [one for one in done if isinstance(one, Order)]
        assert len(placed) == 10
        assert {type(one) for one in done[10:]} == {CheckFailed}
        assert "more than 10 orders a second were asked for" in str(done[-1])
        assert len(stage.truth.orders()) == 11
        [record] = [one for one in trader.journal.records() if isinstance(one, RateTripped)]
        assert record.per_s == 10.0
        assert len(record.evidence) == 8
        [(_, told)] = trader.heard(RateExceeded)
        assert told.evidence == record.evidence

        change = Amendment(limit_price=Decimal("58000"))
        assert isinstance(await refused(trader.orders.amend(standing.client_id, change)), CheckFailed)
        (outcome,) = await trader.orders.cancel(standing.client_id)
        assert outcome.error is None
        await stage.until(stage.now_s + HOUR_S)
        await stage.stop()
        trader = await stage.start(orders_per_s=10.0)
        assert isinstance(await refused(trader.submit(buy())), CheckFailed)
        assert await trader.does(trader.orders.cancel_all()) == 10

        trader.orders.reset_rate("the loop is taken out")
        assert (await trader.submit(buy())).state is OrderState.WORKING
        assert trader.account.breaker.state(stage.clock.mono_ns()) is BreakerState.CLOSED

    perform(scene)


def test_a_program_that_stays_below_its_rate_is_left_alone() -> None:
    async def scene(stage: AccountStage) -> None:
        await stage.start(orders_per_s=10.0, tier=Tier.PRO)
        done = await run_wild(stage, per_s=5, for_s=4)

        assert [type(one) for one in done] == [Order] * 20

    perform(scene)

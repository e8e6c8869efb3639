"""One account, live."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import pytest

from account_rig import virtual
from deskrig import DeskRig, buy
from leadline.clock import NS_PER_S, ManualClock
from leadline.core.account_session import (
    AccountDoubted,
    AccountGap,
    AccountRefused,
    BalancesReported,
    ConfigurationReported,
    CredentialRefused,
    MarginCalled,
    OrdersJoined,
    OrdersReported,
    OrdersSnapshot,
    PositionsReported,
)
from leadline.core.session import FrameSkipped, LineDown
from leadline.engine.account_events import NotReconciled, Reconciled
from leadline.engine.configuration import ConfigurationChanged
from leadline.engine.dead_man import DeadManChanged
from leadline.engine.desk import WITHOUT_STREAM_S
from leadline.engine.events import LineSwitched
from leadline.engine.order_news import NewsGap, OrderNews
from leadline.engine.positions import PositionChanged
from leadline.errors import AuthError, ConnectFailed, Held, Stale, VenueDown
from leadline.model.account import AccountConfiguration, Position
from leadline.model.market import Side, VenueMode, VenueStatus
from leadline.model.order import (
    Amendment,
    OrderKind,
    OrderReport,
    OrderRequest,
    OrderState,
    Trigger,
)
from leadline.model.reading import Source
from leadline.net.http import Purpose
from leadline.venues.memory_account import MemoryAccount, Outcome
from leadline.venues.ports import Action, Path


async def test_it_is_ready_when_news_flows_and_the_account_was_reconciled_once() -> None:
    async with DeskRig() as rig:
        waiting = asyncio.ensure_future(rig.desk.ready(10))
        await rig.passing(2)
        assert not waiting.done()
        await rig.connect()
        await rig.passing(1)
        await waiting


async def test_what_keeps_it_from_being_ready_is_said() -> None:
    async with DeskRig() as rig:
        waiting = asyncio.ensure_future(rig.desk.ready(3))
        await rig.passing(4)
        with pytest.raises(Stale, match="stream is not up"):
            await waiting


async def test_a_cut_is_told_to_readers_of_orders_before_what_follows_it() -> None:
    async with DeskRig() as rig:
        heard: list[OrderNews] = []
        rig.desk.orders.on(heard.append)
        await rig.connect()
        await rig.desk.orders.submit(buy())
        await rig.deliver()
        heard.clear()
        await rig.cut()
        (true,) = rig.venue.orders.every
        rig.venue.orders.fill(true, Decimal(1), Decimal(10))
        await rig.connect()
        gaps = [number for number, news in enumerate(heard) if isinstance(news, NewsGap)]
        fills = [number for number, news in enumerate(heard) if getattr(news, "fill", None)]
        assert len(fills) == 1
        assert max(gaps) < fills[0]


async def test_a_hole_in_the_executions_leads_to_a_reconciliation() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        await rig.passing(1)
        before = len(rig.told(Reconciled))
        rig.desk.receive(AccountGap("executions", 0, "message 9 came where 8 was due"), 5)
        await rig.connect()
        await rig.passing(1)
        assert len(rig.told(Reconciled)) == before + 1
        assert rig.told(AccountGap)


async def test_a_stream_that_is_not_proven_is_not_said_to_flow_and_rest_is_asked_meanwhile() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        await rig.passing(1)
        before = len(rig.told(Reconciled))
        rig.session.say(AccountDoubted("nobody proves the key"), rig.clock.mono_ns())
        assert not rig.desk.streaming
        assert rig.told(AccountDoubted)
        await rig.passing(2 * WITHOUT_STREAM_S)
        assert len(rig.told(Reconciled)) >= before + 2
        await rig.connect()
        assert rig.desk.streaming


async def test_a_hole_in_the_balances_is_bridged_by_rest() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        assert (await rig.desk.balances.get("USD")).source is Source.STREAM
        rig.desk.receive(AccountGap("balances", 0, "why"), rig.clock.mono_ns())
        assert (await rig.desk.balances.get("USD")).source is not Source.STREAM


async def test_while_the_stream_is_lost_rest_is_asked_again_and_again() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        await rig.passing(1)
        await rig.cut()
        before = len(rig.told(Reconciled))
        await rig.passing(50)
        assert 3 <= len(rig.told(Reconciled)) - before <= 5


class Asked(MemoryAccount):
    """A venue that counts how often it is asked for its open orders."""

    asked = 0

    async def fetch_open_orders(self, purpose: Purpose) -> Sequence[OrderReport]:
        self.asked += 1
        return await super().fetch_open_orders(purpose)


async def test_a_venue_that_answers_no_is_not_hammered() -> None:
    clock = ManualClock(mono_ns=1_000 * NS_PER_S)
    venue = Asked(clock, ["BTC/USD"])
    async with DeskRig(clock=clock, venue=venue) as rig:
        await rig.connect()
        await rig.passing(1)
        rig.venue.failing = VenueDown("EService:Unavailable")
        venue.asked = 0
        await rig.cut()
        await rig.passing(120)
        assert 6 <= venue.asked <= 12


async def test_a_venue_out_of_reach_is_tried_within_five_seconds_and_told_once() -> None:
    async with DeskRig() as rig:
        rig.venue.failing = ConnectFailed("no way")
        await rig.cut()
        await rig.passing(60)
        assert len(rig.told(NotReconciled)) <= 2
        rig.venue.failing = None
        before = len(rig.told(Reconciled))
        await rig.passing(5.5)
        assert len(rig.told(Reconciled)) > before


async def test_a_refused_credential_is_told_and_renewed(caplog: pytest.LogCaptureFixture) -> None:
    async with DeskRig() as rig:
        await rig.connect()
        rig.session.say(CredentialRefused(AuthError("ESession:Invalid session")), rig.clock.mono_ns())
        await rig.turns()
        assert len(rig.venue.authorised_for) == 1
        assert len(rig.told(CredentialRefused)) == 1
        assert "ESession:Invalid session" in caplog.text


async def test_a_renewal_that_fails_ends_nothing() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        rig.venue.failing = VenueDown("EService:Busy")
        rig.session.say(CredentialRefused(AuthError("ESession:Invalid session")), rig.clock.mono_ns())
        await rig.turns()
        rig.venue.failing = None
        assert (await rig.desk.orders.submit(buy())).state is OrderState.WORKING


async def test_a_channel_refused_for_good_is_told() -> None:
    async with DeskRig() as rig:
        rig.desk.receive(AccountRefused("executions", AuthError("EGeneral:Permission denied")), 5)
        assert rig.told(AccountRefused)


async def test_a_venue_that_trades_again_is_reconciled_before_the_first_new_order() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        await rig.passing(1)
        rig.desk.receive(VenueStatus(VenueMode.CANCEL_ONLY), rig.clock.mono_ns())
        await rig.turns()
        with pytest.raises(Held, match="cancel_only"):
            await rig.desk.orders.submit(buy())
        rig.venue.failing = VenueDown("EService:Unavailable")
        rig.desk.receive(VenueStatus(VenueMode.ONLINE), rig.clock.mono_ns())
        await rig.passing(3)
        with pytest.raises(Held):
            await rig.desk.orders.submit(buy())
        rig.venue.failing = None
        await rig.passing(6)
        assert (await rig.desk.orders.submit(buy())).state is OrderState.WORKING


async def test_a_venue_that_takes_some_orders_again_is_reconciled_first_too() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        await rig.passing(1)
        rig.desk.receive(VenueStatus(VenueMode.MAINTENANCE), rig.clock.mono_ns())
        await rig.turns()
        rig.venue.failing = VenueDown("EService:Unavailable")
        rig.desk.receive(VenueStatus(VenueMode.LIMIT_ONLY), rig.clock.mono_ns())
        await rig.passing(3)
        with pytest.raises(Held, match="maintenance"):
            await rig.desk.orders.submit(buy())
        rig.venue.failing = None
        await rig.passing(6)
        assert (await rig.desk.orders.submit(buy())).state is OrderState.WORKING


async def test_the_switch_follows_the_account_and_is_disarmed_by_a_clean_end() -> None:
    rig = DeskRig(dead_man_s=60)
    async with rig:
        await rig.passing(2)
        assert rig.venue.dead_man_s is None
        await rig.connect()
        await rig.passing(2)
        assert rig.venue.dead_man_s == 60
    assert rig.venue.dead_man_s == 0
    assert [event.armed for event in rig.told(DeadManChanged) if isinstance(event, DeadManChanged)] == [
        True,
        False,
    ]


async def test_the_switch_is_set_for_no_symbol_where_only_others_have_orders() -> None:
    async with DeskRig(dead_man_s=60) as rig:
        await rig.connect()
        await rig.desk.orders.submit(buy("BTC/USD"))
        rig.venue.orders.foreign(buy("ETH/USD"))
        await rig.deliver()
        await rig.passing(25)
        assert len(rig.desk.orders.live()) == 2
        assert rig.venue.dead_man_symbols == {"BTC/USD"}


async def test_leaving_cancels_everything_where_that_is_wanted_and_only_there() -> None:
    for cancel_on_exit in (False, True):
        rig = DeskRig(cancel_on_exit=cancel_on_exit)
        async with rig:
            await rig.connect()
            await rig.desk.orders.submit(buy())
        (true,) = rig.venue.orders.every
        assert (true.state is OrderState.CANCELED) is cancel_on_exit


async def test_a_frame_that_was_not_understood_is_counted_and_what_it_may_have_told_is_asked_for() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        await rig.passing(1)
        before = len(rig.told(Reconciled))
        rig.desk.receive(FrameSkipped(b"{}", "why"), 5)
        await rig.turns()
        assert rig.desk.skipped == 1
        assert len(rig.told(Reconciled)) == before + 1


async def test_a_restart_on_the_same_journal_knows_every_order_and_places_none_again() -> None:
    first = DeskRig()
    async with first:
        await first.connect()
        order = await first.desk.orders.submit(buy())
        await first.deliver()
    second = DeskRig(clock=first.clock, venue=first.venue, journal=first.journal)
    async with second:
        await second.connect()
        await second.passing(2)
        known = second.desk.orders.get(order.client_id)
        assert known is not None
        assert known.state is OrderState.WORKING
    assert len(first.venue.orders.every) == 1


@virtual
async def test_leaving_cancels_by_rest_what_a_silent_stream_does_not_say_is_cancelled() -> None:
    rig = DeskRig(cancel_on_exit=True)
    async with rig:
        await rig.connect()
        await rig.desk.orders.submit(buy())
        rig.venue.script.append(Outcome.SLOW)
    assert [(sent.action, sent.path) for sent in rig.venue.sent[1:]] == [
        (Action.CANCEL, Path.STREAM),
        (Action.CANCEL, Path.REST),
    ]


async def test_a_program_that_is_interrupted_takes_its_leave_as_well() -> None:
    rig = DeskRig(dead_man_s=60, cancel_on_exit=True)

    async def program() -> None:
        async with rig.desk:
            await rig.connect()
            await rig.desk.orders.submit(buy())
            await asyncio.Event().wait()

    running = asyncio.ensure_future(program())
    await rig.turns()
    await rig.passing(2)
    assert rig.venue.dead_man_s == 60
    running.cancel()
    await rig.passing(2)
    assert running.cancelled()
    assert rig.venue.dead_man_s == 0
    assert [true.state for true in rig.venue.orders.every] == [OrderState.CANCELED]


async def test_news_after_the_end_begins_nothing() -> None:
    rig = DeskRig()
    async with rig:
        await rig.connect()
    rig.session.say(CredentialRefused(AuthError("ESession:Invalid session")), rig.clock.mono_ns())
    rig.desk.receive(OrdersReported(()), 6)
    rig.desk.receive(LineDown("late"), 7)
    assert len(rig.venue.authorised_for) == 0


async def test_no_line_may_be_replaced_while_an_orders_fate_hangs_on_one() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        assert rig.desk.may_rotate() is None
        rig.venue.script.append(Outcome.SLOW)
        placing = asyncio.ensure_future(rig.desk.orders.submit(buy()))
        await rig.turns()
        assert rig.desk.may_rotate() == "order client-1 is UNKNOWN"
        rig.venue.release()
        await placing
        assert rig.desk.may_rotate() is None
        rig.venue.script.append(Outcome.SLOW)
        changing = asyncio.ensure_future(rig.desk.orders.amend("client-1", Amendment(limit_price=Decimal(9))))
        await rig.turns()
        assert rig.desk.may_rotate() == "a change of order client-1 is on its way"
        rig.venue.release()
        await changing
        rig.session.outstanding = 1
        assert rig.desk.may_rotate() == "a request waits for its answer"


async def test_the_snapshot_of_a_joining_line_shows_matches_and_what_has_arrived_and_takes_nothing_back() -> (
    None
):
    async with DeskRig(private_lines=2) as rig:
        await rig.connect()
        await rig.desk.orders.submit(buy())
        await rig.deliver()
        (true,) = rig.venue.orders.every
        old = tuple(rig.venue.orders.snapshot())
        await rig.desk.orders.amend("client-1", Amendment(limit_price=Decimal(9)))
        await rig.deliver()
        rig.venue.orders.fill(true, Decimal("0.5"), Decimal(9))
        new = tuple(rig.venue.orders.snapshot())
        rig.venue.script.append(Outcome.UNANSWERED)
        doubted = await rig.desk.orders.submit(buy())
        assert doubted.state is OrderState.UNKNOWN
        arrived = tuple(rig.venue.orders.snapshot())
        rig.venue.orders.outbox.clear()
        before = len(rig.told(Reconciled))
        for reports in (old, new, arrived):
            rig.desk.receive(OrdersJoined(reports), rig.clock.mono_ns())

        order = rig.desk.orders.get("client-1")
        assert order is not None
        assert (order.limit_price, order.filled_qty) == (9, Decimal("0.5"))
        second = rig.desk.orders.get("client-2")
        assert second is not None and second.state is OrderState.WORKING
        await rig.turns()
        assert len(rig.told(Reconciled)) == before


async def test_a_switch_of_lines_is_told_and_followed_by_one_reconciliation() -> None:
    async with DeskRig(private_lines=2) as rig:
        await rig.connect()
        second = rig.venue.sessions[1]
        second.opened(rig.clock.mono_ns())
        for news in (OrdersSnapshot(()), BalancesReported(rig.venue.balances)):
            second.say(news, rig.clock.mono_ns())
        await rig.passing(1)
        before = len(rig.told(Reconciled))
        rig.venue.sessions[0].closed("cut", rig.clock.mono_ns())
        assert await asyncio.wait_for(rig.desk.ready(0), 1) is None
        await rig.turns()
        assert len(rig.told(LineSwitched)) == 1
        assert len(rig.told(Reconciled)) == before + 1


async def test_positions_configuration_and_margin_calls_reach_those_who_ask() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        held = Position(symbol="BTC/USDT:USDT", qty=Decimal("0.5"))
        now_ns = rig.clock.mono_ns()
        rig.desk.receive(PositionsReported((held,), True, now_ns), now_ns)
        told = AccountConfiguration(False, False, True)
        rig.desk.receive(ConfigurationReported(told), now_ns)
        rig.desk.receive(MarginCalled((held,), Decimal(5)), now_ns)

        reading = await rig.desk.positions.all()
        assert (reading.source, [each.qty for each in reading.value]) == (Source.STREAM, [Decimal("0.5")])
        assert rig.desk.configuration.known == told
        assert len(rig.told(MarginCalled)) == len(rig.told(ConfigurationChanged)) == 1
        assert [change.before for change in rig.told(PositionChanged)] == [Decimal(0)]


async def test_a_hole_in_the_account_is_a_hole_in_its_positions() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        now_ns = rig.clock.mono_ns()
        rig.desk.receive(PositionsReported((), True, now_ns), now_ns)
        assert (await rig.desk.reads.positions()).source is Source.STREAM
        rig.desk.receive(AccountGap("balances", 0, "why"), now_ns)
        assert (await rig.desk.reads.positions()).source is Source.REST
        rig.desk.receive(PositionsReported((), True, now_ns), now_ns)
        await rig.cut()
        with pytest.raises(Stale):
            await rig.desk.reads.positions(Source.STREAM)


async def test_the_venue_is_told_how_many_orders_of_a_symbol_stand_without_a_trigger() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        stop = OrderRequest(
            symbol="BTC/USD",
            side=Side.SELL,
            kind=OrderKind.STOP_LOSS,
            qty=Decimal(1),
            trigger=Trigger(Decimal(9)),
        )
        for request in (buy(), buy(), buy("ETH/USD"), stop):
            await rig.desk.orders.submit(request)
        assert (rig.venue.open_orders("BTC/USD"), rig.venue.open_orders("ETH/USD")) == (2, 1)

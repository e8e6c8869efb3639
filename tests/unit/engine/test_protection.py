"""An order that guards a position and is missing is told within a second, and answered as configured."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from deskrig import DeskRig, buy
from leadline.clock import NS_PER_S
from leadline.core.account_session import PositionsReported
from leadline.engine.order_news import OrderEvent, OrderNews
from leadline.engine.protection import (
    CLOSES,
    GRACE_S,
    RECALLED_NS,
    ProtectionAnswered,
    ProtectionMissing,
    ProtectionPolicy,
)
from leadline.engine.records import Intent
from leadline.errors import Acted, CheckFailed, ConnectFailed, ConnectionLost, Held, Rejected, VenueDown
from leadline.model.account import Position
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest, OrderState, PositionSide, Trigger
from leadline.venues.memory_account import Outcome
from leadline.venues.ports import Path

BTC = "BTC/USD"


def stop(symbol: str = BTC, **changed: object) -> OrderRequest:
    wanted = {
        "side": Side.SELL, "kind": OrderKind.STOP_LOSS, "qty": Decimal(1), "trigger": Trigger(Decimal(9)),
        "reduce_only": True,
    }  # fmt: skip
    return OrderRequest(**({"symbol": symbol} | wanted | changed))  # type: ignore[arg-type]


def held(qty: str, side: PositionSide = PositionSide.NET) -> Position:
    return Position(symbol=BTC, qty=Decimal(qty), side=side)


class Rig(DeskRig):
    def __init__(self, policy: ProtectionPolicy = ProtectionPolicy.NONE, **parts: Any) -> None:
        super().__init__(protection=policy, **parts)

    def again(self, policy: ProtectionPolicy = ProtectionPolicy.NONE) -> Rig:
        """The process after this one, at the same venue and with the same journal."""
        return Rig(policy, clock=self.clock, venue=self.venue, journal=self.journal)

    def markets(self) -> list[Decimal | None]:
        """The quantities of the market orders that the venue has seen."""
        return [order.request.qty for order in self.venue.orders.every if order.request.trigger is None]

    async def holding(self, *positions: Position) -> None:
        """The stream is up and tells these positions."""
        if not self.desk.streaming:
            await self.connect()
        self.session.received(b"{}", self.clock.mono_ns())
        self.desk.receive(PositionsReported(positions, True, self.clock.mono_ns()), self.clock.mono_ns())
        self.venue.positions = list(positions)
        await self.turns()

    def missing(self) -> list[str]:
        return [event.why for event in self.told(ProtectionMissing)]  # type: ignore[union-attr]

    def answered(self) -> list[ProtectionAnswered]:
        return self.told(ProtectionAnswered)  # type: ignore[return-value]

    async def second(self) -> None:
        for _ in range(4):
            self.clock.advance(0.25)
            self.session.received(b"{}", self.clock.mono_ns())
            await self.turns()


async def test_a_stop_that_the_venue_refuses_is_told_at_once() -> None:
    async with Rig() as rig:
        await rig.holding(held("1"))
        rig.venue.script.append(Rejected("-2021 Order would immediately trigger."))
        order = await rig.desk.orders.submit(stop())
        assert order.state is OrderState.REJECTED
        (why,) = rig.missing()
        assert "it was refused: -2021" in why
        assert rig.answered() == []


async def test_a_stop_that_our_own_checks_refuse_is_told_too() -> None:
    async with Rig() as rig:
        await rig.holding(held("1"))
        with pytest.raises(CheckFailed):
            await rig.desk.orders.submit(stop(qty=Decimal("0.0000001")))
        (why,) = rig.missing()
        assert "it was not sent" in why


async def test_an_ordinary_order_that_is_refused_guards_nothing() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        rig.venue.script.append(Rejected("no"))
        await rig.desk.orders.submit(buy())
        with pytest.raises(CheckFailed):
            await rig.desk.orders.submit(buy(qty="0.0000001"))
        await rig.second()
        assert rig.missing() == []


async def test_a_stop_that_vanishes_from_a_position_is_told_within_a_second() -> None:
    async with Rig() as rig:
        await rig.holding(held("1"))
        await rig.desk.orders.submit(stop())
        (true,) = rig.venue.orders.every
        rig.venue.orders.end(true, OrderState.CANCELED, "by hand, elsewhere")
        await rig.deliver()
        assert rig.missing() == []
        await rig.second()
        (why,) = rig.missing()
        assert why == "it is canceled: by hand, elsewhere"


async def test_a_stop_that_ends_together_with_its_position_is_not_missing() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        await rig.desk.orders.submit(stop())
        (true,) = rig.venue.orders.every
        rig.venue.orders.end(true, OrderState.EXPIRED, "its condition has lapsed")
        await rig.deliver()
        rig.clock.advance(GRACE_S / 2)
        await rig.holding()  # the end of the position is told a little later
        await rig.second()
        assert rig.missing() == []


@pytest.mark.parametrize("everything", [False, True])
async def test_a_stop_that_we_cancel_is_not_missing(everything: bool) -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        order = await rig.desk.orders.submit(stop())
        if everything:
            await rig.desk.orders.cancel_all()
        else:
            await rig.desk.orders.cancel(order.order_id or "")
        await rig.deliver()
        await rig.second()
        assert rig.desk.orders.get(order.client_id) is not None
        assert rig.missing() == []


async def test_a_stop_that_another_replaces_is_not_missing() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        order = await rig.desk.orders.submit(stop())
        await rig.desk.orders.replace(order.client_id, stop(trigger=Trigger(Decimal(8))))
        await rig.deliver()
        await rig.second()
        assert rig.missing() == []


async def test_a_stop_that_did_its_work_is_not_missing() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        await rig.desk.orders.submit(stop())
        (true,) = rig.venue.orders.every
        rig.venue.orders.fill(true, Decimal(1), Decimal(9))
        await rig.deliver()
        await rig.second()
        assert rig.missing() == []


async def test_one_missing_order_is_told_once() -> None:
    async with Rig() as rig:
        await rig.holding(held("1"))
        await rig.desk.orders.submit(stop())
        (true,) = rig.venue.orders.every
        rig.venue.orders.end(true, OrderState.CANCELED, "elsewhere")
        report = rig.venue.orders.deliver()
        for _ in range(3):
            rig.desk.orders.reported(report, rig.clock.mono_ns())
        await rig.second()
        assert len(rig.missing()) == 1


async def test_the_position_is_closed_at_the_market_and_what_could_open_more_is_cancelled() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1.5"))
        entry = await rig.desk.orders.submit(buy())
        other = await rig.desk.orders.submit(stop(qty=Decimal("0.5")))
        rig.venue.script.append(Rejected("no"))
        await rig.desk.orders.submit(stop())
        await rig.passing(2, 0.25)
        closing = rig.venue.orders.every[-1].request
        assert (closing.kind, closing.side, closing.qty) == (OrderKind.MARKET, Side.SELL, Decimal("1.5"))
        assert closing.reduce_only
        states = {order.client_id: order.state for order in rig.venue.orders.every}
        assert (states[entry.client_id], states[other.client_id]) == (OrderState.CANCELED, OrderState.WORKING)
        (answered,) = rig.answered()
        assert (answered.cancelled, answered.closed, answered.error) == (1, Decimal("1.5"), "")


async def test_in_hedge_mode_the_side_of_the_position_says_what_is_closed() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("-2", PositionSide.SHORT))
        rig.venue.script.append(Rejected("no"))
        wanted = stop(side=Side.BUY, position_side=PositionSide.SHORT, reduce_only=False)
        await rig.desk.orders.submit(wanted)
        await rig.second()
        closing = rig.venue.orders.every[-1].request
        assert (closing.side, closing.position_side) == (Side.BUY, PositionSide.SHORT)
        assert not closing.reduce_only


async def test_every_order_of_the_symbol_is_cancelled_and_of_no_other() -> None:
    async with Rig(ProtectionPolicy.CANCEL) as rig:
        await rig.holding(held("1"))
        mine = await rig.desk.orders.submit(buy())
        await rig.desk.orders.submit(buy("ETH/USD"))
        rig.venue.script.append(Rejected("no"))
        await rig.desk.orders.submit(stop())
        await rig.second()
        open_ = [order for order in rig.venue.orders.every if not order.state.final]
        assert [order.request.symbol for order in open_] == ["ETH/USD"]
        assert mine.client_id not in {order.client_id for order in open_}
        (answered,) = rig.answered()
        assert (answered.cancelled, answered.closed) == (1, 0)


async def test_a_close_that_is_refused_is_told() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        down = [VenueDown("-1008 Request throttled") for _ in range(CLOSES)]
        rig.venue.script.extend([Rejected("no"), *down])
        await rig.desk.orders.submit(stop())
        await rig.passing(5)
        (answered,) = rig.answered()
        assert "was refused" in answered.error


async def test_while_the_stream_is_lost_the_positions_are_asked_for() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        await rig.cut()
        rig.venue.script.append(Rejected("no"))
        await rig.desk.orders.submit(stop())
        await rig.passing(1)
        assert rig.venue.orders.every[-1].request.kind is OrderKind.MARKET
        assert {sent.path for sent in rig.venue.sent[-1:]} == {Path.REST}


async def test_a_stop_of_one_side_that_ends_with_its_position_leaves_the_other_side_alone() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        short = held("-2", PositionSide.SHORT)
        await rig.holding(held("1", PositionSide.LONG), short)
        await rig.desk.orders.submit(stop(position_side=PositionSide.LONG, reduce_only=False))
        (true,) = rig.venue.orders.every
        rig.venue.orders.end(true, OrderState.EXPIRED, "its condition has lapsed")
        await rig.deliver()
        rig.clock.advance(GRACE_S / 2)
        await rig.holding(short)
        await rig.second()
        assert rig.missing() == []
        assert len(rig.venue.orders.every) == 1


async def test_only_the_side_that_lost_its_guard_is_closed() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1", PositionSide.LONG), held("-2", PositionSide.SHORT))
        rig.venue.script.append(Rejected("no"))
        await rig.desk.orders.submit(stop(position_side=PositionSide.LONG, reduce_only=False))
        await rig.second()
        closing = [order.request for order in rig.venue.orders.every if order.request.trigger is None]
        assert [(one.side, one.position_side, one.qty) for one in closing] == [
            (Side.SELL, PositionSide.LONG, Decimal(1))
        ]


async def test_a_stop_of_a_position_that_has_turned_guards_nothing_any_more() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        await rig.desk.orders.submit(stop())
        await rig.holding(held("-1"))
        (true,) = rig.venue.orders.every
        rig.venue.orders.end(true, OrderState.EXPIRED, "its condition has lapsed")
        await rig.deliver()
        await rig.second()
        assert rig.missing() == []


async def test_a_close_that_was_lost_on_its_way_is_tried_again() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        rig.venue.script.extend([Rejected("no"), Outcome.LOST])
        await rig.desk.orders.submit(stop())
        await rig.passing(12)
        markets = [order for order in rig.desk.orders.orders() if order.kind is OrderKind.MARKET]
        assert [order.state for order in markets] == [OrderState.REJECTED, OrderState.WORKING]
        (answered,) = rig.answered()
        assert (answered.closed, answered.error) == (Decimal(1), "")


async def test_a_close_that_ends_before_all_is_closed_is_tried_with_what_is_left() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("3"))
        rig.venue.script.append(Rejected("no"))
        await rig.desk.orders.submit(stop())
        await rig.turns()
        first = rig.venue.orders.every[-1]
        rig.venue.orders.fill(first, Decimal(1), Decimal(9))
        rig.venue.orders.end(first, OrderState.EXPIRED, "what a market order could not fill")
        rig.venue.positions = [held("2")]
        await rig.deliver()
        await rig.passing(3)
        again = rig.venue.orders.every[-1]
        assert again is not first
        assert again.request.qty == Decimal(2)


async def test_a_close_waits_for_what_holds_it() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        rig.venue.script.append(Rejected("no"))
        orders = rig.desk.orders

        def halt(news: OrderNews) -> None:
            if isinstance(news, OrderEvent) and news.order.state is OrderState.REJECTED:
                orders.halt(BTC, "somebody looks")

        orders.tell(halt)
        await orders.submit(stop())
        await rig.passing(3)
        assert [order.request.kind for order in rig.venue.orders.every] == []
        orders.resume(BTC, "seen")
        await rig.passing(3)
        assert rig.venue.orders.every[-1].request.kind is OrderKind.MARKET


async def test_a_cancel_that_fails_keeps_nobody_from_closing_and_is_told() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        await rig.desk.orders.submit(buy())
        rig.venue.script.extend([Rejected("no"), VenueDown("busy"), VenueDown("busy")])
        await rig.desk.orders.submit(stop())
        await rig.second()
        await rig.second()
        await rig.second()
        assert rig.venue.orders.every[-1].request.kind is OrderKind.MARKET
        (answered,) = rig.answered()
        assert (answered.cancelled, answered.closed) == (0, Decimal(1))
        assert "not all was cancelled: busy" in answered.error


async def test_a_stop_that_could_not_be_replaced_is_still_watched() -> None:
    async with Rig() as rig:
        await rig.holding(held("1"))
        order = await rig.desk.orders.submit(stop())
        rig.venue.replaces_named = False
        with pytest.raises(CheckFailed):
            await rig.desk.orders.replace(order.client_id, stop(trigger=Trigger(Decimal(8))))
        (true,) = rig.venue.orders.every
        rig.venue.orders.end(true, OrderState.EXPIRED, "the venue's doing")
        await rig.deliver()
        await rig.second()
        assert rig.missing() == ["it is expired: the venue's doing"]


async def test_what_is_larger_than_a_market_order_may_be_is_closed_in_pieces() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        rig.venue.market_max = Decimal(2)
        await rig.holding(held("5"))
        rig.venue.script.append(Rejected("no"))
        await rig.desk.orders.submit(stop())
        await rig.passing(5, 0.25)
        assert rig.markets() == [Decimal(2), Decimal(2), Decimal(1)]
        assert all(order.request.reduce_only for order in rig.venue.orders.every)
        assert {order.client_id for order in rig.venue.orders.every} <= {
            record.client_id for record in rig.journal.kept if isinstance(record, Intent)
        }
        (answered,) = rig.answered()
        assert (answered.closed, answered.error) == (Decimal(5), "")


async def test_a_piece_whose_answer_is_lost_keeps_the_next_one_back_until_it_is_known() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        rig.venue.market_max = Decimal(2)
        await rig.holding(held("4"))
        rig.venue.search_s = 3.0
        rig.venue.script.extend([Rejected("no"), Outcome.UNANSWERED])
        await rig.desk.orders.submit(stop())
        await rig.passing(2, 0.25)
        assert rig.markets() == [Decimal(2)]
        (doubted,) = [order for order in rig.desk.orders.orders() if order.kind is OrderKind.MARKET]
        assert doubted.state is OrderState.UNKNOWN
        await rig.passing(12, 0.25)
        assert rig.markets() == [Decimal(2), Decimal(2)]
        assert [answered.error for answered in rig.answered()] == [""]


async def test_a_piece_that_is_refused_leaves_the_others_to_what_rest_says_is_left() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        rig.venue.market_max = Decimal(2)
        await rig.holding(held("6"))
        rig.venue.script.extend([Rejected("no"), Outcome.ANSWERED, Rejected("-2022 ReduceOnly")])
        await rig.desk.orders.submit(stop())
        await rig.turns()
        rig.venue.positions = [held("1")]
        await rig.passing(6, 0.25)
        assert rig.markets() == [Decimal(2), Decimal(1)]
        assert [answered.error for answered in rig.answered()] == [""]


async def test_a_position_that_the_stream_has_not_told_of_yet_is_closed() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding()
        entry = await rig.desk.orders.submit(buy())
        (true,) = rig.venue.orders.every
        rig.venue.orders.fill(true, Decimal(1), Decimal(10))
        await rig.deliver()
        rig.venue.positions = [held("1")]  # and nothing of it on the stream
        assert rig.desk.orders.get(entry.client_id).state is OrderState.FILLED  # type: ignore[union-attr]
        rig.venue.script.append(Rejected("no"))
        await rig.desk.orders.submit(stop())
        await rig.passing(3, 0.25)
        assert rig.markets()[1:] == [Decimal(1)]


async def test_where_the_stream_has_told_that_there_is_no_position_nothing_is_closed() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding()
        rig.venue.positions = [held("1")]  # REST lags
        rig.venue.script.append(Rejected("no"))
        await rig.desk.orders.submit(stop())
        await rig.passing(3, 0.25)
        assert rig.markets() == []


async def test_a_stop_refused_when_it_was_triggered_guards_nothing_where_nothing_is_held() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        entry = await rig.desk.orders.submit(buy())
        await rig.desk.orders.submit(stop())
        rig.clock.advance(0.1)
        await rig.holding()
        rig.venue.orders.end(rig.venue.orders.every[1], OrderState.REJECTED, "Reduce Only reject")
        await rig.deliver()
        await rig.passing(2, 0.25)
        assert rig.missing() == []
        assert rig.desk.orders.get(entry.client_id).state is OrderState.WORKING  # type: ignore[union-attr]


async def test_a_stop_refused_when_it_was_triggered_is_missing_within_a_second() -> None:
    async with Rig() as rig:
        await rig.holding(held("1"))
        await rig.desk.orders.submit(stop())
        (true,) = rig.venue.orders.every
        rig.venue.orders.end(true, OrderState.REJECTED, "Margin is insufficient")
        await rig.deliver()
        await rig.second()
        assert rig.missing() == ["it is rejected: Margin is insufficient"]


async def test_a_stop_that_is_held_back_here_is_missing() -> None:
    async with Rig() as rig:
        await rig.holding(held("1"))
        rig.desk.orders.halt(BTC, "somebody looks")
        with pytest.raises(Held):
            await rig.desk.orders.submit(stop())
        with pytest.raises(Held):
            await rig.desk.orders.batch([stop(), stop()])
        assert len(rig.missing()) == 3
        assert "halted" in rig.missing()[0]


async def test_one_position_is_closed_once_however_much_of_its_guard_is_missing() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        rig.venue.script.extend([Rejected("no"), Outcome.SLOW])
        await rig.desk.orders.submit(stop())
        await rig.turns()
        for _ in range(3):
            with pytest.raises(CheckFailed):
                await rig.desk.orders.submit(stop(qty=Decimal("0.0000001")))
        rig.venue.release()
        await rig.passing(3, 0.25)
        assert len(rig.missing()) == 4
        assert rig.markets() == [Decimal(1)]
        assert len(rig.answered()) == 1


async def test_a_stop_that_a_later_part_of_a_batch_leaves_behind_is_missing() -> None:
    async with Rig() as rig:
        await rig.holding(held("1"))
        rig.venue.batch_max = 1
        orders = rig.desk.orders

        def halt(news: OrderNews) -> None:
            if isinstance(news, OrderEvent) and news.order.state is OrderState.WORKING:
                orders.halt(BTC, "somebody looks")

        orders.tell(halt)
        first, second = await orders.batch([stop(), stop()])
        assert (first.state, second.state) == (OrderState.WORKING, OrderState.REJECTED)
        (why,) = rig.missing()
        assert "halted" in why


async def test_where_nobody_says_whether_anything_is_held_the_guard_is_missing() -> None:
    async with Rig() as rig:
        await rig.holding(held("1"))
        await rig.desk.orders.submit(stop())
        rig.venue.orders.end(rig.venue.orders.every[0], OrderState.EXPIRED, "the venue's doing")
        await rig.deliver()
        await rig.cut()
        rig.venue.failing = ConnectionLost("no answer")
        rig.clock.advance(GRACE_S)
        await rig.turns()
        assert rig.missing() == ["it is expired: the venue's doing"]


async def test_a_stop_whose_cancel_never_left_is_still_watched() -> None:
    async with Rig() as rig:
        await rig.holding(held("1"))
        order = await rig.desk.orders.submit(stop())
        rig.venue.script.extend([Outcome.UNSENT, Outcome.UNSENT])
        (outcome,) = await rig.desk.orders.cancel(order.client_id)
        assert outcome.error is not None
        await rig.second()
        rig.venue.orders.end(rig.venue.orders.every[0], OrderState.EXPIRED, "the venue's doing")
        await rig.deliver()
        await rig.second()
        assert rig.missing() == ["it is expired: the venue's doing"]


async def test_a_stop_whose_cancel_left_at_the_second_try_is_not_missing() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        order = await rig.desk.orders.submit(stop())
        rig.venue.script.extend([Outcome.UNSENT, Outcome.UNSENT])
        cancelling = asyncio.ensure_future(rig.desk.orders.cancel(order.client_id, wait_s=5))
        await rig.passing(3, 0.25)
        (outcome,) = await cancelling
        assert outcome.error is None
        await rig.deliver()
        await rig.second()
        assert rig.desk.orders.get(order.client_id).state is OrderState.CANCELED  # type: ignore[union-attr]
        assert rig.missing() == []


@pytest.mark.parametrize("late", [False, True])
async def test_a_stop_that_outlives_a_cancel_by_a_minute_is_watched_again(late: bool) -> None:
    async with Rig() as rig:
        await rig.holding(held("1"))
        order = await rig.desk.orders.submit(stop())
        rig.venue.script.extend([VenueDown("busy"), VenueDown("busy")])
        await rig.desk.orders.cancel(order.client_id)
        await rig.passing(61 if late else 55, 5)
        rig.venue.orders.end(rig.venue.orders.every[0], OrderState.CANCELED, "by whom?")
        await rig.deliver()
        await rig.second()
        assert len(rig.missing()) == late


@pytest.mark.parametrize("heard", [False, True])
@pytest.mark.parametrize("everything", [False, True])
async def test_a_cancel_asked_for_by_the_process_before_explains_the_end_of_a_stop(
    everything: bool, heard: bool
) -> None:
    rig = Rig()
    async with rig:
        await rig.holding(held("1"))
        order = await rig.desk.orders.submit(stop())
        if everything:
            await rig.desk.orders.cancel_all()
        else:
            await rig.desk.orders.cancel(order.client_id)
        if heard:
            await rig.deliver()
        rig.venue.orders.outbox.clear()
    async with rig.again(ProtectionPolicy.CLOSE) as later:
        await later.holding(held("1"))
        await later.passing(3, 0.25)
        assert later.desk.orders.get(order.client_id).state is OrderState.CANCELED  # type: ignore[union-attr]
        assert later.missing() == []


async def killed_with_a_stop_gone() -> Rig:
    """A process that heard of the end of its stop, and did not live to tell."""
    rig = Rig()
    async with rig:
        await rig.holding(held("1"))
        await rig.desk.orders.submit(stop())
        rig.venue.orders.end(rig.venue.orders.every[0], OrderState.EXPIRED, "the venue's doing")
        await rig.deliver()
        assert rig.missing() == []
    return rig


async def test_the_end_of_a_stop_that_nobody_lived_to_tell_is_told_by_the_next_process() -> None:
    rig = await killed_with_a_stop_gone()
    async with rig.again(ProtectionPolicy.CLOSE) as later:
        await later.holding(held("1"))
        await later.passing(3, 0.25)
        assert later.missing() == ["it is expired: the venue's doing"]
        assert later.markets() == [Decimal(1)]


async def test_it_is_told_once_and_not_where_nothing_is_held() -> None:
    rig = await killed_with_a_stop_gone()
    rig.venue.positions = []
    async with rig.again(ProtectionPolicy.CLOSE) as later:
        await later.holding()
        await later.passing(3, 0.25)
        assert later.missing() == []


async def test_it_is_not_told_of_old_nor_where_another_guard_was_placed_since() -> None:
    rig = await killed_with_a_stop_gone()
    async with rig.again() as later:
        await later.holding(held("1"))
        await later.desk.orders.submit(stop())
    async with rig.again(ProtectionPolicy.CLOSE) as third:
        await third.holding(held("1"))
        await third.passing(3, 0.25)
        assert third.missing() == []
    old = await killed_with_a_stop_gone()
    old.clock.advance(RECALLED_NS / NS_PER_S + 1)
    async with old.again(ProtectionPolicy.CLOSE) as later:
        await later.holding(held("1"))
        await later.passing(3, 0.25)
        assert later.missing() == []


async def test_a_stop_that_was_journalled_and_never_sent_is_missing_after_the_restart() -> None:
    """Killed between the position and its guard."""
    rig = Rig()
    async with rig:
        await rig.holding(held("1"))
        rig.venue.script.append(Outcome.LOST)
        await rig.desk.orders.submit(stop())
    async with rig.again(ProtectionPolicy.CLOSE) as later:
        await later.holding(held("1"))
        await later.passing(12, 0.5)
        assert len(later.missing()) == 1
        assert later.markets() == [Decimal(1)]


async def test_a_stop_that_is_taken_back_before_it_leaves_is_not_missing() -> None:
    rig = Rig(ProtectionPolicy.CLOSE)
    async with rig:
        await rig.holding(held("1"))
        rig.venue.streaming = False
        rig.venue.script.append(Outcome.QUEUED)
        placing = asyncio.ensure_future(rig.desk.orders.submit(stop()))
        await rig.turns()
        (waiting,) = rig.desk.orders.unknown()
        await rig.desk.orders.cancel(waiting.client_id)
        assert (await placing).state is OrderState.CANCELED
        await rig.passing(3, 0.25)
        assert rig.missing() == []
    async with rig.again(ProtectionPolicy.CLOSE) as later:
        await later.holding(held("1"))
        await later.passing(3, 0.25)
        assert later.missing() == []


@pytest.mark.parametrize("second", [(), (Outcome.UNSENT, Outcome.UNSENT)])
async def test_a_stop_whose_cancel_left_on_one_path_is_not_missing_where_the_others_never_did(
    second: tuple[Outcome, ...],
) -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        order = await rig.desk.orders.submit(stop())
        rig.venue.failing = VenueDown("nothing can be looked up")
        rig.venue.script.extend([Outcome.UNANSWERED, Outcome.UNSENT])
        await rig.desk.orders.cancel(order.client_id)
        if second:
            rig.venue.script.extend(second)
            await rig.desk.orders.cancel(order.client_id)
        rig.venue.failing = None
        await rig.deliver()
        await rig.second()
        assert rig.desk.orders.get(order.client_id).state is OrderState.CANCELED  # type: ignore[union-attr]
        assert rig.missing() == []


@pytest.mark.parametrize("everything", [False, True])
async def test_a_stop_whose_cancel_reached_the_venue_minutes_later_is_not_missing(everything: bool) -> None:
    rig = Rig(ProtectionPolicy.CLOSE)
    async with rig:
        await rig.holding(held("1"))
        order = await rig.desk.orders.submit(stop())
        rig.venue.script.extend([Outcome.UNSENT] * 200)
        orders = rig.desk.orders
        cancelling: asyncio.Future[object] = asyncio.ensure_future(
            orders.cancel_all(wait_s=300) if everything else orders.cancel(order.client_id, wait_s=300)
        )
        await rig.passing(110, 0.5)
        await cancelling
        await rig.deliver()
        await rig.second()
        assert rig.desk.orders.get(order.client_id).state is OrderState.CANCELED  # type: ignore[union-attr]
        assert rig.missing() == []
    async with rig.again(ProtectionPolicy.CLOSE) as later:
        await later.holding(held("1"))
        await later.passing(3, 0.25)
        assert later.missing() == []


async def test_a_cancel_explains_the_end_of_a_stop_however_far_the_clocks_are_apart() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        rig.venue.offset_ns = 300 * NS_PER_S
        await rig.holding(held("1"))
        order = await rig.desk.orders.submit(stop())
        await rig.desk.orders.cancel(order.client_id)
        await rig.deliver()
        await rig.second()
        assert rig.missing() == []


async def test_what_was_cancelled_and_told_late_is_not_missing_after_a_restart() -> None:
    rig = Rig(ProtectionPolicy.CLOSE)
    async with rig:
        await rig.holding(held("1"))
        order = await rig.desk.orders.submit(stop())
        rig.venue.failing = VenueDown("nothing can be looked up")
        rig.venue.script.extend([Outcome.UNANSWERED, Outcome.UNANSWERED])
        await rig.desk.orders.cancel(order.client_id)
        await rig.passing(120, 1)
        await rig.deliver()
        await rig.second()
        assert rig.desk.orders.get(order.client_id).state is OrderState.CANCELED  # type: ignore[union-attr]
        assert rig.missing() == []
    rig.venue.failing = None
    async with rig.again(ProtectionPolicy.CLOSE) as later:
        await later.holding(held("1"))
        await later.passing(3, 0.25)
        assert later.missing() == []


async def test_a_stop_that_another_has_followed_by_the_time_it_is_missed_is_not_missing() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        await rig.desk.orders.submit(stop())
        rig.venue.orders.end(rig.venue.orders.every[0], OrderState.EXPIRED, "the venue's doing")
        await rig.deliver()
        await rig.desk.orders.submit(stop(qty=Decimal("0.5")))
        await rig.second()
        assert rig.missing() == []
        rig.venue.orders.end(rig.venue.orders.every[1], OrderState.EXPIRED, "the venue's doing")
        await rig.deliver()
        await rig.second()
        assert len(rig.missing()) == 1


async def test_what_is_to_be_closed_is_asked_for_again_where_nobody_says() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("2"))
        await rig.desk.orders.submit(stop())
        rig.venue.orders.end(rig.venue.orders.every[0], OrderState.EXPIRED, "the venue's doing")
        await rig.deliver()
        await rig.cut()
        rig.venue.failing = VenueDown("busy")
        await rig.passing(10, 0.5)
        assert (len(rig.missing()), rig.answered(), rig.markets()) == (1, [], [])
        rig.venue.failing = None
        await rig.passing(3, 0.5)
        assert rig.markets() == [Decimal(2)]


@pytest.mark.parametrize("ours", [False, True])
async def test_a_close_that_stood_and_ended_later_is_tried_again_unless_we_have_cancelled_it(
    ours: bool,
) -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        await rig.desk.orders.submit(stop())
        rig.venue.orders.end(rig.venue.orders.every[0], OrderState.EXPIRED, "the venue's doing")
        await rig.deliver()
        await rig.passing(3, 0.25)
        (answer,) = rig.answered()
        assert (answer.closed, rig.markets()) == (Decimal(1), [Decimal(1)])
        close = rig.venue.orders.every[1]
        if ours:
            await rig.desk.orders.cancel(close.client_id or "")
        else:
            rig.venue.orders.end(close, OrderState.EXPIRED, "no price was near enough")
        await rig.deliver()
        await rig.passing(3, 0.25)
        assert rig.markets() == [Decimal(1)] * (1 if ours else 2)
        assert len(rig.missing()) == (1 if ours else 2)


async def test_what_a_process_that_died_between_two_pieces_left_open_is_closed_by_the_next() -> None:
    rig = Rig(ProtectionPolicy.CLOSE)
    rig.venue.market_max = Decimal(1)
    async with rig:
        await rig.holding(held("3"))
        await rig.desk.orders.submit(stop())
        rig.venue.orders.end(rig.venue.orders.every[0], OrderState.EXPIRED, "the venue's doing")
        await rig.deliver()
        while not rig.markets():
            await rig.passing(0.25, 0.25)
        rig.venue.orders.fill(rig.venue.orders.every[1], Decimal(1), Decimal(10))
    async with rig.again(ProtectionPolicy.CLOSE) as later:
        await later.holding(held("2"))
        await later.passing(6, 0.25)
        assert later.markets() == [Decimal(1)] * 3


async def test_a_stop_whose_cancel_left_beside_one_that_did_not_is_not_missing() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding(held("1"))
        order = await rig.desk.orders.submit(stop())
        rig.venue.failing = VenueDown("nothing can be looked up")
        partly = ConnectFailed("not all has left")
        partly.acted = Acted.MAYBE
        rig.venue.script.extend([Outcome.UNSENT, partly])
        await rig.desk.orders.cancel(order.client_id)
        rig.venue.failing = None
        rig.venue.orders.end(rig.venue.orders.every[0], OrderState.CANCELED, "User requested")
        await rig.deliver()
        await rig.second()
        assert rig.missing() == []


async def test_a_position_that_nobody_could_be_asked_about_is_not_taken_for_none() -> None:
    async with Rig(ProtectionPolicy.CLOSE) as rig:
        await rig.holding()
        await rig.desk.orders.submit(buy(qty="2"))
        rig.venue.orders.fill(rig.venue.orders.every[0], Decimal(2), Decimal(10))
        await rig.deliver()  # and what the fill has made of the position is lost
        rig.venue.positions = [held("2")]
        rig.venue.failing = VenueDown("busy")
        await rig.passing(12, 0.5)
        rig.venue.failing = None
        await rig.desk.orders.submit(stop(qty=Decimal(2)))
        rig.venue.orders.end(rig.venue.orders.every[1], OrderState.EXPIRED, "the venue's doing")
        await rig.deliver()
        await rig.second()
        assert len(rig.missing()) == 1

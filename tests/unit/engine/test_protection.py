"""An order that guards a position and is missing is told within a second, and answered as configured."""

from __future__ import annotations

from decimal import Decimal

import pytest

from deskrig import DeskRig, buy
from leadline.core.account_session import PositionsReported
from leadline.engine.order_news import OrderEvent, OrderNews
from leadline.engine.protection import (
    CLOSES,
    GRACE_S,
    ProtectionAnswered,
    ProtectionMissing,
    ProtectionPolicy,
)
from leadline.errors import CheckFailed, Rejected, VenueDown
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
    def __init__(self, policy: ProtectionPolicy = ProtectionPolicy.NONE) -> None:
        super().__init__(protection=policy)

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

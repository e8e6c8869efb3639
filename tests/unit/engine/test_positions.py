"""Positions from stream and REST."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from deskrig import buy
from leadline.clock import NS_PER_S, ManualClock
from leadline.core.account_session import PositionsReported
from leadline.engine.order_news import Cause, OrderEvent
from leadline.engine.positions import (
    CHECK_S,
    QUIET_S,
    SETTLE_S,
    TOGETHER_S,
    PositionChanged,
    PositionDrift,
    Positions,
)
from leadline.errors import CheckFailed, ConnectFailed, Stale
from leadline.model.account import MarginMode, Position
from leadline.model.market import Side
from leadline.model.order import Fill, Order, OrderKind, OrderRequest, OrderState, PositionSide, Trigger
from leadline.model.reading import Source
from leadline.venues.memory_account import MemoryAccount

BTC = "BTC/USDT:USDT"


def held(qty: str, side: PositionSide = PositionSide.NET, at: int = 1, **more: object) -> Position:
    return Position(symbol=BTC, qty=Decimal(qty), side=side, venue_ns=at, **more)  # type: ignore[arg-type]


class Rig:
    def __init__(self) -> None:
        self.clock = ManualClock(mono_ns=1_000 * NS_PER_S)
        self.venue = MemoryAccount(self.clock, ["BTC/USD"])
        self.events: list[PositionChanged | PositionDrift] = []
        self.resubscribed: list[str] = []
        self.alive = True
        self.positions = Positions(
            self.venue,
            self.clock,
            lambda: self.clock.mono_ns() if self.alive else None,
            self.events.append,
            self.resubscribed.append,
        )

    def snapshot(self, *positions: Position) -> None:
        now_ns = self.clock.mono_ns()
        self.positions.receive(PositionsReported(positions, True, now_ns), now_ns)

    def tell(self, *positions: Position) -> None:
        self.positions.receive(PositionsReported(positions), self.clock.mono_ns())

    def quantities(self) -> list[Decimal]:
        known = self.positions.known()
        return [] if known is None else [position.qty for position in known.value]

    async def compare(self) -> list[PositionDrift]:
        work = asyncio.create_task(self.positions.compare())
        for _ in range(20):
            await asyncio.sleep(0)
        self.clock.advance(SETTLE_S)
        return await work


async def test_the_stream_is_read_while_it_flows_and_rest_after_that() -> None:
    rig = Rig()
    rig.venue.positions = [held("5", unrealised=Decimal(7))]
    assert (await rig.positions.all()).source is Source.REST
    rig.snapshot(held("5"))
    streamed = await rig.positions.all()
    assert (streamed.source, streamed.value[0].qty) == (Source.STREAM, Decimal(5))
    rig.positions.lost()
    assert (await rig.positions.all()).source is Source.CACHE
    with pytest.raises(Stale):
        await rig.positions.all(Source.STREAM)


async def test_what_moves_with_the_price_is_told_by_rest_alone() -> None:
    rig = Rig()
    moving = held("5", unrealised=Decimal(7), mark_price=Decimal(9), liquidation_price=Decimal(1))
    rig.venue.positions = [moving]
    rig.snapshot(moving)
    (position,) = (await rig.positions.all()).value
    assert (position.unrealised, position.mark_price, position.liquidation_price) == (None, None, None)
    assert (await rig.positions.all(Source.REST)).value == (moving,)


def test_every_change_of_a_quantity_is_told_with_what_it_was() -> None:
    rig = Rig()
    rig.snapshot(held("5"))
    rig.tell(held("3", at=2))
    rig.tell(held("3", at=3))
    rig.tell(held("0", at=4))
    changes = [(each.position.qty, each.before) for each in rig.events if isinstance(each, PositionChanged)]
    assert changes == [(Decimal(5), Decimal(0)), (Decimal(3), Decimal(5)), (Decimal(0), Decimal(3))]
    assert rig.quantities() == []


def test_a_snapshot_closes_what_it_leaves_out_unless_that_was_told_since_it_was_asked_for() -> None:
    rig = Rig()
    rig.snapshot(held("5"))
    asked_ns = rig.clock.mono_ns()
    rig.clock.advance(1)
    rig.tell(held("6", at=2))
    rig.positions.receive(PositionsReported((), True, asked_ns), rig.clock.mono_ns())
    assert rig.quantities() == [Decimal(6)]
    rig.clock.advance(1)
    rig.positions.receive(PositionsReported((), True, rig.clock.mono_ns()), rig.clock.mono_ns())
    assert rig.quantities() == []


def test_older_news_of_another_line_is_passed_over() -> None:
    rig = Rig()
    rig.snapshot(held("5", at=10))
    rig.tell(held("2", at=9))
    assert rig.quantities() == [Decimal(5)]


def test_long_and_short_positions_of_one_symbol_are_two() -> None:
    rig = Rig()
    rig.snapshot(held("1", PositionSide.LONG), held("-2", PositionSide.SHORT))
    rig.tell(held("0", PositionSide.LONG, at=2))
    assert rig.quantities() == [Decimal(-2)]


def test_what_only_a_snapshot_says_outlasts_a_change() -> None:
    rig = Rig()
    rig.snapshot(held("1", leverage=5, margin_mode=MarginMode.CROSS, settle="USDT"))
    rig.tell(held("2", at=2))
    known = rig.positions.known()
    assert known is not None
    (position,) = known.value
    assert (position.leverage, position.margin_mode, position.settle) == (5, MarginMode.CROSS, "USDT")


async def test_a_difference_that_stays_is_a_drift_and_rest_is_believed() -> None:
    rig = Rig()
    rig.snapshot(held("5"))
    rig.clock.advance(SETTLE_S + 1)
    rig.venue.positions = [held("3")]
    (drift,) = await rig.compare()
    assert (drift.ours, drift.theirs, drift.delta) == (Decimal(5), Decimal(3), Decimal(-2))
    assert rig.quantities() == [Decimal(3)]
    assert len(rig.resubscribed) == rig.positions.drifts == 1


async def test_a_position_that_only_one_side_knows_is_a_drift() -> None:
    rig = Rig()
    rig.snapshot(held("5", PositionSide.LONG))
    rig.clock.advance(SETTLE_S + 1)
    rig.venue.positions = [held("-3", PositionSide.SHORT)]
    drifts = await rig.compare()
    assert sorted(drift.theirs for drift in drifts) == [Decimal(-3), Decimal(0)]
    assert rig.quantities() == [Decimal(-3)]


async def test_a_difference_that_passes_or_is_young_is_none() -> None:
    rig = Rig()
    rig.snapshot(held("5"))
    rig.venue.positions = [held("3")]
    assert await rig.compare() == []  # told a moment ago
    rig.clock.advance(SETTLE_S + 1)
    work = asyncio.create_task(rig.positions.compare())
    for _ in range(20):
        await asyncio.sleep(0)
    rig.venue.positions = [held("5")]
    rig.clock.advance(SETTLE_S)
    assert await work == []
    assert rig.quantities() == [Decimal(5)]


async def test_without_a_trusted_stream_nothing_is_compared() -> None:
    rig = Rig()
    rig.venue.positions = [held("3")]
    assert await rig.positions.compare() == []


async def test_it_goes_on_comparing_when_rest_was_out_of_reach() -> None:
    rig = Rig()
    rig.snapshot(held("5"))
    rig.venue.failing = ConnectFailed("no way")
    task = asyncio.create_task(rig.positions.run())
    for _ in range(3):
        await asyncio.sleep(0)
        rig.clock.advance(CHECK_S)
    rig.venue.failing = None
    rig.venue.positions = [held("4")]
    for step_s in (CHECK_S, SETTLE_S, 0):
        for _ in range(20):
            await asyncio.sleep(0)
        rig.clock.advance(step_s)
    assert rig.positions.drifts == 1
    task.cancel()


def closing(side: Side, **more: object) -> OrderRequest:
    return OrderRequest(
        symbol=BTC,
        side=side,
        kind=OrderKind.MARKET,
        qty=Decimal(1),
        reduce_only=True,
        **more,  # type: ignore[arg-type]
    )


def test_an_order_with_nothing_to_reduce_is_refused_before_it_is_sent() -> None:
    rig = Rig()
    rig.snapshot(held("5"))
    rig.positions.check(closing(Side.SELL))
    with pytest.raises(CheckFailed, match="nothing to reduce"):
        rig.positions.check(closing(Side.BUY))
    rig.clock.advance(1)
    rig.snapshot()
    with pytest.raises(CheckFailed, match="leave reduce_only out"):
        rig.positions.check(closing(Side.SELL))
    rig.positions.check(buy())


def test_what_waits_for_a_trigger_may_be_placed_before_its_position() -> None:
    rig = Rig()
    rig.snapshot()
    rig.positions.check(closing(Side.SELL, trigger=Trigger(price=Decimal(1))))


def test_right_after_a_fill_nothing_is_refused_because_its_position_may_be_on_the_way() -> None:
    rig = Rig()
    rig.snapshot()
    fill = Fill(
        exec_id="1", order_id="2", symbol=BTC, side=Side.BUY, qty=Decimal(1), price=Decimal(1),
        cost=Decimal(1), fees=(),
    )  # fmt: skip
    order = Order(client_id="c", symbol=BTC, side=Side.BUY, kind=OrderKind.MARKET, state=OrderState.FILLED)
    rig.positions.heard(OrderEvent(order=order, cause=Cause.REPORTED, at_ns=0, fill=fill))
    rig.positions.check(closing(Side.SELL))
    rig.clock.advance(QUIET_S)
    with pytest.raises(CheckFailed):
        rig.positions.check(closing(Side.SELL))


def test_where_the_stream_is_not_trusted_the_venue_decides() -> None:
    rig = Rig()
    rig.positions.check(closing(Side.SELL))
    rig.snapshot()
    rig.alive = False
    rig.positions.check(closing(Side.SELL))


def test_old_news_of_a_position_that_was_closed_since_opens_it_no_more() -> None:
    rig = Rig()
    rig.snapshot(held("1", at=5))
    rig.tell(held("0", at=7))
    rig.tell(held("1", at=6))  # another line brings it late
    assert rig.quantities() == []
    rig.tell(held("0", at=7))
    rig.tell(held("2", at=8))
    assert rig.quantities() == [Decimal(2)]
    assert [event.position.qty for event in rig.events if isinstance(event, PositionChanged)] == [1, 0, 2]


def test_a_snapshot_made_before_a_position_was_closed_opens_it_no_more() -> None:
    rig = Rig()
    rig.snapshot(held("1", at=5))
    rig.tell(held("0", at=7))
    rig.snapshot(held("1", at=5))
    assert rig.quantities() == []


def bought() -> OrderEvent:
    fill = Fill(
        exec_id="1", order_id="2", symbol=BTC, side=Side.BUY, qty=Decimal(1), price=Decimal(1),
        cost=Decimal(1), fees=(),
    )  # fmt: skip
    order = Order(client_id="c", symbol=BTC, side=Side.BUY, kind=OrderKind.MARKET, state=OrderState.FILLED)
    return OrderEvent(order=order, cause=Cause.REPORTED, at_ns=0, fill=fill)


@pytest.mark.parametrize("moved", [False, True])
async def test_a_fill_that_moves_no_position_has_it_compared_soon(moved: bool) -> None:
    rig = Rig()
    rig.snapshot()
    rig.venue.positions = [held("1", at=9)]
    task = asyncio.create_task(rig.positions.run())
    await asyncio.sleep(0)
    rig.clock.advance(QUIET_S)
    rig.positions.heard(bought())
    if moved:
        rig.tell(held("1", at=9))
    asked = len(rig.events)
    for _ in range(4):
        for _ in range(20):
            await asyncio.sleep(0)
        rig.clock.advance(QUIET_S)
    assert rig.positions.drifts == (0 if moved else 1)
    assert (len(rig.events) == asked) is moved
    assert rig.quantities() == [Decimal(1)]
    task.cancel()


def test_what_a_fill_has_made_of_a_position_is_told_with_it_or_a_little_before() -> None:
    rig = Rig()
    rig.snapshot(held("2"))
    assert rig.positions.settled(BTC)
    rig.clock.advance(1)
    rig.positions.heard(bought())
    assert not rig.positions.settled(BTC)
    assert rig.positions.settled("ETH/USDT:USDT")
    rig.tell(held("3", at=2))
    assert rig.positions.settled(BTC)
    rig.clock.advance(TOGETHER_S)
    rig.positions.heard(bought())
    assert rig.positions.settled(BTC)


def test_what_no_fill_explains_is_what_a_position_has_moved_beyond_all_fills_since_the_beginning() -> None:
    rig = Rig()
    rig.positions.heard(bought())  # of before: the first snapshot has it in it
    assert rig.positions.unexplained() is None
    rig.snapshot(held("5"))
    assert rig.positions.unexplained() == {}
    rig.positions.heard(bought())
    assert rig.positions.unexplained() == {BTC: Decimal(-1)}
    rig.tell(held("6", at=2))
    assert rig.positions.unexplained() == {}
    rig.positions.lost()
    assert rig.positions.unexplained() is None
    rig.clock.advance(1)
    rig.snapshot()
    assert rig.positions.unexplained() == {BTC: Decimal(-6)}
    rig.positions.accept(BTC)
    assert rig.positions.unexplained() == {}


def test_a_fill_explains_the_move_of_either_side_of_a_hedged_position() -> None:
    rig = Rig()
    rig.snapshot(held("1", PositionSide.LONG), held("-3", PositionSide.SHORT))
    rig.positions.heard(bought())
    rig.tell(held("-2", PositionSide.SHORT, at=2))
    assert rig.positions.unexplained() == {}

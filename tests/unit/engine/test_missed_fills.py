"""A fill that nobody told of is looked for where a position says that there was one, and told once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from decimal import Decimal

import pytest

from deskrig import DeskRig, buy
from leadline.clock import NS_PER_S, ManualClock
from leadline.core.account_session import BalancesReported, OrdersSnapshot, PositionsReported
from leadline.engine.missed_fills import BEHIND_S, OVERLAP_S, SETTLE_S, TRIES
from leadline.model.account import Position
from leadline.model.order import Fill, Order, OrderReport, OrderState, Provenance
from leadline.net.http import Purpose
from leadline.venues.memory_account import MemoryAccount

BTC = "BTC/USD"
ONE = Decimal(1)


class Account(MemoryAccount):
    """Remembers what it was asked; `undecided` orders it cannot tell yet, `late` fills are not listed yet."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock, [BTC, "ETH/USD"])
        self.asked: list[tuple[int, Collection[str]]] = []
        self.undecided: set[str] = set()
        self.late = 0

    async def fetch_fills(
        self, since_ns: int, purpose: Purpose, symbols: Collection[str] = ()
    ) -> Sequence[Fill]:
        assert purpose is Purpose.RECOVERY
        self.asked.append((since_ns, tuple(symbols)))
        self.late -= 1
        return () if self.late >= 0 else await super().fetch_fills(since_ns, purpose, symbols)

    async def fetch_orders(self, order_ids: Sequence[str], purpose: Purpose) -> Sequence[OrderReport]:
        return await super().fetch_orders([one for one in order_ids if one not in self.undecided], purpose)


class Rig(DeskRig):
    """A desk whose stream tells positions."""

    def __init__(self) -> None:
        clock = ManualClock(mono_ns=1_000 * NS_PER_S, wall_ns=1_795_000_000 * NS_PER_S)
        self.account = Account(clock)
        super().__init__(clock=clock, venue=self.account)

    async def connect(self, qty: str = "0") -> None:
        now_ns = self.clock.mono_ns()
        self.venue.streaming = True
        self.session.opened(now_ns)
        self.session.say(OrdersSnapshot(()), now_ns)
        self.session.say(BalancesReported(self.venue.balances), now_ns)
        self.session.say(PositionsReported((held(qty),) if Decimal(qty) else (), True, now_ns), now_ns)
        await self.turns()
        await self.passing(1)

    async def reconcile(self) -> None:
        looking = asyncio.ensure_future(self.desk.reconcile())
        await self.passing(1 + TRIES * SETTLE_S)
        assert looking.done()
        await looking

    async def forced(self) -> str:
        """Somebody else's order fills while nobody hears; its id."""
        await self.cut()
        true = self.venue.orders.foreign(buy())
        self.venue.orders.fill(true, ONE, Decimal(10))
        self.venue.orders.outbox.clear()
        return true.order_id

    def orders(self) -> list[Order]:
        return self.desk.orders.orders()


def held(qty: str) -> Position:
    return Position(symbol=BTC, qty=Decimal(qty), venue_ns=1)


async def test_a_fill_of_an_order_nobody_here_knows_is_told_once_the_stream_is_back() -> None:
    async with Rig() as rig:
        await rig.connect()
        name = await rig.forced()
        await rig.connect("1")
        await rig.passing(SETTLE_S)
        (order,) = rig.orders()
        assert (order.order_id, order.provenance, order.state) == (
            name, Provenance.ADOPTED, OrderState.FILLED,
        )  # fmt: skip
        assert [fill.qty for fill in order.fills] == [ONE]
        await rig.reconcile()
        assert len(rig.account.asked) == 1
        assert rig.desk.orders.counts.fills == 1


async def test_where_every_move_is_explained_nothing_is_asked() -> None:
    async with Rig() as rig:
        await rig.connect("5")
        order = await rig.desk.orders.submit(buy())
        await rig.deliver()
        await rig.passing(3)
        await rig.cut()
        (true,) = rig.venue.orders.every
        rig.venue.orders.fill(true, ONE, Decimal(10))
        await rig.connect("6")
        await rig.passing(SETTLE_S)
        told = rig.desk.orders.get(order.client_id)
        assert told is not None
        assert told.state is OrderState.FILLED
        assert rig.account.asked == []


async def test_a_fill_that_is_not_listed_yet_is_asked_for_again() -> None:
    async with Rig() as rig:
        await rig.connect()
        await rig.forced()
        rig.account.late = TRIES - 1
        await rig.connect("1")
        await rig.passing(TRIES * SETTLE_S)
        assert len(rig.account.asked) == TRIES
        assert [len(order.fills) for order in rig.orders()] == [1]


async def test_an_order_that_cannot_be_told_yet_is_neither_guessed_nor_forgotten() -> None:
    async with Rig() as rig:
        await rig.connect()
        name = await rig.forced()
        rig.account.undecided = {name}
        await rig.connect("1")
        await rig.passing(TRIES * SETTLE_S)
        assert rig.orders() == []
        rig.account.undecided = set()
        await rig.reconcile()
        assert [len(order.fills) for order in rig.orders()] == [1]


async def test_a_move_that_no_fill_explains_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    async with Rig() as rig:
        await rig.connect()
        await rig.cut()
        with caplog.at_level(logging.WARNING, "leadline"):
            await rig.connect("3")
            await rig.passing(TRIES * SETTLE_S)
            await rig.reconcile()
        said = [record.getMessage() for record in caplog.records if "moved by 3" in record.getMessage()]
        assert len(said) == 1
        assert len(rig.account.asked) == TRIES


async def test_the_look_reaches_behind_the_last_agreement_and_never_before_the_beginning() -> None:
    async with Rig() as rig:
        begun_ns = rig.clock.wall_ns()
        await rig.connect()
        await rig.forced()
        await rig.connect("1")
        await rig.passing(SETTLE_S)
        rig.clock.advance(2 * BEHIND_S)
        await rig.connect("1")
        agreed_ns = rig.clock.wall_ns() - NS_PER_S
        await rig.forced()
        await rig.connect("2")
        await rig.passing(SETTLE_S)
        assert rig.account.asked == [
            (begun_ns - OVERLAP_S * NS_PER_S, (BTC,)),
            (agreed_ns - BEHIND_S * NS_PER_S, (BTC,)),
        ]
        assert sum(len(order.fills) for order in rig.orders()) == 2

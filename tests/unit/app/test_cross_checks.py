from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from deskrig import DeskRig, buy
from leadline.app.cross_checks import guard_orders
from leadline.clock import NS_PER_S, ManualClock
from leadline.core.crosscheck import Divergence
from leadline.engine.feed import Feed
from leadline.engine.halts import ACCOUNT_CHECK, CROSS_CHECK, OPERATOR
from leadline.errors import Held
from leadline.model.market import Channel
from leadline.model.order import OrderReport
from leadline.net.http import Purpose
from leadline.venues.memory import MemoryMarket
from leadline.venues.memory_account import MemoryAccount

BTC, ETH = "BTC/USD", "ETH/USD"


class Hiding(MemoryAccount):
    """A venue whose REST may leave its open orders out."""

    hiding = False

    async def fetch_open_orders(self, purpose: Purpose) -> Sequence[OrderReport]:
        return () if self.hiding else await super().fetch_open_orders(purpose)


def make() -> tuple[DeskRig, Hiding]:
    clock = ManualClock(mono_ns=1_000 * NS_PER_S)
    venue = Hiding(clock, [BTC, ETH])
    return DeskRig(clock=clock, venue=venue), venue


async def test_orders_of_a_symbol_that_diverges_are_held_and_only_those() -> None:
    async with DeskRig() as rig, Feed(MemoryMarket([BTC, ETH]), rig.clock) as feed:
        await rig.connect()
        guard_orders(feed, rig.desk)
        feed.hold(Channel.TICKER, BTC)
        topic = next(iter(feed._shelf))
        evidence = Divergence("ticker", BTC, "bid", "100", "90", Decimal("0.1"), 1, 2)
        divergences = feed.validator._divergences
        divergences.contradicted(topic, evidence, "", None, rig.clock.mono_ns())

        with pytest.raises(Held, match="stream and REST differ"):
            await rig.desk.orders.submit(buy())
        await rig.desk.orders.submit(buy(ETH))
        rig.desk.orders.halt(BTC, "an operator looks into it", OPERATOR)
        for _ in range(3):
            divergences.agreed(topic, rig.clock.mono_ns())

        assert rig.desk.orders.halts(CROSS_CHECK) == {}
        assert list(rig.desk.orders.halts(OPERATOR)) == [BTC]


async def test_symbols_with_live_orders_are_looked_at_more_often() -> None:
    async with DeskRig() as rig, Feed(MemoryMarket([BTC, ETH]), rig.clock) as feed:
        await rig.connect()
        guard_orders(feed, rig.desk)
        for symbol in (BTC, ETH):
            feed.hold(Channel.TICKER, symbol)
        await rig.passing(2)
        await rig.desk.orders.submit(buy())

        assert feed.validator.interval_s(BTC) < feed.validator.interval_s(ETH)


async def test_the_market_s_agreement_does_not_release_what_the_account_s_check_holds() -> None:
    rig, venue = make()
    async with rig, Feed(MemoryMarket([BTC, ETH]), rig.clock) as feed:
        await rig.connect()
        guard_orders(feed, rig.desk)
        feed.hold(Channel.TICKER, BTC)
        topic = next(iter(feed._shelf))
        await rig.desk.orders.submit(buy())
        await rig.deliver()
        venue.hiding = True
        await rig.passing(110)
        assert list(rig.desk.orders.halts(ACCOUNT_CHECK)) == [BTC]

        evidence = Divergence("ticker", BTC, "bid", "100", "90", Decimal("0.1"), 1, 2)
        divergences = feed.validator._divergences
        divergences.contradicted(topic, evidence, "", None, rig.clock.mono_ns())
        for _ in range(3):
            divergences.agreed(topic, rig.clock.mono_ns())
        with pytest.raises(Held, match="not among the open orders"):
            await rig.desk.orders.submit(buy())

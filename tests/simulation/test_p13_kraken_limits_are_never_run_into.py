"""Kraken's two counters: half an hour of requoting forty orders meets no limit; ours count as theirs do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from account_stage import BTC, AccountStage, Trader, buy, perform
from leadline.clock import NS_PER_S
from leadline.core.breaker import OPEN_S
from leadline.errors import BreakerOpen, RateLimited, Throttled
from leadline.model.order import Order, OrderState
from leadline.model.reading import Source
from leadline.net.http import Purpose
from leadline.net.key_state import MemoryKeyState
from leadline.simulation.network import PRIVATE, Arrival
from leadline.venues.kraken.limits import Figures, KeyLimits, Tier
from scenario import ONE_WAY_S

OPEN_ORDERS = 40
ROUND_S = 5.0
OPEN_ORDERS_DEARER = 2.0
"""Points that we count an OpenOrders dearer than the emulator does."""
HALF_AN_HOUR_S = 1800.0
A_MOMENT_S = 1e-6
USED_SHARE = 0.8
LIMITED = "Rate limit exceeded"


class Quoter:
    """Keeps forty orders up and replaces each every five seconds, as far as the limits let it; polls beside.

    A new order is up before the old one is cancelled. `answered` is called after each poll.
    """

    def __init__(
        self,
        stage: AccountStage,
        trader: Trader,
        until_s: float,
        answered: Callable[[], None] = lambda: None,
    ) -> None:
        self.quoted: list[float] = []
        """When an order was taken."""
        self.polled: list[float] = []
        """When a poll was answered."""
        self.refused: list[tuple[float, str]] = []
        """What the venue refused, and when."""
        self._stage = stage
        self._trader = trader
        self._until_s = until_s
        self._answered = answered

    async def run(self) -> None:
        slots = (self._keep_quoted(slot) for slot in range(OPEN_ORDERS))
        await asyncio.gather(self.poll(ROUND_S), *slots)

    async def _keep_quoted(self, slot: int) -> None:
        standing: Order | None = None
        while self._stage.now_s < self._until_s:
            pause_s = 0.0
            try:
                standing = await self._requote(slot, standing)
            except Throttled as error:
                pause_s = error.delay_s
            ticks = (self._stage.now_s + pause_s) // ROUND_S + 1
            await self._stage.until(ticks * ROUND_S)

    async def _requote(self, slot: int, standing: Order | None) -> Order | None:
        orders = self._trader.orders
        order = await orders.submit(buy("0.001", str(60_000 - slot)))
        if order.state is OrderState.REJECTED:
            self.refused.append((self._stage.now_s, order.reason))
            return standing
        self.quoted.append(self._stage.now_s)
        if standing is not None:
            (outcome,) = await orders.cancel(standing.client_id)
            assert outcome.error is None
        return order

    async def poll(self, pause_s: float) -> None:
        """Ask for the balances and for the newest fills, and again after a pause."""
        await asyncio.gather(self._repeated(self._balances, pause_s), self._repeated(self._fills, pause_s))

    async def _balances(self) -> None:
        await self._trader.desk.balances.all(Source.REST)

    async def _fills(self) -> None:
        a_minute_ago_ns = self._stage.clock.wall_ns() - 60 * NS_PER_S
        await self._trader.account.account.fetch_fills(a_minute_ago_ns, Purpose.ACCOUNT)

    async def _repeated(self, poll: Callable[[], Awaitable[None]], pause_s: float) -> None:
        while self._stage.now_s < self._until_s:
            try:
                await poll()
                self.polled.append(self._stage.now_s)
                self._answered()
            except RateLimited as error:
                self.refused.append((self._stage.now_s, error.text))
            except (Throttled, BreakerOpen):
                pass  # said on our own side: nothing has left
            await self._stage.clock.sleep(pause_s)


class Counters:
    """Ours and the venue's, held against each other at every reply that a client gets.

    A request is counted here as it leaves and there as it arrives, so that what stands here now stands there
    when it has all arrived, less what has drained on the way.
    """

    def __init__(self, stage: AccountStage, tier: Tier) -> None:
        self.compared = 0
        self.apart: list[tuple[float, float, float]] = []
        """When they were more than a point apart (or ours dearer by one OpenOrders), ours, the venue's."""
        self._stage = stage
        self._limits = KeyLimits(MemoryKeyState(stage.key), tier)
        self._figures: Figures = tier.value
        self._tap = stage.network.tap
        stage.network.tap = self._heard

    def _heard(self, arrival: Arrival) -> None:
        self._tap(arrival)
        if arrival.route == PRIVATE and arrival.frame.kind == "control":
            self.compare()

    def compare(self) -> None:
        """A reply has come; what it sets off leaves first."""
        self._stage.loop.call_later(A_MOMENT_S, self._ours)

    def _ours(self) -> None:
        now_ns = self._stage.clock.mono_ns()
        ours = (self._limits.level(BTC, now_ns), self._limits.rest.read(now_ns).level(now_ns))
        self._stage.loop.call_later(ONE_WAY_S, self._theirs, ours)

    def _theirs(self, ours: tuple[float, float]) -> None:
        account, now_ns = self._stage.truth.account, self._stage.network.venue_ns
        theirs = (account.counter(BTC).points(now_ns), account.rest.points(now_ns))
        drained = (self._figures.order_decay * ONE_WAY_S, self._figures.rest_decay * ONE_WAY_S)
        dearer = (0.0, OPEN_ORDERS_DEARER)
        for here, there, less, more in zip(ours, theirs, drained, dearer, strict=True):
            self.compared += 1
            if not -1.0 <= max(0.0, here - less) - there <= 1.0 + more:
                self.apart.append((self._stage.now_s, here, there))


async def begin(stage: AccountStage, tier: Tier) -> Trader:
    """A program whose first look at the account has drained: we count OpenOrders dearer than the emulator."""
    stage.fault(kind="RATE", tier=tier.name.lower())
    trader = await stage.start(tier=tier)
    await stage.until(30)
    return trader


@pytest.mark.parametrize("tier", Tier)
def test_half_an_hour_of_requoting_meets_no_limit_and_counts_as_the_venue_counts(tier: Tier) -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage, tier)
        counters = Counters(stage, tier)
        quoter = Quoter(stage, trader, stage.now_s + HALF_AN_HOUR_S, counters.compare)
        said: list[str] = []
        stage.network.said = lambda frame: said.append(frame.text)
        await quoter.run()

        assert quoter.refused == []
        assert [text for text in said if LIMITED in text] == []
        assert not trader.account.breaker.trips
        assert counters.compared > 1000
        assert counters.apart == []
        assert len(stage.truth.account.open_orders) == OPEN_ORDERS
        assert len(quoter.quoted) > HALF_AN_HOUR_S * tier.value.order_decay / 5
        assert len(quoter.polled) > HALF_AN_HOUR_S * tier.value.rest_decay / 5

    perform(scene)


@pytest.mark.parametrize("tier", Tier)
def test_orders_that_another_client_has_used_up_the_room_for_are_held_back_after_two_refusals(
    tier: Tier,
) -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage, tier)
        quoter = Quoter(stage, trader, stage.now_s + 200)
        stage.call(
            stage.now_s + 100, lambda: stage.fault(kind="RATE", symbol=BTC, burn=tier.value.order_limit / 2)
        )
        await quoter.run()

        limited = [(at_s, text) for at_s, text in quoter.refused if text.startswith("EOrder:")]
        assert 1 <= len(limited) <= 2
        free_s = (1 - USED_SHARE) * tier.value.order_limit / tier.value.order_decay
        for at_s, _ in limited:
            assert not [one for one in quoter.quoted if at_s < one < at_s + free_s]
        assert max(quoter.quoted) > limited[-1][0] + free_s

    perform(scene)


@pytest.mark.parametrize("tier", Tier)
def test_polls_that_another_client_has_used_up_the_room_for_rest_after_one_refusal(tier: Tier) -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await begin(stage, tier)
        quoter = Quoter(stage, trader, stage.now_s + 500)
        stage.call(stage.now_s + 100, lambda: stage.fault(kind="RATE", burn=tier.value.rest_limit / 2))
        await quoter.poll(1.0)

        ((at_s, text),) = quoter.refused
        assert text.startswith(f"EAPI:{LIMITED}")
        after = [answered_s for answered_s in quoter.polled if answered_s > at_s]
        assert [answered_s for answered_s in after if answered_s < at_s + 5] == []
        assert len([answered_s for answered_s in after if answered_s < at_s + OPEN_S]) <= 1
        assert max(after) > at_s + OPEN_S
        (trip,) = trader.account.breaker.trips
        assert (trip.reason, trip.span_s) == ("the venue limits our rate", OPEN_S)

    perform(scene)

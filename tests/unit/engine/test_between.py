from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from feedrig import BTC, ETH, Rig, settle
from leadline.core.consensus import Agreement
from leadline.engine.between import ALONE_S, Between, Leg
from leadline.engine.events import Diverged, Reconverged
from leadline.engine.feed import Feed
from leadline.errors import CheckFailed, ConnectionLost, UnknownSymbol
from leadline.model.market import Ticker
from leadline.model.reading import Source
from leadline.venues.memory import CONTRACTS, MemoryMarket

PERP = "BTC/USDT:USDT"


class Venues:
    """Two venues whose tickers move in step unless a test says otherwise."""

    def __init__(self, count: int = 2) -> None:
        self.rigs = [Rig((BTC, ETH)) for _ in range(count)]
        self.clock = self.rigs[0].clock
        self.held: list[dict[str, str]] = [{} for _ in self.rigs]
        for rig in self.rigs[1:]:
            rig.clock = self.clock
            rig.feed = Feed(rig.market, self.clock)
            rig.session = rig.market.session(rig.feed.receive, "public")
        self.between = Between(
            [
                Leg(rig.feed, rig.market, BTC, held.__setitem__, held.__delitem__)
                for rig, held in zip(self.rigs, self.held, strict=True)
            ],
            self.clock,
        )

    async def tell(self, *prices: str | None, seconds: float = 1.0, rest: tuple[str, ...] = ()) -> None:
        """Each venue's stream tells its price four times a second; REST the same, or what is said here."""
        for rig, price in zip(self.rigs, rest or prices, strict=True):
            if price is not None:
                rig.market.tickers[BTC] = quote(price)
        for _ in range(round(seconds * 4)):
            self.clock.advance(0.25)
            for rig, price in zip(self.rigs, prices, strict=True):
                rig.session.received(b"alive", self.clock.mono_ns())
                if price is not None:
                    rig.say(quote(price))
            await settle()

    def told(self, place: int, kind: type) -> list[Any]:
        return [event for event in self.rigs[place].feed.recent_events if isinstance(event, kind)]


def quote(price: str) -> Ticker:
    mid = Decimal(price)
    return Ticker(BTC, mid - 1, Decimal(1), mid + 1, Decimal(1))


@asynccontextmanager
async def venues(count: int = 2) -> AsyncIterator[Venues]:
    found = Venues(count)
    async with AsyncExitStack() as stack:
        for rig in found.rigs:
            await stack.enter_async_context(rig.feed)
            rig.feed.attach(rig.session, lambda: None)
            rig.connect()
        await stack.enter_async_context(found.between)
        await settle()
        yield found


async def test_prices_that_agree_are_said_to_and_their_premium_is_learned() -> None:
    async with venues() as two:
        assert two.between.now.agreement is Agreement.UNVALIDATED
        await two.tell("10000", "10100", seconds=70)

        now = two.between.now
        assert (now.agreement, now.mids) == (Agreement.AGREED, (10000, 10100))
        assert now.factors[1] == pytest.approx(Decimal("1.01"))
        assert now.diverged_since_ns is None and "agreed" in repr(two.between)


async def test_one_live_price_is_no_agreement() -> None:
    async with venues() as two:
        await two.tell("10000", None, seconds=5)

        assert two.between.now.agreement is Agreement.UNVALIDATED
        assert two.told(0, Diverged) == []


async def test_a_stream_that_its_own_venue_contradicts_is_not_served_within_a_second() -> None:
    async with venues() as two:
        await two.tell("10000", "10000", seconds=70)
        await two.tell("10000", "10800", seconds=1, rest=("10000", "10000"))

        assert two.between.now.agreement is Agreement.DIVERGED and two.between.now.blamed == 1
        found = two.told(0, Diverged)[0]
        assert (found.channel, found.symbol, found.ours, found.theirs) == ("price", BTC, "10000", "10800")
        assert [event.blamed for event in two.told(1, Diverged)] == [None, Source.STREAM]
        reading = await two.rigs[1].feed.ticker(BTC)
        assert (reading.source, reading.value) == (Source.REST, quote("10000"))
        assert (await two.rigs[0].feed.ticker(BTC)).source is Source.STREAM


async def test_orders_of_the_symbol_are_held_on_both_sides_until_prices_agree_again() -> None:
    async with venues() as two:
        await two.tell("10000", "10000", seconds=70)
        await two.tell("10000", "10800", seconds=1)
        assert [list(held) for held in two.held] == [[BTC], [BTC]]
        assert "memory BTC/USD 10800" in two.held[0][BTC]
        await two.tell("10000", "10000", seconds=0.5)
        assert two.between.now.agreement is Agreement.DIVERGED, "one moment of agreement does not end it"
        await two.tell("10000", "10000", seconds=1)

        assert two.held == [{}, {}] and two.between.now.agreement is Agreement.AGREED
        assert [len(two.told(place, Reconverged)) for place in (0, 1)] == [1, 1]
        assert (await two.rigs[1].feed.ticker(BTC)).source is Source.STREAM


async def test_a_difference_of_whole_venues_holds_orders_and_blames_nobody() -> None:
    async with venues() as two:
        await two.tell("10000", "10000", seconds=70)
        await two.tell("10000", "10800", seconds=5)

        assert two.between.now.blamed is None and two.held[0]
        assert len(two.rigs[0].market.asked) < 20


async def test_a_frozen_stream_is_found_when_the_market_moves_on() -> None:
    async with venues() as two:
        await two.tell("10000", "10000", seconds=70)
        await two.tell("10000", "10800", seconds=2, rest=("10800", "10800"))

        assert two.between.now.blamed == 0
        assert (await two.rigs[0].feed.ticker(BTC)).value == quote("10800")


async def test_a_move_of_all_is_believed_at_once() -> None:
    async with venues() as two:
        await two.tell("10000", "10000", seconds=70)
        await two.tell("10800", "10000", seconds=0.25)  # one hears of it a moment before the other
        await two.tell("10800", "10800", seconds=1)

        assert two.between.now.agreement is Agreement.AGREED
        assert two.told(0, Diverged) == []


async def test_of_three_the_one_that_stands_apart_is_not_served_whatever_rest_says() -> None:
    async with venues(3) as three:
        await three.tell("10000", "10000", "10000", seconds=70)
        for rig in three.rigs:
            rig.market.failing = ConnectionLost("REST is down too")
        await three.tell("10000", "10000", "10800", seconds=1)

        assert three.between.now.blamed == 2


async def test_a_divergence_with_nobody_to_compare_ends_undecided() -> None:
    async with venues() as two:
        await two.tell("10000", "10000", seconds=70)
        await two.tell("10000", "10800", seconds=1)
        two.rigs[1].cut()
        await two.tell("10000", None, seconds=ALONE_S - 2)
        assert two.held[0]
        await two.tell("10000", None, seconds=4)

        assert two.held == [{}, {}] and two.between.now.agreement is Agreement.UNVALIDATED


async def test_what_is_held_is_let_go_when_nobody_compares_any_more() -> None:
    async with venues() as two:
        await two.tell("10000", "10000", seconds=70)
        await two.tell("10000", "10800", seconds=1, rest=("10000", "10000"))
        await two.between.__aexit__(None, None, None)
        held = [dict(each) for each in two.held]
        await two.between.__aenter__()

        assert held == [{}, {}]


def test_only_the_same_thing_is_compared() -> None:
    rig, other = Rig(), Rig()
    market = MemoryMarket((PERP, "BTC/EUR"), limits=CONTRACTS)
    perp = Leg(other.feed, market, PERP)

    assert "memory BTC/USDT:USDT" in repr(Between([Leg(rig.feed, rig.market, BTC), perp], rig.clock))
    for sides, why in (
        ([perp], "two sides at least"),
        ([Leg(rig.feed, rig.market, ETH), perp], "not the same thing"),
        ([Leg(rig.feed, rig.market, BTC), Leg(other.feed, market, "BTC/EUR")], "not the same thing"),
    ):
        with pytest.raises(CheckFailed, match=why):
            Between(sides, rig.clock)
    with pytest.raises(UnknownSymbol):
        Between([perp, Leg(rig.feed, rig.market, "XYZ/USD")], rig.clock)

"""A stream that falls silent on a socket that lives, and a socket that is dead without saying so."""

from __future__ import annotations

import asyncio

from leadline.core.session import LineDown, LineUp
from leadline.engine.events import StreamDead
from leadline.engine.topics import State
from leadline.errors import Stale
from leadline.model.market import Channel, Subscription
from leadline.model.reading import Source
from scenario import BTC, ONE_WAY_S, Client, Scenario, each, fifty, perform

BOOK = Subscription(Channel.BOOK, BTC, 10)
STALLED_S = 20.0
LIQUID_BOUND_S = 5.0


def test_a_stalled_book_is_not_fresh_within_its_bound_and_only_it_is_subscribed_anew() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(each(world.symbols, Channel.BOOK)) as client:
            await client.system.ready(15)
            reads = asyncio.ensure_future(_read_on(world, client))
            stop = client.feed.on_book(BTC, lambda reading: None)
            world.at(STALLED_S, kind="STALL", channel="book", symbol=BTC, for_s=15)
            await world.until(STALLED_S)
            bound_s = next(t.bound_s for t in client.feed.stats.topics if t.subscription == BOOK)
            silent_from_s = world.last_arrival_ns("book", BTC) / 1e9
            await world.until(STALLED_S + 30)
            reads.cancel()
            await asyncio.wait([reads])
            stop()

            assert bound_s == LIQUID_BOUND_S
            _never_old_as_fresh(await_result(reads), silent_from_s)
            died_s = client.told(StreamDead, BTC)[0][0]
            assert died_s - silent_from_s <= LIQUID_BOUND_S
            again = [at_s for at_s in world.requests("subscribe", "book", BTC) if at_s > STALLED_S]
            assert again
            assert again[0] - silent_from_s <= LIQUID_BOUND_S + 1
            assert client.state(Channel.BOOK, BTC) is State.LIVE
            others = [name for name in world.symbols if name != BTC]
            assert client.told_of(others) == []
            assert {one.symbols for one in world.sent if one.at_s > STALLED_S} == {(BTC,)}
            for name in others:
                assert client.since(Subscription(Channel.BOOK, name, 10), STALLED_S) == {State.LIVE}

    perform(scene, fifty(), rate=200)

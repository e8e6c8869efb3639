"""A stream that falls silent on a socket that lives, and a socket that is dead without saying so."""

from __future__ import annotations

from leadline.clock import NS_PER_S
from leadline.core.session import LineDown, LineUp
from leadline.engine.events import SourceChanged, StreamDead
from leadline.engine.feed import TICK_S
from leadline.engine.topic_state import RECEIVING, State
from leadline.model.market import Channel, Subscription
from leadline.model.reading import Source
from scenario import BTC, ONE_WAY_S, Scenario, each, fifty, perform

BOOK = Subscription(Channel.BOOK, BTC, 10)
STALLED_S = 20.0
LIQUID_BOUND_S = 5.0


def test_a_stalled_book_is_not_fresh_within_its_bound_and_only_it_is_subscribed_anew() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(each(world.symbols, Channel.BOOK)) as client:
            stop = client.feed.on_book(BTC, lambda reading: None)
            world.at(STALLED_S, kind="STALL", channel="book", symbol=BTC, for_s=15)
            await world.until(STALLED_S + 2 * ONE_WAY_S)
            bound_s = next(t.bound_s for t in client.feed.stats.topics if t.subscription == BOOK)
            silent_from_s = world.last_arrival_ns("book", BTC) / NS_PER_S
            read = []
            while world.now_s < STALLED_S + 30:
                reading = await client.feed.book(BTC)
                read.append((world.now_s, reading.source, reading.age_s <= reading.bound_s))
                await world.clock.sleep(0.2)
            stop()

            assert bound_s == LIQUID_BOUND_S
            assert all(fresh for _, _, fresh in read)
            during = [(s, source) for s, source, _ in read if silent_from_s < s < STALLED_S + 15]
            late = [source for s, source in during if s > silent_from_s + LIQUID_BOUND_S]
            assert len(late) > 20
            assert Source.STREAM not in late
            assert read[-1][1] is Source.STREAM
            assert client.told(SourceChanged, BTC)[0][0] - silent_from_s <= LIQUID_BOUND_S + TICK_S
            assert client.told(StreamDead, BTC)[0][0] - silent_from_s <= LIQUID_BOUND_S + TICK_S
            again_s = [s for s in world.requests("subscribe", "book", BTC) if s > STALLED_S]
            assert 0 < len(again_s) <= 3
            others = [name for name in world.symbols if name != BTC]
            assert client.told_of(others) == []
            assert {one.symbols for one in world.sent if one.at_s > STALLED_S} == {(BTC,)}
            for name in others:
                assert client.since(Subscription(Channel.BOOK, name, 10), STALLED_S) == {State.LIVE}

    perform(scene, fifty(), rate=200)


def test_a_dead_socket_is_found_within_five_seconds_and_everything_comes_back() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(each(world.symbols, Channel.BOOK, Channel.TICKER)) as client:
            await client.system.ready(15)
            world.at(STALLED_S, kind="HALF_OPEN")
            await world.until(STALLED_S + 1)
            last_s = world.network.last_arrival_ns / NS_PER_S
            await world.until(STALLED_S + 12)

            ((down_s, down),) = client.told(LineDown)
            assert down.reason.startswith("no frame for 5.0 s")
            assert 0 < down_s - last_s <= 5.001
            (_, (up_s, _)) = client.told(LineUp)
            assert up_s - down_s <= 1
            assert client.system.lines.connects == 2
            assert {topic.state for topic in client.feed.stats.topics} <= RECEIVING

    perform(scene, fifty(), rate=100)

"""P6 on Binance: a book that falls silent on a living socket, and a socket that is dead and says nothing."""

from __future__ import annotations

from binance_world import BTC, World, each, perform, until
from leadline.core.session import LineDown, LineUp
from leadline.emulator.binance.contracts import DEMO_CONTRACTS, synthetic
from leadline.engine.events import SourceChanged, StreamDead
from leadline.engine.topic_state import RECEIVING
from leadline.model.market import Channel, Subscription
from leadline.model.reading import Source

LIQUID_BOUND_S = 5.0
HALF_OPEN_S = 15.0
TWENTY = (DEMO_CONTRACTS[0], *synthetic(19, levels=60))
STREAMS = each([one.unified for one in TWENTY], Channel.BOOK)
OTHERS = {one.symbol for one in STREAMS} - {BTC}


def test_a_stalled_book_is_read_from_rest_and_subscribed_anew_and_the_others_never_notice() -> None:
    async def scene(world: World) -> None:
        async with world.client(STREAMS) as client:
            await client.system.ready(30)
            client.feed.on_book(BTC, lambda reading: None, 20)
            await world.clock.sleep(20)
            world.inject(kind="STALL", channel="book", symbol=BTC, for_s=15)
            stalled_s, said = world.now_s, len(world.sent)
            late = set()
            while world.now_s < stalled_s + 15:
                reading = await client.feed.book(BTC, 20)
                assert reading.age_s <= reading.bound_s
                if world.now_s > stalled_s + LIQUID_BOUND_S + 1:
                    late.add(reading.source)
                await world.clock.sleep(0.2)
            await until(world, lambda: {one.state for one in client.feed.stats.topics} <= RECEIVING, 15)

            assert late <= {Source.REST, Source.CACHE}
            assert {one.subscription for _, one in client.events(StreamDead)} == {
                Subscription(Channel.BOOK, BTC, 20)
            }
            assert client.events(SourceChanged)[0][0] - stalled_s <= LIQUID_BOUND_S + 2
            assert {one.symbol for _, one in client.events(SourceChanged)} == {BTC}
            again = [params for _, method, params in world.sent[said:] if method.endswith("SUBSCRIBE")]
            assert {tuple(params) for params in again} == {("btcusdt@depth@100ms",)}
            assert client.events(LineDown) == []

    perform(scene, contracts=TWENTY, rate=100.0)


def test_a_route_that_is_dead_without_a_word_is_found_and_the_other_route_goes_on() -> None:
    wanted = each([BTC], Channel.BOOK, Channel.TICKER, Channel.TRADES, Channel.MARK)

    async def scene(world: World) -> None:
        async with world.client(wanted) as client:
            await client.system.ready(30)
            await world.clock.sleep(5)
            world.inject(kind="HALF_OPEN", line="ws_public")
            dead_s = world.now_s
            await until(world, lambda: bool(client.events(LineDown)), HALF_OPEN_S)

            [(down_s, down)] = client.events(LineDown)
            assert down.route == "public"
            await until(world, lambda: {one.state for one in client.feed.stats.topics} <= RECEIVING, 20)
            assert [one.route for at_s, one in client.events(LineUp) if at_s > dead_s] == ["public"]
            assert {one.channel for _, one in client.events(SourceChanged)} <= {Channel.BOOK, Channel.TICKER}
            assert down_s - dead_s < HALF_OPEN_S

    perform(scene)

"""P14 on Binance, the whole client: 150 books lost at once, again and again, draw no refusal."""

from __future__ import annotations

from decimal import Decimal

from binance_world import World, each, limit, perform, until
from leadline.emulator.binance.contracts import synthetic
from leadline.engine.topic_state import RECEIVING
from leadline.model.market import Channel
from leadline.net.http import Purpose

BOOKS = 150
STORMS, EACH_S = 3, 20
ROUND_TRIP_S, SPACING_S = 0.05, 0.01
FOUR_FIFTHS = 1920
CONTRACTS = synthetic(BOOKS, levels=20)


def test_a_hundred_and_fifty_books_cut_three_times_a_minute_stay_below_four_fifths() -> None:
    async def scene(world: World) -> None:
        async with world.client(each([one.unified for one in CONTRACTS], Channel.BOOK)) as client:
            await client.system.ready(120)
            peak = 0
            for _ in range(STORMS):
                world.inject(kind="CLOSE", line="ws_public", code=1006)
                for _ in range(EACH_S):
                    peak = max(peak, world.exchange.weights.used(world.network.venue_ns))
                    await world.clock.sleep(1)
            await until(world, lambda: {one.state for one in client.feed.stats.topics} <= RECEIVING, 120)

            assert 1400 < peak <= FOUR_FIFTHS
            assert {one.status for one in world.asked} == {200}

    perform(scene, contracts=CONTRACTS, rate=40.0)


def test_the_book_of_a_symbol_with_an_order_comes_first() -> None:
    async def scene(world: World) -> None:
        few = CONTRACTS[:20]
        async with world.client(each([one.unified for one in few], Channel.BOOK), account={}) as client:
            await client.system.ready(60)
            last = few[-1]
            price = world.best(last.symbol)[0] * Decimal("0.97")
            tick = Decimal(1).scaleb(-last.pair.price_precision)
            await client.submit(limit("10", str(price.quantize(tick)), symbol=last.unified))
            cut_s = world.now_s
            left = FOUR_FIFTHS - world.exchange.weights.used(world.network.venue_ns)
            world.inject(kind="RATE", burn=left)  # nothing is left of this minute
            await client.system.market.fetch_status(Purpose.DIAGNOSIS)
            world.inject(kind="CLOSE", line="ws_public", code=1006)
            await until(world, lambda: len(snapshots(world, cut_s)) == len(few), 120)

            assert snapshots(world, cut_s)[0] == last.symbol

    perform(scene, contracts=CONTRACTS[:20], rate=60.0)


def snapshots(world: World, since_s: float) -> list[str]:
    """The symbols whose books have been given what they start from, in order."""
    return [
        one.query["symbol"]
        for one in world.requests("GET /fapi/v1/depth", since_s)
        if one.query["limit"] == "500"
    ]


def test_after_a_429_nothing_leaves_before_the_minute_is_over() -> None:
    async def scene(world: World) -> None:
        names = [one.unified for one in CONTRACTS[:20]]
        async with world.client(each(names, Channel.BOOK)) as client:
            await client.system.ready(60)
            world.inject(kind="RATE", burn=2400)
            world.inject(kind="CLOSE", line="ws_public", code=1006)
            await until(world, lambda: any(one.status == 429 for one in world.asked), 30)
            minute_ends_s = world.now_s + 60 - world.network.venue_ns / 1e9 % 60
            await until(world, lambda: {one.state for one in client.feed.stats.topics} <= RECEIVING, 120)

            refused = [one for one in world.asked if one.status != 200]
            later = [one.at_s for one in world.asked if one.at_s > refused[0].at_s + 0.2]
            assert min(later) >= minute_ends_s
            assert {one.status for one in world.asked} == {200, 429}
            assert len(refused) <= ROUND_TRIP_S / SPACING_S, "what was under way when the first came back"

    perform(scene, contracts=CONTRACTS[:20], rate=60.0)

"""P8 on Binance: over the whole way from wire to reader, a book is one the venue had, or there is none."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from binance_world import BTC, ETH, Asked, World, each, levels, perform, until
from leadline.emulator.binance.contracts import DEMO_CONTRACTS
from leadline.engine.topic_state import State
from leadline.errors import Stale
from leadline.model.market import BookDropped, Channel, Subscription
from leadline.model.reading import Reading, Source
from leadline.simulation.binance_truth import BinanceTruth

DEPTH = 20
BOOK = Subscription(Channel.BOOK, BTC, DEPTH)
DEPTH_PATH, SNAPSHOT_LIMIT = "GET /fapi/v1/depth", "500"
SETTLED_S = 10.0


class Held:
    """Every reading of a book held against every state that the venue's book has ever had."""

    def __init__(self, world: World, symbol: str, depth: int = DEPTH) -> None:
        self.truth = BinanceTruth(world.exchange, {BTC: 5000, ETH: 5000}, world.network.venue_ns)
        self.readings: list[float] = []
        self.wrong: list[Any] = []
        pair = world.exchange.market.listings["BTCUSDT"].pair
        self._scales = -pair.price_precision, -pair.qty_precision
        self._depth = depth
        self._world = world
        self._symbol = symbol

    def __call__(self, reading: Reading[Any]) -> None:
        if reading.source is not Source.STREAM:
            return
        self.readings.append(self._world.now_s)
        bids, asks = levels(reading.value, self._depth)
        states = reversed(self.truth.by_id[self._symbol].values())
        true = any(
            bids == self._best(state.bids, len(bids)) and asks == self._best(state.asks, len(asks))
            for state in states
        )
        if not (bids and asks and true):
            self.wrong.append((self._world.now_s, bids, asks))

    def _best(self, side: Sequence[tuple[int, int]], count: int) -> list[tuple[Decimal, Decimal]]:
        prices, qtys = self._scales
        return [(Decimal(price).scaleb(prices), Decimal(qty).scaleb(qtys)) for price, qty in side[:count]]


def snapshots(world: World, since_s: float = 0.0) -> list[Asked]:
    """The requests for what a book starts from; what stands in for the stream meanwhile is not as deep."""
    return [one for one in world.requests(DEPTH_PATH, since_s) if one.query["limit"] == SNAPSHOT_LIMIT]


Trouble = dict[str, Any]
BREAKS: list[Trouble] = [
    {"kind": "DROP", "count": 1},
    {"kind": "REORDER", "count": 1},
    {"kind": "DROP", "count": 7},
    {"kind": "CORRUPT", "count": 1},
]


@pytest.mark.parametrize("trouble", BREAKS, ids=lambda one: f"{one['kind']}-{one['count']}")
def test_a_broken_chain_costs_one_snapshot_of_one_symbol_and_no_reader_gets_a_wrong_book(
    trouble: Trouble,
) -> None:
    async def scene(world: World) -> None:
        async with world.client(each([BTC, ETH], Channel.BOOK)) as client:
            await client.system.ready(30)
            held = Held(world, BTC)
            client.feed.on_book(BTC, held, DEPTH)
            await world.clock.sleep(5)
            broken_s = world.now_s
            world.inject(channel="book", symbol=BTC, **trouble)
            await world.clock.sleep(SETTLED_S)

            dropped = client.events(BookDropped)
            assert {one.symbol for _, one in dropped} == {BTC}
            assert len(dropped) == 1
            assert len(snapshots(world, broken_s)) == 1
            assert held.readings[-1] > dropped[0][0] + SETTLED_S / 2
            assert max(later - at for at, later in zip(held.readings, held.readings[1:], strict=False)) < 2
            assert all(one.state is State.LIVE for one in client.feed.stats.topics)
            assert held.wrong == []

    perform(scene, rate=40.0)


def test_what_is_told_twice_changes_nothing() -> None:
    async def scene(world: World) -> None:
        async with world.client(each([BTC], Channel.BOOK)) as client:
            await client.system.ready(30)
            held = Held(world, BTC)
            client.feed.on_book(BTC, held, DEPTH)
            world.inject(kind="DUP", channel="book", symbol=BTC, count=20)
            await world.clock.sleep(SETTLED_S)

            assert len(held.readings) > 40
            assert len(client.events(BookDropped)) <= 20
            assert held.wrong == []

    perform(scene, rate=40.0)


def test_snapshots_two_seconds_behind_the_stream_are_fetched_again_until_one_fits() -> None:
    async def scene(world: World) -> None:
        world.inject(kind="LAG", channel="book", delay_s=2.0, for_s=20)
        async with world.client(each([BTC], Channel.BOOK)) as client:
            held = Held(world, BTC)
            client.feed.on_book(BTC, held, DEPTH)
            await client.system.ready(60)
            await world.clock.sleep(5)

            assert held.readings
            assert held.wrong == []
            assert 1 < len(snapshots(world)) < 40

    perform(scene, rate=40.0)


def test_a_snapshot_that_takes_two_seconds_joins_what_was_said_meanwhile() -> None:
    async def scene(world: World) -> None:
        world.inject(kind="REPLY", path="/depth", delay_s=2.0)
        async with world.client(each([BTC], Channel.BOOK)) as client:
            held = Held(world, BTC)
            client.feed.on_book(BTC, held, DEPTH)
            await client.system.ready(15)
            await world.clock.sleep(5)

            assert client.events(BookDropped) == []
            assert len(snapshots(world)) == 1
            assert held.readings[0] > 2
            assert held.wrong == []

    perform(scene, rate=40.0)


def test_of_a_deep_book_no_level_is_handed_out_that_the_snapshot_did_not_reach() -> None:
    """The venue has 1200 levels a side; what lies beyond the snapshot is never told of unless it moves."""

    async def scene(world: World) -> None:
        wanted = Subscription(Channel.BOOK, BTC, 500)
        async with world.client([wanted]) as client:
            held = Held(world, BTC, 500)
            client.feed.on_book(BTC, held, 500)
            await client.system.ready(30)
            await world.clock.sleep(20)
            view = (await client.feed.book(BTC, 500)).value
            certain = view.certain_depth
            there = world.exchange.market.listings["BTCUSDT"].book

            assert len(there.bids.top(9999)) > 1000
            assert 450 < certain <= 500
            assert max(len(view.bids(9999)), len(view.asks(9999))) <= 500
            assert len(held.readings) > 50
            assert held.wrong == []

    perform(scene, contracts=DEMO_CONTRACTS[:2], rate=40.0)


def test_while_there_is_no_book_a_strict_read_says_so() -> None:
    async def scene(world: World) -> None:
        world.inject(kind="REPLY", path="/depth", status=500, body="{}")
        async with world.client(each([BTC], Channel.BOOK)) as client:
            await world.clock.sleep(3)
            with pytest.raises(Stale):
                await client.feed.book(BTC, DEPTH, source=Source.STREAM)
            world.heal()
            await until(world, lambda: client.feed.stats.topics[0].state is State.LIVE, 60)

    perform(scene)

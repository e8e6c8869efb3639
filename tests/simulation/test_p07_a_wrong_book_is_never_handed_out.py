"""Corrupted and lost book messages: found at the next checksum, dropped at once, one symbol's affair."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest

from feedrig import Rig
from kraken_frames import BookFeed, instrument
from leadline.core.book import BookView
from leadline.core.session import Send
from leadline.emulator.market import Batch
from leadline.engine.topic_state import State
from leadline.model.instrument import to_units
from leadline.model.market import BookCrossed, BookDropped, Channel, Subscription
from leadline.model.reading import Reading, Source
from leadline.venues.kraken.session import KrakenSession
from scenario import BTC, ONE_WAY_S, Client, Scenario, each, fifty, perform

BOOK = Subscription(Channel.BOOK, BTC, 10)
HURT_S = 10.0
SNAPSHOT_S = 0.4
"""The emulated venue takes up to so long to answer with a snapshot."""


class Proof:
    """Compares every verified book a reader of BTC/USD gets with all states the venue has had."""

    def __init__(self, world: Scenario, client: Client) -> None:
        self.compared = 0
        self.wrong: list[float] = []
        self._world = world
        self._listing = world.exchange.market.listings[BTC]
        self._states = {self._top()}
        world.exchange.market.listeners.append(self._note)
        client.feed.on_book(BTC, self._compare)

    def _top(self) -> Any:
        book = self._listing.book
        return tuple(book.bids.top(10)), tuple(book.asks.top(10))

    def _note(self, batch: Batch) -> None:
        if batch.symbol == BTC:
            self._states.add(self._top())

    def _compare(self, reading: Reading[BookView]) -> None:
        if not reading.verified:
            return
        pair, book = self._listing.pair, reading.value.freeze(10)
        ours = tuple(
            tuple(
                (to_units(level.price, pair.price_precision), to_units(level.qty, pair.qty_precision))
                for level in side
            )
            for side in (book.bids, book.asks)
        )
        self.compared += 1
        if ours not in self._states:
            self.wrong.append(self._world.now_s)


@pytest.mark.parametrize("kind", ["CORRUPT", "DROP", "REORDER"])
def test_a_bad_message_is_found_at_the_next_checksum_and_the_book_is_back_within_two_seconds(
    kind: str,
) -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(each(world.symbols, Channel.BOOK)) as client:
            proof = Proof(world, client)
            await client.system.ready(9)
            world.at(HURT_S, kind=kind, channel="book", symbol=BTC)
            await world.until(HURT_S + 6)

            assert proof.wrong == []
            assert proof.compared > 20
            ((dropped_s, dropped),) = client.told(BookDropped)
            assert dropped.symbol == BTC
            after = [ns / 1e9 for ns in world.arrivals["book", BTC] if ns / 1e9 > HURT_S + ONE_WAY_S]
            assert dropped_s in after[:2]
            back = [s for s in after if s > dropped_s + 2 * ONE_WAY_S]
            (asked_s,) = (s for s in world.requests("subscribe", "book", BTC) if s > HURT_S)
            assert asked_s - dropped_s < 0.2
            assert back[0] - dropped_s <= 2 + SNAPSHOT_S
            assert client.state(Channel.BOOK, BTC) is State.LIVE
            assert (await client.feed.book(BTC)).source is Source.STREAM
            _others_undisturbed(world, client)

    perform(scene, fifty(), rate=150)


def test_a_book_that_is_always_wrong_is_asked_for_ever_more_rarely_and_read_from_rest() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(each(world.symbols, Channel.BOOK)) as client:
            proof = Proof(world, client)
            await client.system.ready(9)
            world.at(HURT_S, kind="CORRUPT", channel="book", symbol=BTC, count=1_000_000, for_s=200)
            while world.now_s < HURT_S + 200:
                reading = await client.feed.book(BTC)
                lost = bool(client.told(BookDropped))
                assert reading.source in ((Source.REST, Source.CACHE) if lost else (Source.STREAM,))
                await world.clock.sleep(5)
            tries_s = [s for s in world.requests("subscribe", "book", BTC) if s > HURT_S]
            await world.until(HURT_S + 270)

            pauses_s = [later - earlier for earlier, later in itertools.pairwise(tries_s)]
            assert len(tries_s) <= 14
            assert pauses_s[0] < 3
            assert all(28 < pause_s < 36 for pause_s in pauses_s[-3:])
            assert proof.wrong == []
            assert client.state(Channel.BOOK, BTC) is State.LIVE
            _others_undisturbed(world, client)

    perform(scene, fifty()[:12], rate=60)


async def test_a_crossed_book_with_a_true_checksum_is_an_alarm_and_goes_on() -> None:
    rig, frames = Rig(), BookFeed(BTC)
    async with rig.feed:
        session = KrakenSession(rig.feed.receive, {BTC: instrument(BTC)}.get)
        rig.feed.attach(session, lambda: None)
        seen: list[Reading[BookView]] = []
        rig.feed.on_book(BTC, seen.append)
        session.opened(rig.now)
        assert any(BTC in output.text for output in session.outputs() if isinstance(output, Send))
        crossing = [frames.snapshot(), frames.update(bids=[("101.5", "1.00000000")])]
        for frame in (*crossing, frames.update(bids=[("101.5", "0.00000000")])):
            session.received(frame.encode(), rig.now)

        alarms = [event for event in rig.feed.recent_events if isinstance(event, BookCrossed)]
        assert alarms == [BookCrossed(BTC, Decimal("101.5"), Decimal("101.0"))]
        assert [reading.verified for reading in seen] == [True] * 3
        assert not [event for event in rig.feed.recent_events if isinstance(event, BookDropped)]
        assert session.outputs() == []


def _others_undisturbed(world: Scenario, client: Client) -> None:
    others = [name for name in world.symbols if name != BTC]
    assert client.told_of(others) == []
    assert {one.symbols for one in world.sent if one.at_s >= HURT_S} <= {(BTC,)}
    for name in others:
        states = client.since(Subscription(Channel.BOOK, name, 10), HURT_S)
        assert states <= {State.LIVE, State.QUIET}

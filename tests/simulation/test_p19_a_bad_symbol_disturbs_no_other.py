"""Four of fifty symbols go wrong, each in its own way; what the other forty-six get is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from leadline.clock import NS_PER_S
from leadline.engine.events import SourceChanged
from leadline.engine.topic_state import RECEIVING, State
from leadline.model.market import BookDropped, Channel, Gap, InstrumentsChanged
from leadline.model.reading import Reading
from scenario import ONE_WAY_S, Scenario, each, fifty, perform

CORRUPT, MALFORMED, REFUSED, DELISTED = "S0001/USD", "S0002/USD", "S0003/USD", "S0004/USD"
BAD = (CORRUPT, MALFORMED, REFUSED, DELISTED)
HURT_S, END_S = 10.0, 40.0


@pytest.mark.parametrize("lines", [1, 2])
def test_four_bad_symbols_cost_the_other_forty_six_not_one_update(lines: int) -> None:
    async def scene(world: Scenario) -> None:
        good = [name for name in world.symbols if name not in BAD]
        books: Counter[str] = Counter()
        trades: dict[str, list[int | None]] = {name: [] for name in world.symbols}
        world.inject(kind="SUB_REJECT", symbol=REFUSED)
        world.at(HURT_S, kind="CORRUPT", channel="book", symbol=CORRUPT, count=1_000_000)
        world.at(HURT_S, kind="CORRUPT", channel="trade", symbol=MALFORMED, count=1_000_000)
        world.at(HURT_S, kind="STATUS", symbol=DELISTED, mode="maintenance")
        async with world.client(each(world.symbols, Channel.TICKER), lines=lines) as client:
            for name in world.symbols:
                client.feed.on_book(name, _count(books, name))
                client.feed.on_trade(name, _append(trades[name]))
            await world.until(END_S)

            told = [event for _, event in client.told_of(good) if not isinstance(event, SourceChanged)]
            assert told == []  # a lull may have REST stand in for trades, and nothing more
            for wanted in each(good, Channel.BOOK):
                assert client.since(wanted, HURT_S) <= {State.LIVE, State.QUIET}
            for name in good:
                assert books[name] >= len(world.arrivals["book", name]) // lines
                came_ns = world.network.venue_ns - round(2 * ONE_WAY_S * NS_PER_S)
                tape = world.exchange.market.listings[name].tape.trades
                ids = trades[name]
                happened = [one.trade_id for one in tape if one.trade_id >= (ids[0] or 0)]
                assert ids == happened[: len(ids)]
                assert all(one.time_ns > came_ns for one in tape if one.trade_id > (ids[-1] or 0))

            assert client.told(BookDropped, CORRUPT)
            assert client.state(Channel.BOOK, CORRUPT) is not State.LIVE
            assert client.feed.stats.frames_skipped > 3
            assert client.told(Gap, MALFORMED)
            assert client.state(Channel.TRADES, MALFORMED) not in RECEIVING
            assert {client.state(c, REFUSED) for c in (Channel.BOOK, Channel.TRADES)} == {State.REFUSED}
            changed = [event for _, event in client.told(InstrumentsChanged) if not event.snapshot]
            assert [[one.symbol for one in event.instruments] for event in changed] == [[DELISTED]]
            assert client.system.market.reference.instrument(DELISTED).status.value != "online"
            stats = client.feed.stats
            assert stats.wanted == stats.receiving + stats.explained == 150
            reasons = {topic.subscription.symbol: topic.reason for topic in stats.topics if topic.reason}
            assert set(reasons) <= set(BAD)
            assert client.system.lines.connects == lines

    perform(scene, fifty(), rate=400)


def _count(counts: Counter[str], name: str) -> Callable[[Reading[Any]], None]:
    def take(reading: Reading[Any]) -> None:
        counts[name] += 1

    return take


def _append(ids: list[int | None]) -> Callable[[Reading[Any]], None]:
    return lambda reading: ids.append(reading.value.trade_id)

"""Two lines of one route: whatever happens to one of them, readers hear nothing of it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from leadline.core.session import LineDown, LineUp
from leadline.engine.events import LineSwitched, SourceChanged, StreamDead
from leadline.engine.topic_state import State
from leadline.model.market import BookDropped, Channel, Gap, GapCause
from leadline.model.reading import Reading, Source
from scenario import BTC, ETH, Everything, Scenario, each, perform

START_S = 5.0
LOSSES, APART_S = 30, 35.0
ALL = (Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.BARS)


CUT = {"kind": "CLOSE", "code": 1006, "line": "ws_public", "only": "oldest"}
"""The connection that has stood longest carries everything once the other has been cut after it."""

HARMS: dict[str, tuple[dict[str, Any], float]] = {
    "cut": (CUT, 1.0),
    "corrupted": ({"kind": "CORRUPT", "channel": "book", "only": "oldest"}, 2.0),
    "stalled": ({"kind": "STALL", "only": "oldest"}, 6.0),
    "frozen": ({"kind": "HALF_OPEN", "line": "ws_public", "only": "oldest"}, 6.0),
}
"""What is done to one line, and the seconds after which its readers are with the other at the latest."""


def test_thirty_losses_of_the_line_that_carries_everything_cost_nobody_anything() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(each([BTC, ETH], *ALL), lines=2) as client:
            trades = Everything(world, client.feed.every_trade(BTC))
            tickers = Everything(world, client.feed.every_ticker(BTC))
            books = Everything(world, client.feed.books(BTC))
            await world.until(START_S)
            for number in range(LOSSES):
                world.inject(**CUT)
                await world.until(START_S + (number + 1) * APART_S)
            await trades.stop()
            await tickers.stop()
            await books.stop()

            assert len(client.told(LineDown)) == LOSSES
            switches = [event for _, event in client.told(LineSwitched)]
            assert len(switches) >= LOSSES - 1  # the first cut may hit a line that carries nothing
            assert max(event.took_ms for event in switches) == 0.0
            assert client.feed.gaps == ()
            ids = [reading.value.trade_id for reading in trades.of(Reading)]
            assert ids == list(range(ids[0], ids[0] + len(ids)))
            times = [reading.value.venue_time for reading in tickers.of(Reading)]
            assert times == sorted(times)
            told = tickers.of(Reading)
            assert all(one.value != other.value for one, other in itertools.pairwise(told))
            assert {reading.source for reading in books.of(Reading)} == {Source.STREAM}
            assert all(reading.verified for reading in books.of(Reading))
            wanted = each([BTC], *ALL)
            assert {state for one in wanted for state in client.since(one, START_S)} <= {
                State.LIVE,
                State.QUIET,
            }
            assert client.told(SourceChanged) == client.told(StreamDead) == []  # no reader was given REST's

    perform(scene)


@pytest.mark.parametrize("harm", HARMS)
def test_a_line_that_is_harmed_is_replaced_by_the_other_and_nobody_notices(harm: str) -> None:
    async def scene(world: Scenario) -> None:
        fault, within_s = HARMS[harm]
        async with world.client(each([BTC], *ALL), lines=2) as client:
            await world.until(START_S)
            world.inject(**CUT)  # now the other carries everything
            await world.until(START_S + APART_S)
            (carrier,) = [state.number for state in client.system.lines.lines if state.carried == len(ALL)]
            trades = Everything(world, client.feed.every_trade(BTC))
            harmed_s = world.now_s
            world.inject(**fault)
            await world.until(harmed_s + 20)
            await trades.stop()

            switched = [(at_s, event) for at_s, event in client.told(LineSwitched) if at_s >= harmed_s]
            assert {event.from_line for _, event in switched} == {carrier}
            assert switched[0][0] - harmed_s <= within_s
            assert client.feed.gaps == ()
            assert client.told(SourceChanged) == client.told(StreamDead) == client.told(BookDropped) == []
            ids = [reading.value.trade_id for reading in trades.of(Reading)]
            assert ids == list(range(ids[0], ids[0] + len(ids)))
            assert client.since(each([BTC], Channel.BOOK)[0], harmed_s) == {State.LIVE}

    perform(scene)


def test_a_trade_that_one_line_never_got_is_no_hole() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(each([BTC], Channel.TRADES), lines=2) as client:
            trades = Everything(world, client.feed.every_trade(BTC))
            await world.until(START_S)
            for number in range(60):
                world.inject(kind="DROP", channel="trade", only="oldest")
                await world.until(START_S + number + 1)
            await world.until(START_S + 65)
            await trades.stop()

            assert client.feed.gaps == ()
            ids = [reading.value.trade_id for reading in trades.of(Reading)]
            assert ids == list(range(ids[0], ids[0] + len(ids)))
            assert len(ids) > 100

    perform(scene)


def test_both_lines_down_is_told_as_a_loss_and_either_one_ends_it() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(each([BTC], Channel.BOOK), lines=2) as client:
            client.feed.on_book(BTC, lambda reading: None)
            world.at(START_S, kind="REFUSE", status=503, for_s=20)
            world.at(START_S, kind="CLOSE")
            await world.until(START_S + 10)
            assert (await client.feed.book(BTC)).source is Source.REST
            assert client.told(SourceChanged)[0][1].took_ms < 100
            await world.until(START_S + 60)

            assert [gap.cause for gap in client.feed.gaps] == [GapCause.DISCONNECTED]
            assert [event.standing for _, event in client.told(LineDown)] == [1, 0]
            assert len(client.told(LineUp)) == 4
            assert (await client.feed.book(BTC)).source is Source.STREAM

    perform(scene)


def test_spread_over_lines_one_loss_hurts_its_own_streams_alone() -> None:
    async def scene(world: Scenario) -> None:
        wanted = each([BTC, ETH], *ALL)
        async with world.client(wanted, lines=2, redundant=False) as client:
            for symbol in (BTC, ETH):
                client.feed.on_ticker(symbol, lambda reading: None)
                client.feed.on_book(symbol, lambda reading: None)
            await world.until(START_S)
            states = client.system.lines.lines
            assert [state.carried for state in states] == [4, 4]
            world.inject(**CUT)
            await world.until(START_S + 20)

            hurt = {(gap.channel, gap.symbol) for _, gap in client.told(Gap)}
            assert len(hurt) == 4
            lost = [
                (at_s, event) for at_s, event in client.told(SourceChanged) if event.source is Source.REST
            ]
            assert {(event.channel, event.symbol) for _, event in lost} <= hurt
            assert lost
            assert max(event.took_ms for _, event in lost) < 100
            for one in wanted:
                if (one.channel, one.symbol) not in hurt:
                    assert client.since(one, START_S) <= {State.LIVE, State.QUIET}
            assert client.feed.stats.receiving == len(wanted)

    perform(scene)


def test_a_refusal_is_told_once_and_a_book_deepened_on_both_lines() -> None:
    async def scene(world: Scenario) -> None:
        world.inject(kind="SUB_REJECT", symbol=ETH)
        async with world.client(each([BTC], Channel.BOOK), lines=2) as client:
            client.feed.hold(Channel.TICKER, ETH)
            await world.until(START_S)
            client.feed.hold(Channel.BOOK, BTC, 25)
            await world.until(2 * START_S)

            refused: list[Any] = [event for _, event in client.events if "Refused" in type(event).__name__]
            assert len(refused) == 1
            assert [state.warm for state in client.system.lines.lines] == [1, 1]
            reading = await client.feed.book(BTC, 25)
            assert len(reading.value.bids(25)) == 25

    perform(scene)

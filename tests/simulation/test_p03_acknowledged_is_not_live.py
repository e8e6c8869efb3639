"""Connected, acknowledged, and no data: seen, checked against REST, asked for anew, served from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from leadline.core.session import SubscriptionRefused
from leadline.engine.events import SourceChanged, StreamDead
from leadline.engine.topic_state import State
from leadline.errors import VenueError
from leadline.model.market import Channel, Subscription
from leadline.model.reading import Source
from scenario import BTC, BTC_PAIR, ETH, ETH_PAIR, Everything, Scenario, each, perform

FIRST_DATA_S = 10.0
CURED_S = 25.0
SETTLED_S = 120.0
"""By then every silent stream has shown how quiet it is; until then REST may stand in."""


@pytest.mark.parametrize(
    ("channel", "wire"), [(Channel.TICKER, "ticker"), (Channel.TRADES, "trade"), (Channel.BOOK, "book")]
)
def test_a_stream_acknowledged_without_data_is_seen_checked_renewed_and_served_by_rest(
    channel: Channel, wire: str
) -> None:
    async def scene(world: Scenario) -> None:
        world.inject(kind="ACK_NO_DATA", channel=wire, symbol=BTC, for_s=CURED_S)
        silent, lively = (each([symbol], channel)[0] for symbol in (BTC, ETH))
        async with world.client([silent, lively]) as client:
            read: Callable[..., Any] = {
                Channel.TICKER: client.feed.ticker,
                Channel.TRADES: client.feed.trades,
                Channel.BOOK: client.feed.book,
            }[channel]
            stop = {
                Channel.TICKER: client.feed.on_ticker,
                Channel.TRADES: client.feed.on_trade,
                Channel.BOOK: client.feed.on_book,
            }[channel](BTC, lambda reading: None)
            served = []
            while world.now_s < CURED_S:
                reading = await read(BTC)
                served.append((reading.source, reading.verified))
                await world.clock.sleep(1)
            await world.until(CURED_S + 30)
            stop()

            acked_s = client.states[silent][1]
            assert acked_s[1] is State.ACKED_NO_DATA
            assert acked_s[0] <= FIRST_DATA_S
            before_the_cure = {state for at_s, state in client.states[silent] if at_s < CURED_S}
            assert State.LIVE not in before_the_cure
            assert (Source.REST, False) in served
            assert set(served) <= {(Source.REST, False), (Source.CACHE, False)}
            died_s = client.told(StreamDead, BTC)[0][0]
            assert FIRST_DATA_S <= died_s - acked_s[0] <= FIRST_DATA_S + 2
            asked = world.requests("subscribe", wire, BTC)
            assert len([s for s in asked if died_s <= s <= died_s + 1]) == 1
            assert client.state(channel, BTC) is State.LIVE
            assert client.told(StreamDead, ETH) == []
            assert len(world.requests("subscribe", wire, ETH)) == 1
            assert client.system.lines.connects == 1

    perform(scene)


@pytest.mark.parametrize("error", ["", "EQuery:Unknown asset pair"])
def test_a_rejected_symbol_is_an_error_to_its_caller_within_a_second_and_never_live(error: str) -> None:
    async def scene(world: Scenario) -> None:
        world.inject(kind="SUB_REJECT", symbol=BTC, error=error)
        async with world.client(each([ETH], Channel.TICKER)) as client:
            await world.until(5)
            iterating = Everything(world, client.feed.tickers(BTC))
            with pytest.raises(VenueError, match=error or "Currency pair not supported BTC/USD"):
                await client.feed.ticker(BTC)
            assert world.now_s < 6
            await world.until(10)
            await iterating.stop()

            assert isinstance(iterating.error, VenueError)
            assert iterating.error_s < 6
            assert client.state(Channel.TICKER, BTC) is State.REFUSED
            refused = Subscription(Channel.TICKER, BTC)
            assert {state for _, state in client.states[refused]} <= {State.WANTED, State.REFUSED}
            assert [event.subscription for _, event in client.told(SubscriptionRefused)] == [refused]
            assert client.told_of([ETH]) == []
            assert client.state(Channel.TICKER, ETH) is State.LIVE

    perform(scene)


def test_a_market_in_which_nothing_happens_for_an_hour_is_not_called_dead() -> None:
    quiet = tuple(replace(BTC_PAIR, symbol=f"Q{number}/USD", weight=0.0) for number in range(10))

    async def scene(world: Scenario) -> None:
        silent = [pair.symbol for pair in quiet]
        channels = (Channel.TICKER, Channel.TRADES, Channel.BARS)
        async with world.client([*each(silent, *channels), *each([ETH], *channels)]) as client:
            for symbol in silent:
                client.feed.on_ticker(symbol, lambda reading: None)
                client.feed.on_trade(symbol, lambda reading: None)
                client.feed.on_book(symbol, lambda reading: None)
            await world.until(3600)

            assert client.told(StreamDead) == []
            assert all(at_s < SETTLED_S for at_s, _ in client.told(SourceChanged))
            assert client.feed.stats.gaps.total == 0
            for symbol in silent:
                reading = await client.feed.ticker(symbol)
                assert reading.source is Source.STREAM
                assert reading.age_s > 3500
                assert client.state(Channel.TICKER, symbol) is State.QUIET
                assert client.state(Channel.TRADES, symbol) is State.QUIET
                book = await client.feed.book(symbol)
                assert (book.source, book.verified) == (Source.STREAM, True)
            assert client.system.lines.connects == 1
            assert len(world.sent) == len({(one.channel, one.symbols) for one in world.sent})
            assert len(world.asked) < 3600 * 0.4

    perform(scene, (*quiet, ETH_PAIR), rate=2)

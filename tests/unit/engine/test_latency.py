from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from feedrig import BTC, Collected, Rig, running, settle
from leadline.clock import NS_PER_MS, NS_PER_S, ManualClock
from leadline.engine.latency import MOST_STREAMS, Latencies
from leadline.engine.topics import Desk
from leadline.model.market import Channel, Subscription, Ticker

TICKER = Subscription(Channel.TICKER, BTC)


def sent(rig: Rig, ago_ms: int) -> Ticker:
    """A ticker that the venue made so long ago."""
    at_s = (rig.clock.wall_ns() - ago_ms * NS_PER_MS) / NS_PER_S
    text = datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return replace(rig.ticker(), venue_time=text)


async def test_the_way_from_the_venue_is_taken_once_a_second_but_for_the_snapshot() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        rig.say(sent(rig, 3_600_000))
        await rig.passes(1)
        for _ in range(3):
            rig.say(sent(rig, 900))
            rig.say(sent(rig, 20))
            await rig.passes(1)
        await rig.passes(2)
        await seen.stop()

        arrival = rig.feed.latencies[TICKER].arrival
        assert arrival.count == 3
        assert abs(arrival.max - 20 * NS_PER_MS) < NS_PER_MS


async def test_the_way_to_the_reader_is_counted_where_it_is_handed_something() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        for _ in range(4):
            rig.say(rig.ticker())
            await settle()
        await seen.stop()

        assert rig.feed.latencies[TICKER].delivery.count == 4


async def test_trades_are_timed_by_the_newest_and_bars_not_at_all() -> None:
    async with running() as rig:
        seen = [Collected(rig.feed.every_trade(BTC)), Collected(rig.feed.every_bar(BTC))]
        await settle()
        for number in range(1, 4):
            rig.say(rig.trades(number))
            rig.say(rig.bars(rig.bar(0)))
            await rig.passes(1)
        for each in seen:
            await each.stop()

        counts = {each.channel: one.arrival.count for each, one in rig.feed.latencies.items()}
        assert counts == {Channel.TRADES: 2, Channel.BARS: 0}


def test_beyond_the_bound_streams_share_one_pair() -> None:
    latencies = Latencies(Desk(ManualClock()))
    wanted = [Subscription(Channel.BOOK, f"A{number}/USD", 10) for number in range(MOST_STREAMS + 2)]
    found = [latencies.of(each) for each in wanted]

    assert found[-1] is found[-2] is latencies.others
    assert len({id(each) for each in found}) == MOST_STREAMS + 1
    assert latencies.of(wanted[0]) is found[0]

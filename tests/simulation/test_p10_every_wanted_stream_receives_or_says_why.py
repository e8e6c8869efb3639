"""Subscriptions across a cut in the middle of the burst, a rate limit, a refusal, and an outage."""

from __future__ import annotations

import itertools

import pytest

from leadline.engine.topic_state import RECEIVING, State
from leadline.model.market import Channel, Subscription
from scenario import BTC, ETH, Scenario, each, fifty, perform

REFUSED = "S0007/USD"
SPACED_S = 1.0


@pytest.mark.parametrize(
    ("cut_s", "per_s", "lines"),
    [*itertools.product([0.06, 0.2, 0.35], [10, 2], [1]), (0.2, 10, 2), (0.35, 2, 3)],
)
def test_two_hundred_streams_survive_a_cut_in_the_burst_a_rate_limit_and_a_refusal(
    cut_s: float, per_s: float, lines: int
) -> None:
    async def scene(world: Scenario) -> None:
        world.inject(kind="SUB_RATE", per_s=per_s)
        world.inject(kind="SUB_REJECT", symbol=REFUSED)
        world.inject(kind="CLOSE", after_s=cut_s, count=1)
        channels = (Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.BARS)
        async with world.client(each(world.symbols, *channels), lines=lines) as client:
            await world.until(30)

            stats = client.feed.stats
            assert client.system.lines.connects == lines + 1
            assert stats.wanted == 200
            assert stats.wanted == stats.receiving + stats.explained
            refused = set(each([REFUSED], *channels))
            assert {topic.subscription for topic in stats.topics if topic.updates == 0} == refused
            lull_or_live = RECEIVING | {State.SUSPECT}
            assert {t.subscription for t in stats.topics if t.state not in lull_or_live} == refused
            assert {client.state(channel, REFUSED) for channel in channels} == {State.REFUSED}
            burst_s = sorted(one.at_s for one in world.sent if one.method == "subscribe")
            assert all(_within(burst_s, at_s, SPACED_S) <= lines * (8 + 10) for at_s in burst_s)

    perform(scene, fifty(), rate=250)


def _within(moments_s: list[float], from_s: float, span_s: float) -> int:
    return sum(from_s <= moment_s < from_s + span_s for moment_s in moments_s)


def test_a_stream_asked_for_while_disconnected_is_honoured() -> None:
    async def scene(world: Scenario) -> None:
        world.at(5, kind="CLOSE")
        world.at(5, kind="REFUSE", status=503, for_s=10)
        async with world.client(each([ETH], Channel.TICKER)) as client:
            await world.until(8)
            assert not client.system.lines.connected
            client.feed.hold(Channel.BOOK, BTC, 10)
            stop = client.feed.hold(Channel.TRADES, ETH)
            await world.until(8.5)
            assert client.state(Channel.BOOK, BTC) is State.WANTED
            stats = client.feed.stats
            assert (stats.receiving, stats.explained) == (0, 3)
            await world.until(15 + 30 + 2)

            assert client.system.lines.connected
            assert client.unlike(State.LIVE) == set()
            asked = {(one.channel, symbol) for one in world.sent if one.at_s > 5 for symbol in one.symbols}
            assert asked == {("ticker", ETH), ("book", BTC), ("trade", ETH)}
            stop()
            await world.until(90)
            assert Subscription(Channel.TRADES, ETH) not in client.system.lines.wanted()
            assert world.requests("unsubscribe", "trade", ETH)

    perform(scene)

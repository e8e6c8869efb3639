"""Six hours without names, six hours of refusals, and a machine that slept: back at once, and REST let go."""

from __future__ import annotations

import itertools

import pytest

from leadline.clock import NS_PER_S
from leadline.core.session import LineDown, LineUp
from leadline.engine.topic_state import RECEIVING, State
from leadline.errors import Stale
from leadline.model.market import Channel
from leadline.model.reading import Source
from leadline.simulation.loop import LoopClock, VirtualLoop
from scenario import BTC, ETH, Scenario, each, perform

HOURS_6_S = 6 * 3600.0
CUT_S = 20.0
LONGEST_PAUSE_S = 30.0
BACK_S = LONGEST_PAUSE_S + 5.0
CONNECT_S = 1.0


@pytest.mark.parametrize("lines", [1, 3])
def test_six_hours_without_name_resolution_are_outlived(lines: int) -> None:
    async def scene(world: Scenario) -> None:
        wanted = each([BTC, ETH], Channel.BOOK, Channel.TICKER)
        async with world.client(wanted, lines=lines) as client:
            await world.until(CUT_S)
            world.network.unresolved_until_ns = round((CUT_S + HOURS_6_S) * NS_PER_S)
            world.network.cut()
            await world.until(CUT_S + HOURS_6_S / 2)
            with pytest.raises(Stale, match="cannot resolve"):
                await client.feed.ticker(BTC)
            stats = client.feed.stats
            assert (stats.receiving, stats.explained) == (0, stats.wanted)
            restored_s = CUT_S + HOURS_6_S
            await world.until(restored_s + BACK_S)

            tries_s = [ns / NS_PER_S for ns in world.network.connects_ns if ns > CUT_S * NS_PER_S]
            pauses_s = [later - earlier for earlier, later in itertools.pairwise(tries_s)]
            assert max(pauses_s) <= LONGEST_PAUSE_S + CONNECT_S
            assert max(_in_ten_minutes(tries_s)) <= 120
            up_s, _ = client.told(LineUp)[lines]
            assert restored_s < up_s <= restored_s + LONGEST_PAUSE_S + CONNECT_S
            assert {topic.state for topic in client.feed.stats.topics} <= RECEIVING

    perform(scene, rate=1)


def test_six_hours_of_refused_connects_are_served_by_rest_and_rest_is_let_go_afterwards() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(each([BTC, ETH], Channel.TICKER)) as client:
            client.feed.on_ticker(BTC, lambda reading: None)
            world.at(CUT_S, kind="REFUSE", status=503, for_s=HOURS_6_S)
            world.at(CUT_S, kind="CLOSE")
            restored_s = CUT_S + HOURS_6_S
            while world.now_s < restored_s:
                reading = await client.feed.ticker(BTC)
                assert world.now_s <= CUT_S + 1 or reading.source in (Source.REST, Source.CACHE)
                await world.clock.sleep(300)
            outage = len(world.rest("Ticker", CUT_S))
            await world.until(restored_s + BACK_S)

            assert outage <= HOURS_6_S * 0.8
            assert client.system.lines.connected
            assert {topic.state for topic in client.feed.stats.topics} <= RECEIVING
            await world.until(restored_s + BACK_S + 30)
            assert (await client.feed.ticker(BTC)).source is Source.STREAM
            from_s = world.now_s
            await world.until(from_s + 60)
            asked = len(world.rest("Ticker", from_s))
            assert asked < 60 / 4  # fewer than REST in the stream's place: questions about quiet streams

    perform(scene, rate=1)


class SleptClock(LoopClock):
    """A clock that goes on while the machine sleeps; timers do not."""

    def __init__(self, loop: VirtualLoop, wall_ns: int) -> None:
        super().__init__(loop, wall_ns)
        self._slept_ns = 0

    def mono_ns(self) -> int:
        return super().mono_ns() + self._slept_ns

    def wake(self, after_s: float) -> None:
        self._slept_ns += round(after_s * NS_PER_S)
        self.step_wall(after_s)


def test_after_an_hour_of_sleep_nothing_old_is_fresh_and_everything_comes_back() -> None:
    async def scene(world: Scenario) -> None:
        clock = world.clock = SleptClock(world.loop, world.clock.wall_ns())
        async with world.client(each([BTC, ETH], Channel.BOOK, Channel.TICKER)) as client:
            await world.until(CUT_S)
            world.inject(kind="HALF_OPEN")
            clock.wake(3600)
            reading = await client.feed.book(BTC)
            assert reading.source is Source.REST
            await world.until(CUT_S + BACK_S)

            ((down_s, _),) = client.told(LineDown)
            assert down_s - CUT_S <= 5.1
            assert client.unlike(State.LIVE) == set()
            assert (await client.feed.book(BTC)).source is Source.STREAM

    perform(scene)


def _in_ten_minutes(tries_s: list[float]) -> list[int]:
    return [sum(at_s <= other_s < at_s + 600 for other_s in tries_s) for at_s in tries_s]

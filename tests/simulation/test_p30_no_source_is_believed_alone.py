"""REST that lies or lags, a stream that lies, a market that does move: who is believed, and what follows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from leadline.app.system import System
from leadline.core.crosscheck import PRICE_TOLERANCE
from leadline.emulator.exchange import Exchange
from leadline.emulator.instruments import Pair
from leadline.engine.events import Diverged, Reconverged, StreamDead
from leadline.errors import Stale
from leadline.model.market import Channel, GapCause, Subscription
from leadline.model.reading import UNVALIDATED, Source
from leadline.simulation.loop import VirtualLoop
from stage import START_NS, Stage, play

BTC, DOGE = "BTC/USD", "DOGE/USD"
PAIRS = (
    Pair("BTC/USD", 1, 8, 633_814, 8_000_000, 5_000, levels=40, step=400),
    Pair("DOGE/USD", 7, 8, 1_962_340, 700_000_000_000, levels=40, step=60),
)


class Watched(Stage):
    """A system on a market that moves by some thousandths in seconds, and whose orders it would hold."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__(loop, Exchange(start_ns=START_NS, seed=1, rate=40.0, pairs=PAIRS, history_minutes=5))
        self.held: dict[str, str] = {}

    def watching(self, *channels: Channel) -> System:
        system = self.system(
            [
                Subscription(channel, symbol, 10 * (channel is Channel.BOOK))
                for symbol in (BTC, DOGE)
                for channel in channels
            ]
        )
        system.feed.validator.guard(self.held.__setitem__, lambda symbol: self.held.pop(symbol, None), tuple)
        return system

    async def passes(self, seconds: float) -> None:
        await self.clock.sleep(seconds)


Scene = Callable[[Watched], Awaitable[None]]


def told(system: System, kind: type[Any]) -> list[Any]:
    return [event for event in system.feed.recent_events if isinstance(event, kind)]


def test_true_sources_agree_and_confidence_grows() -> None:
    async def scene(stage: Watched) -> None:
        async with stage.watching(Channel.TICKER, Channel.BOOK) as system:
            await system.ready()
            first = (await system.feed.ticker(BTC)).confidence
            await stage.passes(600)
            counts = system.feed.validator.counts

            assert first == UNVALIDATED
            for symbol in (BTC, DOGE):
                assert (await system.feed.ticker(symbol)).confidence > 0.8
                assert (await system.feed.book(symbol)).confidence > 0.8
            assert counts.agreed > 20
            assert counts.contradicted == counts.diverged == 0
            assert counts.agreed >= 9 * counts.within_tolerance

    play(scene, Watched)


def test_rest_off_by_a_factor_is_named_and_not_believed_and_orders_wait_until_it_is_over() -> None:
    async def scene(stage: Watched) -> None:
        async with stage.watching(Channel.TICKER, Channel.BOOK) as system:
            await system.ready()
            await stage.passes(100)
            announced_s = system.feed.validator.interval_s(BTC)
            stage.inject(kind="SKEW", factor="0.97", symbol=BTC, channel="ticker", for_s=announced_s + 60)
            await stage.passes(announced_s)

            (first,) = told(system, Diverged)[:1]
            assert (first.channel, first.symbol, first.blamed) == ("ticker", BTC, Source.REST)
            assert BTC in stage.held
            await stage.passes(55)
            patterns = [event.pattern for event in told(system, Diverged) if event.pattern]
            assert patterns
            assert patterns[0].startswith("theirs is 0.97 × ours")
            assert list(stage.held) == [BTC]
            assert (await system.feed.ticker(BTC)).source is Source.STREAM
            assert (await system.feed.ticker(BTC)).confidence < 0.2
            assert (await system.feed.ticker(DOGE)).confidence > UNVALIDATED
            assert system.feed.gaps == ()
            await stage.passes(40)

            (ended,) = told(system, Reconverged)
            assert ended.symbol == BTC
            assert stage.held == {}
            assert system.feed.validator.open == ()
            assert told(system, StreamDead) == []

    play(scene, Watched)


def test_rest_that_is_not_believed_does_not_stand_in_for_a_lost_stream() -> None:
    async def scene(stage: Watched) -> None:
        async with stage.watching(Channel.TICKER, Channel.BOOK) as system:
            await system.ready()
            await stage.passes(5)
            stage.inject(kind="SKEW", factor="1.05", symbol=BTC)
            await stage.passes(60)
            assert BTC in stage.held
            stage.inject(kind="REFUSE", route="ws", for_s=20)
            stage.inject(kind="CLOSE")
            await stage.passes(2)

            with pytest.raises(Stale, match="stream and REST differ"):
                await system.feed.ticker(BTC)
            assert (await system.feed.ticker(DOGE)).source is Source.REST

    play(scene, Watched)


def test_a_stream_off_by_a_factor_is_outvoted_quarantined_and_comes_back() -> None:
    async def scene(stage: Watched) -> None:
        async with stage.watching(Channel.TICKER, Channel.BOOK) as system:
            await system.ready()
            await stage.passes(5)
            stage.inject(kind="SKEW", factor="1.08", symbol=BTC, channel="ticker", route="ws", for_s=80)
            await stage.passes(60)
            reading = await system.feed.ticker(BTC)
            bid = stage.exchange.market.listings[BTC].best[0][0]  # type: ignore[index]

            (first,) = told(system, Diverged)[:1]
            assert (first.symbol, first.blamed) == (BTC, Source.STREAM)
            assert reading.source is Source.REST
            assert abs(reading.value.bid / (Decimal(bid) / 10) - 1) < Decimal("0.02")
            assert list(stage.held) == [BTC]
            assert [(gap.symbol, gap.cause) for gap in system.feed.gaps] == [(BTC, GapCause.CONTRADICTED)]
            await stage.passes(60)

            assert (await system.feed.ticker(BTC)).source is Source.STREAM
            assert stage.held == {}
            assert len(told(system, Reconverged)) == 1
            assert told(system, StreamDead) == []

    play(scene, Watched)


def test_a_market_that_really_moves_is_no_divergence() -> None:
    async def scene(stage: Watched) -> None:
        async with stage.watching(Channel.TICKER, Channel.BOOK) as system:
            await system.ready()
            system.feed.validator.critical.add(BTC)
            prices = []
            for _ in range(200):
                await stage.passes(1)
                prices.append((await system.feed.ticker(BTC)).value.bid)

            assert max(prices) / min(prices) > Decimal("1.01")
            assert max(abs(b / a - 1) for a, b in pairwise(prices)) > 2 * PRICE_TOLERANCE
            assert system.feed.validator.counts.checks > 10
            assert told(system, Diverged) == []
            assert stage.held == {}
            assert (await system.feed.ticker(BTC)).confidence > UNVALIDATED

    play(scene, Watched)


def test_without_a_third_view_nobody_is_blamed_and_orders_wait() -> None:
    async def scene(stage: Watched) -> None:
        async with stage.watching(Channel.TICKER) as system:
            await system.ready()
            await stage.passes(5)
            stage.inject(kind="SKEW", factor="1.05", symbol=BTC)
            await stage.passes(60)

            assert {event.blamed for event in told(system, Diverged)} == {None}
            assert list(stage.held) == [BTC]
            assert (await system.feed.ticker(BTC)).source is Source.STREAM

    play(scene, Watched)


def test_rest_that_lags_is_named_by_its_delay() -> None:
    async def scene(stage: Watched) -> None:
        async with stage.watching(Channel.TICKER, Channel.BOOK) as system:
            await system.ready()
            system.feed.validator.critical.add(BTC)
            stage.inject(kind="LAG", delay_s=7.0, symbol=BTC, channel="ticker")
            await stage.passes(200)
            patterns = [event.pattern for event in told(system, Diverged) if "ago" in event.pattern]

            assert patterns
            lag_s = float(patterns[0].split(" s ago")[0].rsplit(" ", 1)[-1])
            assert abs(lag_s - 7.0) <= 1.0

    play(scene, Watched)


def test_streams_that_stand_still_together_do_not_outvote_rest() -> None:
    async def scene(stage: Watched) -> None:
        async with stage.watching(Channel.TICKER, Channel.BOOK) as system:
            await system.ready()
            system.feed.validator.critical.update((BTC, DOGE))
            await stage.passes(20)
            for _ in range(8):
                stage.inject(kind="STALL", symbol=BTC, for_s=12)
                await stage.passes(30)

            assert {event.blamed for event in told(system, Diverged)} <= {None}

    play(scene, Watched)


def test_a_line_that_is_dead_and_does_not_say_so_is_no_divergence() -> None:
    async def scene(stage: Watched) -> None:
        async with stage.watching(Channel.TICKER, Channel.BOOK) as system:
            await system.ready()
            system.feed.validator.critical.update((BTC, DOGE))
            for _ in range(8):
                stage.inject(kind="HALF_OPEN", for_s=20)
                await stage.passes(61)

            assert system.feed.validator.counts.agreed > 5
            assert told(system, Diverged) == []

    play(scene, Watched)


def test_lines_that_are_cut_again_and_again_are_no_divergence() -> None:
    async def scene(stage: Watched) -> None:
        async with stage.watching(Channel.TICKER, Channel.BOOK) as system:
            await system.ready()
            system.feed.validator.critical.update((BTC, DOGE))
            for _ in range(12):
                stage.inject(kind="CLOSE", code=1006)
                await stage.passes(47)

            assert system.feed.validator.counts.agreed > 5
            assert told(system, Diverged) == []

    play(scene, Watched)

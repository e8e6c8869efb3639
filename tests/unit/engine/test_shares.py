from __future__ import annotations

from typing import Any

from feedrig import BTC, Collected, running, settle
from leadline.clock import NS_PER_S
from leadline.engine.events import EventLog, StreamShareLow, StreamShareRecovered
from leadline.engine.shares import LEAST_READS, StreamShares
from leadline.engine.stats import ReadingCounts, Share


class Bench:
    def __init__(self, **more: Any) -> None:
        self.events = EventLog()
        self.shares = StreamShares(self.events, **more)
        self.stream = self.rest = self.now_s = 0
        self.shares.look(self.counts, 0)

    @property
    def counts(self) -> ReadingCounts:
        return ReadingCounts(self.stream, self.rest, 0)

    def passes(self, seconds: int, stream: int, rest: int = 0) -> None:
        """So many reads every second."""
        for _ in range(seconds):
            self.now_s += 1
            self.stream += stream
            self.rest += rest
            self.shares.look(self.counts, self.now_s * NS_PER_S)

    def told(self) -> tuple[Share, ...]:
        return self.shares.shares(self.counts, self.now_s * NS_PER_S)


def test_a_window_forgets_what_is_older_than_it() -> None:
    bench = Bench()
    bench.passes(30, stream=9, rest=1)
    early = bench.told()
    bench.passes(65, stream=10)

    assert [each.share for each in early] == [0.9, 0.9]
    minute, quarter = bench.told()
    assert (minute.window_s, minute.share) == (60, 1.0)
    assert (quarter.window_s, quarter.reads) == (900, 950)
    assert quarter.share == 1 - 30 / 950


def test_a_low_share_is_told_once_for_each_window_and_its_recovery_as_well() -> None:
    bench = Bench()
    bench.passes(60, stream=9, rest=1)
    bench.passes(200, stream=10)
    short = [event for event in bench.events.recent if event.window_s == 60]  # type: ignore[union-attr]

    assert [type(event) for event in short] == [StreamShareLow, StreamShareRecovered]
    assert short[0] == StreamShareLow(0.9, 0.95, 60)
    assert sum(isinstance(event, StreamShareLow) for event in bench.events.recent) == 2


def test_a_few_reads_say_nothing() -> None:
    bench = Bench()
    bench.passes(LEAST_READS - 1, stream=0, rest=1)
    silent = list(bench.events.recent)
    bench.passes(1, stream=0, rest=1)

    assert silent == []
    assert len(bench.events.recent) == 2


def test_what_is_wanted_can_be_set() -> None:
    bench = Bench(wanted=0.5)
    bench.passes(60, stream=6, rest=4)

    assert list(bench.events.recent) == []


def test_no_reads_have_no_share() -> None:
    assert Bench().told() == (Share(60, 0, None), Share(900, 0, None))


def test_hours_cost_no_more_than_the_longest_window() -> None:
    bench = Bench()
    bench.passes(4000, stream=1)

    assert bench.told()[1].reads in range(895, 906)
    assert len(bench.shares._totals) <= 181


async def test_a_feed_shows_the_share_of_its_stream() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.tickers(BTC))
        await settle()
        for _ in range(30):
            rig.say(rig.ticker())
            await rig.passes(1)
        await seen.stop()

        assert rig.feed.stats.shares[0].share == 1.0
        assert rig.feed.stats.shares[0].reads == 30

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from feedrig import BTC, Collected, Rig, running, settle
from leadline.clock import NS_PER_S, ManualClock
from leadline.engine.backfill import Backfill
from leadline.engine.bars import BarTopic
from leadline.engine.events import EventLog
from leadline.engine.lag import Lag
from leadline.engine.readers import Conflated
from leadline.engine.topics import Desk
from leadline.errors import ConnectionLost, Throttled
from leadline.model.market import Bar, BarBatch, Channel, Gap, GapCause, Subscription, TradeBatch
from leadline.model.reading import Source
from leadline.net.http import Purpose
from leadline.venues.memory import MemoryMarket


def ids(seen: Collected) -> list[tuple[int, bool]]:
    return [(item.value.trade_id, item.value.backfilled) for item in seen.items if not isinstance(item, Gap)]


def gaps(seen: Collected) -> list[Gap]:
    return [item for item in seen.items if isinstance(item, Gap)]


def known_to_rest(rig: Rig, *numbers: int) -> None:
    rig.market.trades[BTC] = [rig.trade(number) for number in numbers]


async def test_a_skipped_id_is_suspected_then_back_filled_and_marked() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        known_to_rest(rig, 1, 2, 3, 4)
        rig.say(rig.trades(1))
        rig.say(rig.trades(4))
        await settle()

        assert ids(seen) == [(1, False), (4, False), (2, True), (3, True)]
        suspected, filled = gaps(seen)
        assert (suspected.cause, suspected.missing, suspected.suspected) == (GapCause.SKIPPED, 2, True)
        assert (filled.filled, filled.suspected) == (True, False)
        assert (filled.from_ns, filled.until_ns) == (rig.trade(1).venue_ns, rig.trade(4).venue_ns)
        assert [asked.purpose for asked in rig.market.asked] == [Purpose.BACKFILL]
        await seen.stop()


async def test_ids_that_rest_does_not_know_either_were_never_there() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        known_to_rest(rig, 1, 4)
        rig.say(rig.trades(1, 4))
        await settle()

        assert (gaps(seen)[-1].missing, gaps(seen)[-1].filled) == (0, True)
        await seen.stop()


async def test_what_rest_no_longer_has_stays_a_gap_with_its_count() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        known_to_rest(rig, 3, 4)
        rig.say(rig.trades(1, 4))
        await settle()

        last = gaps(seen)[-1]
        assert (last.missing, last.filled, last.suspected) == (1, False, False)
        assert rig.feed.stats.gaps.unfilled == 1
        assert ids(seen) == [(1, False), (4, False), (3, True)]
        await seen.stop()


async def test_a_failing_rest_is_asked_again_and_given_up_in_the_end() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        rig.market.failing = ConnectionLost("down")
        rig.say(rig.trades(1, 4))
        await rig.passes(5)
        assert gaps(seen)[-1].suspected
        await rig.passes(120)

        assert (gaps(seen)[-1].missing, gaps(seen)[-1].filled) == (2, False)
        await seen.stop()


async def test_a_disconnect_is_back_filled_by_id_and_nothing_comes_twice() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        rig.say(rig.trades(1, 2))
        rig.market.failing = ConnectionLost("down as well")
        rig.cut()
        await settle()
        rig.market.failing = None
        known_to_rest(rig, *range(1, 10))
        rig.connect()
        rig.say(rig.trades(6, 7, 8))
        await settle()
        rig.say(rig.trades(9))
        await settle()

        assert sorted(number for number, _ in ids(seen)) == list(range(1, 10))
        assert [number for number, late in ids(seen) if late] == [3, 4, 5]
        opened, closed, filled = gaps(seen)
        assert opened.cause is closed.cause is GapCause.DISCONNECTED
        assert (closed.missing, closed.suspected, filled.filled) == (3, True, True)
        assert rig.feed.stats.gaps.total == 1
        await seen.stop()


async def test_a_snapshot_that_overlaps_proves_that_nothing_was_missed() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        rig.say(rig.trades(1, 2))
        rig.cut()
        await settle()
        rig.connect()
        rig.say(rig.trades(1, 2, 3))
        await settle()

        assert ids(seen) == [(1, False), (2, False), (3, False)]
        assert (gaps(seen)[-1].missing, gaps(seen)[-1].filled) == (0, True)
        await seen.stop()


async def test_trades_of_an_outage_come_from_rest_while_it_lasts() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        rig.say(rig.trades(1))
        known_to_rest(rig, 1, 2, 3)
        rig.cut()
        await rig.passes(2, alive=False)
        assert ids(seen) == [(1, False)]
        await rig.passes(2, alive=False)

        assert ids(seen) == [(1, False), (2, True), (3, True)]
        assert [item.source for item in seen.items if not isinstance(item, Gap)][-1] is Source.REST
        await seen.stop()


async def test_bars_that_a_disconnect_has_hurt_are_told_again_when_rest_has_them_whole() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_bar(BTC))
        await settle()
        rig.say(rig.bars(rig.bar(0, "100")))
        await settle()
        await rig.passes(30)
        rig.market.failing = ConnectionLost("down as well")
        rig.cut()
        await rig.passes(60, alive=False)
        rig.market.failing = None
        rig.connect()
        rig.say(rig.bars(rig.bar(0, "101"), rig.bar(1, "102")))
        await settle()
        before = bars(seen)
        rig.market.bars[BTC, 60] = [rig.bar(0, "101", complete=True), rig.bar(1, "102")]
        await rig.passes(1)
        rig.market.bars[BTC, 60] = [rig.bar(0, "101", complete=True), rig.bar(1, "102", complete=True)]
        rig.market.tickers[BTC] = rig.ticker("102")
        await rig.passes(90)

        assert not any(complete for _, _, complete in before)
        assert bars(seen)[len(before) :] == [(0, "101", True), (1, "102", True)]
        assert gaps(seen)[-1].filled
        await seen.stop()


def bars(seen: Collected) -> list[tuple[int, str, bool]]:
    readings: list[Any] = [item for item in seen.items if not isinstance(item, Gap)]
    first_ns = 1_790_000_040_000_000_000
    return [
        ((each.value.begin_ns - first_ns) // 60_000_000_000, str(each.value.close), each.value.complete)
        for each in readings
    ]


async def test_a_spent_budget_only_delays_the_repair() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        known_to_rest(rig, 1, 2, 3)
        rig.market.failing = Throttled("our own budget", delay_s=4.0)
        rig.say(rig.trades(1, 3))
        await rig.passes(3)
        rig.market.failing = None
        await rig.passes(2)

        assert ids(seen) == [(1, False), (3, False), (2, True)]
        await seen.stop()


async def test_a_hole_too_large_to_track_is_recorded_with_its_count() -> None:
    async with running() as rig:
        rig.feed.on_trade(BTC, lambda reading: None)
        rig.say(rig.trades(1))
        rig.say(rig.trades(200_002))
        await settle()

        assert [(gap.missing, gap.filled) for gap in rig.feed.gaps] == [(200_000, False)]


async def test_bars_that_rest_does_not_tell_are_asked_for_again() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_bar(BTC))
        await settle()
        rig.market.tickers[BTC] = rig.ticker("100")
        rig.say(rig.bars(rig.bar(0)))
        rig.cut()
        rig.connect()
        rig.say(rig.bars(rig.bar(0)))
        rig.market.failing = ConnectionLost("down")
        await rig.passes(2)
        rig.market.failing = None
        rig.market.bars[BTC, 60] = [rig.bar(0, complete=True)]
        await rig.passes(100)

        assert bars(seen)[-1] == (0, "100", True)
        assert gaps(seen)[-1].filled
        await seen.stop()


async def test_trades_with_lower_ids_and_later_times_are_delivered_behind_a_recorded_gap() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        rig.say(rig.trades(100, 5000))
        late = replace(rig.trade(101), venue_time=rig.trade(5002).venue_time)
        rig.say(TradeBatch(BTC, (late, replace(late, trade_id=102))))
        await settle()

        assert [number for number, _ in ids(seen)] == [100, 5000, 101, 102]
        assert all(gap.until_ns and not gap.suspected for gap in rig.feed.gaps)
        assert [gap.missing for gap in rig.feed.gaps] == [4899, None]
        await seen.stop()


async def test_a_hole_given_up_for_newer_ones_is_a_settled_gap() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        rig.market.failing = ConnectionLost("down")
        rig.say(rig.trades(*range(1, 2 * 66, 2)))
        await settle()

        settled = [gap for gap in rig.feed.gaps if not gap.suspected]
        assert [(gap.missing, gap.filled) for gap in settled] == [(1, False)]
        await seen.stop()


async def test_one_repair_of_bars_is_under_way_at_a_time() -> None:
    clock, market = ManualClock(), Slow()
    topic = BarTopic(Subscription(Channel.BARS, BTC, 60), Desk(clock))
    begin_ns = clock.wall_ns() - 300 * NS_PER_S
    one = Decimal(1)
    topic.take(BarBatch(BTC, 60, (Bar(BTC, 60, begin_ns, one, one, one, one, one, one, 1),)), 0)
    topic.add(Conflated(lambda: None, Lag("a reader", lambda: 0, EventLog())))
    tasks: list[asyncio.Task[None]] = []
    backfill = Backfill(market, clock, lambda work: tasks.append(asyncio.create_task(work)))
    for _ in range(5):
        clock.advance(60)
        backfill.look([topic], clock.mono_ns())
        await settle()
    assert len(tasks) == 1

    market.gate.set()
    await tasks[0]
    clock.advance(60)
    backfill.look([topic], clock.mono_ns())
    assert len(tasks) == 2
    await tasks[1]


class Slow(MemoryMarket):
    """A venue whose candles come when the gate opens."""

    def __init__(self) -> None:
        super().__init__([BTC])
        self.gate = asyncio.Event()

    async def fetch_bars(self, symbol: str, interval_s: int, since_ns: int, purpose: Purpose) -> list[Bar]:
        await self.gate.wait()
        return await super().fetch_bars(symbol, interval_s, since_ns, purpose)

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from leadline.clock import NS_PER_S, ManualClock
from leadline.core.histogram import Histogram
from leadline.engine.events import EventLog, ReaderCaughtUp, ReaderFailed, ReaderLags, ReaderSlow
from leadline.engine.gaps import GapLedger
from leadline.engine.lag import Lag
from leadline.engine.readers import Callback, Conflated, Listener, Lossless, Stopwatch, Watchdog, call
from leadline.errors import Rejected
from leadline.model.market import Channel, Gap, GapCause, VenueMode, VenueStatus
from leadline.model.reading import Reading, Source


class Bench:
    def __init__(self, bound: int = 3) -> None:
        self.clock = ManualClock(wall_ns=100 * NS_PER_S)
        self.events = EventLog()
        self.ledger = GapLedger(self.events)
        self.reader: Lossless[int] = Lossless(
            Channel.TRADES, "BTC/USD", "slow one", self.events, self.ledger.open, self.lag(), bound
        )

    def lag(self, name: str = "a reader") -> Lag:
        return Lag(name, self.clock.mono_ns, self.events)

    def reading(self, value: int) -> Reading[int]:
        return Reading(value, Source.STREAM, self.clock.mono_ns(), self.clock, True, 5.0)

    def put(self, *values: int) -> None:
        for value in values:
            self.clock.advance(1)
            self.reader.take(self.reading(value))

    async def take(self, count: int) -> list[Any]:
        items = [await self.reader.next() for _ in range(count)]
        return [item.value if isinstance(item, Reading) else item for item in items]


async def test_a_lossless_reader_that_keeps_up_gets_everything() -> None:
    bench = Bench()
    bench.put(1, 2, 3)

    assert await bench.take(3) == [1, 2, 3]


async def test_an_overflow_drops_the_oldest_and_says_exactly_how_many_and_when() -> None:
    bench = Bench(bound=3)
    bench.put(1, 2, 3, 4, 5)
    gap, *rest = await bench.take(4)

    assert rest == [3, 4, 5]
    assert gap == Gap(Channel.TRADES, "BTC/USD", GapCause.OVERFLOW, 101 * NS_PER_S, 102 * NS_PER_S, missing=2)
    assert bench.ledger.gaps == (gap,)
    assert bench.reader.dropped == 2


async def test_a_second_overflow_is_a_second_gap() -> None:
    bench = Bench(bound=2)
    bench.put(1, 2, 3)
    first = (await bench.take(3))[0]
    bench.put(4, 5, 6, 7)
    second = (await bench.take(3))[0]

    assert (first.missing, second.missing) == (1, 2)
    assert bench.reader.dropped == 3


async def test_an_overflow_names_its_reader_once_while_it_lasts() -> None:
    bench = Bench(bound=2)
    bench.put(1, 2, 3, 4, 5)

    assert [event for event in bench.events.recent if isinstance(event, ReaderSlow)] == [
        ReaderSlow("slow one", dropped=1)
    ]


async def test_a_conflated_reader_tells_gaps_before_the_newest_value() -> None:
    bench = Bench()
    reader: Conflated[int] = Conflated(lambda: bench.reading(7), bench.lag())
    gap = Gap(Channel.TICKER, "BTC/USD", GapCause.SILENT, 1)
    reader.gap(gap)
    reader.wake()
    newest = await reader.next(), await reader.next()

    assert newest[0] == gap
    assert isinstance(newest[1], Reading)


async def test_what_was_received_before_a_failure_is_read_before_it_is_raised() -> None:
    bench = Bench()
    bench.put(1)
    bench.reader.fail(Rejected("no"))

    assert await bench.take(1) == [1]
    with pytest.raises(Rejected):
        await bench.reader.next()


async def test_a_callback_that_fails_at_every_call_is_named_once_a_second_with_its_count() -> None:
    bench = Bench()

    def broken(reading: Reading[int]) -> None:
        raise KeyError("x")

    callback = Callback(
        broken, Watchdog("broken", bench.clock, bench.events), Stopwatch(lambda: 0), bench.lag()
    )
    for _ in range(20):
        callback.take(bench.reading(1))
        bench.clock.advance(0.1)

    assert [event.times for event in bench.events.recent] == [1, 11]  # type: ignore[union-attr]


async def test_a_listener_forgets_the_oldest_at_its_bound_and_is_told_how_many() -> None:
    listener = Listener(bound=2)
    for text in "abc":
        listener.put(VenueStatus(VenueMode.ONLINE, text))

    assert [await listener.next() for _ in range(3)] == [
        ReaderSlow("an iterator of events", dropped=1),
        VenueStatus(VenueMode.ONLINE, "b"),
        VenueStatus(VenueMode.ONLINE, "c"),
    ]


async def test_a_slow_callback_is_named_and_the_next_one_in_the_frame_is_not() -> None:
    bench = Bench()
    stopwatch = Stopwatch(lambda: 0)

    def named(name: str, takes_s: float) -> Callback[int]:
        watchdog = Watchdog(name, bench.clock, bench.events)
        return Callback(lambda reading: bench.clock.advance(takes_s), watchdog, stopwatch, bench.lag(name))

    callbacks = [named("quick", 0.01), named("slow", 0.3), named("innocent", 0.05)]
    reading = bench.reading(1)
    for callback in callbacks:
        callback.take(reading)

    assert list(bench.events.recent) == [
        ReaderSlow("slow", took_ms=300.0),
        ReaderLags("innocent", lag_ms=310.0),
    ]


async def test_a_callback_is_not_blamed_for_the_age_of_what_a_block_left_in_the_buffers() -> None:
    bench = Bench()
    bench.clock.advance(30)
    frame_ns = bench.clock.mono_ns()
    callback = Callback(
        lambda reading: bench.clock.advance(0.01),
        Watchdog("quick", bench.clock, bench.events),
        Stopwatch(lambda: frame_ns),
        bench.lag("quick"),
    )
    callback.take(Reading(1, Source.STREAM, 0, bench.clock, True, 5.0))

    assert list(bench.events.recent) == [ReaderLags("quick", lag_ms=30_000.0)]


async def test_a_reader_that_lags_is_told_of_once_and_so_is_its_catching_up() -> None:
    bench = Bench(bound=100)
    for _ in range(5):
        bench.reader.take(bench.reading(1))
    bench.clock.advance(0.3)
    for _ in range(5):
        await bench.reader.next()
    bench.reader.take(bench.reading(2))
    await bench.reader.next()

    assert list(bench.events.recent) == [
        ReaderLags("a reader", lag_ms=300.0),
        ReaderCaughtUp("a reader", worst_ms=300.0, lasted_s=0.0),
    ]


async def test_a_conflated_reader_lags_by_what_came_while_it_was_away_not_by_what_it_has_had() -> None:
    bench = Bench()
    bench.clock.advance(10)
    known = [Reading(1, Source.STREAM, 0, bench.clock, True, 5.0)]
    reader: Conflated[int] = Conflated(lambda: known[-1], bench.lag())
    first = await reader.next()
    known.append(bench.reading(2))
    reader.wake()
    bench.clock.advance(0.3)
    await reader.next()

    assert isinstance(first, Reading) and first.late
    assert list(bench.events.recent) == [ReaderLags("a reader", lag_ms=300.0)]


async def test_every_64th_receipt_time_has_its_delay_to_a_callback_counted() -> None:
    bench, delivery = Bench(), Histogram()
    lag = Lag("a reader", bench.clock.mono_ns, bench.events, delivery)
    callback: Callback[int] = Callback(
        lambda reading: None, Watchdog("quick", bench.clock, bench.events), Stopwatch(lambda: 0), lag
    )
    bench.clock.advance(0.001)
    for received_ns in range(1_000):
        callback.take(Reading(1, Source.STREAM, received_ns, bench.clock, True, 5.0))

    assert (delivery.count, delivery.max) == (16, 1_000_000)


async def test_a_coroutine_that_blocks_the_loop_in_one_step_is_named_before_it_goes_on() -> None:
    bench = Bench()
    go_on = asyncio.Event()

    async def blocks(item: int) -> None:
        await asyncio.sleep(0)
        bench.clock.advance(0.2)
        await go_on.wait()

    bench.clock.advance(2)
    work = asyncio.ensure_future(call(blocks, 1, Watchdog("blocks", bench.clock, bench.events)))
    for _ in range(5):
        await asyncio.sleep(0)
    named = list(bench.events.recent)
    go_on.set()
    await work

    assert named == [ReaderSlow("blocks", took_ms=200.0)]


async def test_what_is_thrown_into_a_callback_reaches_it() -> None:
    bench, seen = Bench(), []

    async def waits(item: int) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    work = asyncio.ensure_future(call(waits, 1, Watchdog("waits", bench.clock, bench.events)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    work.cancel()

    with pytest.raises(asyncio.CancelledError):
        await work
    assert seen == ["cancelled"]


async def test_a_callback_whose_own_work_was_cancelled_is_named_and_called_again() -> None:
    bench = Bench()
    heard: list[int] = []

    async def take(item: int) -> None:
        heard.append(item)
        theirs = asyncio.get_running_loop().create_future()
        theirs.cancel()
        await theirs

    watchdog = Watchdog("theirs", bench.clock, bench.events)
    for item in (1, 2):
        await call(take, item, watchdog)
    assert heard == [1, 2]
    assert [event.error for event in bench.events.recent if isinstance(event, ReaderFailed)] == [
        "CancelledError: "
    ]


async def test_a_callback_that_waits_ends_with_the_task_that_calls_it() -> None:
    bench = Bench()
    never = asyncio.get_running_loop().create_future()

    async def take(item: int) -> None:
        await never

    task = asyncio.ensure_future(call(take, 1, Watchdog("theirs", bench.clock, bench.events)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_plain_callback_that_asks_a_cancelled_future_is_named_and_the_line_goes_on() -> None:
    bench = Bench()
    theirs: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    theirs.cancel()
    watchdog = Watchdog("theirs", bench.clock, bench.events)
    callback = Callback(lambda reading: theirs.result(), watchdog, Stopwatch(lambda: 0), bench.lag())
    callback.take(bench.reading(1))

    assert [event for event in bench.events.recent if isinstance(event, ReaderFailed)]

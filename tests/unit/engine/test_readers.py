from __future__ import annotations

from typing import Any

import pytest

from leadline.clock import NS_PER_S, ManualClock
from leadline.engine.events import EventLog, ReaderSlow
from leadline.engine.gaps import GapLedger
from leadline.engine.readers import Callback, Conflated, Listener, Lossless, Stopwatch, Watchdog
from leadline.errors import Rejected
from leadline.model.market import Channel, Gap, GapCause, VenueMode, VenueStatus
from leadline.model.reading import Reading, Source


class Bench:
    def __init__(self, bound: int = 3) -> None:
        self.clock = ManualClock(wall_ns=100 * NS_PER_S)
        self.events = EventLog()
        self.ledger = GapLedger(self.events)
        self.reader: Lossless[int] = Lossless(
            Channel.TRADES, "BTC/USD", "slow one", self.events, self.ledger.open, bound
        )

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
    reader: Conflated[int] = Conflated(lambda: bench.reading(7))
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

    callback = Callback(broken, Watchdog("broken", bench.clock, bench.events), Stopwatch())
    for _ in range(20):
        callback.take(bench.reading(1))
        bench.clock.advance(0.1)

    assert [event.times for event in bench.events.recent] == [1, 11]  # type: ignore[union-attr]


async def test_a_listener_forgets_the_oldest_at_its_bound() -> None:
    listener = Listener(bound=2)
    for text in "abc":
        listener.put(VenueStatus(VenueMode.ONLINE, text))

    assert [await listener.next(), await listener.next()] == [
        VenueStatus(VenueMode.ONLINE, "b"),
        VenueStatus(VenueMode.ONLINE, "c"),
    ]


async def test_a_slow_callback_is_named_and_the_next_one_in_the_frame_is_not() -> None:
    bench = Bench()
    stopwatch = Stopwatch()

    def named(name: str, takes_s: float) -> Callback[int]:
        watchdog = Watchdog(name, bench.clock, bench.events)
        return Callback(lambda reading: bench.clock.advance(takes_s), watchdog, stopwatch)

    callbacks = [named("quick", 0.01), named("slow", 0.3), named("innocent", 0.05)]
    reading = bench.reading(1)
    for callback in callbacks:
        callback.take(reading)

    assert list(bench.events.recent) == [ReaderSlow("slow", took_ms=300.0)]

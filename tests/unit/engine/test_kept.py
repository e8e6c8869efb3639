from __future__ import annotations

import asyncio

import pytest

from feedrig import settle
from leadline.clock import ManualClock
from leadline.engine.kept import Kept
from leadline.errors import ConnectionLost, Stale
from leadline.model.reading import Reading, Source
from leadline.net.http import Purpose


class Bench:
    """Something REST counts, and a stream that can be put beside it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.streamed: int | None = None
        self.asked: list[Purpose] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failing = False
        self.kept: Kept[int, str] = Kept(
            "numbers", 10.0, self.clock, stream=self._stream, ask=self._ask, form=str, confidence=lambda: 0.7
        )

    def _stream(self) -> Reading[str] | None:
        if self.streamed is None:
            return None
        return Reading(str(self.streamed), Source.STREAM, self.clock.mono_ns(), self.clock, True, 5.0)

    async def _ask(self, purpose: Purpose) -> int:
        self.asked.append(purpose)
        await self.gate.wait()
        if self.failing:
            raise ConnectionLost("gone")
        return len(self.asked)

    async def source(self, source: Source | None = None) -> tuple[str, Source]:
        reading = await self.kept.read(source)
        return reading.value, reading.source


async def test_the_stream_comes_first_then_a_young_answer_then_a_new_one() -> None:
    bench = Bench()
    assert bench.kept.known() is None
    assert await bench.source() == ("1", Source.REST)
    bench.clock.advance(10)
    assert await bench.source() == ("1", Source.CACHE)
    bench.clock.advance(0.001)
    assert await bench.source() == ("2", Source.REST)
    bench.streamed = 9
    assert await bench.source() == ("9", Source.STREAM)
    known = bench.kept.known()

    assert known is not None and known.source is Source.STREAM
    assert bench.asked == [Purpose.ACCOUNT] * 2


async def test_a_source_asked_for_by_name_is_that_source_or_an_error() -> None:
    bench = Bench()
    with pytest.raises(Stale, match="stream does not flow"):
        await bench.source(Source.STREAM)
    with pytest.raises(Stale, match="young enough"):
        await bench.source(Source.CACHE)
    assert bench.asked == []
    bench.streamed = 9
    assert await bench.source(Source.REST) == ("1", Source.REST)
    assert await bench.source(Source.CACHE) == ("1", Source.CACHE)
    with pytest.raises(Stale):
        await bench.source(Source.CHECKPOINT)
    bench.clock.advance(11)
    with pytest.raises(Stale, match=r"11\.0 s"):
        await bench.source(Source.CACHE)


async def test_all_who_ask_at_once_share_one_request() -> None:
    bench = Bench()
    bench.gate.clear()
    asking = [asyncio.ensure_future(bench.source(Source.REST)) for _ in range(5)]
    await settle()
    bench.gate.set()

    assert await asyncio.gather(*asking) == [("1", Source.REST)] * 5
    assert len(bench.asked) == 1


async def test_who_gives_up_takes_the_answer_from_nobody() -> None:
    bench = Bench()
    bench.gate.clear()
    first, second = (asyncio.ensure_future(bench.source(Source.REST)) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    bench.gate.set()

    assert (await second)[1] is Source.REST


async def test_a_failed_request_is_told_to_who_made_it_and_the_next_one_asks_anew() -> None:
    bench = Bench()
    bench.failing = True
    with pytest.raises(ConnectionLost):
        await bench.source()
    bench.failing = False

    assert await bench.source() == ("2", Source.REST)


async def test_an_answer_carries_its_age_and_the_confidence_in_it() -> None:
    bench = Bench()
    await bench.source()
    bench.clock.advance(3)
    known = bench.kept.known()

    assert known is not None
    assert (known.age_s, known.confidence, known.bound_s, known.verified) == (3.0, 0.7, 10.0, False)

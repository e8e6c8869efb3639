"""Which source answers a read: the stream while fresh, else REST, else a REST answer within its time to live.

What none of them has fresh is an error, never an old value.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from leadline.clock import NS_PER_S
from leadline.core.session import MarketSession
from leadline.engine.answers import Answers
from leadline.engine.topics import TTL_S, Desk, Topic
from leadline.errors import Stale
from leadline.model.reading import Reading, Source

T = TypeVar("T")

READ_DEADLINE_S = 10.0
"""No awaited read takes longer than this."""

FIRST_DATA_GRACE_S = 1.0
"""A stream just asked for on a standing line is given this long before REST is asked."""

_SHARED_NS = NS_PER_S  # readers who ask within this time of an answer share it as REST's


class Sources:
    """Chooses a source for each read of one feed."""

    def __init__(self, desk: Desk, answers: Answers) -> None:
        self._clock = desk.clock
        self._answers = answers
        self.session: MarketSession | None = None

    def line_up(self) -> bool:
        """Whether the stream's connection stands and is not silent."""
        return self.session is not None and self.session.up(self._clock.mono_ns())

    def fresh(self, topic: Topic[Any]) -> bool:
        """Whether the stream may answer for this topic now."""
        return topic.fresh(self._clock.mono_ns()) and self.line_up()

    def newest(self, topic: Topic[T]) -> Reading[T] | None:
        """What a conflated reader gets: the stream's value while fresh, else REST's while that is."""
        if self.fresh(topic):
            return topic.from_stream()
        answer = topic.answer
        if answer is None or topic.overtaken or answer.age_s > TTL_S[topic.subscription.channel]:
            return None
        return self._counted(topic, answer)

    async def read(self, topic: Topic[T], source: Source | None, stale_ok: bool) -> Reading[T]:
        """A fresh reading; raises Stale when there is none, and the venue's refusal of the stream."""
        topic.keep()
        try:
            async with asyncio.timeout(READ_DEADLINE_S):
                return await self._choose(topic, source)
        except TimeoutError:
            stale = self._stale(topic, f"no answer within {READ_DEADLINE_S:.0f} s")
        except Stale as error:
            stale = error
        if stale_ok:
            old = self._last(topic)
            if old is not None:
                return old
        raise stale

    async def _choose(self, topic: Topic[T], source: Source | None) -> Reading[T]:
        if source in (None, Source.STREAM):
            reading = await self._stream(topic, wait_for_it=source is Source.STREAM)
            if reading is not None:
                return reading
        if source in (None, Source.REST):
            reading = await self._rest(topic, cached_ok=source is None)
            if source is None and self.fresh(topic):  # it has come back meanwhile
                reading = topic.from_stream() or reading
            if reading is not None:
                return reading
        if source is Source.CACHE or (source is None and not topic.overtaken):
            reading = self._cached(topic)
            if reading is not None:
                return reading
        raise self._stale(topic, self._why(topic))

    async def _stream(self, topic: Topic[T], *, wait_for_it: bool) -> Reading[T] | None:
        if not self.fresh(topic):
            if topic.refused is None and (wait_for_it or self._starting(topic)):
                await self._first_data(topic, None if wait_for_it else FIRST_DATA_GRACE_S)
            if topic.refused is not None:
                raise topic.refused
        return topic.from_stream() if self.fresh(topic) else None

    def _starting(self, topic: Topic[T]) -> bool:
        """Whether the stream has only just been asked for, on a line that stands."""
        asked_ago_ns = self._clock.mono_ns() - topic.asked_ns
        young = asked_ago_ns < FIRST_DATA_GRACE_S * NS_PER_S
        return young and not topic.received and topic.loss is None and self.line_up()

    async def _first_data(self, topic: Topic[T], patience_s: float | None) -> None:
        try:
            async with asyncio.timeout(patience_s):
                await topic.in_use()
        except TimeoutError:
            if patience_s is None:
                raise

    async def _rest(self, topic: Topic[T], *, cached_ok: bool) -> Reading[T] | None:
        answer = topic.answer
        now_ns = self._clock.mono_ns()
        usable = answer if cached_ok and not topic.overtaken else None
        if usable is not None and now_ns - usable.received_mono_ns < _SHARED_NS:
            return self._counted(topic, usable)
        await asyncio.shield(self._answers.ask(topic))
        if topic.unanswered is None and topic.answer is not answer and topic.answer is not None:
            return self._counted(topic, topic.answer)
        return None

    def _counted(self, topic: Topic[T], answer: Reading[T]) -> Reading[T]:
        topic.from_rest += 1
        return answer

    def _cached(self, topic: Topic[T]) -> Reading[T] | None:
        answer = topic.answer
        if answer is None or answer.age_s > TTL_S[topic.subscription.channel]:
            return None
        topic.from_cache += 1
        return self._again(topic, answer)

    def _again(self, topic: Topic[T], answer: Reading[T]) -> Reading[T]:
        received_ns = answer.received_mono_ns
        return Reading(
            answer.value, Source.CACHE, received_ns, self._clock, False, answer.bound_s, topic.confidence
        )

    def _last(self, topic: Topic[T]) -> Reading[T] | None:
        """The last value known from anywhere, with its age, for who asked for a stale one."""
        stream = topic.from_stream()
        kept = self._again(topic, topic.answer) if topic.answer is not None else None
        known = [reading for reading in (stream, kept) if reading is not None]
        return max(known, key=lambda reading: reading.received_mono_ns, default=None)

    def _stale(self, topic: Topic[T], why: str) -> Stale:
        last_ns = topic.last_ns()
        age_s = None if last_ns is None else (self._clock.mono_ns() - last_ns) / NS_PER_S
        return Stale(str(topic.subscription), why, age_s)

    def _why(self, topic: Topic[T]) -> str:
        line = "" if self.line_up() else "the line is down"
        stream = topic.state(self._clock.mono_ns(), line).reason or line or "the stream is not in use"
        rest = f"; REST: {topic.unanswered}" if topic.unanswered is not None else ""
        return stream + rest

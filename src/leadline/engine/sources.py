"""Which source answers a read: the stream while fresh, else a REST answer within its time to live, else REST.

What none of them has fresh is an error, never an old value. An answer that is newer than the stream's last
word stands in for it until its time to live is over; who wants a newer one names the source.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from leadline.clock import NS_PER_S
from leadline.core.session import MarketStreams
from leadline.engine.answers import Answers
from leadline.engine.policies import TTL_S
from leadline.engine.topic_state import state_of
from leadline.engine.topics import Desk, Topic
from leadline.errors import Stale
from leadline.model.reading import Reading, Source

T = TypeVar("T")

READ_DEADLINE_S = 10.0
"""No awaited read takes longer than this."""

FIRST_DATA_GRACE_S = 1.0
"""A stream just asked for on a standing line is given this long before REST is asked, or as long as REST
usually takes, where that is longer."""

_LONGEST_GRACE_S = 5.0

_SHARED_NS = NS_PER_S  # readers who ask within this time of an answer share it as REST's


class Sources:
    """Chooses a source for each read of one feed."""

    def __init__(self, desk: Desk, answers: Answers) -> None:
        self._clock = desk.clock
        self._restored = desk.restored
        self._answers = answers
        self.session: MarketStreams | None = None

    def line_up(self, topic: Topic[Any]) -> bool:
        """Whether the connection of a topic's stream stands and is not silent."""
        return topic.streams is not None and topic.streams.up(self._clock.mono_ns())

    def frame_ns(self) -> int:
        """When the last frame was read from the stream's connection."""
        return 0 if self.session is None else self.session.last_frame_ns

    def heard_ns(self) -> int:
        """When the stream's connection last brought anything."""
        return 0 if self.session is None else self.session.last_frame_ns

    def fresh(self, topic: Topic[Any]) -> bool:
        """Whether the stream may answer for this topic now."""
        return topic.fresh(self._clock.mono_ns()) and self.line_up(topic)

    def newest(self, topic: Topic[T]) -> Reading[T] | None:
        """What a conflated reader gets: the stream's value while fresh, else REST's while that is."""
        if self.fresh(topic):
            return topic.from_stream()
        answer = topic.answer
        if answer is None or topic.overtaken or topic.rest_doubted is not None:
            return None
        if answer.age_s > TTL_S[topic.subscription.channel]:
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
        answered = self._answers.can(topic)
        rest_serves = answered and source is None and topic.rest_doubted is None
        if rest_serves or (answered and source is Source.REST):
            reading = self._kept(topic) if rest_serves else None
            reading = reading or await self._rest(topic, urgent=source is Source.REST)
            if source is None and self.fresh(topic):  # it has come back meanwhile
                reading = topic.from_stream() or reading
            if reading is not None:
                return reading
        if source is Source.CACHE:
            reading = self._cached(topic)
            if reading is not None:
                return reading
        if source is Source.CHECKPOINT:
            restored = self._restored.get(topic.subscription)
            if restored is not None:
                return restored
        raise self._stale(topic, self._why(topic))

    async def _stream(self, topic: Topic[T], *, wait_for_it: bool) -> Reading[T] | None:
        if not self.fresh(topic):
            if topic.refused is None and (wait_for_it or self._starting(topic)):
                await self._first_data(topic, None if wait_for_it else self._grace_s())
            if topic.refused is not None:
                raise topic.refused
        return topic.from_stream() if self.fresh(topic) else None

    def _starting(self, topic: Topic[T]) -> bool:
        """Whether the stream has only just been asked for, on a line that stands."""
        asked_ago_ns = self._clock.mono_ns() - topic.asked_ns
        young = asked_ago_ns < self._grace_s() * NS_PER_S
        return young and not topic.received and topic.loss is None and self.line_up(topic)

    def _grace_s(self) -> float:
        """There is no use in asking REST for what the stream tells sooner, as REST has been of late."""
        usual_s = self._answers.latency.quantile(0.5) / NS_PER_S
        return min(max(FIRST_DATA_GRACE_S, usual_s), _LONGEST_GRACE_S)

    async def _first_data(self, topic: Topic[T], patience_s: float | None) -> None:
        try:
            async with asyncio.timeout(patience_s):
                await topic.in_use()
        except TimeoutError:
            if patience_s is None:
                raise

    def _kept(self, topic: Topic[T]) -> Reading[T] | None:
        """An answer of REST that is good enough not to ask again."""
        answer = topic.answer
        if answer is None or topic.overtaken:
            return None
        if self._clock.mono_ns() - answer.received_mono_ns < _SHARED_NS:
            return self._counted(topic, answer)
        return self._cached(topic)

    async def _rest(self, topic: Topic[T], *, urgent: bool) -> Reading[T] | None:
        answer = topic.answer
        await asyncio.shield(self._answers.ask(topic, urgent=urgent or not self.line_up(topic)))
        told = topic.answer
        if topic.unanswered is not None or told is None or told is answer:
            return None
        # one that lay unread while the program stood still may be as old as its asking
        return self._counted(topic, told) if told.age_s <= told.bound_s else None

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
        newest = max(known, key=lambda reading: reading.received_mono_ns, default=None)
        return newest or self._restored.get(topic.subscription)

    def _stale(self, topic: Topic[T], why: str) -> Stale:
        last_ns = topic.last_ns()
        age_s = None if last_ns is None else (self._clock.mono_ns() - last_ns) / NS_PER_S
        return Stale(str(topic.subscription), why, age_s)

    def _why(self, topic: Topic[T]) -> str:
        line = "" if self.line_up(topic) else "the line is down"
        stream = state_of(topic, self._clock.mono_ns(), line).reason or line or "the stream is not in use"
        doubt = topic.rest_doubted or topic.unanswered
        if not self._answers.can(topic):
            return f"{stream}; REST tells no {topic.subscription.channel.value}"
        return stream + (f"; REST: {doubt}" if doubt is not None else "")

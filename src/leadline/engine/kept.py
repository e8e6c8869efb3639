"""One kind of value of an account, by the rule of all reads: stream, then a kept answer of REST, then anew.

A source that is asked for by name is that source or an error; whoever asks REST at once shares one request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from leadline.clock import NS_PER_S, Clock
from leadline.errors import Stale
from leadline.model.reading import UNVALIDATED, Reading, Source
from leadline.net.http import Purpose

S = TypeVar("S")
T = TypeVar("T")


class Kept(Generic[S, T]):
    """The last answer of REST, and who waits for the next.

    `stream` is the stream's reading, None while it cannot be trusted; `ask` asks REST; `form` makes of its
    answer what readers get.
    """

    def __init__(
        self,
        what: str,
        ttl_s: float,
        clock: Clock,
        *,
        stream: Callable[[], Reading[T] | None],
        ask: Callable[[Purpose], Awaitable[S]],
        form: Callable[[S], T],
        confidence: Callable[[], float] = lambda: UNVALIDATED,
    ) -> None:
        self._what = what
        self._ttl_s = ttl_s
        self._clock = clock
        self._stream = stream
        self._ask = ask
        self._form = form
        self._confidence = confidence
        self._answer: tuple[S, int] | None = None
        self._flight: asyncio.Future[None] | None = None

    async def read(self, source: Source | None = None) -> Reading[T]:
        """A reading; raises Stale where the source asked for has none, and what the request raises."""
        if source in (None, Source.STREAM):
            reading = self._stream()
            if reading is not None:
                return reading
        kept = self._answer
        if source in (None, Source.CACHE) and kept is not None and self._age_s(kept) <= self._ttl_s:
            return self._of_rest(kept, Source.CACHE)
        if source in (None, Source.REST):
            return self._of_rest(await self.fetch(Purpose.ACCOUNT), Source.REST)
        why = "its stream does not flow" if source is Source.STREAM else "no answer of REST is young enough"
        raise Stale(self._what, why, None if kept is None else self._age_s(kept))

    def known(self) -> Reading[T] | None:
        """The newest value at hand, however old, without asking anybody; None where there is none yet."""
        reading = self._stream()
        if reading is not None or self._answer is None:
            return reading
        return self._of_rest(self._answer, Source.CACHE)

    async def fetch(self, purpose: Purpose) -> tuple[S, int]:
        """A new answer of REST and when it came; all who ask at once share one request."""
        while self._flight is not None:
            before = self._answer
            await asyncio.shield(self._flight)
            if self._answer is not None and self._answer is not before:
                return self._answer
        flight = self._flight = asyncio.get_running_loop().create_future()
        try:
            told = await self._ask(purpose)
            self._answer = (told, self._clock.mono_ns())
            return self._answer
        finally:
            self._flight = None
            flight.set_result(None)

    def _age_s(self, answer: tuple[S, int]) -> float:
        return (self._clock.mono_ns() - answer[1]) / NS_PER_S

    def _of_rest(self, answer: tuple[S, int], source: Source) -> Reading[T]:
        told, at_ns = answer
        value, confidence = self._form(told), self._confidence()
        return Reading(value, source, at_ns, self._clock, False, self._ttl_s, confidence)

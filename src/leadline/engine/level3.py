"""Single orders of the venue's books for whoever reads them: the newest proven book, or a gap.

Rule: what is handed out was proven by the venue's checksum on this connection; nothing is served in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from leadline.clock import Clock
from leadline.core.level3 import Level3Book, Level3News
from leadline.core.session import FrameSkipped, LineDown, SubscriptionRefused
from leadline.errors import Error
from leadline.model.market import BookDropped, Channel, Gap, GapCause, Level3
from leadline.model.reading import Reading, Source

BOUND_S = 5.0
"""The stream's heartbeats come every second; a book is as fresh as the last message of the line."""


class _Symbol:
    """What is known of one symbol, and who waits for more of it."""

    def __init__(self) -> None:
        self.book: Level3Book | None = None
        self.at_ns = 0
        self.gap: Gap | None = None
        self.gaps = 0
        self.error: Error | None = None
        self.readers = 0
        self.changed = asyncio.Event()


class Level3Feed:
    """Readers of level3 on one session; `want` and `unwant` tell that session what is read."""

    def __init__(self, clock: Clock, want: Callable[[str, int], None], unwant: Callable[[str], None]) -> None:
        self._clock = clock
        self._want = want
        self._unwant = unwant
        self._symbols: dict[str, _Symbol] = {}
        self.skipped = 0

    def receive(self, news: Level3News, now_ns: int) -> None:
        """Take in one piece of news: the `emit` of the session."""
        match news:
            case Level3Book():
                if symbol := self._symbols.get(news.symbol):
                    symbol.book, symbol.at_ns = news, now_ns
                    symbol.changed.set()
            case BookDropped():
                self._lost(news.symbol, GapCause.DROPPED)
            case LineDown():
                for name in self._symbols:
                    self._lost(name, GapCause.DISCONNECTED)
            case SubscriptionRefused(subscription, error):
                if symbol := self._symbols.get(subscription.symbol):
                    symbol.error = error
                    symbol.changed.set()
            case FrameSkipped():
                self.skipped += 1

    async def books(self, symbol: str, depth: int = 10) -> AsyncGenerator[Reading[Level3] | Gap, None]:
        """The newest proven book whenever there is one, as a value, and a Gap whenever it is lost.

        Raises CheckFailed for a depth the venue lacks, and its refusal.
        """
        self._want(symbol, depth)
        one = self._symbols.setdefault(symbol, _Symbol())
        one.readers += 1
        gaps = one.gaps
        try:
            while True:
                one.changed.clear()
                if one.error is not None:
                    raise one.error
                if one.gaps != gaps and one.gap is not None:  # told even where it is over already
                    gaps = one.gaps
                    yield one.gap
                if one.book is not None:
                    value = one.book.freeze(depth)
                    yield Reading(value, Source.STREAM, one.at_ns, self._clock, True, BOUND_S)
                await one.changed.wait()
        finally:
            one.readers -= 1
            if not one.readers:
                del self._symbols[symbol]
                self._unwant(symbol)

    def fail(self, error: Error) -> None:
        """The stream will never come: every reader is told."""
        for symbol in self._symbols.values():
            symbol.error = error
            symbol.changed.set()

    def _lost(self, name: str, cause: GapCause) -> None:
        symbol = self._symbols.get(name)
        if symbol is not None and symbol.book is not None:
            symbol.book = None
            symbol.gaps += 1
            symbol.gap = Gap(Channel.LEVEL3, name, cause, self._clock.wall_ns())
            symbol.changed.set()

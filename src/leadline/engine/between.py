"""The price of one thing between venues: live streams against each other, REST of each side as the arbiter.

Rule: fewer than two live prices are no agreement; while prices lie apart orders of the symbol are held on
every side, and a stream that its own venue's REST contradicts is not served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Self

from msgspec import Struct

from leadline.clock import NS_PER_S, Clock
from leadline.core.consensus import Agreement, Comparison, Consensus, apart_by
from leadline.engine.events import Diverged, Reconverged
from leadline.engine.feed import Feed
from leadline.engine.subscribers import Stop
from leadline.engine.tasks import Tasks
from leadline.errors import CheckFailed, Error
from leadline.model.instrument import Instrument
from leadline.model.market import Channel, Ticker
from leadline.model.reading import Source
from leadline.net.http import Purpose
from leadline.venues.ports import MarketData

LOOK_S = 0.25
"""Between two comparisons."""

CONTRADICTIONS = 2
"""So many in a row are a divergence: one venue may hear of a move a moment before the other."""

AGREEMENTS = 4
"""So many in a row end it."""

ALONE_S = 30.0
"""A divergence ends undecided when for so long there have not been two live prices to compare."""

ARBITER_S = 2.0
"""REST is asked at most so often while nobody is to blame, and not waited for any longer."""

DOLLARS = frozenset({"USD", "USDT", "USDC"})
"""Quotes that may be held against each other; what they differ by is learned."""

CHANNEL = "price"


class Leg(Struct, frozen=True):
    """One venue's price of the thing; `hold` and `release` concern its orders of the symbol."""

    feed: Feed
    market: MarketData
    symbol: str
    hold: Callable[[str, str], None] = lambda symbol, why: None
    release: Callable[[str], None] = lambda symbol: None

    @property
    def name(self) -> str:
        """Venue and symbol."""
        return f"{self.market.name} {self.symbol}"


class Prices(Struct, frozen=True):
    """The prices at one moment, side by side; None where no stream is live.

    `apart` is the largest difference beyond the usual `factors`, as a share; `blamed` the place of the side
    whose stream is not believed.
    """

    agreement: Agreement
    mids: tuple[Decimal | None, ...]
    factors: tuple[Decimal, ...]
    apart: Decimal
    diverged_since_ns: int | None = None
    """Unix time; None while nothing stands apart."""
    blamed: int | None = None


class Between:
    """Compares the middle of best bid and ask of two or more sides, from `async with` on.

    Raises CheckFailed for sides that are not the same thing, UnknownSymbol.
    """

    def __init__(self, sides: Sequence[Leg], clock: Clock) -> None:
        _check([side.market.reference.instrument(side.symbol) for side in sides])
        self._sides = tuple(sides)
        self._clock = clock
        self._consensus = Consensus(len(sides))
        self._tasks = Tasks()
        self._holds: list[Stop] = []
        self._mids: tuple[Decimal | None, ...] = (None,) * len(sides)
        self._last = Comparison(Agreement.UNVALIDATED)
        self._contradictions = self._agreements = 0
        self._since_ns: int | None = None
        self._compared_ns = self._asked_ns = clock.mono_ns()
        self._blamed: int | None = None
        self._asking = False

    async def __aenter__(self) -> Self:
        await self._tasks.enter()
        self._holds = [side.feed.hold(Channel.TICKER, side.symbol) for side in self._sides]
        self._tasks.spawn(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._tasks.leave(kind, error, trace)
        for stop in self._holds:
            stop()
        if self._since_ns is not None:
            self._end(self._clock.mono_ns())

    def __repr__(self) -> str:
        return f"Between({', '.join(side.name for side in self._sides)}: {self.now.agreement.value})"

    @property
    def now(self) -> Prices:
        """How the prices stand: DIVERGED from a confirmed difference on until they agree again."""
        since_ns, agreement = self._since_ns, self._last.agreement
        if since_ns is not None and agreement is Agreement.AGREED:
            agreement = Agreement.DIVERGED
        since_wall_ns = None
        if since_ns is not None:
            since_wall_ns = self._clock.wall_ns() - (self._clock.mono_ns() - since_ns)
        factors = self._consensus.factors
        return Prices(agreement, self._mids, factors, self._last.apart, since_wall_ns, self._blamed)

    async def _watch(self) -> None:
        while True:
            self.look(self._clock.mono_ns())
            await self._clock.sleep(LOOK_S)

    def look(self, now_ns: int) -> None:
        """Compare once; from `async with` on this happens four times a second."""
        self._mids = tuple(_mid(side.feed.latest_ticker(side.symbol)) for side in self._sides)
        self._last = found = self._consensus.look(self._mids, now_ns)
        if found.agreement is Agreement.UNVALIDATED:
            self._contradictions = self._agreements = 0
            if self._since_ns is not None and now_ns - self._compared_ns > ALONE_S * NS_PER_S:
                self._end(now_ns)
            return
        self._compared_ns = now_ns
        if found.agreement is Agreement.AGREED:
            self._contradictions = 0
            self._agreements += 1
            if self._since_ns is not None and self._agreements >= AGREEMENTS:
                self._end(now_ns)
            return
        self._agreements = 0
        self._contradictions += 1
        if self._contradictions >= CONTRADICTIONS:
            self._diverged(found, now_ns)

    # --- what follows from a difference ---

    def _diverged(self, found: Comparison, now_ns: int) -> None:
        if self._since_ns is None:
            self._since_ns = now_ns
            for place, side in enumerate(self._sides):
                side.hold(side.symbol, self._words())
                self._tell(place)
            self._asked_ns = now_ns - round(ARBITER_S * NS_PER_S)
        if self._blamed is not None:
            return
        if found.outlier is not None:
            self._blame(found.outlier)
        elif not self._asking and now_ns - self._asked_ns >= ARBITER_S * NS_PER_S:
            self._asking, self._asked_ns = True, now_ns
            self._tasks.spawn(self._arbitrate())

    async def _arbitrate(self) -> None:
        """Have every side's REST speak: a stream that its own venue bears out is not to blame."""
        try:
            async with asyncio.timeout(ARBITER_S):
                told = await asyncio.gather(*(self._rest_mid(side) for side in self._sides))
        except TimeoutError:
            return
        finally:
            self._asking = False
        if self._since_ns is None or self._blamed is not None:
            return
        for place, mid in enumerate(told):
            if mid is not None and self._contradicts(place, mid):
                self._blame(place)
                return

    async def _rest_mid(self, side: Leg) -> Decimal | None:
        try:
            tickers = await side.market.fetch_tickers([side.symbol], Purpose.VALIDATION)
        except Error:
            return None
        return _mid(tickers.get(side.symbol))

    def _contradicts(self, place: int, rest: Decimal) -> bool:
        """Whether REST of a side sides with another venue against the side's own stream."""
        consensus, own = self._consensus, self._mids[place]
        room = consensus.room(range(len(self._sides)))
        if own is None or apart_by(own, rest) <= room:
            return False
        price = consensus.common(place, rest)
        others = [
            consensus.common(other, mid)
            for other, mid in enumerate(self._mids)
            if other != place and mid is not None
        ]
        return any(apart_by(price, other) <= room for other in others)

    def _blame(self, place: int) -> None:
        self._blamed = place
        side = self._sides[place]
        side.feed.distrust_ticker(side.symbol, self._words())
        for each in range(len(self._sides)):
            self._tell(each)

    def _end(self, now_ns: int) -> None:
        since_ns, self._since_ns = self._since_ns, None
        assert since_ns is not None
        if self._blamed is not None:
            blamed, self._blamed = self._sides[self._blamed], None
            blamed.feed.trust_ticker(blamed.symbol)
        for side in self._sides:
            side.release(side.symbol)
            side.feed.tell(Reconverged(CHANNEL, side.symbol, (now_ns - since_ns) / NS_PER_S))

    def _tell(self, place: int) -> None:
        """Both sides of a disagreement hear of it, each with its own price first."""
        side, ours = self._sides[place], self._mids[place]
        other = self._farthest(place)
        theirs = self._mids[other]
        blamed = None if self._blamed != place else Source.STREAM
        what = f"mid against {self._sides[other].name}"
        side.feed.tell(Diverged(CHANNEL, side.symbol, what, _text(ours), _text(theirs), "", blamed))

    def _farthest(self, place: int) -> int:
        common = [
            None if mid is None else self._consensus.common(at, mid) for at, mid in enumerate(self._mids)
        ]
        own = common[place]

        def apart(other: int) -> Decimal:
            price = common[other]
            return Decimal(-1) if own is None or price is None else apart_by(own, price)

        return max((each for each in range(len(self._sides)) if each != place), key=apart)

    def _words(self) -> str:
        sides = (f"{side.name} {_text(mid)}" for side, mid in zip(self._sides, self._mids, strict=True))
        return f"venues differ by {self._last.apart:.2%}: {', '.join(sides)}"


def _mid(ticker: Ticker | None) -> Decimal | None:
    if ticker is None or ticker.bid <= 0 or ticker.ask <= 0:
        return None
    return (ticker.bid + ticker.ask) / 2


def _text(price: Decimal | None) -> str:
    return "unknown" if price is None else f"{price.normalize():f}"


def _check(instruments: Sequence[Instrument]) -> None:
    if len(instruments) < 2:
        raise CheckFailed("a price is compared between two sides at least")
    first = instruments[0]
    for other in instruments[1:]:
        alike = first.quote == other.quote or {first.quote, other.quote} <= DOLLARS
        if first.base != other.base or not alike:
            raise CheckFailed(
                f"{first.venue} {first.symbol} and {other.venue} {other.symbol} are not the same thing: "
                "compare what has the same base, in the same currency or two kinds of dollar"
            )

"""How the whole stands at one moment, read off its parts: what the service level is judged by.

Rule: nothing is concluded here but what the parts say; what no part knows is not claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from leadline.clock import NS_PER_S, Clock
from leadline.core.breaker import Breaker, BreakerState
from leadline.core.level import FAILING, AccountView, Observation
from leadline.engine.account_events import AccountEvent
from leadline.engine.desk import Desk
from leadline.engine.events import Event
from leadline.engine.feed import Feed
from leadline.engine.topic_state import State, TopicState
from leadline.model.market import Channel, Subscription, VenueMode, VenueStatus
from leadline.model.reading import Source
from leadline.net.http import Purpose
from leadline.venues.ports import MarketData

Streams = Collection[Subscription]
"""In the spelling of the venue's reference data, each as `engine.shelf.stream_of` tells it apart."""


TOLD_BY_REST_S = 90.0
"""Without its stream the account is known for so long after REST has told of it last (asked every 15 s)."""


class Observer:
    """Looks at a feed and, where there is one, at an account.

    `required` names the streams that are waited for, `up` says whether a public line stands at a monotonic
    time. `divergences` counts those that stand, and `venue_ns` is the
    venue's clock as well as it is known.
    """

    def __init__(
        self,
        market: MarketData,
        feed: Feed,
        clock: Clock,
        *,
        required: Streams,
        up: Callable[[int], bool],
        divergences: Callable[[], int] = lambda: 0,
        venue_ns: Callable[[], int] | None = None,
        desk: Desk | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self._market = market
        self._feed = feed
        self._clock = clock
        self._required = required
        self._up = up
        self._divergences = divergences
        self._venue_ns = venue_ns
        self._desk = desk
        self._breaker = breaker
        self._mode = VenueMode.ONLINE
        self._lines_down_ns: int | None = None
        self._account_lost_ns: int | None = None
        self._streaming = False
        self._reconciled = 0
        """Reconciliations there had been when the account's stream was last lost."""
        self._told = 0, clock.mono_ns()
        """Reconciliations there have been, and when the last of them was seen."""

    def hear(self, event: Event | AccountEvent) -> None:
        """Take in what the venue says of itself, whichever line it says it on."""
        if isinstance(event, VenueStatus):
            self._mode = event.mode

    async def probe(self) -> None:
        """Ask the venue by REST how it is; raises what kept it from saying so."""
        status = await self._market.fetch_status(Purpose.STATUS)
        self._mode = status.mode

    def observe(self) -> Observation:
        """How things stand now."""
        now_ns = self._clock.mono_ns()
        wanted, doubted = self._feed.doubted(self._required)
        missing = [topic for topic in doubted if not _is_live(topic)]
        private_failures = 0 if self._breaker is None else self._breaker.failing(now_ns)
        return Observation(
            required=len(self._required),
            live=max(0, min(wanted, len(self._required)) - len(missing)),
            by_rest=sum(topic.source is Source.REST for topic in missing),
            missing=_told(missing[0]) if missing else "",
            account=self._account(private_failures, now_ns),
            account_lost_s=_since_s(self._account_lost_ns, now_ns) or 0.0,
            lines_down_s=self._lines_down_s(now_ns),
            public_failures=self._market.reach.failures,
            public_limited=self._market.reach.limited,
            private_failures=private_failures,
            breaker=BreakerState.CLOSED if self._breaker is None else self._breaker.state(now_ns),
            mode=self._mode,
            divergences=self._divergences(),
            clock_offset_s=self._clock_offset_s(),
        )

    def book_problem(self, symbol: str) -> str | None:
        """Why a symbol's own book cannot be traded on; None where it streams, proven and not suspect.

        Raises UnknownSymbol.
        """
        known = self._market.reference.instrument(symbol).symbol
        wanted, doubted = self._feed.doubted({Subscription(Channel.BOOK, known)})
        if not wanted:
            return f"no book of {symbol} is streamed (hold one with feed.hold)"
        if doubted:
            state, reason = doubted[0].state.value, doubted[0].reason or "it must prove itself"
            return f"the book of {symbol} is {state}: {reason}"
        return None

    def _account(self, private_failures: int, now_ns: int) -> AccountView:
        """Known from its stream since a reconciliation after the last loss, else by REST, else not."""
        desk = self._desk
        if desk is None:
            return AccountView.NONE
        if desk.reconciliations != self._told[0]:
            self._told = desk.reconciliations, now_ns
        was_streaming, self._streaming = self._streaming, desk.streaming
        if was_streaming and not self._streaming:
            self._reconciled = desk.reconciliations
        if self._streaming and desk.reconciliations > self._reconciled:
            self._account_lost_ns = None
            return AccountView.READY
        if self._account_lost_ns is None:
            self._account_lost_ns = now_ns
        heard_ns = max(self._told[1], self._account_lost_ns)
        known = self._streaming or now_ns - heard_ns <= TOLD_BY_REST_S * NS_PER_S
        by_rest = desk.reconciliations > 0 and private_failures < FAILING and known
        return AccountView.STREAM_LOST if by_rest else AccountView.UNKNOWN

    def _lines_down_s(self, now_ns: int) -> float | None:
        if self._up(now_ns) or (self._desk is not None and self._desk.streaming):
            self._lines_down_ns = None
        elif self._lines_down_ns is None:
            self._lines_down_ns = now_ns
        return _since_s(self._lines_down_ns, now_ns)

    def _clock_offset_s(self) -> float:
        if self._venue_ns is None:
            return 0.0
        return (self._venue_ns() - self._clock.wall_ns()) / NS_PER_S


def _is_live(topic: TopicState) -> bool:
    """Whether a stream that is not fresh is not known to be bad either.

    REST has shown that it has nothing to say, or is not asked about it because nobody reads it.
    """
    return topic.state is State.ACKED_QUIET or (topic.state is State.SUSPECT and not topic.readers)


def _told(topic: TopicState) -> str:
    return f"{topic.subscription} ({topic.reason or topic.state.value})"


def _since_s(begun_ns: int | None, now_ns: int) -> float | None:
    return None if begun_ns is None else (now_ns - begun_ns) / NS_PER_S

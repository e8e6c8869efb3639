"""What is streamed: topics come with their first reader and go a while after the last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from leadline.core.session import MarketStreams
from leadline.engine.fallback import Fallback
from leadline.engine.shelf import DEEP, Shelf
from leadline.engine.sources import Sources
from leadline.engine.topics import Desk, Topic
from leadline.errors import CheckFailed
from leadline.model.market import Channel, GapCause, Subscription
from leadline.venues.ports import MarketData


class Wants:
    """Keeps the session's subscriptions equal to what is read."""

    def __init__(
        self, market: MarketData, desk: Desk, shelf: Shelf, sources: Sources, fallback: Fallback
    ) -> None:
        self._market = market
        self._clock = desk.clock
        self._shelf = shelf
        self._sources = sources
        self._fallback = fallback
        self._poke: Callable[[], None] | None = None
        self._of: Callable[[Subscription], MarketStreams] | None = None

    def attach(
        self,
        session: MarketStreams,
        poke: Callable[[], None],
        of: Callable[[Subscription], MarketStreams] | None = None,
    ) -> None:
        """Everything wanted so far is wanted of this session; `of` names the part of it that streams one."""
        self._sources.session = session
        self._poke, self._of = poke, of
        now_ns = self._clock.mono_ns()
        for topic in self._shelf:
            self._put_on(topic, session)
            session.want(topic.subscription, now_ns)
        poke()

    @property
    def book_depths(self) -> tuple[int, ...]:
        """The depths the venue streams books at."""
        return self._market.limits.book_depths

    def subscription(self, channel: Channel, symbol: str, param: int = 0) -> Subscription:
        """What to stream, in the unified spelling; raises UnknownSymbol, and CheckFailed for `param`."""
        limits = self._market.limits
        if channel not in limits.channels:
            streamed = ", ".join(sorted(each.value for each in limits.channels))
            raise CheckFailed(f"{self._market.name} streams no {channel.value}; it streams {streamed}")
        if channel is Channel.BOOK:
            _check(f"book depth {param}", param, limits.book_depths)
        elif channel is Channel.TOP:
            _check(f"a top of {param} levels", param, limits.top_depths)
        elif channel is Channel.BARS:
            minutes = tuple(interval_s // 60 for interval_s in limits.bar_intervals_s)
            _check(f"a bar of {param / 60:g} minutes", param / 60, minutes)
        return Subscription(channel, self._market.reference.instrument(symbol).symbol, param)

    def topic(self, subscription: Subscription) -> Topic[Any]:
        """The topic of a subscription, streamed from now on."""
        if subscription.channel in DEEP:
            known = self._shelf.of(subscription.channel).get(subscription.symbol)
            if known is not None:
                self._deepen(known, subscription)
                return known
        topic = self._shelf.find(subscription)
        if topic is None:
            topic = self._shelf.put(subscription)
            if len(self._market.routes) > 1:
                topic.route = self._market.route_of(subscription)
            if self._sources.session is not None:
                self._put_on(topic, self._sources.session)
            self._want(subscription)
        return topic

    def renew(self, topic: Topic[Any]) -> None:
        """A dead stream: subscribe anew, and serve its readers meanwhile."""
        now_ns = self._clock.mono_ns()
        session = self._sources.session
        if session is not None:
            reason = topic.loss.reason if topic.loss is not None else "no data since the acknowledgement"
            session.renew(topic.subscription, reason, now_ns)
            self._flush()
        self._fallback.poll([topic], now_ns)

    def serve(self, symbol: str) -> None:
        """REST is believed again, or a reader has come: it is asked at once for whoever has no stream."""
        now_ns = self._clock.mono_ns()
        self._fallback.poll([topic for topic in self._shelf if topic.symbol == symbol], now_ns)

    def release(self, topic: Topic[Any]) -> None:
        """Nobody reads this any more."""
        self._shelf.drop(topic)
        self._unwant(topic.subscription)

    def _put_on(self, topic: Topic[Any], session: MarketStreams) -> None:
        topic.streams = session if self._of is None else self._of(topic.subscription)

    def _deepen(self, book: Topic[Any], asked: Subscription) -> None:
        """One depth serves all readers of a book: the largest asked for."""
        if asked.param <= book.subscription.param:
            return
        now_ns = self._clock.mono_ns()
        reason = f"subscribed anew at depth {asked.param}"
        book.lose(GapCause.DROPPED, reason, now_ns, counts=False)
        self._unwant(book.subscription)
        book.subscription = asked
        book.answer = None
        self._want(asked)
        self._fallback.poll([book], now_ns)

    def _want(self, subscription: Subscription) -> None:
        session = self._sources.session
        if session is not None:
            session.want(subscription, self._clock.mono_ns())
            self._flush()

    def _unwant(self, subscription: Subscription) -> None:
        session = self._sources.session
        if session is not None:
            session.unwant(subscription, self._clock.mono_ns())
            self._flush()

    def _flush(self) -> None:
        if self._poke is not None:
            self._poke()


def _check(what: str, given: float, valid: tuple[int, ...]) -> None:
    if given not in valid:
        raise CheckFailed(f"{what} is not supported; valid: {', '.join(map(str, valid))}")

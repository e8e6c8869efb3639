"""Looks at the client from outside once a second, and draws the balance at the end of a run.

What the client calls live must have had data; when the weather has been calm for 45 s, every stream it wants
must live or have been refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leadline.clock import NS_PER_S
from leadline.engine.topics import State, TopicState
from leadline.errors import Error
from leadline.model.market import Channel, Subscription
from leadline.model.reading import Source
from leadline.simulation.audit import BarAudit, TradeAudit
from leadline.simulation.report import NOT_LIVE, SERVED_WRONG, STALE_AS_FRESH, TOO_MANY
from leadline.simulation.strikes import CALM_START_S

if TYPE_CHECKING:
    from leadline.simulation.client import Client
    from leadline.simulation.world import World

RECOVERY_S = 45.0
REFUSED_AT_S = 9.0
YOUNG_S = 15.0
"""So long a stream just asked for, or left and asked for again, may take to its first data."""

CONNECTS = 120
WINDOW_NS = 600 * NS_PER_S

_SILENT = frozenset({Channel.LIQUIDATIONS})
"""What speaks only when something has happened: its silence says nothing."""

_LIVING = frozenset({State.LIVE, State.QUIET, State.HELD})


class Watchers:
    """The outside view of one life of the client."""

    def __init__(self, world: World, client: Client) -> None:
        self._world = world
        self._client = client
        self._readers = client.readers
        self._feed = client.system.feed
        self._first_seen_s: dict[Subscription, float] = {}
        self._lived_s: dict[Subscription, float] = {}

    async def look(self) -> None:
        """Look once a second; ask early on for what is refused; inspect all when it must have recovered."""
        clock = self._world.clock
        await clock.sleep(REFUSED_AT_S)
        if self._now_s < CALM_START_S:
            await self._world.early(self._readers)
        inspected = False
        while True:
            await clock.sleep(1.0)
            topics = self._feed.stats.topics
            known = self._first_seen_s
            self._first_seen_s = {t.subscription: known.get(t.subscription, self._now_s) for t in topics}
            for topic in topics:
                if topic.state in _LIVING:
                    self._lived_s[topic.subscription] = self._now_s
                self._claim(topic)
            self._world.look(self._client)
            if not inspected and self._now_s >= self._world.calm_from_s + RECOVERY_S:
                inspected = True
                await self._inspect(topics)

    def close(self) -> None:
        """The balance: trades, bars and requests."""
        world = self._world
        ended_ns, now_ns = world.network.venue_ns, world.loop.now_ns
        audits: list[TradeAudit | BarAudit] = [*self._readers.trade_audits, *self._readers.bar_audits]
        for audit in audits:
            audit.close(world.truth.symbols[audit.symbol], ended_ns, world.findings, now_ns)
        if (why_not := self._client.out_of_touch()) is not None:
            self._add(NOT_LIVE, "account", why_not, f"calm since {world.calm_from_s:.1f} s")
        refused = world.evidence.refused_for_rate
        if refused:
            world.findings.add(TOO_MANY, "", f"{refused} requests refused for their rate", "none", now_ns)
        connects = world.network.connects_ns
        for number, at_ns in enumerate(connects[CONNECTS:]):
            if at_ns - connects[number] < WINDOW_NS:
                world.findings.add(TOO_MANY, "", f"{len(connects)} connects", f"{CONNECTS} in 10 min", now_ns)
                break

    @property
    def _now_s(self) -> float:
        return self._world.loop.now_ns / NS_PER_S

    def _claim(self, topic: TopicState) -> None:
        """A stream called live has had data within its bound."""
        subscription = topic.subscription
        if topic.state is not State.LIVE or subscription.channel in _SILENT:
            return
        newest_ns = self._world.evidence.newest_ns(subscription.channel, subscription.symbol)
        bound_ns = round(topic.bound_s * NS_PER_S) + 1000
        if newest_ns is None or self._world.loop.now_ns - newest_ns > bound_ns:
            at = "never" if newest_ns is None else f"at {newest_ns / NS_PER_S:.3f} s"
            self._add(STALE_AS_FRESH, subscription.symbol, f"{subscription} called live", f"data came {at}")

    async def _inspect(self, topics: tuple[TopicState, ...]) -> None:
        for topic in topics:
            subscription = topic.subscription
            refused = topic.state is State.REFUSED and subscription.symbol == self._world.refused
            suspect = topic.state is State.SUSPECT  # receiving, and about to ask REST
            asked_s = max(self._first_seen_s[subscription], self._lived_s.get(subscription, 0.0))
            young = self._now_s - asked_s < YOUNG_S
            lied = topic.state is State.QUARANTINED and self._world.untruths.about(subscription.symbol)
            waits = topic.state is State.ACKED_NO_DATA and self._world.still(subscription)
            if not (topic.state in _LIVING or refused or suspect or young or lied or waits):
                seen = f"{subscription} is {topic.state.value}: {topic.reason}"
                self._add(NOT_LIVE, subscription.symbol, seen, f"calm since {self._world.calm_from_s:.1f} s")
        stats = self._feed.stats
        if stats.wanted != stats.receiving + stats.explained:
            seen = f"{stats.wanted} wanted, {stats.receiving} receiving, {stats.explained} explained"
            self._add(NOT_LIVE, "", seen, "wanted = receiving + explained")
        for topic in topics:
            if topic.subscription.channel is Channel.BOOK and topic.state in (State.LIVE, State.QUIET):
                await self._serve(topic)

    async def _serve(self, topic: TopicState) -> None:
        """A live book is served from the stream, verified."""
        symbol = topic.subscription.symbol
        try:
            reading = await self._feed.book(symbol)
        except Error as error:
            self._add(NOT_LIVE, symbol, f"{error!r}", "the book is live")
            return
        if reading.source is not Source.STREAM or not reading.verified:
            self._add(SERVED_WRONG, symbol, f"{reading!r}", "the book is live on the stream")

    def _add(self, kind: str, symbol: str, seen: str, true: str) -> None:
        self._world.findings.add(kind, symbol, seen, true, self._world.loop.now_ns)

"""Looks at the client from outside once a second, and draws the balance at the end of a run.

What the client calls live must have had data; when the weather has been calm for 45 s, every stream it wants
must live or have been refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leadline.clock import NS_PER_S
from leadline.engine.topic_state import State, TopicState
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

_SILENT = frozenset({Channel.LIQUIDATIONS})
"""What speaks only when something has happened: its silence says nothing."""

_LIVING = frozenset({State.LIVE, State.QUIET, State.HELD})

_STILL_S = 20.0
"""A market without an event for so long may have had none since a stream was begun."""

_UNDER_WAY_S = 3.0
"""What has just happened may not have come yet."""


class Watchers:
    """The outside view of one life of the client."""

    def __init__(self, world: World, client: Client) -> None:
        self._world = world
        self._client = client
        self._readers = client.readers
        self._feed = client.system.feed
        self._first_seen_s: dict[Subscription, float] = {}
        self._lived_s: dict[Subscription, float] = {}
        self._still_s: dict[Subscription, float] = {}
        """Since when it is said of a stream without data that nothing happens."""

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
                self._claim_still(topic)
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
        most, window_s = world.most_connects
        for number, at_ns in enumerate(connects[most:]):
            if at_ns - connects[number] < window_s * NS_PER_S:
                world.findings.add(
                    TOO_MANY, "", f"{len(connects)} connects", f"{most} in {window_s:g} s", now_ns
                )
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

    def _claim_still(self, topic: TopicState) -> None:
        """Of a stream said to be without data because nothing happens, nothing has happened."""
        subscription = topic.subscription
        if topic.state is not State.ACKED_QUIET:
            self._still_s.pop(subscription, None)
            return
        since_s = self._still_s.setdefault(subscription, self._now_s)
        if self._world.alarms.excused(subscription.channel, subscription.symbol):
            return
        if self._changed(subscription, since_s):
            seen = f"{subscription} said to be still since {since_s:.3f} s"
            self._add(STALE_AS_FRESH, subscription.symbol, seen, "the venue has told something since")

    def _mute(self, subscription: Subscription) -> bool:
        """Whether it need not have spoken yet: nothing has happened of late that it would tell."""
        need_not = subscription.channel in self._world.mute_channels
        return need_not and not self._changed(subscription, self._now_s - _STILL_S)

    def _changed(self, subscription: Subscription, since_s: float) -> bool:
        """Whether the venue must have told something since then that has come by now."""
        until_s = self._now_s - _UNDER_WAY_S
        zero_ns = self._world.network.venue_ns - self._world.loop.now_ns
        span = (zero_ns + round(at_s * NS_PER_S) for at_s in (since_s, until_s))
        return until_s > since_s and self._world.truth.changed(subscription, *span)

    async def _inspect(self, topics: tuple[TopicState, ...]) -> None:
        for topic in topics:
            subscription = topic.subscription
            refused = topic.state is State.REFUSED and subscription.symbol == self._world.refused
            suspect = topic.state is State.SUSPECT  # receiving, and about to ask REST
            asked_s = max(self._first_seen_s[subscription], self._lived_s.get(subscription, 0.0))
            young = self._now_s - asked_s < YOUNG_S
            lied = topic.state is State.QUARANTINED and self._world.untruths.about(subscription.symbol)
            waits = topic.state is State.ACKED_QUIET or (
                topic.state is State.ACKED_NO_DATA and self._mute(subscription)
            )
            hidden = self._world.alarms.excused(subscription.channel, subscription.symbol)
            if not (topic.state in _LIVING or refused or suspect or young or lied or waits or hidden):
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

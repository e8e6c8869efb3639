"""Streams that were acknowledged and have never said anything: does nothing happen, or are they misplaced?

Rule: an acknowledgement proves nothing, for some venues acknowledge whatever they are asked; where a stream
need not speak at once, only a change that REST shows and the stream does not is evidence against it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from leadline.clock import NS_PER_S
from leadline.core.liveness import FIRST_DATA_S
from leadline.engine.events import RouteSilent
from leadline.engine.topics import Desk, Topic
from leadline.model.market import Subscription
from leadline.venues.ports import MarketData

_CLOCKS_NS = 2 * NS_PER_S  # a trade this little later than the acknowledgement may have been before it


class FirstData:
    """What is known of streams between their acknowledgement and their first data."""

    def __init__(self, market: MarketData, desk: Desk) -> None:
        self._market = market
        self._desk = desk
        self._told: dict[Subscription, tuple[int, object]] = {}
        self._silent: set[str] = set()

    def unchanged(self, topic: Topic[Any], told: object) -> bool:
        """Whether REST tells of a stream without data what it told when first asked after the venue's yes.

        False for a stream that has had data, and for one that must speak at once.
        """
        subscription, confirmed_ns = topic.subscription, topic.confirmed_ns
        prompt = subscription.channel in self._market.limits.prompt_channels
        if topic.received or prompt or confirmed_ns is None:
            return False
        before = self._told.get(subscription)
        if before is None or before[0] != confirmed_ns:
            before = self._told[subscription] = confirmed_ns, told
        return before[1] == told

    def later(self, topic: Topic[Any], venue_ns: int | None) -> bool:
        """Whether something happened when the stream had been acknowledged already."""
        if venue_ns is None or topic.confirmed_ns is None:
            return False
        began_ns = self._market.venue_ns(topic.confirmed_ns)
        if began_ns is None:
            began_ns = self._desk.wall_ns(topic.confirmed_ns)
        return venue_ns > began_ns + _CLOCKS_NS

    def look(self, topics: Iterable[Topic[Any]], now_ns: int) -> None:
        """Once a second, with what is on lines that stand: name a route that has brought nothing at all."""
        by_route: defaultdict[str, list[Topic[Any]]] = defaultdict(list)
        for topic in topics:
            if topic.speaks:
                by_route[topic.route].append(topic)
        for route, members in by_route.items():
            silent = [topic for topic in members if not topic.received and topic.confirmed_ns is not None]
            waited_s = max(
                ((now_ns - (topic.confirmed_ns or now_ns)) / NS_PER_S for topic in silent), default=0
            )
            if any(topic.received for topic in members):
                self._silent.discard(route)
            elif waited_s >= FIRST_DATA_S and route not in self._silent and self._prompt(silent):
                self._silent.add(route)
                streams = tuple(topic.subscription for topic in silent)
                self._desk.events.add(RouteSilent(route, streams, waited_s))
        wanted = {
            topic.subscription for members in by_route.values() for topic in members if not topic.received
        }
        self._told = {each: told for each, told in self._told.items() if each in wanted}

    def _prompt(self, silent: list[Topic[Any]]) -> bool:
        """Whether one of them should have spoken by now whatever the market does."""
        prompt = self._market.limits.prompt_channels
        return any(topic.subscription.channel in prompt or topic.strikes for topic in silent)

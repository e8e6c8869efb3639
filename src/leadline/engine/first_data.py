"""Streams that were acknowledged and have never said anything: does nothing happen, or are they misplaced?

Rule: an acknowledgement proves nothing, for some venues acknowledge whatever they are asked; where a stream
need not speak at once, only a change that REST shows and the stream does not is evidence against it, and
only two words of REST some time apart that tell the same are evidence for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from leadline.clock import NS_PER_S
from leadline.core.liveness import FIRST_DATA_S, LONGEST_BOUND_S
from leadline.core.session import Coverage
from leadline.engine.events import RouteSilent
from leadline.engine.topics import Desk, Topic
from leadline.model.market import Channel, Subscription
from leadline.venues.ports import MarketData

_CLOCKS_NS = 2 * NS_PER_S  # a trade this little later than the acknowledgement may have been before it
_FIRST_DATA_NS = round(FIRST_DATA_S * NS_PER_S)
_LONGEST_NS = round(LONGEST_BOUND_S * NS_PER_S)

_FIRST_WORD_NS = 2 * NS_PER_S
"""So soon REST is asked what a stream that need not speak would have to change."""

QUIET_NS = 5 * NS_PER_S
"""Two words of REST so far apart that tell the same show that nothing has happened in between."""


class _Word(Struct, frozen=True):
    """What REST told first after an acknowledgement, and when."""

    confirmed_ns: int
    told: object
    told_ns: int


class FirstData:
    """What is known of streams between their acknowledgement and their first data."""

    def __init__(self, market: MarketData, desk: Desk) -> None:
        self._market = market
        self._desk = desk
        self._told: dict[Subscription, _Word] = {}
        self._silent: set[str] = set()

    def unchanged(self, topic: Topic[Any], told: object) -> bool:
        """Whether REST tells of a stream without data what it told when first asked after the venue's yes.

        Where it has told so for a while the stream is `still`. False for a stream that has had data, and for
        one that must speak at once.
        """
        confirmed_ns, now_ns = topic.confirmed_ns, self._desk.clock.mono_ns()
        if topic.received or self._prompt(topic) or confirmed_ns is None:
            return False
        word = self._word(topic)
        if word is None:
            word = self._told[topic.subscription] = _Word(confirmed_ns, told, now_ns)
        same = word.told == told
        topic.still = same and now_ns - word.told_ns >= QUIET_NS and topic.rest_doubted is None
        return same

    def due_ns(self, topic: Topic[Any]) -> int | None:
        """When REST is to be asked about a stream without data; None while there is no reason to.

        One that proves to be still is asked about ever more rarely, as streams with a rhythm are.
        """
        confirmed_ns, vouched_ns = topic.confirmed_ns, topic.cadence.vouched_ns
        if confirmed_ns is None or _unproven(topic):
            return None
        if topic.still:
            return vouched_ns + min(max(vouched_ns - confirmed_ns, _FIRST_DATA_NS), _LONGEST_NS)
        if self._prompt(topic) or not topic.replaceable:
            return max(confirmed_ns, vouched_ns) + _FIRST_DATA_NS
        return confirmed_ns + (_FIRST_WORD_NS if self._word(topic) is None else _FIRST_DATA_NS)

    def late(self, topic: Topic[Any], now_ns: int) -> bool:
        """Whether data is overdue of a stream that has not proved to be still."""
        return not topic.still and self.late_ns(topic, now_ns) >= 0

    def late_ns(self, topic: Topic[Any], now_ns: int) -> int:
        """How long a stream has been without data beyond what it was given."""
        due_ns = self.due_ns(topic)
        return 0 if due_ns is None else now_ns - max(due_ns, (topic.confirmed_ns or 0) + _FIRST_DATA_NS)

    def _word(self, topic: Topic[Any]) -> _Word | None:
        word = self._told.get(topic.subscription)
        return word if word is not None and word.confirmed_ns == topic.confirmed_ns else None

    def _prompt(self, topic: Topic[Any]) -> bool:
        """Whether it must speak at once, whatever the market does."""
        return topic.subscription.channel in self._market.limits.prompt_channels

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
            elif waited_s >= FIRST_DATA_S and route not in self._silent and self._owed(silent):
                self._silent.add(route)
                streams = tuple(topic.subscription for topic in silent)
                self._desk.events.add(RouteSilent(route, streams, waited_s))
        wanted = {
            topic.subscription for members in by_route.values() for topic in members if not topic.received
        }
        self._told = {each: told for each, told in self._told.items() if each in wanted}

    def _owed(self, silent: list[Topic[Any]]) -> bool:
        """Whether one of them should have spoken by now."""
        return any(self._prompt(topic) or topic.strikes for topic in silent)


def _unproven(topic: Topic[Any]) -> bool:
    """Whether data comes that makes no proven value yet: a book that waits for its snapshot."""
    subscription, streams = topic.subscription, topic.streams
    if subscription.channel is not Channel.BOOK or streams is None:
        return False
    return streams.coverage(subscription) is Coverage.RECEIVING

"""How long values take: from the venue to us, and from us to the reader; one pair of histograms a stream.

The way from the venue is taken by the wall clocks of both sides, once a second and stream, off the hot path;
it contains their difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from leadline.core.histogram import Histogram
from leadline.engine.topics import Desk, Topic
from leadline.engine.trades import TradeTopic
from leadline.model.market import Channel, Subscription

MOST_STREAMS = 256
"""Streams with histograms of their own (20 kB each); at the bound all others share one pair."""


class StreamLatency:
    """Nanoseconds from the venue's time of a value to its receipt, and from there to a reader."""

    __slots__ = ("arrival", "delivery")

    def __init__(self) -> None:
        self.arrival = Histogram()
        self.delivery = Histogram()


class Latencies:
    """The latencies of a feed, by stream."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._streams: dict[Subscription, StreamLatency] = {}
        self._counts: dict[Topic[Any], int] = {}
        self.others = StreamLatency()
        """Of the streams beyond the bound, together."""

    @property
    def streams(self) -> Mapping[Subscription, StreamLatency]:
        """Every stream that has been read, also those that are read no longer."""
        return self._streams

    def of(self, subscription: Subscription) -> StreamLatency:
        """The latency of a stream."""
        known = self._streams.get(subscription)
        if known is None:
            if len(self._streams) >= MOST_STREAMS:
                return self.others
            known = self._streams[subscription] = StreamLatency()
        return known

    def look(self, topics: Iterable[Topic[Any]]) -> None:
        """Once a second: take the way of the newest value of each stream that has spoken since."""
        counts: dict[Topic[Any], int] = {}
        for topic in topics:
            if not topic.live or topic.subscription.channel is Channel.BARS:  # a bar's time is its beginning
                continue
            counts[topic] = count = topic.cadence.count
            before = self._counts.get(topic)
            if before is not None and count > before:  # a snapshot, which repeats the past, came before that
                self._take(topic)
        self._counts = counts

    def _take(self, topic: Topic[Any]) -> None:
        value = topic.log.last if isinstance(topic, TradeTopic) else topic.value
        venue_ns, last_ns = getattr(value, "venue_ns", None), topic.cadence.last_ns
        if venue_ns is not None and last_ns is not None:
            self.of(topic.subscription).arrival.observe(self._desk.wall_ns(last_ns) - venue_ns)

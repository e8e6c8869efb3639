"""REST in the stream's place: what has readers and no stream is asked for at once, then within a budget."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from leadline.clock import NS_PER_S
from leadline.engine.answers import TOGETHER, Answers
from leadline.engine.sources import FIRST_DATA_GRACE_S, Sources
from leadline.engine.topics import Topic
from leadline.model.reading import Source

_TOGETHER_PERIOD_S = 4.0
_PERIOD_S = 3.0
_S_PER_REQUEST = 2.0
"""With the Ticker call, a lasting outage stays at three quarters of a public request a second (§13.4)."""

_FILL_AFTER_NS = 3 * NS_PER_S
"""Trades and bars of a short loss are filled in after it; the budget is for what readers need at once."""


class Fallback:
    """Polls for the readers of streams that are not in use."""

    def __init__(self, answers: Answers, sources: Sources) -> None:
        self._answers = answers
        self._sources = sources

    def poll(self, topics: Iterable[Topic[Any]], now_ns: int) -> None:
        """Send the requests that are due; joins those already under way."""
        needy = [topic for topic in topics if self._needs(topic, now_ns)]
        single = sum(topic.subscription.channel not in TOGETHER for topic in needy)
        period_s = max(_PERIOD_S, single * _S_PER_REQUEST)
        for topic in needy:
            together = topic.subscription.channel in TOGETHER
            apart_ns = round((_TOGETHER_PERIOD_S if together else period_s) * NS_PER_S)
            if topic.polled_ns is None or now_ns - topic.polled_ns >= apart_ns:
                topic.polled_ns = now_ns
                self._answers.ask(topic, urgent=True)

    def _needs(self, topic: Topic[Any], now_ns: int) -> bool:
        if not topic.readers or topic.refused is not None or topic.rest_doubted is not None:
            return False
        if not self._answers.can(topic):
            return False
        if self._sources.fresh(topic):
            if topic.source is Source.STREAM:
                topic.doubted_ns = None
            return False
        if topic.doubted_ns is None:
            topic.doubted_ns = now_ns
        away_ns = now_ns - (topic.asked_ns if topic.loss is None else topic.loss.since_ns)
        if not topic.replaceable:
            return away_ns >= _FILL_AFTER_NS
        return topic.loss is not None or away_ns >= FIRST_DATA_GRACE_S * NS_PER_S

"""The metrics of one feed: its streams, its readers, its holes, and what cross-checks have come to.

Rule: of symbols beyond the first `most_symbols` by name there is one row, under the symbol "other".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import Metric

from leadline.app.metric_rows import Row, one, timed, told
from leadline.clock import NS_PER_MS, NS_PER_S
from leadline.core.histogram import Histogram
from leadline.engine.divergences import Standing
from leadline.engine.feed import Feed
from leadline.engine.stats import FeedStats
from leadline.engine.tallies import Tallies
from leadline.engine.topic_state import RECEIVING, State, TopicState
from leadline.model.market import Channel, Subscription

OTHER = "other"

LOST_WITH_LINE = "lost_with_line"
"""The state of a stream that is lost because its line is: the line is to blame, not the stream."""

_WITHOUT_DATA = (State.LOST, State.ACKED_NO_DATA)

_TIMED = (
    Channel.TICKER,
    Channel.BOOK,
    Channel.TRADES,
    Channel.BARS,
    Channel.TOP,
    Channel.MARK,
    Channel.STATS,
    Channel.LIQUIDATIONS,
)
_CHECKED = (Channel.TICKER, Channel.BOOK, Channel.MARK)
_DIVERGING = ("ticker", "book", "mark", "balance", "orders")


def stream_metrics(
    feed: Feed, stats: FeedStats, most_symbols: int, stands: Callable[[Subscription], bool]
) -> Iterator[Metric]:
    """How the streams stand; `stands` says whether any line does that a stream was asked for on."""
    topics = stats.topics
    states = Counter(_state(topic, stands) for topic in topics)
    names = [*(state.value for state in State), LOST_WITH_LINE]
    yield told("leadline_streams", [((name,), states[name]) for name in names])
    yield one("leadline_subscriptions_desired", len(topics))
    yield one("leadline_subscriptions_live", sum(topic.state in RECEIVING for topic in topics))
    yield one("leadline_subscriptions_refused", sum(topic.state is State.REFUSED for topic in topics))
    rows = _Rows(topics, most_symbols)
    receiving = rows.of(lambda topic: float(topic.state in RECEIVING), min)
    yield told("leadline_stream_receiving", receiving)
    ages = rows.of(lambda topic: topic.last_age_s, max)
    yield told("leadline_stream_age_seconds", ages)
    yield told("leadline_confidence", rows.of(lambda topic: _confidence(feed, topic), min))
    yield told("leadline_updates", [((channel.value,), n) for channel, n in feed.updates.items()])


def _state(topic: TopicState, stands: Callable[[Subscription], bool]) -> str:
    """A stream that had data is lost, acknowledged anew or not; one that never had any is another matter."""
    if topic.state not in _WITHOUT_DATA:
        return topic.state.value
    if not stands(topic.subscription):
        return LOST_WITH_LINE
    state = State.LOST if topic.updates else State.ACKED_NO_DATA
    return state.value


def _confidence(feed: Feed, topic: TopicState) -> float | None:
    subscription = topic.subscription
    if subscription.channel not in _CHECKED:
        return None
    return feed.validator.confidence(subscription.channel, subscription.symbol)


class _Rows:
    """One row per channel and symbol, those beyond the bound taken together."""

    def __init__(self, topics: Iterable[TopicState], most_symbols: int) -> None:
        self._topics = tuple(topics)
        symbols = {topic.subscription.symbol for topic in self._topics}
        self._named = frozenset(sorted(symbols)[:most_symbols])

    def of(
        self, value: Callable[[TopicState], float | None], together: Callable[[list[float]], float]
    ) -> list[Row]:
        """Rows of a value; topics that have none are left out."""
        found: dict[tuple[str, str], list[float]] = {}
        for topic in self._topics:
            known = value(topic)
            if known is not None:
                symbol = topic.subscription.symbol
                label = symbol if symbol in self._named else OTHER
                found.setdefault((topic.subscription.channel.value, label), []).append(known)
        return [(labels, together(values)) for labels, values in found.items()]


def read_metrics(feed: Feed, stats: FeedStats, tallies: Tallies) -> Iterator[Metric]:
    """What readers were given, and what they missed."""
    reads = stats.readings
    rows: list[Row] = [(("stream",), reads.stream), (("rest",), reads.rest), (("cache",), reads.cache)]
    yield told("leadline_reads", rows)
    shares = [((f"{each.window_s}s",), each.share) for each in stats.shares if each.share is not None]
    yield told("leadline_stream_share", shares)
    yield one("leadline_stream_share_low", feed.shares.low)
    yield one("leadline_failovers", stats.failovers.count)
    yield one("leadline_failover_seconds_max", stats.failovers.max_ms * NS_PER_MS / NS_PER_S)
    yield one("leadline_reader_overflows", tallies.overflows)
    yield one("leadline_reader_drops", tallies.dropped)
    yield one("leadline_reader_failures", tallies.failures)
    yield one("leadline_reader_lags", tallies.lags)
    yield one("leadline_gaps", stats.gaps.total)
    yield one("leadline_gaps_open", stats.gaps.open)
    yield one("leadline_gaps_filled", stats.gaps.filled)
    yield one("leadline_gaps_unfilled", stats.gaps.unfilled)


def check_metrics(feed: Feed, of_account: tuple[Standing, ...]) -> Iterator[Metric]:
    """What stream and REST say differently; `of_account` stand beside those of the feed."""
    validator = feed.validator
    standing = Counter(each.divergence.channel for each in (*validator.open, *of_account))
    yield told("leadline_divergences_open", [((channel,), standing[channel]) for channel in _DIVERGING])
    yield one("leadline_checks_skipped", validator.counts.skipped)


def time_metrics(feed: Feed) -> Iterator[Metric]:
    """How long values took, and how long silences were until they were noticed."""
    arrivals = {channel.value: Histogram() for channel in _TIMED}
    deliveries = {channel.value: Histogram() for channel in _TIMED}
    for subscription, latency in feed.latencies.items():
        for found, observed in ((arrivals, latency.arrival), (deliveries, latency.delivery)):
            if observed.count:
                found[subscription.channel.value].merge(observed)
    others = feed.latency_of_others
    arrivals[OTHER], deliveries[OTHER] = others.arrival, others.delivery
    yield timed(
        "leadline_venue_to_receipt_seconds", [((channel,), seen) for channel, seen in arrivals.items()]
    )
    yield timed(
        "leadline_receipt_to_delivery_seconds", [((channel,), seen) for channel, seen in deliveries.items()]
    )
    detection = feed.detection
    yield timed(
        "leadline_detection_seconds", [(("suspected",), detection.suspected), (("dead",), detection.dead)]
    )
    yield timed("leadline_rest_answer_seconds", [((), feed.rest_latency)])

"""Every metric that is shown, declared once: its name, kind, labels, and what it says.

Rule: nothing is shown that does not stand here, and no rule of alerts may name anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct


class Kind(Enum):
    """What Prometheus calls it."""

    GAUGE = "gauge"  # goes up and down
    COUNTER = "counter"  # only grows while the process lives; its sample is named with `_total`
    HISTOGRAM = "histogram"  # durations in seconds, as buckets, a sum and a count


class Declared(Struct, frozen=True):
    """One metric; `name` without the suffixes that Prometheus adds."""

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()

    @property
    def sample(self) -> str:
        """The name under which a gauge or a counter is found in rules and queries."""
        return f"{self.name}_total" if self.kind is Kind.COUNTER else self.name


def _gauge(name: str, text: str, *labels: str) -> Declared:
    return Declared(f"leadline_{name}", Kind.GAUGE, text, labels)


def _counter(name: str, text: str, *labels: str) -> Declared:
    return Declared(f"leadline_{name}", Kind.COUNTER, text, labels)


def _histogram(name: str, text: str, *labels: str) -> Declared:
    return Declared(f"leadline_{name}", Kind.HISTOGRAM, text, labels)


_STREAM = ("channel", "symbol")

_THE_WHOLE = (
    _gauge("uptime_seconds", "Since the system was entered."),
    _gauge("level", "0 FULL, 1 DEGRADED, 2 EMERGENCY_ONLY, 3 OUTAGE."),
    _counter("level_seconds", "Time spent at each level, forced levels apart.", "level"),
    _gauge("level_forced", "1 while an operator has set the level."),
    _counter("recoveries", "Times the level came back to FULL."),
    _counter("recovery_attempts", "Tries to get to a better level.", "outcome"),
    _histogram("recovery_seconds", "From leaving FULL to being there again."),
    _gauge("checkpoint_age_seconds", "Since state was last kept for the next run."),
    _gauge("checkpoint_failing", "1 while state cannot be kept for the next run."),
    _gauge("venue_mode", "1 for the trading mode the venue has last told.", "mode"),
    _counter("loop_blocked", "Times the event loop did not turn for more than 100 ms."),
)

_LINES = (
    _gauge("line_connected", "1 while a line stands.", "route", "line"),
    _gauge("line_age_seconds", "Since a line came to stand; 0 while it does not.", "route", "line"),
    _gauge("line_silent_seconds", "Since a line's last frame; 0 while it does not stand.", "route", "line"),
    _counter("line_connects", "Connections that came to stand.", "route", "line"),
    _gauge("line_carried", "Streams whose readers are served from a line.", "route", "line"),
    _gauge("line_warm", "Streams that could be served from a line.", "route", "line"),
    _histogram("line_switch_seconds", "From noticing a loss to the other public line's value."),
    _gauge("connects_spent", "Connects that count against the venue's window."),
    _gauge("connects_limit", "Connects that we allow ourselves in that window."),
)

_STREAMS = (
    _gauge(
        "streams",
        "Streams wanted; acked_no_data never had data, acked_quiet neither and by REST there is none, "
        "lost had some, lost_with_line lost its line.",
        "state",
    ),
    _gauge("subscriptions_desired", "Streams somebody wants."),
    _gauge("subscriptions_live", "Of these, those whose data is in use."),
    _gauge("subscriptions_refused", "Of these, those the venue refuses."),
    _gauge("stream_receiving", "1 while a stream receives; under other, 1 while all do.", *_STREAM),
    _gauge("stream_age_seconds", "Since a stream's last message; the oldest under other.", *_STREAM),
    _counter("updates", "Values received from streams.", "channel"),
    _counter("frames_skipped", "Messages that were not understood.", "route"),
    _counter("book_messages", "Messages of books, by what the venue's checksum said.", "verdict"),
    _histogram("venue_to_receipt_seconds", "From the venue's time of a value to its receipt.", "channel"),
    _histogram("receipt_to_delivery_seconds", "From the receipt of a value to its reader.", "channel"),
    _histogram("detection_seconds", "From a stream's last sign of life to the verdict on it.", "verdict"),
)

_READERS = (
    _counter("reads", "Values given to readers.", "source"),
    _gauge("stream_share", "Share of reads that came from streams.", "window"),
    _gauge("stream_share_low", "1 while that share is below what is wanted."),
    _counter("failovers", "Changes of a stream's readers to REST."),
    _gauge("failover_seconds_max", "The longest from a noticed loss to the request by REST."),
    _counter("reader_overflows", "Times a reader was so late that values were dropped for it."),
    _counter("reader_drops", "Values dropped for readers, counted when the reader goes on."),
    _counter("reader_failures", "Times readers' code raised."),
    _counter("reader_lags", "Times a reader was handed something more than 250 ms late."),
    _counter("gaps", "Holes in streams, and in what readers were given."),
    _gauge("gaps_open", "Holes that have not ended."),
    _counter("gaps_filled", "Holes that REST has filled."),
    _counter("gaps_unfilled", "Holes in trades of which REST has not all."),
)

_CHECKS = (
    _counter("checks", "Looks at stream and REST.", "side", "verdict"),
    _counter("checks_skipped", "Looks that were due and found no room in the request budget."),
    _counter("divergences", "Differences beyond tolerance.", "side"),
    _gauge("divergences_open", "Of these, those that stand.", "channel"),
    _gauge(
        "confidence", "How far REST bears a stream out: 0 contradicted, 0.5 unknown, 1 borne out.", *_STREAM
    ),
)

_REST = (
    _counter("requests", "Public REST requests that left.", "purpose"),
    _counter("requests_failed", "Of these, those without an answer, or with a 5xx or 429."),
    _gauge("rest_failures", "Public requests that failed since one was answered."),
    _gauge("rest_limited", "1 while the venue limits our public requests."),
    _counter("requests_throttled", "Requests that found no room in our own budget in time."),
    _histogram("round_trip_seconds", "From a public REST request's leaving to its whole answer."),
    _histogram("rest_answer_seconds", "The same for what readers asked for, the wait for its turn included."),
    _gauge("budget_spent", "Points of the public request budget that are spent."),
    _gauge("budget_limit", "Points there are."),
)

_ACCOUNT = (
    _gauge("account_ready", "1 while the account's stream flows and its snapshots have come."),
    _counter("credential_failures", "Times the credential of the account's stream was not had or proven."),
    _counter("protection_missing", "Orders that were to guard a position and were refused or vanished."),
    _gauge("clock_offset_seconds", "How far our clock is from the venue's, whichever is ahead."),
    _counter("private_requests", "Requests that bear the account's key."),
    _gauge("key_counter_spent", "Points of the key's REST counter, as we reckon it."),
    _gauge("key_counter_limit", "Points at which the venue refuses."),
    _gauge("order_counter_spent", "Points of the fullest order counter of the pairs traded."),
    _gauge("order_counter_limit", "Points at which the venue refuses orders of the pair."),
    _counter("orders_delayed", "Order requests that waited for room in the venue's order counter."),
    _histogram("order_answer_seconds", "From an order's leaving to what the venue said of it."),
    _gauge("orders", "Orders not known to be finished.", "state"),
    _gauge("orders_unconfirmed", "Orders whose state nobody vouches for now."),
    _gauge("orders_queued", "Orders that wait for their turn or for a better level."),
    _gauge("symbols_halted", "Symbols whose orders are held.", "by"),
    _counter("fills", "Fills, each once."),
    _counter("fills_duplicate", "Fills that were told again."),
    _counter("orders_adopted", "Orders of others that were taken up."),
    _counter("orders_contradicted", "Orders called rejected of which the venue's evidence said otherwise."),
    _counter("order_lookups", "Look-ups of orders in doubt."),
    _counter("order_lookups_failed", "Of these, those without an answer."),
    _counter("reconciliations", "Reconciliations that came to their end."),
    _gauge("balances_age_seconds", "Since the balances were last vouched for."),
    _counter("balance_drifts", "Bookings that the balances do not agree with."),
    _gauge("breaker_state", "1 for the state the breaker is in.", "state"),
    _counter("breaker_trips", "Times it opened."),
    _gauge("dead_man_armed", "1 while the venue's dead-man switch may be armed by us."),
)

METRICS: Mapping[str, Declared] = {
    each.name: each
    for group in (_THE_WHOLE, _LINES, _STREAMS, _READERS, _CHECKS, _REST, _ACCOUNT)
    for each in group
}
"""All of them by name."""

SAMPLES = frozenset(each.sample for each in METRICS.values() if each.kind is not Kind.HISTOGRAM)
"""What rules of alerts may look at."""

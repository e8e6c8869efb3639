"""Which streams are wanted, which the venue has confirmed, which really deliver, and what to ask for next.

The three are never mixed: an acknowledgement is not data, and a request without an answer is asked again.
Requests are paced; a subscription that fails again and again is asked for ever more rarely.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto

from leadline.clock import NS_PER_S
from leadline.core.session import Coverage
from leadline.errors import VenueError
from leadline.model.market import Channel, Subscription

ANSWER_TIMEOUT_NS = 5 * NS_PER_S
FIRST_DATA_TIMEOUT_NS = 10 * NS_PER_S
PROVEN_NS = 30 * NS_PER_S
BACKOFF_S = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)

_PRIORITY = {channel: rank for rank, channel in enumerate((
    Channel.INSTRUMENTS, Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.BARS,
))}  # fmt: skip


class Verb(Enum):
    SUBSCRIBE = auto()
    UNSUBSCRIBE = auto()


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to the venue: the same channel and parameter for several symbols."""

    verb: Verb
    request_id: int
    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """How a venue wants to be asked: requests a second on average, at once, and symbols in one request."""

    per_s: float
    burst: int
    batch: int


@dataclass(slots=True)
class Entry:
    """One wanted subscription on the present connection."""

    subscription: Subscription
    state: Coverage = Coverage.WANTED
    request_id: int | None = None
    sent_ns: int | None = None
    confirmed_ns: int = 0
    receiving_ns: int = 0
    retry_ns: int = 0
    failures: int = 0
    error: VenueError | None = None
    unsubscribe_first: bool = False


@dataclass(slots=True)
class Subscriptions:
    """The book-keeping of one connection; times are monotonic nanoseconds."""

    pace: Pace
    entries: dict[Subscription, Entry] = field(default_factory=dict)
    restless: dict[Subscription, Entry] = field(default_factory=dict)
    """Those of `entries` that wait for an answer or for their first data."""
    _leaving: list[Subscription] = field(default_factory=list)
    _open: bool = False
    _next_request: int = 1
    _tokens: float = 0.0
    _tokens_ns: int = 0

    def want(self, subscription: Subscription, now_ns: int) -> None:
        """Ask for this one on this connection and every later one."""
        if subscription in self._leaving:
            self._leaving.remove(subscription)
        if subscription not in self.entries:
            self.entries[subscription] = self.restless[subscription] = Entry(subscription, retry_ns=now_ns)

    def unwant(self, subscription: Subscription) -> None:
        """Stop asking; what was asked for on this connection is cancelled."""
        entry = self.entries.pop(subscription, None)
        self.restless.pop(subscription, None)
        if entry and self._open and (entry.sent_ns is not None or entry.unsubscribe_first):
            self._leaving.append(subscription)

    def opened(self, now_ns: int) -> None:
        """A new connection: the venue remembers nothing, so everything wanted is asked for again."""
        self._open = True
        self._tokens = float(self.pace.burst)
        self._tokens_ns = now_ns
        self._leaving.clear()
        for entry in self.entries.values():
            self._forget(entry, now_ns)

    def closed(self, now_ns: int) -> None:
        """The connection is gone and all that was confirmed with it."""
        self._open = False
        for entry in self.entries.values():
            self._forget(entry, now_ns)

    def _forget(self, entry: Entry, now_ns: int) -> None:
        entry.unsubscribe_first = False
        entry.sent_ns = None
        entry.retry_ns = now_ns
        if entry.state is not Coverage.REFUSED:
            self._move(entry, Coverage.WANTED)

    def _move(self, entry: Entry, state: Coverage) -> None:
        entry.state = state
        if state in _RESTLESS:
            self.restless[entry.subscription] = entry
        else:
            self.restless.pop(entry.subscription, None)

    def _fail(self, entry: Entry, now_ns: int) -> None:
        """Ask again, the later the more often it has failed without 30 s of data in between."""
        if entry.state is Coverage.RECEIVING and now_ns - entry.receiving_ns >= PROVEN_NS:
            entry.failures = 0
        delay_s = BACKOFF_S[min(entry.failures, len(BACKOFF_S) - 1)]
        entry.failures += 1
        entry.sent_ns = None
        entry.retry_ns = now_ns + round(delay_s * NS_PER_S)
        self._move(entry, Coverage.WANTED)

    def renew(self, subscription: Subscription, now_ns: int) -> None:
        """Cancel and ask again with back-off; nothing happens to one that is being asked for already."""
        entry = self.entries.get(subscription)
        if entry and self._open and entry.sent_ns is not None and entry.state is not Coverage.REFUSED:
            entry.unsubscribe_first = True
            self._fail(entry, now_ns)

    def confirmed(self, subscription: Subscription, now_ns: int) -> bool:
        """The venue has acknowledged; True when that is news."""
        entry = self.entries.get(subscription)
        if entry is None or entry.state is not Coverage.WANTED or entry.sent_ns is None:
            return False
        self._move(entry, Coverage.CONFIRMED)
        entry.confirmed_ns = now_ns
        return True

    def data(self, subscription: Subscription, now_ns: int) -> None:
        """Data has arrived, which proves the subscription even where the acknowledgement was lost."""
        entry = self.restless.get(subscription)
        if entry and entry.sent_ns is not None:
            entry.receiving_ns = now_ns
            self._move(entry, Coverage.RECEIVING)

    def refused(self, subscription: Subscription, error: VenueError) -> bool:
        """The venue will not stream it; True when that is news."""
        entry = self.entries.get(subscription)
        if entry is None or entry.state is Coverage.REFUSED:
            return False
        self._move(entry, Coverage.REFUSED)
        entry.error = error
        return True

    def try_later(self, subscription: Subscription, now_ns: int) -> None:
        """The venue could not take the request now."""
        entry = self.entries.get(subscription)
        if entry and entry.state is Coverage.WANTED and entry.sent_ns is not None:
            entry.failures = max(entry.failures, 1)
            self._fail(entry, now_ns)

    def asked_in(self, request_id: int) -> list[Subscription]:
        """Subscriptions of a request that have not been answered yet."""
        return [
            entry.subscription
            for entry in self.restless.values()
            if entry.request_id == request_id and entry.state is Coverage.WANTED and entry.sent_ns is not None
        ]

    def due(self, now_ns: int) -> list[Ask]:
        """Requests to send now, in order of priority, as far as the pace allows."""
        if not self._open:
            return []
        self._expire(now_ns)
        self._refill(now_ns)
        asks: list[Ask] = []
        while self._tokens >= 1.0 and (ask := self._next_ask(now_ns)):
            self._tokens -= 1.0
            asks.append(ask)
        return asks

    def wake_at(self) -> int | None:
        """When `due` may have more to say."""
        if not self._open:
            return None
        deadlines = [self._deadline(entry) for entry in self.restless.values()]
        if self._leaving:
            deadlines.append(self._tokens_ns)
        if not deadlines:
            return None
        token_ns = self._tokens_ns + round(max(0.0, 1.0 - self._tokens) / self.pace.per_s * NS_PER_S) + 1
        return max(min(deadlines), token_ns)

    @staticmethod
    def _deadline(entry: Entry) -> int:
        if entry.state is Coverage.CONFIRMED:
            return entry.confirmed_ns + FIRST_DATA_TIMEOUT_NS
        return entry.retry_ns if entry.sent_ns is None else entry.sent_ns + ANSWER_TIMEOUT_NS

    def _expire(self, now_ns: int) -> None:
        for entry in list(self.restless.values()):
            if entry.sent_ns is not None and self._deadline(entry) <= now_ns:
                entry.unsubscribe_first = True
                self._fail(entry, now_ns)

    def _refill(self, now_ns: int) -> None:
        gained = (now_ns - self._tokens_ns) / NS_PER_S * self.pace.per_s
        self._tokens = min(float(self.pace.burst), self._tokens + gained)
        self._tokens_ns = now_ns

    def _next_ask(self, now_ns: int) -> Ask | None:
        if self._leaving:
            group = self._alike(self._leaving)
            self._leaving = [left for left in self._leaving if left not in group]
            return self._ask(Verb.UNSUBSCRIBE, group)
        ready = [e for e in self.restless.values() if self._is_ready(e, now_ns)]
        if leaving := [e.subscription for e in ready if e.unsubscribe_first]:
            group = self._alike(leaving)
            for subscription in group:
                self.entries[subscription].unsubscribe_first = False
            return self._ask(Verb.UNSUBSCRIBE, group)
        if not ready:
            return None
        ready.sort(key=lambda e: _PRIORITY[e.subscription.channel])
        ask = self._ask(Verb.SUBSCRIBE, self._alike([e.subscription for e in ready]))
        for subscription in ask.subscriptions:
            entry = self.entries[subscription]
            entry.sent_ns, entry.request_id = now_ns, ask.request_id
        return ask

    @staticmethod
    def _is_ready(entry: Entry, now_ns: int) -> bool:
        return entry.state is Coverage.WANTED and entry.sent_ns is None and entry.retry_ns <= now_ns

    def _alike(self, subscriptions: Iterable[Subscription]) -> list[Subscription]:
        """The first and as many as fit beside it in one request."""
        ordered = list(subscriptions)
        first = ordered[0]
        group = [s for s in ordered if s.channel is first.channel and s.param == first.param]
        return group[: self.pace.batch]

    def _ask(self, verb: Verb, group: list[Subscription]) -> Ask:
        request_id = self._next_request
        self._next_request += 1
        return Ask(verb, request_id, tuple(group))


_RESTLESS = frozenset({Coverage.WANTED, Coverage.CONFIRMED})

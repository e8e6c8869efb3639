"""Which streams are wanted, which the venue has confirmed, which really deliver, and what to ask for next.

The three are never mixed: an acknowledgement is not data, and a request without an answer is asked again.
Requests are paced; a subscription that fails again and again is asked for ever more rarely.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from heapq import heappop, heappush

from leadline.clock import NS_PER_S
from leadline.core.session import Coverage
from leadline.model.market import Channel, Subscription

ANSWER_TIMEOUT_NS = 5 * NS_PER_S
FIRST_DATA_TIMEOUT_NS = 10 * NS_PER_S
PROVEN_NS = 30 * NS_PER_S
BACKOFF_S = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)

_PRIORITY = {channel: rank for rank, channel in enumerate((
    Channel.INSTRUMENTS, Channel.TICKER, Channel.MARK, Channel.BOOK, Channel.TOP, Channel.LEVEL3,
    Channel.TRADES, Channel.BARS, Channel.STATS, Channel.LIQUIDATIONS,
))}  # fmt: skip


def by_priority(subscriptions: Iterable[Subscription]) -> list[Subscription]:
    """What other streams need first, then what most readers wait for."""
    return sorted(subscriptions, key=lambda subscription: _PRIORITY[subscription.channel])


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


@dataclass(slots=True, eq=False)
class Entry:
    """One wanted subscription on the present connection."""

    subscription: Subscription
    state: Coverage = Coverage.WANTED
    asked: bool = False
    """Whether the venue has been asked since this was last given up."""
    request_id: int | None = None
    """The request that has not been answered yet."""
    due_ns: int | None = None
    """When to ask; once asked, how long to wait for the answer, then for data; None: nothing is awaited."""
    receiving_ns: int = 0
    failures: int = 0
    unsubscribe_first: bool = False


@dataclass(slots=True)
class Subscriptions:
    """The book-keeping of one connection; times are monotonic nanoseconds."""

    pace: Pace
    first_data_ns: Callable[[Subscription], int | None] = lambda subscription: FIRST_DATA_TIMEOUT_NS
    """How long data may take after the acknowledgement; None where silence says nothing."""
    entries: dict[Subscription, Entry] = field(default_factory=dict)
    restless: dict[Subscription, Entry] = field(default_factory=dict)
    """Those of `entries` that wait to be asked, for an answer or for their first data."""
    _ready: dict[Subscription, Entry] = field(default_factory=dict)
    """Those whose time to be asked has come; only the pace holds them back."""
    _leaving: dict[Subscription, None] = field(default_factory=dict)
    """Those no longer wanted that the venue still streams."""
    _alarms: list[tuple[int, int, Entry]] = field(default_factory=list)
    """A heap of `due_ns`; one that the entry no longer has is skipped when it comes up."""
    _requests: dict[int, tuple[int, Ask]] = field(default_factory=dict)
    """What has been sent, and when, as long as an answer may be expected."""
    _open: bool = False
    _last_alarm: int = 0
    _last_request: int = 0
    _tokens: float = 0.0
    _tokens_ns: int = 0

    def want(self, subscription: Subscription, now_ns: int) -> None:
        """Ask for this one on this connection and every later one; one that was refused is asked for anew."""
        entry = self.entries.get(subscription)
        if entry is None or entry.state is Coverage.REFUSED:
            entry = self.entries[subscription] = self.restless[subscription] = Entry(subscription)
            self._wait(entry, now_ns)

    def unwant(self, subscription: Subscription) -> None:
        """Stop asking; what was asked for on this connection is cancelled."""
        entry = self.entries.pop(subscription, None)
        self.restless.pop(subscription, None)
        self._ready.pop(subscription, None)
        if entry:
            entry.due_ns = None
            if self._open and (entry.asked or entry.unsubscribe_first):
                self._leaving[subscription] = None

    def opened(self, now_ns: int) -> None:
        """A new connection: the venue remembers nothing, so everything wanted is asked for again."""
        self._forget_all()
        self._open = True
        self._tokens = float(self.pace.burst)
        self._tokens_ns = now_ns
        for entry in self.restless.values():
            self._wait(entry, now_ns)

    def closed(self) -> None:
        """The connection is gone and all that was confirmed with it."""
        self._open = False
        self._forget_all()

    def _forget_all(self) -> None:
        for memory in (self._ready, self._leaving, self._requests, self._alarms):
            memory.clear()
        for entry in self.entries.values():
            entry.unsubscribe_first = entry.asked = False
            entry.request_id = entry.due_ns = None
            if entry.state is not Coverage.REFUSED:
                self._move(entry, Coverage.WANTED)

    def _move(self, entry: Entry, state: Coverage) -> None:
        entry.state = state
        if state is Coverage.WANTED or state is Coverage.CONFIRMED:
            self.restless[entry.subscription] = entry
        else:
            self.restless.pop(entry.subscription, None)

    def _wait(self, entry: Entry, until_ns: int) -> None:
        if self._open:
            entry.due_ns = until_ns
            self._last_alarm += 1
            heappush(self._alarms, (until_ns, self._last_alarm, entry))

    def _fail(self, entry: Entry, now_ns: int) -> None:
        """Ask again, the later the more often it has failed without 30 s of data in between."""
        if entry.state is Coverage.RECEIVING and now_ns - entry.receiving_ns >= PROVEN_NS:
            entry.failures = 0
        delay_s = BACKOFF_S[min(entry.failures, len(BACKOFF_S) - 1)]
        entry.failures += 1
        entry.asked = False
        entry.request_id = None
        self._move(entry, Coverage.WANTED)
        self._wait(entry, now_ns + round(delay_s * NS_PER_S))

    def renew(self, subscription: Subscription, now_ns: int) -> None:
        """Cancel and ask again with back-off; nothing happens to one that waits to be asked for already."""
        entry = self.entries.get(subscription)
        if entry and entry.asked:
            entry.unsubscribe_first = True
            self._fail(entry, now_ns)

    def confirmed(self, subscription: Subscription, now_ns: int) -> bool:
        """The venue has acknowledged; True when that is news."""
        entry = self.entries.get(subscription)
        if entry is None or entry.request_id is None:
            return False
        entry.request_id = None
        if entry.state is not Coverage.WANTED:
            return False
        self._move(entry, Coverage.CONFIRMED)
        patience_ns = self.first_data_ns(subscription)
        entry.due_ns = None
        if patience_ns is not None:
            self._wait(entry, now_ns + patience_ns)
        return True

    def data(self, subscription: Subscription, now_ns: int) -> None:
        """Data has arrived, which proves the subscription even where the acknowledgement was lost."""
        entry = self.restless.get(subscription)
        if entry and entry.asked:
            entry.receiving_ns = now_ns
            entry.due_ns = None
            self._move(entry, Coverage.RECEIVING)

    def refused(self, subscription: Subscription) -> None:
        """The venue will not stream it, so it is not asked for until it is wanted anew."""
        entry = self.entries[subscription]
        self._move(entry, Coverage.REFUSED)
        entry.asked = False
        entry.request_id = entry.due_ns = None

    def try_later(self, subscription: Subscription, now_ns: int) -> None:
        """The venue could not take the request for this one now."""
        entry = self.entries.get(subscription)
        if entry and entry.asked:
            entry.failures = max(entry.failures, 1)
            self._fail(entry, now_ns)

    def not_left(self, subscriptions: Iterable[Subscription], now_ns: int) -> None:
        """The venue could not take the request to cancel these: they are still streamed."""
        for subscription in subscriptions:
            entry = self.entries.get(subscription)
            if entry is None:
                self._leaving[subscription] = None
            elif entry.asked:
                self.renew(subscription, now_ns)
            else:
                entry.unsubscribe_first = True

    def pause(self, now_ns: int) -> None:
        """The venue finds us too talkative: say nothing for a second."""
        self._refill(now_ns)
        self._tokens = min(self._tokens, 1.0 - self.pace.per_s)

    def request(self, request_id: int | None) -> Ask | None:
        """The request of that number, as long as an answer may be expected."""
        sent = self._requests.get(request_id) if request_id is not None else None
        return sent[1] if sent else None

    def unanswered(self, ask: Ask) -> list[Subscription]:
        """The subscriptions of a request that it still has to be answered for."""
        entries = self.entries
        return [
            s for s in ask.subscriptions if (entry := entries.get(s)) and entry.request_id == ask.request_id
        ]

    def due(self, now_ns: int) -> list[Ask]:
        """Requests to send now, in order of priority, as far as the pace allows."""
        asks: list[Ask] = []
        if self._open:
            self._ring(now_ns)
            self._refill(now_ns)
            while self._tokens >= 1.0 and (ask := self._next_ask(now_ns)):
                self._tokens -= 1.0
                self._requests[ask.request_id] = (now_ns, ask)
                asks.append(ask)
        return asks

    def wake_at(self) -> int | None:
        """When `due` may have more to say; costs nothing while nothing changes, however much is awaited."""
        if self._ready or self._leaving:
            return self._tokens_ns + round(max(0.0, 1.0 - self._tokens) / self.pace.per_s * NS_PER_S) + 1
        alarms = self._alarms
        while alarms and alarms[0][2].due_ns != alarms[0][0]:
            heappop(alarms)
        return alarms[0][0] if alarms else None

    def _ring(self, now_ns: int) -> None:
        """Let time pass: who has waited for the venue in vain asks again, who has waited to ask is ready."""
        alarms = self._alarms
        while alarms and alarms[0][0] <= now_ns:
            due_ns, _, entry = heappop(alarms)
            if entry.due_ns != due_ns:
                continue
            if entry.asked:
                entry.unsubscribe_first = True
                self._fail(entry, now_ns)
            else:
                entry.due_ns = None
                self._ready[entry.subscription] = entry
        while self._requests:
            oldest, (sent_ns, _) = next(iter(self._requests.items()))
            if now_ns - sent_ns <= ANSWER_TIMEOUT_NS:
                break
            del self._requests[oldest]

    def _refill(self, now_ns: int) -> None:
        gained = (now_ns - self._tokens_ns) / NS_PER_S * self.pace.per_s
        self._tokens = min(float(self.pace.burst), self._tokens + gained)
        self._tokens_ns = now_ns

    def _next_ask(self, now_ns: int) -> Ask | None:
        if self._leaving:
            group = self._alike(self._leaving)
            for subscription in group:
                del self._leaving[subscription]
            return self._ask(Verb.UNSUBSCRIBE, group)
        if leaving := [s for s, entry in self._ready.items() if entry.unsubscribe_first]:
            group = self._alike(leaving)
            for subscription in group:
                self._ready[subscription].unsubscribe_first = False
            return self._ask(Verb.UNSUBSCRIBE, group)
        if not self._ready:
            return None
        ask = self._ask(Verb.SUBSCRIBE, self._alike(by_priority(self._ready)))
        for subscription in ask.subscriptions:
            entry = self._ready.pop(subscription)
            entry.asked, entry.request_id = True, ask.request_id
            self._wait(entry, now_ns + ANSWER_TIMEOUT_NS)
        return ask

    def _alike(self, subscriptions: Iterable[Subscription]) -> list[Subscription]:
        """The first and as many as fit beside it in one request."""
        ordered = list(subscriptions)
        first = ordered[0]
        group = [s for s in ordered if s.channel is first.channel and s.param == first.param]
        return group[: self.pace.batch]

    def _ask(self, verb: Verb, group: list[Subscription]) -> Ask:
        self._last_request += 1
        return Ask(verb, self._last_request, tuple(group))

"""Subscriptions against a model of a venue that acknowledges, refuses, drops, delays and disconnects.

Whatever happens: once the venue behaves again and has been quiet for a while, everything wanted is received
or was refused.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from leadline.clock import NS_PER_S
from leadline.core.session import Coverage
from leadline.core.subscriptions import Ask, Pace, Subscriptions, Verb
from leadline.model.market import Channel, Subscription

EVERYTHING = [
    *(Subscription(Channel.BOOK, symbol, depth) for symbol in ("A/X", "B/X", "C/X") for depth in (10, 25)),
    *(Subscription(Channel.TRADES, symbol) for symbol in ("A/X", "B/X")),
    Subscription(Channel.TICKER, "A/X"),
]
UNKNOWN = Subscription(Channel.TICKER, "NO/PE")
PACE = Pace(per_s=10.0, burst=3, batch=4)
QUIET_S = 120


class AnyInterleaving(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 0
        self.subscriptions = Subscriptions(PACE)
        self.is_open = False
        self.arriving: list[Ask] = []  # requests on their way to the venue
        self.streaming: set[Subscription] = set()  # what the venue streams on this connection
        self.fresh: set[Subscription] = set()  # of those, whose first data is still to come
        self.wanted: set[Subscription] = set()
        self.sent = 0

    @initialize()
    def start(self) -> None:
        self.open()

    def send(self) -> None:
        asks = self.subscriptions.due(self.now_ns)
        assert self.is_open or not asks
        assert all(0 < len(ask.subscriptions) <= PACE.batch for ask in asks)
        self.arriving += asks
        self.sent += len(asks)

    @rule(subscription=st.sampled_from([*EVERYTHING, UNKNOWN]))
    def want(self, subscription: Subscription) -> None:
        self.subscriptions.want(subscription, self.now_ns)
        self.wanted.add(subscription)
        self.send()

    @rule(subscription=st.sampled_from([*EVERYTHING, UNKNOWN]))
    def unwant(self, subscription: Subscription) -> None:
        self.subscriptions.unwant(subscription)
        self.wanted.discard(subscription)
        self.send()

    @rule(subscription=st.sampled_from(EVERYTHING))
    def renew(self, subscription: Subscription) -> None:
        self.subscriptions.renew(subscription, self.now_ns)
        self.send()

    @rule()
    def open(self) -> None:
        if not self.is_open:
            self.is_open = True
            self.subscriptions.opened(self.now_ns)
            self.send()

    @rule()
    def disconnect(self) -> None:
        if self.is_open:
            self.is_open = False
            self.arriving.clear()
            self.streaming.clear()
            self.fresh.clear()
            self.subscriptions.closed()

    @rule(ms=st.integers(1, 20_000))
    def wait(self, ms: int) -> None:
        until_ns = self.now_ns + ms * 1_000_000
        rounds = 0
        while (wake_ns := self.subscriptions.wake_at()) is not None and wake_ns <= until_ns:
            self.now_ns = max(self.now_ns, wake_ns)
            self.send()
            again_ns = self.subscriptions.wake_at()
            assert again_ns is None or again_ns > self.now_ns
            rounds += 1
            assert rounds < 2000
        self.now_ns = until_ns

    @rule(acknowledged=st.booleans(), answered=st.booleans())
    def venue_hears(self, acknowledged: bool, answered: bool) -> None:
        """The next request arrives; its effect and its answer may each be lost."""
        if self.arriving:
            self.hear(self.arriving.pop(0), loses_answer=not answered, has_effect=acknowledged)

    @rule()
    def venue_finds_us_talkative(self) -> None:
        if self.arriving:
            ask = self.arriving.pop(0)
            self.subscriptions.pause(self.now_ns)
            if ask.verb is Verb.SUBSCRIBE:
                for subscription in self.subscriptions.unanswered(ask):
                    self.subscriptions.try_later(subscription, self.now_ns)
            else:
                self.subscriptions.not_left(ask.subscriptions, self.now_ns)
            self.send()

    @rule()
    def request_is_lost(self) -> None:
        if self.arriving:
            self.arriving.pop(0)

    @rule(subscription=st.sampled_from(EVERYTHING))
    def first_data(self, subscription: Subscription) -> None:
        if subscription in self.fresh:
            self.fresh.discard(subscription)
            self.subscriptions.data(subscription, self.now_ns)

    def hear(self, ask: Ask, *, loses_answer: bool = False, has_effect: bool = True) -> None:
        for subscription in ask.subscriptions:
            if ask.verb is Verb.UNSUBSCRIBE:
                if has_effect:
                    self.streaming.discard(subscription)
                    self.fresh.discard(subscription)
            elif subscription == UNKNOWN:
                if not loses_answer and UNKNOWN in self.subscriptions.unanswered(ask):
                    self.subscriptions.refused(subscription)
            elif subscription in self.streaming:
                if not loses_answer and subscription in self.subscriptions.unanswered(ask):
                    self.subscriptions.renew(subscription, self.now_ns)  # "Already subscribed": no snapshot
            elif has_effect:
                self.streaming.add(subscription)
                self.fresh.add(subscription)
                if not loses_answer and subscription in self.subscriptions.unanswered(ask):
                    self.subscriptions.confirmed(subscription, self.now_ns)
        self.send()

    def teardown(self) -> None:
        """The venue behaves from now on."""
        self.disconnect() if self.sent % 2 else None
        self.open()
        for _ in range(QUIET_S):
            while self.arriving:
                self.hear(self.arriving.pop(0))
            for subscription in list(self.fresh):
                self.first_data(subscription)
            self.wait(1000)
        states = {one: entry.state for one, entry in self.subscriptions.entries.items()}
        received = {one for one, state in states.items() if state is Coverage.RECEIVING}
        refused = {one for one, state in states.items() if state is Coverage.REFUSED}
        assert set(states) == self.wanted == received | refused
        assert refused <= {UNKNOWN}
        assert received <= self.streaming
        assert not self.subscriptions.restless
        assert self.subscriptions.wake_at() is None
        assert self.subscriptions.due(self.now_ns + 60 * NS_PER_S) == []


TestAnyInterleaving = AnyInterleaving.TestCase
TestAnyInterleaving.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)

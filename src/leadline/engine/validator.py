"""Stream against REST, for ever: prices of all symbols in one request of a kind, books one at a time.

Rule: checks take a fixed share of the request budget and wait for room in it; a single contradiction is asked
about again before anything follows from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct

from leadline.clock import NS_PER_S
from leadline.core.crosscheck import OLDEST_S, Divergence, Verdict, outvoted
from leadline.core.limits import DecayingCounter
from leadline.core.patterns import Look
from leadline.engine.answers import Spawn
from leadline.engine.checks import DOUBTED_S, SHORTEST_S, Check, Found, price_of
from leadline.engine.divergences import Divergences, Standing
from leadline.engine.looks import Looks, best_of, state_of
from leadline.engine.shelf import Shelf
from leadline.engine.topics import Desk, Topic
from leadline.errors import Error
from leadline.model.market import Channel
from leadline.model.reading import UNVALIDATED, Source
from leadline.net.http import Purpose
from leadline.venues.ports import MarketData

REQUESTS_PER_S = 0.25
"""What checks may ask for in the long run, of the 0.8 a second that this program allows itself."""

CONFIRMING_S = 10.0
"""What the announced interval allows for asking, waiting, and asking again."""

_TOGETHER = (Channel.TICKER, Channel.MARK)
"""Prices that one request tells of all symbols."""

_BURST = 3.0
_FOR_CONFIRMING = 1.0  # kept free by routine looks, so that a contradiction is asked about again at once
_BOOK_GAP_S = 1 / (REQUESTS_PER_S - 1 / DOUBTED_S)  # between two books while prices need all they may
_RETRY_S = 15.0
_KEPT_BIDS = 32
_TURNS = 8  # seconds in which every confidence is brought up to date: it halves in hundreds


class ValidationCounts(Struct, frozen=True):
    """What cross-checks have come to so far, in looks at one channel of one symbol.

    `undecided` ones came to no verdict: no answer in time, or none about this symbol. `unconfirmed` ones
    contradicted, and agreed when asked again. `skipped` ones were due and found no room in the budget.
    `diverged` counts divergences, not looks.
    """

    checks: int
    agreed: int
    within_tolerance: int
    contradicted: int
    unconfirmed: int
    undecided: int
    skipped: int
    diverged: int
    requests: int


class Validator:
    """Cross-checks tickers, mark prices and books of one feed.

    `renew` subscribes a topic anew and serves its readers, `serve` those of a symbol whose streams are lost;
    `heard_ns` says when the line last showed life.
    """

    def __init__(
        self,
        market: MarketData,
        desk: Desk,
        shelf: Shelf,
        spawn: Spawn,
        renew: Callable[[Topic[Any]], None],
        serve: Callable[[str], None],
        heard_ns: Callable[[], int],
    ) -> None:
        self._desk = desk
        self._clock = desk.clock
        self._shelf = shelf
        self._spawn = spawn
        self._heard_ns = heard_ns
        self._looks = Looks(market, desk)
        self._divergences = Divergences(desk, renew, serve)
        self._checks: dict[tuple[Channel, str], Check] = {}
        self._budget = DecayingCounter(_BURST, REQUESTS_PER_S)
        self._busy: set[Channel] = set()
        self._turn = 0
        self._verdicts = dict.fromkeys(Verdict, 0)
        self._unconfirmed = self._undecided = self._skipped = 0
        self._also_critical: Callable[[], Collection[str]] = tuple
        self.critical: set[str] = set()
        """Symbols that are looked at more often."""
        self._critical_now: Collection[str] = frozenset()
        self.permitted: Callable[[], bool] = lambda: True
        """Whether the service level lets new looks begin; what has diverged is looked at all the same."""

    def __repr__(self) -> str:
        return f"Validator({self.counts.checks} checks, {len(self.open)} divergences standing)"

    def guard(
        self,
        hold: Callable[[str, str], None],
        release: Callable[[str], None],
        critical: Callable[[], Collection[str]],
    ) -> None:
        """Have orders of a symbol held, and why, while it diverges; `critical` names those with orders."""
        self._divergences.guard(hold, release)
        self._also_critical = critical

    # --- what is known ---

    @property
    def divergences(self) -> tuple[Divergence, ...]:
        """The last two hundred disagreements with both sides, oldest first."""
        return tuple(self._divergences.evidence)

    @property
    def open(self) -> tuple[Standing, ...]:
        """The divergences that have not ended, oldest first."""
        return self._divergences.standing

    def confidence(self, channel: Channel, symbol: str) -> float:
        """How far REST bears the stream out (see `core.confidence`)."""
        check = self._checks.get((channel, symbol))
        return UNVALIDATED if check is None else check.confidence.score(self._clock.mono_ns())

    def interval_s(self, symbol: str, channel: Channel = Channel.TICKER) -> float:
        """The announced interval: a difference that lasts longer is told, as long as REST answers.

        Infinite while the service level lets no look begin.
        """
        if not self.open and not self.permitted():
            return math.inf
        now_ns = self._clock.mono_ns()
        self._critical_now = self.critical.union(self._also_critical())
        check = self._checks.get((channel, symbol))
        wanted_s = SHORTEST_S if check is None else self._wanted_s(check, now_ns)
        return wanted_s * self._load(channel, now_ns) + CONFIRMING_S

    def checked_ns(self, symbol: str, channel: Channel = Channel.TICKER) -> int | None:
        """When a look last came to a verdict (monotonic); None before the first."""
        check = self._checks.get((channel, symbol))
        return None if check is None else check.checked_ns

    @property
    def counts(self) -> ValidationCounts:
        """What has happened so far."""
        decided = self._verdicts
        return ValidationCounts(
            checks=sum(decided.values()) + self._undecided,
            agreed=decided[Verdict.AGREED],
            within_tolerance=decided[Verdict.WITHIN],
            contradicted=decided[Verdict.DIVERGED],
            unconfirmed=self._unconfirmed,
            undecided=self._undecided,
            skipped=self._skipped,
            diverged=self._divergences.total,
            requests=self._looks.requests,
        )

    # --- the schedule ---

    def look(self, now_ns: int) -> None:
        """Once a second: begin the looks that are due, as far as the budget has room."""
        self._critical_now = self.critical.union(self._also_critical())
        self._keep_up(now_ns)
        if not self.open and not self.permitted():
            return
        due = [check for check in self._checks.values() if self._comparable(check, now_ns)]
        for check in due:
            if check.topic.symbol in self._critical_now and check.checked_ns is not None:
                wanted_ns = round(self._wanted_s(check, now_ns) * NS_PER_S)
                check.due_ns = min(check.due_ns, check.checked_ns + wanted_ns)  # it may have become so since
        for channel in _TOGETHER:
            prices = [check for check in due if check.channel is channel]
            if any(now_ns >= check.due_ns for check in prices):
                self._begin(prices, now_ns)
        books = [check for check in due if check.channel is Channel.BOOK and now_ns >= check.due_ns]
        if books:
            self._begin([max(books, key=lambda check: self._overdue(check, now_ns))], now_ns)

    def _keep_up(self, now_ns: int) -> None:
        """One check for each topic on the shelf, and their confidence brought up to date in turns."""
        for (channel, symbol), check in tuple(self._checks.items()):
            if self._shelf.of(channel).get(symbol) is not check.topic:
                self._divergences.forget(channel, symbol)
                del self._checks[channel, symbol]
        for channel in (*_TOGETHER, Channel.BOOK):
            for topic in self._shelf.of(channel).values():
                key = (topic.subscription.channel, topic.symbol)
                if key not in self._checks:
                    new = self._checks[key] = Check(topic)
                    new.due_ns = now_ns + round(self._wanted_s(new, now_ns) * NS_PER_S)
        self._turn = (self._turn + 1) % _TURNS
        for check in islice(self._checks.values(), self._turn, None, _TURNS):
            check.topic.confidence = check.confidence.score(now_ns)
        for channel in _TOGETHER:
            for symbol, topic in self._shelf.of(channel).items():
                price = price_of(topic.value) if topic.value is not None and topic.received else None
                if price is not None:
                    self._checks[channel, symbol].past.note(price, now_ns)

    def _comparable(self, check: Check, now_ns: int) -> bool:
        topic, last_ns = check.topic, check.topic.cadence.last_ns
        if topic.value is None or not topic.received or last_ns is None:
            return False
        return now_ns - last_ns <= OLDEST_S * NS_PER_S

    def _overdue(self, check: Check, now_ns: int) -> float:
        """How far a look is overdue, in parts of its interval: where room is short, all wait alike."""
        return (now_ns - check.due_ns) / NS_PER_S / self._wanted_s(check, now_ns)

    def _wanted_s(self, check: Check, now_ns: int) -> float:
        symbol = check.topic.symbol
        doubted = self._divergences.stands(check.channel, symbol)
        return check.wanted_s(now_ns, doubted=doubted, critical=symbol in self._critical_now)

    def _load(self, channel: Channel, now_ns: int) -> float:
        """By how much more is wanted than the budget allows, at least 1; prices share one request."""
        if channel is not Channel.BOOK:
            return 1.0
        books = [check for check in self._checks.values() if check.channel is Channel.BOOK]
        return max(1.0, sum(_BOOK_GAP_S / self._wanted_s(check, now_ns) for check in books))

    def _begin(self, checks: Sequence[Check], now_ns: int) -> None:
        channel = checks[0].channel
        if channel in self._busy:
            return
        if self._budget.take(1.0, now_ns, _FOR_CONFIRMING) > 0:
            self._skipped += sum(not check.put_off for check in checks)
            for check in checks:
                check.put_off = True
            return
        self._busy.add(channel)
        self._spawn(self._validate(channel, checks))

    async def _validate(self, channel: Channel, checks: Sequence[Check]) -> None:
        """Look, and look again at what contradicts; nothing follows from the first time."""
        try:
            again = await self._round(checks, confirming=False)
            if again:
                while (wait_s := self._budget.take(1.0, self._clock.mono_ns())) > 0:
                    await self._clock.sleep(wait_s)
                await self._round(again, confirming=True)
        finally:
            self._busy.discard(channel)

    async def _round(self, checks: Sequence[Check], *, confirming: bool) -> list[Check]:
        try:
            told = await self._looks.look(checks, self._purpose(checks, confirming))
        except (Error, TimeoutError):
            told = []
        now_ns = self._clock.mono_ns()
        found = [one for one in told if self._counts(one, now_ns)]
        contradicted = [one.check for one in found if self._conclude(one, confirming, now_ns)]
        undecided = {*checks} - {one.check for one in found}
        self._undecided += len(undecided)
        for check in checks:
            check.put_off = False
            wait_s = _RETRY_S if check in undecided else self._wanted_s(check, now_ns)
            check.due_ns = now_ns + round(wait_s * NS_PER_S)
        return contradicted

    def _purpose(self, checks: Sequence[Check], confirming: bool) -> Purpose:
        """What ends a doubt about REST is as urgent as what readers wait for who have lost their stream."""
        doubted = {check.topic.symbol for check in checks if check.topic.rest_doubted is not None}
        if doubted and any(topic.symbol in doubted and topic.loss and topic.readers for topic in self._shelf):
            return Purpose.FALLBACK
        stands = any(self._divergences.stands(check.channel, check.topic.symbol) for check in checks)
        return Purpose.VALIDATION if confirming or stands else Purpose.CROSS_CHECK

    def _counts(self, found: Found, now_ns: int) -> bool:
        """Whether a look says something: the topic is still the one, and a line that differs is alive."""
        check = found.check
        if self._checks.get((check.channel, check.topic.symbol)) is not check:
            return False
        if found.outcome.verdict is not Verdict.DIVERGED:
            return True
        return self._comparable(check, now_ns) and self._heard_ns() > found.answered_ns

    # --- the verdicts ---

    def _conclude(self, found: Found, confirming: bool, now_ns: int) -> bool:
        """Take one verdict in; whether it is to be asked about again before anything follows from it."""
        check, verdict = found.check, found.outcome.verdict
        topic = check.topic
        self._verdicts[verdict] += 1
        check.judged(verdict, now_ns)
        topic.confidence = check.confidence.score(now_ns)
        standing = self._divergences.stands(check.channel, topic.symbol)
        if verdict is Verdict.DIVERGED:
            pattern = check.differed(_look(found))
            check.follow(self._clock.mono_ns)
            if confirming or standing:
                self._contradicted(found, pattern, now_ns)
                return False
            check.contradiction = found
            return True
        if verdict is Verdict.AGREED:
            _vouch(found)
        if check.slipped(confirming) and check.contradiction is not None and not standing:
            self._contradicted(check.contradiction, "", now_ns)
        else:
            self._divergences.agreed(topic, now_ns)
        if not self._divergences.stands(check.channel, topic.symbol):
            check.unfollow()
        self._unconfirmed += confirming
        return False

    def _contradicted(self, found: Found, pattern: str, now_ns: int) -> None:
        topic, difference = found.check.topic, found.outcome.difference
        assert difference is not None
        evidence = Divergence(
            channel=found.check.channel.value,
            symbol=topic.symbol,
            what=difference.what,
            ours=f"{difference.ours:f}",
            theirs=f"{difference.theirs:f}",
            relative=difference.relative,
            asked_ns=self._desk.wall_ns(found.asked_ns),
            answered_ns=self._desk.wall_ns(found.answered_ns),
            states=len(found.states),
        )
        self._divergences.contradicted(topic, evidence, pattern, self._blamed(found, now_ns), now_ns)

    def _blamed(self, found: Found, now_ns: int) -> Source | None:
        """By majority: the stream's book is the third view of a ticker, its ticker that of a book.

        Two views of one line that both stand still prove nothing against REST; a mark price has no third.
        """
        if found.check.channel is Channel.MARK:
            return None
        shelf, symbol = self._shelf, found.check.topic.symbol
        third: Topic[Any] | None = shelf.books.get(symbol)
        if found.check.channel is Channel.BOOK:
            third = shelf.tickers.get(symbol)
        if third is None or third.value is None or not third.fresh(now_ns):
            return None
        views = [best_of(state) for state in (found.states[-1], found.rest, state_of(third.value))]
        stream, rest, other = views
        if stream is None or rest is None or other is None:
            return None
        blamed = outvoted(stream, rest, other)
        moved = third.cadence.last_ns is not None and third.cadence.last_ns >= found.asked_ns
        return None if blamed is Source.REST and not moved else blamed


def _vouch(found: Found) -> None:
    """Who agrees with a stream that has said nothing meanwhile need not be asked about its silence."""
    topic, cadence = found.check.topic, found.check.topic.cadence
    silent = topic.received and cadence.count == found.count
    if silent and topic.rest_doubted is None and found.answered_ns > cadence.vouched_ns:
        topic.vouch(found.answered_ns)


def _look(found: Found) -> Look | None:
    """The best bids of both sides, by which a difference is recognised."""
    best = best_of(found.rest)
    bids = dict.fromkeys(ours[0] for state in found.states if (ours := best_of(state)) is not None)
    if best is None or not bids:
        return None
    return Look(found.asked_ns, found.answered_ns, tuple(bids)[-_KEPT_BIDS:], best[0])

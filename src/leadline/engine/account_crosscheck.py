"""The account's stream against REST, for ever: balances and open orders, exact once nothing is under way.

Rule: while own fills, bookings or requests are in flight nothing can be said; what differs when all is quiet,
and differs again, is told, holds orders, and has the stream subscribed anew. An order that differs holds its
symbol, a balance that does what would add exposure wherever its asset is traded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import Enum

from msgspec import Struct

from leadline.clock import NS_PER_S, Clock
from leadline.core.confidence import Confidence
from leadline.core.crosscheck import Difference, Divergence
from leadline.engine.account_events import AccountLog
from leadline.engine.balances import Balances
from leadline.engine.divergences import AGREEMENTS_TO_END, KEPT_EVIDENCE, Standing
from leadline.engine.events import Diverged, Reconverged
from leadline.engine.halts import ACCOUNT_CHECK
from leadline.engine.order_news import OrderEvent, OrderNews
from leadline.engine.orders import Orders
from leadline.engine.reconcile import compare
from leadline.errors import Error
from leadline.model.account import WalletKind
from leadline.net.http import Purpose
from leadline.venues.ports import Account

SETTLE_S = 3.0
"""So long before a look, and after it, there must be no news of orders or bookings.

assumed: the venue's REST books a fill no later than this after its stream has told of it."""

SHORTEST_S = 60.0
LONGEST_S = 300.0
DOUBTED_S = 20.0
BUSY_SHARE = 0.5
"""Between two looks: the shortest while nothing is known, the longest at high confidence; while something
stands contradicted; and the part of that time while orders are live. Four points for both kinds make a fifth
of a point a second at the most, of what is beyond the reserve for all else."""

_TICK_S = 1.0
_AGAIN_S = 5.0  # after a look that in-flight news made void
_SURE, _UNSURE = 0.9, 0.5

_TRADED_WITH = (WalletKind.SPOT.value, WalletKind.FUTURES.value)

_Row = tuple[str, str, str, str, Decimal]
"""Symbol or asset, what of it, ours, theirs, and the relative difference (of orders, in words: 1)."""


class Kind(Enum):
    """What is compared; the value is the channel of its events."""

    BALANCES = "balance"
    ORDERS = "orders"


class AccountChecks(Struct, frozen=True):
    """What looks at an account have come to so far; `unsettled` ones were void: something was under way."""

    checks: int
    agreed: int
    contradicted: int
    diverged: int
    unsettled: int
    undecided: int


class _Side:
    """What is known of one kind."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.confidence = Confidence()
        self.due_ns = 0
        self.suspected = False
        self.agreements = 0
        self.since_ns: int | None = None
        """When what stands was told first; None while the sources agree."""
        self.standing: tuple[Divergence, ...] = ()
        self.held: set[str] = set()
        """Symbols or assets that orders are held for."""


class AccountCrosscheck:
    """Cross-checks one account.

    `flowing` says whether its stream can be compared now; `resubscribe` asks it for new snapshots, with the
    reason.
    """

    def __init__(
        self,
        account: Account,
        orders: Orders,
        balances: Balances,
        clock: Clock,
        log: AccountLog,
        flowing: Callable[[], bool],
        resubscribe: Callable[[str], None],
    ) -> None:
        self._account = account
        self._orders = orders
        self._balances = balances
        self._clock = clock
        self._log = log
        self._flowing = flowing
        self._resubscribe = resubscribe
        self._sides = {kind: _Side(kind) for kind in Kind}
        self._news_ns: int | None = None
        self._evidence: deque[Divergence] = deque(maxlen=KEPT_EVIDENCE)
        self._agreed = self._contradicted = self._diverged = self._unsettled = self._undecided = 0
        orders.tell(self._heard)

    def __repr__(self) -> str:
        return f"AccountCrosscheck({self.counts.checks} checks, {len(self.open)} divergences standing)"

    # --- what is known ---

    @property
    def divergences(self) -> tuple[Divergence, ...]:
        """The last two hundred disagreements with both sides, oldest first."""
        return tuple(self._evidence)

    @property
    def open(self) -> tuple[Standing, ...]:
        """What differs and has not ended."""
        return tuple(
            Standing(found, self._wall_ns(side.since_ns), "", None)
            for side in self._sides.values()
            if side.since_ns is not None
            for found in side.standing
        )

    @property
    def suspects(self) -> bool:
        """Whether the last look at either kind has found a difference."""
        return any(side.suspected for side in self._sides.values())

    def confidence(self, kind: Kind) -> float:
        """How far REST bears out what the stream has told (see `core.confidence`)."""
        return self._sides[kind].confidence.score(self._clock.mono_ns())

    def interval_s(self, kind: Kind) -> float:
        """The time between two looks; news that never settles puts a look off."""
        side = self._sides[kind]
        if side.suspected or side.since_ns is not None:
            return DOUBTED_S
        sure = (self.confidence(kind) - _UNSURE) / (_SURE - _UNSURE)
        interval_s = SHORTEST_S + (LONGEST_S - SHORTEST_S) * min(max(sure, 0.0), 1.0)
        return max(DOUBTED_S, interval_s * BUSY_SHARE) if self._orders.live() else interval_s

    @property
    def counts(self) -> AccountChecks:
        """What has happened so far."""
        return AccountChecks(
            checks=self._agreed + self._contradicted + self._unsettled + self._undecided,
            agreed=self._agreed,
            contradicted=self._contradicted,
            diverged=self._diverged,
            unsettled=self._unsettled,
            undecided=self._undecided,
        )

    # --- the schedule ---

    async def run(self) -> None:
        """Look at what is due, for ever."""
        for side in self._sides.values():
            side.due_ns = self._clock.mono_ns() + round(SHORTEST_S * NS_PER_S)
        while True:
            await self._clock.sleep(_TICK_S)
            self._balances.confidence = self.confidence(Kind.BALANCES)
            for side in self._sides.values():
                if self._clock.mono_ns() >= side.due_ns and self._flowing():
                    wait_s = await self._look(side)
                    side.due_ns = self._clock.mono_ns() + round(wait_s * NS_PER_S)

    async def _look(self, side: _Side) -> float:
        """Look once at one kind; the seconds until it is looked at again."""
        asked_ns = self._clock.mono_ns()
        if self._unsettled_since(asked_ns - round(SETTLE_S * NS_PER_S)):
            return _AGAIN_S
        try:
            differing = await self._differing(side.kind, asked_ns)
        except Error:
            self._undecided += 1
            return SHORTEST_S
        if differing is None:
            self._unsettled += 1
            return _AGAIN_S
        if differing:
            self._differ(side, differing)
        else:
            self._agree(side)
        return self.interval_s(side.kind)

    async def _differing(self, kind: Kind, asked_ns: int) -> list[Divergence] | None:
        """What differs once all is quiet; None where it was not."""
        ask = self._ask_balances if kind is Kind.BALANCES else self._ask_orders
        compare_now = await ask(asked_ns)
        answered_ns = self._clock.mono_ns()
        await self._clock.sleep(SETTLE_S)
        if not self._flowing() or self._unsettled_since(asked_ns - round(SETTLE_S * NS_PER_S)):
            return None
        asked, answered = self._wall_ns(asked_ns), self._wall_ns(answered_ns)
        return [Divergence(kind.value, *row, asked, answered) for row in compare_now()]

    async def _ask_balances(self, asked_ns: int) -> Callable[[], list[_Row]]:
        snapshot, _ = await self._balances.fetch(Purpose.CROSS_CHECK)

        def compare_now() -> list[_Row]:
            return [
                (
                    drift.asset,
                    drift.wallet,
                    f"{drift.ours:f}",
                    f"{drift.theirs:f}",
                    Difference(drift.asset, drift.ours, drift.theirs).relative,
                )
                for drift in self._balances.differences(snapshot)
            ]

        return compare_now

    async def _ask_orders(self, asked_ns: int) -> Callable[[], list[_Row]]:
        told = await self._account.fetch_open_orders(Purpose.CROSS_CHECK)

        def compare_now() -> list[_Row]:
            named = (self._orders.get(report.order_id) for report in told)
            known = {order.key: order for order in (*self._orders.open(), *named) if order is not None}
            differing = compare(known.values(), told, asked_ns).differing
            return [(symbol, "open orders", ours, theirs, Decimal(1)) for symbol, ours, theirs in differing]

        return compare_now

    def _unsettled_since(self, since_ns: int) -> bool:
        """Whether something of ours has moved since then, or is under way."""
        moved_ns = max(self._news_ns or since_ns, self._balances.booked_ns or since_ns)
        return moved_ns > since_ns or bool(self._orders.unknown())

    def _heard(self, news: OrderNews) -> None:
        if isinstance(news, OrderEvent):
            self._news_ns = self._clock.mono_ns()

    # --- the verdicts ---

    def _agree(self, side: _Side) -> None:
        now_ns = self._clock.mono_ns()
        self._agreed += 1
        side.confidence.agreed(now_ns)
        side.suspected = False
        side.agreements += 1
        if side.since_ns is None or side.agreements < AGREEMENTS_TO_END:
            return
        lasted_s = (now_ns - side.since_ns) / NS_PER_S
        for symbol in dict.fromkeys(found.symbol for found in side.standing):
            self._log.add(Reconverged(side.kind.value, symbol, lasted_s))
        self._let_go(side, set(side.held))
        side.since_ns, side.standing = None, ()

    def _differ(self, side: _Side, differing: Sequence[Divergence]) -> None:
        """One look that differs is looked at again soon; the second in a row is told and has consequences."""
        now_ns = self._clock.mono_ns()
        self._contradicted += 1
        side.confidence.disagreed(now_ns)
        side.agreements = 0
        confirmed, side.suspected = side.suspected, True
        if not confirmed:
            return
        self._evidence.extend(differing)
        known = {(found.symbol, found.what) for found in side.standing}
        side.standing = tuple(differing)
        if side.since_ns is None:
            side.since_ns = now_ns
            self._diverged += 1
        news = [found for found in differing if (found.symbol, found.what) not in known]
        for found in news:
            self._log.add(_event(found))
            self._hold(side, found)
        self._let_go(side, side.held - {found.symbol for found in differing})
        if news:
            self._resubscribe(f"stream and REST differ: {news[0].what} of {news[0].symbol}")

    def _hold(self, side: _Side, found: Divergence) -> None:
        why = f"stream and REST differ: {found.ours}, REST {found.theirs}"
        if side.kind is Kind.ORDERS:
            self._orders.halt(found.symbol, why, ACCOUNT_CHECK)
        elif found.what in _TRADED_WITH:
            self._orders.doubt_balance(found.symbol, why)
        else:
            return
        side.held.add(found.symbol)

    def _let_go(self, side: _Side, names: set[str]) -> None:
        for name in sorted(names):
            if side.kind is Kind.ORDERS:
                self._orders.resume(name, "stream and REST agree again", ACCOUNT_CHECK)
            else:
                self._orders.trust_balance(name)
        side.held -= names

    def _wall_ns(self, mono_ns: int) -> int:
        return self._clock.wall_ns() - (self._clock.mono_ns() - mono_ns)


def _event(found: Divergence) -> Diverged:
    return Diverged(found.channel, found.symbol, found.what, found.ours, found.theirs, "", None)

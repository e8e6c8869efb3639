"""Observations to a service level, and what each level permits: two tables and nothing beside them.

Rule: a worse observation never gives a better level; the level worsens at once, and improves only when the
better state has proven itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum, IntEnum

from msgspec import Struct

from leadline.core.breaker import BreakerState
from leadline.model.level import Level
from leadline.model.market import VenueMode

_S = 1_000_000_000

FAILING = 2
"""Requests in a row that must have failed before REST counts as failing: one may fail by chance."""

CLOCK_OFFSET_S = 5.0
"""Farther apart than this our clock and the venue's make deadlines and ages doubtful."""

PROVING_S = 10.0
OUTAGE_PROVING_S = 3.0
RELAPSES = 3
RELAPSE_WINDOW_S = 300.0
UNSTEADY_PROVING_S = 60.0
"""A reason that began three times in five minutes must have been gone for so long before it is believed.

What was not gone for the usual proof has not begun again: nobody would have believed that it was over.
"""

STARTING_S = 60.0
"""Until all was well once, at most for so long, improvements count at once: nothing has relapsed yet."""


class Deed(Enum):
    """What somebody wants done, by what it can do to the account."""

    CANCEL = "cancel"
    LOOK_UP = "look up"  # what became of an order; balances and open orders in an emergency
    REDUCE = "reduce"  # an order that can only make exposure smaller
    CHANGE = "change"  # of an open order
    INCREASE = "increase"  # any other order
    READ = "read"  # whatever else is asked of the account
    BACKGROUND = "background"  # history and cross-checks: nobody waits for them


_SAFE = frozenset({Deed.CANCEL, Deed.LOOK_UP})

PERMITS: Mapping[Level, frozenset[Deed]] = {
    Level.FULL: frozenset(Deed),
    Level.DEGRADED: frozenset(Deed),  # INCREASE only where the symbol's own book is fresh and proven
    Level.EMERGENCY_ONLY: _SAFE,
    Level.OUTAGE: _SAFE,  # tried at once; whether they arrive is another matter
}
"""What each level lets leave."""


class AccountView(IntEnum):
    """How far the account is known; higher numbers are worse."""

    NONE = 0  # there is no account
    READY = 1  # its stream flows, and it was reconciled
    STREAM_LOST = 2  # by REST only, or its stream is back and not reconciled yet
    UNKNOWN = 3  # never reconciled, or neither stream nor REST tells of it


class Observation(Struct, frozen=True, kw_only=True):
    """How things stand at one moment; the defaults are those of one that lacks nothing.

    `required` streams are those the system waits for; `live` of them flow and are proven, `by_rest` are
    served by REST. `missing` names one that is not live, and why. `lines_down_s` is how long no line, public
    or private, has stood (None: one stands). Failures are those in a row, without an answer since.
    """

    required: int = 0
    live: int = 0
    by_rest: int = 0
    missing: str = ""
    account: AccountView = AccountView.NONE
    account_lost_s: float = 0.0
    lines_down_s: float | None = None
    public_failures: int = 0
    public_limited: bool = False
    private_failures: int = 0
    breaker: BreakerState = BreakerState.CLOSED
    mode: VenueMode = VenueMode.ONLINE
    divergences: int = 0
    clock_offset_s: float = 0.0


class Rule(Struct, frozen=True):
    """One row: where the condition holds the level is at least this bad, for this reason.

    The row goes on standing until the condition has been gone for `proving_s`; 0 where its end is proof in
    itself, because the venue, an operator or a comparison has said so.
    """

    name: str
    level: Level
    holds: Callable[[Observation], bool]
    reason: Callable[[Observation], str]
    proving_s: float = PROVING_S
    covered_by: str = ""
    """The row whose reason says more; while that stands this one's is not told."""


class Verdict(Struct, frozen=True):
    """A level and why; no reasons where it is FULL."""

    level: Level
    reasons: tuple[str, ...] = ()


FULL = Verdict(Level.FULL)


def _rest_fails(seen: Observation) -> bool:
    """Whether no request by REST gets through; one of the two ways is enough."""
    private = seen.account is AccountView.NONE or seen.private_failures >= FAILING
    return seen.public_failures >= FAILING and private


def _offset(seen: Observation) -> float:
    return abs(seen.clock_offset_s)


_RESTING = frozenset({VenueMode.CANCEL_ONLY, VenueMode.MAINTENANCE})
_LIMITED = frozenset({VenueMode.POST_ONLY, VenueMode.LIMIT_ONLY, VenueMode.UNKNOWN})

RULES: tuple[Rule, ...] = (
    Rule(
        "unreachable",
        Level.OUTAGE,
        lambda seen: seen.lines_down_s is not None and _rest_fails(seen),
        lambda seen: (
            f"no line has stood for {seen.lines_down_s or 0.0:.1f} s,"
            f" and the last {seen.public_failures} requests by REST failed"
        ),
        OUTAGE_PROVING_S,
    ),
    Rule(
        "blind",
        Level.EMERGENCY_ONLY,
        lambda seen: seen.required > 0 and seen.live == 0,
        lambda seen: (
            f"none of {seen.required} required streams is live"
            f" ({seen.by_rest} served by REST){_such_as(seen.missing)}"
        ),
    ),
    Rule(
        "account unknown",
        Level.EMERGENCY_ONLY,
        lambda seen: seen.account is AccountView.UNKNOWN,
        lambda seen: (
            f"the account has been unknown for {seen.account_lost_s:.1f} s:"
            " neither its stream nor REST has told of it"
        ),
    ),
    Rule(
        "venue rests",
        Level.EMERGENCY_ONLY,
        lambda seen: seen.mode in _RESTING,
        lambda seen: f"the venue is in {seen.mode.value} mode and takes no new orders",
        0.0,
    ),
    Rule(
        "streams missing",
        Level.DEGRADED,
        lambda seen: seen.live < seen.required,
        lambda seen: (
            f"{seen.required - seen.live} of {seen.required} required streams not live"
            f" ({seen.by_rest} served by REST){_such_as(seen.missing)}"
        ),
        covered_by="blind",
    ),
    Rule(
        "account by REST",
        Level.DEGRADED,
        lambda seen: seen.account >= AccountView.STREAM_LOST,
        lambda seen: f"the account has been known by REST only for {seen.account_lost_s:.1f} s",
        covered_by="account unknown",
    ),
    Rule(
        "REST fails",
        Level.DEGRADED,
        lambda seen: seen.public_failures >= FAILING,
        lambda seen: f"the last {seen.public_failures} public requests by REST failed",
    ),
    Rule(
        "REST limited",
        Level.DEGRADED,
        lambda seen: seen.public_limited,
        lambda seen: "the venue limits our requests by REST",
    ),
    Rule(
        "account REST fails",
        Level.DEGRADED,
        lambda seen: seen.private_failures >= FAILING,
        lambda seen: f"the last {seen.private_failures} requests of the account by REST failed",
    ),
    Rule(
        "breaker",
        Level.DEGRADED,
        lambda seen: seen.breaker is not BreakerState.CLOSED,
        lambda seen: f"the breaker is {seen.breaker.value}",
        0.0,
    ),
    Rule(
        "venue limits",
        Level.DEGRADED,
        lambda seen: seen.mode in _LIMITED,
        lambda seen: f"the venue is in {seen.mode.value} mode",
        0.0,
    ),
    Rule(
        "divergence",
        Level.DEGRADED,
        lambda seen: seen.divergences > 0,
        lambda seen: f"{_values_differ(seen.divergences)} between stream and REST",
        0.0,
    ),
    Rule(
        "clock",
        Level.DEGRADED,
        lambda seen: _offset(seen) > CLOCK_OFFSET_S,
        lambda seen: (
            f"our clock and the venue's are {_offset(seen):.1f} s apart (at most {CLOCK_OFFSET_S:g})"
        ),
    ),
)
"""Worst level first; the order of the rows is that of the reasons."""


def _values_differ(count: int) -> str:
    return "1 value differs" if count == 1 else f"{count} values differ"


def _such_as(missing: str) -> str:
    return f", such as {missing}" if missing else ""


def judge(seen: Observation) -> Verdict:
    """The level of one observation by itself, and why."""
    return _verdict({rule.name: rule.reason(seen) for rule in RULES if rule.holds(seen)})


def _verdict(standing: Mapping[str, str]) -> Verdict:
    """The verdict of the rows that stand, with their reasons."""
    rules = [rule for rule in RULES if rule.name in standing]
    level = max((rule.level for rule in rules), default=Level.FULL)
    return Verdict(level, tuple(standing[rule.name] for rule in rules if rule.covered_by not in standing))


class _Standing:
    """One row of the table: whether it stands, and how often it began of late."""

    __slots__ = ("begun", "gone_ns", "reason", "stands")

    def __init__(self) -> None:
        self.stands = False
        self.reason = ""
        self.gone_ns: int | None = None
        self.begun: deque[int] = deque(maxlen=RELAPSES)

    def holds(self, reason: str, proving_s: float, now_ns: int, *, counts: bool) -> None:
        """The condition holds; where it `counts` and was gone for its usual proof, it has begun once more."""
        gone_s = 0.0 if self.gone_ns is None else (now_ns - self.gone_ns) / _S
        if counts and (not self.stands or gone_s >= proving_s > 0):
            self.begun.append(now_ns)
        self.stands, self.gone_ns, self.reason = True, None, reason

    def gone(self, proving_s: float, now_ns: int) -> None:
        """The condition does not hold; the row falls when that has been so for long enough."""
        if self.gone_ns is None:
            self.gone_ns = now_ns
        if now_ns - self.gone_ns >= round(proving_s * _S):
            self.stands, self.gone_ns = False, None

    def unsteady(self, now_ns: int) -> bool:
        window_ns = round(RELAPSE_WINDOW_S * _S)
        return len(self.begun) == RELAPSES and now_ns - self.begun[0] < window_ns


class Hysteresis:
    """Keeps every row standing until its condition has been gone for the row's proving time.

    So the level worsens at once and improves by one step or several as the rows fall. A row that began
    `RELAPSES` times within `RELAPSE_WINDOW_S` has to be gone for `UNSTEADY_PROVING_S`.
    """

    def __init__(self) -> None:
        self._rows = {rule.name: _Standing() for rule in RULES}
        self._starting_ns: int | None = None
        self._started = False
        self.observed = FULL
        """The last observation by itself."""

    def judge(self, seen: Observation, now_ns: int) -> Verdict:
        """The level to act on at this monotonic time, and why."""
        self.observed = judge(seen)
        starting = self._is_starting(now_ns)
        standing: dict[str, str] = {}
        for rule in RULES:
            row = self._rows[rule.name]
            if rule.holds(seen):
                row.holds(rule.reason(seen), rule.proving_s, now_ns, counts=not starting)
            elif row.stands:
                proving_s = 0.0 if starting else self._proving_s(rule, row, now_ns)
                row.gone(proving_s, now_ns)
            if row.stands:
                standing[rule.name] = _told(row, now_ns)
        return _verdict(standing)

    def _is_starting(self, now_ns: int) -> bool:
        if self._starting_ns is None:
            self._starting_ns = now_ns
        starting = not self._started
        overdue = now_ns - self._starting_ns >= round(STARTING_S * _S)
        self._started = self._started or self.observed.level is Level.FULL
        return starting and not overdue

    def _proving_s(self, rule: Rule, row: _Standing, now_ns: int) -> float:
        if rule.proving_s and row.unsteady(now_ns):
            return max(rule.proving_s, UNSTEADY_PROVING_S)
        return rule.proving_s


def _told(row: _Standing, now_ns: int) -> str:
    if row.gone_ns is None:
        return row.reason
    return f"{row.reason}; over for {(now_ns - row.gone_ns) / _S:.1f} s, which must prove itself"

"""The key figures of a running system and how it stands, as frozen values: what its control socket answers.

Rule: every figure is measured; what is not known is None, and never a guess.
"""

from __future__ import annotations

from msgspec import Struct

from leadline.app.start import Phase
from leadline.engine.account_crosscheck import AccountChecks
from leadline.engine.gaps import GapCounts
from leadline.engine.lines import LineState
from leadline.engine.orders import OrderCounts
from leadline.engine.recoveries import RecoveryCounts
from leadline.engine.stats import FailoverCounts, ReadingCounts, Share
from leadline.engine.topic_state import State
from leadline.engine.validator import ValidationCounts
from leadline.model.order import OrderState


class LevelReport(Struct, frozen=True):
    """The service level by its name, why it is no better, and whether a person has set it."""

    name: str
    reasons: tuple[str, ...] = ()
    forced: bool = False


class LineReport(Struct, frozen=True):
    """One connection and its route: one of the venue's public ones, or "private"."""

    route: str
    state: LineState


class SwitchReport(Struct, frozen=True):
    """Hand-overs of readers from line to line, from the noticing of the cause to the last value."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float


class StreamReport(Struct, frozen=True):
    """A stream that is not as wanted, and why."""

    stream: str
    state: State
    reason: str


class StreamsReport(Struct, frozen=True):
    """All streams wanted, by state, and some of those in trouble."""

    wanted: int
    receiving: int
    by_state: dict[State, int]
    troubled: tuple[StreamReport, ...]


class DivergenceReport(Struct, frozen=True):
    """One difference between sources that stands now: both sides, what kind it is, who is not believed."""

    channel: str
    symbol: str
    what: str
    ours: str
    theirs: str
    pattern: str
    blamed: str | None


class DoubtReport(Struct, frozen=True):
    """A stream that a second source has contradicted more than borne out of late."""

    channel: str
    symbol: str
    confidence: float


class ChecksReport(Struct, frozen=True):
    """What comparing streams with REST has come to."""

    market: ValidationCounts
    account: AccountChecks | None
    open: tuple[DivergenceReport, ...]
    doubted: tuple[DoubtReport, ...]


class BudgetReport(Struct, frozen=True):
    """How much of a budget is spent now, in the venue's points."""

    name: str
    spent: float
    limit: float


class CheckpointReport(Struct, frozen=True):
    """How many checkpoints were kept, and how long ago the last one was; None before the first."""

    kept: int
    age_s: float | None


class AccountReport(Struct, frozen=True):
    """One account: how it stands with the venue, its orders by state, and how old its balances are."""

    name: str
    ready: bool
    breaker: str
    trips: int
    operations: int
    orders: OrderCounts
    by_state: dict[OrderState, int]
    assets: int | None
    balances_age_s: float | None


class Report(Struct, frozen=True, kw_only=True):
    """The key figures of a running system at one moment.

    `started` has the seconds from the beginning to each phase of the start; `not_ready` is empty exactly when
    the system was ready once. `memory_mb` is resident memory, None where the platform does not tell.
    """

    version: str
    pid: int
    venue: str
    emulated: bool
    uptime_s: float
    started: dict[Phase, float]
    not_ready: str
    level: LevelReport | None
    recoveries: RecoveryCounts | None
    lines: tuple[LineReport, ...]
    switches: SwitchReport
    streams: StreamsReport
    readings: ReadingCounts
    shares: tuple[Share, ...]
    gaps: GapCounts
    failovers: FailoverCounts
    checks: ChecksReport
    frames_skipped: int
    loop_blocks: int
    budgets: tuple[BudgetReport, ...]
    account: AccountReport | None
    checkpoints: CheckpointReport | None
    memory_mb: float | None
    alerts: tuple[str, ...] = ()
    """Those that fire."""
    recommendations: tuple[str, ...] = ()


class Status(Struct, frozen=True):
    """How a running system and its venue stand."""

    venue: str
    mode: str | None
    text: str
    account: str | None
    breaker: str | None
    level: LevelReport | None
    not_ready: str

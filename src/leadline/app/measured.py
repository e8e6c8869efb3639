"""Reads the key figures off the parts of a running system, changing nothing."""

from __future__ import annotations

import os
import sys
from collections import Counter
from importlib.metadata import version

from leadline.app.monitoring import Watching
from leadline.app.report import (
    AccountReport,
    BudgetReport,
    CheckpointReport,
    ChecksReport,
    DivergenceReport,
    DoubtReport,
    LevelReport,
    LineReport,
    Report,
    Status,
    StreamReport,
    StreamsReport,
    SwitchReport,
)
from leadline.app.settings import Settings
from leadline.app.start import Phase, Start
from leadline.app.system import System
from leadline.clock import NS_PER_MS, NS_PER_S
from leadline.engine.divergences import Standing
from leadline.engine.stats import FeedStats
from leadline.engine.topic_state import RECEIVING
from leadline.model.market import Channel, VenueStatus
from leadline.model.reading import UNVALIDATED

MOST_TOLD = 20
"""Streams in trouble, differences and doubts are told one by one up to so many; all are counted."""

_CHECKED = (Channel.TICKER, Channel.BOOK, Channel.MARK)


def report_of(
    system: System, settings: Settings, start: Start, not_ready: str, watching: Watching | None = None
) -> Report:
    """The figures of a system now; it may still be starting, and nobody be watching yet."""
    stats, entered = system.feed.stats, Phase.STATE in start.after_s
    return Report(
        version=version("leadline"),
        pid=os.getpid(),
        venue=system.market.name,
        emulated=settings.emulator is not None,
        uptime_s=round(start.elapsed_s, 3),
        started={phase: round(after_s, 3) for phase, after_s in start.after_s.items()},
        not_ready=not_ready,
        level=level_of(system),
        recoveries=system.levels.recoveries if hasattr(system, "levels") else None,
        lines=_lines(system),
        switches=_switches(system),
        streams=_streams(stats),
        readings=stats.readings,
        shares=stats.shares,
        gaps=stats.gaps,
        failovers=stats.failovers,
        checks=_checks(system, stats),
        frames_skipped=stats.frames_skipped,
        loop_blocks=stats.loop_blocks,
        budgets=_budgets(system),
        account=_account(system) if entered else None,
        checkpoints=_checkpoints(system),
        memory_mb=memory_mb(),
        alerts=() if watching is None else watching.firing,
        recommendations=() if watching is None else watching.recommendations,
    )


def status_of(system: System, venue: VenueStatus | None, not_ready: str) -> Status:
    """How a system stands now; `venue` is the last it said of itself."""
    account = system.account
    breaker = None
    if account is not None and account.opened:
        breaker = account.breaker.state(system.clock.mono_ns()).value
    return Status(
        system.market.name,
        None if venue is None else venue.mode.value,
        "" if venue is None else venue.text,
        None if account is None else account.name,
        breaker,
        level_of(system),
        not_ready,
    )


def level_of(system: System) -> LevelReport | None:
    """The service level; None while nobody judges it yet."""
    if not hasattr(system, "levels"):
        return None
    levels = system.levels
    return LevelReport(levels.level.name, levels.reasons, levels.forced is not None)


def memory_mb() -> float | None:
    """Resident memory of this process in megabytes, now where the platform tells, else at its most."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123  a Path costs more than the read
            pages = int(file.read().split()[1])
        return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)
    except OSError:
        pass
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1e6 if sys.platform == "darwin" else 1e3), 1)


def _lines(system: System) -> tuple[LineReport, ...]:
    found = [LineReport(line.route, line) for line in system.lines.lines]
    if system.account is not None and system.account.opened:
        found += [LineReport("private", line) for line in system.account.desk.lines.lines]
    return tuple(found)


def _switches(system: System) -> SwitchReport:
    took = system.lines.switches
    p50, p99, most = (round(ns / NS_PER_MS, 3) for ns in (took.quantile(0.5), took.quantile(0.99), took.max))
    return SwitchReport(took.count, p50, p99, most)


def _streams(stats: FeedStats) -> StreamsReport:
    troubled = [topic for topic in stats.topics if topic.state not in RECEIVING]
    return StreamsReport(
        stats.wanted,
        stats.receiving,
        dict(Counter(topic.state for topic in stats.topics)),
        tuple(StreamReport(str(one.subscription), one.state, one.reason) for one in troubled[:MOST_TOLD]),
    )


def _checks(system: System, stats: FeedStats) -> ChecksReport:
    validator, account = system.feed.validator, system.account
    standing = validator.open
    counts = None
    if account is not None and account.opened:
        standing += account.desk.crosscheck.open
        counts = account.desk.crosscheck.counts
    doubts = [
        DoubtReport(channel.value, symbol, round(validator.confidence(channel, symbol), 3))
        for channel, symbol in dict.fromkeys(
            (topic.subscription.channel, topic.subscription.symbol) for topic in stats.topics
        )
        if channel in _CHECKED and validator.confidence(channel, symbol) < UNVALIDATED
    ]
    doubts.sort(key=lambda doubt: doubt.confidence)
    told = tuple(map(_divergence, standing[:MOST_TOLD]))
    return ChecksReport(validator.counts, counts, told, tuple(doubts[:MOST_TOLD]))


def _divergence(standing: Standing) -> DivergenceReport:
    found, blamed = standing.divergence, standing.blamed
    return DivergenceReport(
        found.channel,
        found.symbol,
        found.what,
        found.ours,
        found.theirs,
        standing.pattern,
        None if blamed is None else blamed.value,
    )


def _budgets(system: System) -> tuple[BudgetReport, ...]:
    now_ns, account = system.clock.mono_ns(), system.account
    found = [BudgetReport("connects", system.connects.spent(now_ns), system.connects.most)]
    if system.http is not None:
        budget = system.http.budget.read(now_ns)
        found.insert(0, BudgetReport("public requests", round(budget.level(now_ns), 3), budget.limit))
    if account is not None and account.opened:
        spent = account.spent(now_ns)
        found.append(BudgetReport("private requests", round(spent.requests, 3), spent.requests_limit))
        found.append(BudgetReport("fullest order counter", round(spent.orders, 3), spent.orders_limit))
    return tuple(found)


def _checkpoints(system: System) -> CheckpointReport | None:
    kept = system.checkpoints
    if kept is None:
        return None
    age_ns = None if kept.saved_ns is None else system.clock.mono_ns() - kept.saved_ns
    return CheckpointReport(kept.saved, None if age_ns is None else round(age_ns / NS_PER_S, 3))


def _account(system: System) -> AccountReport | None:
    account = system.account
    if account is None:
        return None
    desk, now_ns = account.desk, system.clock.mono_ns()
    balances = desk.balances.known()
    return AccountReport(
        account.name,
        desk.streaming,
        account.breaker.state(now_ns).value,
        len(account.breaker.trips),
        account.audit.count,
        desk.orders.counts,
        dict(Counter(order.state for order in desk.orders.live())),
        None if balances is None else len(balances.value),
        None if balances is None else round(balances.age_s, 3),
    )

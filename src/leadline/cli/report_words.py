"""The key figures of a running system in plain words, a line for each matter."""

from __future__ import annotations

from collections.abc import Iterator

from leadline.app.durations import span
from leadline.app.report import AccountReport, ChecksReport, Report
from leadline.cli.level_words import level_line
from leadline.cli.words import age


def words(report: Report) -> Iterator[str]:
    """Line by line; what there is nothing to say of is left out."""
    where = f"{report.venue}, emulated" if report.emulated else report.venue
    yield f"{where}: running for {span(round(report.uptime_s))} as process {report.pid}"
    yield f"not ready: {report.not_ready}" if report.not_ready else _ready(report)
    yield from _level(report)
    yield from _lines(report)
    yield from _streams(report)
    yield from _reads(report)
    yield from _checks(report.checks)
    if report.account is not None:
        yield from _account(report.account)
    yield from _means(report)
    for alert in report.alerts:
        yield f"alert: {alert}"
    for advice in report.recommendations:
        yield f"→ {advice}"


def _ready(report: Report) -> str:
    return f"ready after {age(max(report.started.values(), default=0.0))}"


def _level(report: Report) -> Iterator[str]:
    yield level_line(report.level)
    found = report.recoveries
    if found is not None and found.begun:
        took = f", half within {age(found.p50_s)}, all within {age(found.max_s)}" if found.ended else ""
        yield f"recoveries: {found.ended} of {found.begun} ended{took}"


def _lines(report: Report) -> Iterator[str]:
    for route_line in report.lines:
        line = route_line.state
        stands = f"carries {line.carried} streams, {line.warm} are ready on it"
        if not line.connected:
            stands = f"not connected ({line.last_error or 'no reason known'})"
        yield f"{route_line.route} line {line.number}: {stands}"
    switches = report.switches
    if switches.count:
        yield f"changes of line: {switches.count}, the slowest in {switches.max_ms:.1f} ms"


def _streams(report: Report) -> Iterator[str]:
    streams = report.streams
    yield f"streams: {streams.receiving} of {streams.wanted} receiving"
    for one in streams.troubled:
        yield f"  {one.stream}: {one.state.value}, {one.reason}"


def _reads(report: Report) -> Iterator[str]:
    readings, gaps, failovers = report.readings, report.gaps, report.failovers
    yield f"readings: {readings.stream} from streams, {readings.rest} from REST, {readings.cache} cached"
    shares = [f"{one.share:.1%} in {span(one.window_s)}" for one in report.shares if one.share is not None]
    if shares:
        yield f"from streams: {', '.join(shares)}"
    yield f"gaps: {gaps.total}; {gaps.open} open, {gaps.filled} filled, {gaps.unfilled} not to be filled"
    slowest = f", the slowest in {failovers.max_ms:.1f} ms" if failovers.count else ""
    yield f"changes to REST: {failovers.count}{slowest}"
    if report.frames_skipped:
        yield f"messages not understood: {report.frames_skipped}"
    if report.loop_blocks:
        yield f"the event loop was blocked {report.loop_blocks} times"


def _checks(checks: ChecksReport) -> Iterator[str]:
    looks, agreed = checks.market.checks, checks.market.agreed + checks.market.within_tolerance
    if checks.account is not None:
        looks, agreed = looks + checks.account.checks, agreed + checks.account.agreed
    yield f"checks against REST: {looks}, {agreed} agreed; {len(checks.open)} differences stand"
    for one in checks.open:
        kind = f" ({one.pattern})" if one.pattern else ""
        where = f"{one.channel} {one.symbol}: {one.what}"
        yield f"  {where} is {one.ours} on the stream and {one.theirs} by REST{kind}"
    for doubt in checks.doubted:
        yield f"  {doubt.channel} {doubt.symbol}: confidence {doubt.confidence:.2f}"


def _account(account: AccountReport) -> Iterator[str]:
    stands = "its news flows" if account.ready else "its stream is not up"
    yield f"account {account.name}: {stands}; the breaker is {account.breaker.replace('_', ' ')}"
    orders = account.orders
    counts = f"{orders.open} open, {orders.unconfirmed} unconfirmed, {orders.queued} waiting"
    yield f"orders: {counts}; {orders.fills} fills"
    if account.balances_age_s is not None:
        yield f"balances: {account.assets} assets, {age(account.balances_age_s)} old"


def _means(report: Report) -> Iterator[str]:
    yield "budgets: " + ", ".join(f"{one.name} {one.spent:g} of {one.limit:g}" for one in report.budgets)
    kept = report.checkpoints
    if kept is not None and kept.age_s is not None:
        yield f"checkpoints: {kept.kept}, the last {age(kept.age_s)} ago"
    if report.memory_mb is not None:
        yield f"memory: {report.memory_mb:.0f} MB"

"""Everything measured, as Prometheus metrics: read from the system when asked for, kept nowhere else.

Rule: labels are bounded; beyond `most_symbols` instruments the rest are summed up under the symbol "other".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from leadline.app.account import LiveAccount
from leadline.app.account_metrics import account_metrics, account_times
from leadline.app.metric_rows import Row, one, timed, told
from leadline.app.stream_metrics import check_metrics, read_metrics, stream_metrics, time_metrics
from leadline.app.system import System
from leadline.clock import NS_PER_S
from leadline.core.samples import Sample
from leadline.model.market import VenueMode


class SystemMetrics(Collector):
    """The metrics of one system that has been entered; `most_symbols` bounds the label `symbol`."""

    def __init__(self, system: System, most_symbols: int) -> None:
        self._system = system
        self._most_symbols = most_symbols
        self._begun_ns = system.clock.mono_ns()

    def collect(self) -> Iterable[Metric]:
        """Every metric as it is now."""
        yield from self._figures()
        yield from self._times()

    def describe(self) -> Iterable[Metric]:
        """Nothing: what there is to tell depends on the moment."""
        return ()

    def samples(self) -> list[Sample]:
        """All but the histograms, for rules of alerts."""
        return [
            Sample(sample.name, tuple(sorted(sample.labels.items())), sample.value)
            for family in self._figures()
            for sample in family.samples
        ]

    def _figures(self) -> Iterator[Metric]:
        system, account = self._system, self._account
        stats = system.feed.stats
        yield from self._whole()
        yield from self._lines()
        yield from stream_metrics(system.feed, stats, self._most_symbols, system.lines.stands)
        skipped: list[Row] = [(("public",), stats.frames_skipped)]
        if account is not None:
            skipped.append((("private",), account.desk.skipped))
        yield told("leadline_frames_skipped", skipped)
        yield from read_metrics(system.feed, stats, system.tallies)
        yield from self._checks()
        yield from self._requests()
        if account is not None:
            yield from account_metrics(account, system.clock)

    def _times(self) -> Iterator[Metric]:
        system, account = self._system, self._account
        yield timed("leadline_recovery_seconds", [((), system.levels.recovery_times)])
        yield timed("leadline_line_switch_seconds", [((), system.lines.switches)])
        yield from time_metrics(system.feed)
        if system.http is not None:
            yield timed("leadline_round_trip_seconds", [((), system.http.round_trips)])
        if account is not None:
            yield from account_times(account)

    @property
    def _account(self) -> LiveAccount | None:
        account = self._system.account
        return account if account is not None and account.opened else None

    def _whole(self) -> Iterator[Metric]:
        system, now_ns = self._system, self._system.clock.mono_ns()
        yield one("leadline_uptime_seconds", (now_ns - self._begun_ns) / NS_PER_S)
        levels = system.levels
        yield one("leadline_level", levels.level)
        spent = levels.spent_ns.items()
        yield told("leadline_level_seconds", [((each.name,), ns / NS_PER_S) for each, ns in spent])
        yield one("leadline_level_forced", levels.forced is not None)
        counts = levels.recoveries
        yield one("leadline_recoveries", counts.ended)
        outcomes: list[Row] = [(("succeeded",), counts.succeeded), (("failed",), counts.failed)]
        yield told("leadline_recovery_attempts", outcomes)
        checkpoints = system.checkpoints
        if checkpoints is not None:
            if checkpoints.saved_ns is not None:
                yield one("leadline_checkpoint_age_seconds", (now_ns - checkpoints.saved_ns) / NS_PER_S)
            yield one("leadline_checkpoint_failing", checkpoints.failing)
        mode = system.tallies.mode
        yield told("leadline_venue_mode", [((each.value,), each is mode) for each in VenueMode])
        yield one("leadline_loop_blocked", system.feed.loop_watch.count)

    def _lines(self) -> Iterator[Metric]:
        states = [((state.route, str(state.number)), state) for state in self._system.lines.lines]
        if self._account is not None:
            lines = self._account.desk.lines.lines
            states += [(("private", str(state.number)), state) for state in lines]
        yield told("leadline_line_connected", [(names, state.connected) for names, state in states])
        yield told("leadline_line_age_seconds", [(names, state.since_s or 0.0) for names, state in states])
        yield told("leadline_line_silent_seconds", [(names, state.silent_s) for names, state in states])
        yield told("leadline_line_connects", [(names, state.connects) for names, state in states])
        yield told("leadline_line_carried", [(names, state.carried) for names, state in states])
        yield told("leadline_line_warm", [(names, state.warm) for names, state in states])
        spent = self._system.connects.spent(self._system.clock.mono_ns())
        yield one("leadline_connects_spent", spent)
        yield one("leadline_connects_limit", self._system.connects.most)
        books = self._system.lines.book_messages
        verdicts: list[Row] = [
            (("proven",), books.proven),
            (("wrong",), books.wrong),
            (("unsynced",), books.unsynced),
            (("unchecked",), books.unchecked),
        ]
        yield told("leadline_book_messages", verdicts)

    def _checks(self) -> Iterator[Metric]:
        account = self._account
        market = self._system.feed.validator.counts
        rows: list[Row] = [
            (("market", "agreed"), market.agreed),
            (("market", "within_tolerance"), market.within_tolerance),
            (("market", "contradicted"), market.contradicted),
            (("market", "undecided"), market.undecided),
        ]
        diverged: list[Row] = [(("market",), market.diverged)]
        if account is not None:
            own = account.desk.crosscheck.counts
            rows += [
                (("account", "agreed"), own.agreed),
                (("account", "contradicted"), own.contradicted),
                (("account", "unsettled"), own.unsettled),
                (("account", "undecided"), own.undecided),
            ]
            diverged.append((("account",), own.diverged))
        yield told("leadline_checks", rows)
        yield told("leadline_divergences", diverged)
        yield from check_metrics(self._system.feed, () if account is None else account.desk.crosscheck.open)

    def _requests(self) -> Iterator[Metric]:
        http, now_ns = self._system.http, self._system.clock.mono_ns()
        reach = self._system.market.reach
        yield one("leadline_rest_failures", reach.failures)
        yield one("leadline_rest_limited", reach.limited)
        if http is None:
            return
        yield told("leadline_requests", [((each.value,), n) for each, n in http.counts.items()])
        yield one("leadline_requests_failed", http.failed)
        yield one("leadline_requests_throttled", http.throttled)
        yield one("leadline_budget_spent", http.budget.read(now_ns).level(now_ns))
        yield one("leadline_budget_limit", http.budget.read(now_ns).limit)

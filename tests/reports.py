"""A report of a running system in which all is well, to be changed."""

from __future__ import annotations

from typing import Any

from leadline.app.report import (
    AccountReport,
    BudgetReport,
    CheckpointReport,
    ChecksReport,
    LevelReport,
    LineReport,
    Report,
    StreamsReport,
    SwitchReport,
)
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

ORDERS = OrderCounts(
    unconfirmed=0, open=2, queued=1, fills=7, fills_duplicate=0, adopted=0, contradicted=0,
    reports_parked=0, reports_dropped=0, finds=0, finds_failed=0, never_placed=0,
)  # fmt: skip
RECOVERIES = RecoveryCounts(begun=3, ended=2, attempts=3, succeeded=2, failed=1, p50_s=2.0, max_s=9.0)
ACCOUNT = AccountReport("main", True, "closed", 0, 42, ORDERS, {OrderState.WORKING: 2}, 13, 0.25)


def report(**changes: Any) -> Report:
    """The report, with what is changed in it."""
    fields: dict[str, Any] = {
        "version": "0.1.0",
        "pid": 17,
        "venue": "kraken",
        "emulated": False,
        "uptime_s": 3_723.4,
        "started": {Phase.REFERENCE: 0.2, Phase.READY: 1.5},
        "not_ready": "",
        "level": LevelReport("FULL"),
        "recoveries": RECOVERIES,
        "lines": (LineReport("public", LineState(1, True, 8, 8, 1, 60.0, "")),),
        "switches": SwitchReport(0, 0.0, 0.0, 0.0),
        "streams": StreamsReport(8, 8, {State.LIVE: 8}, ()),
        "readings": ReadingCounts(990, 9, 1),
        "shares": (Share(60, 100, 0.99), Share(900, 0, None)),
        "gaps": GapCounts(3, 0, 2, 1),
        "failovers": FailoverCounts(1, 2.5, 80.0),
        "checks": ChecksReport(
            ValidationCounts(10, 8, 1, 1, 1, 0, 0, 0, 5), AccountChecks(4, 4, 0, 0, 0, 0), (), ()
        ),
        "frames_skipped": 0,
        "loop_blocks": 0,
        "budgets": (BudgetReport("public requests", 1.25, 8.0), BudgetReport("connects", 2, 120)),
        "account": ACCOUNT,
        "checkpoints": CheckpointReport(5, 12.0),
        "memory_mb": 88.4,
    }
    return Report(**fields | changes)

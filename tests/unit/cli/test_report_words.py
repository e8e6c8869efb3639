from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from leadline.app.report import (
    DivergenceReport,
    DoubtReport,
    LevelReport,
    LineReport,
    StreamReport,
    StreamsReport,
    SwitchReport,
)
from leadline.cli.report_words import words
from leadline.engine.lines import LineState
from leadline.engine.topic_state import State
from reports import ACCOUNT, report

WELL = """kraken: running for 1h2m3s as process 17
ready after 1.5 s
level FULL
recoveries: 2 of 3 ended, half within 2.0 s, all within 9.0 s
public line 1: carries 8 streams, 8 are ready on it
streams: 8 of 8 receiving
readings: 990 from streams, 9 from REST, 1 cached
from streams: 99.0% in 1m
gaps: 3; 0 open, 2 filled, 1 not to be filled
changes to REST: 1, the slowest in 2.5 ms
checks against REST: 14, 13 agreed; 0 differences stand
account main: its news flows; the breaker is closed
orders: 2 open, 0 unconfirmed, 1 waiting; 7 fills
balances: 13 assets, 250 ms old
budgets: public requests 1.25 of 8, connects 2 of 120
checkpoints: 5, the last 12.0 s ago
memory: 88 MB"""


def test_a_system_in_which_all_is_well_is_told_in_a_few_lines() -> None:
    assert "\n".join(words(report())) == WELL


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"emulated": True}, "kraken, emulated: running for"),
        ({"not_ready": "no reference data"}, "not ready: no reference data"),
        ({"level": None}, "level: not judged yet"),
        ({"level": LevelReport("OUTAGE", ("a", "b"), True)}, "level OUTAGE (held by an operator): a; b"),
        (
            {"lines": (LineReport("private", LineState(2, False, 0, 0, 3, None, "cut off")),)},
            "private line 2: not connected (cut off)",
        ),
        ({"switches": SwitchReport(3, 0.1, 0.2, 0.4)}, "changes of line: 3, the slowest in 0.4 ms"),
        (
            {"streams": StreamsReport(8, 7, {}, (StreamReport("book BTC/USD", State.LOST, "cut"),))},
            "  book BTC/USD: lost, cut",
        ),
        ({"frames_skipped": 3}, "messages not understood: 3"),
        ({"loop_blocks": 2}, "the event loop was blocked 2 times"),
        ({"alerts": ("LineDown (line 1)",)}, "alert: LineDown (line 1)"),
        ({"alerts": ("LineDown (line 1)",)}, "alert: LineDown (line 1)"),
        ({"recommendations": ("buy a faster disk",)}, "→ buy a faster disk"),
        (
            {"account": replace(ACCOUNT, ready=False)},
            "account main: its stream is not up; the breaker is closed",
        ),
        ({"account": replace(ACCOUNT, breaker="half_open")}, "the breaker is half open"),
    ],
)
def test_what_is_not_well_has_a_line_of_its_own(changes: dict[str, Any], told: str) -> None:
    assert told in "\n".join(words(report(**changes)))


def test_differences_are_told_with_both_sides() -> None:
    checks = replace(
        report().checks,
        open=(DivergenceReport("ticker", "BTC/USD", "bid", "100", "1", "factor 100", "rest"),),
        doubted=(DoubtReport("ticker", "BTC/USD", 0.123),),
    )

    told = "\n".join(words(report(checks=checks)))

    assert "  ticker BTC/USD: bid is 100 on the stream and 1 by REST (factor 100)" in told
    assert "  ticker BTC/USD: confidence 0.12" in told


def test_what_there_is_nothing_to_say_of_is_left_out() -> None:
    told = "\n".join(words(report(account=None, recoveries=None, checkpoints=None, memory_mb=None)))

    assert not [word for word in ("account", "orders", "recoveries", "checkpoints", "memory") if word in told]

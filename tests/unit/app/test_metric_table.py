from __future__ import annotations

import re
import runpy
from pathlib import Path

from leadline.app.alert_rules import built_in_rules
from leadline.app.metric_table import METRICS, SAMPLES, Kind
from leadline.core.alert_expression import Condition


def test_names_follow_prometheus_and_say_their_unit() -> None:
    for name, declared in METRICS.items():
        assert re.fullmatch(r"leadline_[a-z_]+", name), name
        assert not name.endswith(("_total", "_count", "_sum", "_bucket", "_ms"))
        assert declared.kind is not Kind.HISTOGRAM or name.endswith("_seconds")
        assert declared.text.endswith(".")
        assert len(set(declared.labels)) == len(declared.labels)


def test_a_counter_is_found_under_its_total_and_a_histogram_not_at_all() -> None:
    assert "leadline_gaps_total" in SAMPLES
    assert "leadline_level" in SAMPLES
    assert not any("round_trip" in sample for sample in SAMPLES)


def test_the_rules_that_come_along_name_only_what_is_there() -> None:
    for rule in built_in_rules():
        assert set(Condition(rule.condition).metrics) <= SAMPLES


def test_the_documentation_has_every_metric_and_every_alert_as_they_are() -> None:
    docs = Path(__file__).resolve().parents[3] / "docs"
    filled = runpy.run_path(str(docs / "metrics_tables.py"))["filled"]
    page = (docs / "metrics.md").read_text("utf-8")

    assert filled(page) == page, "run docs/metrics_tables.py"
    for name in METRICS:
        assert name in page
    for rule in built_in_rules():
        assert f"`{rule.name}`" in page

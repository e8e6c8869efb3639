"""Writes the tables of `metrics.md` from what the program declares: `python docs/metrics_tables.py`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from leadline.app.alert_rules import built_in_rules
from leadline.app.metric_table import METRICS, Kind
from leadline.clock import NS_PER_S

PAGE = Path(__file__).with_name("metrics.md")


def metrics_table() -> str:
    """Every metric: its name as it is queried, kind, labels, and what it says."""
    rows = ["| metric | kind | labels | what it says |", "|---|---|---|---|"]
    for declared in METRICS.values():
        name = declared.name if declared.kind is Kind.HISTOGRAM else declared.sample
        labels = ", ".join(f"`{label}`" for label in declared.labels)
        rows.append(f"| `{name}` | {declared.kind.value} | {labels} | {declared.text} |")
    return "\n".join(rows)


def alerts_table() -> str:
    """Every rule that comes along: when it fires, how loud it is, what it says and what to do."""
    rows = [
        "| alert | fires when | for | severity | what is wrong | what to do |",
        "|---|---|---|---|---|---|",
    ]
    for rule in built_in_rules():
        for_s = f"{rule.for_ns / NS_PER_S:g} s" if rule.for_ns else "at once"
        cells = (f"`{rule.name}`", f"`{rule.condition}`", for_s, rule.severity, rule.summary, rule.cure)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


TABLES: Mapping[str, str] = {"metrics": metrics_table(), "alerts": alerts_table()}


def filled(page: str) -> str:
    """The page with its tables as they should be."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n{table}\n{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")

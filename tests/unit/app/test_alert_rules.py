from __future__ import annotations

from pathlib import Path

import pytest

from leadline.app.alert_rules import built_in_rules, load_rules, parse_rules
from leadline.errors import ConfigError

ONE = """
groups:
- name: mine
  rules:
  - alert: LineDown
    expr: leadline_line_connected{route="public"} == 0
    for: 5s
    keep_firing_for: 1m
    labels: {severity: critical}
    annotations: {summary: a line is down, cure: look at the network}
"""


def test_a_rule_is_read_as_it_stands() -> None:
    (rule,) = parse_rules(ONE, "alerts.yaml")

    assert (rule.name, rule.severity, rule.for_ns, rule.keep_ns) == (
        *("LineDown", "critical"),
        *(5_000_000_000, 60_000_000_000),
    )
    assert rule.condition == 'leadline_line_connected{route="public"} == 0'


def test_rules_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(ONE)

    assert [rule.name for rule in load_rules(path)] == ["LineDown"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("== 0", "=~ 0"), r"alerts.yaml: LineDown: .* is not understood; write"),
        (("for: 5s", "for: five"), r"alerts.yaml: LineDown: 'five' is no time; write 30s"),
        (("expr:", "expression:"), "unknown field `expression`"),
        (("LineDown", "line down"), "is no name of an alert"),
        (("groups:", "groups: ["), "is not YAML"),
        (("cure: look", "note: look"), "unknown field `note`"),
    ],
)
def test_a_rule_that_is_not_understood_is_refused_with_its_place(change: tuple[str, str], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        parse_rules(ONE.replace(*change), "alerts.yaml")


def test_two_rules_of_one_name_are_refused() -> None:
    rule = ONE[ONE.index("  - alert") :]
    with pytest.raises(ConfigError, match="LineDown stands there twice"):
        parse_rules(ONE + rule, "alerts.yaml")


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"cannot read the alert rules nowhere.yaml: No such file"):
        load_rules(Path("nowhere.yaml"))


def test_every_rule_that_comes_along_says_what_is_wrong_and_what_to_do() -> None:
    rules = built_in_rules()

    assert len(rules) > 10
    assert all(rule.summary and rule.cure for rule in rules)
    assert {rule.severity for rule in rules} == {"warning", "critical"}

"""Alert rules from a file in Prometheus' own form, so that one file serves it and us.

Rule: a rule that is not understood is an error that names the file and the place, never a rule left out.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from leadline.app.metric_table import SAMPLES
from leadline.core.alert_expression import BadExpression, Condition, duration_ns
from leadline.core.alerting import Rule
from leadline.errors import ConfigError

BUILT_IN = "alerts.yaml"
"""The rules that come along, beside this module."""


class _Labels(Struct, frozen=True, forbid_unknown_fields=True):
    severity: str = "warning"


class _Annotations(Struct, frozen=True, forbid_unknown_fields=True):
    summary: str
    cure: str = ""


class _Alert(Struct, frozen=True, forbid_unknown_fields=True, rename={"for_": "for"}):
    alert: str
    expr: str
    annotations: _Annotations
    labels: _Labels = _Labels()
    for_: str = "0s"
    keep_firing_for: str = "0s"


class _Group(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    rules: list[_Alert]
    interval: str = "1s"


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    groups: list[_Group]


def built_in_rules() -> list[Rule]:
    """The rules that come with Leadline."""
    return parse_rules((files("leadline.app") / BUILT_IN).read_text("utf-8"), BUILT_IN)


def load_rules(path: Path) -> list[Rule]:
    """Rules from a file; raises ConfigError naming the file, the rule and the cure."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot read the alert rules {path}: {why}") from error
    return parse_rules(text, str(path))


def parse_rules(text: str, name: str) -> list[Rule]:
    """Rules from YAML text; `name` is what errors call the file."""
    try:
        tree: Any = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  builds texts, lists and dicts only
    except yaml.YAMLError as error:
        raise ConfigError(f"{name} is not YAML: {str(error).splitlines()[0]}") from None
    try:
        file = msgspec.convert(tree, _File)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {error}; rules have alert, expr, for, labels and annotations") from None
    rules = [_rule(alert, name) for group in file.groups for alert in group.rules]
    twice = {rule.name for rule in rules if sum(other.name == rule.name for other in rules) > 1}
    if twice:
        raise ConfigError(
            f"{name}: {', '.join(sorted(twice))} stands there twice; give each rule its own name"
        )
    return rules


def _rule(alert: _Alert, name: str) -> Rule:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", alert.alert):
        raise ConfigError(f"{name}: {alert.alert!r} is no name of an alert; use letters and digits")
    try:
        condition = Condition(alert.expr)
        for_ns, keep_ns = duration_ns(alert.for_), duration_ns(alert.keep_firing_for)
    except BadExpression as error:
        raise ConfigError(f"{name}: {alert.alert}: {error}") from error
    unknown = [metric for metric in condition.metrics if metric not in SAMPLES]
    if unknown:
        nearest = get_close_matches(unknown[0], SAMPLES, 1)
        hint = f"; did you mean {nearest[0]}?" if nearest else "; those there are stand on the metrics page"
        raise ConfigError(f"{name}: {alert.alert}: {unknown[0]} is no gauge or counter of ours{hint}")
    return Rule(
        alert.alert,
        alert.expr,
        alert.labels.severity,
        alert.annotations.summary,
        alert.annotations.cure,
        for_ns,
        keep_ns,
    )

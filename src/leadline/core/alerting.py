"""Alerts from metrics: a condition that has held for its time fires once, and its end is told once.

Rule: nothing fires twice without having ended, and nothing ends before it has stayed away for its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from leadline.core.alert_expression import Condition
from leadline.core.samples import Labels, Sample, by_name

_S = 1_000_000_000

MOST_ALERTS = 200
"""Alerts of one rule at a time; beyond, the rule's other label sets are not told apart any more."""


class Rule(Struct, frozen=True):
    """One rule: fires when `condition` has held for `for_ns`, ends when it has not for `keep_ns`."""

    name: str
    condition: str
    severity: str
    summary: str
    cure: str
    for_ns: int = 0
    keep_ns: int = 0


class Change(Struct, frozen=True):
    """An alert that fires (`firing`) or has ended after `lasted_s`; `number` counts the changes of a run.

    `alert` names the rule and the labels it fired for, and is the same at the end as at the beginning.
    """

    number: int
    alert: str
    rule: Rule
    labels: Labels
    firing: bool
    value: float
    at_ns: int
    lasted_s: float = 0.0


class _Alert:
    """One rule for one set of labels."""

    __slots__ = ("firing", "held_ns", "last_ns", "value")

    def __init__(self, now_ns: int) -> None:
        self.held_ns = now_ns
        self.last_ns = now_ns
        self.value = 0.0
        self.firing = False


class Alerting:
    """Holds rules against samples; `step` at any rhythm. Raises BadExpression when made with a bad rule."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = [(rule, Condition(rule.condition)) for rule in rules]
        self._alerts: dict[tuple[str, Labels], _Alert] = {}
        self._number = 0

    def step(self, samples: Iterable[Sample], now_ns: int) -> list[Change]:
        """What has begun or ended to fire by now (monotonic)."""
        named = by_name(samples)
        changes: list[Change] = []
        for rule, condition in self._rules:
            held = condition.where(named, now_ns)
            changes += self._begun(rule, held, now_ns)
            changes += self._ended(rule, held, now_ns)
        return changes

    def firing(self) -> list[str]:
        """Names of the alerts that fire now, with their labels."""
        return [_name(name, labels) for (name, labels), alert in self._alerts.items() if alert.firing]

    def _begun(self, rule: Rule, held: dict[Labels, float], now_ns: int) -> Sequence[Change]:
        changes = []
        for labels, value in held.items():
            alert = self._alerts.get((rule.name, labels))
            if alert is None:
                if sum(name == rule.name for name, _ in self._alerts) >= MOST_ALERTS:
                    continue
                alert = self._alerts[rule.name, labels] = _Alert(now_ns)
            alert.last_ns, alert.value = now_ns, value
            if not alert.firing and now_ns - alert.held_ns >= rule.for_ns:
                alert.firing = True
                changes.append(self._change(rule, labels, alert, now_ns, firing=True))
        return changes

    def _ended(self, rule: Rule, held: dict[Labels, float], now_ns: int) -> Sequence[Change]:
        changes = []
        for (name, labels), alert in tuple(self._alerts.items()):
            if name != rule.name or labels in held:
                continue
            if alert.firing and now_ns - alert.last_ns < rule.keep_ns:
                continue
            del self._alerts[name, labels]
            if alert.firing:
                changes.append(self._change(rule, labels, alert, now_ns, firing=False))
        return changes

    def _change(self, rule: Rule, labels: Labels, alert: _Alert, now_ns: int, *, firing: bool) -> Change:
        self._number += 1
        lasted_s = 0.0 if firing else (now_ns - alert.held_ns) / _S
        name = _name(rule.name, labels)
        return Change(self._number, name, rule, labels, firing, alert.value, now_ns, lasted_s)


def _name(rule: str, labels: Labels) -> str:
    inside = ", ".join(f"{name} {value}" for name, value in labels)
    return f"{rule} ({inside})" if inside else rule

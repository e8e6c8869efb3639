"""The conditions of alert rules: the part of Prometheus' language that our rules need, and nothing more.

    metric{label="value", other!="value"} > 3
    increase(metric[5m]) > 0
    condition and on() condition

Rule: what is not understood is refused when the rules are read, never taken for true or false later.
"""

from __future__ import annotations

import operator
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from leadline.core.samples import Labels, Sample

_S = 1_000_000_000
_UNITS_S = {"s": 1, "m": 60, "h": 3600}
_TERM = re.compile(
    r"^(?P<function>increase\()?\s*(?P<name>[a-z_:][a-z0-9_:]*)\s*(\{(?P<labels>[^}]*)\})?\s*"
    r"(\[(?P<span>\d+[smh])\])?\s*(?P<close>\))?\s*(?P<op>>=|<=|==|!=|>|<)\s*(?P<bound>-?\d+(\.\d+)?)$"
)
_LABEL = re.compile(r'^\s*(?P<name>[a-z_]+)\s*(?P<op>=|!=)\s*"(?P<value>[^"]*)"\s*$')
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_AND = re.compile(r"\s+and\s+on\(\)\s+")

MOST_SERIES = 2000
"""Series whose past one condition remembers; beyond, new ones count from their first value."""


class BadExpression(ValueError):
    """A condition that is not understood; the text says which part."""


def duration_ns(text: str) -> int:
    """Nanoseconds of a text such as `30s`, `5m` or `2h`; raises BadExpression."""
    found = re.fullmatch(r"(\d+)([smh])", text)
    if found is None:
        raise BadExpression(f"{text!r} is no time; write 30s, 5m or 2h")
    return int(found[1]) * _UNITS_S[found[2]] * _S


@dataclass
class _Term:
    """One comparison; `past` holds, per series, what `increase` looks back on."""

    name: str
    wanted: tuple[tuple[str, bool, str], ...]
    holds: Callable[[float, float], bool]
    bound: float
    span_ns: int | None
    past: dict[Labels, deque[tuple[int, float]]] = field(default_factory=dict)
    begun: bool = False

    def where(self, samples: Mapping[str, Sequence[Sample]], now_ns: int) -> dict[Labels, float]:
        """Label sets for which it holds, with the value compared."""
        found = {}
        for sample in samples.get(self.name, ()):
            if not self._selects(sample.labels):
                continue
            value = sample.value if self.span_ns is None else self._increase(sample, self.span_ns, now_ns)
            if self.holds(value, self.bound):
                found[sample.labels] = value
        self.begun = True
        return found

    def _selects(self, labels: Labels) -> bool:
        have = dict(labels)
        return all((have.get(name, "") == value) is same for name, same, value in self.wanted)

    def _increase(self, sample: Sample, span_ns: int, now_ns: int) -> float:
        """How much a counter has grown within the span; one that appears later has grown from nothing."""
        past = self.past.get(sample.labels)
        if past is None:
            if len(self.past) >= MOST_SERIES:
                return 0.0
            past = self.past[sample.labels] = deque()
            past.append((now_ns, 0.0 if self.begun else sample.value))
        if sample.value < past[-1][1]:  # the counter began anew
            past.clear()
            past.append((now_ns, 0.0))
        while len(past) > 1 and past[1][0] <= now_ns - span_ns:
            past.popleft()
        if sample.value != past[-1][1]:
            past.append((now_ns, sample.value))
        return sample.value - past[0][1]


class Condition:
    """A whole condition; raises BadExpression for a text that is not understood."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._first, *self._others = [_term(part.strip()) for part in _AND.split(text.strip())]

    @property
    def metrics(self) -> list[str]:
        """The names of the metrics it looks at."""
        return [term.name for term in (self._first, *self._others)]

    def where(self, samples: Mapping[str, Sequence[Sample]], now_ns: int) -> dict[Labels, float]:
        """Label sets of its first part for which all of it holds, with the value compared."""
        found = self._first.where(samples, now_ns)
        others = [term.where(samples, now_ns) for term in self._others]
        return found if all(others) else {}


def _term(text: str) -> _Term:
    found = _TERM.match(text)
    if found is None:
        raise BadExpression(
            f'{text!r} is not understood; write metric{{label="value"}} > 1 or increase(metric[5m]) > 0'
        )
    grows, span = bool(found["function"]), found["span"]
    if grows != bool(span) or grows != bool(found["close"]):
        raise BadExpression(f"{text!r}: a span such as [5m] goes with increase(…), and with nothing else")
    labels = tuple(_label(part) for part in (found["labels"] or "").split(",") if part.strip())
    span_ns = duration_ns(span) if span else None
    return _Term(found["name"], labels, _OPERATORS[found["op"]], float(found["bound"]), span_ns)


def _label(text: str) -> tuple[str, bool, str]:
    found = _LABEL.match(text)
    if found is None:
        raise BadExpression(f'{text.strip()!r} is no label; write name="value"')
    return found["name"], found["op"] == "=", found["value"]

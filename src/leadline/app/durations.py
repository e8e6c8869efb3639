"""Spans of time as people write them: 500ms, 30s, 10m, 1h30m, 23h, 2d.

Rule: a number without its unit is refused; ten what, nobody can know.
"""

from __future__ import annotations

import re

from leadline.app.problems import shown
from leadline.errors import ConfigError

_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(ms|[smhd])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def seconds(text: str) -> float:
    """The span in seconds; raises ConfigError with the cure."""
    told = text.replace(" ", "")
    if not _WHOLE.fullmatch(told):
        raise ConfigError(
            f"{shown(text)} is no span of time; write a number and its unit: 500ms, 30s, 10m, 23h"
        )
    milliseconds = sum(float(number) * _UNITS_MS[unit] for number, unit in _PART.findall(told))
    return milliseconds / 1000


def span(duration_s: float) -> str:
    """The span as `seconds` reads it, in its largest units: 5400 is 1h30m; below a millisecond it is 0s."""
    left_ms, parts = round(duration_s * 1000), []
    for unit, unit_ms in _UNITS_MS.items():
        count, left_ms = divmod(left_ms, unit_ms)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"

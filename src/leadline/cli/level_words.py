"""A service level and its reasons in one line."""

from __future__ import annotations

from leadline.app.report import LevelReport


def level_line(level: LevelReport | None) -> str:
    """`level DEGRADED: …`, or that there is none."""
    if level is None:
        return "level: not judged yet"
    held = " (held by an operator)" if level.forced else ""
    why = f": {'; '.join(level.reasons)}" if level.reasons else ""
    return f"level {level.name}{held}{why}"

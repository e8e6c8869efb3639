"""Recordings written by hand, line by line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Recording:
    """A recording under construction."""

    def __init__(self, **meta: Any) -> None:
        self._lines = [json.dumps({"meta": {"venue": "kraken", **meta}})]
        self._n = 0

    def add(self, direction: str, raw: str | dict[str, Any], t: str | None = None, **more: str) -> int:
        """One record; returns its number."""
        self._n += 1
        text = raw if isinstance(raw, str) else json.dumps(raw)
        self._lines.append(json.dumps({"n": self._n, "t": t, "dir": direction, "raw": text, **more}))
        return self._n

    def rx(self, *frames: str | dict[str, Any]) -> list[int]:
        return [self.add("rx", frame) for frame in frames]

    def garbage(self, line: str) -> int:
        """A line that is no record; returns its number in the file."""
        self._lines.append(line)
        return len(self._lines)

    def write(self, path: Path) -> Path:
        path.write_text("\n".join(self._lines) + "\n")
        return path

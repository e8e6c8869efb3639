"""What is wrong with a file, all of it: each problem with its path in the file and its cure.

Rule: the first problem hides no other, and no problem tells what may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from leadline.errors import ConfigError

MOST_PROBLEMS = 50
"""Beyond so many the rest is only counted: the file is another kind of file."""

_SHOWN = re.compile(r"[\w.,:/%+ -]{0,40}")


class Problems:
    """Collects problems in the order of their finding, each once."""

    def __init__(self) -> None:
        self._found: dict[str, None] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, path: str, what: str) -> None:
        """Something is wrong at a path of the file; `what` says what, and what to do about it."""
        self._found.setdefault(f"{path}: {what}" if path else what)

    @contextmanager
    def at(self, path: str) -> Iterator[None]:
        """Take what the block raises as ConfigError for problems at the path."""
        try:
            yield
        except ConfigError as error:
            for what in error.problems or (str(error),):
                self.add(path, what)

    def check(self, name: str = "") -> None:
        """Raise them all as one ConfigError, if there are any; `name` is what the file is called."""
        if not self._found:
            return
        found = list(self._found)
        listed = found[:MOST_PROBLEMS]
        if len(found) > MOST_PROBLEMS:
            listed.append(f"and {len(found) - MOST_PROBLEMS} more")
        before = f"{name}: " if name else ""
        if len(listed) == 1:
            raise ConfigError(before + listed[0], problems=listed)
        lines = "".join(f"\n  {one}" for one in listed)
        raise ConfigError(f"{before}{len(found)} problems:{lines}", problems=listed)


def shown(text: str) -> str:
    """A text of the file in quotes, or not at all where it may be a key in the wrong place."""
    return repr(text) if _SHOWN.fullmatch(text) else "(not shown)"

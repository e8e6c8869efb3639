"""Reads the texts of an account as a settings file has it, with the values of variables in them.

Rule: the first problem hides no other, and none of them tells what a variable holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from leadline.errors import ConfigError


class RawTexts:
    """Fills texts in and collects what is wrong; `fill` raises ConfigError for a variable that is not set."""

    def __init__(self, fill: Callable[[str], str]) -> None:
        self._fill = fill
        self.problems: list[str] = []

    def filled(self, field: str, text: str | None, variable: str) -> str:
        """The text of a field; empty, with the cure among the problems, where there is none."""
        if text is None:
            self.problems.append(f"missing {field}; write {field}: ${{{variable}}} and set that variable")
            return ""
        with self.collecting():
            return self._fill(text)
        return ""

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Take what the block raises as ConfigError for problems."""
        try:
            yield
        except ConfigError as error:
            self.problems += error.problems or (str(error),)

    def check(self) -> None:
        """Raise all problems as one ConfigError, if there are any."""
        if self.problems:
            raise ConfigError("; ".join(self.problems), problems=self.problems)

"""A structlog logger that keeps what it is told."""

from __future__ import annotations

import asyncio
from typing import Any

PATIENCE_S = 20.0


class Heard:
    """What was said as (loudness, words), and the fields of each line."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.fields: list[dict[str, Any]] = []
        self._said = asyncio.Event()

    @property
    def words(self) -> list[str]:
        """What was said, however loud."""
        return [words for _, words in self.lines]

    def of(self, words: str) -> dict[str, Any]:
        """The fields of the first line of these words."""
        return self.fields[self.words.index(words)]

    async def says(self, words: str, times: int = 1) -> None:
        """Return when a line of these words was said so often."""
        async with asyncio.timeout(PATIENCE_S):
            while self.words.count(words) < times:
                self._said.clear()
                await self._said.wait()

    def bind(self, **fields: Any) -> Heard:
        """The same: what is bound is in no line here."""
        return self

    def debug(self, words: str, **fields: Any) -> None:
        self._line("debug", words, fields)

    def info(self, words: str, **fields: Any) -> None:
        self._line("info", words, fields)

    def warning(self, words: str, **fields: Any) -> None:
        self._line("warning", words, fields)

    def error(self, words: str, **fields: Any) -> None:
        self._line("error", words, fields)

    def _line(self, loudness: str, words: str, fields: dict[str, Any]) -> None:
        self.lines.append((loudness, words))
        self.fields.append(fields)
        self._said.set()

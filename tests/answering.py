"""A system that answers through its control socket, from a thread of its own, and keeps what it is told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leadline.app.control import control_socket
from leadline.app.report import LevelReport, Report, Status
from leadline.app.settings import CONTROL, control_path_in
from leadline.model.level import Level
from reports import report


class Standing:
    """What is asked; a forced level is that of its status."""

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self.mode: str | None = "post_only"
        self.level = LevelReport("FULL")
        self.told: list[object] = []

    def report(self) -> Report:
        return report(venue=self.venue, level=self.level)

    def status(self) -> Status:
        return Status(
            self.venue, self.mode, self.mode or "", "main", "closed", self.level, "book BTC/USD: cut"
        )

    def force(self, level: Level, for_s: float) -> None:
        self.told.append((level, for_s))
        self.level = LevelReport(level.name, ("by leadline level",), True)

    def release(self) -> None:
        self.told.append("release")
        self.level = LevelReport("FULL")


@contextmanager
def answering(state: Path, venue: str = "kraken", name: str = CONTROL) -> Iterator[Standing]:
    """One that runs with this state folder, for the length of the block; `name` is that of its socket."""
    standing, began, loop = Standing(venue), threading.Event(), asyncio.new_event_loop()
    ended = asyncio.Event()

    async def answer() -> None:
        async with control_socket(control_path_in(state, name), standing):
            began.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(answer()))
    thread.start()
    try:
        assert began.wait(10)
        yield standing
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)
        loop.close()

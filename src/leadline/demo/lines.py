"""The demo for a file, a pipe or a log: one line for each thing that happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from leadline.demo.incidents import Incident
from leadline.demo.side import Side
from leadline.demo.words import Announced, news_line, opening, price_line, progress, standing_lines
from leadline.engine.events import LevelChanged

if TYPE_CHECKING:
    from leadline.demo.run import Demo


class Lines:
    """A view that says what happens, to whatever takes a line."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._demo: Demo | None = None

    def opened(self, demo: Demo) -> None:
        self._demo = demo
        for line in opening(demo):
            self._say(line)

    def told(self, incident: Incident) -> None:
        assert self._demo is not None, "a fault before the demo"
        self._say(progress(incident, self._demo.elapsed_s))

    def news(self, event: Announced, side: Side) -> None:
        assert self._demo is not None, "news before the demo"
        self._say(news_line(event, side.name, self._demo.elapsed_s))
        if isinstance(event, LevelChanged):
            for each in self._demo.sides:
                for line in standing_lines(each.standings()):
                    self._say(line)
            self._say(f"          {price_line(self._demo.price.report())}")

    def redraw(self) -> None:
        """Nothing: a line once said stays."""

    def closed(self) -> None:
        """Nothing: the summary follows."""

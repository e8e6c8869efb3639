"""Makes docs/demo.svg anew: the screen of a real demo near its end. Run `python docs/demo_picture.py`."""

from __future__ import annotations

import asyncio
import io
import re
from pathlib import Path

from rich.console import Console, RenderableType

from leadline.demo.incidents import Incident
from leadline.demo.run import Demo, perform
from leadline.demo.screen import WIDEST, picture
from leadline.demo.side import Side
from leadline.demo.words import Announced

SECONDS = 80.0
LINES = 46
PICTURE = Path(__file__).with_name("demo.svg")


class Photograph:
    """A view that keeps the last picture it has been shown."""

    def __init__(self) -> None:
        self.taken: RenderableType = ""
        self._demo: Demo | None = None

    def opened(self, demo: Demo) -> None:
        self._demo = demo

    def told(self, incident: Incident) -> None:
        """The picture shows it."""

    def news(self, event: Announced, side: Side) -> None:
        """The picture shows it."""

    def redraw(self) -> None:
        if self._demo is not None and self._demo.elapsed_s < SECONDS:
            self.taken = picture(self._demo, WIDEST, LINES)

    def closed(self) -> None:
        """The last picture stays."""


def main() -> None:
    """Run a demo and write its picture."""
    view = Photograph()
    asyncio.run(perform(SECONDS, 1, view))
    console = Console(record=True, width=WIDEST + 2, file=io.StringIO(), force_terminal=True)
    console.print(view.taken)
    drawn = console.export_svg(title="leadline demo")
    # the reader's own fixed-width font will do: a picture must not fetch one
    PICTURE.write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()

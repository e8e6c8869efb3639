from __future__ import annotations

import pytest

from leadline.app.report import LevelReport
from leadline.cli.level_words import level_line


@pytest.mark.parametrize(
    ("level", "line"),
    [
        (None, "level: not judged yet"),
        (LevelReport("FULL"), "level FULL"),
        (LevelReport("DEGRADED", ("REST fails",)), "level DEGRADED: REST fails"),
        (LevelReport("FULL", (), True), "level FULL (held by an operator)"),
    ],
)
def test_a_level_is_one_line(level: LevelReport | None, line: str) -> None:
    assert level_line(level) == line

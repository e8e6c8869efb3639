from __future__ import annotations

import pytest

from leadline.cli.progress import counting, saying


def test_without_a_terminal_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with counting("candles") as count:
        count(1, 2)
    with saying() as say:
        say("hello")

    assert capsys.readouterr() == ("", "")

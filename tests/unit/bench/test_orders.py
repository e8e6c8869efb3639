"""The figures of orders are made where the journals lie, and nothing is left there."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadline.bench.orders import scratch_folder
from leadline.errors import ConfigError


def test_the_scratch_folder_lies_among_the_journals_and_is_gone_afterwards(tmp_path: Path) -> None:
    home = tmp_path / "state"

    with scratch_folder(home) as folder:
        assert folder.parent == home

    assert list(home.iterdir()) == []


def test_a_place_that_takes_no_files_is_named_with_a_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match=r"cannot keep journals in .*file.*set XDG_STATE_HOME"):  # noqa: SIM117
        with scratch_folder(tmp_path / "file" / "state"):
            pass

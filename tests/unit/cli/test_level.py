from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from answering import answering
from leadline.cli.main import cli
from leadline.model.level import Level


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "leadline.yaml"
    path.write_text(f"state_dir: {tmp_path}/state\n")
    return path


def level(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["level", *arguments, "--config", str(config)])


def test_a_level_is_held_for_a_while_and_released(config: Path, tmp_path: Path) -> None:
    with answering(tmp_path / "state") as standing:
        forced = level(config, "force", "degraded", "--for", "1h30m")
        released = level(config, "release")

    assert (forced.exit_code, released.exit_code) == (0, 0)
    assert forced.stdout == "level DEGRADED (held by an operator): by leadline level\n"
    assert released.stdout == "level FULL\n"
    assert standing.told == [(Level.DEGRADED, 5400.0), "release"]


def test_for_programs_it_is_one_object(config: Path, tmp_path: Path) -> None:
    with answering(tmp_path / "state"):
        row = json.loads(level(config, "force", "OUTAGE", "--for", "10m", "--json").stdout)

    assert row == {"name": "OUTAGE", "reasons": ["by leadline level"], "forced": True}


def test_where_nothing_runs_it_fails_and_says_so(config: Path) -> None:
    done = level(config, "release")

    assert (done.exit_code, done.stdout) == (1, "")
    assert "error: nothing is running that listens at" in done.stderr


def test_a_span_without_a_unit_is_told_with_the_cure(config: Path) -> None:
    assert "write a number and its unit" in level(config, "force", "FULL", "--for", "10").stderr

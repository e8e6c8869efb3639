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


def test_a_run_of_several_venues_is_held_at_all_of_them_unless_one_is_named(
    config: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    with answering(state) as first, answering(state, "binance", "binance") as second:
        done = level(config, "force", "OUTAGE", "--for", "10m")
        one = level(config, "release", "--venue", "binance", "--json")
        both = level(config, "release", "--json")

    held = "level OUTAGE (held by an operator): by leadline level"
    assert done.stdout == f"kraken: {held}\nbinance: {held}\n"
    assert first.told == [(Level.OUTAGE, 600.0), "release"]
    assert second.told == [(Level.OUTAGE, 600.0), "release", "release"]
    free = {"name": "FULL", "reasons": [], "forced": False}
    assert json.loads(one.stdout) == free
    assert json.loads(both.stdout) == free | {"venues": {"kraken": free, "binance": free}}


def test_the_level_of_one_venue_is_never_set_for_another(config: Path, tmp_path: Path) -> None:
    with answering(tmp_path / "state") as standing:
        done = level(config, "force", "OUTAGE", "--for", "10m", "--venue", "binance")

    assert (done.exit_code, done.stdout, standing.told) == (1, "", [])
    assert done.stderr == "error: what listens there runs kraken; binance does not run, or elsewhere\n"

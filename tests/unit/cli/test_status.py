from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from answering import answering
from leadline.cli.main import cli


def status(folder: Path, *arguments: str) -> Result:
    config = folder / "leadline.yaml"
    # the venue cannot be reached: what is told comes from the running system, or is an error
    config.write_text(
        f"state_dir: {folder}/state\nvenues: {{kraken: {{endpoints: {{rest: 'http://127.0.0.1:1'}}}}}}\n"
    )
    return CliRunner().invoke(cli, ["status", "--config", str(config), *arguments])


def test_the_running_system_tells_the_level_the_breaker_and_what_the_venue_said(tmp_path: Path) -> None:
    with answering(tmp_path / "state"):
        people, programs = status(tmp_path), status(tmp_path, "--json")

    assert people.stdout == (
        "kraken: post_only\naccount main: the breaker is closed\nlevel FULL\nnot ready: book BTC/USD: cut\n"
    )
    assert json.loads(programs.stdout) == {
        "venue": "kraken",
        "mode": "post_only",
        "text": "post_only",
        "account": "main",
        "breaker": "closed",
        "level": {"name": "FULL", "reasons": [], "forced": False},
        "not_ready": "book BTC/USD: cut",
        "running": True,
    }


def test_in_an_emergency_and_where_nothing_runs_the_venue_itself_is_asked(tmp_path: Path) -> None:
    with answering(tmp_path / "state"):
        emergency = status(tmp_path, "--emergency")
    alone = status(tmp_path)

    assert (emergency.exit_code, alone.exit_code) == (1, 1)
    assert "cannot reach 127.0.0.1" in emergency.stderr
    assert "cannot reach 127.0.0.1" in alone.stderr


def test_of_a_run_of_several_venues_each_is_shown(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with answering(state), answering(state, "binance", "binance"):
        people, programs = status(tmp_path), json.loads(status(tmp_path, "--json").stdout)
        one = json.loads(status(tmp_path, "--json", "--venue", "binance").stdout)

    assert [text.splitlines()[0] for text in people.stdout.split("\n\n")] == [
        "kraken: post_only",
        "binance: post_only",
    ]
    assert list(programs.pop("venues")) == ["kraken", "binance"]
    assert (programs["venue"], one["venue"]) == ("kraken", "binance")
    assert programs.keys() == one.keys()


def test_a_venue_that_does_not_run_is_asked_itself_though_another_runs(tmp_path: Path) -> None:
    with answering(tmp_path / "state"):
        done = status(tmp_path, "--venue", "binance", "--emergency")

    assert (done.exit_code, done.stdout) == (1, "")
    assert "error: binance: " in done.stderr


def test_venues_that_are_silent_are_each_said_and_those_that_speak_are_shown(tmp_path: Path) -> None:
    file = tmp_path / "leadline.yaml"
    gone = "{endpoints: {rest: 'http://127.0.0.1:1'}}"
    file.write_text(f"state_dir: {tmp_path}/state\nvenues: {{kraken: {gone}, binance: {gone}}}\n")

    done = CliRunner().invoke(cli, ["status", "--config", str(file)])

    assert (done.exit_code, done.stdout) == (1, "")
    silent = [line.split(": ")[1] for line in done.stderr.splitlines() if line.startswith("error")]
    assert silent == ["kraken", "binance"]


def test_what_a_running_system_knows_is_shown_though_the_venue_cannot_be_asked(tmp_path: Path) -> None:
    with answering(tmp_path / "state") as standing:
        standing.mode = None
        people, programs = status(tmp_path), status(tmp_path, "--json")

    assert (people.exit_code, programs.exit_code) == (1, 1)
    assert "error: kraken: cannot reach 127.0.0.1" in people.stderr
    assert people.stdout.splitlines()[0] == "kraken: its mode is not known"
    assert "level FULL" in people.stdout
    assert json.loads(programs.stdout)["level"]["name"] == "FULL"

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

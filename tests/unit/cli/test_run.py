from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from leadline.cli.main import cli

UNREACHABLE = "endpoints: {rest: 'http://127.0.0.1:1'}"


def written(folder: Path, kraken: str) -> Path:
    config = folder / "leadline.yaml"
    config.write_text(f"state_dir: {folder}/state\nvenues: {{kraken: {{{UNREACHABLE}, {kraken}}}}}\n")
    return config


def test_a_check_tells_what_the_file_means(tmp_path: Path) -> None:
    config = written(tmp_path, "symbols: [BTC/USD]")

    done = CliRunner().invoke(cli, ["run", str(config), "--check"])

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{config} is right. It means:\n  Venue: Kraken, at wss://")
    assert "Symbols: not looked up, only their form is right" in done.stdout


def test_a_check_for_programs_is_one_object(tmp_path: Path) -> None:
    config = written(tmp_path, "symbols: [BTC/USD]")

    row = json.loads(CliRunner().invoke(cli, ["run", str(config), "--check", "--json"]).stdout)

    assert (row["ok"], row["problems"]) == (True, [])
    assert row["explained"][0].startswith("Venue: Kraken")


def test_problems_are_told_to_people_and_to_programs(tmp_path: Path) -> None:
    config = written(tmp_path, "symbols: [BTC/USD], depth: 7, account: main")

    people = CliRunner().invoke(cli, ["run", str(config), "--check"])
    programs = CliRunner().invoke(cli, ["run", str(config), "--check", "--json"])

    assert (people.exit_code, people.stdout) == (1, "")
    assert people.stderr.startswith(f"error: {config}: 2 problems:\n  venues.kraken.")
    row = json.loads(programs.stdout)
    assert (programs.exit_code, row["ok"], len(row["problems"]), row["explained"]) == (1, False, 2, [])


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["run", f"{tmp_path}/absent.yaml", "--check", "--json"])

    assert done.exit_code == 1
    assert json.loads(done.stdout)["problems"] == [
        f"cannot read {tmp_path}/absent.yaml: No such file or directory"
    ]


def test_a_run_of_a_wrong_file_begins_nothing(tmp_path: Path) -> None:
    config = written(tmp_path, "symbols: []")

    done = CliRunner().invoke(cli, ["run", str(config)])

    assert (done.exit_code, done.stdout) == (1, "")
    assert "venues.kraken.symbols: name at least one symbol, or an account" in done.stderr
    assert not (tmp_path / "state").exists()

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from answering import answering
from leadline.cli.main import cli


def test_the_running_system_of_the_file_is_asked(tmp_path: Path) -> None:
    config = tmp_path / "leadline.yaml"
    # who asks need not have the keys, and what else is wrong with the file is not asked
    config.write_text(
        f"state_dir: {tmp_path}/state\nvenues: {{kraken: {{credentials: {{api_key: '${{NOT_SET}}'}}}}}}\n"
    )
    with answering(tmp_path / "state"):
        people = CliRunner().invoke(cli, ["report", "--config", str(config)])
        programs = CliRunner().invoke(cli, ["report", "--config", str(config), "--json"])

    assert (people.exit_code, programs.exit_code) == (0, 0)
    assert people.stdout.startswith(
        "kraken: running for 1h2m3s as process 17\nready after 1.5 s\nlevel FULL\n"
    )
    row = json.loads(programs.stdout)
    assert (row["pid"], row["level"]["name"], row["streams"]["by_state"]) == (17, "FULL", {"live": 8})


def test_without_a_file_it_is_the_one_in_the_platforms_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("XDG_STATE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    from leadline.app.settings import state_home

    with answering(state_home()):
        assert CliRunner().invoke(cli, ["report"]).exit_code == 0
    assert "nothing is running that listens at" in CliRunner().invoke(cli, ["report"]).stderr


def test_of_a_run_of_several_venues_each_has_its_figures(tmp_path: Path) -> None:
    (tmp_path / "leadline.yaml").write_text(f"state_dir: {tmp_path}/state\n")
    asked = ["report", "--config", str(tmp_path / "leadline.yaml")]
    with answering(tmp_path / "state"), answering(tmp_path / "state", "binance", "binance"):
        people = CliRunner().invoke(cli, asked)
        programs = json.loads(CliRunner().invoke(cli, [*asked, "--json"]).stdout)

    assert [text.split(":")[0] for text in people.stdout.split("\n\n")] == ["kraken", "binance"]
    assert list(programs["venues"]) == ["kraken", "binance"]
    assert programs["venue"] == "kraken"

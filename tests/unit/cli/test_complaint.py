from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from leadline.cli.complaint import complain
from leadline.cli.main import cli
from leadline.errors import AuthError, CheckFailed, Error, Throttled


def noted() -> Error:
    error = AuthError("-2015 no")
    error.add_note("was it made for the testnet?")
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (CheckFailed("qty 0: give more"), ["error: qty 0: give more"]),
        (noted(), ["error: -2015 no", "hint: was it made for the testnet?"]),
        (
            Throttled("no room for another 3.0 s", 3.0),
            [
                "error: no room for another 3.0 s",
                "hint: the programs of this machine share what the venue allows; try again after that time",
            ],
        ),
    ],
)
def test_the_cure_stands_below_the_error(
    error: Error, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    complain(error)

    assert capsys.readouterr().err.splitlines() == told


def test_an_address_that_cannot_be_reached_is_told_with_what_finds_out_why(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text("venues: {binance: {endpoints: {rest: 'http://127.0.0.1:1'}}}")

    done = CliRunner().invoke(cli, ["funding", "BTCUSDT", "--config", str(tmp_path / "f.yaml")])

    said, cure = done.stderr.splitlines()
    assert (done.exit_code, done.stdout) == (1, "")
    assert said.startswith("error: cannot reach 127.0.0.1")
    assert cure == "hint: `leadline doctor` finds out what is in the way"

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from binance_verbs import bought, written
from leadline.cli.main import cli
from leadline.cli.positions import ask
from served_binance import served_binance


async def test_a_position_is_told_as_the_venue_has_it(tmp_path: Path) -> None:
    async with served_binance(tmp_path) as venue:
        await bought(venue, "0.010")

        [(settings, [position])] = await ask((venue.settings,), "main")

    assert settings.venue == "binance"
    assert (position.symbol, str(position.qty), position.leverage) == ("BTC/USDT:USDT", "0.010", 20)


async def test_what_has_been_closed_is_no_position(tmp_path: Path) -> None:
    async with served_binance(tmp_path) as venue:
        await bought(venue, "0.010")
        await bought(venue, "-0.010")

        [(_, positions)] = await ask((venue.settings,), "main")

    assert positions == []


def test_an_account_that_is_nowhere_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["positions", "--json", "--config", str(written(tmp_path, {}))])

    assert (done.exit_code, done.stdout) == (1, "")
    assert "no account is set; put BINANCE_API_KEY and BINANCE_API_SECRET into" in done.stderr


def test_the_help_says_what_json_looks_like() -> None:
    shown = CliRunner().invoke(cli, ["positions", "--help"]).stdout

    assert json.dumps("liquidation_price") in shown

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from leadline.cli.funding import _paid, ask
from leadline.cli.main import cli
from leadline.clock import NS_PER_S, SystemClock
from leadline.errors import UnknownSymbol
from served_binance import served_binance

DAY_NS = 24 * 3600 * NS_PER_S


async def test_the_funding_to_come_and_those_of_the_past_are_told(tmp_path: Path) -> None:
    now_ns = SystemClock().wall_ns()
    async with served_binance(tmp_path) as venue:
        found = await ask(venue.settings, "BTCUSDT", now_ns - 2 * DAY_NS)

    assert found.mark.symbol == "BTC/USDT:USDT"
    assert found.mark.next_funding_ns is not None
    assert found.mark.next_funding_ns > now_ns
    assert 5 <= len(found.settled) <= 7
    assert [one.at_ns for one in found.settled] == sorted(one.at_ns for one in found.settled)


async def test_an_unknown_symbol_is_said(tmp_path: Path) -> None:
    async with served_binance(tmp_path) as venue:
        with pytest.raises(UnknownSymbol):
            await ask(venue.settings, "NOPEUSDT", 0)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        ("0.0001", "longs pay shorts 0.01 %"),
        ("-0.00025", "shorts pay longs 0.025 %"),
        ("0", "longs pay shorts 0 %"),
    ],
)
def test_who_pays_whom_is_said_by_the_sign(rate: str, words: str) -> None:
    assert _paid(Decimal(rate)) == f"{words} of the position's value"


def test_a_venue_without_fundings_has_no_answer(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("venues: {kraken: {}}")

    done = CliRunner().invoke(cli, ["funding", "BTC/USD", "--config", str(file)])

    assert (done.exit_code, done.stdout) == (1, "")
    assert "the file names no venue with contracts" in done.stderr

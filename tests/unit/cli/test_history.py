from __future__ import annotations

from pathlib import Path

import pytest

from leadline.cli.history import fetch
from leadline.clock import NS_PER_S
from leadline.errors import CheckFailed, ConfigError, UnknownSymbol
from served import served


async def test_candles_of_several_symbols_go_into_one_file(tmp_path: Path) -> None:
    out = tmp_path / "h.csv"
    async with served() as venue:
        found = await fetch(
            venue.settings, ("XBT/USD", "ETH/USD"), [300], venue.start_ns - 7200 * NS_PER_S, out
        )

    assert [series.symbol for series in found] == ["BTC/USD", "ETH/USD"]
    lines = out.read_text().splitlines()
    assert len(lines) == 1 + sum(len(series.bars) for series in found)
    assert len(found[0].bars) >= 24


@pytest.mark.parametrize(
    ("symbols", "interval_s", "name", "error"),
    [
        (("BTC/USDD",), 300, "h.csv", UnknownSymbol),
        (("BTC/USD",), 420, "h.csv", CheckFailed),
        (("BTC/USD",), 300, "h.txt", ConfigError),
    ],
)
async def test_what_cannot_be_fetched_leaves_no_file(
    tmp_path: Path, symbols: tuple[str, ...], interval_s: int, name: str, error: type[Exception]
) -> None:
    async with served() as venue:
        with pytest.raises(error):
            await fetch(venue.settings, symbols, [interval_s], venue.start_ns, tmp_path / name)

    assert not any(tmp_path.glob("*"))  # noqa: ASYNC240

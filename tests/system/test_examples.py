"""Every example runs as it stands, against local venues named in a settings file."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from leadline.clock import SystemClock
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.exchange import Exchange
from leadline.emulator.serve import serve

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))
OPTIONS = {"place_and_cancel": ["--place"], "follow_fills": ["--buy"], "futures_position": ["--buy"]}
TELLS = {
    "place_and_cancel": "working \nthe cancel was taken\n",
    "follow_fills": "BTC/USD: buy 0.0005",
    "futures_position": "long 0.005 BTC/USDT:USDT from ",
    "two_venues": ", agreed\n",
}
VENUES = {"futures_position": ("binance",), "two_venues": ("kraken", "binance")}


def written(told: dict[str, Any], names: tuple[str, ...], state: Path) -> str:
    """Local venues as a settings file."""
    lines = [f"state_dir: {state}", "venues:"]
    for venue in names:
        lines.append(f"  {venue}:")
        for section in ("endpoints", "credentials"):
            lines.append(f"    {section}:")
            lines += [f"      {name}: {value}" for name, value in told[venue][section].items()]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
async def test_the_example_runs_to_its_end(example: Path, tmp_path: Path) -> None:
    clock = SystemClock()
    exchange = Exchange(start_ns=clock.wall_ns(), seed=3, rate=200.0, history_minutes=10)
    binance = BinanceExchange(start_ns=clock.wall_ns(), seed=3, rate=100.0, history_minutes=10)
    async with serve(exchange, clock, binance=binance) as endpoints:
        settings = tmp_path / "leadline.yaml"
        names = VENUES.get(example.stem, ("kraken",))
        settings.write_text(written(endpoints.as_json(), names, tmp_path / "state"))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", str(example), str(settings), *OPTIONS.get(example.stem, ()),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 60)

    assert err.decode() == ""
    assert process.returncode == 0
    assert out.strip()
    assert TELLS.get(example.stem, "") in out.decode()


async def test_an_order_is_placed_only_when_that_is_asked_for(tmp_path: Path) -> None:
    clock = SystemClock()
    exchange = Exchange(start_ns=clock.wall_ns(), seed=3, rate=200.0, history_minutes=10)
    [example] = [path for path in EXAMPLES if path.stem == "place_and_cancel"]
    async with serve(exchange, clock) as endpoints:
        settings = tmp_path / "leadline.yaml"
        settings.write_text(written(endpoints.as_json(), ("kraken",), tmp_path / "state"))
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(example), str(settings), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(process.communicate(), 60)

    assert "nothing was placed" in out.decode()
    assert not exchange.trading.demo.orders


async def test_a_position_is_opened_only_when_that_is_asked_for_and_nothing_of_it_is_left(
    tmp_path: Path,
) -> None:
    clock = SystemClock()
    exchange = Exchange(start_ns=clock.wall_ns(), seed=3, rate=0.0, history_minutes=10)
    binance = BinanceExchange(start_ns=clock.wall_ns(), seed=3, rate=100.0, history_minutes=10)
    [example] = [path for path in EXAMPLES if path.stem == "futures_position"]
    trades: list[int] = []
    async with serve(exchange, clock, binance=binance) as endpoints:
        settings = tmp_path / "leadline.yaml"
        settings.write_text(written(endpoints.as_json(), ("binance",), tmp_path / "state"))
        for options in ([], ["--buy"]):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(example), str(settings), *options), stdout=asyncio.subprocess.PIPE
            )
            await asyncio.wait_for(process.communicate(), 60)
            trades.append(len(binance.trading.demo.trades))

    assert trades[0] == 0 < trades[1]
    assert not binance.trading.demo.open_orders
    assert not [one for one in binance.trading.demo.held() if one.amount]

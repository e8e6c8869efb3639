"""Every example runs as it stands, against a local Kraken named in a settings file."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from leadline.clock import SystemClock
from leadline.emulator.exchange import Exchange
from leadline.emulator.serve import serve

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))
OPTIONS = {"place_and_cancel": ["--place"], "follow_fills": ["--buy"]}
TELLS = {"place_and_cancel": "working \nthe cancel was taken\n", "follow_fills": "BTC/USD: buy 0.0005"}


def written(venue: dict[str, Any], state: Path) -> str:
    """A local Kraken as a settings file."""
    sections = (
        "".join(
            [f"    {section}:\n", *(f"      {name}: {value}\n" for name, value in venue[section].items())]
        )
        for section in ("endpoints", "credentials")
    )
    return f"state_dir: {state}\nvenues:\n  kraken:\n" + "".join(sections)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
async def test_the_example_runs_to_its_end(example: Path, tmp_path: Path) -> None:
    clock = SystemClock()
    exchange = Exchange(start_ns=clock.wall_ns(), seed=3, rate=200.0, history_minutes=10)
    async with serve(exchange, clock) as endpoints:
        settings = tmp_path / "leadline.yaml"
        settings.write_text(written(endpoints.as_json()["kraken"], tmp_path / "state"))
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
        settings.write_text(written(endpoints.as_json()["kraken"], tmp_path / "state"))
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(example), str(settings), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(process.communicate(), 60)

    assert "nothing was placed" in out.decode()
    assert not exchange.trading.demo.orders

"""Every example runs as it stands, against a local Kraken named in a settings file."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from leadline.clock import SystemClock
from leadline.emulator.exchange import Exchange
from leadline.emulator.serve import serve

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
async def test_the_example_runs_to_its_end(example: Path, tmp_path: Path) -> None:
    clock = SystemClock()
    exchange = Exchange(start_ns=clock.wall_ns(), seed=3, rate=200.0, history_minutes=10)
    async with serve(exchange, clock) as endpoints:
        addresses = endpoints.as_json()["kraken"]["endpoints"]
        settings = tmp_path / "leadline.yaml"
        lines = [f"      {name}: {url}" for name, url in addresses.items()]
        settings.write_text("venues:\n  kraken:\n    endpoints:\n" + "\n".join(lines) + "\n")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", str(example), str(settings),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 60)

    assert err.decode() == ""
    assert process.returncode == 0
    assert out.strip()

"""No command tells a secret, with a right key or a wrong one, however much Python is asked to tell."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from canaries import Overheard, everything_in, leaks, overheard
from leadline.app.config import Settings
from trading_venue import as_file, key_variables, trading_venue

PATIENCE_S = 40


@pytest.fixture
async def tapped(tmp_path: Path) -> AsyncIterator[Overheard]:
    async with trading_venue(tmp_path / "state") as venue, overheard(venue.settings) as relay:
        yield relay


ALL_VERBS = (
    ("balance", "--json"),
    ("orders", "--json", "--emergency"),
    ("order", "buy", "BTC/USD", "0.01", "--limit", "30000", "--yes", "--json"),
    ("order", "buy", "BTC/USD", "0.01", "--limit", "30000", "--validate", "--yes"),
    ("cancel", "no-such-order", "--json"),
    ("cancel-all", "--yes", "--emergency"),
    ("status", "--json"),
    ("doctor",),
)
WRONG_SECRET = base64.b64encode(b"another private key, which nobody has seen before me, not once!!").decode()


def malformed(settings: Settings) -> list[dict[str, str]]:
    """Keys as people paste them wrongly."""
    right = key_variables(settings)
    key, secret = right["KRAKEN_API_KEY"], right["KRAKEN_PRIVATE_KEY"]
    return [
        right | {"KRAKEN_PRIVATE_KEY": WRONG_SECRET},
        right | {"KRAKEN_PRIVATE_KEY": secret[:-8]},
        right | {"KRAKEN_PRIVATE_KEY": f"{secret}\n"},
        right | {"KRAKEN_API_KEY": f'"{key}"'},
        {"KRAKEN_API_KEY": secret, "KRAKEN_PRIVATE_KEY": key},
    ]


async def command(file: Path, variables: dict[str, str], *arguments: str) -> tuple[int | None, bytes]:
    """What a command prints on both its outputs while Python tells all it can."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-m", "leadline", *arguments, "--config", str(file)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONASYNCIODEBUG": "1", **variables},
    )
    out, _ = await process.communicate()
    return process.returncode, out


async def test_no_command_tells_a_secret_with_a_right_key_or_a_wrong_one(
    tapped: Overheard, tmp_path: Path
) -> None:
    file = as_file(tapped.settings, tmp_path / "settings.yaml")
    runs = [(key_variables(tapped.settings), verb) for verb in ALL_VERBS]
    runs += [(variables, ("balance",)) for variables in malformed(tapped.settings)]
    at_once = asyncio.Semaphore(4)

    async def run(variables: dict[str, str], verb: tuple[str, ...]) -> tuple[int | None, bytes]:
        async with at_once:
            return await command(file, variables, *verb)

    async with asyncio.timeout(PATIENCE_S):
        told = await asyncio.gather(*(run(*one) for one in runs))

    places = {" ".join(verb): out for (_, verb), (_, out) in zip(runs, told, strict=True)}
    codes = [code for code, _ in told]
    assert codes[: len(ALL_VERBS)].count(0) >= 6, places
    assert codes[len(ALL_VERBS) :] == [1] * 5
    assert all(out for _, out in told)
    assert leaks(tapped.secrets() | {WRONG_SECRET}, places | everything_in(tmp_path)) == []

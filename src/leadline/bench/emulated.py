"""The emulated venue in a process of its own, as `leadline emulate` runs it, to be measured against."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from leadline.app.account_settings import AccountSettings
from leadline.app.config import Settings
from leadline.errors import ConnectFailed
from leadline.venues.kraken.auth import Credentials
from leadline.venues.kraken.kit import KrakenKey
from leadline.venues.kraken.venue import Endpoints


class _Keys(Struct, frozen=True):
    api_key: str
    private_key: str


class _Venue(Struct, frozen=True):
    endpoints: dict[str, str]
    credentials: _Keys


class Emulated(Struct, frozen=True):
    """What the process says of itself; `control` takes the faults."""

    kraken: _Venue
    control: str

    def settings(self, folder: Path) -> Settings:
        """Settings with the demo account as the main one, its files in a folder."""
        keys = self.kraken.credentials
        account = AccountSettings("main", KrakenKey(Credentials(keys.api_key, keys.private_key)))
        return Settings(Endpoints(**self.kraken.endpoints), (account,), folder)


@asynccontextmanager
async def emulated(rate: float = 0.0) -> AsyncIterator[Emulated]:
    """Run it for the length of the block, at so many market events a second; raises ConnectFailed."""
    # -P: a json.py in the folder this is started from must not be taken for the library
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "leadline", "emulate", "--rate", str(rate), "--json",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        if not line:
            raise ConnectFailed(f"the emulated venue did not start: exit code {await process.wait()}")
        yield msgspec.json.decode(line, type=Emulated)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()

"""The way of an order, measured on the disk where the journals lie: out of here, and there and back."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from leadline.app.config import state_home
from leadline.bench.round_trip import round_trip
from leadline.bench.submits import Report
from leadline.clock import Clock
from leadline.errors import ConfigError, Error


async def order_figures(clock: Clock, progress: Callable[[str], None]) -> Report:
    """Submits in a process of their own, and round trips; raises ConfigError where no file can be made."""
    with scratch_folder(state_home()) as folder:
        report = await _submits(folder)
        progress("orders there and back")
        report["order_round_trip"] = (await round_trip(folder / "round_trip", clock)).as_json()
    return report


@contextmanager
def scratch_folder(home: Path) -> Iterator[Path]:
    """A folder beside the journals, for as long as the block lasts; raises ConfigError."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        scratch = tempfile.TemporaryDirectory(prefix="bench-", dir=home)
    except OSError as error:
        raise ConfigError(f"cannot keep journals in {home}: {error.strerror}; set XDG_STATE_HOME") from error
    with scratch as folder:
        yield Path(folder)


async def _submits(folder: Path) -> Report:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "leadline.bench.submits", str(folder),
        stdout=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise Error(f"the measuring of orders ended with code {process.returncode}")
    return msgspec.json.decode(told, type=Report)

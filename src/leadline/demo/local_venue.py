"""The demo's end of the local venues: starts their process, hands over what readers saw, puts faults on.

Values wait in a bounded list and leave in batches; at the bound they count as not judged, never as right.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

from leadline.clock import Clock
from leadline.demo.observed import Seen, Started, Verdicts
from leadline.errors import Error

BATCH_EVERY_S = 0.25
MOST_WAITING = 50_000
START_PATIENCE_S = 10.0
LEAVE_PATIENCE_S = 2.0
_ANSWER_PATIENCE_S = 5.0


class VenueGone(Error):
    """The local venue's process did not start, or ended before the demo did."""


class LocalVenue:
    """A Kraken and a Binance on loopback in one process of their own, as an async context manager."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self.verdicts = Verdicts()
        self.unjudged = 0
        self._seed = seed
        self._clock = clock
        self._process: Process | None = None
        self._started: Started | None = None
        self._http: aiohttp.ClientSession | None = None
        self._waiting: list[Seen] = []

    async def __aenter__(self) -> Self:
        # -P: a json.py in the folder the demo is started from must not be taken for the library
        command = (sys.executable, "-P", "-m", "leadline.demo.venue", str(self._seed))
        # a session of its own: Ctrl-C is meant for the demo, which ends this process by closing its input
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, start_new_session=True
        )
        try:
            self._started = msgspec.json.decode(await self._line(START_PATIENCE_S), type=Started)
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWER_PATIENCE_S))
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()
        await self._leave()

    @property
    def started(self) -> Started:
        """Where it listens."""
        assert self._started is not None, "used outside its block"
        return self._started

    @property
    def address(self) -> str:
        """Of Kraken's public stream."""
        return self.started.endpoints["kraken"]["ws_public"]

    # --- faults ---

    async def inject(self, fault: dict[str, Any]) -> int:
        """Put a fault on; returns its number. Raises VenueGone."""
        answer = await self._control("POST", json=fault)
        return int(answer["id"])

    async def end_fault(self, fault_id: int) -> None:
        """End one fault; raises VenueGone."""
        await self._control("DELETE", params={"id": str(fault_id)})

    async def end_faults(self) -> None:
        """End every fault that is on; raises VenueGone."""
        await self._control("DELETE")

    async def active_faults(self) -> set[int]:
        """Numbers of the faults that are on or wait for the frame they will act on; raises VenueGone."""
        return {int(one["id"]) for one in await self._control("GET")}

    async def _control(self, method: str, **content: Any) -> Any:
        assert self._http is not None, "used outside its block"
        try:
            async with self._http.request(method, f"{self.started.control}/faults", **content) as response:
                response.raise_for_status()
                return await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise VenueGone(f"the local venue does not take faults any more: {error}") from error

    # --- the referee ---

    def saw(self, seen: Seen) -> None:
        """Have one value judged."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(seen)
        else:
            self.unjudged += 1

    async def submit_for_ever(self) -> None:
        """Hand over what has been seen, batch by batch; raises VenueGone."""
        while True:
            await self._clock.sleep(BATCH_EVERY_S)
            await self.submit()

    async def submit(self) -> None:
        """Hand over what has been seen and take the verdicts; raises VenueGone."""
        process, batch = self._process, self._waiting
        assert process is not None and process.stdin is not None, "used outside its block"
        if not batch:
            return
        self._waiting = []
        try:
            process.stdin.write(msgspec.json.encode(batch) + b"\n")
            await process.stdin.drain()
        except OSError as error:
            raise VenueGone(f"the local venue has ended: {error}") from error
        self.verdicts = msgspec.json.decode(await self._line(_ANSWER_PATIENCE_S), type=Verdicts)

    async def _line(self, patience_s: float) -> bytes:
        process = self._process
        assert process is not None and process.stdout is not None
        try:
            async with asyncio.timeout(patience_s):
                line = await process.stdout.readline()
        except TimeoutError as error:
            raise VenueGone(f"the local venue said nothing for {patience_s:.0f} s") from error
        if not line:
            raise VenueGone(f"the local venue has ended with exit code {await process.wait()}")
        return line

    async def _leave(self) -> None:
        """Close its input, which ends it; after a while it is killed."""
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(LEAVE_PATIENCE_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

"""A real address on this machine that a webhook can post to; what it was told is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

PATIENCE_S = 40.0


class Receiver:
    """What was posted so far; `address` is where."""

    def __init__(self) -> None:
        self.address = ""
        self.told: list[dict[str, Any]] = []
        self._news = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        self.told.append(await request.json())
        self._news.set()
        return web.Response()

    def of(self, rule: str) -> list[str]:
        """The states that were posted of a rule, in order."""
        return [each["state"] for each in self.told if each["rule"] == rule]

    async def hears(self, rule: str, *states: str) -> None:
        """Return when this is what was posted of a rule."""
        async with asyncio.timeout(PATIENCE_S):
            while self.of(rule) != [*states]:
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """One for the length of the block."""
    found = Receiver()
    app = web.Application()
    app.router.add_post("/hook", found.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        found.address = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        yield found
    finally:
        await runner.cleanup()

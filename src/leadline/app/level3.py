"""Single orders on a line of their own: connected, with a token of its own, only while somebody reads."""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

from leadline.app.authorised import Connect, authorised
from leadline.app.beside import beside
from leadline.clock import Clock
from leadline.core.retry import Backoff, ConnectBudget, Randomness
from leadline.engine.level3 import Level3Feed
from leadline.errors import ConnectFailed, Error
from leadline.net.connection import Line
from leadline.net.websocket import Socket
from leadline.venues.kit import MakeSingleOrders

_log = logging.getLogger("leadline")


async def no_address() -> Socket:
    """Stands for an address that the venue does not have."""
    raise ConnectFailed("no address was given", terminal=True)


class Level3Line:
    """The line behind `feed`; `run` keeps it while there are readers."""

    def __init__(
        self,
        make: MakeSingleOrders,
        connect: Connect,
        clock: Clock,
        chance: Randomness,
        connects: ConnectBudget,
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._read = asyncio.Event()
        self._unread = asyncio.Event()
        self.feed = Level3Feed(clock, self._want, self._unwant)
        made = make(self.feed.receive)
        self.session, self._authorise = made.session, made.authorise
        self.line = Line(self.session, self._authorised, clock, Backoff(chance), connects)

    async def run(self) -> NoReturn:
        """Connect whenever there are readers, until cancelled."""
        while True:
            await self._read.wait()
            self._unread.clear()
            async with beside(self._stay_connected):
                await self._unread.wait()

    def _want(self, symbol: str, depth: int) -> None:
        self.session.want(symbol, depth, self._clock.mono_ns())
        self._read.set()
        self.line.poke()

    def _unwant(self, symbol: str) -> None:
        self.session.unwant(symbol, self._clock.mono_ns())
        self.line.poke()
        if not self.session.wanted():
            self._read.clear()
            self._unread.set()

    async def _authorised(self) -> Socket:
        return await authorised(self._authorise, self._connect)

    async def _stay_connected(self) -> None:
        try:
            await self.line.run()
        except Error as error:
            _log.error("the stream of single orders is over: %s", error)
            self.feed.fail(error)

"""Planted bugs of orders: what a client could well do wrong between its program and the venue.

Each is put in at a port, so that the product knows nothing of it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from itertools import count

from msgspec.structs import replace

from leadline.app.account import LiveAccount
from leadline.core.account_session import (
    AccountNews,
    AccountSession,
    EmitAccount,
    OrdersReported,
    OrdersSnapshot,
)
from leadline.core.nonce import Scale
from leadline.engine.records import AnyRecord, Intent
from leadline.errors import ConnectionLost, Error, VenueError
from leadline.model.order import Event, OrderKey, OrderReport
from leadline.net.key_state import MemoryKeyState
from leadline.net.websocket import Socket
from leadline.simulation.journal import SimulatedJournal
from leadline.venues.kraken.account import KrakenAccount
from leadline.venues.ports import Path, Placed, Placement

LATE_S = 0.2
PATIENCE_S = 0.5
"""Less than a look-up takes now and then: several round trips, one of a hundred of which lasts a second."""

_SEQUENCE = re.compile(r'"sequence":(\d+)')


class JournalAfterSend(SimulatedJournal):
    """An intent is written when there is time for it."""

    async def write(self, *records: AnyRecord) -> None:
        if any(isinstance(record, Intent) for record in records):
            self._later = asyncio.ensure_future(self._write_late(*records))
        else:
            await super().write(*records)

    async def _write_late(self, *records: AnyRecord) -> None:
        await self._clock.sleep(LATE_S)
        await super().write(*records)


class RetryOnTimeout(KrakenAccount):
    """What was not answered is sent once more."""

    async def place(self, placement: Placement, path: Path) -> Placed:
        try:
            return await super().place(placement, path)
        except ConnectionLost:
            return await super().place(placement, Path.REST)


class NoFillDedupe(KrakenAccount):
    """Every time a match is told it is another one."""

    def session(self, emit: EmitAccount) -> AccountSession:
        numbers = count()

        def unnamed(report: OrderReport) -> OrderReport:
            if report.fill is None:
                return report
            named = f"{report.fill.exec_id}#{next(numbers)}"
            return replace(report, fill=replace(report.fill, exec_id=named, trade_id=None))

        def tell(news: AccountNews, now_ns: int) -> None:
            match news:
                case OrdersReported(reports):
                    emit(OrdersReported(tuple(map(unnamed, reports))), now_ns)
                case OrdersSnapshot(reports):
                    emit(OrdersSnapshot(tuple(map(unnamed, reports))), now_ns)
                case _:
                    emit(news, now_ns)

        return super().session(tell)


class ClockNonce(MemoryKeyState):
    """A nonce is the time, whatever the last one was."""

    async def next_nonce(self, wall_ns: int) -> int:
        return Scale.MICROSECONDS.of(wall_ns)


class _Renumbered:
    """A socket on which no number of a channel is ever missing."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._numbers: dict[str, int] = {}
        self.send = socket.send
        self.close = socket.close

    async def receive(self) -> bytes:
        text = (await self._socket.receive()).decode()
        found, channel = _SEQUENCE.search(text), text[:24]
        if found is None:
            return text.encode()
        first = '"type":"snapshot"' in text[:60]
        number = self._numbers[channel] = int(found[1]) if first else self._numbers.get(channel, 0) + 1
        return f'{text[: found.start()]}"sequence":{number}{text[found.end() :]}'.encode()


class SequenceGapIgnored(LiveAccount):
    """Whatever number a message has, it is the next one."""

    async def _authorised(self, session: AccountSession) -> Socket:
        return _Renumbered(await super()._authorised(session))


class CancelErrorAsVerdict(KrakenAccount):
    """An order that cannot be cancelled is taken for one that is."""

    def session(self, emit: EmitAccount) -> AccountSession:
        self._emit = emit
        return super().session(emit)

    async def cancel(self, keys: Sequence[OrderKey], path: Path) -> list[VenueError | None]:
        answers = await super().cancel(keys, path)
        for key, error in zip(keys, answers, strict=True):
            if error is not None and error.text.startswith("EOrder:Unknown order") and key.order_id:
                gone = OrderReport(event=Event.CANCELED, order_id=key.order_id, client_id=key.client_id)
                self._emit(OrdersReported((gone,)), self._clock.mono_ns())
        return answers


class UnknownByTimer(KrakenAccount):
    """What has not been found after a while is taken for never placed."""

    def passed(self, deadline_ns: int, margin_s: float) -> bool:
        return True

    async def find(
        self,
        key: OrderKey,
        since_ns: int,
        known: Collection[str] = (),
        leaving: Callable[[], None] | None = None,
    ) -> Sequence[OrderReport]:
        with suppress(Error, TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                return await super().find(key, since_ns, known, leaving)
        if leaving is not None:
            leaving()
        return ()


class ReplayBlindly(KrakenAccount):
    """What was not answered is sent again as soon as the account's stream is back."""

    def session(self, emit: EmitAccount) -> AccountSession:
        self._unanswered: list[Placement] = []

        def tell(news: AccountNews, now_ns: int) -> None:
            emit(news, now_ns)
            if isinstance(news, OrdersSnapshot):
                again, self._unanswered = self._unanswered, []
                self._replaying = [asyncio.ensure_future(self._replay(one)) for one in again]

        return super().session(tell)

    async def place(self, placement: Placement, path: Path) -> Placed:
        try:
            return await super().place(placement, path)
        except ConnectionLost:
            self._unanswered.append(placement)
            raise

    async def _replay(self, placement: Placement) -> None:
        with suppress(Error):
            await super().place(placement, Path.REST)

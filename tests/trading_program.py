"""A program that trades, and dies by its own hand at the point of its work that it was told.

Run as `python trading_program.py SETTINGS POINT`. It leaves a history of orders, says `history`, and goes on
to its death; ports of its own carry the points, so that nothing waits for the right moment. The other things
it can be told to do are at the end.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import signal
import struct
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, Self

from leadline.app.account import LiveAccount, Places
from leadline.app.config import Settings, load_settings
from leadline.app.opening import client_of, market_of, ports_of
from leadline.app.system import System
from leadline.clock import SystemClock
from leadline.core.retry import ConnectBudget, Randomness
from leadline.engine.dead_man import DeadManChanged
from leadline.engine.journal import Journal
from leadline.engine.records import AnyRecord, Intent
from leadline.engine.sqlite_journal import SqliteJournal
from leadline.errors import Error
from leadline.model.market import Side
from leadline.model.order import Amendment, OrderKey, OrderKind, OrderRequest
from leadline.net import websocket
from leadline.net.http import Purpose
from leadline.net.websocket import AiohttpSocket, Socket
from leadline.venues.ports import Path as Way

BTC = "BTC/USD"
READY_S = 20.0


class Point(Enum):
    """Where it dies."""

    BEFORE_JOURNAL = "before the journal"
    AFTER_JOURNAL = "after the journal"
    MID_SEND = "amid the sending"
    AFTER_SEND = "after the sending"
    AFTER_ACK = "after the acknowledgement"
    AFTER_PARTIAL_FILL = "after a partial fill"
    MID_AMEND = "amid an amend"
    MID_CANCEL = "amid a cancel"
    MID_BATCH = "amid a batch"
    ALL_DONE = "after all is done"


def die() -> NoReturn:
    """None of this process's code runs after this."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


class Fate:
    """The point, once it is near."""

    def __init__(self, point: Point) -> None:
        self.point = point
        self.near = False

    def strikes(self, *points: Point) -> bool:
        return self.near and self.point in points


class DyingJournal:
    """A journal around which its program may die."""

    def __init__(self, inner: SqliteJournal, fate: Fate) -> None:
        self._inner = inner
        self._fate = fate

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._inner.__aexit__(*error)

    def records(self) -> Sequence[AnyRecord]:
        return self._inner.records()

    def note(self, *records: AnyRecord) -> None:
        self._inner.note(*records)

    def next_userref(self) -> int:
        return self._inner.next_userref()

    async def write(self, *records: AnyRecord) -> None:
        intends = any(isinstance(record, Intent) for record in records)
        if intends and self._fate.strikes(Point.BEFORE_JOURNAL):
            die()
        await self._inner.write(*records)
        if intends and self._fate.strikes(Point.AFTER_JOURNAL):
            die()


_SENT = {
    Point.AFTER_SEND: '"add_order"',
    Point.MID_AMEND: '"amend_order"',
    Point.MID_CANCEL: '"cancel_order"',
    Point.MID_BATCH: '"batch_add"',
}
_HEARD = {Point.AFTER_ACK: b'"method":"add_order"', Point.AFTER_PARTIAL_FILL: b'"exec_type":"trade"'}


class DyingSocket:
    """A socket around which its program may die, also when half of a message has left."""

    def __init__(self, inner: AiohttpSocket, fate: Fate) -> None:
        self._inner = inner
        self._fate = fate

    async def receive(self) -> bytes:
        frame = await self._inner.receive()
        if any(self._fate.strikes(point) and mark in frame for point, mark in _HEARD.items()):
            die()
        return frame

    async def send(self, text: str) -> None:
        if self._fate.strikes(Point.MID_SEND) and '"add_order"' in text:
            whole = _framed(text.encode())
            upgraded = self._inner._upgraded
            os.write(upgraded.get_extra_info("socket").fileno(), whole[: len(whole) // 2])
            die()
        await self._inner.send(text)
        if any(self._fate.strikes(point) and mark in text for point, mark in _SENT.items()):
            die()

    async def close(self) -> None:
        await self._inner.close()


def _framed(payload: bytes) -> bytes:
    """One final text frame of a client, masked with nothing (RFC 6455 §5.2)."""
    return struct.pack("!BBH", 0x81, 0x80 | 126, len(payload)) + bytes(4) + payload


def system_of(
    settings: Settings,
    journal: Callable[[SqliteJournal], AbstractAsyncContextManager[Journal]] = lambda inner: inner,
    socket: Callable[[AiohttpSocket], Socket] = lambda inner: inner,
    chance: Randomness | None = None,
) -> System:
    """What `leadline.open` makes, with the journal and the account's socket put into others."""
    clock = SystemClock()
    http = client_of(settings, clock)
    market = market_of(settings, http, clock)
    account, places = settings.account(), Places(settings.folder, settings.venue)

    async def connected(url: str) -> Socket:
        return socket(await websocket.connect(url))

    live = LiveAccount(
        account,
        ports_of(settings, account.name, http, market, clock),
        places.key_state(account, clock),
        journal(places.journal(account, clock)),
        partial(connected, settings.endpoints.ws_private),
        clock,
        chance=chance or random.Random(),
        connects=ConnectBudget(),
        private_lines=settings.lines.private,
        rotate_after_s=settings.lines.rotate_after_s,
    )
    public = partial(websocket.connect, settings.endpoints.ws_public)
    return System(
        market, public, clock, chance=random.Random(), connects=ConnectBudget(), http=http, account=live
    )


def limit(side: Side, qty: str, price: Decimal | str, **more: Any) -> OrderRequest:
    size = {"qty": Decimal(qty), "limit_price": Decimal(price)}
    return OrderRequest(symbol=BTC, side=side, kind=OrderKind.LIMIT, **size, **more)


FAR = limit(Side.BUY, "0.01", "30000")
SURVIVING = limit(Side.BUY, "0.02", "30000", survive=True)
AT_ONCE = OrderRequest(symbol=BTC, side=Side.BUY, kind=OrderKind.MARKET, qty=Decimal("0.002"))
SHORT_S = 1.0
"""So that what was never placed is soon known to be."""


async def history(system: System) -> str:
    """One order that rests, one that filled, one that was cancelled; the first one's client id."""
    resting = await system.orders.submit(FAR)
    await system.orders.submit(AT_ONCE)
    gone = await system.orders.submit(FAR)
    await system.orders.cancel(gone.client_id)
    return resting.client_id


async def last_act(system: System, point: Point, resting: str) -> None:
    """What it does when it dies."""
    orders = system.orders
    match point:
        case Point.MID_CANCEL:
            await orders.cancel(resting)
        case Point.MID_AMEND:
            await orders.amend(resting, Amendment(limit_price=Decimal("30001")))
        case Point.MID_BATCH:
            prices = ("30002", "30003")
            await orders.batch([limit(Side.BUY, "0.01", price, deadline_s=SHORT_S) for price in prices])
        case Point.AFTER_PARTIAL_FILL:
            [ticker] = (await system.market.fetch_tickers([BTC], Purpose.ACCOUNT)).values()
            await orders.submit(limit(Side.BUY, "12", ticker.ask, deadline_s=SHORT_S))
        case _:
            await orders.submit(limit(Side.BUY, "0.01", "30004", deadline_s=SHORT_S))


async def doomed(settings: Settings, point: Point) -> None:
    """Live to the point, and no further."""
    fate = Fate(point)
    around = (partial(DyingJournal, fate=fate), partial(DyingSocket, fate=fate))
    async with system_of(settings, *around) as system:
        await system.ready(READY_S)
        resting = await history(system)
        print("history", flush=True)
        fate.near = True
        await last_act(system, point, resting)
        if point is Point.ALL_DONE:
            die()
        await asyncio.Event().wait()


async def stays(settings: Settings) -> None:
    """Place two orders, wait for the dead-man switch if there is to be one, and leave when the input ends."""
    async with system_of(settings) as system:
        armed = asyncio.Event()
        system.desk.log.listen(lambda event: armed.set() if isinstance(event, DeadManChanged) else None)
        await system.ready(READY_S)
        await system.orders.submit(FAR)
        await system.orders.submit(SURVIVING)
        if settings.account().dead_man_s:
            await armed.wait()
        print("placed", flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def on_a_full_disk(settings: Settings) -> None:
    """Trade until no file may grow any more, go on, and say what came of each thing it tried.

    What lies inside a file may still be overwritten, as on a disk that is really full.
    """
    folder = (settings.state_dir or Path()) / "kraken"
    log = folder / "main" / "orders.sqlite-wal"
    async with system_of(settings) as system:
        await system.ready(READY_S)
        orders = system.orders
        known = [(await orders.submit(FAR)).client_id for _ in range(3)]
        before, after = resource.getrlimit(resource.RLIMIT_FSIZE)
        while log.stat().st_size <= (
            largest := max(one.stat().st_size for one in (folder / "keys").iterdir())
        ):
            known.append((await orders.submit(FAR)).client_id)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, after))
        told: dict[str, Any] = {
            "order": await outcome(orders.submit(FAR)),
            "order again": await outcome(orders.submit(FAR)),
            "amend": await outcome(orders.amend(known[0], Amendment(limit_price=Decimal("30001")))),
            "cancel": await outcome(orders.cancel(known[0])),
            "cancel by REST": await outcome(emergency(system, known[1])),
            "cancel all": await outcome(orders.cancel_all()),
        }
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, after))
        told["order with room"] = await outcome(orders.submit(FAR))
        print(json.dumps(told), flush=True)


async def emergency(system: System, client_id: str) -> None:
    """A cancel that needs a nonce."""
    assert system.account is not None
    [error] = await system.account.account.cancel([OrderKey(client_id=client_id)], Way.REST)
    if error is not None:
        raise error


async def outcome(work: Awaitable[object]) -> str:
    """ "done", or the error's type and text."""
    try:
        await work
    except Error as error:
        return f"{type(error).__name__}: {error}"
    return "done"


async def opens_and_is_cut_off(settings: Settings, at_bytes: int) -> None:
    """Die where a file would grow beyond so many bytes: amid whatever the opening of the journal writes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (at_bytes, at_bytes))
    async with system_of(settings):
        print("alive", flush=True)


def main(file: str, wanted: str) -> None:
    settings = load_settings(Path(file))
    match wanted:
        case "stay":
            asyncio.run(stays(settings))
        case "full disk":
            asyncio.run(on_a_full_disk(settings))
        case _ if wanted.isdecimal():
            asyncio.run(opens_and_is_cut_off(settings, int(wanted)))
        case _:
            asyncio.run(doomed(settings, Point(wanted)))


if __name__ == "__main__":
    main(*sys.argv[1:])

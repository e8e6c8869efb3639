"""A desk over a Binance account and the emulated venue, without sockets, on a clock advanced by hand."""

from __future__ import annotations

import asyncio
from collections import deque
from decimal import Decimal
from random import Random
from typing import Any, Self
from urllib.parse import urlencode

from leadline.clock import NS_PER_S, ManualClock
from leadline.core.account_session import AccountSession
from leadline.core.breaker import Breaker
from leadline.core.retry import Backoff, ConnectBudget
from leadline.emulator.binance.connection import Connection
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.binance.targets import PRIVATE
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.wire import Close, Frame
from leadline.engine.desk import Desk
from leadline.engine.journal import MemoryJournal
from leadline.errors import ConnectFailed, ConnectionLost
from leadline.model.order import Fill
from leadline.net.audit import Audit
from leadline.net.connection import Line
from leadline.net.http import MemoryHttp, Purpose, Request, Response
from leadline.net.websocket import Socket
from leadline.venues.binance import rest
from leadline.venues.binance.account import BinanceAccount
from leadline.venues.binance.auth import Credentials, Signer
from leadline.venues.binance.limits import AddressLimits, OrderLimits
from leadline.venues.binance.signed_rest import SignedRest
from leadline.venues.binance.symbols import SymbolTable

START_NS = 1_795_000_000 * NS_PER_S
BTC = "BTC/USDT:USDT"


class StageSocket:
    """One private connection of the emulated venue; implements `Socket`."""

    def __init__(self, connection: Connection, clock: ManualClock) -> None:
        self._connection = connection
        self._clock = clock
        self._frames: deque[Frame | Close] = deque()
        self._arrived = asyncio.Event()

    def pump(self) -> None:
        """Take over what the venue has sent."""
        for output in self._connection.outputs():
            if isinstance(output, Frame | Close):
                self._frames.append(output)
                self._arrived.set()

    async def receive(self) -> bytes:
        while not self._frames:
            self._arrived.clear()
            await self._arrived.wait()
        output = self._frames.popleft()
        if isinstance(output, Close):
            raise ConnectionLost(f"closed with {output.code}")
        return output.text.encode()

    async def send(self, text: str) -> None:
        self._connection.received(text, self._clock.wall_ns())

    async def close(self) -> None:
        self._connection.closed()


class Stage:
    """Everything of one account but the network; `exchange` is the venue."""

    def __init__(self, *, lines: int = 1, rate: float = 0.0, **desk: Any) -> None:
        self.clock = ManualClock(mono_ns=1_000 * NS_PER_S, wall_ns=START_NS)
        self.exchange = BinanceExchange(start_ns=START_NS, rate=rate, history_minutes=1)
        self.truth = self.exchange.trading.demo
        self.breaker = Breaker()
        self.reachable = True
        self.asked: list[str] = []
        """The paths of all requests that got through."""
        limits = AddressLimits(self.clock)
        http = MemoryHttp(self._answer, self.clock, limits.weight, limits.terms)
        signer = Signer(Credentials(self.truth.api_key, self.truth.secret))
        self.rest = SignedRest(http, signer, self.breaker, Audit(self.clock), limits.venue_time, self.clock)
        self.symbols = SymbolTable()
        info = self.exchange.request("GET", "/fapi/v1/exchangeInfo", "", START_NS)
        assert not isinstance(info, RefusedConnect)
        self.symbols.load(rest.exchange_info().read(info.body))
        self.account = BinanceAccount(
            self.rest, self.symbols, limits.venue_time, OrderLimits(limits), self.clock
        )
        self.journal = MemoryJournal()
        self.desk = Desk(self.account, self._line, self.journal, self.clock, private_lines=lines, **desk)
        self.sockets: list[StageSocket] = []
        self._tasks: list[asyncio.Task[Any]] = []

    def _answer(self, request: Request) -> Response:
        if not self.reachable:
            raise ConnectFailed("there is no way to the venue")
        self.asked.append(request.path)
        query = urlencode(request.query)
        answer = self.exchange.request(
            request.method, request.path, query, self.clock.wall_ns(), request.headers, request.body
        )
        if isinstance(answer, RefusedConnect):
            raise ConnectionLost("reset") if answer.executed else ConnectFailed("refused")
        return Response(answer.status, answer.headers, answer.body)

    def _line(self, session: AccountSession) -> Line:
        async def connect() -> Socket:
            if not self.reachable:
                raise ConnectFailed("there is no way to the venue")
            await self.account.authorise(session)
            connection = self.exchange.connect(self.clock.wall_ns(), PRIVATE)
            assert isinstance(connection, Connection)
            socket = StageSocket(connection, self.clock)
            self.sockets.append(socket)
            return socket

        return Line(session, connect, self.clock, Backoff(Random(1)), ConnectBudget())

    async def __aenter__(self) -> Self:
        await self.desk.__aenter__()
        for work in (self.desk.lines.run(), self.account.run()):
            self._tasks.append(asyncio.ensure_future(work))
        return self

    async def __aexit__(self, *exit_: object) -> None:
        leaving = asyncio.ensure_future(self.desk.__aexit__(None, None, None))
        while not leaving.done():
            await self.passing(0.1)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await leaving

    async def passing(self, seconds: float, step_s: float = 0.02) -> None:
        """Let time pass at the venue and here."""
        for _ in range(max(1, round(seconds / step_s))):
            self.clock.advance(step_s)
            self.exchange.advance(self.clock.wall_ns())
            for _ in range(4):
                for socket in self.sockets:
                    socket.pump()
                for _ in range(8):
                    await asyncio.sleep(0)

    async def done(self, work: Any, seconds: float = 20.0) -> Any:
        """What something comes to while time passes."""
        task = asyncio.ensure_future(work)
        left_s = seconds
        while not task.done() and left_s > 0:
            await self.passing(0.1)
            left_s -= 0.1
        return await task

    def cut(self) -> None:
        """Every private connection breaks."""
        for connection in self.exchange.connections:
            if isinstance(connection, Connection):
                connection.close(1006, "cut")

    # --- what is true at the venue ---

    def wallet(self, asset: str = "USDT") -> Decimal:
        return Decimal(self.truth.wallets[asset]).scaleb(-8)

    def fills(self) -> set[str]:
        """The names of all matches of the account."""
        return {f"{trade.symbol}:{trade.trade_id}" for trade in self.truth.trades}

    def position(self, symbol: str = BTC) -> Decimal:
        wire = self.symbols.wire(symbol)
        held = [one for one in self.truth.held() if one.symbol == wire]
        scale = self.exchange.market.listings[wire].pair.qty_precision
        return Decimal(sum(one.amount for one in held)).scaleb(-scale)

    # --- what we know ---

    def our_fills(self) -> list[Fill]:
        return [fill for order in self.desk.orders.orders() for fill in order.fills]

    async def our_wallet(self, asset: str = "USDT") -> Decimal:
        reading = await self.done(self.desk.balances.get(asset))
        total: Decimal = reading.value.total
        return total

    async def our_position(self, symbol: str = BTC) -> Decimal:
        reading = await self.done(self.desk.reads.positions())
        return sum((each.qty for each in reading.value if each.symbol == symbol), Decimal(0))

    async def ask(self, purpose: Purpose = Purpose.ACCOUNT) -> None:
        """Read the open orders once."""
        await self.done(self.account.fetch_open_orders(purpose))

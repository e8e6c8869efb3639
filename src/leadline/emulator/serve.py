"""The emulated venues on real sockets: WebSocket, REST and control on one loopback port.

It only carries: what is said, and when, is each exchange's business. Plain text never leaves the machine, so
it binds to loopback addresses alone.
"""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import WSMsgType, web

from leadline.clock import NS_PER_S, Clock
from leadline.emulator.control import Control
from leadline.emulator.exchange import Exchange
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.surface import Doors, EmulatedVenue, VenueLine
from leadline.emulator.wire import Close, Ping
from leadline.errors import ConfigError

LEAST_PAUSE_S = 0.001
SLICE_NS = 20_000_000
CATCH_UP_NS = 250_000_000
SOCKET_BACKLOG_BYTES = 4_000_000
CLOSE_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the venues are to be reached, and the invented keys of their demo accounts."""

    base: str
    venues: Mapping[str, Doors]

    @property
    def control(self) -> str:
        return f"http://{self.base}/control"

    def as_json(self) -> dict[str, Any]:
        """The object `leadline emulate --json` prints: addresses and keys by venue, and the control."""
        venues = {name: self._of(doors) for name, doors in self.venues.items()}
        # Those of Kraken stand on their own too, where they stood before there was another venue.
        return {**venues, "control": self.control, "credentials": venues["kraken"]["credentials"]}

    def _of(self, doors: Doors) -> dict[str, dict[str, str]]:
        sockets = {route: f"ws://{self.base}{path}" for route, path in doors.endpoints.items()}
        endpoints = {"rest": f"http://{self.base}", **sockets}
        return {"endpoints": endpoints, "credentials": dict(doors.credentials)}


class Client:
    """One accepted WebSocket: the venue's connection and the transport its frames go out on."""

    def __init__(self, connection: VenueLine, transport: asyncio.Transport) -> None:
        self.connection = connection
        self._transport = transport
        self._paused = False

    def flush(self) -> None:
        """Hand everything that is due to the socket in one write."""
        if self.connection.frozen != self._paused:
            self._paused = self.connection.frozen
            (self._transport.pause_reading if self._paused else self._transport.resume_reading)()
        if self._transport.is_closing() or self._transport.get_write_buffer_size() > SOCKET_BACKLOG_BYTES:
            return
        # Finished frames in one write: one system call for a burst instead of one for each frame.
        written: list[bytes] = []
        for output in self.connection.outputs():
            if isinstance(output, Close):
                self._end(output, written)
                return
            if isinstance(output, Ping):
                written.append(_framed(0x89, output.payload))
            else:
                written.append(_framed(0x81, output.text.encode()))
        if written:
            self._transport.write(b"".join(written))

    def abort(self) -> None:
        self._transport.abort()

    def _end(self, close: Close, written: list[bytes]) -> None:
        if close.code == 1006:
            self._transport.abort()
            return
        reason = close.reason.encode()[:120].decode(errors="ignore")
        payload = struct.pack("!H", close.code) + reason.encode()
        self._transport.write(b"".join([*written, _framed(0x88, payload)]))
        asyncio.get_running_loop().call_later(CLOSE_PATIENCE_S, self._transport.abort)


class Server:
    """The listening side of one exchange, and of another beside it."""

    def __init__(self, exchange: Exchange, clock: Clock, binance: EmulatedVenue | None = None) -> None:
        self._exchange = exchange
        self.venues: dict[str, EmulatedVenue] = {"kraken": exchange}
        if binance is not None:
            self.venues["binance"] = binance
            # One control address for both, so no two faults may have the same id.
            binance.board.ids = exchange.board.ids
        self._clock = clock
        self._clients: set[Client] = set()
        self._poked = asyncio.Event()
        self._offset_ns = clock.wall_ns() - clock.mono_ns()
        self._at_ns = self._now_ns()

    def application(self) -> web.Application:
        app = web.Application()
        for venue in self.venues.values():
            for pattern, route in venue.doors.sockets.items():
                app.router.add_get(pattern, partial(self._websocket, venue, route))
            app.router.add_route("*", f"{venue.doors.rest}{{tail:.*}}", partial(self._rest, venue))
        app.add_routes(Control(self._exchange, self._step, self.venues).routes())
        return app

    async def run(self) -> None:
        """Keep the market moving and the frames going, for ever."""
        while True:
            behind = self._step(SLICE_NS) < self._now_ns() - SLICE_NS
            if behind:
                await self._clock.sleep(0)
                continue
            self._poked.clear()
            due_ns = min(venue.next_event_at() for venue in self.venues.values())
            due_s = (due_ns - self._now_ns()) / NS_PER_S
            try:
                async with asyncio.timeout(max(LEAST_PAUSE_S, due_s)):
                    await self._poked.wait()
            except TimeoutError:
                pass

    def abort(self) -> None:
        """Cut every connection."""
        for client in self._clients:
            client.abort()

    def _now_ns(self) -> int:
        """Unix time that never steps."""
        return self._offset_ns + self._clock.mono_ns()

    def _step(self, at_most_ns: int = CATCH_UP_NS) -> int:
        """Bring the exchanges up to now (or so much nearer) and send what that produced.

        Where the market is too fast for the machine their time falls behind, and requests are still answered.
        """
        self._at_ns = max(self._at_ns, min(self._now_ns(), self._at_ns + at_most_ns))
        for venue in self.venues.values():
            venue.advance(self._at_ns)
        self._flush()
        return self._at_ns

    def _flush(self) -> None:
        """Send what has been said."""
        for client in self._clients:
            client.flush()
        self._poked.set()

    async def _websocket(self, venue: EmulatedVenue, route: str, request: web.Request) -> web.StreamResponse:
        """Carry one connection for as long as it lasts."""
        refused = venue.refusal(self._step(), route)
        if refused is not None:
            return _turned_away(request, refused)
        socket = web.WebSocketResponse(compress=False, autoping=False)
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        connection = venue.connect(self._step(), route, request.raw_path)
        client = Client(connection, transport)
        self._clients.add(client)
        client.flush()
        try:
            async for message in socket:
                now_ns = self._step()
                if message.type == WSMsgType.TEXT:
                    connection.received(message.data, now_ns)
                    self._flush()
                elif message.type == WSMsgType.PING:
                    connection.touched(now_ns)
                    await socket.pong(message.data)
                elif message.type == WSMsgType.PONG:
                    connection.ponged(message.data)
        finally:
            self._clients.discard(client)
            connection.closed()
        return socket

    async def _rest(self, venue: EmulatedVenue, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = list(request.headers.items())
        # As they came: a signature covers the text behind the question mark.
        path, _, query = request.raw_path.partition("?")
        answer = venue.request(request.method, path, query, self._step(), headers, body)
        self._flush()
        if isinstance(answer, RefusedConnect):
            return _turned_away(request, answer)
        if answer.delay_s:
            await self._clock.sleep(answer.delay_s)
        return web.Response(status=answer.status, body=answer.body, headers=dict(answer.headers))


def _turned_away(request: web.Request, refused: RefusedConnect) -> web.Response:
    if refused.status is not None:
        return web.Response(status=refused.status)
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _framed(opcode: int, payload: bytes) -> bytes:
    """One unmasked, final WebSocket frame (RFC 6455 §5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((opcode, size)) + payload
    if size < 65_536:
        return struct.pack("!BBH", opcode, 126, size) + payload
    return struct.pack("!BBQ", opcode, 127, size) + payload


@asynccontextmanager
async def serve(
    exchange: Exchange,
    clock: Clock,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    binance: EmulatedVenue | None = None,
) -> AsyncIterator[Endpoints]:
    """Serve the exchange until the block ends, and Binance's beside it; port 0 takes a free one.

    Raises `ConfigError`.
    """
    if not _is_loopback(host):
        raise ConfigError(f"the emulator listens on loopback only, not on {host!r}; use 127.0.0.1 or ::1")
    server = Server(exchange, clock, binance)
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {host} port {port}: {error.strerror or error}; "
                "choose another port, or 0 for a free one"
            ) from error
        bound = runner.addresses[0][1]
        name = f"[{host}]" if ":" in host else host
        # Not a TaskGroup: what the caller's block raises must leave it as it is, not in a group.
        running = asyncio.create_task(server.run())
        try:
            yield Endpoints(f"{name}:{bound}", {key: venue.doors for key, venue in server.venues.items()})
        finally:
            running.cancel()
            server.abort()
            with suppress(asyncio.CancelledError):
                await running
    finally:
        await runner.cleanup()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

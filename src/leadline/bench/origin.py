"""The second process of the end-to-end measurement: a venue that does nothing but send.

Run as a program it prints its address and serves until its standard input ends. `/saturation` sends as fast
as the socket takes it, `/paced` so many frames a second, each with its time of sending; REST is emulated.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from aiohttp import web

from leadline.bench.frames import book_frames
from leadline.clock import NS_PER_S, Clock, SystemClock
from leadline.emulator.exchange import Exchange
from leadline.emulator.wire import Answer

FRAMES = 4000
"""Of one book session, played again and again: each begins with a snapshot."""

DEPTH = 10
CHUNK_BYTES = 64 * 1024
STAMP = b'"timestamp":"'
STAMP_DIGITS = len("2026-09-21T14:13:31.227955Z")


def framed(text: bytes) -> bytes:
    """A server's text frame (RFC 6455 §5.2), unmasked and in one piece."""
    size = len(text)
    if size < 126:
        return b"\x81" + bytes([size]) + text
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + text
    return b"\x81\x7f" + size.to_bytes(8, "big") + text


def stamped(frame: bytes, wall_ns: int) -> bytes:
    """The frame with its time of sending, to the microsecond, in place of the venue's time if it has one."""
    found = frame.rfind(STAMP)
    if found < 0:
        return frame
    at = found + len(STAMP)
    text = datetime.fromtimestamp(wall_ns // 1000 / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()
    return frame[:at] + text + frame[at + STAMP_DIGITS :]


def chunks(frames: Iterable[bytes]) -> list[bytes]:
    """Frames ready for the wire, joined into writes of a sensible size."""
    pieces: list[bytes] = []
    waiting = bytearray()
    for frame in frames:
        waiting += framed(frame)
        if len(waiting) >= CHUNK_BYTES:
            pieces.append(bytes(waiting))
            waiting.clear()
    return [*pieces, bytes(waiting)]


class Origin:
    """Answers a subscription to the book with a given number of frames."""

    def __init__(self, clock: Clock, frames: Sequence[bytes]) -> None:
        self._clock = clock
        self._frames = frames
        self._pieces = chunks(frames)
        self._exchange = Exchange(start_ns=clock.wall_ns(), rate=0.0, history_minutes=1)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/saturation/{rounds}", self._saturation)
        app.router.add_get("/paced/{per_s}/{count}", self._paced)
        app.router.add_get("/0/public/{name}", self._rest)
        return app

    async def _saturation(self, request: web.Request) -> web.WebSocketResponse:
        socket, transport = await self._subscribed(request)
        for _ in range(int(request.match_info["rounds"])):
            for piece in self._pieces:
                transport.write(piece)
                await request.writer.drain()
        return await self._until_left(socket)

    async def _paced(self, request: web.Request) -> web.WebSocketResponse:
        socket, transport = await self._subscribed(request)
        per_s, count = int(request.match_info["per_s"]), int(request.match_info["count"])
        begun_ns = self._clock.mono_ns()
        for number in range(count):
            due_ns = begun_ns + number * NS_PER_S // per_s
            while self._clock.mono_ns() < due_ns:
                pass  # a sleep is far coarser than the distance between two frames
            frame = self._frames[number % len(self._frames)]
            transport.write(framed(stamped(frame, self._clock.wall_ns())))
            if number % 1000 == 0:
                await self._clock.sleep(0)
        return await self._until_left(socket)

    async def _subscribed(self, request: web.Request) -> tuple[web.WebSocketResponse, asyncio.WriteTransport]:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if '"channel":"book"' in message.data:
                break
        assert isinstance(request.transport, asyncio.WriteTransport)
        return socket, request.transport

    async def _until_left(self, socket: web.WebSocketResponse) -> web.WebSocketResponse:
        async for _ in socket:
            pass
        return socket

    async def _rest(self, request: web.Request) -> web.Response:
        told = self._exchange.request("GET", request.path, dict(request.query), self._clock.wall_ns())
        assert isinstance(told, Answer)
        return web.Response(status=told.status, body=told.body, content_type="application/json")


async def serve_until_input_ends() -> None:
    runner = web.AppRunner(Origin(SystemClock(), book_frames(DEPTH, FRAMES)).app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    sys.stdout.write(f"{host}:{port}\n")
    sys.stdout.flush()
    try:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve_until_input_ends())

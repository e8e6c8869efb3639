"""The Socket port and its two kinds: aiohttp, and a pair in memory.

A socket moves whole text messages and knows no venue; how long silence may last is the session's business.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import Any, Protocol, cast

import aiohttp
from aiohttp import WSMsgType

from leadline.errors import ConnectFailed, ConnectionLost
from leadline.net.endpoint import (
    USER_AGENT,
    endpoint,
    never_twice,
    proxy_for,
    proxy_unreachable,
    verifying,
)

CONNECT_TIMEOUT_S = 10.0
UPGRADE_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 1.0
MAX_MESSAGE_BYTES = 16 * 1024 * 1024

POLICY_VIOLATION = 1008
NO_STATUS = 1005
ABNORMAL_CLOSURE = 1006
TERMINAL_STATUSES = frozenset({400, 401, 403, 404})


class Socket(Protocol):
    """A connection of whole text messages."""

    async def receive(self) -> bytes:
        """The next message; nothing is lost when it is cancelled.

        Raises ConnectionLost with the close code.
        """

    async def send(self, text: str) -> None:
        """Write one message; raises ConnectionLost."""

    async def close(self) -> None:
        """Leave, within a second or so; not while somebody waits in `receive`."""


def _closed_by_peer(code: int, reason: str) -> ConnectionLost:
    said = f" ({reason})" if reason else ""
    return ConnectionLost(f"closed by the other side with code {code}{said}", code=code)


class _Messages(Protocol):
    async def read(self) -> aiohttp.WSMessage:
        """The next parsed message, control frames included."""


class _OpenReader(aiohttp.ClientWebSocketResponse):
    """Shows the queue of parsed messages, which can be read at a third of the cost of `receive`."""

    def __init__(self, reader: Any, *rest: Any, **named: Any) -> None:
        super().__init__(reader, *rest, **named)
        self.messages: _Messages = reader


class AiohttpSocket:
    """A WebSocket over aiohttp; made by `connect`."""

    def __init__(self, http: aiohttp.ClientSession, upgraded: _OpenReader) -> None:
        self._http = http
        self._upgraded = upgraded
        self._next_message = upgraded.messages.read

    async def receive(self) -> bytes:
        while True:
            try:
                message = await self._next_message()
            except aiohttp.EofStream as error:
                raise ConnectionLost("the connection ended without a close", code=ABNORMAL_CLOSURE) from error
            except aiohttp.WebSocketError as error:
                raise ConnectionLost(f"broken WebSocket framing: {error}", code=error.code) from error
            except (aiohttp.ClientError, OSError) as error:
                raise ConnectionLost(f"the connection broke: {error}", code=ABNORMAL_CLOSURE) from error
            kind = message.type
            if kind is WSMsgType.TEXT or kind is WSMsgType.BINARY:
                frame: bytes = message.data
                return frame
            if kind is WSMsgType.PING:
                await self._pong(message.data)
            elif kind is WSMsgType.CLOSE:
                raise _closed_by_peer(message.data or NO_STATUS, message.extra or "")

    async def _pong(self, payload: bytes) -> None:
        try:
            await self._upgraded.pong(payload)
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(f"the connection broke: {error}", code=ABNORMAL_CLOSURE) from error

    async def send(self, text: str) -> None:
        try:
            await self._upgraded.send_str(text)
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(f"the connection broke: {error}", code=ABNORMAL_CLOSURE) from error

    async def close(self) -> None:
        try:
            await self._upgraded.close()
        finally:
            await self._http.close()


async def connect(url: str, *, authority: ssl.SSLContext | None = None) -> AiohttpSocket:
    """Connect and upgrade; `authority` replaces the machine's own trusted certificates.

    Raises ConfigError for an address or an authority that would not be safe, else ConnectFailed, terminal
    after HTTP 400, 401, 403 and 404 (dossier §3.4).
    """
    target = endpoint(url, "wss")
    trusted = verifying(authority)
    proxy = proxy_for(target)
    http = aiohttp.ClientSession(
        ws_response_class=_OpenReader,
        middlewares=(never_twice,),  # every connect must pass the budget
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(connect=CONNECT_TIMEOUT_S, sock_read=UPGRADE_TIMEOUT_S),
        headers={"User-Agent": USER_AGENT},
    )
    try:
        upgraded = await http.ws_connect(
            target,
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S),
            autoping=False,
            ssl=trusted,
            proxy=proxy.url if proxy else None,
            proxy_headers=proxy.headers if proxy else None,
            max_msg_size=MAX_MESSAGE_BYTES,
            decode_text=False,
        )
    except BaseException as error:
        await http.close()
        if isinstance(error, aiohttp.ClientError | ConnectionLost | OSError):
            raise _refused(target.host or "", error) from error
        raise
    return AiohttpSocket(http, cast("_OpenReader", upgraded))


def _refused(host: str, error: aiohttp.ClientError | ConnectionLost | OSError) -> ConnectFailed:
    match error:
        case aiohttp.ClientHttpProxyError():
            return ConnectFailed(
                f"the proxy refuses to reach {host}: HTTP {error.status}", status=error.status
            )
        case aiohttp.WSServerHandshakeError():
            terminal = error.status in TERMINAL_STATUSES
            advice = "; trying again will not help, check the address and the permissions" if terminal else ""
            return ConnectFailed(
                f"{host} refuses the WebSocket upgrade: HTTP {error.status}{advice}",
                status=error.status,
                terminal=terminal,
            )
        case aiohttp.ClientConnectorCertificateError():
            return ConnectFailed(f"the certificate of {host} is not trusted: {error.certificate_error}")
        case aiohttp.ClientProxyConnectionError():
            return ConnectFailed(proxy_unreachable(host, error))
        case TimeoutError():
            return ConnectFailed(f"{host} did not answer in time")
    return ConnectFailed(f"cannot reach {host}: {error}")


class MemorySocket:
    """One end of a connection that never leaves the process."""

    def __init__(self) -> None:
        self._inbox: deque[bytes] = deque()
        self._lost: ConnectionLost | None = None
        self._arrival = asyncio.Event()
        self._peer = self

    def _deliver(self, message: bytes) -> None:
        self._inbox.append(message)
        self._arrival.set()

    def _end(self, lost: ConnectionLost) -> None:
        if self._lost is None:
            self._lost = lost
            self._arrival.set()

    @property
    def closed(self) -> bool:
        return self._lost is not None

    async def receive(self) -> bytes:
        while not self._inbox:
            if self._lost is not None:
                raise self._lost
            self._arrival.clear()
            await self._arrival.wait()
        return self._inbox.popleft()

    async def send(self, text: str) -> None:
        if self._lost is not None:
            raise self._lost
        self._peer._deliver(text.encode())

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Leave with a close code; what was sent before still arrives at the other end."""
        self._end(ConnectionLost("closed on this side", code=code))
        self._peer._end(_closed_by_peer(code, reason))


def memory_pair() -> tuple[MemorySocket, MemorySocket]:
    """The two ends of a connection in memory."""
    near, far = MemorySocket(), MemorySocket()
    near._peer, far._peer = far, near
    return near, far

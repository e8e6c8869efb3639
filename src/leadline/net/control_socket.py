"""A Unix socket through which the user of a running program asks it: one line in, one line out.

Rule: only the user who runs the program is answered: the folder keeps others out, who comes in is looked at.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from leadline.errors import ConfigError, ConnectFailed, ConnectionLost

LONGEST_LINE = 1 << 20
MOST_AT_ONCE = 16
"""Beyond so many connections the newest is closed unanswered."""

PATIENCE_S = 10.0
"""Who has connected and says nothing for so long is hung up on."""

LONGEST_PATH = 100
"""Of a socket's name in bytes; the system takes 104 to 108."""

SUPPORTED = sys.platform != "win32"
NOT_HERE = "the control socket needs Unix domain sockets with an owner; this platform has none"

Answer = Callable[[bytes], Awaitable[bytes]]
PeerUid = Callable[[socket.socket], int | None]

_log = logging.getLogger("leadline")


def peer_uid(connected: socket.socket) -> int | None:
    """The user at the other end; None where the system does not say (the folder alone keeps others out)."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    _, uid, _ = struct.unpack("3i", connected.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i")))
    return int(uid)


class ControlSocket:
    """Answers lines at a path, as an async context manager; whoever makes it holds a lock that no other has.

    The folder is made 0700, the socket 0600, and one that a dead process left is replaced. Entering raises
    ConfigError where that cannot be.
    """

    def __init__(self, path: Path, answer: Answer, *, uid_of: PeerUid = peer_uid) -> None:
        self._path = path
        self._answer = answer
        self._uid_of = uid_of
        self._open: set[asyncio.Task[None]] = set()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        listening = _bound(self._path)
        async with AsyncExitStack() as stack:
            stack.callback(self._remove)
            server = await asyncio.start_unix_server(self._serve, sock=listening, limit=LONGEST_LINE)
            stack.push_async_callback(self._hang_up)
            stack.callback(server.close)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def _remove(self) -> None:
        with suppress(OSError):
            self._path.unlink()

    async def _hang_up(self) -> None:
        open_now = list(self._open)
        for task in open_now:
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            if len(self._open) >= MOST_AT_ONCE or not self._welcome(writer):
                return
            self._open.add(task)
            with suppress(OSError, ValueError, TimeoutError):  # they hung up, or sent no end of a line
                await self._converse(reader, writer)
        except asyncio.CancelledError:
            pass  # we hang up; nobody waits for this task but us
        finally:
            self._open.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(PATIENCE_S):
                line = await reader.readline()
            if not line:
                return
            writer.write(await self._answer(line) + b"\n")
            await writer.drain()

    def _welcome(self, writer: asyncio.StreamWriter) -> bool:
        uid = self._uid_of(writer.get_extra_info("socket"))
        if uid is None or uid == os.getuid():
            return True
        _log.warning("a control request of user %d was refused: this is user %d's", uid, os.getuid())
        return False


def _bound(path: Path) -> socket.socket:
    """A socket bound to the path in a folder of ours alone; raises ConfigError."""
    if not SUPPORTED:
        raise ConfigError(NOT_HERE)
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise ConfigError(f"{path} is too long for a socket's name; set a shorter state_dir")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        own_folder(path.parent)
        path.unlink(missing_ok=True)
        listening.bind(os.fspath(path))
        path.chmod(0o600)
    except OSError as error:
        listening.close()
        raise ConfigError(f"cannot make the control socket {path}: {error.strerror}") from error
    return listening


def own_folder(folder: Path) -> None:
    """Make a folder that only this user can enter; raises OSError, and PermissionError for another's."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(1, "the folder belongs to another user", os.fspath(folder))
    folder.chmod(0o700)


async def ask(path: Path, request: bytes, timeout_s: float = PATIENCE_S) -> bytes:
    """The answer to one line; raises ConnectFailed where nobody listens, else ConnectionLost."""
    if not SUPPORTED:
        raise ConfigError(NOT_HERE)
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_unix_connection(os.fspath(path), limit=LONGEST_LINE)
    except PermissionError as error:
        raise ConnectFailed(f"{path} belongs to another user") from error
    except (OSError, TimeoutError) as error:
        raise ConnectFailed(f"nothing is running that listens at {path}") from error
    try:
        async with asyncio.timeout(timeout_s):
            writer.write(request + b"\n")
            line = await reader.readline()
    except TimeoutError as error:
        raise ConnectionLost(f"no answer from {path} within {timeout_s:g} s") from error
    except (OSError, ValueError):
        line = b""
    finally:
        writer.close()
    if not line.endswith(b"\n"):
        raise ConnectionLost(f"{path} hung up; does it belong to another user?")
    return line

"""What can be asked of a running system through its control socket, and who asks.

Rule: a request that is not understood is refused with the reason; nothing a request says is guessed at.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from leadline.app.durations import span
from leadline.app.report import Report, Status
from leadline.engine.file_lock import FileLock, Locked
from leadline.engine.levels import LONGEST_FORCED_S
from leadline.errors import CheckFailed, ConfigError, ConnectFailed, Error, ProtocolError
from leadline.model.level import Level
from leadline.net.control_socket import NOT_HERE, SUPPORTED, ControlSocket, ask, own_folder

_NONSENSE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_log = logging.getLogger("leadline")


class AskReport(Struct, frozen=True, tag_field="ask", tag="report"):
    """The key figures; as of every request, of this venue's system, or of whichever listens."""

    venue: str | None = None


class AskStatus(Struct, frozen=True, tag_field="ask", tag="status"):
    """The venue's mode, the breaker, and the level with its reasons."""

    venue: str | None = None


class ForceLevel(Struct, frozen=True, tag_field="ask", tag="force"):
    """Hold the system at a level for a while."""

    level: str
    for_s: float
    venue: str | None = None


class ReleaseLevel(Struct, frozen=True, tag_field="ask", tag="release"):
    """Let the level follow what is observed again."""

    venue: str | None = None


Request = AskReport | AskStatus | ForceLevel | ReleaseLevel


class Reply(Struct, frozen=True):
    """What comes back: a value as JSON, or an error in words."""

    value: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""


class Asked(Protocol):
    """The running system as the control socket knows it."""

    def report(self) -> Report:
        """The key figures now."""

    def status(self) -> Status:
        """How it stands now."""

    def force(self, level: Level, for_s: float) -> None:
        """Hold the level for so long."""

    def release(self) -> None:
        """Let the level follow what is observed."""


class Control:
    """Answers the lines of the control socket."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    async def answer(self, line: bytes) -> bytes:
        """One request to one reply, both JSON without an end of line."""
        try:
            request = msgspec.json.decode(line, type=Request)
            reply = Reply(msgspec.Raw(msgspec.json.encode(self._carried_out(request))))
        except _NONSENSE as error:
            reply = Reply(error=f"the request is not understood: {error}")
        except Error as error:
            reply = Reply(error=str(error))
        return msgspec.json.encode(reply)

    def _carried_out(self, request: Request) -> Report | Status:
        there = self._asked.status().venue
        if request.venue not in (None, there):
            raise CheckFailed(f"what listens there runs {there}; {request.venue} does not run, or elsewhere")
        match request:
            case AskReport():
                return self._asked.report()
            case ForceLevel(level=level, for_s=for_s):
                known = Level.__members__.get(level)
                if known is None or not 0 < for_s <= LONGEST_FORCED_S:
                    longest, names = span(LONGEST_FORCED_S), ", ".join(Level.__members__)
                    raise CheckFailed(f"a level is one of {names}, for more than nothing and up to {longest}")
                _log.warning("an operator holds the level at %s for %s", level, span(for_s))
                self._asked.force(known, for_s)
            case ReleaseLevel():
                _log.warning("an operator has released the level")
                self._asked.release()
        return self._asked.status()


@asynccontextmanager
async def control_socket(path: Path, asked: Asked) -> AsyncIterator[None]:
    """Answer at the path for the length of the block; raises ConfigError where another process does already.

    Where the platform has no such sockets, that is logged and nothing is answered.
    """
    if not SUPPORTED:
        _log.warning("no report, status or level from outside: %s", NOT_HERE)
        yield
        return
    lock = _only_one(path)
    try:
        async with ControlSocket(path, Control(asked).answer):
            yield
    finally:
        lock.release()


def _only_one(path: Path) -> FileLock:
    try:
        own_folder(path.parent)
        return FileLock(path.with_name(f"{path.name}.lock"))
    except Locked as held:
        who = "another process" if held.pid is None else f"process {held.pid}"
        raise ConfigError(
            f"{who} runs with this state folder already ({path.parent.parent}); "
            "stop it first, or set another state_dir"
        ) from held
    except OSError as error:
        raise ConfigError(f"cannot use the folder {path.parent}: {error.strerror}") from error


async def asked_of(path: Path, request: Request) -> msgspec.Raw:
    """The value a running system answers with; raises ConnectFailed where none runs, CheckFailed for a no."""
    line = await ask(path, msgspec.json.encode(request))
    try:
        reply = msgspec.json.decode(line, type=Reply)
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"what listens at {path} does not answer as it should: {error}", line) from error
    if reply.error:
        raise CheckFailed(reply.error)
    return reply.value


async def asked_of_all(paths: Iterable[Path], request: Request) -> list[msgspec.Raw]:
    """What each system at one of the paths answers; raises CheckFailed where none runs."""
    answers: list[msgspec.Raw] = []
    failures: list[Error] = []
    for path in paths:
        try:
            answers.append(await asked_of(path, request))
        except ConnectFailed as error:
            failures.append(error)
    if not answers:
        raise CheckFailed(f"{failures[0]}; start a system with `leadline run FILE`, or name its --config")
    return answers

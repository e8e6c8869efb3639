"""One loop for every session: frames in by direct call, outputs out in order, time when it asks for it.

Rule: per frame no task, no queue, no timer and no timeout object; they cost more than all a session does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NoReturn

from leadline.clock import NS_PER_S, Clock
from leadline.core.retry import PROOF_S, Backoff, ConnectBudget
from leadline.core.session import Output, Reconnect, Send, Session
from leadline.errors import ConnectFailed, ConnectionLost
from leadline.net.pulse import Pulse
from leadline.net.websocket import POLICY_VIOLATION, Socket

FRAMES_PER_TURN = 128
"""After so many frames everybody else gets a turn, although more may be waiting."""

OUTBOX_LIMIT = 4096
"""Unsent texts at which the other side is taken to have stopped reading."""

BLAMED_S = 30.0
"""How long at least a line waits that was closed, or turned away, for what was done: the next may ban."""

_TOO_MUCH = frozenset({418, 429})

NEVER_NS = 1 << 63

BEAT_S = 0.1
HELD_UP_S = 0.25
"""Longer than this without a turn of the loop, and what lies in the socket's buffers is as old."""

_HELD_UP_NS = round(HELD_UP_S * NS_PER_S)


class Connection:
    """A session on one socket, from open to close; `drive` is its whole life."""

    def __init__(self, session: Session, socket: Socket, clock: Clock) -> None:
        self._session = session
        self._socket = socket
        self._clock = clock
        self._tasks: asyncio.TaskGroup | None = None
        self._sleeper: asyncio.Task[None] | None = None
        self._armed_ns = NEVER_NS
        self._outbox: deque[str] = deque()
        self._outgoing = asyncio.Event()
        self._lost: ConnectionLost | None = None
        self._over = asyncio.Event()
        self._opened_ns = 0
        self._told = False
        self._pulse = Pulse(BEAT_S, HELD_UP_S)
        self.proven = False
        """Whether it had data for half a minute; known once it is over."""

    async def drive(self) -> NoReturn:
        """Run until the connection ends; the socket is closed afterwards, also on cancellation.

        Always raises: ConnectionLost, or what the session or its readers let escape.
        """
        self._opened_ns = self._clock.mono_ns()
        try:
            self._session.outputs()  # what was meant for an earlier connection
            self._session.opened(self._opened_ns)
            self._pulse.start()
            raise await self._run()
        finally:
            self._pulse.stop()
            try:
                self._tell("stopped")
            finally:
                await self._socket.close()

    def poke(self) -> None:
        """Carry out now what the session wants done, because somebody has changed what is wanted of it."""
        if self._tasks is not None:
            self._act(self._session.outputs())
            self._arm(self._session.wake_at())

    async def _run(self) -> ConnectionLost:
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                reader = tasks.create_task(self._read())
                writer = tasks.create_task(self._write())
                self.poke()
                await self._over.wait()
                for task in (reader, writer, self._sleeper):
                    if task is not None:
                        task.cancel()
                self._tasks = None
        except ExceptionGroup as group:
            raise group.exceptions[0] from group
        finally:
            self._tasks = None
        assert self._lost is not None
        return self._lost

    def _end(self, lost: ConnectionLost) -> None:
        """Tell the session in this very turn of the loop: others may go on in its place at once."""
        if self._lost is None:
            self._lost = lost
            self._over.set()
            self._tell(str(lost))

    def _tell(self, reason: str) -> None:
        """Tell the session once that its connection is gone."""
        if not self._told:
            self._told = True
            data_ns = self._session.last_data_ns
            self.proven = data_ns is not None and data_ns - self._opened_ns >= PROOF_S * NS_PER_S
            self._session.closed(reason, self._clock.mono_ns())

    def _act(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Send(text):
                    self._outbox.append(text)
                case Reconnect(reason):
                    self._end(ConnectionLost(reason))
        if self._outbox:
            self._outgoing.set()
            if len(self._outbox) > OUTBOX_LIMIT:
                self._end(ConnectionLost("the other side has stopped reading"))

    async def _read(self) -> None:
        session = self._session
        receive, mono_ns = self._socket.receive, self._clock.mono_ns
        received = session.received
        read_ns = mono_ns()
        try:
            while True:
                for _ in range(FRAMES_PER_TURN):
                    frame = await receive()
                    if self._lost is not None:
                        return
                    before_ns, read_ns = read_ns, mono_ns()
                    if read_ns - before_ns > _HELD_UP_NS:
                        self._paused(before_ns, read_ns)
                    received(frame, read_ns)
                    if session.changed:
                        self.poke()
                await self._clock.sleep(0)
        except ConnectionLost as lost:
            self._end(lost)

    def _paused(self, before_ns: int, now_ns: int) -> None:
        """No frame was read for a while: none came, or the loop was held up, and this one may be old."""
        ago_s = self._pulse.blocked_ago_s((now_ns - before_ns) / NS_PER_S)
        if ago_s is not None:
            self._session.held_up(now_ns - round(ago_s * NS_PER_S), now_ns)

    async def _write(self) -> None:
        try:
            while True:
                while self._outbox:
                    await self._socket.send(self._outbox.popleft())
                self._outgoing.clear()
                await self._outgoing.wait()
        except ConnectionLost as lost:
            self._end(lost)

    def _arm(self, wake_ns: int | None) -> None:
        """Sleep until then at the latest; a sleep that turns out too short is simply followed by another."""
        if wake_ns is None or wake_ns >= self._armed_ns or self._tasks is None:
            return
        if self._sleeper is not None:
            self._sleeper.cancel()
        self._armed_ns = wake_ns
        self._sleeper = self._tasks.create_task(self._ring(wake_ns))

    async def _ring(self, wake_ns: int) -> None:
        await self._clock.sleep(max(0, wake_ns - self._clock.mono_ns()) / NS_PER_S)
        if self._pulse.blocked_ago_s(BEAT_S) is not None:  # what lies in the buffers must be read first
            await self._clock.sleep(HELD_UP_S)
        self._sleeper, self._armed_ns = None, NEVER_NS
        now_ns = self._clock.mono_ns()
        wanted_ns = self._session.wake_at()
        if wanted_ns is not None and wanted_ns <= now_ns:
            self._session.woke(now_ns)
        self.poke()


class Line:
    """A session that is reconnected for ever.

    The first try is immediate, each later one waits for the back-off (at least the session's
    `retry_floor_s`) and for the process's budget. A close for breach of the venue's rules (1008) makes it
    wait long, and ends nothing. Its plain attributes say how it stands.
    """

    def __init__(
        self,
        session: Session,
        connect: Callable[[], Awaitable[Socket]],
        clock: Clock,
        backoff: Backoff,
        budget: ConnectBudget,
    ) -> None:
        self._session = session
        self._connect = connect
        self._clock = clock
        self._backoff = backoff
        self._budget = budget
        self._connection: Connection | None = None
        self.connects = 0
        """Connections that stood."""
        self.last_error: ConnectFailed | ConnectionLost | None = None
        """Why the last try or connection ended."""
        self.next_try_ns: int | None = None
        """When the next try is due; None while trying or connected."""
        self.since_ns: int | None = None
        """When the present connection stood; None while there is none."""

    @property
    def attempts(self) -> int:
        """Tries that ended since a connection was last stable; 0 while all is well."""
        return self._backoff.attempt

    @property
    def connected(self) -> bool:
        return self._connection is not None

    def poke(self) -> None:
        """Carry out now what the session wants done; while disconnected there is nothing to do."""
        if self._connection is not None:
            self._connection.poke()

    async def run(self) -> NoReturn:
        """Stay connected until cancelled; raises only a terminal ConnectFailed.

        Where a connection has stood, the address was right: a status at a later upgrade is an edge's mood.
        """
        delay_s = 0.0
        while True:
            spent_ns = await self._turn(delay_s)
            blamed = False
            try:
                await self._live(spent_ns)
            except ConnectFailed as error:
                self.last_error = error
                if error.terminal and (error.status is None or not self.connects):
                    raise
                blamed = error.terminal or error.status in _TOO_MUCH
            except ConnectionLost as error:
                self.last_error = error
                blamed = error.code == POLICY_VIOLATION
            delay_s = max(self._backoff.next_delay_s(), self._session.retry_floor_s)
            if blamed:
                delay_s = max(delay_s, BLAMED_S + self._backoff.spread_s())

    async def _turn(self, delay_s: float) -> int:
        """Wait for our turn and take it; other lines spend from the same budget, hence the second look."""
        while True:
            now_ns = self._clock.mono_ns()
            if delay_s <= 0:
                delay_s = self._budget.delay_s(now_ns)
                if delay_s <= 0:
                    break
                delay_s += self._backoff.spread_s()
            self.next_try_ns = now_ns + round(delay_s * NS_PER_S)
            await self._clock.sleep(delay_s)
            delay_s = 0.0
        self.next_try_ns = None
        self._budget.spend(now_ns)
        return now_ns

    async def _live(self, spent_ns: int) -> NoReturn:
        try:
            socket = await self._connect()
        except ConnectFailed:
            self._budget.clear(spent_ns)
            raise
        self.connects += 1
        self.since_ns = self._clock.mono_ns()
        connection = self._connection = Connection(self._session, socket, self._clock)
        try:
            await connection.drive()
        finally:
            self._connection = self.since_ns = None
            if connection.proven:
                self._backoff.proven()
                self._budget.clear(spent_ns)

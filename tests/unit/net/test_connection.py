from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import NoReturn

import pytest

from leadline.clock import NS_PER_S, ManualClock, SystemClock
from leadline.core.retry import SPREAD_S, UNPROVEN_PER_WINDOW, WINDOW_S, Backoff, ConnectBudget
from leadline.core.session import Output, Reconnect, Send
from leadline.errors import ConnectFailed, ConnectionLost
from leadline.net.connection import BLAMED_S, FRAMES_PER_TURN, OUTBOX_LIMIT, Connection, Line
from leadline.net.websocket import MemorySocket, Socket, memory_pair


class Script:
    """A session that notes what happens to it and does what the test has laid ready."""

    def __init__(self) -> None:
        self.last_frame_ns = 0
        self.last_data_ns: int | None = None
        self.retry_floor_s = 0.0
        self.log: list[str] = []
        self.held: list[tuple[int, int]] = []
        self.due: list[Output] = []
        self.wake_ns: int | None = None
        self.on_open: list[Output] = []
        self.on_frame: Callable[[bytes, int], None] = lambda frame, now_ns: None

    changed = False

    def opened(self, now_ns: int) -> None:
        self.log.append("opened")
        self.last_data_ns = None
        self.due += self.on_open

    def received(self, frame: bytes, now_ns: int) -> None:
        self.last_frame_ns = self.last_data_ns = now_ns
        self.log.append(frame.decode())
        self.on_frame(frame, now_ns)
        self.changed = True

    def held_up(self, since_ns: int, now_ns: int) -> None:
        self.held.append((since_ns, now_ns))

    def woke(self, now_ns: int) -> None:
        self.log.append(f"woke at {now_ns / NS_PER_S:g}")
        self.wake_ns = None

    def closed(self, reason: str, now_ns: int) -> None:
        self.log.append(f"closed: {reason}")

    def outputs(self) -> list[Output]:
        due, self.due = self.due, []
        self.changed = False
        return due

    def wake_at(self) -> int | None:
        return self.wake_ns


async def turns(count: int = 20) -> None:
    """Let every task that can go on go on."""
    for _ in range(count):
        await asyncio.sleep(0)


class Highest:
    def random(self) -> float:
        return 1.0


class Venue:
    """Accepts, refuses, and keeps the far ends."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.refusal: ConnectFailed | None = None
        self.tries_ns: list[int] = []
        self.far: list[MemorySocket] = []

    async def connect(self) -> Socket:
        self.tries_ns.append(self.clock.mono_ns())
        if self.refusal is not None:
            raise self.refusal
        near, far = memory_pair()
        self.far.append(far)
        return near


class House:
    """A line, its session and its venue."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.session = Script()
        self.venue = Venue(self.clock)
        self.line = Line(self.session, self.venue.connect, self.clock, Backoff(Highest()), ConnectBudget())

    async def pass_s(self, seconds: float, step_s: float = 0.25) -> None:
        for _ in range(round(seconds / step_s)):
            self.clock.advance(step_s)
            await turns(8)

    async def lose(self) -> None:
        await self.venue.far[-1].close(1001)
        await turns()


async def ended(task: asyncio.Task[NoReturn]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_frames_go_in_and_texts_come_out_in_order() -> None:
    clock, session = ManualClock(), Script()
    near, far = memory_pair()
    session.on_open = [Send("first"), Send("second")]
    session.on_frame = lambda frame, now_ns: session.due.append(Send(f"answer to {frame.decode()}"))
    driving = asyncio.create_task(Connection(session, near, clock).drive())

    await far.send("a")
    await far.send("b")
    sent = [await far.receive() for _ in range(4)]

    assert sent == [b"first", b"second", b"answer to a", b"answer to b"]
    await far.close(1001, "restarting")
    with pytest.raises(ConnectionLost, match="restarting") as lost:
        await driving
    assert lost.value.code == 1001
    assert session.log[:3] == ["opened", "a", "b"]
    assert session.log[3].startswith("closed: ")
    assert len(session.log) == 4


async def test_a_session_that_wants_to_leave_is_left_at_once() -> None:
    clock, session = ManualClock(), Script()
    near, far = memory_pair()
    session.on_frame = lambda frame, now_ns: session.due.append(Reconnect("silent for 5 s"))
    for _ in range(3):
        await far.send("frame")

    with pytest.raises(ConnectionLost, match="silent for 5 s"):
        await Connection(session, near, clock).drive()

    assert session.log == ["opened", "frame", "closed: silent for 5 s"]
    assert near.closed


async def test_time_passes_when_the_session_asks_for_it() -> None:
    clock, session = ManualClock(), Script()
    near, far = memory_pair()
    session.wake_ns = 5 * NS_PER_S
    driving = asyncio.create_task(Connection(session, near, clock).drive())
    await turns()

    clock.advance(4.75)
    await turns()
    assert session.log == ["opened"]
    clock.advance(0.25)
    await turns()
    assert session.log == ["opened", "woke at 5"]

    await far.close()
    with pytest.raises(ConnectionLost):
        await driving


async def test_an_alarm_moved_later_rings_once_and_one_moved_earlier_rings_early() -> None:
    clock, session = ManualClock(), Script()
    near, far = memory_pair()
    session.wake_ns = 5 * NS_PER_S
    driving = asyncio.create_task(Connection(session, near, clock).drive())
    await turns()

    def postpone(frame: bytes, now_ns: int) -> None:
        session.wake_ns = now_ns + int(frame) * NS_PER_S

    session.on_frame = postpone
    clock.advance(3)
    await far.send("5")
    await turns()
    clock.advance(4)
    await turns()
    assert session.log == ["opened", "5"]
    await far.send("9")
    await turns()
    clock.advance(2)
    await turns()
    await far.send("1")
    await turns()
    clock.advance(1)
    await turns()
    assert session.log == ["opened", "5", "9", "1", "woke at 10"]
    clock.advance(60)
    await turns()
    assert session.log[-1] == "woke at 10"

    await ended(driving)
    assert session.log[-1] == "closed: stopped"


async def test_waking_may_ask_to_leave() -> None:
    clock, session = ManualClock(), Script()
    near, _ = memory_pair()
    session.wake_ns = NS_PER_S
    driving = asyncio.create_task(Connection(session, near, clock).drive())
    await turns()
    session.due.append(Reconnect("waited long enough"))
    clock.advance(1)

    with pytest.raises(ConnectionLost, match="long enough"):
        await driving


async def test_a_flood_of_frames_starves_nobody() -> None:
    clock, session = ManualClock(), Script()
    near, far = memory_pair()
    for _ in range(10 * FRAMES_PER_TURN):
        await far.send("x")
    driving = asyncio.create_task(Connection(session, near, clock).drive())

    seen = 0
    while seen == 0:
        await asyncio.sleep(0)
        seen = session.log.count("x")

    assert seen <= FRAMES_PER_TURN
    await ended(driving)


async def test_another_side_that_stops_reading_is_left() -> None:
    clock, session = ManualClock(), Script()
    near, _ = memory_pair()
    session.on_open = [Send("x")] * (OUTBOX_LIMIT + 1)

    with pytest.raises(ConnectionLost, match="stopped reading"):
        await Connection(session, near, clock).drive()


async def test_a_text_that_cannot_be_sent_ends_the_connection() -> None:
    clock, session = ManualClock(), Script()
    session.on_open = [Send("x")]

    class Broken(MemorySocket):
        async def send(self, text: str) -> None:
            raise ConnectionLost("the pipe is broken")

    with pytest.raises(ConnectionLost, match="the pipe is broken"):
        await Connection(session, Broken(), clock).drive()


async def test_an_alarm_moved_earlier_by_a_poke_rings_once() -> None:
    house = House()
    house.session.wake_ns = 5 * NS_PER_S
    running = asyncio.create_task(house.line.run())
    await turns()
    house.session.wake_ns = NS_PER_S
    house.line.poke()

    await house.pass_s(10)

    assert house.session.log == ["opened", "woke at 1"]
    await ended(running)


async def test_an_error_of_a_reader_comes_out_as_itself_and_the_socket_is_closed() -> None:
    clock, session = ManualClock(), Script()
    near, far = memory_pair()

    def fail(frame: bytes, now_ns: int) -> None:
        raise RuntimeError("a bug of the reader")

    session.on_frame = fail
    await far.send("x")
    with pytest.raises(RuntimeError, match="a bug of the reader"):
        await Connection(session, near, clock).drive()

    assert near.closed
    assert session.log[-1] == "closed: stopped"


async def test_what_was_meant_for_an_earlier_connection_is_not_sent_on_the_next() -> None:
    clock, session = ManualClock(), Script()
    near, far = memory_pair()
    session.due = [Send("stale"), Reconnect("stale")]
    session.on_open = [Send("fresh")]
    driving = asyncio.create_task(Connection(session, near, clock).drive())

    assert await far.receive() == b"fresh"
    await ended(driving)


async def test_cancellation_closes_the_socket_and_tells_the_session_once() -> None:
    house = House()
    running = asyncio.create_task(house.line.run())
    await turns()

    await ended(running)

    assert house.session.log == ["opened", "closed: stopped"]
    assert house.venue.far[0].closed
    assert not house.line.connected


async def test_the_first_try_is_immediate_and_the_next_ones_back_off() -> None:
    house = House()
    house.venue.refusal = ConnectFailed("nobody there", status=503)
    running = asyncio.create_task(house.line.run())
    await turns()
    assert house.venue.tries_ns == [0]
    assert (house.line.attempts, house.line.next_try_ns) == (1, NS_PER_S // 2)
    assert str(house.line.last_error) == "nobody there"

    await house.pass_s(130)

    seconds = [tried_ns / NS_PER_S for tried_ns in house.venue.tries_ns]
    assert seconds == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5, 91.5, 121.5]
    assert house.session.log == []
    assert house.line.connects == 0
    await ended(running)


async def test_a_venue_that_accepts_and_closes_does_not_reset_the_back_off() -> None:
    house = House()
    running = asyncio.create_task(house.line.run())
    for attempt in range(1, 5):
        await turns()
        await house.lose()
        assert house.line.attempts == attempt
        await house.pass_s(0.5 * 2 ** (attempt - 1))

    assert [tried_ns / NS_PER_S for tried_ns in house.venue.tries_ns] == [0, 0.5, 1.5, 3.5, 7.5]
    assert house.session.log.count("opened") == 5
    await ended(running)


@pytest.mark.parametrize(("lived_s", "attempts"), [(29.75, 2), (30.0, 1)])
async def test_only_half_a_minute_of_data_proves_a_connection(lived_s: float, attempts: int) -> None:
    house = House()
    running = asyncio.create_task(house.line.run())
    await turns()
    await house.lose()
    await house.pass_s(0.5)
    assert house.line.attempts == 1

    await house.pass_s(lived_s)
    await house.venue.far[-1].send("data")
    await turns()
    await house.pass_s(60)
    await house.lose()

    assert house.line.attempts == attempts
    await ended(running)


async def test_after_maintenance_five_seconds_pass_between_tries() -> None:
    house = House()
    house.session.retry_floor_s = 5.0
    running = asyncio.create_task(house.line.run())
    await turns()
    await house.lose()
    await house.pass_s(20)

    assert [tried_ns / NS_PER_S for tried_ns in house.venue.tries_ns] == [0, 5]
    await ended(running)


async def test_at_most_forty_connects_in_ten_minutes_against_a_venue_that_accepts_and_closes() -> None:
    clock = ManualClock()
    session, venue, budget = Script(), Venue(clock), ConnectBudget()
    lines = [Line(session, venue.connect, clock, Backoff(random.Random(n)), budget) for n in range(4)]
    running = [asyncio.create_task(line.run()) for line in lines]
    for _ in range(1500):
        clock.advance(1)
        await turns(4)
        for far in venue.far:
            if not far.closed:
                await far.close()
    for task in running:
        await ended(task)

    for start_ns in venue.tries_ns:
        within = [tried for tried in venue.tries_ns if start_ns <= tried < start_ns + 600 * NS_PER_S]
        assert len(within) <= UNPROVEN_PER_WINDOW
    assert len(venue.tries_ns) > 2 * UNPROVEN_PER_WINDOW


async def test_lines_that_wait_for_the_same_budget_do_not_come_back_at_one_moment() -> None:
    clock = ManualClock()
    venue, budget = Venue(clock), ConnectBudget()
    for _ in range(UNPROVEN_PER_WINDOW):
        budget.spend(clock.mono_ns())
    lines = [Line(Script(), venue.connect, clock, Backoff(random.Random(n)), budget) for n in range(6)]
    running = [asyncio.create_task(line.run()) for line in lines]
    await turns()
    clock.advance(WINDOW_S)
    for _ in range(100):
        clock.advance(SPREAD_S / 100)
        await turns(4)
    tries_ns = sorted(venue.tries_ns)
    for task in running:
        await ended(task)

    assert len(tries_ns) == len(lines)
    assert len(set(tries_ns)) >= len(lines) - 1
    assert tries_ns[-1] - tries_ns[0] > SPREAD_S / 3 * NS_PER_S


@pytest.mark.parametrize("terminal", [ConnectFailed("HTTP 403", status=403, terminal=True)])
async def test_a_terminal_refusal_ends_the_line_with_its_error(terminal: ConnectFailed) -> None:
    house = House()
    house.venue.refusal = terminal

    with pytest.raises(ConnectFailed, match="HTTP 403"):
        await house.line.run()

    assert house.venue.tries_ns == [0]
    assert house.line.last_error is terminal


async def test_a_line_that_was_closed_for_a_breach_of_the_rules_comes_back_long_after() -> None:
    house = House()
    running = asyncio.create_task(house.line.run())
    await turns()
    for _ in range(3):
        before = len(house.venue.tries_ns)
        await house.venue.far[-1].close(1008, "Too many requests")
        await turns()
        assert "1008" in str(house.line.last_error)
        await house.pass_s(BLAMED_S)
        assert len(house.venue.tries_ns) == before
        await house.pass_s(SPREAD_S + 1)
        assert len(house.venue.tries_ns) == before + 1
    await ended(running)


@pytest.mark.parametrize("status", [418, 429])
async def test_a_line_that_is_turned_away_for_asking_too_much_waits_long(status: int) -> None:
    house = House()
    house.venue.refusal = ConnectFailed(f"HTTP {status}", status=status)
    running = asyncio.create_task(house.line.run())
    await house.pass_s(BLAMED_S)
    assert len(house.venue.tries_ns) == 1
    house.venue.refusal = None
    await house.pass_s(SPREAD_S + 1)
    assert house.line.connected
    await ended(running)


async def test_an_edge_that_turns_away_a_line_which_has_stood_does_not_end_it() -> None:
    house = House()
    running = asyncio.create_task(house.line.run())
    await turns()
    house.venue.refusal = ConnectFailed("HTTP 403", status=403, terminal=True)
    await house.lose()
    await house.pass_s(3600)
    assert 2 < len(house.venue.tries_ns) <= 3600 / BLAMED_S, "not given up, and no storm"
    house.venue.refusal = None
    await house.pass_s(BLAMED_S + SPREAD_S + 1)
    assert house.line.connected
    await ended(running)


async def test_a_poke_sends_now_while_connected_and_is_harmless_otherwise() -> None:
    house = House()
    house.line.poke()
    running = asyncio.create_task(house.line.run())
    await turns()
    assert house.line.connected

    house.session.due.append(Send("subscribe"))
    house.session.wake_ns = NS_PER_S
    house.line.poke()
    assert await house.venue.far[-1].receive() == b"subscribe"
    clock_before = house.session.log.copy()
    await house.pass_s(1)
    assert house.session.log == [*clock_before, "woke at 1"]

    await ended(running)
    house.line.poke()


async def test_a_poke_may_ask_to_leave() -> None:
    house = House()
    running = asyncio.create_task(house.line.run())
    await turns()
    house.session.due.append(Reconnect("fed up"))
    house.line.poke()
    await turns()

    assert house.session.log == ["opened", "closed: fed up"]
    assert str(house.line.last_error) == "fed up"
    await ended(running)


async def test_a_poke_from_within_opened_and_closed_does_no_harm() -> None:
    house = House()
    opened, closed = house.session.opened, house.session.closed

    class Nosy(Script):
        def opened(self, now_ns: int) -> None:
            opened(now_ns)
            house.line.poke()

        def closed(self, reason: str, now_ns: int) -> None:
            closed(reason, now_ns)
            self.due.append(Send("too late"))
            self.wake_ns = now_ns
            house.line.poke()

    nosy = Nosy()
    house.line = Line(nosy, house.venue.connect, house.clock, Backoff(Highest()), ConnectBudget())
    running = asyncio.create_task(house.line.run())
    await turns()
    await house.lose()
    await house.pass_s(0.5)

    assert len(house.venue.far) == 2
    await ended(running)


async def test_a_line_knows_since_when_its_connection_stands() -> None:
    house = House()
    running = asyncio.create_task(house.line.run())
    assert house.line.since_ns is None
    house.clock.advance(3)
    await turns()
    assert house.line.since_ns == 3 * NS_PER_S

    await house.lose()
    assert house.line.since_ns is None
    await ended(running)


async def test_a_reader_that_blocked_the_loop_is_followed_by_frames_that_may_be_old() -> None:
    clock, session = SystemClock(), Script()
    near, far = memory_pair()
    session.on_frame = lambda frame, now_ns: time.sleep(0.6) if frame == b"block" else None
    driving = asyncio.create_task(Connection(session, near, clock).drive())
    await turns()
    begun_ns = clock.mono_ns()
    for frame in ("block", "after", "later"):
        await far.send(frame)
    await turns()

    [(since_ns, now_ns)] = session.held
    assert session.log[1:] == ["block", "after", "later"]
    assert since_ns <= begun_ns + NS_PER_S // 100
    assert now_ns - begun_ns >= 0.6 * NS_PER_S
    await ended(driving)


async def test_a_block_by_somebody_else_is_noticed_by_who_waited_for_frames() -> None:
    clock, session = SystemClock(), Script()
    near, far = memory_pair()
    driving = asyncio.create_task(Connection(session, near, clock).drive())
    await far.send("before")
    await turns()
    begun_ns = clock.mono_ns()
    time.sleep(0.6)  # noqa: ASYNC251
    await asyncio.sleep(0.01)
    await far.send("after")
    await turns()

    [(since_ns, _)] = session.held
    assert since_ns <= begun_ns + NS_PER_S // 100
    await ended(driving)


async def test_a_quiet_connection_is_not_taken_for_a_block() -> None:
    clock, session = SystemClock(), Script()
    near, far = memory_pair()
    driving = asyncio.create_task(Connection(session, near, clock).drive())
    await far.send("one")
    await asyncio.sleep(0.6)
    await far.send("two")
    await turns()

    assert session.log == ["opened", "one", "two"]
    assert session.held == []
    await ended(driving)


async def test_an_alarm_that_rings_late_lets_the_buffers_be_read_before_silence_is_judged() -> None:
    clock, session = SystemClock(), Script()
    near, far = memory_pair()
    session.wake_ns = clock.mono_ns() + NS_PER_S // 10
    driving = asyncio.create_task(Connection(session, near, clock).drive())
    await turns()
    time.sleep(0.6)  # noqa: ASYNC251
    await turns()
    await asyncio.sleep(0.01)
    await far.send("what lay in the buffer")
    async with asyncio.timeout(5):
        while session.wake_ns is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    assert session.log[1] == "what lay in the buffer"
    assert session.log[2].startswith("woke")
    await ended(driving)


async def test_a_session_hears_of_the_end_in_the_same_turn_of_the_loop() -> None:
    house = House()
    running = asyncio.create_task(house.line.run())
    await turns()
    house.session.due = [Reconnect("fed up")]
    house.line.poke()

    assert house.session.log == ["opened", "closed: fed up"]
    await turns()
    assert house.session.log == ["opened", "closed: fed up"]
    await ended(running)


async def test_what_arrives_after_the_end_is_not_read() -> None:
    house = House()
    running = asyncio.create_task(house.line.run())
    await turns()
    await house.venue.far[-1].send("late")
    house.session.due = [Reconnect("fed up")]
    house.line.poke()
    await turns()

    assert house.session.log == ["opened", "closed: fed up"]
    await ended(running)

"""One to three lines of a route, which the feed sees as one session that is hard to kill.

Redundant: every stream on every line, each copy proven by itself, readers served from one of them. Spread:
each stream on one line (see `engine.spread`). A single line reports straight to the feed, and costs nothing
per frame.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from typing import NoReturn

from msgspec import Struct

from leadline.clock import NS_PER_S, Clock
from leadline.core.book import BookCounts, sum_of
from leadline.core.histogram import Histogram
from leadline.core.session import Coverage, Emit, MarketSession
from leadline.core.subscriptions import by_priority
from leadline.engine.carriers import Carriers
from leadline.engine.events import LineEvent, LineRotated
from leadline.engine.lanes import Lane, whole
from leadline.engine.rotation import Rotation, Verdict
from leadline.engine.spread import Spread
from leadline.engine.strands import Stream
from leadline.errors import ConfigError, ConnectFailed, ConnectionLost
from leadline.model.market import Channel, Subscription
from leadline.net.connection import BEAT_S, HELD_UP_S, Line
from leadline.net.pulse import Pulse

MOST_LINES = 3
LOOK_S = 0.5
HANDOVER_S = 60.0
"""How long a young line may take to become whole before it is given up and tried again as much later."""

_RANK = {
    Coverage.REFUSED: 0,
    Coverage.WANTED: 1,
    Coverage.CONFIRMED: 2,
    Coverage.RECEIVING: 3,
}


class LineState(Struct, frozen=True):
    """One line at one moment.

    `carried` streams are served from it and `warm` ones could be; `since_s` is the age of its connection.
    """

    number: int
    connected: bool
    carried: int
    warm: int
    connects: int
    since_s: float | None
    last_error: str
    silent_s: float = 0.0
    """Since its last frame; 0 while it does not stand, or has nothing that keeps heartbeats coming."""
    route: str = ""


class Lines:
    """The lines of one route; `make_session` and `make_line` build one of them each time one is needed.

    `emit` takes the news of all of them, each piece once, `tell` what becomes of the lines themselves. With
    `rotate_after_s` a line that has stood for so long is replaced by a younger one, which takes over once it
    is whole; not while `may_rotate` says why not. Of `quiet` channels a line may tell nothing for as long as
    nothing happens. Raises ConfigError for fewer lines than one and more than
    three.
    """

    def __init__(
        self,
        make_session: Callable[[Emit], MarketSession],
        make_line: Callable[[MarketSession], Line],
        emit: Emit,
        tell: Callable[[LineEvent], None],
        clock: Clock,
        *,
        count: int = 1,
        redundant: bool = True,
        rotate_after_s: float | None = None,
        handover_s: float = HANDOVER_S,
        may_rotate: Callable[[], str | None] = lambda: None,
        quiet: Collection[Channel] = (),
    ) -> None:
        if not 1 <= count <= MOST_LINES:
            raise ConfigError(f"a route has one to {MOST_LINES} lines, not {count}")
        self._make_session = make_session
        self._make_line = make_line
        self._emit = emit
        self._tell = tell
        self._clock = clock
        self._quiet = frozenset(quiet)
        self._direct = count == 1 and rotate_after_s is None
        self._pulse = Pulse(BEAT_S, HELD_UP_S)
        self.carriers = Carriers(emit, tell, clock, self._heard_ns)
        """Who carries what."""
        self._spread = None if redundant else Spread(self.carriers)
        self._rotation: Rotation[Lane] | None = None
        if rotate_after_s is not None:
            self._rotation = Rotation(rotate_after_s, handover_s, may_rotate, whole, tell)
        self._tasks: asyncio.TaskGroup | None = None
        self._keeping: dict[Lane, asyncio.Task[None]] = {}
        self._past_connects: Counter[int] = Counter()
        self._past_books = BookCounts()
        self._failed: ConnectFailed | ConnectionLost | None = None
        for number in range(1, count + 1):
            self._open(number)

    def __repr__(self) -> str:
        states = self.lines
        return f"Lines({sum(state.connected for state in states)} of {len(states)} connected)"

    # --- one session, to the feed ---

    @property
    def last_frame_ns(self) -> int:
        """When any line was last heard."""
        return max(lane.session.last_frame_ns for lane in self._lanes)

    def up(self, now_ns: int) -> bool:
        """Whether any line stands and is not silent."""
        heard_ns = self._heard_ns(now_ns)
        return any(lane.session.up(heard_ns) for lane in self._lanes)

    def _heard_ns(self, now_ns: int) -> int:
        """After a loop that was blocked, the moment before: what came meanwhile may lie unread."""
        return self._pulse.heard_ns(now_ns, HELD_UP_S)

    def want(self, subscription: Subscription, now_ns: int) -> None:
        """Stream this from now on; what was refused is asked for anew."""
        streams = self.carriers.streams
        stream = streams.get(subscription)
        if stream is None:
            quiet = subscription.channel in self._quiet
            stream = streams[subscription] = Stream(subscription, quiet=quiet)
        stream.refused = False
        for lane in self._lanes_for(stream):
            lane.add(stream, now_ns)

    def unwant(self, subscription: Subscription, now_ns: int) -> None:
        """Stream this no longer."""
        stream = self.carriers.streams.pop(subscription, None)
        if stream is None:
            return
        for lane in self._lanes:
            strand = lane.strands.get(subscription)
            if strand is not None:
                lane.drop(strand)
                lane.session.unwant(subscription, now_ns)

    def renew(self, subscription: Subscription, reason: str, now_ns: int) -> None:
        """The copy that readers had is silent or wrong: go on from a better one, or subscribe it anew."""
        if self._direct:
            self._lanes[0].session.renew(subscription, reason, now_ns)
        elif subscription in self.carriers.streams:
            self.carriers.renew(subscription, reason, now_ns)

    def coverage(self, subscription: Subscription) -> Coverage | None:
        """How far a subscription has come on the line where it has come furthest."""
        found = [lane.session.coverage(subscription) for lane in self._lanes]
        return max((each for each in found if each is not None), key=_RANK.__getitem__, default=None)

    def wanted(self) -> list[Subscription]:
        """Everything wanted, in order of priority."""
        return by_priority({each: None for lane in self._lanes for each in lane.session.wanted()})

    def poke(self) -> None:
        """Carry out now what the sessions want done, because somebody has changed what is wanted of them."""
        for lane in self._lanes:
            lane.line.poke()

    # --- how they stand ---

    @property
    def lines(self) -> tuple[LineState, ...]:
        """Every line, by number; a young one that is to replace another is not among them yet."""
        now_ns = self._clock.mono_ns()
        lanes = sorted(self._lanes, key=lambda lane: lane.number)
        return tuple(self._state(lane, now_ns) for lane in lanes if not lane.young)

    @property
    def sessions(self) -> tuple[MarketSession, ...]:
        """The sessions of all lines that are kept."""
        return tuple(lane.session for lane in self._lanes)

    @property
    def book_messages(self) -> BookCounts:
        """Messages of books over all lines there have been, by what their proof said."""
        return sum_of([self._past_books, *(session.book_messages for session in self.sessions)])

    @property
    def switches(self) -> Histogram:
        """Hand-overs from line to line: nanoseconds from the noticing of the cause to the last value."""
        return self.carriers.switches

    @property
    def connected(self) -> bool:
        """Whether any line stands."""
        return any(lane.line.connected for lane in self._lanes)

    def stands(self, subscription: Subscription) -> bool:
        """Whether any line stands that was asked for this stream."""
        return any(lane.line.connected for lane in self._lanes if subscription in lane.strands)

    @property
    def connects(self) -> int:
        """Connections that stood, over all lines."""
        return sum(lane.line.connects for lane in self._lanes) + self._past_connects.total()

    @property
    def last_error(self) -> ConnectFailed | ConnectionLost | None:
        """Why a try or connection last ended: the first line's, where several have failed."""
        errors = (lane.line.last_error for lane in self._lanes)
        return next((error for error in errors if error is not None), self._failed)

    def _state(self, lane: Lane, now_ns: int) -> LineState:
        line, strands = lane.line, lane.strands.values()
        carried = warm = sum(strand.streamed for strand in strands)
        if not self._direct:
            carried = sum(strand.carries for strand in strands)
            warm = sum(strand.warm(now_ns) for strand in strands)
        since_ns = line.since_ns
        return LineState(
            lane.number,
            line.connected,
            carried,
            warm,
            line.connects + self._past_connects[lane.number],
            None if since_ns is None else (now_ns - since_ns) / NS_PER_S,
            str(line.last_error or ""),
            (now_ns - lane.session.last_frame_ns) / NS_PER_S if line.connected else 0.0,
        )

    # --- their life ---

    async def run(self) -> NoReturn:
        """Keep the lines for ever; raises what ended the last of them for good."""
        self._pulse.start()
        try:
            if self._direct:
                await self._lanes[0].line.run()
            async with asyncio.TaskGroup() as self._tasks:
                for lane in self._lanes:
                    self._start(lane)
                while True:
                    await self._clock.sleep(LOOK_S)
                    now_ns = self._clock.mono_ns()
                    if self._heard_ns(now_ns) == now_ns:
                        self.look(now_ns)
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            self._pulse.stop()

    def look(self, now_ns: int) -> None:
        """Leave copies that stand still, and go on with a rotation; `run` does this twice a second."""
        self.carriers.look(now_ns)
        if self._spread is not None:
            self._spread.look(now_ns)
        if self._rotation is not None:
            self._rotate(self._rotation, now_ns)
        self.poke()

    @property
    def _lanes(self) -> list[Lane]:
        return self.carriers.lanes

    def _lanes_for(self, stream: Stream) -> list[Lane]:
        return self._lanes if self._spread is None else self._spread.lanes_for(stream)

    def _open(self, number: int) -> Lane:
        lane = Lane(number, self.carriers, self._emit)
        session = self._make_session(self._emit if self._direct else lane.receive)
        lane.join(session, self._make_line(session))
        self._lanes.append(lane)
        return lane

    def _start(self, lane: Lane) -> None:
        assert self._tasks is not None
        self._keeping[lane] = self._tasks.create_task(self._keep(lane))

    async def _keep(self, lane: Lane) -> None:
        try:
            await lane.line.run()
        except (ConnectFailed, ConnectionLost) as error:
            del self._keeping[lane]
            self._failed = error
            self._ended(lane, self._clock.mono_ns())
            if not self._lanes:
                raise

    def _ended(self, lane: Lane, now_ns: int) -> None:
        """This line will never come back: its streams go to those that are left."""
        rotation = self._rotation
        if rotation is not None and lane is rotation.young:
            rotation.given_up(now_ns)
        elif rotation is not None and lane is rotation.old and rotation.young is not None:
            rotation.young.young = False
            rotation.done(now_ns)
        streams = [strand.stream for strand in lane.strands.values()]
        self._retire(lane, now_ns)
        for stream in streams if self._lanes else ():
            for heir in self._lanes_for(stream):
                heir.add(stream, now_ns)
        self.poke()

    def _retire(self, lane: Lane, now_ns: int) -> None:
        self.carriers.release(lane, now_ns)
        self._past_connects[lane.number] += lane.line.connects
        self._past_books = sum_of([self._past_books, lane.session.book_messages])
        task = self._keeping.pop(lane, None)
        if task is not None:
            task.cancel()

    def _rotate(self, rotation: Rotation[Lane], now_ns: int) -> None:
        old, young = rotation.old, rotation.young
        if old is None or young is None:
            due = rotation.due(self._lanes, now_ns)
            if due is not None:
                self._renew_line(rotation, due, now_ns)
            return
        verdict = rotation.verdict(now_ns)
        if verdict is Verdict.TAKE_OVER:
            self.carriers.replace(old, young, now_ns)
            young.young = False
            self._retire(old, now_ns)
            self._tell(LineRotated(young.number, rotation.done(now_ns)))
        elif verdict is Verdict.GIVE_UP:
            self.carriers.replace(young, old, now_ns)
            self._retire(young, now_ns)
            rotation.given_up(now_ns)

    def _renew_line(self, rotation: Rotation[Lane], old: Lane, now_ns: int) -> None:
        young = self._open(old.number)
        young.young = True
        for strand in list(old.strands.values()):
            young.add(strand.stream, now_ns)
        rotation.begin(old, young, now_ns)
        self._start(young)

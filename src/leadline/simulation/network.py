"""The network between the client and the emulated venue, in memory and on virtual time.

Messages of one connection keep their order, each is under way as long as its draw says, and every departure
and arrival at the client is reported to whoever taps the line: so the judge knows what really happened. What
is under way belongs to the network and outlives whoever sent it.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from itertools import count

from leadline.clock import NS_PER_MS, NS_PER_S
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.surface import EmulatedVenue, VenueLine
from leadline.emulator.wire import Close, Frame, Ping
from leadline.errors import ConnectFailed, ConnectionLost
from leadline.net.websocket import ABNORMAL_CLOSURE, TERMINAL_STATUSES
from leadline.simulation.latency import Latency
from leadline.simulation.life import LIFE, Life
from leadline.simulation.loop import VirtualLoop

CONNECT_TIMEOUT_NS = 10 * NS_PER_S
RESOLVER_ANSWER_NS = 50 * NS_PER_MS

PUBLIC, PRIVATE = "ws_public", "ws_private"
REQUESTS = "ws_api"
"""Where a venue takes requests on a connection of their own."""

OF_ACCOUNTS = frozenset({PRIVATE, REQUESTS})

_NEVER_NS = 1 << 62


@dataclass(frozen=True, slots=True)
class Arrival:
    """One frame as it reached the client; times are the loop's nanoseconds."""

    frame: Frame
    link: int
    at_ns: int
    route: str = "ws_public"


class Network:
    """Everything between the two, and the engine that moves the venue on.

    `start_ns` is the venue's Unix time at the loop's zero.
    """

    def __init__(self, exchange: EmulatedVenue, loop: VirtualLoop, rng: random.Random, start_ns: int) -> None:
        self.exchange = exchange
        self.latency = Latency(rng)
        self.tap: Callable[[Arrival], None] = _unheard
        self.departing: Callable[[str], None] = _unheard
        """Hears each text that a client puts on an account's connection, as it leaves."""
        self.said: Callable[[Frame], None] = _unheard
        """Hears each frame that the venue puts on an account's connection."""
        self.asked: Callable[[int, str], None] = _unheard
        """Hears each text that a client puts on a public connection, and on which."""
        self.gone: Callable[[int], None] = _unheard
        """Hears which connection a client has left or lost."""
        self.connects_ns: list[int] = []
        self.unresolved_until_ns = 0
        self.void_until_ns = -_NEVER_NS
        """Until then nothing passes in either direction."""
        self.restarted_ns = -_NEVER_NS
        """When a client last began anew, knowing nothing of what its last life had asked in public."""
        self.losing_until_ns = 0
        """Until then no answer of REST comes."""
        self.last_arrival_ns = 0
        self._loop = loop
        self._context = copy_context()
        self._start_ns = start_ns
        self._links: list[Link] = []
        self._numbers = count(1)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = _NEVER_NS
        self._stopped = False

    @property
    def now_ns(self) -> int:
        return self._loop.now_ns

    @property
    def venue_ns(self) -> int:
        """The venue's Unix time."""
        return self._start_ns + self._loop.now_ns

    def step(self) -> None:
        """Bring the venue up to now, send what that produced, and come back when it has more to do."""
        self.exchange.advance(self.venue_ns)
        for link in self._links:
            link.collect()
        self._links = [link for link in self._links if not link.over]
        due_ns = max(self.exchange.next_event_at() - self._start_ns, self.now_ns + 1)
        if due_ns != self._timer_ns and not self._stopped:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_ns = due_ns
            self._timer = self.at(due_ns, self._due)

    def stop(self) -> None:
        """Let the venue stand still for good."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def arrival_ns(self, after_ns: int = 0) -> int:
        """When a message that leaves now arrives, not before `after_ns` and not through a black hole."""
        leaves_ns = max(self.now_ns, self.void_until_ns)
        return max(leaves_ns + self.latency.one_way_ns(self.now_ns), after_ns)

    def at(self, at_ns: int, act: Callable[..., object], *args: object) -> asyncio.TimerHandle:
        """Let something happen at a moment of the loop, whatever has become of the client by then."""
        return self._loop.call_at_ns(at_ns, act, *args, context=self._context)

    async def until(self, at_ns: int) -> None:
        """Wait for a moment of the loop."""
        await self._loop.until(at_ns)

    async def connect(self, route: str = PUBLIC) -> Link:
        """A new connection for the client; raises ConnectFailed."""
        self.connects_ns.append(self.now_ns)
        await self.resolve()
        given_up_ns = self.now_ns + CONNECT_TIMEOUT_NS
        reached_ns = self.arrival_ns(self.arrival_ns(self.arrival_ns()))  # TCP, TLS, upgrade
        if reached_ns > given_up_ns:
            await self.until(given_up_ns)
            raise ConnectFailed("the venue did not answer in time")
        await self.until(reached_ns)
        self.step()
        refused = self.exchange.refusal(self.venue_ns, route)
        link = None if refused is not None else self._accepted(route)
        try:
            await self.until(self.arrival_ns())
        except asyncio.CancelledError:
            if link is not None:
                await link.close()
            raise
        if link is None:
            raise _turned_away(refused)
        return link

    async def resolve(self) -> None:
        """Find the venue's address; raises ConnectFailed while names do not resolve."""
        if self.now_ns < self.unresolved_until_ns:
            await self.until(self.now_ns + RESOLVER_ANSWER_NS)
            raise ConnectFailed("cannot resolve the venue's name")

    def cut(self) -> None:
        """Break every connection so that both ends notice."""
        for link in self._links:
            link.cut()

    def died(self, life: Life) -> None:
        """The client of that life is gone: what it had sent still arrives, and then the venue notices."""
        for link in self._links:
            if link.life is life:
                link.abandon()

    def arrived(self, arrival: Arrival) -> None:
        """Note what the client has just been given."""
        self.last_arrival_ns = arrival.at_ns
        self.tap(arrival)

    def _accepted(self, route: str) -> Link:
        venue = self.exchange.connect(self.venue_ns, route)
        link = Link(self, venue, self._loop, next(self._numbers))
        self._links.append(link)
        self.step()
        return link

    def _due(self) -> None:
        self._timer_ns = _NEVER_NS
        self.step()


class Link:
    """One connection: the client's Socket, and the wire behind it."""

    def __init__(self, network: Network, venue: VenueLine, loop: VirtualLoop, number: int) -> None:
        self._network = network
        self._venue = venue
        self._loop = loop
        self._number = number
        self._private = venue.route in OF_ACCOUNTS
        self.life = LIFE.get()
        self._inbox: deque[tuple[int, Frame | ConnectionLost]] = deque()
        self._outbox: deque[str] = deque()
        self._inbound_ns = 0
        self._outbound_ns = 0
        self._waiter: asyncio.Future[None] | None = None
        self._lost: ConnectionLost | None = None
        self._ended = False
        self.left = False
        """The client has closed or has heard of the end."""

    @property
    def over(self) -> bool:
        """Whether neither end has anything more to say."""
        return self.left and self._venue.ended

    # --- the client's end: the Socket port ---

    async def receive(self) -> bytes:
        while True:
            if self._lost is not None:
                raise self._lost
            if self._inbox and self._inbox[0][0] <= self._loop.now_ns:
                _, item = self._inbox.popleft()
                if isinstance(item, ConnectionLost):
                    self._leave(item)
                    raise item
                # when it is read, not when it came: a program that is held up reads late
                self._network.arrived(Arrival(item, self._number, self._loop.now_ns, self._venue.route))
                return item.text.encode()
            self._waiter = self._loop.create_future()
            ring = None
            if self._inbox:
                ring = self._loop.call_at_ns(self._inbox[0][0], self._ring)
            try:
                await self._waiter
            finally:
                self._waiter = None
                if ring is not None:
                    ring.cancel()

    async def send(self, text: str) -> None:
        if self._lost is not None:
            raise self._lost
        if self._private:
            self._network.departing(text)
        else:
            self._network.asked(self._number, text)
        self._outbound_ns = self._network.arrival_ns(self._outbound_ns)
        self._outbox.append(text)  # timers of one moment ring in any order, messages keep theirs
        self._network.at(self._outbound_ns, self._heard)

    async def close(self) -> None:
        self.abandon()

    def abandon(self) -> None:
        """This end is gone from now on."""
        if not self.left:
            self._leave(ConnectionLost("closed on this side", code=1000))
            self._outbound_ns = self._network.arrival_ns(self._outbound_ns)
            self._network.at(self._outbound_ns, self._hung_up)

    def _leave(self, lost: ConnectionLost) -> None:
        self._lost = lost
        self.left = True
        self._inbox.clear()
        self._network.gone(self._number)

    # --- the venue's end ---

    def collect(self) -> None:
        """Put what the venue sends on the wire."""
        for output in self._venue.outputs():
            if isinstance(output, Close):
                self._end(_closed(output))
                return
            if isinstance(output, Ping):
                self._pinged(output)
                continue
            if self._private:
                self._network.said(output)
            self._put(output)

    def _pinged(self, ping: Ping) -> None:
        """The client's side of the wire answers by itself, as long as somebody holds it."""
        back_ns = self._network.arrival_ns() + self._network.arrival_ns() - self._network.now_ns
        self._network.at(back_ns, self._ponged, ping.payload)

    def _ponged(self, payload: bytes) -> None:
        if not self.left and not self._ended:
            self._venue.ponged(payload)

    def cut(self) -> None:
        """The wire breaks; each end notices in its own time."""
        self._end(ConnectionLost("the connection broke", code=ABNORMAL_CLOSURE))
        self._network.at(self._network.arrival_ns(), self._hung_up)

    def _put(self, item: Frame | ConnectionLost) -> None:
        if self.left or self._ended:
            return
        self._inbound_ns = self._network.arrival_ns(self._inbound_ns)
        self._inbox.append((self._inbound_ns, item))
        if len(self._inbox) == 1 and self._waiter is not None:
            self._network.at(self._inbound_ns, self._ring)

    def _end(self, lost: ConnectionLost) -> None:
        self._put(lost)
        self._ended = True

    def _ring(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _heard(self) -> None:
        text = self._outbox.popleft()
        if not self._ended:
            self._network.exchange.advance(self._network.venue_ns)
            self._venue.received(text, self._network.venue_ns)
            self._network.step()

    def _hung_up(self) -> None:
        if not self._venue.ended:
            self._venue.closed()
            self._network.step()


def _closed(close: Close) -> ConnectionLost:
    return ConnectionLost(f"closed by the venue with code {close.code}", code=close.code)


def _turned_away(refused: RefusedConnect | None) -> ConnectFailed:
    status = refused.status if refused is not None else None
    if status is None:
        return ConnectFailed("the connection was reset")
    terminal = status in TERMINAL_STATUSES
    return ConnectFailed(f"the upgrade was refused: HTTP {status}", status=status, terminal=terminal)


def _unheard(*what: object) -> None:
    pass  # nobody listens yet

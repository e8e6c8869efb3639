"""A whole client and an emulated venue on virtual time, scripted: what happens when, and what was said.

Nothing is left to chance but the order flow: every message takes 25 ms, and no answer is lost.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from leadline.app.system import System
from leadline.clock import NS_PER_MS, NS_PER_S
from leadline.core.limits import DecayingCounter
from leadline.core.retry import ConnectBudget
from leadline.emulator.exchange import Exchange
from leadline.emulator.instruments import DEMO_PAIRS, Pair, synthetic
from leadline.engine.events import Event
from leadline.engine.feed import Feed
from leadline.engine.topic_state import State
from leadline.model.market import Channel, Subscription
from leadline.net.http import Request, Response
from leadline.net.websocket import Socket
from leadline.simulation.http import SimulatedHttp
from leadline.simulation.latency import Latency
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.network import Arrival
from leadline.venues.kraken.kit import PUBLIC_BUDGET
from leadline.venues.kraken.venue import Kraken
from stage import START_NS, Stage, play

BTC = "BTC/USD"
ETH = "ETH/USD"
ONE_WAY_S = 0.025
SAMPLE_S = 0.25

_DEMO = {pair.symbol: pair for pair in DEMO_PAIRS}
BTC_PAIR = replace(_DEMO[BTC], levels=40, weight=1.0)
ETH_PAIR = replace(_DEMO[ETH], levels=40, weight=1.0)

E = TypeVar("E")


def fifty() -> tuple[Pair, ...]:
    """BTC/USD and 49 made-up pairs of all precisions, BTC/USD twice as busy as each other."""
    return (replace(BTC_PAIR, weight=2.0), *synthetic(49, levels=20))


def perform(
    scene: Callable[[Scenario], Awaitable[None]],
    pairs: Iterable[Pair] = (BTC_PAIR, ETH_PAIR),
    rate: float = 20.0,
) -> None:
    """Play a scene on a venue that lists these pairs; `rate` is market events a second over all of them."""
    play(scene, partial(Scenario, pairs=tuple(pairs), rate=rate))


def each(symbols: Iterable[str], *channels: Channel) -> list[Subscription]:
    """Subscriptions of all symbols to all channels, at the usual depth and interval."""
    params = {Channel.BOOK: 10, Channel.BARS: 60}
    names = list(symbols)
    return [Subscription(channel, name, params.get(channel, 0)) for channel in channels for name in names]


@dataclass(frozen=True, slots=True)
class Sent:
    """One subscription request of the client."""

    at_s: float
    method: str
    channel: str
    symbols: tuple[str, ...]


class Scenario(Stage):
    """The stage, and a record of what passed between client and venue."""

    def __init__(self, loop: VirtualLoop, *, pairs: Sequence[Pair], rate: float) -> None:
        exchange = Exchange(start_ns=START_NS, seed=1, rate=rate, pairs=pairs, history_minutes=5)
        super().__init__(loop, exchange)
        self.loop = loop
        self.symbols = [pair.symbol for pair in pairs]
        self.network.latency = _Constant(random.Random(1))
        self.network.tap = self._arrived
        self.arrivals: dict[tuple[str, str], list[int]] = defaultdict(list)
        """When frames with data of a (channel, symbol) reached the client, in nanoseconds."""
        self.sent: list[Sent] = []
        self.asked: list[tuple[float, str]] = []
        """REST requests that left: when, and the last part of the path."""

    # --- the script ---

    def at(self, seconds: float, **fault: Any) -> None:
        """Break something at the venue, then."""
        self.call(seconds, lambda: self.inject(**fault))

    def call(self, seconds: float, what: Callable[[], object]) -> None:
        """Let something happen, then."""
        self.loop.call_at_ns(round(seconds * NS_PER_S), what)

    async def until(self, seconds: float) -> None:
        """Let time pass up to then."""
        await self.loop.until(round(seconds * NS_PER_S))

    # --- the client ---

    def system(
        self,
        required: Sequence[Subscription] = (),
        through: Callable[[Socket], Socket] = lambda socket: socket,
        **parts: Any,
    ) -> System:
        http = OverheardHttp(self)

        async def connect() -> Socket:
            return _OverheardSocket(self, through(await self.network.connect()))

        return System(
            Kraken(http, self.clock),
            connect,
            self.clock,
            required=required,
            chance=random.Random(3),
            connects=ConnectBudget(),
            http=http,
            **parts,
        )

    @asynccontextmanager
    async def client(self, required: Sequence[Subscription] = (), **parts: Any) -> AsyncIterator[Client]:
        """A running system whose events and states are written down; `parts` go to it as they are."""
        async with self.system(required, **parts) as system:
            client = Client(self, system)
            watching = [asyncio.ensure_future(client.listen()), asyncio.ensure_future(client.sample())]
            try:
                yield client
            finally:
                for task in watching:
                    task.cancel()
                results = await asyncio.gather(*watching, return_exceptions=True)
                assert all(isinstance(result, asyncio.CancelledError) for result in results), results

    # --- the record ---

    def requests(self, method: str, channel: str, symbol: str) -> list[float]:
        """When the client asked the venue to (un)subscribe this."""
        return [
            one.at_s
            for one in self.sent
            if (one.method, one.channel) == (method, channel) and symbol in one.symbols
        ]

    def rest(self, path: str, since_s: float = 0.0) -> list[float]:
        """When REST requests left."""
        return [at_s for at_s, asked in self.asked if asked == path and at_s >= since_s]

    def last_arrival_ns(self, channel: str, symbol: str) -> int:
        return self.arrivals[channel, symbol][-1]

    def _arrived(self, arrival: Arrival) -> None:
        frame = arrival.frame
        if frame.kind in ("snapshot", "update"):
            self.arrivals[frame.channel, frame.symbol].append(arrival.at_ns)


class Client:
    """A system, everything its feed has told, and how its streams stood over time."""

    def __init__(self, world: Scenario, system: System) -> None:
        self.system = system
        self.feed: Feed = system.feed
        self.events: list[tuple[float, Event]] = []
        self.states: dict[Subscription, list[tuple[float, State]]] = defaultdict(list)
        """Changes of state by subscription, looked at four times a second."""
        self._world = world

    async def listen(self) -> None:
        async for event in self.feed.events():
            self.events.append((self._world.now_s, event))

    async def sample(self) -> None:
        while True:
            for topic in self.feed.stats.topics:
                seen = self.states[topic.subscription]
                if not seen or seen[-1][1] is not topic.state:
                    seen.append((self._world.now_s, topic.state))
            await self._world.clock.sleep(SAMPLE_S)

    def told(self, kind: type[E], symbol: str | None = None) -> list[tuple[float, E]]:
        """Events of a kind (about a symbol), each with its time."""
        return [
            (at_s, event)
            for at_s, event in self.events
            if isinstance(event, kind) and symbol in (None, _symbol_of(event))
        ]

    def told_of(self, symbols: Iterable[str]) -> list[tuple[float, Event]]:
        """All events about these symbols but the acknowledgements of their subscriptions."""
        names = set(symbols)
        return [(at_s, event) for at_s, event in self.events if _symbol_of(event) in names]

    def state(self, channel: Channel, symbol: str) -> State:
        """How a stream stands now."""
        return next(
            topic.state
            for topic in self.feed.stats.topics
            if (topic.subscription.channel, topic.subscription.symbol) == (channel, symbol)
        )

    def since(self, subscription: Subscription, from_s: float) -> set[State]:
        """Every state in which a stream was seen from then on."""
        seen = self.states[subscription]
        before = [state for at_s, state in seen if at_s <= from_s]
        return {*before[-1:], *(state for at_s, state in seen if at_s > from_s)}

    def unlike(self, state: State) -> set[Subscription]:
        """Streams that stand otherwise now."""
        return {topic.subscription for topic in self.feed.stats.topics if topic.state is not state}


class Everything:
    """What an iterator of the feed has yielded, each with its time; `pause_s` makes a slow reader of it."""

    def __init__(self, world: Scenario, stream: AsyncIterator[Any], pause_s: float = 0.0) -> None:
        self.items: list[tuple[float, Any]] = []
        self.error: Exception | None = None
        self.error_s = 0.0
        self._world = world
        self._pause_s = pause_s
        self._task = asyncio.ensure_future(self._drain(stream))

    async def _drain(self, stream: AsyncIterator[Any]) -> None:
        try:
            async for item in stream:
                self.items.append((self._world.now_s, item))
                if self._pause_s:
                    await self._world.clock.sleep(self._pause_s)
        except Exception as error:  # what the reader was told is what the test looks at
            self.error, self.error_s = error, self._world.now_s

    def of(self, kind: type[E]) -> list[E]:
        """The items of a kind, or the readings of its values."""
        return [item for _, item in self.items if isinstance(item, kind)]

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def _symbol_of(event: Any) -> str | None:
    subscription = getattr(event, "subscription", None)
    found: str | None = getattr(subscription or event, "symbol", None)
    return found


class _Constant(Latency):
    def one_way_ns(self, now_ns: int) -> int:
        return round(ONE_WAY_S * 1000) * NS_PER_MS


class _NoLoss(random.Random):
    def random(self) -> float:
        return 0.5


class OverheardHttp(SimulatedHttp):
    """The client's HTTP; what leaves is written down in the scenario's `asked`."""

    def __init__(self, world: Scenario) -> None:
        super().__init__(world.network, world.clock, DecayingCounter(*PUBLIC_BUDGET), _NoLoss())
        self._world = world

    async def exchange(self, request: Request) -> Response:
        self._world.asked.append((self._world.now_s, request.path.rsplit("/", 1)[-1]))
        return await super().exchange(request)


class _OverheardSocket:
    def __init__(self, world: Scenario, socket: Socket) -> None:
        self._world = world
        self._socket = socket
        self.receive = socket.receive
        self.close = socket.close

    async def send(self, text: str) -> None:
        message = json.loads(text)
        params = message.get("params", {})
        symbols = tuple(params.get("symbol", ()))
        if "channel" in params:
            self._world.sent.append(Sent(self._world.now_s, message["method"], params["channel"], symbols))
        await self._socket.send(text)

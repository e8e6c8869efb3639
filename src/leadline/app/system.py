"""The whole live system: reference data, then the line, then subscriptions by priority, then ready.

A venue that cannot be reached is tried again, for ever, unless trying again cannot help; every part is handed
in, so that a simulation runs exactly what a trader runs.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from leadline.app.config import Settings, load_settings
from leadline.clock import NS_PER_S, Clock, SystemClock
from leadline.core.limits import DecayingCounter
from leadline.core.retry import Backoff, ConnectBudget, Randomness
from leadline.engine.feed import Feed
from leadline.engine.topics import State, TopicState
from leadline.errors import (
    ConfigError,
    ConnectFailed,
    Error,
    ProtocolError,
    RateLimited,
    Stale,
    Throttled,
    TransportError,
    VenueDown,
)
from leadline.model.market import Channel, Subscription
from leadline.net import websocket
from leadline.net.connection import Line
from leadline.net.endpoint import endpoint
from leadline.net.http_client import AiohttpClient
from leadline.net.websocket import Socket
from leadline.venues.kraken.venue import Kraken
from leadline.venues.ports import MarketData

Connect = Callable[[], Awaitable[Socket]]

PUBLIC_BUDGET = (8.0, 0.8)
"""Requests at once and per second: four fifths of about one a second (dossier §13.6).

assumed: a burst of ten passes; nobody has published the depth of Kraken's public bucket."""

READY_TIMEOUT_S = 30.0
_LOOK_S = 0.05
_RECEIVING = frozenset({State.LIVE, State.QUIET})
_RETRIED = (TransportError, VenueDown, RateLimited, Throttled, ProtocolError)


@lru_cache(maxsize=64)
def public_budget(address: str) -> DecayingCounter:
    """The one request budget of this process for a REST address; at the bound an address is forgotten."""
    return DecayingCounter(*PUBLIC_BUDGET)


_connects = ConnectBudget()
"""One for the process: the venue counts connects by address, not by system (dossier §3.5)."""

_log = logging.getLogger("leadline")


class System:
    """One venue's market data, live, as an async context manager.

    Entering it fetches the reference data, trying again while the venue cannot be reached; each failed try is
    logged as a warning. `required` streams are held from then on, read or not, and decide what `ready` means.
    """

    def __init__(
        self,
        market: MarketData,
        connect: Connect,
        clock: Clock,
        *,
        required: Sequence[Subscription] = (),
        chance: Randomness,
        connects: ConnectBudget,
        http: AbstractAsyncContextManager[Any] | None = None,
    ) -> None:
        self.market = market
        self.clock = clock
        self.feed = Feed(market, clock)
        self.session = market.session(self.feed.receive)
        self.line = Line(self.session, connect, clock, Backoff(chance), connects)
        self._required = required
        self._chance = chance
        self._http = http or nullcontext()
        self._stack = AsyncExitStack()
        self.failure: Error | None = None
        """What ended the line for good; iterators of the feed raise it too."""

    def __repr__(self) -> str:
        line = "connected" if self.line.connected else "not connected"
        return f"System({self.market.name}, {line}, {self.feed!r})"

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._http)
            await self._load()
            await stack.enter_async_context(self.feed)
            for wanted in self._required:
                self.feed.hold(wanted.channel, wanted.symbol, wanted.param)
            self.feed.attach(self.session, self.line.poke)
            await stack.enter_async_context(_beside(self._stay_connected))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Return when every required stream has verified data.

        Raises Stale naming the streams that have none and why, at once where the venue refuses one, and what
        ended the line where it will never come back.
        """
        deadline_ns = self.clock.mono_ns() + round(timeout_s * NS_PER_S)
        while True:
            waiting = self._waiting()
            if not waiting:
                return
            if self.failure is not None:
                raise self.failure
            refused = any(state.state is State.REFUSED for state in waiting)
            if refused or self.clock.mono_ns() >= deadline_ns:
                raise Stale("data on what is required", "; ".join(map(self._explained, waiting)))
            await self.clock.sleep(_LOOK_S)

    def _waiting(self) -> list[TopicState]:
        """Required streams without verified data."""
        wanted = {
            (each.channel, self.market.reference.instrument(each.symbol).symbol) for each in self._required
        }
        return [
            topic
            for topic in self.feed.stats.topics
            if (topic.subscription.channel, topic.subscription.symbol) in wanted
            and topic.state not in _RECEIVING
        ]

    def _explained(self, topic: TopicState) -> str:
        reason = topic.reason or "it must prove itself first"
        if not self.line.connected and self.line.last_error is not None:
            reason = str(self.line.last_error)
        return f"{topic.subscription}: {reason}"

    async def _load(self) -> None:
        backoff = Backoff(self._chance)
        while True:
            try:
                await self.market.load()
                return
            except _RETRIED as error:
                if isinstance(error, ConnectFailed) and error.terminal:
                    raise
                delay_s = max(backoff.next_delay_s(), _told_s(error))
                _log.warning("no reference data yet: %s; trying again in %.1f s", error, delay_s)
            await self.clock.sleep(delay_s)

    async def _stay_connected(self) -> None:
        try:
            await self.line.run()
        except Error as error:
            self.failure = error
            self.feed.fail(error)
            _log.error("the stream is over: %s", error)


def _told_s(error: Error) -> float:
    """How long the venue, or our own budget, says to wait."""
    match error:
        case RateLimited(retry_s=float(retry_s)):
            return retry_s
        case Throttled():
            return error.delay_s
    return 0.0


@asynccontextmanager
async def _beside(work: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run work beside the block and end it with the block; the first failure of either is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work())
            try:
                yield
            finally:
                task.cancel()
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


def open_system(
    venue: str | Path | Settings = "kraken",
    symbols: str | Iterable[str] = (),
    *,
    channels: Iterable[Channel] = (Channel.TICKER, Channel.BOOK),
    depth: int = 10,
    interval_s: int = 60,
    through: Callable[[Socket, str], Socket] = lambda socket, url: socket,
) -> System:
    """A system on the machine's own network and clock, not entered yet.

    `venue` is a venue's name, settings, or a YAML file. `channels` of all `symbols` are required: held, and
    waited for by `ready`. `through` wraps every socket (the recorder does). Raises ConfigError.
    """
    settings = _settings(venue)
    clock = SystemClock()
    url = settings.kraken.ws_public
    endpoint(url, "wss")
    http = AiohttpClient(settings.kraken.rest, clock, public_budget(settings.kraken.rest))
    params = {Channel.BOOK: depth, Channel.BARS: interval_s}
    names = [symbols] if isinstance(symbols, str) else symbols
    wanted = tuple(dict.fromkeys(channels))

    async def connect() -> Socket:
        socket = await websocket.connect(url)
        try:
            return through(socket, url)
        except BaseException:
            await socket.close()
            raise

    return System(
        Kraken(http, clock),
        connect,
        clock,
        required=[
            Subscription(channel, symbol, params.get(channel, 0)) for symbol in names for channel in wanted
        ],
        chance=random.SystemRandom(),
        connects=_connects,
        http=http,
    )


@asynccontextmanager
async def open_market(venue: str | Path | Settings = "kraken") -> AsyncIterator[Kraken]:
    """A venue's REST side alone, its reference data loaded; raises whatever the request raises."""
    clock, address = SystemClock(), _settings(venue).kraken.rest
    async with AiohttpClient(address, clock, public_budget(address)) as http:
        market = Kraken(http, clock)
        await market.load()
        yield market


def _settings(venue: str | Path | Settings) -> Settings:
    if isinstance(venue, Settings):
        return venue
    if venue == "kraken":
        return Settings()
    path = Path(venue)
    if path.suffix.lower() in (".yaml", ".yml"):
        return load_settings(path)
    raise ConfigError(f"{str(venue)!r} is neither a venue (kraken) nor a YAML file")

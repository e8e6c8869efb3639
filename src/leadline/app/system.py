"""The whole live system: reference data, the account, the line, subscriptions by priority, then ready.

A venue that cannot be reached is tried again, for ever, unless trying again cannot help; every part is handed
in, so that a simulation runs exactly what a trader runs.
"""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from functools import lru_cache, partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from leadline.app.account import LiveAccount, Places
from leadline.app.authorised import Connect
from leadline.app.beside import beside
from leadline.app.config import Settings, load_settings, settings_of, state_home
from leadline.clock import NS_PER_S, Clock, SystemClock
from leadline.core.limits import DecayingCounter
from leadline.core.retry import Backoff, ConnectBudget, Randomness
from leadline.engine.balances import Balances
from leadline.engine.desk import Desk
from leadline.engine.feed import Feed
from leadline.engine.orders import Orders
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
from leadline.model.market import Channel, Gap, Level3, Subscription
from leadline.model.reading import Reading
from leadline.net import websocket
from leadline.net.connection import Line
from leadline.net.endpoint import endpoint
from leadline.net.http_client import AiohttpClient
from leadline.net.websocket import Socket
from leadline.venues.kraken.venue import Kraken
from leadline.venues.ports import MarketData

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


@lru_cache(maxsize=64)
def connects_to(venue: str) -> ConnectBudget:
    """The one budget of connects of this process for all streams of a venue, named by its REST address.

    The venue counts connects by our address, not by system (dossier §3.5).
    """
    return ConnectBudget()


_NO_ACCOUNT = 'this system has no account; open it with account="main", or a name of yours'

_log = logging.getLogger("leadline")


class System:
    """One venue's market data and, where one is handed in, one account on it, as an async context manager.

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
        account: LiveAccount | None = None,
    ) -> None:
        self.market = market
        self.account = account
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

    @property
    def desk(self) -> Desk:
        """The account's orders and balances with all that keeps them true; raises ConfigError without one."""
        return self._live.desk

    @property
    def _live(self) -> LiveAccount:
        if self.account is None:
            raise ConfigError(_NO_ACCOUNT)
        return self.account

    def level3(self, symbol: str, depth: int = 10) -> AsyncGenerator[Reading[Level3] | Gap, None]:
        """Single orders of a symbol's `depth` best price levels, proven, newest first served; or a Gap.

        Raises ConfigError without an account, CheckFailed for a depth the venue lacks, UnknownSymbol.
        """
        known = self.market.reference.instrument(symbol).symbol
        return self._live.level3.feed.books(known, depth)

    @property
    def orders(self) -> Orders:
        """The account's orders; raises ConfigError where no account was opened."""
        return self.desk.orders

    @property
    def balances(self) -> Balances:
        """The account's balances; raises ConfigError where no account was opened."""
        return self.desk.balances

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._http)
            await self._load()
            if self.account is not None:
                await stack.enter_async_context(self.account)
            await stack.enter_async_context(self.feed)
            for wanted in self._required:
                self.feed.hold(wanted.channel, wanted.symbol, wanted.param)
            self.feed.attach(self.session, self.line.poke)
            await stack.enter_async_context(beside(self._stay_connected))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Return when every required stream has verified data and the account, if any, has been reconciled.

        Raises Stale naming the streams that have none and why, at once where the venue refuses one, and what
        ended a line where it will never come back.
        """
        deadline_ns = self.clock.mono_ns() + round(timeout_s * NS_PER_S)
        while True:
            waiting = self._waiting()
            if not waiting:
                break
            if self.failure is not None:
                raise self.failure
            refused = any(state.state is State.REFUSED for state in waiting)
            if refused or self.clock.mono_ns() >= deadline_ns:
                raise Stale("data on what is required", "; ".join(map(self._explained, waiting)))
            await self.clock.sleep(_LOOK_S)
        if self.account is not None:
            await self.account.ready((deadline_ns - self.clock.mono_ns()) / NS_PER_S)

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


def open_system(
    venue: str | Path | Settings = "kraken",
    symbols: str | Iterable[str] = (),
    *,
    channels: Iterable[Channel] = (Channel.TICKER, Channel.BOOK),
    depth: int = 10,
    interval_s: int = 60,
    account: str | None = None,
    through: Callable[[Socket, str], Socket] = lambda socket, url: socket,
) -> System:
    """A system on the machine's own network and clock, not entered yet.

    `venue` is a venue's name, settings, or a YAML file. `channels` of all `symbols` are required: held, and
    waited for by `ready`. `account` names the account to trade on, one at a time by one process: "main" is
    that of `venues.kraken.credentials`, and of the environment where there is no file. `through` wraps every
    socket of the market (the recorder does). Raises ConfigError.
    """
    settings = _settings(venue, with_account=account is not None)
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

    market = Kraken(http, clock)
    return System(
        market,
        connect,
        clock,
        required=[
            Subscription(channel, symbol, params.get(channel, 0)) for symbol in names for channel in wanted
        ],
        chance=random.SystemRandom(),
        connects=connects_to(settings.kraken.rest),
        http=http,
        account=None if account is None else live_account(settings, account, http, market, clock),
    )


def live_account(
    settings: Settings, name: str, http: AiohttpClient, market: Kraken, clock: Clock
) -> LiveAccount:
    """An account on the machine's own network, journal and key state, not entered yet; raises ConfigError."""
    account, places = settings.account(name), Places(settings.state_dir or state_home())
    url, level3_url = settings.kraken.ws_private, settings.kraken.ws_level3
    for address in (url, level3_url):
        endpoint(address, "wss")
    return LiveAccount(
        account,
        places.key_state(account, clock),
        places.journal(account, clock),
        http,
        market.symbols,
        partial(websocket.connect, url),
        clock,
        chance=random.SystemRandom(),
        connects=connects_to(settings.kraken.rest),
        connect_level3=partial(websocket.connect, level3_url),
    )


@asynccontextmanager
async def unloaded_market(settings: Settings) -> AsyncIterator[Kraken]:
    """A venue's REST side alone, for what needs no reference data; nothing is asked yet."""
    clock, address = SystemClock(), settings.kraken.rest
    async with AiohttpClient(address, clock, public_budget(address)) as http:
        yield Kraken(http, clock)


@asynccontextmanager
async def open_market(venue: str | Path | Settings = "kraken") -> AsyncIterator[Kraken]:
    """A venue's REST side alone, its reference data loaded; raises whatever the request raises."""
    async with unloaded_market(_settings(venue)) as market:
        await market.load()
        yield market


def _settings(venue: str | Path | Settings, *, with_account: bool = False) -> Settings:
    if isinstance(venue, Settings):
        return venue
    if venue == "kraken":
        return settings_of(None) if with_account else Settings()
    path = Path(venue)
    if path.suffix.lower() in (".yaml", ".yml"):
        return load_settings(path)
    raise ConfigError(f"{str(venue)!r} is neither a venue (kraken) nor a YAML file")

"""The whole live system: reference data, the account, the line, subscriptions by priority, then ready.

A venue that cannot be reached is tried again, for ever, unless trying again cannot help; every part is handed
in, so that a simulation runs exactly what a trader runs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self

from leadline.app.account import LiveAccount
from leadline.app.authorised import Connect
from leadline.app.beside import beside
from leadline.app.levels import watch_levels
from leadline.app.start import Phase
from leadline.clock import NS_PER_S, Clock
from leadline.core.retry import Backoff, ConnectBudget, Randomness
from leadline.engine.balances import Balances
from leadline.engine.between import Leg
from leadline.engine.checkpoint_files import CheckpointStore
from leadline.engine.checkpoints import MARKET_PERIOD_S, Checkpoints
from leadline.engine.desk import Desk
from leadline.engine.feed import Feed
from leadline.engine.halts import BETWEEN_VENUES
from leadline.engine.levels import LevelWatch
from leadline.engine.lines import HANDOVER_S
from leadline.engine.orders import Orders
from leadline.engine.routes import Routes
from leadline.engine.shelf import stream_of
from leadline.engine.state import State as Everything
from leadline.engine.tallies import Tallies
from leadline.engine.topic_state import State, TopicState
from leadline.errors import (
    CheckFailed,
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
from leadline.model.level import Level
from leadline.model.market import Gap, Level3, Subscription
from leadline.model.reading import Reading
from leadline.net.connection import Line
from leadline.net.http import PacedHttp
from leadline.venues.ports import MarketData

READY_TIMEOUT_S = 30.0
_LAST_SAVE_S = 1.0
_LOOK_S = 0.05
_GOOD = frozenset({State.LIVE, State.QUIET, State.ACKED_QUIET})
_RETRIED = (TransportError, VenueDown, RateLimited, Throttled, ProtocolError)
_NO_ACCOUNT = 'this system has no account; open it with account="main", or a name of yours'

_log = logging.getLogger("leadline")


@dataclass(frozen=True, slots=True)
class Keep:
    """Where checkpoints are kept, and how often the market is; orders and balances are kept at once."""

    market: CheckpointStore
    account: CheckpointStore | None = None
    period_s: float = MARKET_PERIOD_S


class System:
    """One venue's market data and, where one is handed in, one account on it, as an async context manager.

    Entering it fetches the reference data, trying again while the venue cannot be reached; each new reason is
    logged as a warning. `required` streams are held from then on, read or not, and decide what `ready` means.
    `connect` is the way to the venue, or to each of its routes by name.
    """

    levels: LevelWatch
    """The service level, why it is what it is, and who is told; there once the system has been entered."""

    def __init__(
        self,
        market: MarketData,
        connect: Connect | Mapping[str, Connect],
        clock: Clock,
        *,
        required: Sequence[Subscription] = (),
        chance: Randomness,
        connects: ConnectBudget,
        http: AbstractAsyncContextManager[Any] | None = None,
        account: LiveAccount | None = None,
        keep: Keep | None = None,
        reached: Callable[[Phase], None] = lambda phase: None,
        lines: int = 1,
        redundant: bool = True,
        rotate_after_s: float | None = None,
        handover_s: float = HANDOVER_S,
    ) -> None:
        self.market = market
        self.account = account
        self.clock = clock
        self.connects = connects
        self.feed = Feed(market, clock)
        ways = connect if isinstance(connect, Mapping) else dict.fromkeys(market.routes, connect)
        self.lines = Routes(
            market,
            lambda route, session: Line(session, ways[route], clock, Backoff(chance), connects),
            self.feed.receive,
            self.feed.tell,
            clock,
            count=lines,
            redundant=redundant,
            rotate_after_s=rotate_after_s,
            handover_s=handover_s,
            may_rotate=account.may_rotate if account is not None else lambda: None,
        )
        self.tallies = Tallies()
        """What has happened to readers so far."""
        self.feed.listen(self.tallies.hear)
        self._required = required
        self._chance = chance
        self._http = http or nullcontext()
        self.http = http if isinstance(http, PacedHttp) else None
        """Counts of public requests and their budget, where the system was given them to open."""
        self._reached = reached
        self.load_error: Error | None = None
        """Why the reference data could not be fetched last; None once it is there."""
        self._stack = AsyncExitStack()
        self.checkpoints = None if keep is None else self._keeping(keep)
        """What is kept for the next run; None where nothing is."""
        self.failure: Error | None = None
        """What ended the line for good; iterators of the feed raise it too."""

    @property
    def level(self) -> Level:
        """How much of the service can be vouched for now; OUTAGE before the system has been entered."""
        return self.levels.level if hasattr(self, "levels") else Level.OUTAGE

    @property
    def state(self) -> Everything:
        """All that is known at one moment, and the last changes."""
        return self.feed.state

    def __repr__(self) -> str:
        line = "connected" if self.lines.connected else "not connected"
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

        Raises ConfigError without an account, CheckFailed where the venue lacks the depth or has no single
        orders, UnknownSymbol.
        """
        single = self._live.level3
        if single is None:
            raise CheckFailed(f"{self.market.name} streams no single orders")
        return single.feed.books(self.market.reference.instrument(symbol).symbol, depth)

    def leg(self, symbol: str) -> Leg:
        """This venue's price of a symbol, for `Between`; orders of it are held while prices lie apart.

        Raises UnknownSymbol; the system must have been entered.
        """
        known = self.market.reference.instrument(symbol).symbol
        if self.account is None:
            return Leg(self.feed, self.market, known)
        orders = self.account.desk.orders
        return Leg(
            self.feed,
            self.market,
            known,
            lambda held, why: orders.halt(held, why, BETWEEN_VENUES),
            lambda held: orders.resume(held, "the venues' prices agree again", BETWEEN_VENUES),
        )

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
            self._reached(Phase.REFERENCE)
            if self.checkpoints is not None:
                self.checkpoints.restore()
            if self.account is not None:
                await stack.enter_async_context(self.account)
                self.feed.state.follow(self.account.desk)
                self.feed.loop_watch.listen(self.account.desk.orders.log)
                self.market.urgent = partial(_has_at_stake, self.account.desk)
                self.account.account.mark_price = self.feed.latest_mark
            self._reached(Phase.STATE)
            await stack.enter_async_context(self.feed)
            await stack.enter_async_context(beside(self.feed.state.run))
            if self.checkpoints is not None:
                await stack.enter_async_context(beside(self.checkpoints.run))
                stack.push_async_callback(self._keep_the_last, self.checkpoints)
            for wanted in self._required:
                self.feed.hold(wanted.channel, wanted.symbol, wanted.param)
            self.feed.attach(self.lines, self.lines.poke, self.lines.of)
            self.levels = watch_levels(
                self.market, self.feed, self.lines.up, self.clock, self._streams(), self.account
            )
            await stack.enter_async_context(self.levels)
            await stack.enter_async_context(beside(self.market.run))
            await stack.enter_async_context(beside(self._stay_connected))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def _keeping(self, keep: Keep) -> Checkpoints:
        return Checkpoints(
            self.feed.state,
            self.clock,
            self.feed.tell,
            venue=self.market.name,
            market=keep.market,
            account=keep.account,
            account_name="" if self.account is None else self.account.name,
            period_s=keep.period_s,
        )

    async def _keep_the_last(self, checkpoints: Checkpoints) -> None:
        with suppress(TimeoutError):  # a disk that does not answer: the one before is whole
            async with asyncio.timeout(_LAST_SAVE_S):
                await checkpoints.save()

    async def ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Return when every required stream has verified data and the account, if any, has been reconciled.

        Of a stream that need not speak, REST's word that nothing has happened since it was acknowledged is
        as good.
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
        """Required streams without verified data, and not known to have nothing to say."""
        wanted = self._streams()
        return [
            topic
            for topic in self.feed.stats.topics
            if stream_of(topic.subscription) in wanted and topic.state not in _GOOD
        ]

    def _streams(self) -> frozenset[Subscription]:
        """What is required, as streams are told apart."""
        instrument = self.market.reference.instrument
        return frozenset(
            stream_of(Subscription(each.channel, instrument(each.symbol).symbol, each.param))
            for each in self._required
        )

    def _explained(self, topic: TopicState) -> str:
        reason = topic.reason or "it must prove itself first"
        lines = self.lines.of(topic.subscription)
        if not lines.connected and lines.last_error is not None:
            reason = str(lines.last_error)
        return f"{topic.subscription}: {reason}"

    async def _load(self) -> None:
        backoff, told = Backoff(self._chance), ""
        while True:
            try:
                await self.market.load()
                if told:
                    _log.warning("the reference data is there after all")
                self.load_error = None
                return
            except _RETRIED as error:
                if isinstance(error, ConnectFailed) and error.terminal:
                    raise
                self.load_error = error
                delay_s = max(backoff.next_delay_s(), _told_s(error))
                level = logging.DEBUG if str(error) == told else logging.WARNING
                _log.log(level, "no reference data yet: %s; trying again in %.1f s", error, delay_s)
                told = str(error)
            await self.clock.sleep(delay_s)

    async def _stay_connected(self) -> None:
        try:
            await self.lines.run()
        except Error as error:
            self.failure = error
            self.feed.fail(error)
            _log.error("the stream is over: %s", error)


def _has_at_stake(desk: Desk, symbol: str) -> bool:
    """Whether orders or a position of a symbol hang on its book."""
    positions = desk.positions.known()
    held = () if positions is None else positions.value
    return any(each.symbol == symbol for each in desk.orders.live()) or any(
        each.symbol == symbol and each.qty for each in held
    )


def _told_s(error: Error) -> float:
    """How long the venue, or our own budget, says to wait."""
    match error:
        case RateLimited(retry_s=float(retry_s)):
            return retry_s
        case Throttled():
            return error.delay_s
    return 0.0

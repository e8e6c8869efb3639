"""An account as a terminal opens it: no journal, no desk, the stream only while something is asked."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from leadline.app.account import LiveAccount, Places, keyed
from leadline.app.config import Settings
from leadline.app.errands import STREAM_S, Errands
from leadline.app.glance import Glance
from leadline.app.opening import client_of, connects_to, live_account, market_of, ports_of
from leadline.clock import NS_PER_S, Clock, SystemClock
from leadline.errors import ConfigError, Error
from leadline.model.order import Order, OrderKind, OrderRequest, OrderState, TimeInForce
from leadline.net import websocket
from leadline.net.http import Purpose
from leadline.net.key_state import KeyState, MemoryKey, MemoryKeyState
from leadline.venues.kit import Keyed
from leadline.venues.ports import MarketData, Placement, Reference

ANSWER_S = 10.0
"""So long beyond its deadline an order is followed: evidence is there 5 s after it, if the venue is."""

NAMES_S = 2.0
"""So long an emergency waits for the venue's names, without which only their spelling differs."""

_LOOK_S = 0.05
_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


@dataclass(frozen=True, slots=True)
class Access:
    """The venue's public side, whose reference data is not loaded yet, and the account's ports."""

    market: MarketData
    ports: Keyed


@asynccontextmanager
async def open_access(
    settings: Settings, account: str, *, without_state: Callable[[str], None] | None = None
) -> AsyncIterator[Access]:
    """An account's REST side; raises ConfigError for an account that is not set or cannot be used.

    `without_state` allows to go on where the key's files cannot be used, as on a full disk, and is told why.
    Nonces come from the clock alone then, as every program on the key takes them while the clock goes on.
    """
    clock = SystemClock()
    chosen, places = settings.account(account), Places(settings.folder, settings.venue)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(client_of(settings, clock))
        state: KeyState
        try:
            state = await stack.enter_async_context(places.key_state(chosen, clock))
        except ConfigError as error:
            if without_state is None:
                raise
            without_state(f"{error}; going on without it")
            state = MemoryKeyState(MemoryKey())
        market = market_of(settings, http, clock)
        ports = await keyed(ports_of(settings, account, http, market, clock), state, clock)
        yield Access(market, ports)


@asynccontextmanager
async def open_errands(
    settings: Settings, account: str, *, emergency: bool, tell: Callable[[str], None]
) -> AsyncIterator[Errands]:
    """The errands of an account; `tell` hears of detours.

    They go by its stream, except in an emergency and where the stream tells only what happens from now on:
    there a cancel, or a look at what there is, takes one request by REST, and a stream would spare none.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        access = await stack.enter_async_context(open_access(settings, account, without_state=tell))
        try:  # a cancel needs no names, and must not wait for them
            async with asyncio.timeout(NAMES_S if emergency else None):
                await access.market.load()
        except (Error, TimeoutError) as error:
            why = str(error) or f"no answer within {NAMES_S:g} s"
            tell(f"the venue's names are not known: {why}")
        stream = None
        if settings.kit.streams_snapshots and not emergency:
            address = settings.kit.account_address(settings.endpoints)
            chance = random.SystemRandom()
            stream = await stack.enter_async_context(
                Glance(
                    access.ports.account,
                    partial(websocket.connect, address),
                    clock,
                    chance=chance,
                    connects=connects_to(settings.venue, settings.endpoints.rest),
                )
            )
        purpose = Purpose.EMERGENCY if emergency else Purpose.ACCOUNT
        yield Errands(access.ports.account, clock, stream, tell, purpose)


class OrderDesk:
    """A live account for one order of one command."""

    def __init__(self, account: LiveAccount, reference: Reference, clock: Clock) -> None:
        self._account = account
        self._reference = reference
        self._clock = clock

    async def place(self, request: OrderRequest) -> Order:
        """Place an order, by REST where the stream is not there soon, and wait until the venue has spoken.

        The order as it then is; still UNKNOWN only where the venue could not be asked for long. Raises what
        `Orders.submit` raises.
        """
        request = replace(request, symbol=self._reference.instrument(request.symbol).symbol)
        with suppress(Error):  # the stream is first choice, not a condition
            await self._account.ready(STREAM_S)
        orders = self._account.desk.orders
        order = await orders.submit(request)
        deadline_ns = self._clock.mono_ns() + round((request.deadline_s + ANSWER_S) * NS_PER_S)
        while _unsettled(order, request) and self._clock.mono_ns() < deadline_ns:
            await self._clock.sleep(_LOOK_S)
            order = orders.get(order.client_id) or order
        return order


def _unsettled(order: Order, request: OrderRequest) -> bool:
    """Whether more is about to come: the venue's word, fills it spoke of, the end of what cannot rest."""
    rests = request.kind is not OrderKind.MARKET and request.time_in_force not in _AT_ONCE
    return order.state is OrderState.UNKNOWN or order.fills_missing or not (rests or order.state.final)


@asynccontextmanager
async def order_desk(settings: Settings, account: str) -> AsyncIterator[OrderDesk]:
    """The account with its journal; it neither arms the dead-man switch nor cancels anything on leaving.

    Raises JournalBusy while another program holds the journal.
    """
    quiet = [
        replace(one, dead_man_s=0, cancel_on_exit=False) if one.name == account else one
        for one in settings.accounts
    ]
    settings = replace(settings, accounts=tuple(quiet))
    clock = SystemClock()
    async with client_of(settings, clock) as http:
        market = market_of(settings, http, clock)
        await market.load()
        async with live_account(settings, account, http, market, clock) as live:
            yield OrderDesk(live, market.reference, clock)


async def wire_form(settings: Settings, account: str, request: OrderRequest) -> list[tuple[str, str]]:
    """The order as it will leave, name by name; raises CheckFailed where it would not."""
    async with open_access(settings, account) as access:
        await access.market.load()
        request = replace(request, symbol=access.market.reference.instrument(request.symbol).symbol)
        access.ports.account.check(request)
        deadline_ns = SystemClock().wall_ns() + round(request.deadline_s * NS_PER_S)
        placement = Placement("new", None, request, deadline_ns)
        return list(settings.kit.wire_form(access.market, placement))

"""Opens systems, accounts and venues on this machine's own network, clock and state folder.

Rule: what a venue allows one address is one budget, shared by all on this machine that use one state folder.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from leadline.app.account import LiveAccount, MakePorts, Places
from leadline.app.authorised import Connect
from leadline.app.config import Settings, load_settings, settings_of
from leadline.app.level3 import no_address
from leadline.app.recording import connect_through
from leadline.app.settings import HOUR_S
from leadline.app.start import Phase
from leadline.app.system import Keep, System
from leadline.clock import Clock, SystemClock
from leadline.core.retry import ConnectBudget
from leadline.engine.checkpoint_files import CheckpointFiles
from leadline.errors import CheckFailed, ConfigError
from leadline.model.market import Channel, Subscription
from leadline.net import websocket
from leadline.net.cell_file import CellFile
from leadline.net.endpoint import endpoint
from leadline.net.http import Http
from leadline.net.http_client import AiohttpClient
from leadline.net.sqlite_key_state import fingerprint
from leadline.net.websocket import Socket
from leadline.venues.catalogue import DEFAULT, VENUES, AnyKit
from leadline.venues.kit import Wire
from leadline.venues.ports import MarketData


@lru_cache(maxsize=64)
def connects_to(venue: str, address: str) -> ConnectBudget:
    """The one budget of connects of this process for all streams of a venue, named by its REST address.

    Venues count connects by our address, not by system.
    """
    return VENUES[venue].connects()


@dataclass(frozen=True, slots=True)
class Address:
    """A venue's REST address: what it allows us, and the file in which that is spent."""

    budget: Any
    spent: CellFile


def address_of(settings: Settings) -> Address:
    """The one address of this process, for all that asks it with one state folder."""
    return _address(settings.venue, settings.endpoints.rest, settings.folder)


@lru_cache(maxsize=64)
def _address(venue: str, rest: str, folder: Path) -> Address:
    """At the bound an address is forgotten."""
    cure = "delete it while no program runs; the budgets start anew"
    spent = CellFile(folder / "addresses" / f"{fingerprint(rest)}.budgets", cure, optional=True)
    return Address(VENUES[venue].budget(SystemClock(), spent), spent)


def client_of(settings: Settings, clock: Clock) -> AiohttpClient:
    """HTTP to the venue, within the budget of its address, not entered yet; raises ConfigError."""
    address = address_of(settings)
    allowance, terms = settings.kit.terms(address.budget)
    return AiohttpClient(settings.endpoints.rest, clock, allowance, terms, shared=address.spent)


def market_of(settings: Settings, http: Http, clock: Clock) -> MarketData:
    """The venue's market data over such a client; nothing is asked yet."""
    market: MarketData = settings.kit.market(http, clock, address_of(settings).budget)
    return market


def ports_of(settings: Settings, name: str, wire: Wire, market: MarketData, clock: Clock) -> MakePorts:
    """Makes the ports of an account; raises ConfigError where it is not set."""
    kit, key, budget = settings.kit, settings.account(name).key, address_of(settings).budget
    return lambda state: kit.account(key, state, wire, market, clock, budget)


def open_system(
    venue: str | Path | Settings = DEFAULT.name,
    symbols: str | Iterable[str] = (),
    *,
    config: str | Path | None = None,
    channels: Iterable[Channel] = (Channel.TICKER, Channel.BOOK),
    depth: int = 10,
    interval_s: int = 60,
    account: str | None = None,
    checkpoint_s: float | None = None,
    lines: int = 1,
    redundant: bool = True,
    rotate_after_s: float | None = None,
    through: Callable[[Socket, str], Socket] = lambda socket, url: socket,
    answers: Callable[[Http], Http] = lambda http: http,
    reached: Callable[[Phase], None] = lambda phase: None,
) -> System:
    """A system on the machine's own network and clock, not entered yet.

    `venue` is a venue's name, settings, or a YAML file that names one venue; of a file that names several,
    `config`, it is one by its name. `channels` of all `symbols` are required: held, and waited for by
    `ready`. `account` names the account to trade on, one at a time by one process: "main" is that of
    `credentials` in the file, and of the environment where there is no file. With `checkpoint_s` the market
    is kept on disk that often, orders and balances at once, for the next run. `lines` connections carry each
    route of the market: every stream on each while `redundant`, else each stream on one; after
    `rotate_after_s` a connection is replaced by a young one that is whole already; None means an hour before
    the venue would end it, and never where it ends none. `through` wraps every socket of the market and
    `answers` its REST (the recorder does), `reached` hears of the first phases of the start. Raises
    ConfigError.
    """
    settings = _settings(venue, config, with_account=account is not None)
    clock = SystemClock()
    http = client_of(settings, clock)
    market = market_of(settings, answers(http), clock)
    ways = {
        route: _through(settings.kit.market_address(settings.endpoints, route), through)
        for route in market.routes
    }
    names = [symbols] if isinstance(symbols, str) else symbols
    life_s = settings.kit.connection_life_s
    if rotate_after_s is None and life_s is not None:
        rotate_after_s = life_s - HOUR_S
    return System(
        market,
        ways,
        clock,
        required=_required(names, tuple(dict.fromkeys(channels)), depth, interval_s, settings.kit),
        chance=random.SystemRandom(),
        connects=connects_to(settings.venue, settings.endpoints.rest),
        http=http,
        account=None if account is None else live_account(settings, account, http, market, clock),
        keep=None if checkpoint_s is None else _keep(settings, account, checkpoint_s),
        reached=reached,
        lines=lines,
        redundant=redundant,
        rotate_after_s=rotate_after_s,
    )


def _required(
    symbols: Iterable[str],
    channels: tuple[Channel, ...],
    depth: int,
    interval_s: int,
    kit: AnyKit,
) -> list[Subscription]:
    for channel in channels:
        if channel not in kit.limits.channels:
            there = ", ".join(one.value for one in Channel if one in kit.limits.channels)
            raise CheckFailed(f"{kit.title} streams no {channel.value}; there are {there}")
    params = {Channel.BOOK: depth, Channel.TOP: depth, Channel.BARS: interval_s}
    return [
        Subscription(channel, symbol, params.get(channel, 0)) for symbol in symbols for channel in channels
    ]


def _keep(settings: Settings, account: str | None, period_s: float) -> Keep:
    folder = settings.folder
    of_account = None if account is None else CheckpointFiles(folder / account / "account.checkpoint")
    return Keep(CheckpointFiles(folder / "market.checkpoint"), of_account, period_s)


def live_account(
    settings: Settings, name: str, http: AiohttpClient, market: MarketData, clock: Clock
) -> LiveAccount:
    """An account on the machine's own network, journal and key state, not entered yet; raises ConfigError."""
    account, places = settings.account(name), Places(settings.folder, settings.venue)
    kit, endpoints = settings.kit, settings.endpoints
    return LiveAccount(
        account,
        ports_of(settings, name, http, market, clock),
        places.key_state(account, clock),
        places.journal(account, clock),
        _connect(kit.account_address(endpoints)),
        clock,
        chance=random.SystemRandom(),
        connects=connects_to(settings.venue, endpoints.rest),
        private_lines=settings.lines.private,
        rotate_after_s=settings.lines.rotate_after_s,
        connect_level3=_connect(kit.single_orders_address(endpoints)),
        connect_requests=_connect(kit.requests_address(endpoints)),
    )


@asynccontextmanager
async def unloaded_market(settings: Settings) -> AsyncIterator[MarketData]:
    """A venue's REST side alone, for what needs no reference data; nothing is asked yet."""
    clock = SystemClock()
    async with client_of(settings, clock) as http:
        yield market_of(settings, http, clock)


@asynccontextmanager
async def open_market(venue: str | Path | Settings = DEFAULT.name) -> AsyncIterator[MarketData]:
    """A venue's REST side alone, its reference data loaded; raises whatever the request raises."""
    async with unloaded_market(_settings(venue)) as market:
        await market.load()
        yield market


def _connect(address: str | None) -> Connect:
    if address is None:
        return no_address
    endpoint(address, "wss")
    return partial(websocket.connect, address)


def _through(address: str, through: Callable[[Socket, str], Socket]) -> Connect:
    endpoint(address, "wss")
    return partial(connect_through, address, through)


def _settings(
    venue: str | Path | Settings, config: str | Path | None = None, *, with_account: bool = False
) -> Settings:
    if isinstance(venue, Settings):
        return venue
    if venue in VENUES:
        file = None if config is None else Path(config)
        return settings_of(file, str(venue), with_account=with_account)
    path = Path(venue)
    if path.suffix.lower() in (".yaml", ".yml"):
        return load_settings(path)
    raise ConfigError(f"{str(venue)!r} is neither a venue ({', '.join(VENUES)}) nor a YAML file")

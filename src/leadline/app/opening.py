"""Opens systems, accounts and venues on this machine's own network, clock and state folder.

Rule: what a venue allows one address is one budget, shared by all that this process opens.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from pathlib import Path

from leadline.app.account import LiveAccount, Places
from leadline.app.config import Settings, load_settings, settings_of, state_home
from leadline.app.recording import connect_through
from leadline.app.start import Phase
from leadline.app.system import Keep, System
from leadline.clock import Clock, SystemClock
from leadline.core.limits import DecayingCounter
from leadline.core.retry import ConnectBudget
from leadline.engine.checkpoint_files import CheckpointFiles
from leadline.errors import ConfigError
from leadline.model.market import Channel, Subscription
from leadline.net import websocket
from leadline.net.endpoint import endpoint
from leadline.net.http_client import AiohttpClient
from leadline.net.websocket import Socket
from leadline.venues.kraken.symbols import VENUE
from leadline.venues.kraken.venue import Kraken

PUBLIC_BUDGET = (8.0, 0.8)
"""Requests at once and per second: four fifths of about one a second (dossier §13.6).

assumed: a burst of ten passes; nobody has published the depth of Kraken's public bucket."""


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


def open_system(
    venue: str | Path | Settings = "kraken",
    symbols: str | Iterable[str] = (),
    *,
    channels: Iterable[Channel] = (Channel.TICKER, Channel.BOOK),
    depth: int = 10,
    interval_s: int = 60,
    account: str | None = None,
    checkpoint_s: float | None = None,
    lines: int = 1,
    redundant: bool = True,
    rotate_after_s: float | None = None,
    through: Callable[[Socket, str], Socket] = lambda socket, url: socket,
    reached: Callable[[Phase], None] = lambda phase: None,
) -> System:
    """A system on the machine's own network and clock, not entered yet.

    `venue` is a venue's name, settings, or a YAML file. `channels` of all `symbols` are required: held, and
    waited for by `ready`. `account` names the account to trade on, one at a time by one process: "main" is
    that of `venues.kraken.credentials`, and of the environment where there is no file. With
    `checkpoint_s` the market is kept on disk that often, orders and balances at once, for the next run.
    `lines` connections carry the market: every stream on each while `redundant`, else each stream on one;
    after `rotate_after_s` a connection is replaced by a young one that is whole already.
    `through` wraps every socket of the market (the recorder does), `reached` hears of the first phases of the
    start. Raises ConfigError.
    """
    settings = _settings(venue, with_account=account is not None)
    clock = SystemClock()
    url = settings.kraken.ws_public
    endpoint(url, "wss")
    http = AiohttpClient(settings.kraken.rest, clock, public_budget(settings.kraken.rest))
    params = {Channel.BOOK: depth, Channel.BARS: interval_s}
    names = [symbols] if isinstance(symbols, str) else symbols
    wanted = tuple(dict.fromkeys(channels))

    market = Kraken(http, clock)
    return System(
        market,
        partial(connect_through, url, through),
        clock,
        required=[
            Subscription(channel, symbol, params.get(channel, 0)) for symbol in names for channel in wanted
        ],
        chance=random.SystemRandom(),
        connects=connects_to(settings.kraken.rest),
        http=http,
        account=None if account is None else live_account(settings, account, http, market, clock),
        keep=None if checkpoint_s is None else _keep(settings, account, checkpoint_s),
        reached=reached,
        lines=lines,
        redundant=redundant,
        rotate_after_s=rotate_after_s,
    )


def _keep(settings: Settings, account: str | None, period_s: float) -> Keep:
    folder = (settings.state_dir or state_home()) / VENUE
    of_account = None if account is None else CheckpointFiles(folder / account / "account.checkpoint")
    return Keep(CheckpointFiles(folder / "market.checkpoint"), of_account, period_s)


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
        private_lines=settings.lines.private,
        rotate_after_s=settings.lines.rotate_after_s,
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

"""Leadline keeps a trading program's view of its exchange true.

    async with leadline.open("kraken", symbols=["BTC/USD"]) as system:
        ticker = await system.feed.ticker("BTC/USD")
        print(ticker.value.bid, ticker.source, ticker.age_s)

Names are loaded when they are first used; `import leadline` alone loads nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leadline.app.config import Settings, load_settings
    from leadline.app.system import System
    from leadline.app.system import open_system as open  # noqa: A004
    from leadline.core.book import BookView
    from leadline.engine.events import Event
    from leadline.engine.feed import Feed
    from leadline.errors import (
        AuthError,
        CheckFailed,
        ConfigError,
        ConnectFailed,
        ConnectionLost,
        Error,
        ProtocolError,
        RateLimited,
        RecordingError,
        Refused,
        Rejected,
        Stale,
        Throttled,
        TransportError,
        UnknownSymbol,
        VenueDown,
        VenueError,
    )
    from leadline.model.instrument import Instrument, InstrumentStatus
    from leadline.model.market import (
        Bar,
        BarBatch,
        Channel,
        FrozenBook,
        Gap,
        GapCause,
        Level,
        Side,
        Ticker,
        Trade,
        TradeBatch,
    )
    from leadline.model.reading import Reading, Source

_HOMES = {
    "app.config": ("Settings", "load_settings"),
    "app.system": ("System", "open"),
    "core.book": ("BookView",),
    "engine.events": ("Event",),
    "engine.feed": ("Feed",),
    "errors": (
        "AuthError", "CheckFailed", "ConfigError", "ConnectFailed", "ConnectionLost", "Error",
        "ProtocolError", "RateLimited", "RecordingError", "Refused", "Rejected", "Stale", "Throttled",
        "TransportError", "UnknownSymbol", "VenueDown", "VenueError",
    ),
    "model.instrument": ("Instrument", "InstrumentStatus"),
    "model.market": (
        "Bar", "BarBatch", "Channel", "FrozenBook", "Gap", "GapCause", "Level", "Side", "Ticker", "Trade",
        "TradeBatch",
    ),
    "model.reading": ("Reading", "Source"),
}  # fmt: skip
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AuthError",
    "Bar",
    "BarBatch",
    "BookView",
    "Channel",
    "CheckFailed",
    "ConfigError",
    "ConnectFailed",
    "ConnectionLost",
    "Error",
    "Event",
    "Feed",
    "FrozenBook",
    "Gap",
    "GapCause",
    "Instrument",
    "InstrumentStatus",
    "Level",
    "ProtocolError",
    "RateLimited",
    "Reading",
    "RecordingError",
    "Refused",
    "Rejected",
    "Settings",
    "Side",
    "Source",
    "Stale",
    "System",
    "Throttled",
    "Ticker",
    "Trade",
    "TradeBatch",
    "TransportError",
    "UnknownSymbol",
    "VenueDown",
    "VenueError",
    "load_settings",
    "open",
]


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'leadline' has no attribute {name!r}")
    value = getattr(import_module(f"leadline.{home}"), {"open": "open_system"}.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

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
    from leadline.app.opening import open_system as open  # noqa: A004
    from leadline.app.system import System
    from leadline.core.aggregate import TopOfBook
    from leadline.core.book import BookView
    from leadline.core.consensus import Agreement
    from leadline.engine.balances import Balances
    from leadline.engine.between import Between, Leg, Prices
    from leadline.engine.cancels import CancelOutcome
    from leadline.engine.delivery import batched, only
    from leadline.engine.desk import Desk
    from leadline.engine.events import Event
    from leadline.engine.feed import Feed
    from leadline.engine.order_news import Cause, NewsGap, NewsSummed, OrderEvent, OrderNews
    from leadline.engine.orders import Orders
    from leadline.engine.positions import Positions
    from leadline.errors import (
        Acted,
        AuthError,
        BreakerOpen,
        CheckFailed,
        ConfigError,
        ConnectFailed,
        ConnectionLost,
        Error,
        Held,
        JournalBusy,
        JournalError,
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
    from leadline.model.account import (
        AccountConfiguration,
        Balance,
        LedgerEntry,
        MarginMode,
        Position,
        SymbolConfiguration,
        Wallet,
        WalletKind,
    )
    from leadline.model.instrument import Instrument, InstrumentStatus
    from leadline.model.level import Level as ServiceLevel
    from leadline.model.market import (
        Bar,
        BarBatch,
        Channel,
        DayStats,
        FrozenBook,
        FundingRate,
        Gap,
        GapCause,
        Level,
        Level3,
        Liquidation,
        MarkPrice,
        RestingOrder,
        Side,
        Ticker,
        Trade,
        TradeBatch,
    )
    from leadline.model.order import (
        Amendment,
        ConditionalClose,
        Fee,
        FeeIn,
        Fill,
        Order,
        OrderKind,
        OrderRequest,
        OrderState,
        PositionSide,
        PriceMatch,
        PriceType,
        Provenance,
        SelfTrade,
        TimeInForce,
        Trigger,
        TriggerReference,
    )
    from leadline.model.reading import Reading, Source

_HOMES = {
    "app.config": ("Settings", "load_settings"),
    "app.opening": ("open",),
    "app.system": ("System",),
    "core.aggregate": ("TopOfBook",),
    "core.book": ("BookView",),
    "core.consensus": ("Agreement",),
    "engine.balances": ("Balances",),
    "engine.between": ("Between", "Leg", "Prices"),
    "engine.cancels": ("CancelOutcome",),
    "engine.delivery": ("batched", "only"),
    "engine.desk": ("Desk",),
    "engine.events": ("Event",),
    "engine.feed": ("Feed",),
    "engine.order_news": ("Cause", "NewsGap", "NewsSummed", "OrderEvent", "OrderNews"),
    "engine.orders": ("Orders",),
    "engine.positions": ("Positions",),
    "errors": (
        "Acted", "AuthError", "BreakerOpen", "CheckFailed", "ConfigError", "ConnectFailed",
        "ConnectionLost", "Error", "Held", "JournalBusy", "JournalError", "ProtocolError", "RateLimited",
        "RecordingError", "Refused", "Rejected", "Stale", "Throttled", "TransportError", "UnknownSymbol",
        "VenueDown", "VenueError",
    ),
    "model.account": (
        "AccountConfiguration", "Balance", "LedgerEntry", "MarginMode", "Position", "SymbolConfiguration",
        "Wallet", "WalletKind",
    ),
    "model.instrument": ("Instrument", "InstrumentStatus"),
    "model.level": ("ServiceLevel",),
    "model.market": (
        "Bar", "BarBatch", "Channel", "DayStats", "FrozenBook", "FundingRate", "Gap", "GapCause", "Level",
        "Level3", "Liquidation", "MarkPrice", "RestingOrder", "Side", "Ticker", "Trade", "TradeBatch",
    ),
    "model.order": (
        "Amendment", "ConditionalClose", "Fee", "FeeIn", "Fill", "Order", "OrderKind", "OrderRequest",
        "OrderState", "PositionSide", "PriceMatch", "PriceType", "Provenance", "SelfTrade", "TimeInForce",
        "Trigger", "TriggerReference",
    ),
    "model.reading": ("Reading", "Source"),
}  # fmt: skip
_NAMED_THERE = {"open": "open_system", "ServiceLevel": "Level"}
"""What has a shorter name where it is made than here, where all names stand together."""

_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AccountConfiguration",
    "Acted",
    "Agreement",
    "Amendment",
    "AuthError",
    "Balance",
    "Balances",
    "Bar",
    "BarBatch",
    "Between",
    "BookView",
    "BreakerOpen",
    "CancelOutcome",
    "Cause",
    "Channel",
    "CheckFailed",
    "ConditionalClose",
    "ConfigError",
    "ConnectFailed",
    "ConnectionLost",
    "DayStats",
    "Desk",
    "Error",
    "Event",
    "Fee",
    "FeeIn",
    "Feed",
    "Fill",
    "FrozenBook",
    "FundingRate",
    "Gap",
    "GapCause",
    "Held",
    "Instrument",
    "InstrumentStatus",
    "JournalBusy",
    "JournalError",
    "LedgerEntry",
    "Leg",
    "Level",
    "Level3",
    "Liquidation",
    "MarginMode",
    "MarkPrice",
    "NewsGap",
    "NewsSummed",
    "Order",
    "OrderEvent",
    "OrderKind",
    "OrderNews",
    "OrderRequest",
    "OrderState",
    "Orders",
    "Position",
    "PositionSide",
    "Positions",
    "PriceMatch",
    "PriceType",
    "Prices",
    "ProtocolError",
    "Provenance",
    "RateLimited",
    "Reading",
    "RecordingError",
    "Refused",
    "Rejected",
    "RestingOrder",
    "SelfTrade",
    "ServiceLevel",
    "Settings",
    "Side",
    "Source",
    "Stale",
    "SymbolConfiguration",
    "System",
    "Throttled",
    "Ticker",
    "TimeInForce",
    "TopOfBook",
    "Trade",
    "TradeBatch",
    "TransportError",
    "Trigger",
    "TriggerReference",
    "UnknownSymbol",
    "VenueDown",
    "VenueError",
    "Wallet",
    "WalletKind",
    "batched",
    "load_settings",
    "only",
    "open",
]


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'leadline' has no attribute {name!r}")
    value = getattr(import_module(f"leadline.{home}"), _NAMED_THERE.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

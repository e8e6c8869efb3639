"""What streams are called and on which route they are served.

Rule: names are spelled to the letter; the venue acknowledges any other and stays silent (dossier §10.1).
"""

from __future__ import annotations

from collections.abc import Iterable

from leadline.errors import CheckFailed
from leadline.model.market import Channel, Subscription

PUBLIC, MARKET = "public", "market"

ROUTES = (PUBLIC, MARKET)
"""The routes of public streams (dossier §1.4)."""

ALL = "*"
"""Every symbol, where one stream tells of all."""

INSTRUMENTS = Subscription(Channel.INSTRUMENTS, ALL)

TOP_DEPTHS = (5, 10, 20)

BOOK_DEPTHS = (5, 10, 20, 50, 100, 500, 1000)

INTERVALS = {
    60: "1m", 180: "3m", 300: "5m", 900: "15m", 1800: "30m", 3600: "1h", 7200: "2h", 14400: "4h",
    21600: "6h", 28800: "8h", 43200: "12h", 86400: "1d", 259200: "3d", 604800: "1w",
}  # fmt: skip
"""The venue's words for candles, by seconds (a month has no fixed length)."""

_ROUTE = {
    Channel.TICKER: PUBLIC,
    Channel.BOOK: PUBLIC,
    Channel.TOP: PUBLIC,
    Channel.TRADES: MARKET,
    Channel.BARS: MARKET,
    Channel.MARK: MARKET,
    Channel.STATS: MARKET,
    Channel.LIQUIDATIONS: MARKET,
    Channel.INSTRUMENTS: MARKET,
}


def route_of(subscription: Subscription) -> str:
    """The route that serves a subscription; raises CheckFailed for a channel this venue has not."""
    route = _ROUTE.get(subscription.channel)
    if route is None:
        raise CheckFailed(f"Binance streams no {subscription.channel.value}")
    return route


def stream_name(subscription: Subscription, wire_symbol: str, depth_ms: int) -> str:
    """The name to subscribe to; `wire_symbol` is the venue's, `depth_ms` the speed of depth.

    Raises CheckFailed for a parameter the venue does not know.
    """
    symbol, param = wire_symbol.lower(), subscription.param
    match subscription.channel:
        case Channel.TICKER:
            return f"{symbol}@bookTicker"
        case Channel.BOOK:
            return f"{symbol}@depth{_speed(depth_ms)}"
        case Channel.TOP:
            if param not in TOP_DEPTHS:
                raise CheckFailed(f"{param} is no depth of a top; Binance has {_listed(TOP_DEPTHS)}")
            return f"{symbol}@depth{param}{_speed(depth_ms)}"
        case Channel.TRADES:
            return f"{symbol}@aggTrade"
        case Channel.BARS:
            if param not in INTERVALS:
                raise CheckFailed(f"{param} s is no interval; Binance has {_listed(INTERVALS)}")
            return f"{symbol}@kline_{INTERVALS[param]}"
        case Channel.MARK:
            return f"{symbol}@markPrice@1s"
        case Channel.STATS:
            return f"{symbol}@ticker"
        case Channel.LIQUIDATIONS:
            return "!forceOrder@arr" if subscription.symbol == ALL else f"{symbol}@forceOrder"
        case Channel.INSTRUMENTS:
            return "!contractInfo"
    raise CheckFailed(f"Binance streams no {subscription.channel.value}")


def _speed(depth_ms: int) -> str:
    """250 ms is what is served without a suffix."""
    return "" if depth_ms == 250 else f"@{depth_ms}ms"


def _listed(choices: Iterable[int]) -> str:
    return ", ".join(map(str, choices))

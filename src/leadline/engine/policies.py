"""How each kind of value is kept for a reader that is slower than the stream: one table, nothing hidden.

Whatever the policy, a slow reader delays neither the stream nor another reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct

from leadline.model.market import Channel


class AtBound(Enum):
    """What happens when a reader lags."""

    NEWEST = "newest"  # there is no queue: it gets the newest, what came between is passed over
    GAP = "gap"  # the oldest is dropped, counted exactly, and told to the reader as a gap
    SUM = "sum"  # it is told, and gets the latest state of everything that changed: no fill is ever missing
    TOLD = "told"  # the oldest is dropped, and the reader is told how many were


class Policy(Struct, frozen=True):
    """How many values a reader may lag behind (0: no queue) and what happens then."""

    bound: int
    at_bound: AtBound


BY_CHANNEL: Mapping[Channel, Policy] = {
    Channel.TICKER: Policy(0, AtBound.NEWEST),
    Channel.BOOK: Policy(0, AtBound.NEWEST),
    Channel.LEVEL3: Policy(0, AtBound.NEWEST),
    Channel.TOP: Policy(0, AtBound.NEWEST),
    Channel.MARK: Policy(0, AtBound.NEWEST),
    Channel.STATS: Policy(0, AtBound.NEWEST),
    Channel.TRADES: Policy(10_000, AtBound.GAP),
    Channel.BARS: Policy(10_000, AtBound.GAP),
    Channel.LIQUIDATIONS: Policy(10_000, AtBound.GAP),
}
"""Of market data, by what `tickers`, `books`, `every_trade`, `every_bar` and the callbacks read."""

TTL_S: Mapping[Channel, float] = {
    Channel.TICKER: 5.0,
    Channel.BOOK: 2.0,
    Channel.TRADES: 10.0,
    Channel.BARS: 10.0,
    Channel.TOP: 2.0,
    Channel.MARK: 5.0,
    Channel.STATS: 10.0,
}
"""How long a REST answer may be served again."""

EVERY = Policy(10_000, AtBound.GAP)
"""Of what conflates by nature and is read one by one all the same: `every_ticker`, `every_book`."""

ACCOUNT = Policy(100_000, AtBound.SUM)
"""Of what happens to orders: nothing of it is ever dropped."""

EVENTS = Policy(10_000, AtBound.TOLD)
"""Of what happens to a feed."""

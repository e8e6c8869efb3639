"""Candles and trades of the past, page by page through any venue's REST.

What a venue no longer has is said, never papered over: a series carries its shortfall, and one that failed
carries its error while the others go on.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from leadline.clock import NS_PER_MS, NS_PER_S, Clock
from leadline.errors import CheckFailed, Error, ProtocolError, RateLimited
from leadline.model.market import Bar, Trade
from leadline.net.http import Purpose
from leadline.venues.ports import MarketData

OVERLAP_NS = NS_PER_MS
"""How far a page of trades reaches back into the one before: venues round the times they print, so a page
from the very time of the last trade could miss its neighbours."""

_PATIENCE = 3
_USUAL_WAIT_S = 5.0
_LONGEST_WAIT_S = 60.0

Progress = Callable[[int, int], None]
"""Takes how many series are done, and of how many."""


@dataclass(frozen=True, slots=True)
class BarSeries:
    """Candles of one instrument and interval from `since_ns` on, oldest first.

    `shortfall` says in words what the venue could not give, else it is empty; `error` is why it broke off.
    """

    symbol: str
    interval_s: int
    since_ns: int
    bars: tuple[Bar, ...]
    shortfall: str = ""
    error: Error | None = None


async def fetch_history(
    market: MarketData,
    symbols: Sequence[str],
    intervals_s: Sequence[int],
    since_ns: int,
    clock: Clock,
    progress: Progress = lambda done, of: None,
) -> list[BarSeries]:
    """Candles of every symbol and interval since a Unix time, one series after the other at low priority.

    The first candle is the one that `since_ns` falls into. Symbols may be spelled in any of the venue's ways.
    Raises UnknownSymbol and CheckFailed before any request.
    """
    canonical = list(dict.fromkeys(market.reference.instrument(symbol).symbol for symbol in symbols))
    for interval_s in intervals_s:
        if interval_s not in market.limits.bar_intervals_s:
            valid = ", ".join(map(str, market.limits.bar_intervals_s))
            raise CheckFailed(f"{market.name} has no candles of {interval_s} s; it has those of {valid} s")
    wanted = [(symbol, interval_s) for symbol in canonical for interval_s in dict.fromkeys(intervals_s)]
    series = []
    progress(0, len(wanted))
    for symbol, interval_s in wanted:
        begin_ns = since_ns - since_ns % (interval_s * NS_PER_S)
        series.append(await _fetch_series(market, symbol, interval_s, begin_ns, clock))
        progress(len(series), len(wanted))
    return series


async def _fetch_series(
    market: MarketData, symbol: str, interval_s: int, since_ns: int, clock: Clock
) -> BarSeries:
    """One series, paged until a page ends in the running candle or brings nothing new."""
    bars: list[Bar] = []
    error = None
    try:
        while True:
            cursor_ns = bars[-1].end_ns if bars else since_ns
            page = await _fetch_page(market, symbol, interval_s, cursor_ns, clock)
            new = [bar for bar in page if bar.begin_ns >= cursor_ns]
            bars += new
            if not new or not new[-1].complete:
                break
    except Error as why:
        error = why
    shortfall = "" if error else _shortfall(market, interval_s, since_ns, bars)
    return BarSeries(symbol, interval_s, since_ns, tuple(bars), shortfall, error)


async def _fetch_page(
    market: MarketData, symbol: str, interval_s: int, since_ns: int, clock: Clock
) -> list[Bar]:
    """One page; a rate limit of the venue is waited out as long as it is short, a few times."""
    for _ in range(_PATIENCE):
        try:
            return await market.fetch_bars(symbol, interval_s, since_ns, Purpose.HISTORY)
        except RateLimited as limited:
            wait_s = _USUAL_WAIT_S if limited.retry_s is None else limited.retry_s
            if wait_s > _LONGEST_WAIT_S:
                raise
        await clock.sleep(wait_s)
    return await market.fetch_bars(symbol, interval_s, since_ns, Purpose.HISTORY)


def _shortfall(market: MarketData, interval_s: int, since_ns: int, bars: Sequence[Bar]) -> str:
    """What is missing at the old end: beyond the venue's reach, or before its first candle."""
    if not bars:
        return f"{market.name} has no candles since {_text(since_ns)}"
    begin_ns = bars[0].begin_ns
    if begin_ns < since_ns + interval_s * NS_PER_S:
        return ""
    reach = market.limits.rest_bars
    if len(bars) >= reach:
        why = f"{market.name} keeps only the newest {reach} candles of {interval_s} s"
    else:
        why = f"{market.name} has no earlier candle"
    return f"asked from {_text(since_ns)}, begins {_text(begin_ns)}: {why}"


def _text(moment_ns: int) -> str:
    return datetime.fromtimestamp(moment_ns // NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


async def fetch_trades_between(
    market: MarketData,
    symbol: str,
    from_ns: int,
    until_ns: int | None,
    purpose: Purpose,
    *,
    from_id: int | None = None,
    to_id: int | None = None,
    pages: int | None = None,
) -> list[Trade]:
    """Every trade of a span of Unix time, ends included, each once, by id; without `until_ns` to the newest.

    An id given for an end of the span decides there instead of the time, because stream and REST round times
    differently. Pages overlap and are merged by id; `pages` bounds their number, and what they did not reach
    is missing at the new end. Raises ProtocolError for trades without id or time, and whatever
    the request raises.
    """
    last_ns = sys.maxsize if until_ns is None else until_ns
    found: dict[int, tuple[int, Trade]] = {}
    since_ns = from_ns - OVERLAP_NS
    for _ in itertools.count() if pages is None else range(pages):
        page = await market.fetch_trades(symbol, since_ns, purpose)
        for trade in page:
            trade_id, venue_ns = _key(trade)
            found[trade_id] = (venue_ns, trade)
        if len(page) < market.limits.rest_trades:  # assumed: a short page is the last
            break
        newest_id, newest_ns = _key(page[-1])
        if newest_ns <= since_ns or newest_ns > last_ns or (to_id is not None and newest_id >= to_id):
            break
        # A page that lies within the overlap would come again for ever: go past it.
        since_ns = newest_ns - OVERLAP_NS if newest_ns - OVERLAP_NS > since_ns else newest_ns
    return [
        trade
        for trade_id, (venue_ns, trade) in sorted(found.items())
        if (from_ns <= venue_ns if from_id is None else from_id <= trade_id)
        and (venue_ns <= last_ns if to_id is None else trade_id <= to_id)
    ]


def _key(trade: Trade) -> tuple[int, int]:
    """Id and time of a trade, without which pages cannot be joined."""
    if trade.trade_id is None or trade.venue_ns is None:
        raise ProtocolError(
            f"a trade of {trade.symbol} without id or time cannot be joined to its neighbours"
        )
    return trade.trade_id, trade.venue_ns

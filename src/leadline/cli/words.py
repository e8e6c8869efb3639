"""Readings, gaps and events in plain words, one line each."""

from __future__ import annotations

from datetime import UTC, datetime

from leadline.cli.wire import plain
from leadline.clock import NS_PER_S
from leadline.core.book import BookView
from leadline.core.session import LineDown, LineUp, SubscriptionRefused
from leadline.engine.events import Event, ReaderFailed, ReaderSlow, SourceChanged, StreamDead
from leadline.model.market import Bar, BookCrossed, BookDropped, Gap, Ticker, Trade, VenueStatus
from leadline.model.reading import Reading


def line(symbol: str, item: Reading[Ticker | Trade | Bar | BookView] | Gap) -> str:
    """One reading or hole."""
    if isinstance(item, Gap):
        return event_words(item) or ""
    proof = ", verified" if item.verified else ""
    return f"{symbol}  {_words(item.value)}  ({item.source.value}{proof}, {age(item.age_s)} old)"


def _words(value: Ticker | Trade | Bar | BookView) -> str:
    match value:
        case Ticker():
            last = "none in 24 h" if value.last is None else plain(value.last)
            return f"ticker  bid {plain(value.bid)}  ask {plain(value.ask)}  last {last}"
        case Trade():
            late = "  back-filled" if value.backfilled else ""
            return f"trade   {value.side.value} {plain(value.qty)} at {plain(value.price)}{late}"
        case Bar():
            whole = "complete" if value.complete else "running"
            prices = "  ".join(
                f"{name} {plain(number)}"
                for name, number in (
                    ("open", value.open), ("high", value.high), ("low", value.low), ("close", value.close),
                )
            )  # fmt: skip
            return f"bar     {clock_time(value.begin_ns)}  {prices}  {whole}"
    bid, ask = value.best_bid, value.best_ask
    bids = f"{plain(bid.qty)} at {plain(bid.price)}" if bid else "nothing"
    asks = f"{plain(ask.qty)} at {plain(ask.price)}" if ask else "nothing"
    return f"book    bid {bids}  ask {asks}"


def age(seconds: float) -> str:
    """An age as a person would say it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min"


def clock_time(moment_ns: int) -> str:
    """The time of day in UTC."""
    return datetime.fromtimestamp(moment_ns // NS_PER_S, UTC).strftime("%H:%M:%S")


def event_words(event: Event) -> str | None:
    """What happened; None for what a reader of the screen need not know."""
    match event:
        case Gap():
            return _gap_words(event)
        case SourceChanged():
            where = f"{event.channel.value} {event.symbol}"
            return f"{where}: from {event.previous.value} to {event.source.value} ({event.cause})"
        case StreamDead(subscription, reason):
            return f"{subscription}: {reason}; subscribed anew"
        case BookDropped(symbol, reason):
            return f"book {symbol} dropped: {reason}"
        case BookCrossed(symbol, bid, ask):
            return f"book {symbol} is crossed: bid {plain(bid)}, ask {plain(ask)}"
        case SubscriptionRefused(subscription, error):
            return f"{subscription} refused: {error.text}"
        case VenueStatus(mode, text):
            return f"the venue says: {text or mode.value}"
        case ReaderFailed(reader, why, times):
            return f"{reader} has failed {times} times: {why}"
        case ReaderSlow(reader, _, dropped):
            return f"{reader} is too slow" + (f", {dropped} dropped" if dropped else "")
        case LineDown(reason):
            return f"disconnected: {reason}"
        case LineUp():
            return "connected"
    return None


def _gap_words(gap: Gap) -> str:
    until = f"until {clock_time(gap.until_ns)}" if gap.until_ns is not None else "still open"
    parts = [
        f"{gap.channel.value} {gap.symbol}: gap from {clock_time(gap.from_ns)} {until}, {gap.cause.value}"
    ]
    if gap.missing is not None:
        parts.append(f"{gap.missing} missing")
    if gap.filled:
        parts.append("filled by REST")
    elif gap.suspected:
        parts.append("suspected")
    return ", ".join(parts)

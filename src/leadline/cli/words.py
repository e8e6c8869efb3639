"""Readings, gaps and events in plain words, one line each."""

from __future__ import annotations

from datetime import UTC, datetime

from leadline.cli.wire import plain
from leadline.clock import NS_PER_S
from leadline.core.book import BookView
from leadline.core.session import LineDown, LineUp, SubscriptionRefused
from leadline.engine.events import (
    AlertChanged,
    CheckpointDamaged,
    CheckpointNotSaved,
    CheckpointRestored,
    Diverged,
    Event,
    LevelChanged,
    LineRotated,
    LineSwitched,
    LoopBlocked,
    ReaderCaughtUp,
    ReaderFailed,
    ReaderLags,
    ReaderSlow,
    Reconverged,
    RotationPutOff,
    RouteSilent,
    SourceChanged,
    StreamDead,
    StreamShareLow,
    StreamShareRecovered,
)  # fmt: skip
from leadline.model.market import (
    Bar,
    BookCrossed,
    BookDropped,
    DayStats,
    FrozenBook,
    Gap,
    Level,
    Liquidation,
    MarkPrice,
    Ticker,
    Trade,
    VenueStatus,
)
from leadline.model.reading import Reading

Value = Ticker | Trade | Bar | BookView | FrozenBook | MarkPrice | DayStats | Liquidation


def line(symbol: str, item: Reading[Value] | Gap) -> str:
    """One reading or hole."""
    if isinstance(item, Gap):
        return event_words(item) or ""
    proof = ", verified" if item.verified else ""
    return f"{symbol}  {_words(item.value)}  ({item.source.value}{proof}, {age(item.age_s)} old)"


def _words(value: Value) -> str:
    match value:
        case Ticker():
            return f"ticker  bid {plain(value.bid)}  ask {plain(value.ask)}{_last(value)}"
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
        case BookView():
            return _book_words("book   ", value.best_bid, value.best_ask)
        case FrozenBook():
            return _book_words("top    ", *(side[0] if side else None for side in (value.bids, value.asks)))
    return _contract_words(value)


def _contract_words(value: MarkPrice | DayStats | Liquidation) -> str:
    match value:
        case MarkPrice():
            index = "" if value.index is None else f"  index {plain(value.index)}"
            rate = "" if value.funding_rate is None else f"  funding {plain(value.funding_rate * 100)} %"
            return f"mark    {plain(value.mark)}{index}{rate}"
        case DayStats():
            range_ = f"low {plain(value.low)}  high {plain(value.high)}"
            return f"24 h    last {plain(value.last)}  {value.change_pct:+.2f} %  {range_}"
        case Liquidation():
            average = plain(value.average_price)
            return f"forced  {value.side.value} {plain(value.qty)} at {average} on average"


def _last(value: Ticker) -> str:
    """The last trade; nothing where the venue tells it elsewhere."""
    if value.last is None:
        return "" if value.volume is None else "  last none in 24 h"
    return f"  last {plain(value.last)}"


def _book_words(name: str, bid: Level | None, ask: Level | None) -> str:
    bids = f"{plain(bid.qty)} at {plain(bid.price)}" if bid else "nothing"
    asks = f"{plain(ask.qty)} at {plain(ask.price)}" if ask else "nothing"
    return f"{name} bid {bids}  ask {asks}"


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
            return f"{event.stream}: from {event.previous.value} to {event.source.value} ({event.cause})"
        case StreamDead(subscription, reason):
            return f"{subscription}: {reason}; subscribed anew"
        case RouteSilent(route, streams, waited_s):
            where = f"route {route}" if route else "the line"
            return (
                f"{where} has acknowledged {len(streams)} streams and brought nothing of them for "
                f"{waited_s:.0f} s ({streams[0]}): is it the right address?"
            )
        case BookDropped(symbol, reason):
            return f"book {symbol} dropped: {reason}"
        case BookCrossed(symbol, bid, ask):
            return f"book {symbol} is crossed: bid {plain(bid)}, ask {plain(ask)}"
        case SubscriptionRefused(subscription, error):
            return f"{subscription} refused: {error.text}"
        case VenueStatus(mode, text):
            return f"the venue says: {text or mode.value}"
        case LineDown(reason):
            return f"{_line_name(event)}disconnected: {reason}"
        case LineUp():
            return f"{_line_name(event)}connected"
    return _line_words(event) or _trust_words(event) or _reader_words(event) or _keeper_words(event)


def _line_name(event: LineUp | LineDown) -> str:
    route = f"route {event.route} " if event.route else ""
    return route if event.line == 1 else f"{route}line {event.line} "


def _line_words(event: Event) -> str | None:
    match event:
        case LineSwitched(before, after, streams, reason, took_ms):
            moved = f"{streams} streams go on from line {after} instead of {before}"
            return f"{moved}, after {took_ms:.1f} ms: {reason}"
        case LineRotated(number, took_s):
            return f"line {number} was replaced by a younger one within {age(took_s)}"
        case RotationPutOff(number, reason):
            return f"line {number} is due to be replaced, but not now: {reason}"
    return None


def _trust_words(event: Event) -> str | None:
    match event:
        case Diverged():
            kind = f" ({event.pattern})" if event.pattern else ""
            blamed = "" if event.blamed is None else f"; the {event.blamed.value} is not believed"
            sides = f"{event.what} is {event.ours} on the stream and {event.theirs} by REST"
            return f"{event.channel} {event.symbol}: {sides}{kind}{blamed}"
        case Reconverged(channel, symbol, lasted_s):
            return f"{channel} {symbol}: both sources agree again, after {age(lasted_s)}"
        case LevelChanged(level, previous, reasons, forced):
            held = ", held by an operator" if forced else ""
            why = f": {'; '.join(reasons)}" if reasons else ""
            return f"level {level.name}{held}, was {previous.name}{why}"
        case StreamShareLow(share, wanted, window_s):
            low = f"{share:.0%} of reads came from streams"
            return f"{low} in the last {age(window_s)}, {wanted:.0%} are wanted"
        case StreamShareRecovered(share, _):
            return f"{share:.0%} of reads come from streams again"
    return None


def _reader_words(event: Event) -> str | None:
    match event:
        case ReaderFailed(reader, why, times):
            return f"{reader} has failed {times} times: {why}"
        case ReaderSlow(reader, _, dropped):
            return f"{reader} is too slow" + (f", {dropped} dropped" if dropped else "")
        case ReaderLags(reader, lag_ms):
            return f"{reader} is handed what is {lag_ms:.0f} ms old"
        case ReaderCaughtUp(reader, worst_ms, _):
            return f"{reader} has caught up; it was {worst_ms:.0f} ms behind"
        case LoopBlocked(blocked_ms, culprit):
            return f"{culprit or 'code in the event loop'} let nothing else run for {blocked_ms:.0f} ms"
    return None


def _keeper_words(event: Event) -> str | None:
    match event:
        case CheckpointDamaged(path, why, used_instead):
            instead = f"; {used_instead} is used instead" if used_instead else "; there is no older one"
            return f"the checkpoint {path} cannot be used: {why}{instead}"
        case CheckpointRestored(path, age_s):
            return f"the checkpoint {path} is taken up, {age(age_s)} old; the venue has yet to confirm it"
        case CheckpointNotSaved(path, why):
            return f"the checkpoint {path} cannot be kept: {why}" if why else "checkpoints are kept again"
        case AlertChanged():
            over = f"over after {age(event.lasted_s)}"
            return f"alert {event.alert}: {event.summary if event.firing else over}"
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

"""The live table of `leadline watch`: drawn a few times a second, whatever the rate of the readings."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from leadline.app.system import System
from leadline.cli.wire import plain
from leadline.cli.words import age, clock_time, event_words
from leadline.clock import NS_PER_S
from leadline.core.book import BookView
from leadline.model.market import (
    Channel,
    DayStats,
    FrozenBook,
    Gap,
    Level,
    Liquidation,
    MarkPrice,
    Side,
    Ticker,
    Trade,
)
from leadline.model.reading import Reading, Source

REFRESH_S = 0.2
_KEPT = 8
_TAPES = {Channel.TRADES: "trades", Channel.LIQUIDATIONS: "liquidations"}
_EVENTS = 6
_WIDE = 115
"""Columns of a terminal that everything fits in side by side; below, the less important is left out."""

_HALF_WIDE = 100
"""From here on the last price has room beside the mark price, and its funding."""

_MARKS_TAKE = 20

_COLUMNS = (
    "symbol", "bid", "ask", "spread", "last", "mark", "funding", "24 h", "source", "proof", "age", "a second",
    "gaps",
)  # fmt: skip
_WIDE_ONLY = frozenset({"spread", "24 h", "a second"})
_WORDS = frozenset({"symbol", "source", "proof"})
_SOURCE_STYLE = {Source.STREAM: "green", Source.REST: "yellow", Source.CACHE: "yellow"}


class Screen:
    """Keeps the newest reading of each stream and draws them all."""

    def __init__(
        self,
        system: System,
        symbols: Iterable[str],
        channels: tuple[Channel, ...],
        console: Console | None = None,
    ) -> None:
        self._system = system
        self._channels = channels
        self._newest: dict[tuple[Channel, str], Reading[Any]] = {}
        self._symbols = dict.fromkeys(symbols, 0)
        self._tapes: dict[Channel, deque[Trade | Liquidation]] = {one: deque(maxlen=_KEPT) for one in _TAPES}
        self._rates: dict[str, float] = {}
        self._counted = Counter(self._symbols)
        self._counted_ns = system.clock.mono_ns()
        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def take(self, channel: Channel, symbol: str, item: Reading[Any] | Gap) -> None:
        """The newest of one stream; holes are shown from the feed's own ledger."""
        if isinstance(item, Gap):
            return
        self._symbols[symbol] += 1
        self._newest[channel, symbol] = item
        if channel in self._tapes and not (isinstance(item.value, Trade) and item.value.backfilled):
            self._tapes[channel].append(item.value)

    def draw(self) -> None:
        """Draw everything as it stands now."""
        self._live.update(self.picture(), refresh=True)

    def picture(self) -> RenderableType:
        """Head, one row for each symbol, the ladder of a single book, trades and events."""
        single = next(iter(self._symbols)) if len(self._symbols) == 1 else ""
        book = self._newest.get((Channel.BOOK, single))
        details: list[RenderableType] = [_ladder(book.value, 16 if self._wide else 8)] if book else []
        for channel, name in _TAPES.items():
            if channel in self._channels:
                details.append(_tape(name, self._tapes[channel]))
        if self._wide:
            beside = Table.grid(padding=(0, 4))
            beside.add_row(*details)
            details = [beside]
        return Group(self._head(), "", self._table(), "", *details, "", self._events())

    @property
    def _wide(self) -> bool:
        return self._live.console.width >= _WIDE

    def _head(self) -> Text:
        system = self._system
        stats = system.feed.stats
        head = Text(f"{system.market.name}  ", style="bold")
        if system.lines.connected:
            head.append("● connected", style="green")
        else:
            why = system.lines.last_error or "connecting"
            head.append(f"● not connected: {why}", style="red")
        head.append(f"   {stats.receiving} of {stats.wanted} streams receiving", style="default")
        if stats.frames_skipped:
            head.append(f"   {stats.frames_skipped} frames not understood", style="yellow")
        head.append(f"   {clock_time(system.clock.wall_ns())} UTC", style="dim")
        return head

    def _table(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        columns = [column for column in _COLUMNS if self._has(column)]
        for name in columns:
            justify: JustifyMethod = "left" if name in _WORDS else "right"
            table.add_column(name, justify=justify, no_wrap=True)
        gaps = Counter(gap.symbol for gap in self._system.feed.gaps)
        self._measure()
        for symbol in self._symbols:
            cells = self._row(symbol)
            cells["a second"] = f"{self._rates.get(symbol, 0):.0f}"
            cells["gaps"] = Text(str(gaps[symbol]), "yellow" if gaps[symbol] else "dim")
            table.add_row(*(cells.get(name, "–") for name in columns))
        return table

    def _has(self, column: str) -> bool:
        """Whether there is room for a column, and anything to put into it."""
        width, marks = self._live.console.width, Channel.MARK in self._channels
        if column == "mark":
            return marks
        if column == "funding":
            return marks and width >= _HALF_WIDE
        if column == "last":
            return not marks or width >= _HALF_WIDE
        asked = column == "24 h" and Channel.STATS in self._channels
        return asked or column not in _WIDE_ONLY or width >= _WIDE + (_MARKS_TAKE if marks else 0)

    def _measure(self) -> None:
        """Readings a second, anew every second."""
        now_ns = self._system.clock.mono_ns()
        passed_s = (now_ns - self._counted_ns) / NS_PER_S
        if passed_s >= 1:
            self._rates = {
                symbol: (count - self._counted[symbol]) / passed_s for symbol, count in self._symbols.items()
            }
            self._counted, self._counted_ns = Counter(self._symbols), now_ns

    def _row(self, symbol: str) -> dict[str, RenderableType]:
        ticker = self._newest.get((Channel.TICKER, symbol))
        book = self._newest.get((Channel.BOOK, symbol))
        trade = self._newest.get((Channel.TRADES, symbol))
        bar = self._newest.get((Channel.BARS, symbol))
        top = self._newest.get((Channel.TOP, symbol))
        day = self._newest.get((Channel.STATS, symbol))
        mark = self._newest.get((Channel.MARK, symbol))
        bid, ask = _best(book, ticker, top)
        lasts: list[Decimal | None] = [
            None if trade is None else trade.value.price,
            None if ticker is None else ticker.value.last,
            None if day is None else day.value.last,
            None if bar is None else bar.value.close,
            None if mark is None else mark.value.mark,
        ]
        last = next((price for price in lasts if price is not None), None)
        shown = book or ticker or top or trade or day or mark or bar
        cells: dict[str, RenderableType] = {"symbol": Text(symbol, "bold")}
        if shown is None:
            return cells | {"source": Text("waiting", "yellow")}
        return cells | {
            "bid": Text(_number(bid), "green"),
            "ask": Text(_number(ask), "red"),
            "spread": _number(ask - bid) if bid is not None and ask is not None else "–",
            "last": _number(last),
            "mark": "–" if mark is None else self._mark(mark.value),
            "funding": "–" if mark is None else _funding(mark.value),
            "24 h": _change(day.value if day else ticker.value if ticker else None),
            "source": Text(shown.source.value, _SOURCE_STYLE.get(shown.source, "")),
            "proof": _proof(book),
            "age": Text(age(shown.age_s), "" if shown.age_s <= shown.bound_s else "red"),
        }

    def _mark(self, mark: MarkPrice) -> str:
        """In the decimals of the contract's own prices; the venue has more."""
        decimals = self._system.market.reference.instrument(mark.symbol).price_precision
        return f"{mark.mark:.{decimals}f}"

    def _events(self) -> Table:
        table = Table.grid(padding=(0, 2))
        words = [text for event in self._system.feed.recent_events if (text := event_words(event))]
        for text in words[-_EVENTS:]:
            table.add_row(Text(text, "dim"))
        return table


def _tape(name: str, newest: Sequence[Trade | Liquidation]) -> Table:
    """The newest of what comes one by one, the last first."""
    tape = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", title=None)
    tape.add_column(name, style="dim", no_wrap=True)
    tape.add_column("", no_wrap=True)
    tape.add_column("price", justify="right", no_wrap=True)
    tape.add_column("quantity", justify="right", no_wrap=True)
    for one in reversed(newest):
        style = "green" if one.side is Side.BUY else "red"
        when = clock_time(one.venue_ns) if one.venue_ns is not None else ""
        tape.add_row(when, one.symbol, Text(plain(one.price), style), plain(one.qty))
    return tape


def _best(
    book: Reading[BookView] | None, ticker: Reading[Ticker] | None, top: Reading[FrozenBook] | None
) -> tuple[Decimal | None, Decimal | None]:
    if book is not None:
        bid, ask = book.value.best_bid, book.value.best_ask
        return bid.price if bid else None, ask.price if ask else None
    if ticker is None and top is not None:
        bids, asks = top.value.bids, top.value.asks
        return bids[0].price if bids else None, asks[0].price if asks else None
    return (ticker.value.bid, ticker.value.ask) if ticker else (None, None)


def _number(number: Decimal | None) -> str:
    return "–" if number is None else plain(number)


def _funding(mark: MarkPrice) -> str:
    """What longs pay next, in percent; a minus is paid to them."""
    return "–" if mark.funding_rate is None else f"{mark.funding_rate * 100:+.4f} %"


def _change(day: Ticker | DayStats | None) -> Text:
    if day is None or day.change_pct is None:
        return Text("–")
    return Text(f"{day.change_pct:+.2f} %", "green" if day.change_pct >= 0 else "red")


def _proof(book: Reading[BookView] | None) -> Text:
    if book is None:
        return Text("–", "dim")
    if book.verified and book.value.best_bid:
        return Text(f"✓ top {book.value.verified_depth}", "green")
    return Text("none", "yellow")


def _ladder(view: BookView, most_cells: int) -> Table:
    """The proven levels of both sides, each with a bar for its quantity."""
    bids, asks = view.bids(view.verified_depth), view.asks(view.verified_depth)
    most = max((level.qty for level in (*bids, *asks)), default=Decimal(1)) or Decimal(1)
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    for name in ("bids", "quantity", "bid", "ask", "quantity", "asks"):
        table.add_column(name, justify="left" if name == "asks" else "right", no_wrap=True)
    for at in range(max(len(bids), len(asks))):
        bid, ask = bids[at] if at < len(bids) else None, asks[at] if at < len(asks) else None
        left, right = _cells(bid, most, most_cells, "green"), _cells(ask, most, most_cells, "red")
        table.add_row(*left, *reversed(right))
    return table


def _cells(level: Level | None, most: Decimal, most_cells: int, style: str) -> list[Text]:
    if level is None:
        return [Text(""), Text(""), Text("")]
    cells = max(1, int(level.qty / most * most_cells))
    return [Text("█" * cells, style), Text(plain(level.qty), "dim"), Text(plain(level.price), style)]

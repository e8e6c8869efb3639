"""Compares every value a reader got with the venue's history; it believes nothing the client says of itself.

A verified book must be one that the venue had within the age it may have; a stated age must be that of the
message the value came with, as the network knows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from leadline.clock import NS_PER_S
from leadline.core.book import BookView
from leadline.model.market import Bar, BarBatch, Channel, FrozenBook, Side, Ticker, Trade, TradeBatch
from leadline.model.reading import Reading, Source
from leadline.simulation.evidence import Evidence
from leadline.simulation.http import ANSWER_TIMEOUT_NS
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.report import SERVED_WRONG, STALE_AS_FRESH, Findings
from leadline.simulation.truth import BookState, Quote, Truth
from leadline.simulation.untruths import Untruths

CHECKED = 10
"""Levels a side that the venue's checksum proves (dossier §6.1)."""

LONGEST_BOUND_NS = 60 * NS_PER_S
"""No stream may announce a longer one."""

CONNECTION_BOUND_NS = 5 * NS_PER_S
"""A connection silent for longer serves nothing."""

_ROUNDING_NS = 1000  # an age is stated in floating seconds
_REST_QTY = Decimal("0.001")
_RECENT = 20  # trades of a batch that are looked at

Pairs = list[tuple[Decimal, Decimal]]
Scaled = list[tuple[Decimal | int, Decimal | int]]
"""Levels in whole units; Decimal and int compare exactly."""


class Judge:
    """The judge of readings. `reading` takes each one at the moment when the reader got it."""

    stamp_ns = 999
    """The venue's stamps are cut to whole microseconds."""
    trade_words = '"trade_id":{},'
    """How a frame names a trade."""

    def __init__(
        self,
        truth: Truth,
        evidence: Evidence,
        untruths: Untruths,
        loop: VirtualLoop,
        start_ns: int,
        findings: Findings,
    ):
        self._truth = truth
        self._evidence = evidence
        self._untruths = untruths
        self._loop = loop
        self._start_ns = start_ns
        self._findings = findings
        self._trace = hashlib.sha256()
        self.books_compared = 0
        self.readings_compared = 0
        self.last_arrival_ns = 0

    def trace(self, *facts: object) -> None:
        """Let a fact of the run count in its digest."""
        self._trace.update(repr(facts).encode())

    def held_up(self, begin_ns: int, end_ns: int) -> None:
        """Code of a consumer has kept the client's event loop."""
        self.trace("held up", begin_ns, end_ns)
        self._evidence.held_up(begin_ns, end_ns)

    @property
    def digest(self) -> str:
        return self._trace.hexdigest()

    def reading(self, symbol: str, reading: Reading[Any], *, current: bool, depth: int = 0) -> None:
        """Judge one reading; `current` says that it was asked for as of now, not taken from a backlog.

        `depth` is how many levels a frozen book was asked to hold.
        """
        self.readings_compared += 1
        now_ns = self._loop.now_ns
        stated_ns = now_ns - round(reading.age_s * NS_PER_S)
        self.trace(now_ns, symbol, type(reading.value).__name__, stated_ns, reading.source.value)
        if current:
            self._freshness(symbol, reading, now_ns)
        if reading.source is Source.CHECKPOINT:
            self._restored(symbol, reading)
            return
        channel = Channel.BOOK if isinstance(reading.value, BookView | FrozenBook) else Channel.TICKER
        source = Source.STREAM if reading.source is Source.STREAM else Source.REST
        if self._untruths.told(source, channel, symbol, stated_ns):
            return
        match reading.value:
            case BookView() | FrozenBook():
                self._book(symbol, reading, stated_ns, depth)
            case Ticker():
                self._ticker(symbol, reading, stated_ns)
            case Trade():
                self._trade(symbol, reading.value, reading.source, stated_ns)
            case TradeBatch():
                self._trades(symbol, reading, stated_ns)
            case Bar():
                self._bar(symbol, reading.value, reading.source, stated_ns)
            case BarBatch():
                self._bars(symbol, reading, stated_ns)

    def _restored(self, symbol: str, reading: Reading[Any]) -> None:
        """What an earlier run knew carries no proof, and the venue has not borne it out."""
        if reading.verified or reading.bound_s > 0:
            self._wrong(
                symbol, f"{reading!r}, fresh for {reading.bound_s} s", "the venue has not said so yet"
            )

    # --- freshness ---

    def _freshness(self, symbol: str, reading: Reading[Any], now_ns: int) -> None:
        age_s, bound_s = reading.age_s, reading.bound_s
        what = type(reading.value).__name__
        if age_s > bound_s + 1e-6:
            self._stale(symbol, f"a {what} {age_s:.3f} s old as fresh", f"its bound is {bound_s:.3f} s")
        silent_ns = now_ns - self.last_arrival_ns
        if reading.source is Source.STREAM and silent_ns > CONNECTION_BOUND_NS:
            self._stale(
                symbol,
                f"a {what} from the stream",
                f"the connection was silent for {silent_ns / NS_PER_S:.3f} s",
            )

    def _window_ns(self, reading: Reading[Any], stated_ns: int, made: int | None) -> int | None:
        """The venue's time from which a state must date to be read as fresh now; None when read as stale."""
        if reading.age_s > reading.bound_s:
            return None
        bound_ns = min(round(reading.bound_s * NS_PER_S), LONGEST_BOUND_NS)
        delay_ns = ANSWER_TIMEOUT_NS if reading.bound_s * NS_PER_S > LONGEST_BOUND_NS else 0
        if made is not None:
            delay_ns = max(delay_ns, self._venue_ns(stated_ns) - made)
        return self.now_ns - bound_ns - delay_ns - _ROUNDING_NS

    # --- books ---

    def _book(self, symbol: str, reading: Reading[Any], stated_ns: int, depth: int) -> None:
        self.books_compared += 1
        depth, bids, asks = sides_of(reading.value, depth)
        if not self._evidence.intact(symbol):  # below the checked levels that leaves no trace in a checksum
            depth, bids, asks = CHECKED, bids[:CHECKED], asks[:CHECKED]
        if reading.source is not Source.STREAM:
            if reading.verified:
                self._wrong(symbol, f"a book from {reading.source.value} as verified", "it carries no proof")
            self._rest_book(symbol, bids, asks, stated_ns)
            return
        frames = self._evidence.frames_at(Channel.BOOK, symbol, stated_ns)
        times = [self._evidence.made_ns(frame) for frame in frames]
        seen = Ladder(depth, bids, asks)
        since_ns = self._window_ns(reading, stated_ns, min(times, default=None))
        books = self._truth.symbols[symbol].books
        if reading.verified:
            begin_ns = min(times, default=self.now_ns) if since_ns is None else since_ns
            if not any(seen.equals(state) for state in books.within(begin_ns, self.now_ns)):
                now = books.at(self.now_ns)
                self._wrong(symbol, seen, f"no state of the venue in time; now {shown(now, depth)}")
                return
        if not any(
            seen.equals(state) for made in times for state in books.within(made, made + self.stamp_ns)
        ):
            self._age(symbol, reading, stated_ns, "no frame that arrived then holds this book")

    def _rest_book(self, symbol: str, bids: Pairs, asks: Pairs, stated_ns: int) -> None:
        answers = self._evidence.answers_at(Channel.BOOK, symbol, stated_ns)
        if not answers:
            self._stale(symbol, f"a book received at {stated_ns / NS_PER_S:.6f} s", "no answer came then")
            return
        books = self._truth.symbols[symbol].books
        moments = [self._venue_ns(answer.made_ns) for answer in answers]
        states = [state for made in moments for state in books.within(made, made)]
        if not any(_roughly(bids, asks, state) for state in states):
            self._stale(symbol, Ladder(10, bids, asks), "the venue had no such book when it answered")

    # --- tickers ---

    def _ticker(self, symbol: str, reading: Reading[Ticker], stated_ns: int) -> None:
        quotes = self._truth.symbols[symbol].quotes
        seen = reading.value
        if reading.source is not Source.STREAM:
            answers = self._evidence.answers_at(Channel.TICKER, symbol, stated_ns)
            moments = [self._venue_ns(answer.made_ns) for answer in answers]
            if not any(
                self._same_prices(seen, quote) for made in moments for quote in quotes.within(made, made)
            ):
                self._age(symbol, reading, stated_ns, "no answer that came then holds these prices")
            return
        frames = self._evidence.frames_at(Channel.TICKER, symbol, stated_ns)
        times = [self._evidence.made_ns(frame) for frame in frames]
        if not any(
            self._same_quote(seen, quote) for at in times for quote in quotes.within(at, at + self.stamp_ns)
        ):
            self._age(symbol, reading, stated_ns, "no frame that arrived then holds these prices")
            return
        since_ns = self._window_ns(reading, stated_ns, min(times))
        if since_ns is not None:
            known = quotes.within(since_ns, self.now_ns)
            if not any(self._same_quote(seen, quote) for quote in known):
                self._stale(symbol, seen, f"the venue has moved on: {quotes.at(self.now_ns)}")

    def _same_prices(self, seen: Ticker, quote: Quote) -> bool:
        return (seen.bid, seen.ask, seen.last) == (quote.bid or 0, quote.ask or 0, quote.last)

    def _same_quote(self, seen: Ticker, quote: Quote) -> bool:
        qtys = (quote.bid_qty or 0, quote.ask_qty or 0)
        return self._same_prices(seen, quote) and (seen.bid_qty, seen.ask_qty) == qtys

    # --- trades ---

    def _trade(self, symbol: str, trade: Trade, source: Source, stated_ns: int) -> None:
        self._known_trade(symbol, trade)
        if source is Source.STREAM:
            wanted = self.trade_words.format(trade.trade_id)
            frames = self._evidence.frames_at(Channel.TRADES, symbol, stated_ns)
            told = any(wanted in frame.text for frame in frames)
        else:
            answers = self._evidence.answers_at(Channel.TRADES, symbol, stated_ns)
            told = any(str(trade.trade_id).encode() in answer.body for answer in answers)
        if not told:
            self._stale(
                symbol,
                f"trade {trade.trade_id} received at {stated_ns / NS_PER_S:.6f} s",
                "it did not come then",
            )

    def _known_trade(self, symbol: str, trade: Trade) -> None:
        true = self._truth.symbols[symbol].prints.get(trade.trade_id or 0)
        seen = (trade.price, trade.qty, trade.side is Side.BUY)
        if true is None or seen != (true.price, true.qty, true.bought):
            self._wrong(symbol, trade, true)

    def _trades(self, symbol: str, reading: Reading[TradeBatch], stated_ns: int) -> None:
        trades = reading.value.trades[-_RECENT:]
        for trade in trades:
            self._known_trade(symbol, trade)
        self._came(symbol, Channel.TRADES, reading.source, stated_ns)
        since_ns = self._window_ns(reading, stated_ns, None)
        prints = self._truth.symbols[symbol].prints
        following = prints.get((trades[-1].trade_id or 0) + 1) if trades else None
        if since_ns is None or following is None:
            return
        # what is under way is not yet late
        if following.time_ns < since_ns - ANSWER_TIMEOUT_NS:
            self._stale(symbol, f"trades up to {trades[-1].trade_id}", f"{following} is older than the bound")

    # --- bars ---

    def _bar(self, symbol: str, bar: Bar, source: Source, stated_ns: int) -> None:
        self._known_bar(symbol, bar, source)
        self._came(symbol, Channel.BARS, source, stated_ns)

    def _known_bar(self, symbol: str, bar: Bar, source: Source) -> None:
        states = self._truth.symbols[symbol].candles.get(bar.begin_ns // NS_PER_S, {})
        if bar.trades == 0 and source is not Source.STREAM and not (bar.complete and states):
            return  # REST prints minutes without trades, or before their first one, and says so
        true = states.get(bar.trades)
        seen = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        if true is None or seen != tuple(true):
            self._wrong(symbol, bar, true)
        elif bar.complete and (bar.trades != max(states) or self.now_ns < bar.end_ns):
            self._wrong(symbol, bar, f"not complete: {max(states)} trades by now")

    def _bars(self, symbol: str, reading: Reading[BarBatch], stated_ns: int) -> None:
        # what the stream has not told of a series may have been told by REST
        source = Source.REST if reading.source is Source.STREAM else reading.source
        for bar in reading.value.bars[-5:]:
            self._known_bar(symbol, bar, source)
        self._came(symbol, Channel.BARS, reading.source, stated_ns)

    # --- what was found ---

    def _came(self, symbol: str, channel: Channel, source: Source, stated_ns: int) -> None:
        if source is Source.STREAM:
            came = bool(self._evidence.frames_at(channel, symbol, stated_ns))
        else:
            came = bool(self._evidence.answers_at(channel, symbol, stated_ns))
        if not came:
            self._stale(
                symbol, f"{channel.value} received at {stated_ns / NS_PER_S:.6f} s", "nothing came then"
            )

    def _age(self, symbol: str, reading: Reading[Any], stated_ns: int, why: str) -> None:
        seen = f"{reading.value!r} received at {stated_ns / NS_PER_S:.6f} s from {reading.source.value}"
        self._stale(symbol, seen, why)

    def _stale(self, symbol: str, seen: object, true: object) -> None:
        self._findings.add(STALE_AS_FRESH, symbol, seen, true, self._loop.now_ns)

    def _wrong(self, symbol: str, seen: object, true: object) -> None:
        self._findings.add(SERVED_WRONG, symbol, seen, true, self._loop.now_ns)

    def _venue_ns(self, loop_ns: int) -> int:
        return self._start_ns + loop_ns

    @property
    def now_ns(self) -> int:
        """The venue's time."""
        return self._start_ns + self._loop.now_ns


class Ladder:
    """The levels that a reader saw, as integers of whatever decimals they are compared in."""

    def __init__(self, depth: int, bids: Pairs, asks: Pairs) -> None:
        self._depth = depth
        self._sides = (bids, asks)
        self._whole: dict[tuple[int, int], list[Scaled]] = {}

    def equals(self, state: BookState) -> bool:
        """Whether these are exactly the state's best levels, and as many as the depth asks for."""
        sides = self._in_units(state)
        return sides[0] == state.bids[: self._depth] and sides[1] == state.asks[: self._depth]

    def begins(self, state: BookState, least: int) -> bool:
        """Whether the state begins with these levels, and these are as many as asked for or all there are."""
        for seen, true in zip(self._in_units(state), (state.bids, state.asks), strict=True):
            if not min(least, len(true)) <= len(seen) <= self._depth or seen != true[: len(seen)]:
                return False
        return True

    def _in_units(self, state: BookState) -> list[Scaled]:
        decimals = (state.price_precision, state.qty_precision)
        sides = self._whole.get(decimals)
        if sides is None:
            prices, qtys = decimals
            sides = self._whole[decimals] = [_whole(side, prices, qtys) for side in self._sides]
        return sides

    def __str__(self) -> str:
        bids, asks = self._sides
        return f"{len(bids)} bids {_texts(bids)}, {len(asks)} asks {_texts(asks)}"


def _whole(side: Pairs, prices: int, qtys: int) -> Scaled:
    return [(price.scaleb(prices), qty.scaleb(qtys)) for price, qty in side]


def sides_of(book: BookView | FrozenBook, depth: int) -> tuple[int, Pairs, Pairs]:
    """How deep the book says it is, and all it holds."""
    if isinstance(book, FrozenBook):
        return depth, _pairs(book.bids), _pairs(book.asks)
    beyond = book.depth + 5
    return book.depth, _pairs(book.bids(beyond)), _pairs(book.asks(beyond))


def _pairs(levels: Iterable[Any]) -> Pairs:
    return [(level.price, level.qty) for level in levels]


def _texts(side: Pairs) -> str:
    return " ".join(f"{price}×{qty}" for price, qty in side[:3])


def shown(state: BookState | None, depth: int) -> str:
    if state is None:
        return "nothing"
    prices, qtys = state.price_precision, state.qty_precision
    bids, asks = (
        [(Decimal(p).scaleb(-prices), Decimal(q).scaleb(-qtys)) for p, q in side[:depth]]
        for side in state[2:]
    )
    return str(Ladder(depth, bids, asks))


def _roughly(bids: Pairs, asks: Pairs, state: BookState) -> bool:
    """Whether REST's levels are the state's, in the few decimals that REST prints quantities with."""
    prices, qtys = state.price_precision, state.qty_precision
    for seen, levels in ((bids, state.bids), (asks, state.asks)):
        true = {Decimal(price).scaleb(-prices): Decimal(qty).scaleb(-qtys) for price, qty in levels}
        told = dict(seen)
        if any(abs(qty - true.get(price, 2 * qty + 1)) > _REST_QTY for price, qty in seen[: len(levels)]):
            return False
        # a quantity too small to be printed may be missing
        best = list(true.items())[: len(seen)]
        if any(price not in told for price, qty in best if qty > _REST_QTY):
            return False
    return True

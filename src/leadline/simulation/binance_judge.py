"""Compares what a reader of Binance got with the venue's history, books by the ids of their changes.

A book must be the venue's at the id that its newest message names, and hold no level beyond what is certain.
Of a liquidation only the message that tells it is known: the venue shows the largest of a second, and nobody
else tells any, so one it has kept back cannot be missed. One that has come must be told, and once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, TypeVar

from leadline.clock import NS_PER_MS, NS_PER_S
from leadline.core.book import BookView
from leadline.emulator.wire import Frame
from leadline.model.market import Channel, DayStats, FrozenBook, Liquidation, MarkPrice, Ticker, Trade
from leadline.model.reading import Reading, Source
from leadline.simulation.audit import SETTLED_NS
from leadline.simulation.binance_evidence import BinanceEvidence, update_id
from leadline.simulation.binance_truth import BinanceTruth
from leadline.simulation.judge import Judge, Ladder, Pairs, shown, sides_of
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.report import GAP_UNEXPLAINED, Findings
from leadline.simulation.truth import History, Quote
from leadline.simulation.untruths import Untruths

S = TypeVar("S")

Forced = tuple[str, str, str, str]
"""Side, quantity, average price and time of a liquidation, in the wire's words."""


def forced(frame: Frame) -> Forced | None:
    """What a message tells of a liquidation; None where it cannot be read."""
    try:
        order = json.loads(frame.text)["data"]["o"]
        return order["S"], order["q"], order["ap"], str(order["T"])
    except (ValueError, KeyError, TypeError):
        return None


class BinanceJudge(Judge):
    """The judge of readings of Binance."""

    stamp_ns = NS_PER_MS - 1
    trade_words = '"a":{},'
    _truth: BinanceTruth
    _evidence: BinanceEvidence

    def __init__(
        self,
        truth: BinanceTruth,
        evidence: BinanceEvidence,
        untruths: Untruths,
        loop: VirtualLoop,
        start_ns: int,
        findings: Findings,
    ) -> None:
        super().__init__(truth, evidence, untruths, loop, start_ns, findings)
        self._liquidated: dict[str, tuple[int, Counter[Forced]]] = {}
        """By symbol: since when somebody hears every liquidation, and what he was told."""

    def listens(self, symbol: str) -> None:
        """A program begins to hear every liquidation of a symbol; what an earlier one heard is forgotten."""
        self._liquidated[symbol] = self._loop.now_ns, Counter()

    def value(self, symbol: str, channel: Channel, reading: Reading[Any], *, current: bool) -> None:
        """Judge a reading of what the ticker, books, trades and bars do not tell."""
        self.readings_compared += 1
        stated_ns = self._loop.now_ns - round(reading.age_s * NS_PER_S)
        self.trace(self._loop.now_ns, symbol, channel.value, stated_ns, reading.source.value)
        if current:
            self._freshness(symbol, reading, self._loop.now_ns)
        of_rest = channel is Channel.TOP and reading.source is not Source.STREAM
        told = Channel.BOOK if of_rest else channel
        self._came(symbol, told, reading.source, stated_ns)
        if reading.source is not Source.STREAM and self._untruths.told(Source.REST, told, symbol, stated_ns):
            return
        match reading.value:
            case FrozenBook():
                self._top(symbol, reading, stated_ns)
            case MarkPrice():
                self._mark(symbol, reading.value, reading.source, stated_ns)
            case DayStats():
                self._day(symbol, reading.value, reading.source, stated_ns)
            case Liquidation():
                self._liquidation(symbol, reading.value, stated_ns)

    # --- books ---

    def _book(self, symbol: str, reading: Reading[Any], stated_ns: int, depth: int) -> None:
        self.books_compared += 1
        if isinstance(reading.value, BookView):
            certain = reading.value.certain_depth
        else:
            certain = min(len(reading.value.bids), len(reading.value.asks))
        depth, bids, asks = sides_of(reading.value, depth)
        if reading.source is not Source.STREAM:
            if reading.verified:
                self._wrong(symbol, f"a book from {reading.source.value} as verified", "it carries no proof")
            self._rest_book(symbol, bids, asks, stated_ns)
            return
        seen = Ladder(depth, bids, asks)
        joined = self._evidence.snapshots_at(symbol, stated_ns)
        frames = self._evidence.frames_at(Channel.BOOK, symbol, stated_ns)
        times = [self._evidence.made_ns(frame) for frame in frames]
        times += [self._venue_ns(made_ns) for made_ns, _ in joined]
        if reading.verified:
            since_ns = self._window_ns(reading, stated_ns, min(times, default=None))
            begin_ns = min(times, default=self.now_ns) if since_ns is None else since_ns
            books = self._truth.symbols[symbol].books
            if not any(seen.begins(state, certain) for state in books.within(begin_ns, self.now_ns)):
                true = f"no state of the venue in time; now {shown(books.at(self.now_ns), depth)}"
                self._wrong(symbol, f"{seen}, {certain} certain", true)
                return
        ids = {update_id(frame) for frame in frames}
        if joined:
            reached = min(snapshot_id for _, snapshot_id in joined)
            ids |= {one for one in self._evidence.ids_until(symbol, stated_ns) if one >= reached}
        states = self._truth.by_id[symbol]
        if not any(seen.begins(states[one], certain) for one in ids if one in states):
            self._age(symbol, reading, stated_ns, "no message that arrived then leads to this book")

    def _rest_book(self, symbol: str, bids: Pairs, asks: Pairs, stated_ns: int) -> None:
        known = self._truth.symbols[symbol].depth
        seen = Ladder(known, bids[:known], asks[:known])
        books = self._truth.symbols[symbol].books
        if not any(seen.begins(state, 0) for state in self._answered(Channel.BOOK, symbol, stated_ns, books)):
            self._stale(symbol, seen, "the venue had no such book when it answered")

    def _top(self, symbol: str, reading: Reading[FrozenBook], stated_ns: int) -> None:
        depth, bids, asks = sides_of(reading.value, len(reading.value.bids))
        if reading.source is not Source.STREAM:
            self._rest_book(symbol, bids, asks, stated_ns)
            return
        states, seen = self._truth.by_id[symbol], Ladder(depth, bids, asks)
        ids = {update_id(frame) for frame in self._evidence.frames_at(Channel.TOP, symbol, stated_ns)}
        if not any(seen.begins(states[one], 0) for one in ids if one in states):
            self._wrong(symbol, seen, f"no such top at {sorted(ids)}")

    # --- values ---

    def _same_prices(self, seen: Ticker, quote: Quote) -> bool:
        return (seen.bid, seen.ask) == (quote.bid or 0, quote.ask or 0)

    def _known_trade(self, symbol: str, trade: Trade) -> None:
        self._truth.absorb(symbol)
        super()._known_trade(symbol, trade)

    def _mark(self, symbol: str, seen: MarkPrice, source: Source, stated_ns: int) -> None:
        def same(told: tuple[Decimal, Decimal, Decimal]) -> bool:
            return (seen.mark, seen.index) == told[:2] and seen.funding_rate in (None, told[2])

        self._held(symbol, Channel.MARK, self._truth.marks[symbol], same, seen, source, stated_ns)

    def _day(self, symbol: str, seen: DayStats, source: Source, stated_ns: int) -> None:
        def same(quote: Quote) -> bool:
            return seen.last == quote.last

        quotes = self._truth.symbols[symbol].quotes
        self._held(symbol, Channel.STATS, quotes, same, seen, source, stated_ns)

    def _liquidation(self, symbol: str, seen: Liquidation, stated_ns: int) -> None:
        told = (seen.side.name, str(seen.qty), str(seen.average_price), str(seen.venue_time))
        frames = self._evidence.frames_at(Channel.LIQUIDATIONS, symbol, stated_ns)
        if told not in map(forced, frames):
            self._wrong(symbol, seen, "no message that arrived then tells of it")
        if symbol in self._liquidated:
            self._liquidated[symbol][1][told] += 1

    def settle(self) -> None:
        """At the end: every liquidation that has come was told, and once."""
        for symbol, (since_ns, told) in self._liquidated.items():
            settled_ns = self._loop.now_ns - SETTLED_NS
            frames = self._evidence.frames_within(Channel.LIQUIDATIONS, symbol, since_ns, settled_ns)
            came = {one for frame in frames if (one := forced(frame)) is not None}
            if missing := sorted(came - told.keys()):
                self._findings.add(
                    GAP_UNEXPLAINED, symbol, "liquidations not told", missing, self._loop.now_ns
                )
            if twice := sorted(one for one, times in told.items() if times > 1):
                self._wrong(symbol, f"liquidations {twice} twice", "each once")

    def _held(
        self,
        symbol: str,
        channel: Channel,
        history: History[S],
        same: Callable[[S], bool],
        seen: object,
        source: Source,
        stated_ns: int,
    ) -> None:
        """What was told must have held when it was told."""
        if source is Source.STREAM:
            states = self._framed(channel, symbol, stated_ns, history)
        else:
            states = self._answered(channel, symbol, stated_ns, history)
        if not any(same(state) for state in states):
            self._wrong(symbol, seen, "the venue had told nothing like it")

    def _framed(self, channel: Channel, symbol: str, stated_ns: int, history: History[S]) -> Iterator[S]:
        for frame in self._evidence.frames_at(channel, symbol, stated_ns):
            made_ns = self._evidence.made_ns(frame)
            yield from history.within(made_ns, made_ns + self.stamp_ns)

    def _answered(self, channel: Channel, symbol: str, stated_ns: int, history: History[S]) -> Iterator[S]:
        for answer in self._evidence.answers_at(channel, symbol, stated_ns):
            made_ns = self._venue_ns(answer.made_ns)
            yield from history.within(made_ns, made_ns)

"""The market streams one by one: what each tells, and when (dossier §10.3, §15.5).

A topic exists while somebody reads it. It hears of the engine's events at once and speaks at its own pace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from leadline.emulator.binance import frames
from leadline.emulator.binance.agenda import Agenda
from leadline.emulator.binance.agg_trades import AggTapes, AggTrade
from leadline.emulator.binance.depth import Chain, UpdateIds
from leadline.emulator.binance.frames import NS_PER_MS, Shown
from leadline.emulator.binance.klines import AllKlines, Kline
from leadline.emulator.binance.listed import Listed
from leadline.emulator.binance.marks import SECOND_NS, MarkPrices
from leadline.emulator.binance.ports import Liquidated
from leadline.emulator.binance.stream_names import INTERVALS_MIN, StreamKey
from leadline.emulator.market import Batch, Listing, Market
from leadline.emulator.numbers import NS_PER_S
from leadline.emulator.tape import MINUTE_S
from leadline.emulator.wire import Frame

KLINE_NS = 250 * NS_PER_MS
DAY_NS = 2_000 * NS_PER_MS
ALL_BEST_NS = 5_000 * NS_PER_MS
CHANNELS = {
    "bookTicker": "ticker",
    "depth": "book",
    "partial": "top",
    "aggTrade": "trade",
    "trade": "trade",
    "kline": "ohlc",
    "continuousKline": "ohlc",
    "markPrice": "mark",
    "ticker": "stats",
    "miniTicker": "stats",
    "forceOrder": "liquidations",
    "contractInfo": "instrument",
}
"""The switchboard's channel of each kind of stream."""
_INTERVAL_NAMES = {minutes: name for name, minutes in INTERVALS_MIN.items()}


@dataclass(frozen=True, slots=True)
class Sources:
    """Where topics take what they tell."""

    market: Market
    listed: Listed
    ids: UpdateIds
    aggs: AggTapes
    klines: AllKlines
    marks: MarkPrices
    agenda: Agenda

    def listing(self, symbol: str) -> Listing:
        return self.market.listings[symbol]

    def shown(self, symbol: str) -> Shown:
        return self.listed.shown(symbol)


Publish = Callable[[Frame, int], None]
"""Takes a payload and the time it is told."""


class Topic(Protocol):
    """One stream somebody reads."""

    def update(self, batch: Batch) -> None:
        """Take an event of its contract in."""

    def stop(self) -> None:
        """Nobody reads it any more."""


class _Stream:
    """What all topics have: a key, sources, a mouth."""

    def __init__(self, key: StreamKey, sources: Sources, publish: Publish) -> None:
        self.key = key
        self.sources = sources
        self._publish = publish
        self.stopped = False

    def update(self, batch: Batch) -> None:
        """Most topics live by their own clock."""

    def stop(self) -> None:
        self.stopped = True

    def tell(self, text: str, now_ns: int, *, target: str = "") -> None:
        channel = CHANNELS[self.key.kind]
        told = channel in ("book", "trade")
        self._publish(Frame(text, "update", channel, self.key.symbol, telling=told, target=target), now_ns)


class BookTickerTopic(_Stream):
    """Best prices at every change of them."""

    def update(self, batch: Batch) -> None:
        if batch.best_changed:
            shown = self.sources.shown(batch.symbol)
            update_id = self.sources.ids.last(batch.symbol)
            text = frames.book_ticker(shown, batch.listing.best, update_id, batch.time_ns, batch.time_ns)
            self.tell(text, batch.time_ns)


class AllBestTopic(_Stream):
    """Best prices of all contracts, sampled every five seconds where they changed (§17, 23)."""

    def __init__(self, key: StreamKey, sources: Sources, publish: Publish, now_ns: int) -> None:
        super().__init__(key, sources, publish)
        self._changed: dict[str, int] = {}
        sources.agenda.at((now_ns // ALL_BEST_NS + 1) * ALL_BEST_NS, self._told)

    def update(self, batch: Batch) -> None:
        if batch.best_changed:
            self._changed[batch.symbol] = batch.time_ns

    def _told(self, now_ns: int) -> None:
        if self.stopped:
            return
        sources = self.sources
        for symbol in sorted(self._changed):
            shown, best = sources.shown(symbol), sources.listing(symbol).best
            update_id, time_ns = sources.ids.last(symbol), self._changed[symbol]
            self.tell(frames.book_ticker(shown, best, update_id, time_ns, now_ns), now_ns)
        self._changed.clear()
        sources.agenda.at((now_ns // ALL_BEST_NS + 1) * ALL_BEST_NS, self._told)


class TradeTopic(_Stream):
    """Every single trade, the undocumented stream."""

    def update(self, batch: Batch) -> None:
        for one in batch.trades:
            self.tell(frames.trade(self.sources.shown(batch.symbol), one, batch.time_ns), batch.time_ns)


class DepthTopic(_Stream):
    """Diffs, or the best few levels of a side, at one speed: a chain of its own."""

    def __init__(self, key: StreamKey, sources: Sources, publish: Publish) -> None:
        super().__init__(key, sources, publish)
        self._listing = sources.listing(key.symbol)
        self._chain = Chain(self._listing, sources.ids)
        self._speed_ns = key.speed_ms * NS_PER_MS
        self._phase_ns = list(sources.market.listings).index(key.symbol) * 7 * NS_PER_MS % self._speed_ns

    def update(self, batch: Batch) -> None:
        if not self._chain.waiting:
            past_ns = (batch.time_ns - self._phase_ns) // self._speed_ns
            self.sources.agenda.at((past_ns + 1) * self._speed_ns + self._phase_ns, self._told)
        self._chain.note(batch)

    def _told(self, now_ns: int) -> None:
        if self.stopped:
            return
        chain = self._chain
        bids, asks = chain.taken()
        if self.key.option:
            book = self._listing.book
            bids, asks = book.bids.top(self.key.option), book.asks.top(self.key.option)
        ids = (chain.first, chain.last, chain.pu)
        shown = self.sources.shown(self.key.symbol)
        text = frames.depth_update(shown, ids, bids, asks, chain.time_ns, now_ns)
        self.tell(text, now_ns, target=f'"pu":{chain.pu},')
        chain.told()


class AggTradeTopic(_Stream):
    """Aggregate trades."""

    def __init__(self, key: StreamKey, sources: Sources, publish: Publish) -> None:
        super().__init__(key, sources, publish)
        sources.aggs.of[key.symbol].listeners.append(self._told)

    def stop(self) -> None:
        super().stop()
        self.sources.aggs.of[self.key.symbol].listeners.remove(self._told)

    def _told(self, one: AggTrade, now_ns: int) -> None:
        self.tell(frames.agg_trade(self.sources.shown(self.key.symbol), one, now_ns), now_ns)


class KlineTopic(_Stream):
    """The running bar where it changed within a quarter second, and each bar once more at its end."""

    def __init__(self, key: StreamKey, sources: Sources, publish: Publish, now_ns: int) -> None:
        super().__init__(key, sources, publish)
        self._klines = sources.klines.of[key.symbol]
        self._span_s = key.option * MINUTE_S
        self._waiting = False
        self._closing_s = -1
        running_s = now_ns // NS_PER_S // self._span_s * self._span_s
        if self._klines.at(key.option, running_s) is not None:
            self._will_close(running_s)

    def update(self, batch: Batch) -> None:
        if not batch.trades:
            return
        self._will_close(batch.time_ns // NS_PER_S)
        if not self._waiting:
            self._waiting = True
            self.sources.agenda.at((batch.time_ns // KLINE_NS + 1) * KLINE_NS, self._told)

    def _will_close(self, at_s: int) -> None:
        """See to the last frame of the bar of that moment."""
        begin_s = at_s // self._span_s * self._span_s
        if begin_s != self._closing_s:
            self._closing_s = begin_s
            # A quarter second late, as recorded, and still before the first frame of the next bar.
            end_ns = (begin_s + self._span_s) * NS_PER_S + KLINE_NS
            self.sources.agenda.at(end_ns, partial(self._say, begin_s, closed=True))

    def _told(self, now_ns: int) -> None:
        self._waiting = False
        begin_s = self._klines.minutes[-1].begin_s // self._span_s * self._span_s
        if now_ns < (begin_s + self._span_s) * NS_PER_S:
            self._say(begin_s, now_ns, closed=False)

    def _say(self, begin_s: int, now_ns: int, *, closed: bool) -> None:
        bar = None if self.stopped else self._klines.at(self.key.option, begin_s)
        if bar is not None:
            name, minutes = _INTERVAL_NAMES[self.key.option], self.key.option
            write = frames.kline if self.key.kind == "kline" else frames.continuous_kline
            shown = self.sources.shown(self.key.symbol)
            self.tell(write(shown, bar, name, minutes, closed, now_ns), now_ns)


class MarkTopic(_Stream):
    """Mark prices every second or every third, one contract's or all of them in one frame."""

    def __init__(self, key: StreamKey, sources: Sources, publish: Publish) -> None:
        super().__init__(key, sources, publish)
        sources.marks.tellers.append(self._told)

    def stop(self) -> None:
        super().stop()
        self.sources.marks.tellers.remove(self._told)

    def _told(self, now_ns: int) -> None:
        if now_ns // NS_PER_MS // 1_000 * 1_000 % self.key.speed_ms:
            return
        if self.key.symbol:
            self.tell(self._text(self.key.symbol, now_ns), now_ns)
            return
        # Traditional assets come in a frame of their own (§17, 39).
        states = self.sources.marks.states
        usual = [name for name, one in states.items() if one.contract.underlying_type == "COIN"]
        rest = [name for name in states if name not in set(usual)]
        for names in (usual, rest):
            rows = [self._text(name, now_ns) for name in names]
            if frames.TWIN in names:  # contracts margined in coin come along (§17, 38)
                rows.append(frames.coin_margined(rows[names.index(frames.TWIN)]))
            if rows:
                self.tell(f"[{','.join(rows)}]", now_ns)

    def _text(self, symbol: str, now_ns: int) -> str:
        marks = self.sources.marks
        return frames.mark_price(marks.states[symbol], marks.funding_ms(symbol, now_ns), now_ns)


class DayTopic(_Stream):
    """The rolling day of one contract every other second, short (miniTicker) or whole."""

    def __init__(self, key: StreamKey, sources: Sources, publish: Publish, now_ns: int) -> None:
        super().__init__(key, sources, publish)
        sources.agenda.at((now_ns // DAY_NS + 1) * DAY_NS, self._told)

    def _told(self, now_ns: int) -> None:
        if self.stopped:
            return
        text = day_text(self.key.kind, self.key.symbol, self.sources, now_ns)
        if text is not None:
            self.tell(text, now_ns)
        self.sources.agenda.at((now_ns // DAY_NS + 1) * DAY_NS, self._told)


class AllDaysTopic(_Stream):
    """The rolling days of all contracts that changed, every second."""

    def __init__(self, key: StreamKey, sources: Sources, publish: Publish, now_ns: int) -> None:
        super().__init__(key, sources, publish)
        self._changed: dict[str, None] = {}
        sources.agenda.at((now_ns // SECOND_NS + 1) * SECOND_NS, self._told)

    def update(self, batch: Batch) -> None:
        if batch.trades:
            self._changed[batch.symbol] = None

    def _told(self, now_ns: int) -> None:
        if self.stopped:
            return
        rows = (day_text(self.key.kind, symbol, self.sources, now_ns) for symbol in self._changed)
        texts = [row for row in rows if row is not None]
        self._changed.clear()
        if texts:
            self.tell(f"[{','.join(texts)}]", now_ns)
        self.sources.agenda.at((now_ns // SECOND_NS + 1) * SECOND_NS, self._told)


class ForceOrderTopic(_Stream):
    """Liquidations: of each contract the largest of a second (§10.3)."""

    def __init__(self, key: StreamKey, sources: Sources, publish: Publish) -> None:
        super().__init__(key, sources, publish)
        self._largest: dict[str, Liquidated] = {}

    def liquidated(self, one: Liquidated) -> None:
        """Take a liquidation in."""
        known = self._largest.get(one.symbol)
        if known is None:
            self.sources.agenda.at(one.time_ns + SECOND_NS, lambda now_ns: self._told(one.symbol, now_ns))
        if known is None or one.qty > known.qty:
            self._largest[one.symbol] = one

    def _told(self, symbol: str, now_ns: int) -> None:
        one = self._largest.pop(symbol)
        if not self.stopped:
            self.tell(frames.force_order(self.sources.shown(symbol), one, now_ns), now_ns)


class ContractInfoTopic(_Stream):
    """Rows of contracts that changed."""

    def changed(self, symbol: str, now_ns: int) -> None:
        """Tell about one."""
        listed = self.sources.listed
        self.tell(frames.contract_info(listed.contracts[symbol], listed.status(symbol), now_ns), now_ns)


def day_text(kind: str, symbol: str, sources: Sources, now_ns: int) -> str | None:
    """One contract's rolling day as `ticker` or `miniTicker` tell it; None where nothing traded."""
    klines = sources.klines.of[symbol]
    day: Kline | None = klines.day(now_ns)
    if day is None:
        return None
    shown = sources.shown(symbol)
    if kind == "miniTicker":
        return frames.mini_ticker(shown, day, now_ns)
    return frames.ticker(shown, day, sources.listing(symbol).tape.last, klines.day_begin_s(now_ns), now_ns)

"""Bars as Binance has them, with taker volumes and trade ids, and the rolling day (dossier §5.6, §5.9)."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from leadline.emulator.market import Batch, Listing, Market, chance
from leadline.emulator.matching import BID
from leadline.emulator.numbers import NS_PER_S
from leadline.emulator.tape import MINUTE_S, Bar, Trade

DAY_MIN = 1_440
MINUTES_KEPT = 2_880


@dataclass(slots=True)
class Kline:
    """One bar; prices in ticks, volumes in lots, costs Σ ticks × lots. `taker` is what takers bought."""

    begin_s: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    cost: int
    count: int
    taker_volume: int
    taker_cost: int
    first_id: int
    last_id: int

    def merge(self, later: Kline) -> None:
        """Let the bar of a later span continue this one."""
        if not later.count:
            return
        if not self.count:
            self.open, self.high, self.low = later.open, later.high, later.low
            self.first_id = later.first_id
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.cost += later.cost
        self.count += later.count
        self.taker_volume += later.taker_volume
        self.taker_cost += later.taker_cost
        self.last_id = later.last_id


class Klines:
    """The minutes of one contract; a minute without trades is none."""

    def __init__(self, listing: Listing, rng: random.Random) -> None:
        self.minutes: deque[Kline] = deque(maxlen=MINUTES_KEPT)
        self._day: Kline | None = None
        self._day_begin_s = 0
        first = listing.tape.next_id - sum(bar.count for bar in listing.tape.minutes)
        for bar in listing.tape.minutes:
            self.minutes.append(_of_past(bar, first, rng))
            first += bar.count

    def enter(self, trade: Trade) -> None:
        """Take one trade in."""
        begin_s = trade.time_ns // NS_PER_S // MINUTE_S * MINUTE_S
        single = _single(begin_s, trade)
        if self.minutes and self.minutes[-1].begin_s == begin_s:
            self.minutes[-1].merge(single)
        else:
            self.minutes.append(single)
        if self._day is not None:
            self._day.merge(single)

    def at(self, interval_min: int, begin_s: int) -> Kline | None:
        """The bar that began then, as far as it has come; None where nothing traded in it."""
        end_s = begin_s + interval_min * MINUTE_S
        found: list[Kline] = []
        for minute in reversed(self.minutes):
            if minute.begin_s < begin_s:
                break
            if minute.begin_s < end_s:
                found.append(minute)
        return _joined(begin_s, reversed(found)) if found else None

    def bars(self, interval_min: int, until_s: int) -> list[Kline]:
        """All bars, oldest first, up to the one of that moment; one without trades repeats the close."""
        span_s = interval_min * MINUTE_S
        found: dict[int, list[Kline]] = {}
        for minute in self.minutes:
            found.setdefault(minute.begin_s // span_s * span_s, []).append(minute)
        if not found:
            return []
        bars: list[Kline] = []
        for begin_s in range(min(found), until_s + 1, span_s):
            if begin_s in found:
                bars.append(_joined(begin_s, iter(found[begin_s])))
            else:
                close, last_id = bars[-1].close, bars[-1].last_id
                bars.append(Kline(begin_s, close, close, close, close, 0, 0, 0, 0, 0, last_id, last_id))
        return bars

    def day(self, now_ns: int) -> Kline | None:
        """The last 24 hours as one bar in whole minutes; None where nothing traded."""
        begin_s = self.day_begin_s(now_ns)
        if self._day is None or begin_s != self._day_begin_s:
            recent = [one for one in self.minutes if one.begin_s >= begin_s]
            self._day = _joined(recent[0].begin_s, iter(recent)) if recent else None
            self._day_begin_s = begin_s
        return self._day

    @staticmethod
    def day_begin_s(now_ns: int) -> int:
        """When the rolling day began, on the minute."""
        return (now_ns // NS_PER_S // MINUTE_S - DAY_MIN) * MINUTE_S


class AllKlines:
    """The bars of every contract."""

    def __init__(self, market: Market, seed: int) -> None:
        self.of = {
            symbol: Klines(listing, chance(seed, symbol, "klines"))
            for symbol, listing in market.listings.items()
        }
        market.listeners.append(self._enter)

    def _enter(self, batch: Batch) -> None:
        for trade in batch.trades:
            self.of[batch.symbol].enter(trade)


def _joined(begin_s: int, minutes: Iterator[Kline]) -> Kline:
    whole = replace(next(minutes), begin_s=begin_s)
    for minute in minutes:
        whole.merge(minute)
    return whole


def _single(begin_s: int, trade: Trade) -> Kline:
    price, qty, cost = trade.price, trade.qty, trade.price * trade.qty
    bought = trade.taker_side == BID
    return Kline(
        *(begin_s, price, price, price, price, qty, cost, 1),
        *(qty if bought else 0, cost if bought else 0, trade.trade_id, trade.trade_id),
    )


def _of_past(bar: Bar, first_id: int, rng: random.Random) -> Kline:
    """A bar from before the start, with an invented share of taker buys."""
    share = rng.randint(30, 70)
    return Kline(
        *(bar.begin_s, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.cost, bar.count),
        *(bar.volume * share // 100, bar.cost * share // 100, first_id, first_id + bar.count - 1),
    )

"""What has traded in one pair: numbered trades, minute bars and 24-hour figures from the same prints.

Kept: the newest `TRADES_KEPT` trades and 24 hours of minute bars. A minute without trades has no bar.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from leadline.emulator.instruments import Pair
from leadline.emulator.numbers import NS_PER_S, ratio

TRADES_KEPT = 5_000
DAY_S = 86_400
MINUTE_S = 60


class Trade(NamedTuple):
    """One print. `taker_side` is matching.BID where the taker bought."""

    trade_id: int
    time_ns: int
    price: int
    qty: int
    taker_side: int
    market: bool


@dataclass(slots=True)
class Bar:
    """Prices in ticks, volume in lots, `cost` = Σ ticks × lots."""

    begin_s: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    cost: int
    count: int

    @property
    def vwap(self) -> int:
        return ratio(self.cost, self.volume) if self.volume else 0

    def merge(self, later: Bar) -> None:
        """Let the bar of a later span continue this one."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.cost += later.cost
        self.count += later.count


class Tape:
    """Trades, bars and rolling figures of one pair."""

    def __init__(self, pair: Pair, first_trade_id: int) -> None:
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT)
        self.minutes: deque[Bar] = deque()
        self.last: Trade | None = None
        self._next_id = first_trade_id
        self._opening_price = pair.price
        self._day: Bar | None = None

    @property
    def next_id(self) -> int:
        """The id the next trade will have."""
        return self._next_id

    def print_trade(self, time_ns: int, price: int, qty: int, taker_side: int, market: bool) -> Trade:
        """Number a match and enter it everywhere."""
        trade = Trade(self._next_id, time_ns, price, qty, taker_side, market)
        self._next_id += 1
        self.trades.append(trade)
        self.last = trade
        begin_s = time_ns // NS_PER_S // MINUTE_S * MINUTE_S
        single = Bar(begin_s, price, price, price, price, qty, price * qty, 1)
        if self.minutes and self.minutes[-1].begin_s == begin_s:
            self.minutes[-1].merge(single)
        else:
            self.minutes.append(single)
        if self._day is not None:
            self._day.merge(single)
        return trade

    def skip_id(self) -> int:
        """An id for a match that is not public, such as one with an insurance fund."""
        self._next_id += 1
        return self._next_id - 1

    def day(self, now_ns: int) -> Bar | None:
        """The last 24 hours as one bar, in whole minutes (assumed: the venue's window may be finer)."""
        begin_s = now_ns // NS_PER_S - DAY_S
        if self.minutes and self.minutes[0].begin_s < begin_s:
            while self.minutes and self.minutes[0].begin_s < begin_s:
                self.minutes.popleft()
            self._day = None
        if self._day is None:
            self._day = self.since(begin_s)
        return self._day

    @property
    def last_price(self) -> int:
        """The newest trade's price, else the last bar's close, else the opening price."""
        if self.last is not None:
            return self.last.price
        return self.minutes[-1].close if self.minutes else self._opening_price

    def since(self, begin_s: int) -> Bar | None:
        """All minutes from `begin_s` on as one bar; None where nothing traded."""
        whole: Bar | None = None
        for minute in self.minutes:
            if minute.begin_s < begin_s:
                continue
            whole = _joined(whole, minute, begin_s)
        return whole

    def bars(self, interval_min: int) -> Iterator[Bar]:
        """Bars of an interval, oldest first; intervals without trades are missing."""
        span_s = interval_min * MINUTE_S
        current: Bar | None = None
        for minute in self.minutes:
            begin_s = minute.begin_s // span_s * span_s
            if current is not None and current.begin_s != begin_s:
                yield current
                current = None
            current = _joined(current, minute, begin_s)
        if current is not None:
            yield current

    def running_bar(self, interval_min: int) -> Bar:
        """The bar the newest trade fell into; there must have been one."""
        begin_s = self.minutes[-1].begin_s // (interval_min * MINUTE_S) * interval_min * MINUTE_S
        first = -1
        while -first < len(self.minutes) and self.minutes[first - 1].begin_s >= begin_s:
            first -= 1
        whole = _joined(None, self.minutes[first], begin_s)
        for position in range(first + 1, 0):
            whole.merge(self.minutes[position])
        return whole

    def rescale(self, price_factor: tuple[int, int], qty_factor: tuple[int, int]) -> None:
        """Move all that was printed to other ticks and lots; factors are (numerator, denominator)."""

        def ticks(price: int) -> int:
            return ratio(price * price_factor[0], price_factor[1])

        def lots(qty: int) -> int:
            return ratio(qty * qty_factor[0], qty_factor[1])

        rescaled = [t._replace(price=ticks(t.price), qty=lots(t.qty)) for t in self.trades]
        self.trades = deque(rescaled, maxlen=TRADES_KEPT)
        self.last = rescaled[-1] if rescaled else None
        self._opening_price = ticks(self._opening_price)
        for bar in self.minutes:
            bar.open, bar.high, bar.low, bar.close = map(ticks, (bar.open, bar.high, bar.low, bar.close))
            bar.volume = lots(bar.volume)
            bar.cost = lots(ticks(bar.cost))
        self._day = None

    def fill_past(self, rng: random.Random, pair: Pair, end_s: int, minutes: int) -> None:
        """Invent the bars of the time before the market opened, ending at the pair's opening price."""
        bars: list[Bar] = []
        close = pair.price
        for back in range(1, minutes + 1):
            if rng.random() < 0.1:
                continue
            reach = max(1, pair.step * 4)
            opened = max(1, close + rng.randint(-reach, reach))
            high = max(opened, close) + rng.randint(0, reach)
            low = max(1, min(opened, close) - rng.randint(0, reach))
            count = rng.randint(1, 20)
            volume = max(1, pair.qty * count // 4 + rng.randint(0, pair.qty))
            cost = volume * ((opened + close) // 2)
            bars.append(Bar(end_s - back * MINUTE_S, opened, high, low, close, volume, cost, count))
            close = opened
        self.minutes.extendleft(bars)
        self._day = None


def _joined(whole: Bar | None, later: Bar, begin_s: int) -> Bar:
    if whole is None:
        return Bar(
            begin_s, later.open, later.high, later.low, later.close, later.volume, later.cost, later.count
        )
    whole.merge(later)
    return whole

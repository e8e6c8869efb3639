"""Aggregate trades: fills of one price and taker side within a tenth of a second (dossier §5.5, §10.3)."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from leadline.emulator.binance.agenda import Agenda
from leadline.emulator.market import Batch, Market
from leadline.emulator.tape import Trade

WINDOW_NS = 100_000_000
MOST_DELAY_NS = 50_000_000
KEPT = 10_000
FIRST_ID = 3_466_782_974


class AggTrade(NamedTuple):
    """One aggregate; `first` and `last` are the ids of the trades in it."""

    agg_id: int
    price: int
    qty: int
    first: int
    last: int
    time_ns: int
    taker_side: int


class AggTape:
    """The aggregates of one contract; the newest `KEPT` are kept."""

    def __init__(self, symbol: str, first_id: int, agenda: Agenda, rng: random.Random) -> None:
        self.kept: deque[AggTrade] = deque(maxlen=KEPT)
        self.listeners: list[Callable[[AggTrade, int], None]] = []
        self.symbol = symbol
        self._next_id = first_id
        self._agenda = agenda
        self._rng = rng
        self._open: AggTrade | None = None
        self._told_ns = 0

    def enter(self, trades: Iterable[Trade]) -> None:
        """Take the trades of one event in."""
        for trade in trades:
            one = self._open
            if one is not None and _joins(one, trade):
                self._open = one._replace(qty=one.qty + trade.qty, last=trade.trade_id)
                continue
            self._close(trade.time_ns)
            made = AggTrade(
                *(self._next_id, trade.price, trade.qty, trade.trade_id, trade.trade_id),
                *(trade.time_ns, trade.taker_side),
            )
            self._next_id += 1
            self._open = made
            self._agenda.at(trade.time_ns + WINDOW_NS, partial(self._ripe, made))

    def _ripe(self, one: AggTrade, now_ns: int) -> None:
        if self._open is not None and self._open.agg_id == one.agg_id:
            self._close(now_ns)

    def _close(self, now_ns: int) -> None:
        """Let the open aggregate be known: to REST at once, to streams a little later and in order."""
        one = self._open
        if one is None:
            return
        self._open = None
        self.kept.append(one)
        self._told_ns = max(self._told_ns, now_ns + self._rng.randint(0, MOST_DELAY_NS))
        self._agenda.at(self._told_ns, partial(self._tell, one))

    def _tell(self, one: AggTrade, now_ns: int) -> None:
        for listener in self.listeners:
            listener(one, now_ns)


class AggTapes:
    """The aggregates of every contract."""

    def __init__(self, market: Market, agenda: Agenda, rng: random.Random) -> None:
        self.of = {
            symbol: AggTape(symbol, FIRST_ID + number * 1_000_000, agenda, rng)
            for number, symbol in enumerate(market.listings)
        }
        market.listeners.append(self._enter)

    def _enter(self, batch: Batch) -> None:
        if batch.trades:
            self.of[batch.symbol].enter(batch.trades)


def _joins(one: AggTrade, trade: Trade) -> bool:
    same = (one.price, one.taker_side) == (trade.price, trade.taker_side)
    return same and trade.time_ns < one.time_ns + WINDOW_NS

"""The trades of one instrument from several lines, woven into one sequence by the venue's id.

A trade behind a skipped id waits for the line that has not come so far yet; once every line has passed the
hole, or its patience is over, it goes on and the hole is real. Repetitions pass: a `TradeLog` knows them.
"""

from __future__ import annotations

from leadline.clock import NS_PER_MS
from leadline.model.market import Trade, TradeBatch

PATIENCE_NS = 500 * NS_PER_MS
"""How long a trade waits at most for its predecessor on another line."""

MOST_HELD = 1000
"""So many trades wait for their predecessors at most; one more lets all of them go on."""


class TradeWeave:
    """One instrument's trades over all lines; `line` is any name that tells the lines apart."""

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._last_id: int | None = None
        self._reached: dict[object, int] = {}
        self._held: dict[int, Trade] = {}
        self._held_ns = 0
        self.received_ns = 0
        """When the oldest of what went on last was received: what has waited is no younger for it."""

    def take(self, line: object, batch: TradeBatch, now_ns: int) -> TradeBatch | None:
        """What may go on now that this line has told these trades; None when they all wait."""
        passing: list[Trade] = []
        for trade in batch.trades:
            number, last_id = trade.trade_id, self._last_id
            if number is None:
                passing.append(trade)
                continue
            self._reached[line] = max(number, self._reached.get(line, number))
            if last_id is None or number == last_id + 1:
                self._last_id = number
                passing.append(trade)
            elif number <= last_id:
                passing.append(trade)
            elif number not in self._held:
                self._held_ns = self._held_ns if self._held else now_ns
                self._held[number] = trade
        self.received_ns = now_ns
        if not self._held:
            return batch
        return self._batch(passing + self._released(), batch.snapshot)

    def left(self, line: object) -> TradeBatch | None:
        """This line is gone and will fill nothing: what waited for it alone goes on."""
        self._reached.pop(line, None)
        return self._batch(self._released())

    def overdue(self, now_ns: int) -> TradeBatch | None:
        """What has waited for longer than its patience."""
        if not self._held or now_ns - self._held_ns < PATIENCE_NS:
            return None
        return self._batch(self._all())

    def _released(self) -> list[Trade]:
        """Held trades that follow on what has gone on, and those behind a hole that every line has passed."""
        released: list[Trade] = []
        for number in sorted(self._held):
            assert self._last_id is not None
            if number > self._last_id + 1 and any(reached < number for reached in self._reached.values()):
                break
            released.append(self._held.pop(number))
            self.received_ns = self._held_ns
            self._last_id = max(number, self._last_id)
        return released if len(self._held) <= MOST_HELD else released + self._all()

    def _all(self) -> list[Trade]:
        held = [self._held[number] for number in sorted(self._held)]
        self._held.clear()
        self.received_ns = self._held_ns
        self._last_id = held[-1].trade_id
        return held

    def _batch(self, trades: list[Trade], snapshot: bool = False) -> TradeBatch | None:
        return TradeBatch(self._symbol, tuple(trades), snapshot) if trades else None

"""Holds what readers got against the venue's own history, with the same truth that the simulation judges by.

Served wrong: a verified book, or a ticker, that equals no state the venue had inside
[now − bound − latency, now]; a trade or a bar that the venue never printed so.
"""

from __future__ import annotations

from leadline.clock import NS_PER_S
from leadline.demo.observed import Pairs, Seen, SeenBar, SeenBook, SeenTicker, SeenTrade, Verdicts
from leadline.simulation.truth import Levels, SymbolTruth, Truth, scaled

LATENCY_NS = NS_PER_S
"""What a message may be under way between two processes of a busy machine."""

LONGEST_BOUND_S = 60.0
"""No stream may announce a longer one."""

_EARLY_NS = 1_000_000  # the two processes read the offset of Unix time at different moments
_KEPT_NS = round((LONGEST_BOUND_S + 60.0) * NS_PER_S)


class Referee:
    """Judges in the venues' process; `offset_ns` is their Unix time minus their monotonic time.

    Each truth is one venue's; no two venues call anything by the same symbol.
    """

    def __init__(self, offset_ns: int, *truths: Truth) -> None:
        self._symbols = {symbol: truth for one in truths for symbol, truth in one.symbols.items()}
        self._offset_ns = offset_ns
        self._compared = 0
        self._wrong = 0
        self._first_wrong = ""

    @property
    def verdicts(self) -> Verdicts:
        return Verdicts(self._compared, self._wrong, self._first_wrong)

    def judge(self, seen: Seen) -> bool:
        """Count one value; whether the venue's history holds it."""
        self._compared += 1
        truth = self._symbols.get(seen.symbol)
        true = truth is not None and self._true(truth, seen)
        if not true:
            self._wrong += 1
            self._first_wrong = self._first_wrong or repr(seen)
        return true

    def forget(self, now_ns: int) -> None:
        """Let go of states older than any that can still be asked about; `now_ns` is monotonic."""
        oldest_ns = now_ns + self._offset_ns - _KEPT_NS
        for truth in self._symbols.values():
            for history in (truth.books, truth.quotes):
                old = sum(1 for _ in history.within(0, oldest_ns)) - 1
                if old > 0:  # the newest of the old ones still holds after `oldest_ns`
                    del history.times[:old], history.states[:old]

    def _true(self, truth: SymbolTruth, seen: Seen) -> bool:
        match seen:
            case SeenBook():
                return self._book(truth, seen)
            case SeenTicker():
                states = truth.quotes.within(*self._window(seen.at_ns, seen.bound_s))
                return any(
                    (seen.bid, seen.ask) == (state.bid or 0, state.ask or 0)
                    and seen.last in (None, state.last)  # not every venue tells the last price here
                    for state in states
                )
            case SeenTrade():
                printed = truth.prints.get(seen.trade_id)
                values_of = (seen.price, seen.qty, seen.bought)
                return printed is not None and values_of == (printed.price, printed.qty, printed.bought)
            case SeenBar():
                candle = truth.candles.get(seen.begin_s, {}).get(seen.trades)
                return candle is not None and tuple(candle) == (
                    seen.open, seen.high, seen.low, seen.close, seen.volume,
                )  # fmt: skip

    def _book(self, truth: SymbolTruth, seen: SeenBook) -> bool:
        return any(
            _same(seen.bids, state.bids[: seen.depth], state.price_precision, state.qty_precision)
            and _same(seen.asks, state.asks[: seen.depth], state.price_precision, state.qty_precision)
            for state in truth.books.within(*self._window(seen.at_ns, seen.bound_s))
        )

    def _window(self, at_ns: int, bound_s: float) -> tuple[int, int]:
        """The venue's times between which a value must have been true."""
        now_ns = at_ns + self._offset_ns
        bound_ns = round(min(bound_s, LONGEST_BOUND_S) * NS_PER_S)
        return now_ns - bound_ns - LATENCY_NS, now_ns + _EARLY_NS


def _same(seen: Pairs, true: Levels, prices: int, qtys: int) -> bool:
    """Whether a side is exactly that of the venue's integers, no level more or less."""
    return len(seen) == len(true) and all(
        level == (scaled(price, prices), scaled(qty, qtys))
        for level, (price, qty) in zip(seen, true, strict=True)
    )

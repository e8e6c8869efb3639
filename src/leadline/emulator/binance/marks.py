"""Mark and index prices, the funding rate and the clock of funding (dossier §5.7, §10.3, §15.4).

Prices and rates are integers of 10^-8. The index follows the contract's middle slowly, less the contract's
basis; the mark follows it fast.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from leadline.emulator.binance.contracts import Contract
from leadline.emulator.binance.ports import MARK_DECIMALS, Funding
from leadline.emulator.market import Listing, Market
from leadline.emulator.numbers import NS_PER_S, ratio

UNIT = 10**MARK_DECIMALS
SECOND_NS = NS_PER_S
FUNDING_S = 8 * 3_600
INTEREST = 10_000
"""The interest of one funding interval, 0.01 %."""
MOST_RATE = 2_000_000
# assumed: how fast each follows, in parts of 64 a second
MARK_PART, AVERAGE_PART, INDEX_PART = 16, 2, 4
PREMIUM_BAND = 50_000
HISTORY_KEPT = 1_000


@dataclass(slots=True)
class MarkState:
    """The figures of one contract; `rate` is what the next funding would cost now."""

    contract: Contract
    listing: Listing
    mark: int
    average: int
    index: int
    settle: int
    rate: int = INTEREST
    history: deque[Funding] = field(default_factory=lambda: deque(maxlen=HISTORY_KEPT))


class MarkPrices:
    """Every contract's marks, moved once a second on the second."""

    def __init__(
        self, market: Market, contracts: Iterable[Contract], rng: random.Random, start_ns: int
    ) -> None:
        self.listeners: list[Callable[[str, int], None]] = []
        self.funders: list[Callable[[Funding], None]] = []
        self.tellers: list[Callable[[int], None]] = []
        """Hear, after every second, that all marks are new."""
        self._rng = rng
        self.states = {one.symbol: _opened(one, market.listings[one.symbol]) for one in contracts}
        self._fill_past(start_ns)
        self._due_ns = (start_ns // SECOND_NS + 1) * SECOND_NS
        self._funding_ns = self._next_funding(start_ns)

    def mark(self, symbol: str) -> int:
        """The mark price now, in 10^-8 of the quote."""
        return self.states[symbol].mark

    def settle(self, symbol: str) -> int:
        """The estimated settlement price now, in 10^-8."""
        return self.states[symbol].settle

    def next_ns(self) -> int:
        """When `woke` next has something to do."""
        return min(self._due_ns, self._funding_ns)

    def funding_ms(self, symbol: str, now_ns: int) -> int:
        """When a contract next pays funding; 0 where it never does."""
        if not self.states[symbol].contract.perpetual:
            return 0
        interval_ns = FUNDING_S * SECOND_NS
        return (now_ns // interval_ns + 1) * interval_ns // 1_000_000

    def woke(self, now_ns: int) -> None:
        """Move the marks of every second that has passed; pay funding where it is due."""
        while self.next_ns() <= now_ns:
            at_ns = self.next_ns()
            if self._due_ns <= at_ns:
                self._due_ns += SECOND_NS
                self._move(at_ns)
            else:
                self._funding_ns = self._next_funding(at_ns)
                self.fund(at_ns)

    def _move(self, now_ns: int) -> None:
        for state in self.states.values():
            middle = _middle(state)
            if middle is not None:
                _follow(state, middle)
        for symbol in self.states:
            for listener in self.listeners:
                listener(symbol, now_ns)
        for teller in self.tellers:
            teller(now_ns)

    def fund(self, now_ns: int) -> None:
        """Every contract that trades pays its funding now."""
        for symbol, state in self.states.items():
            if state.contract.perpetual and state.contract.status == "TRADING":
                paid = Funding(symbol, state.rate, state.mark, now_ns)
                state.history.append(paid)
                for funder in self.funders:
                    funder(paid)

    def _next_funding(self, now_ns: int) -> int:
        """The next boundary of eight hours, a few milliseconds late as recorded."""
        interval_ns = FUNDING_S * SECOND_NS
        return (now_ns // interval_ns + 1) * interval_ns + self._rng.randint(0, 9) * 1_000_000

    def _fill_past(self, start_ns: int) -> None:
        """Invent the fundings of the three days before the start."""
        interval_ns = FUNDING_S * SECOND_NS
        boundary_ns = start_ns // interval_ns * interval_ns
        for symbol, state in self.states.items():
            if not state.contract.perpetual:
                continue
            for back in range(8, -1, -1):
                time_ns = boundary_ns - back * interval_ns + self._rng.randint(0, 9) * 1_000_000
                rate = INTEREST + self._rng.randint(-20_000, 20_000)
                mark = state.mark + state.mark * self._rng.randint(-50, 50) // 10_000
                if time_ns <= start_ns:
                    state.history.append(Funding(symbol, rate, mark, time_ns))


def _opened(contract: Contract, listing: Listing) -> MarkState:
    mark = listing.pair.price * UNIT // 10**listing.pair.price_precision
    index = ratio(mark * 10_000, 10_000 + contract.basis)
    state = MarkState(contract, listing, mark, mark, index, index)
    if not contract.perpetual:
        state.rate = 0
    return state


def _middle(state: MarkState) -> int | None:
    """The middle of the book in 10^-8; None where a side is empty."""
    bid, ask = state.listing.best
    if bid is None or ask is None:
        return None
    return ratio((bid[0] + ask[0]) * UNIT, 2 * 10**state.listing.pair.price_precision)


def _follow(state: MarkState, middle: int) -> None:
    state.mark += (middle - state.mark) * MARK_PART // 64
    state.average += (state.mark - state.average) * AVERAGE_PART // 64
    below = ratio(middle * 10_000, 10_000 + state.contract.basis)
    state.index += (below - state.index) * INDEX_PART // 64
    state.settle += (state.index - state.settle) * AVERAGE_PART // 64
    if state.contract.perpetual:
        premium = ratio((state.mark - state.index) * UNIT, state.index)
        clamped = max(-PREMIUM_BAND, min(PREMIUM_BAND, INTEREST - premium))
        state.rate = max(-MOST_RATE, min(MOST_RATE, premium + clamped))

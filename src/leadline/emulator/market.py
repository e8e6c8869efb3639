"""Books, trades, bars and statistics out of one deterministic flow, on the time it is told.

The moments of events are drawn ahead: the same seed gives the same market however `advance` is called.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import accumulate, count

from leadline.emulator.flow import OrderFlow
from leadline.emulator.instruments import Pair
from leadline.emulator.matching import ASK, BID, Change, Fill, Order, OrderBook
from leadline.emulator.numbers import NS_PER_S
from leadline.emulator.tape import MINUTE_S, Tape, Trade

NEVER = 1 << 63
WARM_UP_S = 30
WARM_UP_EVENTS = 60
SPREADS_KEPT = 200


def chance(seed: int, *what: object) -> random.Random:
    """Random numbers of their own for one purpose; they decide a play and guard no secret."""
    return random.Random("/".join(map(str, (seed, *what))))  # noqa: S311


Best = tuple[tuple[int, int] | None, tuple[int, int] | None]
Ratio = tuple[int, int]
"""Numerator and denominator."""


@dataclass(slots=True)
class Listing:
    """One pair as it trades now. `status` is the pair's own trading mode."""

    pair: Pair
    book: OrderBook
    tape: Tape
    flow: OrderFlow
    spreads: deque[tuple[int, int, int]]
    status: str = "online"
    best: Best = (None, None)


@dataclass(slots=True)
class Batch:
    """What one engine event did to one pair: level changes and trades in engine order."""

    listing: Listing
    time_ns: int
    changes: list[Change]
    trades: list[Trade]
    best_changed: bool
    fills: list[Fill] = field(default_factory=list)
    """The matches behind `trades`, one for one."""

    @property
    def symbol(self) -> str:
        return self.listing.pair.symbol


class Market:
    """Every listing, and the one sequence of events over all of them.

    `rate` is events per second over all symbols, 0 for a market moved by hand. Each of `listeners` is
    called with the `Batch` after every event, in order; when all have heard of it, `followers` are told its
    time: only they may act on the market in consequence. `regrid_listeners` hear of a new tick and lot.
    """

    def __init__(
        self, pairs: Iterable[Pair], *, seed: int, rate: float, start_ns: int, history_minutes: int = 1_440
    ) -> None:
        self.listings: dict[str, Listing] = {}
        self.listeners: list[Callable[[Batch], None]] = []
        self.followers: list[Callable[[int], None]] = []
        self.regrid_listeners: list[Callable[[str, Ratio, Ratio], None]] = []
        self.system = "online"
        self._rate = rate
        self._order_ids = count(1)
        self._times = chance(seed, "times")
        for pair in pairs:
            self.listings[pair.symbol] = self._listed(pair, seed, start_ns, history_minutes)
        self._turns = list(self.listings.values())
        self._shares = list(accumulate(listing.pair.weight for listing in self._turns))
        self._next_ns = self._after(start_ns)

    @property
    def next_ns(self) -> int:
        """When the next event is due; `NEVER` where the rate is 0."""
        return self._next_ns

    def advance(self, now_ns: int) -> None:
        """Let every event due by then happen."""
        while self._next_ns <= now_ns:
            time_ns = self._next_ns
            self._next_ns = self._after(time_ns)
            listing = self._times.choices(self._turns, cum_weights=self._shares)[0]
            mode = self.mode(listing.pair.symbol)
            if mode != "maintenance":
                self._settle(listing, time_ns, listing.flow.act(time_ns, mode))

    def mode(self, symbol: str) -> str:
        """How a pair trades now: the system's mode unless that is online, else its own."""
        return self.system if self.system != "online" else self.listings[symbol].status

    def submit(
        self, symbol: str, order: Order, now_ns: int, *, market: bool = False, may_rest: bool = True
    ) -> list[Fill]:
        """Enter an order of an account (or of a test) beside the crowd's; ids come from `new_order_id`."""
        listing = self.listings[symbol]
        side = order.side
        fills = listing.book.submit(order, now_ns, market=market, may_rest=may_rest)
        self._settle(listing, now_ns, [(fill, side, market) for fill in fills])
        return fills

    def lower(self, symbol: str, order_id: int, remaining: int, now_ns: int) -> None:
        """Leave less of a resting order, in its place in the queue."""
        listing = self.listings[symbol]
        listing.book.lower(order_id, remaining, now_ns)
        self._settle(listing, now_ns, [])

    def cancel(self, symbol: str, order_id: int, now_ns: int) -> Order | None:
        """Take an order out; None where it does not rest."""
        listing = self.listings[symbol]
        order = listing.book.cancel(order_id, now_ns)
        if order is not None:
            self._settle(listing, now_ns, [])
        return order

    def new_order_id(self) -> int:
        return next(self._order_ids)

    def change_precision(self, symbol: str, price_precision: int, qty_precision: int) -> None:
        """Give a pair another tick and lot while it trades; its orders move to the new grid."""
        listing = self.listings[symbol]
        old = listing.pair
        price_by = price_precision - old.price_precision
        qty_by = qty_precision - old.qty_precision
        price_factor, qty_factor = _factor(price_by), _factor(qty_by)
        listing.pair = replace(
            old,
            price_precision=price_precision,
            qty_precision=qty_precision,
            price=max(1, old.price * price_factor[0] // price_factor[1]),
            qty=max(1, old.qty * qty_factor[0] // qty_factor[1]),
            qty_min=max(1, old.qty_min * qty_factor[0] // qty_factor[1]),
            step=max(1, old.step * price_factor[0] // price_factor[1]),
        )
        listing.book.rescale(price_by, qty_by)
        listing.tape.rescale(price_factor, qty_factor)
        listing.flow.rescale(listing.pair, price_factor[0] / price_factor[1])
        listing.spreads.clear()
        self._note_best(listing, 0)
        for listener in self.regrid_listeners:
            listener(symbol, price_factor, qty_factor)

    def _listed(self, pair: Pair, seed: int, start_ns: int, history_minutes: int) -> Listing:
        rng = chance(seed, pair.symbol)
        book = OrderBook()
        tape = Tape(pair, rng.randint(1_000_000, 90_000_000))
        flow = OrderFlow(pair, book, rng, self.new_order_id)
        listing = Listing(pair, book, tape, flow, deque(maxlen=SPREADS_KEPT))
        opened_ns = start_ns - WARM_UP_S * NS_PER_S
        if pair.history:
            end_s = opened_ns // NS_PER_S // MINUTE_S * MINUTE_S
            tape.fill_past(chance(seed, pair.symbol, "past"), pair, end_s, history_minutes)
        flow.open(opened_ns)
        if self._rate:
            for number in range(WARM_UP_EVENTS):
                time_ns = opened_ns + number * WARM_UP_S * NS_PER_S // WARM_UP_EVENTS
                self._settle(listing, time_ns, flow.act(time_ns, "online"))
        book.taken_changes()
        self._note_best(listing, start_ns)
        return listing

    def _settle(self, listing: Listing, time_ns: int, fills: list[tuple[Fill, int, bool]]) -> None:
        trades = [
            listing.tape.print_trade(time_ns, fill.price, fill.qty, side, market)
            for fill, side, market in fills
        ]
        changes = listing.book.taken_changes()
        if not changes:
            return
        best_changed = self._note_best(listing, time_ns)
        batch = Batch(listing, time_ns, changes, trades, best_changed, [fill for fill, _, _ in fills])
        for listener in self.listeners:
            listener(batch)
        for follower in self.followers:
            follower(time_ns)

    @staticmethod
    def _note_best(listing: Listing, time_ns: int) -> bool:
        best = (listing.book.best(BID), listing.book.best(ASK))
        if best == listing.best:
            return False
        listing.best = best
        if best[0] and best[1]:
            listing.spreads.append((time_ns // NS_PER_S, best[0][0], best[1][0]))
        return True

    def _after(self, time_ns: int) -> int:
        if not self._rate:
            return NEVER
        return time_ns + max(1, int(self._times.expovariate(self._rate) * NS_PER_S))


def _factor(decimals: int) -> Ratio:
    return (10**decimals, 1) if decimals >= 0 else (1, 10**-decimals)

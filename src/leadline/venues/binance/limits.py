"""What Binance counts: weight by our address, orders by account, in fixed windows of the venue's clock.

Rule: four fifths of every pool are used, never more, and a part of those is kept for what cancels and rescues
(dossier §3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from leadline.clock import NS_PER_MS, NS_PER_S, Clock
from leadline.core.cells import Cells, MemoryCells
from leadline.core.venue_time import VenueTime
from leadline.core.windows import KeptWindows, SharedWindow, VenueBounds
from leadline.net.departures import Priority
from leadline.net.http import Request, Response, Terms
from leadline.venues.binance.refusals import (
    MINUTE_S,
    ORDER_WINDOW_S,
    TOO_MANY_ORDERS,
    order_windows_s,
    read_refusal,
    told_wait_s,
)
from leadline.venues.binance.rest import BEST_PRICES_PATH, FUNDINGS_PATH
from leadline.venues.binance.symbols import RateLimitRow
from leadline.venues.ports import Action

USED_SHARE = 0.8

MOST_SHARE = 0.95
"""Of a minute's weight; beyond, not even what spends without asking leaves."""

WEIGHT_A_MINUTE = 2400
FUNDINGS_IN_5_MINUTES = 500
ORDERS_IN_10_S = 300
ORDERS_A_MINUTE = 1200

RESERVE = {
    Priority.EMERGENCY: (USED_SHARE - MOST_SHARE) * WEIGHT_A_MINUTE,
    Priority.FALLBACK: 60.0,
    Priority.ORDER: 120.0,
    Priority.NORMAL: 240.0,
    Priority.BACKGROUND: 360.0,
}
"""Points of a minute's weight that each kind of request leaves to the more urgent ones; an emergency may use
more than the budget has, as much as leaves no doubt with the venue: two lists of all orders weigh 80.
"""

SPACING_NS = 10 * NS_PER_MS

_CLOCK_GUESS_NS = 5 * NS_PER_S
"""assumed: before the venue's clock is measured, the machine's is no further from it than this."""

_TOO_MANY_REQUESTS, _BANNED = 429, 418

_BATCH_POINTS = 5.0

_LEAST_WEIGHT, _LEAST_ORDERS = 100, 10
"""assumed: a smaller limit is a mistake of the answer; by it not even a cancel would ever leave."""

_MOST_DIGITS = 9
"""Of a count; what has more is none."""

_INTERVALS_S = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400}

_USED_WEIGHT = "x-mbx-used-weight-1m"
_ORDERS_10_S = "x-mbx-order-count-10s"
_ORDERS_1_MIN = "x-mbx-order-count-1m"

_WRONG_WEIGHT = frozenset({BEST_PRICES_PATH, "/fapi/v2/ticker/price"})
"""Whose answers tell a weight that is not the address's (dossier §3.2)."""


class AddressLimits:
    """What the venue counts for this machine's address, shared by all who ask one REST address.

    `venue_time` is the venue's clock, which cuts the windows; whoever measures it tells it here. What is
    spent is kept in `shared`.
    """

    def __init__(self, clock: Clock, shared: Cells | None = None) -> None:
        shared = shared or MemoryCells()
        self._clock = clock
        self.venue_time = VenueTime()
        bounds = self.venue_bounds_ns
        self.weight = _kept_in(shared, "weight", WEIGHT_A_MINUTE, 60, bounds)
        """The budget of PacedHttp, with `terms`; what goes over the WebSocket API is spent here too."""
        self.fundings = _kept_in(shared, "fundings", FUNDINGS_IN_5_MINUTES, 300, bounds)
        """Requests for fundings, which have a pool of their own."""
        self.terms = Terms(RESERVE, SPACING_NS, self.heed)

    def venue_bounds_ns(self, mono_ns: int) -> tuple[int, int]:
        """Between which Unix times the venue's clock stands, by the machine's while it is not measured."""
        bounds = self.venue_time.bounds_ns(mono_ns)
        if bounds is not None:
            return bounds
        wall_ns = self._clock.wall_ns() + mono_ns - self._clock.mono_ns()
        return wall_ns - _CLOCK_GUESS_NS, wall_ns + _CLOCK_GUESS_NS

    def learned(self, rate_limits: Sequence[RateLimitRow]) -> None:
        """Take the weight of a minute from exchangeInfo; the testnet allows more."""
        for row in rate_limits:
            if row.rate_limit_type == "REQUEST_WEIGHT" and _seconds(row) == 60:
                _resize(self.weight, row, _LEAST_WEIGHT)

    def heed(self, request: Request, response: Response) -> bool:
        """Take what an answer says of the weight; returns whether the venue refuses because of it."""
        if request.path not in _WRONG_WEIGHT:
            used = _number(response.headers, _USED_WEIGHT)
            if used is not None:
                self.weight.told(used, response.sent_ns, response.received_ns)
        if response.status not in (_TOO_MANY_REQUESTS, _BANNED):
            return False
        if read_refusal(response.body).code == TOO_MANY_ORDERS:  # of the account, not of the address
            return False
        if request.path == FUNDINGS_PATH:
            self.fundings.exceeded(response.received_ns)
        if request.path != FUNDINGS_PATH or response.status == _BANNED:
            self._refused(response)
        return True

    def refused(self, retry_s: float | None, now_ns: int) -> None:
        """The venue refuses for the weight (-1003): for so long, else till the window ends.

        No request leaves before that, because what is sent all the same prolongs a ban (dossier §3.3).
        """
        if retry_s:
            self.weight.close(retry_s, now_ns)
        else:
            self.weight.exceeded(now_ns)

    def pause_s(self, now_ns: int) -> float:
        """Seconds until anything may leave: the venue refuses us, or the minute is spent to the last."""
        spent_out = self.weight.level(now_ns) >= MOST_SHARE / USED_SHARE * self.weight.limit
        return self.weight.delay_s(1.0 if spent_out else 0.0, now_ns)

    def _refused(self, response: Response) -> None:
        now_ns = response.received_ns
        venue_ms = self.venue_bounds_ns(now_ns)[0] // NS_PER_MS
        text = read_refusal(response.body).text
        self.refused(told_wait_s(response.status, text, venue_ms, response.headers), now_ns)


class OrderLimits:
    """Orders of one account: 300 in 10 seconds and 1200 in a minute, cancels free (dossier §3.1).

    They are kept in `shared`, that of the account's key.
    assumed: the windows of 10 seconds begin at :00, :10, :20 … of the venue's clock.
    """

    def __init__(self, address: AddressLimits, shared: Cells | None = None) -> None:
        shared = shared or MemoryCells()
        self.address = address
        bounds = address.venue_bounds_ns
        self.in_10_s = _kept_in(shared, "orders in 10 s", ORDERS_IN_10_S, 10, bounds)
        self.a_minute = _kept_in(shared, "orders a minute", ORDERS_A_MINUTE, 60, bounds)
        self._by_header = {_ORDERS_10_S: self.in_10_s, _ORDERS_1_MIN: self.a_minute}

    def charge(self, action: Action, now_ns: int, count: int = 1) -> float:
        """Seconds until one request with so many orders fits; at 0 it is charged. A cancel is free: 0.

        A batch counts as five in the short window, however many it has, and as one in the minute (§3.4).
        While the venue refuses the address no order fits.
        """
        if action is Action.CANCEL:
            return 0.0
        points = 1.0 if count == 1 else _BATCH_POINTS
        pools = ((self.address.weight, 0.0), (self.in_10_s, points), (self.a_minute, 1.0))
        delay_s = max(pool.delay_s(cost, now_ns) for pool, cost in pools)
        if delay_s == 0 and (delay_s := self.in_10_s.take(points, now_ns)) == 0:
            delay_s = self.a_minute.take(1.0, now_ns)
            if delay_s > 0:  # another program was faster
                self.in_10_s.spend(-points, now_ns)
        return delay_s

    def spend(self, points: float, now_ns: int) -> None:
        """A request of this weight leaves over the WebSocket API, which counts with REST's."""
        self.address.weight.spend(points, now_ns)

    def told(self, rows: Iterable[RateLimitRow], sent_ns: int, now_ns: int) -> None:
        """Take the venue's own counts, and what it allows us, from an answer on the WebSocket API.

        Some accounts may send more orders than others; answers to orders tell what this one may.
        """
        for row in rows:
            if (window := self._window(row)) is not None:
                _resize(window, row, _LEAST_WEIGHT if window is self.address.weight else _LEAST_ORDERS)
                if row.count is not None:
                    window.told(row.count, sent_ns, now_ns)

    def told_by_headers(self, headers: Iterable[tuple[str, str]], sent_ns: int, now_ns: int) -> None:
        """Take the venue's own counts of orders from the headers of an answer; REST's weight is heeded."""
        for name, text in headers:
            window = self._by_header.get(name.lower())
            count = _count(text)
            if window is not None and count is not None:
                window.told(count, sent_ns, now_ns)

    def refused(self, message: str, now_ns: int) -> None:
        """The venue refuses for too many orders (-1015): none leaves before the window that it names ends.

        Where it names none that is the end of both.
        """
        windows = {ORDER_WINDOW_S: self.in_10_s, MINUTE_S: self.a_minute}
        for span_s in order_windows_s(message):
            windows[span_s].exceeded(now_ns)

    def _window(self, row: RateLimitRow) -> SharedWindow | None:
        match row.rate_limit_type, _seconds(row):
            case "REQUEST_WEIGHT", 60:
                return self.address.weight
            case "ORDERS", 10:
                return self.in_10_s
            case "ORDERS", 60:
                return self.a_minute
        return None


def _kept_in(shared: Cells, name: str, points: int, length_s: int, venue_ns: VenueBounds) -> SharedWindow:
    """Our share of so many points, in windows of the venue's clock that others spend as well."""
    return SharedWindow(shared.cell(name, KeptWindows), USED_SHARE * points, length_s, venue_ns)


def _resize(window: SharedWindow, row: RateLimitRow, least: int) -> None:
    if row.limit >= least:
        window.resize(USED_SHARE * row.limit)


def _seconds(row: RateLimitRow) -> int:
    return row.interval_num * _INTERVALS_S.get(row.interval, 0)


def _number(headers: Iterable[tuple[str, str]], name: str) -> float | None:
    text = next((value for key, value in headers if key.lower() == name), "").strip()
    return _count(text)


def _count(text: str) -> float | None:
    return float(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None

"""What Binance knows of an order, asked by REST in the id space it is in, with its fills.

Rule: an answer that bears another name than the one asked for is no evidence. "Does not exist" is told as
nothing found; what that proves depends on the order's deadline, which is not judged here (dossier §14.1).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from decimal import Decimal

from msgspec.structs import replace

from leadline.clock import NS_PER_S
from leadline.errors import VenueError
from leadline.model.order import Event, Fill, OrderKey, OrderReport, OrderState
from leadline.net.http import Purpose, Request
from leadline.venues.binance import order_form, reports, rest_account
from leadline.venues.binance.algo_orders import HOLD_NS, AlgoOrders
from leadline.venues.binance.algo_reports import Algo, algo_of_row, algo_report, algo_row, under
from leadline.venues.binance.order_form import Params
from leadline.venues.binance.refusals import NO_SUCH_ORDER, UNKNOWN_ORDER, code_of
from leadline.venues.binance.reports import OrderRow, order_event, order_id, parse_id
from leadline.venues.binance.rest import Endpoint
from leadline.venues.binance.rest_account import KEPT_MS, WEEK_MS
from leadline.venues.binance.signed_rest import SignedRest
from leadline.venues.binance.symbols import SymbolTable
from leadline.venues.binance.user_events import MS

_NONE = frozenset({NO_SUCH_ORDER, UNKNOWN_ORDER})
TRADES_MAX = 1000
"""assumed: one order has fewer matches than a page of them has."""

FORGOTTEN_NS = 4 * 86_400 * NS_PER_S
"""An order that ended without a match is forgotten three days after it was made (§6.4); told a day later."""


class OrderLookup:
    """Looks orders up; what it learns of conditional ones it tells `algos`."""

    def __init__(
        self, rest: SignedRest, symbols: SymbolTable, algos: AlgoOrders, venue_ns: Callable[[], int]
    ) -> None:
        self._rest = rest
        self._symbols = symbols
        self._algos = algos
        self._venue_ns = venue_ns

    async def find(
        self,
        key: OrderKey,
        since_ns: int,
        known: Collection[str] = (),
        leaving: Callable[[], None] | None = None,
    ) -> Sequence[OrderReport]:
        """Evidence about one order, its fills first; nothing when the venue knows none of that name.

        Fills that are `known` are not told again. `leaving` is called when the first request leaves. Raises
        CheckFailed for a key that names no order of Binance, or by a client id alone none that is open.
        """
        key = await self.placed(key)
        if order_form.is_conditional_key(key):
            return await self._conditional(key, Purpose.LOOKUP, known, leaving)
        wire = order_form.wire_of_key(key)
        if wire is None and key.symbol is not None:
            wire = self._symbols.wire(key.symbol)
        row = await self._order(order_form.reference(key, wire), Purpose.LOOKUP, leaving)
        if row is None and key.order_id is not None and self._venue_ns() - since_ns >= FORGOTTEN_NS:
            return await self._forgotten(key.order_id, known)
        if row is None or not _is_of(row, key):
            return []
        return await self._told(row, Purpose.LOOKUP, known)

    async def _forgotten(self, name: str, known: Collection[str]) -> list[OrderReport]:
        """What has become of an old order that the venue had accepted and does not know: it is over."""
        wire, number = parse_id(name)
        request = Request("GET", "/fapi/v1/openOrders", (("symbol", wire),), cost=1.0)
        rows = await self._rest.ask(Endpoint(request, reports.order_rows.decode), Purpose.LOOKUP)
        row = next((row for row in rows if row.order_id == number), None)
        if row is not None:
            return await self._told(row, Purpose.LOOKUP, known)
        reason = "it is not open, and the venue remembers it no more: it ended without another match"
        over = OrderReport(event=Event.CANCELED, order_id=name, state=OrderState.CANCELED, reason=reason)
        return [replace(over, snapshot=True)]

    async def placed(self, key: OrderKey) -> OrderKey:
        """The key, with the order's id where a client id alone does not say where to look.

        Such an order is only found while it is open: nothing is proven where it is not.
        """
        if key.order_id is not None or key.symbol is not None or key.client_id is None:
            return key
        waiting = await self.algo(OrderKey(None, key.client_id, conditional=True), Purpose.LOOKUP)
        if waiting is not None:
            return OrderKey(waiting.name, key.client_id, conditional=True)
        rows = await self._rest.ask(rest_account.open_orders(), Purpose.LOOKUP)
        named = (row for row in rows if row.client_order_id == key.client_id)
        return next((OrderKey(order_id(row.symbol, row.order_id), key.client_id) for row in named), key)

    async def by_id(
        self, order_ids: Sequence[str], purpose: Purpose, known: Collection[str] = ()
    ) -> list[OrderReport]:
        """Orders by our names of them, each preceded by its fills.

        Left out are unknown ones, and those of which it is not clear yet whether a conditional order has
        placed them; what one has placed is told under its name.
        """
        told: list[OrderReport] = []
        listed: set[str] = set()
        for name in order_ids:
            parent = self._algos.parent(name)
            key = OrderKey(order_id=name if parent is None else parent.name)
            if order_form.is_conditional_key(key):
                told += await self._conditional(key, purpose, known, None)
                continue
            row = await self._order(order_form.reference(key, order_form.wire_of_key(key)), purpose, None)
            if row is None:
                continue
            if not self._algos.origin_known(order_event(row)):
                await self._list_algos(row, listed, purpose)
                parent = self._algos.parent(name)
                if parent is None and not self._is_plain(row):
                    continue
            reports = await self._told(row, purpose, known)
            told += reports if parent is None else [under(parent, report) for report in reports]
        return told

    async def _list_algos(self, row: OrderRow, listed: set[str], purpose: Purpose) -> None:
        """Learn what the conditional orders have placed that may have placed this order."""
        if row.symbol not in listed:
            listed.add(row.symbol)
            for algo in await self._rest.ask(rest_account.all_algo_orders(row.symbol), purpose):
                self._algos.heard(algo)
        if self._algos.parent(order_id(row.symbol, row.order_id)) is None:
            for key in self._algos.suspects(order_event(row)):
                await self.algo(key, purpose)

    def _is_plain(self, row: OrderRow) -> bool:
        """Whether no conditional order can have placed it, now that all have been asked about."""
        o = order_event(row)
        young = self._venue_ns() - (row.time or 0) * MS < HOLD_NS and bool(self._algos.suspects(o))
        if young or self._algos.triggering(o):
            return False
        self._algos.plain(order_id(row.symbol, row.order_id))
        return True

    async def algo(
        self, key: OrderKey, purpose: Purpose, leaving: Callable[[], None] | None = None
    ) -> Algo | None:
        """A conditional order; None when the venue knows none of that name."""
        query = order_form.reference(replace(key, conditional=True), None)
        request = Request("GET", "/fapi/v1/algoOrder", query, cost=1.0)
        endpoint = Endpoint(request, lambda body: algo_of_row(algo_row.decode(body)))
        try:
            algo = await self._rest.ask(endpoint, purpose, leaving=leaving)
        except VenueError as error:
            if code_of(error) in _NONE:
                return None
            raise
        if key.order_id is None and algo.client_id != key.client_id:
            return None
        if key.order_id is not None and algo.name != key.order_id:
            return None
        self._algos.heard(algo)
        return algo

    async def _conditional(
        self,
        key: OrderKey,
        purpose: Purpose,
        known: Collection[str],
        leaving: Callable[[], None] | None,
    ) -> list[OrderReport]:
        """The order itself and, once it was triggered, what became of the one it has placed."""
        algo = await self.algo(key, purpose, leaving)
        if algo is None:
            return []
        told: list[OrderReport] = []
        if algo.engine_id:
            query = (("symbol", algo.wire), ("orderId", str(algo.engine_id)))
            placed = await self._order(query, purpose, None)
            told = [] if placed is None else await self._told(placed, purpose, known)
        if told:
            return [under(algo, report) for report in told]
        return [algo_report(algo, self._symbols, snapshot=True)]

    async def _order(
        self, query: Params, purpose: Purpose, leaving: Callable[[], None] | None
    ) -> OrderRow | None:
        request = Request("GET", "/fapi/v1/order", query, cost=1.0)
        try:
            return await self._rest.ask(Endpoint(request, reports.order_row.decode), purpose, leaving=leaving)
        except VenueError as error:
            if code_of(error) in _NONE:
                return None
            raise

    async def _told(self, row: OrderRow, purpose: Purpose, known: Collection[str]) -> list[OrderReport]:
        report = reports.order_report(row, self._symbols)
        if not report.filled_qty:
            return [report]
        fills = await self._fills(row, report.filled_qty, purpose)
        news = [
            replace(reports.fill_report(fill), client_id=report.client_id)
            for fill in fills
            if fill.exec_id not in known
        ]
        return [*news, report]

    async def _fills(self, row: OrderRow, filled: Decimal, purpose: Purpose) -> list[Fill]:
        """Its matches: of the last week, which is all that is told unasked, and where some lack, by weeks."""
        fills = {fill.exec_id: fill for fill in await self._page(row, (), purpose)}
        now_ms = self._venue_ns() // MS
        made_ms, last_ms = row.time or now_ms, row.update_time or now_ms
        starts_ms = range(max(made_ms, now_ms - KEPT_MS), last_ms + 1, WEEK_MS)
        for start_ms in starts_ms if made_ms <= now_ms - WEEK_MS else ():
            if sum(fill.qty for fill in fills.values()) >= filled:
                break
            end_ms = min(start_ms + WEEK_MS - 1, last_ms)
            span = (("startTime", str(start_ms)), ("endTime", str(end_ms)))
            fills |= {fill.exec_id: fill for fill in await self._page(row, span, purpose)}
        return sorted(fills.values(), key=lambda fill: fill.trade_id or 0)

    async def _page(self, row: OrderRow, span: Params, purpose: Purpose) -> list[Fill]:
        query = (("symbol", row.symbol), ("orderId", str(row.order_id)), *span, ("limit", str(TRADES_MAX)))
        request = Request("GET", "/fapi/v1/userTrades", query, cost=5.0)
        trades = await self._rest.ask(Endpoint(request, reports.trade_rows.decode), purpose)
        fills = [reports.trade_fill(trade, self._symbols) for trade in trades]
        own = order_id(row.symbol, row.order_id)
        return [fill for fill in fills if fill.order_id == own]


def _is_of(row: OrderRow, key: OrderKey) -> bool:
    if key.order_id is not None:
        return parse_id(key.order_id)[1] == row.order_id
    return row.client_order_id == key.client_id

"""What Kraken knows of an order, asked by REST under any of its names, with its fills.

Rule: a row that bears another name than the one asked for is no evidence, whatever was filtered for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from msgspec.structs import replace

from leadline.clock import NS_PER_MS, NS_PER_S, Clock
from leadline.core.chunks import chunks
from leadline.core.venue_time import VenueTime
from leadline.errors import Error, Rejected
from leadline.model.order import Event, Fill, OrderKey, OrderReport
from leadline.net.departures import Priority
from leadline.net.http import Http, Purpose
from leadline.venues.kraken import rest, rest_orders
from leadline.venues.kraken.private_rest import PrivateRest
from leadline.venues.kraken.rest_orders import MOST_ORDERS, MOST_TRADES, PAGE_ROWS, FoundOrder
from leadline.venues.kraken.symbols import SymbolTable

T = TypeVar("T")

UNCERTAIN_NS = 1_500 * NS_PER_MS
"""Where the venue's clock is known no better than this, a look-up begins by asking for the time."""

BEFORE_S = 5
"""assumed: the venue's clock is behind ours by less; a search for closed orders begins so much earlier."""

_UNKNOWN = ("EOrder:Unknown order", "EOrder:Invalid order")


class OrderLookup:
    """Looks orders up; `public` tells the time, to the second, when the stream cannot."""

    def __init__(
        self, rest: PrivateRest, public: Http, symbols: SymbolTable, clock: Clock, venue_time: VenueTime
    ) -> None:
        self._rest = rest
        self._public = public
        self._symbols = symbols
        self._clock = clock
        self._venue_time = venue_time
        self._wanted: list[_Wanted] = []
        self._search: asyncio.Future[None] | None = None
        self._ids: dict[str, asyncio.Future[list[OrderReport]]] = {}
        self._known: set[str] = set()
        self._leaving: list[Callable[[], None]] = []
        self._question: asyncio.Future[None] | None = None

    async def find(
        self,
        key: OrderKey,
        since_ns: int,
        known: Collection[str] = (),
        leaving: Callable[[], None] | None = None,
    ) -> Sequence[OrderReport]:
        """Evidence about one order, its fills first; nothing when the venue knows none of its names.

        Of fills that are all `known` the details, a history call, are not asked for again. `leaving` is
        called when the first request leaves, perhaps one that others began.
        """
        await self.learn_time()
        leaving = leaving or _nobody
        if key.order_id is not None:
            found = await self._of_id(key.order_id, known, leaving)
            if found:
                return found
        if key.client_id is None and key.userref is None:
            return []
        return await self._with_fills(await self._named(key, since_ns, leaving), Purpose.LOOKUP, known)

    async def _of_id(
        self, order_id: str, known: Collection[str], leaving: Callable[[], None]
    ) -> list[OrderReport]:
        """The order of that id; who asks while a question is under way shares the next with others."""
        self._known |= set(known)
        self._leaving.append(leaving)
        told = self._ids.get(order_id)
        if told is None:
            told = self._ids[order_id] = asyncio.get_running_loop().create_future()
        while not told.done():
            if self._question is not None:
                await asyncio.shield(self._question)
            else:
                self._ids.setdefault(order_id, told)  # another's question, given up, may have its place
                await self._ask_for_all_ids()
        return told.result()

    async def _ask_for_all_ids(self) -> None:
        batch, self._ids = self._ids, {}
        known, self._known = self._known, set()
        leaving, self._leaving = self._leaving, []
        question = self._question = asyncio.get_running_loop().create_future()
        try:
            reports = await self.by_id(list(batch), Purpose.LOOKUP, known, _all_of(leaving))
            for order_id, told in batch.items():
                told.set_result([report for report in reports if report.order_id == order_id])
        except Error as error:
            for told in batch.values():
                told.set_exception(error)
                told.exception()  # whoever asked may have gone
        finally:
            self._ids |= {order_id: told for order_id, told in batch.items() if not told.done()}
            self._question = None
            question.set_result(None)

    async def _named(self, key: OrderKey, since_ns: int, leaving: Callable[[], None]) -> Sequence[FoundOrder]:
        """The orders of that name; who asks while a search is under way shares the next with others."""
        wanted = _Wanted(key, since_ns, leaving, asyncio.get_running_loop().create_future())
        self._wanted.append(wanted)
        try:
            while not wanted.found.done():
                if self._search is not None:
                    await asyncio.shield(self._search)
                else:
                    await self._search_for_all()
        finally:
            if wanted in self._wanted:
                self._wanted.remove(wanted)
        return wanted.found.result()

    async def _search_for_all(self) -> None:
        batch, self._wanted = self._wanted, []
        search = self._search = asyncio.get_running_loop().create_future()
        try:
            if len(batch) == 1:
                await self._search_filtered(batch[0])
            else:
                await self._search_everything(batch)
        except Error as error:
            for wanted in batch:
                wanted.fail(error)
        finally:
            self._wanted += [wanted for wanted in batch if not wanted.found.done()]
            self._search = None
            search.set_result(None)

    async def _search_filtered(self, wanted: _Wanted) -> None:
        """Open first, closed then: an order goes that way only, so that none slips through in between."""
        key = wanted.key
        client_id, userref = (key.client_id, None) if key.client_id else (None, key.userref)
        found = await self._rest.ask(
            rest_orders.open_orders(self._symbols, userref=userref, client_id=client_id, trades=True),
            Purpose.LOOKUP,
            leaving=wanted.leaving,
        )
        if wanted.take(_filtered_for(client_id, found)):
            return
        page = await self._rest.ask(
            rest_orders.closed_orders(
                self._symbols,
                after_s=_start_s(wanted.since_ns),
                userref=userref,
                client_id=client_id,
                trades=True,
            ),
            Purpose.LOOKUP,
        )
        wanted.take(_filtered_for(client_id, page.rows), last=True)

    async def _search_everything(self, batch: Sequence[_Wanted]) -> None:
        """All orders since the earliest wanted, for many a fraction of what each would cost alone.

        Rows that bear no name at all could be anybody's; whoever was not found is then searched for alone,
        and so is who is left when as many pages have been read: a search alone costs no more than a page.
        """
        found = await self._rest.ask(
            rest_orders.open_orders(self._symbols, trades=True),
            Purpose.LOOKUP,
            leaving=_all_of([wanted.leaving for wanted in batch]),
        )
        nameless = _nameless(found)
        left = [wanted for wanted in batch if not wanted.take(found)]
        offset = 0
        pages = 0
        while left:
            if pages >= len(left):
                nameless = True
                break
            pages += 1
            page = await self._rest.ask(
                rest_orders.closed_orders(
                    self._symbols,
                    after_s=_start_s(min(wanted.since_ns for wanted in left)),
                    offset=offset or None,
                    trades=True,
                ),
                Purpose.LOOKUP,
            )
            offset += len(page.rows)
            nameless = nameless or _nameless(page.rows)
            left = [wanted for wanted in left if not wanted.take(page.rows)]
            counted_out = page.count is not None and offset >= page.count
            if counted_out or (page.count is None and len(page.rows) < PAGE_ROWS):
                break
            if not page.rows:  # the list ends before its count: who is not on it is not missing for certain
                nameless = True
                break
        for wanted in left:
            if nameless:
                await self._search_filtered(wanted)
            else:
                wanted.take((), last=True)

    async def by_id(
        self,
        order_ids: Sequence[str],
        purpose: Purpose,
        known: Collection[str] = (),
        leaving: Callable[[], None] | None = None,
    ) -> list[OrderReport]:
        """Orders by the venue's ids, each preceded by its fills; one the venue does not know is left out."""
        reports: list[OrderReport] = []
        for some in chunks(order_ids, MOST_ORDERS):
            reports += await self._with_fills(await self._queried(some, purpose, leaving), purpose, known)
        return reports

    async def _queried(
        self, order_ids: Sequence[str], purpose: Purpose, leaving: Callable[[], None] | None
    ) -> Sequence[FoundOrder]:
        """assumed: one unknown id may spoil a question about several; each is then asked for alone."""
        query = rest_orders.query_orders(order_ids, self._symbols, trades=True)
        try:
            return await self._rest.ask(query, purpose, leaving=leaving)
        except Rejected as error:
            if not error.text.startswith(_UNKNOWN):
                raise
        if len(order_ids) == 1:
            return []
        return [found for one in order_ids for found in await self._queried([one], purpose, leaving)]

    async def _with_fills(
        self, found: Sequence[FoundOrder], purpose: Purpose, known: Collection[str]
    ) -> list[OrderReport]:
        trade_ids = [one for order in found for one in order.trade_ids if one not in known]
        fills: list[Fill] = []
        for some in chunks(trade_ids, MOST_TRADES):
            told = await self._rest.ask(rest_orders.query_trades(some, self._symbols), purpose)
            fills.extend(told)
        reports: list[OrderReport] = []
        for order in found:
            reports += [_fill_report(fill, order) for fill in fills if fill.order_id == order.report.order_id]
            reports.append(order.report)
        return reports

    async def learn_time(self) -> None:
        """Ask for the venue's time if it is not known to a second; what fails leaves it as it is."""
        sent_ns = self._clock.mono_ns()
        bounds = self._venue_time.bounds_ns(sent_ns)
        if bounds is not None and bounds[1] - bounds[0] <= UNCERTAIN_NS:
            return
        endpoint = rest.time()
        try:
            response = await self._public.send(endpoint.request, Purpose.LOOKUP, Priority.FALLBACK)
            venue_ns = endpoint.answer(response, self._clock.wall_ns()).value
        except Error:
            return
        self._venue_time.sample(sent_ns, self._clock.mono_ns(), venue_ns, venue_ns, NS_PER_S)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An order somebody looks for by name, and what was found."""

    key: OrderKey
    since_ns: int
    leaving: Callable[[], None]
    found: asyncio.Future[Sequence[FoundOrder]]

    def take(self, rows: Sequence[FoundOrder], *, last: bool = False) -> bool:
        """Whether the search is over for it: its order is among these rows, or they are the last."""
        client_id, userref = self.key.client_id, self.key.userref
        if client_id:
            own = [order for order in rows if order.report.client_id == client_id]
        else:
            own = [order for order in rows if order.report.userref == userref]
        over = bool(own) or last
        if over and not self.found.done():
            self.found.set_result(own)
        return over

    def fail(self, error: Error) -> None:
        if not self.found.done():
            self.found.set_exception(error)
            self.found.exception()  # whoever wanted it may have gone


def _nobody() -> None:
    """Nobody wants to know when a look-up leaves."""


def _all_of(leaving: Sequence[Callable[[], None]]) -> Callable[[], None]:
    """One call that tells them all."""

    def tell() -> None:
        for one in leaving:
            one()

    return tell


def _nameless(rows: Sequence[FoundOrder]) -> bool:
    """Whether a row may be anybody's; what the venue made of another order's fill is nobody's."""
    return any(
        (order.report.client_id, order.report.userref, order.report.parent_id) == (None, None, None)
        for order in rows
    )


def _start_s(since_ns: int) -> int:
    return max(0, since_ns // NS_PER_S - BEFORE_S)


def _filtered_for(client_id: str | None, rows: Sequence[FoundOrder]) -> Sequence[FoundOrder]:
    """assumed: a row that tells no client id is of the one that was filtered for."""
    if client_id is None:
        return rows
    return [
        order
        if order.report.client_id is not None
        else replace(order, report=replace(order.report, client_id=client_id))
        for order in rows
    ]


def _fill_report(fill: Fill, order: FoundOrder) -> OrderReport:
    told = order.report
    return OrderReport(
        event=Event.FILL,
        order_id=fill.order_id,
        client_id=told.client_id,
        userref=told.userref,
        symbol=fill.symbol,
        side=fill.side,
        fill=fill,
        venue_ns=fill.venue_ns,
        snapshot=True,
    )

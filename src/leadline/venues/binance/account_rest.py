"""One account as REST describes it: lists, each read to its end, and the account as a whole.

Rule: a list is handed out whole or not at all, and an order that a conditional one has placed is listed under
the name of that one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol, TypeVar

from msgspec.structs import replace

from leadline.clock import Clock
from leadline.errors import CheckFailed, VenueError
from leadline.model.account import (
    AccountConfiguration,
    BalancesSnapshot,
    LedgerEntry,
    MarginMode,
    Position,
    SymbolConfiguration,
)
from leadline.model.order import Fill, OrderReport
from leadline.net.http import Purpose
from leadline.venues.binance import rest_account
from leadline.venues.binance.account_wishes import AccountSnapshot
from leadline.venues.binance.algo_orders import AlgoOrders
from leadline.venues.binance.algo_reports import algo_report, under
from leadline.venues.binance.holdings import balance
from leadline.venues.binance.refusals import Retry, retry_of
from leadline.venues.binance.reports import OrderRow, order_id, order_report
from leadline.venues.binance.rest import Endpoint
from leadline.venues.binance.rest_account import (
    INCOME_A_PAGE,
    KEPT_MS,
    TRADES_A_PAGE,
    WEEK_MS,
    AccountModes,
    Income,
)
from leadline.venues.binance.symbols import SymbolTable
from leadline.venues.binance.user_events import MS

T = TypeVar("T")

FEW_SYMBOLS = 2
"""So many symbols are asked about one by one; the configuration of all is one answer of 100 kB."""


class Asks(Protocol):
    """Asks the venue's REST in the name of the account."""

    async def ask(self, endpoint: Endpoint[T], purpose: Purpose) -> T:
        """What an endpoint answers; raises a Refused, TransportError, ProtocolError or VenueError."""


class AccountRest:
    """Reads and configures the account; `now_ms` is the venue's clock."""

    def __init__(self, rest: Asks, symbols: SymbolTable, algos: AlgoOrders, clock: Clock) -> None:
        self._rest = rest
        self._symbols = symbols
        self._algos = algos
        self._clock = clock

    # Orders

    async def open_orders(self, purpose: Purpose) -> list[OrderReport]:
        """All open orders, conditional ones too."""
        rows, algos = await asyncio.gather(
            self._rest.ask(rest_account.open_orders(), purpose),
            self._rest.ask(rest_account.open_algo_orders(), purpose),
        )
        missing = self._algos.missing(algos)
        await self._find_parents(rows, {algo.wire for algo in missing}, purpose)
        self._algos.listed(algos, missing)
        waiting = [algo_report(algo, self._symbols, snapshot=True) for algo in algos if not algo.engine_id]
        return [*(self._named(row) for row in rows), *waiting]

    async def _find_parents(self, rows: Sequence[OrderRow], wires: set[str], purpose: Purpose) -> None:
        """Learn which open orders were placed by conditional ones, each asked about once, and what has become
        of the conditional orders of these contracts."""
        strangers = [row for row in rows if not self._algos.judged(order_id(row.symbol, row.order_id))]
        for wire in sorted(wires.union(row.symbol for row in strangers)):
            for algo in await self._rest.ask(rest_account.all_algo_orders(wire), purpose):
                self._algos.heard(algo)
        for row in strangers:
            name = order_id(row.symbol, row.order_id)
            if self._algos.parent(name) is None:
                self._algos.plain(name)

    def _named(self, row: OrderRow) -> OrderReport:
        parent = self._algos.parent(order_id(row.symbol, row.order_id))
        report = order_report(row, self._symbols)
        return report if parent is None else under(parent, report)

    async def fills(
        self, since_ns: int, now_ms: int, purpose: Purpose, symbols: Collection[str] = ()
    ) -> list[Fill]:
        """All our fills since then, oldest first; of these symbols, where any are named and still listed."""
        if symbols:
            wires = {self._wire(each) for each in symbols if self._symbols.get(each) is not None}
        else:
            wires = await self._traded(since_ns // MS, now_ms, purpose)
        fills: dict[str, Fill] = {}
        for wire in sorted(wires):
            for start_ms, end_ms in _weeks(since_ns // MS, now_ms):
                for fill in await self._fills(wire, start_ms, end_ms, purpose):
                    fills[fill.exec_id] = fill
        return sorted(fills.values(), key=lambda fill: (fill.venue_ns or 0, fill.trade_id or 0))

    async def _traded(self, since_ms: int, now_ms: int, purpose: Purpose) -> set[str]:
        """The contracts that were traded.

        assumed: such a one has a row of income since then, or a position.
        """
        incomes = await self._incomes(since_ms, now_ms, purpose)
        held = await self._rest.ask(rest_account.positions(self._symbols), purpose)
        return {row.wire for row in incomes if row.wire} | {self._wire(each.symbol) for each in held}

    async def _fills(self, wire: str, start_ms: int, end_ms: int, purpose: Purpose) -> list[Fill]:
        found: list[Fill] = []
        from_id: int | None = None
        while True:
            page = await self._rest.ask(
                rest_account.trades(self._symbols, wire, start_ms, end_ms, from_id), purpose
            )
            found += [self._parented(fill) for fill in page if (fill.venue_ns or 0) <= end_ms * MS]
            if len(page) < TRADES_A_PAGE or (page[-1].venue_ns or 0) > end_ms * MS:
                return found
            from_id = max(fill.trade_id or 0 for fill in page) + 1

    def _parented(self, fill: Fill) -> Fill:
        parent = self._algos.parent(fill.order_id)
        return fill if parent is None else replace(fill, order_id=parent.name)

    # Holdings

    async def balances(self, purpose: Purpose) -> BalancesSnapshot:
        """All balances."""
        held = await self._rest.ask(rest_account.assets(), purpose)
        return BalancesSnapshot(tuple(balance(each.asset, each.qty) for each in held))

    async def ledger(self, since_ns: int, now_ms: int, purpose: Purpose) -> list[LedgerEntry]:
        """All bookings since then, oldest first."""
        return [row.entry for row in await self._incomes(since_ns // MS, now_ms, purpose)]

    async def _incomes(self, since_ms: int, now_ms: int, purpose: Purpose) -> list[Income]:
        rows: dict[str, Income] = {}
        for begin_ms, end_ms in _weeks(since_ms, now_ms):
            start_ms = begin_ms
            while True:
                page = await self._rest.ask(rest_account.income(start_ms, end_ms), purpose)
                rows.update((row.entry.ledger_id, row) for row in page)
                if len(page) < INCOME_A_PAGE:
                    break
                # a page may end within a moment: that moment is asked for again, unless it fills the page
                last_ms = page[-1].at_ms
                start_ms = last_ms if last_ms > start_ms else last_ms + 1
        return sorted(rows.values(), key=lambda row: row.at_ms)

    async def positions(self, purpose: Purpose) -> tuple[Position, ...]:
        """Open positions, with leverage and margin mode."""
        held = await self._rest.ask(rest_account.positions(self._symbols), purpose)
        symbols = await self._symbol_configurations({each.symbol for each in held}, purpose)
        return _configured(held, symbols)

    # Configuration

    async def configuration(self, symbols: Iterable[str], purpose: Purpose) -> AccountConfiguration:
        """How the account trades, with these symbols."""
        modes = await self._rest.ask(rest_account.modes(), purpose)
        return _configuration(modes, await self._symbol_configurations(set(symbols), purpose))

    async def whole_configuration(self, purpose: Purpose) -> AccountConfiguration:
        """How the account trades, with every symbol."""
        modes = await self._rest.ask(rest_account.modes(), purpose)
        return _configuration(modes, await self._every_symbol(purpose))

    async def _every_symbol(self, purpose: Purpose) -> tuple[SymbolConfiguration, ...]:
        return await self._rest.ask(rest_account.symbol_configurations(self._symbols), purpose)

    async def _symbol_configurations(
        self, symbols: set[str], purpose: Purpose
    ) -> tuple[SymbolConfiguration, ...]:
        if len(symbols) > FEW_SYMBOLS:
            return tuple(each for each in await self._every_symbol(purpose) if each.symbol in symbols)
        found: list[SymbolConfiguration] = []
        for symbol in sorted(symbols):
            endpoint = rest_account.symbol_configurations(self._symbols, self._wire(symbol))
            one = await self._rest.ask(endpoint, purpose)
            found += one
        return tuple(found)

    async def set_leverage(self, symbol: str, leverage: int) -> int:
        """Set the leverage of a symbol; raises CheckFailed beyond what its brackets allow."""
        wire = self._symbols.wire(symbol)
        most = await self._rest.ask(rest_account.most_leverage(wire), Purpose.ACCOUNT)
        if not 1 <= leverage <= most:
            raise CheckFailed(f"{symbol}: leverage {leverage} is not between 1 and {most}; give one that is")
        return await self._rest.ask(rest_account.set_leverage(wire, leverage), Purpose.ORDER)

    async def set_margin_mode(self, symbol: str, mode: MarginMode) -> None:
        """Set how a symbol's positions are margined."""
        await self._done(rest_account.set_margin_mode(self._symbols.wire(symbol), mode))

    async def set_hedge(self, on: bool) -> None:
        """Keep long and short positions apart, or not."""
        await self._done(rest_account.set_hedge(on))

    async def _done(self, endpoint: Endpoint[None]) -> None:
        """Already so is done (dossier §8.4)."""
        try:
            await self._rest.ask(endpoint, Purpose.ORDER)
        except VenueError as error:
            if retry_of(error) is not Retry.DONE:
                raise

    # The whole

    async def snapshot(self, purpose: Purpose) -> AccountSnapshot:
        """The account as it stands, nothing in it older than this call."""
        asked_ns = self._clock.mono_ns()
        orders, assets, held, modes, symbols = await asyncio.gather(
            self.open_orders(purpose),
            self._rest.ask(rest_account.assets(), purpose),
            self._rest.ask(rest_account.positions(self._symbols), purpose),
            self._rest.ask(rest_account.modes(), purpose),
            self._every_symbol(purpose),
        )
        return AccountSnapshot(
            tuple(orders), assets, _configured(held, symbols), _configuration(modes, symbols), asked_ns
        )

    def _wire(self, symbol: str) -> str:
        """The venue's name; a symbol that is not listed (any more) is the venue's name already."""
        return symbol if self._symbols.get(symbol) is None else self._symbols.wire(symbol)


def _configuration(modes: AccountModes, symbols: tuple[SymbolConfiguration, ...]) -> AccountConfiguration:
    return AccountConfiguration(modes.dual_side_position, modes.multi_assets_margin, modes.can_trade, symbols)


def _configured(held: Iterable[Position], symbols: Iterable[SymbolConfiguration]) -> tuple[Position, ...]:
    known = {each.symbol: each for each in symbols}
    return tuple(rest_account.configured(each, known) for each in held)


def _weeks(since_ms: int, now_ms: int) -> list[tuple[int, int]]:
    """The spans that one question each may cover, as far back as the venue tells anything."""
    starts = range(max(since_ms, now_ms - KEPT_MS), now_ms + 1, WEEK_MS)
    return [(start_ms, min(start_ms + WEEK_MS - 1, now_ms)) for start_ms in starts]

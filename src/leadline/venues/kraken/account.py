"""One Kraken account behind the ports `Account` and `OrderEntry`; what moves money is in order_entry.

Rule: a list is handed out whole or not at all; every page of it was read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from leadline.clock import NS_PER_S, Clock
from leadline.core.account_session import AccountSession
from leadline.core.venue_time import VenueTime
from leadline.errors import CheckFailed, ConnectFailed, Error
from leadline.model.account import AccountConfiguration, BalancesSnapshot, LedgerEntry, MarginMode, Position
from leadline.model.order import Fill, OrderReport
from leadline.net.http import Http, Purpose
from leadline.venues.kraken import rest_orders, rest_private
from leadline.venues.kraken.account_session import KrakenAccountSession
from leadline.venues.kraken.limits import KeyLimits
from leadline.venues.kraken.order_entry import KrakenOrderEntry
from leadline.venues.kraken.order_lookup import OrderLookup
from leadline.venues.kraken.private_rest import PrivateRest
from leadline.venues.kraken.rest_orders import PAGE_ROWS, Page
from leadline.venues.kraken.rest_private import PrivateEndpoint
from leadline.venues.kraken.symbols import VENUE, SymbolTable
from leadline.venues.ports import RequestSession

T = TypeVar("T")

UNUSED_NS = 600 * NS_PER_S
"""A token that lay unused for so long is not begun with; Kraken forgets it after 900 s (dossier §8)."""


class KrakenAccount(KrakenOrderEntry):
    """Implements `Account` and `OrderEntry` over one key and its private streams.

    A session is authorised before every connect. Who hears CredentialRefused does so as well; if nobody does
    within five seconds the session reconnects.
    """

    name = VENUE
    kept_s: float | None = None

    def __init__(
        self, rest: PrivateRest, public: Http, symbols: SymbolTable, limits: KeyLimits, clock: Clock
    ) -> None:
        venue_time = VenueTime()
        lookup = OrderLookup(rest, public, symbols, clock, venue_time)
        super().__init__(rest, lookup, venue_time, symbols, limits, clock)
        self.credential_failures = 0
        """Tokens of the stream that could not be had so far."""
        self._renewals: dict[KrakenAccountSession, asyncio.Future[Error | None]] = {}

    async def authorise(self, session: AccountSession) -> None:
        """Give a session a fresh token of its own, one request however many ask; unused it lasts 10 minutes.

        Raises what asking REST raises, AuthError where the key must not use the stream; for those who only
        waited for another's request too.
        """
        assert isinstance(session, KrakenAccountSession), "a session of another account"
        renewal = self._renewals.get(session)
        if renewal is not None:
            await self._same_as(renewal)
            return
        if _token_unused(session, self._clock.mono_ns()):
            return
        renewal = self._renewals[session] = asyncio.get_running_loop().create_future()
        outcome: Error | None = ConnectFailed("whoever asked for the token of the stream gave up")
        try:
            token = await self._rest.ask(rest_private.websockets_token(), Purpose.CREDENTIAL)
            outcome = None
        except Error as error:
            self.credential_failures += 1
            outcome = error
            raise
        finally:
            del self._renewals[session]
            renewal.set_result(outcome)
        session.authorise(token.token, self._clock.mono_ns())
        session.poke()

    @property
    def emergency_only(self) -> bool:
        """Whether REST carries nothing but what makes the account safer or tells how it stands."""
        return self._rest.emergency_only

    @emergency_only.setter
    def emergency_only(self, on: bool) -> None:
        self._rest.emergency_only = on

    @property
    def reads_held(self) -> str:
        """Why reads that can wait do not leave by REST now; empty while they do."""
        return self._rest.reads_held

    @reads_held.setter
    def reads_held(self, why: str) -> None:
        self._rest.reads_held = why

    async def fetch_token(self) -> str:
        """A new token for a connection of its own; raises what asking REST raises."""
        return (await self._rest.ask(rest_private.websockets_token(), Purpose.CREDENTIAL)).token

    async def _same_as(self, renewal: asyncio.Future[Error | None]) -> None:
        error = await asyncio.shield(renewal)
        if error is not None:
            raise error

    # Reads

    async def fetch_open_orders(self, purpose: Purpose) -> Sequence[OrderReport]:
        """All open orders (Event.STANDS, `snapshot`)."""
        found = await self._rest.ask(rest_orders.open_orders(self._symbols), purpose)
        return [order.report for order in found]

    async def fetch_orders(self, order_ids: Sequence[str], purpose: Purpose) -> Sequence[OrderReport]:
        """Orders by the venue's ids, each preceded by the reports of its fills."""
        return await self._lookup.by_id(order_ids, purpose)

    async def fetch_fills(
        self, since_ns: int, purpose: Purpose, symbols: Collection[str] = ()
    ) -> Sequence[Fill]:
        """All fills from a Unix time on, oldest first, paged to the end; of these symbols, where any are
        named, though the venue is asked for all."""

        def page(offset: int | None) -> PrivateEndpoint[Page[Fill]]:
            return rest_orders.trades_history(self._symbols, after_s=_before(since_ns), offset=offset)

        fills = {fill.exec_id: fill for fill in await self._paged(page, purpose)}
        wanted = [fill for fill in fills.values() if not symbols or fill.symbol in symbols]
        since = [fill for fill in wanted if (fill.venue_ns or since_ns) >= since_ns]
        return _oldest_first(since, lambda fill: fill.venue_ns)

    def comparable(self, asset: str) -> bool:
        """Whether stream and REST are known to call this asset by one name: a listed pair says so."""
        return self._symbols.trades(asset)

    async def fetch_balances(self, purpose: Purpose) -> BalancesSnapshot:
        """All balances with what open orders hold, earn wallets apart."""
        return await self._rest.ask(rest_private.balance_ex(self._symbols), purpose)

    async def fetch_ledger(self, since_ns: int, purpose: Purpose) -> Sequence[LedgerEntry]:
        """All bookings from a Unix time on, oldest first, paged to the end."""

        def page(offset: int | None) -> PrivateEndpoint[Page[LedgerEntry]]:
            return rest_orders.ledgers(self._symbols, after_s=_before(since_ns), offset=offset)

        entries = {entry.ledger_id: entry for entry in await self._paged(page, purpose)}
        since = [entry for entry in entries.values() if (entry.venue_ns or since_ns) >= since_ns]
        return _oldest_first(since, lambda entry: entry.venue_ns)

    async def fetch_positions(self, purpose: Purpose) -> Sequence[Position]:
        """Open margin positions."""
        return await self._rest.ask(rest_private.open_positions(self._symbols), purpose)

    async def fetch_configuration(
        self, symbols: Sequence[str], purpose: Purpose
    ) -> AccountConfiguration | None:
        """None: Kraken's spot account is not configured for contracts."""
        return None

    async def set_leverage(self, symbol: str, leverage: int) -> int:
        """Raises CheckFailed: Kraken takes the leverage with each order."""
        raise CheckFailed(f"{symbol}: Kraken has no leverage to set beforehand")

    async def set_margin_mode(self, symbol: str, mode: MarginMode) -> None:
        """Raises CheckFailed: positions on the spot have no margin mode."""
        raise CheckFailed(f"{symbol}: Kraken's margin positions have no margin mode to set")

    async def set_hedge(self, on: bool) -> None:
        """Raises CheckFailed: positions on the spot are not kept by side."""
        raise CheckFailed("Kraken has no hedge mode to set")

    def request_session(self) -> RequestSession | None:
        """None: requests leave on the account's own stream."""
        return None

    async def run(self) -> None:
        """Nothing is done beside the sessions: a token lives as long as its connection."""

    async def _paged(
        self, page: Callable[[int | None], PrivateEndpoint[Page[T]]], purpose: Purpose
    ) -> list[T]:
        """All rows, newest first; what is booked meanwhile moves rows to a later page, so some come twice."""
        rows: list[T] = []
        while True:
            found = await self._rest.ask(page(len(rows) or None), purpose)
            rows += found.rows
            whole = len(found.rows) < PAGE_ROWS if found.count is None else len(rows) >= found.count
            if whole or not found.rows:
                return rows


def _oldest_first(rows: list[T], moment: Callable[[T], int | None]) -> list[T]:
    """assumed: the venue tells rows newest first, those of one moment too (one order matches several)."""
    oldest = rows[::-1]
    oldest.sort(key=lambda row: moment(row) or 0)
    return oldest


def _before(since_ns: int) -> int:
    """Unix seconds that everything since then comes after; the venue leaves its `start` itself out."""
    return max(0, since_ns // NS_PER_S - 1)


def _token_unused(session: KrakenAccountSession, now_ns: int) -> bool:
    if session.authorised_ns is None or session.credential_used:
        return False
    return now_ns - session.authorised_ns < UNUSED_NS

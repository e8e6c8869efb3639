"""What the account owns, from the stream while it flows, else from REST; every value with source and age.

Rule: earn wallets are never counted as tradable, and a booking that explains nothing is an event at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal

from msgspec import Struct

from leadline.clock import NS_PER_S, Clock
from leadline.core.account_session import BalancesReported, LedgerReported
from leadline.core.ledger import Drift, Ledger
from leadline.model.account import Balance, BalancesSnapshot, LedgerEntry
from leadline.model.reading import Reading, Source
from leadline.net.http import Purpose
from leadline.venues.ports import Account

REST_TTL_S = 30.0
STREAM_BOUND_S = 5.0
"""The stream's heartbeats come every second; a balance is as fresh as the last of them."""


class BalanceDrift(Struct, frozen=True):
    """The account's bookings and balances do not agree; `drift` has both sides and the delta."""

    drift: Drift


class Booked(Struct, frozen=True):
    """One booking, in the venue's order, each once."""

    entry: LedgerEntry


BalanceEvent = BalanceDrift | Booked


class Balances:
    """The balances of one account.

    `alive_ns` says when the account's stream last showed life, None while it cannot be trusted.
    """

    def __init__(
        self,
        account: Account,
        clock: Clock,
        alive_ns: Callable[[], int | None],
        tell: Callable[[BalanceEvent], None],
    ) -> None:
        self._account = account
        self._clock = clock
        self._alive_ns = alive_ns
        self._tell = tell
        self._ledger = Ledger()
        self._trusted = False
        self._fetched: tuple[BalancesSnapshot, int] | None = None
        self._flight: asyncio.Future[None] | None = None
        self.drifts = 0
        self.booked_ns: int | None = None
        """When a booking last arrived (monotonic)."""

    def __repr__(self) -> str:
        return f"Balances({len(self._ledger.balances())} assets)"

    async def get(self, asset: str, source: Source | None = None) -> Reading[Balance]:
        """One asset's balance; an asset never owned has no wallets.

        `source` forces the stream or a new REST answer; otherwise the stream while it flows, then a REST
        answer of the last 30 s, then a new one. Raises what the request raises.
        """
        everything = await self.all(source)
        return everything.of(everything.value.get(asset) or Balance(asset, (), Decimal(0)))

    async def all(self, source: Source | None = None) -> Reading[Mapping[str, Balance]]:
        """All balances by asset, by the same rule."""
        alive_ns = self._alive_ns()
        if source in (None, Source.STREAM) and self._trusted and alive_ns is not None:
            owned: Mapping[str, Balance] = self._ledger.balances()
            return Reading(owned, Source.STREAM, alive_ns, self._clock, True, STREAM_BOUND_S)
        now_ns = self._clock.mono_ns()
        known = self._fetched
        if source is None and known is not None and now_ns - known[1] <= REST_TTL_S * NS_PER_S:
            return self._of_rest(known, Source.CACHE)
        return self._of_rest(await self.fetch(Purpose.ACCOUNT), Source.REST)

    async def fetch(self, purpose: Purpose) -> tuple[BalancesSnapshot, int]:
        """A new REST answer and when it came; all who ask at once share one request."""
        while self._flight is not None:
            before = self._fetched
            await asyncio.shield(self._flight)
            if self._fetched is not None and self._fetched is not before:
                return self._fetched
        flight = self._flight = asyncio.get_running_loop().create_future()
        try:
            snapshot = await self._account.fetch_balances(purpose)
            self._fetched = (snapshot, self._clock.mono_ns())
            return self._fetched
        finally:
            self._flight = None
            flight.set_result(None)

    def differences(self, snapshot: BalancesSnapshot) -> list[Drift]:
        """Where a REST answer differs from the stream; nothing while the stream has said nothing."""
        return self._ledger.compare(snapshot) if self._trusted else []

    def receive(self, news: BalancesReported | LedgerReported, now_ns: int) -> None:
        """Take in what the stream says of balances."""
        if isinstance(news, BalancesReported):
            # what differs from before was missed in a hole, and that hole has been told already
            self._ledger.open(news.snapshot)
            self._trusted = True
            return
        for entry in news.entries:
            if not self._trusted:
                continue  # the snapshot to come contains it
            repeated = self._ledger.repeated
            drift = self._ledger.book(entry)
            if self._ledger.repeated > repeated:
                continue
            self.booked_ns = now_ns
            self._tell(Booked(entry))
            if drift is not None:
                self.drifts += 1
                self._tell(BalanceDrift(drift))

    def lost(self) -> None:
        """The stream of balances has a hole: it is not trusted before its next snapshot."""
        self._trusted = False

    def _of_rest(
        self, fetched: tuple[BalancesSnapshot, int], source: Source
    ) -> Reading[Mapping[str, Balance]]:
        owned = {balance.asset: balance for balance in fetched[0].balances}
        return Reading(owned, source, fetched[1], self._clock, False, REST_TTL_S)

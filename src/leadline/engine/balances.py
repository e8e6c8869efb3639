"""What the account owns, from the stream while it flows, else from REST; every value with source and age.

Rule: earn wallets are never counted as tradable, and a booking that explains nothing is an event at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from msgspec import Struct

from leadline.clock import Clock
from leadline.core.account_session import BalancesReported, LedgerReported
from leadline.core.ledger import Drift, Ledger
from leadline.engine.kept import Kept
from leadline.model.account import Balance, BalancesSnapshot, LedgerEntry
from leadline.model.reading import UNVALIDATED, Reading, Source
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
        self._kept = Kept(
            "balances",
            REST_TTL_S,
            clock,
            stream=self._of_stream,
            ask=account.fetch_balances,
            form=_by_asset,
            confidence=lambda: self.confidence,
        )
        self.drifts = 0
        self.confidence = UNVALIDATED
        """How far REST bears the stream out, as whoever compares them says."""
        self.booked_ns: int | None = None
        """When a booking last arrived (monotonic)."""

    def __repr__(self) -> str:
        return f"Balances({len(self._ledger.balances())} assets)"

    async def get(self, asset: str, source: Source | None = None) -> Reading[Balance]:
        """One asset's balance; an asset never owned has no wallets.

        The stream while it flows, then a REST answer of the last 30 s, then a new one; with `source` that
        one, or Stale. Raises what the request raises.
        """
        everything = await self.all(source)
        return everything.of(everything.value.get(asset) or Balance(asset, (), Decimal(0)))

    async def all(self, source: Source | None = None) -> Reading[Mapping[str, Balance]]:
        """All balances by asset, by the same rule."""
        return await self._kept.read(source)

    def known(self) -> Reading[Mapping[str, Balance]] | None:
        """The newest balances at hand, however old, without asking anybody; None where there are none yet."""
        return self._kept.known()

    async def fetch(self, purpose: Purpose) -> tuple[BalancesSnapshot, int]:
        """A new REST answer and when it came; all who ask at once share one request."""
        return await self._kept.fetch(purpose)

    def differences(self, snapshot: BalancesSnapshot) -> list[Drift]:
        """Where a REST answer differs from the stream; nothing while the stream has said nothing."""
        if not self._trusted:
            return []
        return [drift for drift in self._ledger.compare(snapshot) if self._account.comparable(drift.asset)]

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

    def _of_stream(self) -> Reading[Mapping[str, Balance]] | None:
        alive_ns = self._alive_ns()
        if not self._trusted or alive_ns is None:
            return None
        owned: Mapping[str, Balance] = self._ledger.balances()
        return Reading(owned, Source.STREAM, alive_ns, self._clock, True, STREAM_BOUND_S, self.confidence)


def _by_asset(snapshot: BalancesSnapshot) -> Mapping[str, Balance]:
    return {balance.asset: balance for balance in snapshot.balances}

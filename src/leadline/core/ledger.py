"""What an account owns, kept by its bookings: each counts once and must explain the balance it names.

Rule: the venue's balance is the truth; where ours plus the booking is another, both are told as a drift.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from leadline.model.account import Balance, BalancesSnapshot, LedgerEntry, Wallet, WalletKind

KEPT_IDS = 10_000
"""Bookings remembered so that none counts twice; a snapshot forgets them all."""

_ZERO = Decimal(0)
_VIEW = "another view of the account"
_Place = tuple[str, WalletKind, str]


class Drift(Struct, frozen=True):
    """One wallet of one asset of which we and the venue think differently; `delta` is theirs less ours."""

    asset: str
    wallet: str
    ours: Decimal
    theirs: Decimal
    why: str

    @property
    def delta(self) -> Decimal:
        return self.theirs - self.ours


class Ledger:
    """The wallets of one account."""

    def __init__(self) -> None:
        self.opened = False
        """Whether a snapshot has been taken over; bookings before it mean nothing."""
        self.repeated = 0
        """Bookings that came again and were left out."""
        self._wallets: dict[_Place, Decimal] = {}
        self._held: dict[str, Decimal] = {}
        self._booked: OrderedDict[str, None] = OrderedDict()

    def open(self, snapshot: BalancesSnapshot) -> list[Drift]:
        """Take a snapshot over; returns where it differs from what the bookings had led to."""
        told = _places(snapshot.balances)
        drifts = self.compare(snapshot) if self.opened else []
        self.opened = True
        self._wallets = told
        self._held = {one.asset: one.held for one in snapshot.balances if one.held is not None}
        self._booked.clear()
        return drifts

    def compare(self, snapshot: BalancesSnapshot) -> list[Drift]:
        """Where another view of the account differs from this one, to the last digit.

        Spot and earn are compared as wholes: the venue's paths name wallets differently.
        """
        ours, theirs = _by_kind(self._wallets), _by_kind(_places(snapshot.balances))
        return [
            Drift(asset, kind.value, ours.get((asset, kind), _ZERO), theirs.get((asset, kind), _ZERO), _VIEW)
            for asset, kind in sorted({*ours, *theirs}, key=str)
            if ours.get((asset, kind), _ZERO) != theirs.get((asset, kind), _ZERO)
        ]

    def book(self, entry: LedgerEntry) -> Drift | None:
        """Count a booking; returns the drift if it does not explain the balance it names.

        A booking without a wallet is taken to be of the first spot wallet; one that names no balance leads
        to what it explains.
        """
        if entry.ledger_id in self._booked:
            self.repeated += 1
            return None
        self._booked[entry.ledger_id] = None
        if len(self._booked) > KEPT_IDS:
            self._booked.popitem(last=False)
        kind, name = (WalletKind.SPOT, "main") if entry.wallet is None else _where(entry.wallet)
        place = (entry.asset, kind, name)
        expected = self._wallets.get(place, _ZERO) + entry.amount - entry.fee
        self._wallets[place] = expected if entry.balance is None else entry.balance
        self._held.pop(entry.asset, None)
        if entry.balance is None or expected == entry.balance:
            return None
        why = f"booking {entry.ledger_id} ({entry.kind} {entry.amount}, fee {entry.fee})"
        return Drift(entry.asset, _named(place), expected, entry.balance, why)

    def balance(self, asset: str) -> Balance:
        """One asset; without a wallet where the account has never had any."""
        wallets = [
            Wallet(kind, name, qty) for (owned, kind, name), qty in self._wallets.items() if owned == asset
        ]
        return Balance(asset, tuple(wallets), self._held.get(asset))

    def balances(self) -> dict[str, Balance]:
        """Every asset, by its name."""
        return {asset: self.balance(asset) for asset in sorted({place[0] for place in self._wallets})}


def _places(balances: Iterable[Balance]) -> dict[_Place, Decimal]:
    return {
        (balance.asset, wallet.kind, wallet.name): wallet.qty
        for balance in balances
        for wallet in balance.wallets
    }


def _where(wallet: Wallet) -> tuple[WalletKind, str]:
    return wallet.kind, wallet.name


def _by_kind(wallets: dict[_Place, Decimal]) -> dict[tuple[str, WalletKind], Decimal]:
    sums: dict[tuple[str, WalletKind], Decimal] = {}
    for (asset, kind, _), qty in wallets.items():
        sums[asset, kind] = sums.get((asset, kind), _ZERO) + qty
    return sums


def _named(place: _Place) -> str:
    return f"{place[1].value}/{place[2]}"

"""What an account owns, wallet by wallet, and each booking that changed it."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

from msgspec import Struct


class WalletKind(Enum):
    """Whether what lies in a wallet can be traded."""

    SPOT = "spot"
    EARN = "earn"


class Wallet(Struct, frozen=True):
    """One wallet's holding of one asset; `name` is the venue's, such as `main` or `flexible`."""

    kind: WalletKind
    name: str
    qty: Decimal


class Balance(Struct, frozen=True):
    """All of one asset. `held` is what open orders bind, None where the source does not say."""

    asset: str
    wallets: tuple[Wallet, ...]
    held: Decimal | None = None

    @property
    def total(self) -> Decimal:
        """Over all wallets."""
        return sum((wallet.qty for wallet in self.wallets), Decimal(0))

    @property
    def tradable(self) -> Decimal:
        """What lies in spot wallets, what open orders bind included."""
        return self._sum(WalletKind.SPOT)

    @property
    def earn(self) -> Decimal:
        """What lies in earn wallets; it cannot be traded."""
        return self._sum(WalletKind.EARN)

    @property
    def available(self) -> Decimal | None:
        """What a new order may use; None where the holds are not known."""
        return None if self.held is None else self.tradable - self.held

    def _sum(self, kind: WalletKind) -> Decimal:
        return sum((wallet.qty for wallet in self.wallets if wallet.kind is kind), Decimal(0))


class BalancesSnapshot(Struct, frozen=True):
    """Everything the account owns at one moment."""

    balances: tuple[Balance, ...]
    venue_ns: int | None = None


class LedgerEntry(Struct, frozen=True, kw_only=True):
    """One booking: the wallet changed by amount − fee and holds `balance` afterwards (dossier §9.2)."""

    ledger_id: str
    ref_id: str
    kind: str
    asset: str
    wallet: Wallet | None
    """The wallet as it is afterwards; None where the source does not name one (REST)."""
    amount: Decimal
    fee: Decimal
    balance: Decimal
    subtype: str = ""
    venue_ns: int | None = None


class Position(Struct, frozen=True, kw_only=True):
    """One open margin position, as the venue describes it."""

    position_id: str
    order_id: str
    symbol: str
    side: str
    qty: Decimal
    qty_closed: Decimal
    cost: Decimal
    fee: Decimal
    margin: Decimal
    net: Decimal | None = None
    venue_ns: int | None = None

"""What an account owns, wallet by wallet, and each booking that changed it."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

from msgspec import Struct

from leadline.model.order import PositionSide


class WalletKind(Enum):
    """Whether what lies in a wallet can be traded."""

    SPOT = "spot"
    EARN = "earn"
    FUTURES = "futures"


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
        """What lies in wallets that can be traded with, what open orders bind included."""
        return self._sum(WalletKind.SPOT) + self._sum(WalletKind.FUTURES)

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
    """One booking: the wallet changed by amount − fee and holds `balance` afterwards (dossier §9.2).

    `balance` is None where the source does not say (Binance's REST).
    """

    ledger_id: str
    ref_id: str
    kind: str
    asset: str
    wallet: Wallet | None
    """The wallet as it is afterwards; None where the source does not name one (REST)."""
    amount: Decimal
    fee: Decimal
    balance: Decimal | None
    subtype: str = ""
    venue_ns: int | None = None


class MarginMode(Enum):
    """Whether a position's loss can take all of the account's margin, or only what was set aside for it."""

    CROSS = "cross"
    ISOLATED = "isolated"


class Position(Struct, frozen=True, kw_only=True):
    """One open position as the venue describes it; what it does not say is None.

    `qty` is in base currency, negative when short. `unrealised` and `realised` are in `settle` (Kraken: the
    quote currency), `realised` before fees. Kraken keeps a position for each opening order (`position_id`,
    `order_id`, `cost`, `fee`); Binance one for each symbol, in hedge mode one for each `side`.
    """

    symbol: str
    qty: Decimal
    side: PositionSide = PositionSide.NET
    entry_price: Decimal | None = None
    break_even_price: Decimal | None = None
    mark_price: Decimal | None = None
    liquidation_price: Decimal | None = None
    unrealised: Decimal | None = None
    realised: Decimal | None = None
    margin_mode: MarginMode | None = None
    isolated_margin: Decimal | None = None
    margin: Decimal | None = None
    leverage: int | None = None
    settle: str | None = None
    position_id: str = ""
    order_id: str = ""
    cost: Decimal | None = None
    fee: Decimal | None = None
    venue_ns: int | None = None


class SymbolConfiguration(Struct, frozen=True):
    """How positions of one symbol are margined."""

    symbol: str
    leverage: int
    margin_mode: MarginMode


class AccountConfiguration(Struct, frozen=True):
    """How the account as a whole trades contracts.

    `hedge`: long and short positions of one symbol are kept apart. `multi_assets`: margin is shared between
    assets. `symbols` tells of those that were asked for or have a position.
    """

    hedge: bool
    multi_assets: bool
    can_trade: bool
    symbols: tuple[SymbolConfiguration, ...] = ()

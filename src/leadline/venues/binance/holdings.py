"""Balances and positions of one account, from a snapshot by REST and the changes its stream tells.

Rule: of two values of one row the one of the later venue time counts, and each change of a balance is a
booking by exactly the difference.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from leadline.model.account import (
    AccountConfiguration,
    Balance,
    BalancesSnapshot,
    LedgerEntry,
    MarginMode,
    Position,
    Wallet,
    WalletKind,
)
from leadline.model.order import PositionSide
from leadline.venues.binance.user_events import MS, AccountUpdate, BalanceRow, Names, number, position

WALLET = "futures"

_Key = tuple[str, PositionSide]


class AssetHeld(Struct, frozen=True):
    """The wallet's balance of one asset, and when it last changed (venue time, 0 where it never did)."""

    asset: str
    qty: Decimal
    at_ms: int


class Changes(Struct, frozen=True):
    """What one ACCOUNT_UPDATE has changed."""

    entries: tuple[LedgerEntry, ...]
    positions: tuple[Position, ...]

    def contradicts(self, configuration: AccountConfiguration) -> bool:
        """Whether these positions cannot be, as the account is known to trade."""
        modes = {each.symbol: each.margin_mode for each in configuration.symbols}
        return any(
            (each.qty and (each.side is PositionSide.NET) is configuration.hedge)
            or _differ(each.margin_mode, modes.get(each.symbol))
            for each in self.positions
        )


def _differ(one: MarginMode | None, other: MarginMode | None) -> bool:
    return one is not None and other is not None and one is not other


class _Held(Struct):
    qty: Decimal
    at_ms: int
    streamed: bool


class _Placed(Struct):
    position: Position
    at_ms: int
    streamed: bool
    heard_ns: int


class Holdings:
    """What one connection knows.

    assumed: the time of a row of REST is that of the last event that changed it.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._balances: dict[str, _Held] = {}
        self._positions: dict[_Key, _Placed] = {}
        self._opened = False

    def forget(self) -> None:
        """The connection is another: nothing is known."""
        self._balances.clear()
        self._positions.clear()
        self._opened = False

    def open(
        self, assets: tuple[AssetHeld, ...], positions: tuple[Position, ...], asked_ns: int
    ) -> tuple[BalancesSnapshot, tuple[Position, ...]]:
        """Take a snapshot over; returns it with what the stream has told later in its place."""
        self._opened = True
        return self._open_balances(assets), self._open_positions(positions, asked_ns)

    def changed(self, event: AccountUpdate, now_ns: int) -> Changes:
        """What an event changes; before the first snapshot a balance has no booking.

        Raises ValueError for a row that cannot be read; the event is then left out whole.
        """
        wallets = [(row, _wallet_balance(row)) for row in event.a.B]
        moved = [position(row, event.T, self._names) for row in event.a.P]
        entries = [entry for row, qty in wallets if (entry := self._booked(event, row, qty)) is not None]
        fresh = [each for each in moved if self._moved(each, event.T, now_ns)]
        return Changes(tuple(entries), tuple(fresh))

    def _booked(self, event: AccountUpdate, row: BalanceRow, qty: Decimal) -> LedgerEntry | None:
        known = self._balances.get(row.a)
        if known is not None and not _newer(event.T, known.at_ms, known.streamed):
            return None
        before = Decimal(0) if known is None else known.qty
        self._balances[row.a] = _Held(qty, event.T, True)
        if not self._opened or qty == before:
            return None
        return LedgerEntry(
            ledger_id=f"{event.T}:{event.E}:{event.a.m}:{row.a}:{qty}",
            ref_id=str(event.T),
            kind=event.a.m,
            asset=row.a,
            wallet=Wallet(WalletKind.FUTURES, WALLET, qty),
            amount=qty - before,
            fee=Decimal(0),
            balance=qty,
            subtype=event.a.S or "",
            venue_ns=event.T * MS,
        )

    def _moved(self, told: Position, at_ms: int, now_ns: int) -> bool:
        key = (told.symbol, told.side)
        known = self._positions.get(key)
        if known is not None and not _newer(at_ms, known.at_ms, known.streamed):
            return False
        self._positions[key] = _Placed(told, at_ms, True, now_ns)
        return True

    def _open_balances(self, told: tuple[AssetHeld, ...]) -> BalancesSnapshot:
        for row in told:
            known = self._balances.get(row.asset)
            if known is None or known.at_ms <= row.at_ms:
                self._balances[row.asset] = _Held(row.qty, row.at_ms, False)
        return BalancesSnapshot(
            tuple(balance(asset, held.qty) for asset, held in sorted(self._balances.items()))
        )

    def _open_positions(self, told: tuple[Position, ...], asked_ns: int) -> tuple[Position, ...]:
        rows = {(each.symbol, each.side): each for each in told}
        for key, known in tuple(self._positions.items()):
            if key not in rows and known.heard_ns < asked_ns:
                del self._positions[key]
        for key, each in rows.items():
            at_ms = (each.venue_ns or 0) // MS
            before = self._positions.get(key)
            if before is None or before.at_ms <= at_ms:
                self._positions[key] = _Placed(each, at_ms, False, asked_ns)
        return tuple(placed.position for placed in self._positions.values() if placed.position.qty)


def _newer(at_ms: int, known_ms: int, streamed: bool) -> bool:
    """Two events of one moment come in their order; a row of REST has all of its moment."""
    return at_ms > known_ms or (streamed and at_ms == known_ms)


def _wallet_balance(row: BalanceRow) -> Decimal:
    qty = number(row.wb)
    if qty is None:
        raise ValueError(f"a balance of {row.a} without its amount")
    return qty


def balance(asset: str, qty: Decimal) -> Balance:
    """The one wallet of an asset; what open orders bind is margin of all assets together, and not told."""
    return Balance(asset, (Wallet(WalletKind.FUTURES, WALLET, qty),))

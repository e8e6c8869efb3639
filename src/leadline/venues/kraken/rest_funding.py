"""Endpoints that tell of deposits and withdrawals (dossier §14.4); none of them moves anything.

Rule: a deposit address is shown, never made: asking for a new one is left out.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Raw, Struct, field

from leadline.clock import NS_PER_S
from leadline.net.http import Purpose
from leadline.venues.kraken.rest_private import READ_COST, PrivateEndpoint, asset_of, decode, finite, given
from leadline.venues.kraken.symbols import SymbolTable


class DepositMethod(Struct, frozen=True):
    """A way to pay in; `limit` is what may be paid in at present, None without one."""

    method: str
    limit: Decimal | None
    minimum: Decimal | None
    fee: Decimal | None


class _DepositMethodRow(Struct):
    method: str
    limit: Decimal | bool = False
    minimum: Decimal | None = None
    fee: Decimal | None = None


def deposit_methods(rest_asset: str) -> PrivateEndpoint[tuple[DepositMethod, ...]]:
    """The ways to pay an asset in."""

    def read(result: Raw) -> tuple[DepositMethod, ...]:
        rows = decode(result, tuple[_DepositMethodRow, ...])
        return tuple(
            DepositMethod(
                row.method, None if isinstance(row.limit, bool) else row.limit, row.minimum, row.fee
            )
            for row in rows
        )

    return PrivateEndpoint("DepositMethods", given(asset=rest_asset), READ_COST, Purpose.ADMINISTRATION, read)


class DepositAddress(Struct, frozen=True):
    """Where to pay in; `tag` or `memo` belongs to it where it is not empty."""

    address: str
    tag: str = ""
    memo: str = ""


def deposit_addresses(rest_asset: str, method: str) -> PrivateEndpoint[tuple[DepositAddress, ...]]:
    """The addresses there are for one method."""
    return PrivateEndpoint(
        "DepositAddresses",
        given(asset=rest_asset, method=method),
        READ_COST,
        Purpose.ADMINISTRATION,
        lambda result: decode(result, tuple[DepositAddress, ...]),
    )


class Transfer(Struct, frozen=True):
    """One deposit or withdrawal; `status` and `note` in the venue's words, `tx_id` that of the chain."""

    asset: str
    method: str
    ref_id: str
    tx_id: str
    amount: Decimal
    fee: Decimal | None
    status: str
    note: str
    venue_ns: int


class _TransferRow(Struct):
    asset: str
    method: str
    refid: str
    amount: Decimal
    time: int
    status: str
    txid: str | None = None
    fee: Decimal | None = None
    note: str = field(default="", name="status-prop")


def deposit_status(
    symbols: SymbolTable, *, rest_asset: str | None = None, after_s: int | None = None
) -> PrivateEndpoint[tuple[Transfer, ...]]:
    """Recent deposits, newest first."""
    return _transfers("DepositStatus", symbols, rest_asset, after_s)


def withdraw_status(
    symbols: SymbolTable, *, rest_asset: str | None = None, after_s: int | None = None
) -> PrivateEndpoint[tuple[Transfer, ...]]:
    """Recent withdrawals, newest first."""
    return _transfers("WithdrawStatus", symbols, rest_asset, after_s)


def _transfers(
    name: str, symbols: SymbolTable, rest_asset: str | None, after_s: int | None
) -> PrivateEndpoint[tuple[Transfer, ...]]:
    def read(result: Raw) -> tuple[Transfer, ...]:
        return tuple(_transfer(row, symbols) for row in decode(result, tuple[_TransferRow, ...]))

    fields = given(asset=rest_asset, start=after_s)
    return PrivateEndpoint(name, fields, READ_COST, Purpose.ADMINISTRATION, read)


def _transfer(row: _TransferRow, symbols: SymbolTable) -> Transfer:
    return Transfer(
        asset=asset_of(row.asset, symbols),
        method=row.method,
        ref_id=row.refid,
        tx_id=row.txid or "",
        amount=finite(row.amount),
        fee=None if row.fee is None else finite(row.fee),
        status=row.status,
        note=row.note,
        venue_ns=row.time * NS_PER_S,
    )


class WithdrawMethod(Struct, frozen=True):
    """A way to pay out, and the least that can be."""

    asset: str
    method: str
    network: str | None
    minimum: Decimal


def withdraw_methods(
    symbols: SymbolTable, *, rest_asset: str | None = None
) -> PrivateEndpoint[tuple[WithdrawMethod, ...]]:
    """The ways to pay out."""

    def read(result: Raw) -> tuple[WithdrawMethod, ...]:
        rows = decode(result, tuple[WithdrawMethod, ...])
        return tuple(
            WithdrawMethod(asset_of(row.asset, symbols), row.method, row.network, finite(row.minimum))
            for row in rows
        )

    fields = given(asset=rest_asset)
    return PrivateEndpoint("WithdrawMethods", fields, READ_COST, Purpose.ADMINISTRATION, read)


class WithdrawAddress(Struct, frozen=True):
    """An address registered with the venue, under its name `key`."""

    asset: str
    method: str
    key: str
    address: str
    verified: bool = False
    memo: str = ""


def withdraw_addresses(
    symbols: SymbolTable, *, rest_asset: str | None = None
) -> PrivateEndpoint[tuple[WithdrawAddress, ...]]:
    """The addresses registered with the venue."""

    def read(result: Raw) -> tuple[WithdrawAddress, ...]:
        rows = decode(result, tuple[WithdrawAddress, ...])
        return tuple(
            WithdrawAddress(
                asset_of(row.asset, symbols), row.method, row.key, row.address, row.verified, row.memo
            )
            for row in rows
        )

    fields = given(asset=rest_asset)
    return PrivateEndpoint("WithdrawAddresses", fields, READ_COST, Purpose.ADMINISTRATION, read)


class WithdrawQuote(Struct, frozen=True):
    """What a withdrawal would cost; nothing is withdrawn."""

    method: str
    limit: Decimal
    amount: Decimal
    fee: Decimal


def withdraw_info(rest_asset: str, key: str, amount: Decimal) -> PrivateEndpoint[WithdrawQuote]:
    """What a withdrawal to the registered address `key` would cost."""
    return PrivateEndpoint(
        "WithdrawInfo",
        given(asset=rest_asset, key=key, amount=format(amount, "f")),
        READ_COST,
        Purpose.ADMINISTRATION,
        lambda result: decode(result, WithdrawQuote),
    )

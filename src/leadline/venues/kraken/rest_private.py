"""Kraken's private endpoints as values, and those that read what an account has (dossier §14.2).

Rule: what is not in `NAMES` cannot be asked for, and nothing in `NAMES` moves funds out of the account.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec import field as named

from leadline.clock import NS_PER_S
from leadline.errors import ProtocolError, UnknownSymbol
from leadline.model.account import Balance, BalancesSnapshot, Position, Wallet, WalletKind
from leadline.net.http import Purpose, Response
from leadline.venues.kraken.rest import Answer, read_answer
from leadline.venues.kraken.symbols import SymbolTable, symbol_of
from leadline.venues.kraken.times import seconds_to_ns

T = TypeVar("T")

PATH = "/0/private/"

NAMES = frozenset(
    {
        "Balance", "BalanceEx", "TradeBalance", "OpenOrders", "ClosedOrders", "QueryOrders", "OrderAmends",
        "TradesHistory", "QueryTrades", "OpenPositions", "Ledgers", "QueryLedgers", "TradeVolume",
        "GetApiKeyInfo", "GetWebSocketsToken", "AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder",
        "CancelOrder", "CancelOrderBatch", "CancelAll", "CancelAllOrdersAfter", "DepositMethods",
        "DepositAddresses", "DepositStatus", "WithdrawMethods", "WithdrawAddresses", "WithdrawInfo",
        "WithdrawStatus",
    }
)  # fmt: skip
"""Every private endpoint that can be asked for; the four about withdrawals only tell of them."""

HISTORY_COST = 4.0
ORDERS_COST = 2.0
READ_COST = 1.0
TRADING_COST = 0.0
"""Points of the REST counter; where its documents differ the dearer is taken (dossier §13.4)."""

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PrivateEndpoint(Generic[T]):
    """One private request without its nonce, and the reading of its `result`.

    `nested` are further members as JSON texts; with them the body is JSON, else a form. The answer to a
    `secret` one is kept out of errors. Raises ValueError for a name outside `NAMES`.
    """

    name: str
    fields: Fields
    cost: float
    purpose: Purpose
    """Why it is asked, unless the asker says otherwise."""
    read: Callable[[Raw], T]
    nested: Fields = ()
    secret: bool = False

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"{self.name} is no private endpoint that may be asked for")

    @property
    def masked(self) -> Fields:
        """The parameters as they may be shown: names of withdrawal addresses are left out."""
        shown = tuple((name, "***" if name == "key" else value) for name, value in self.fields)
        return shown + self.nested

    def answer(self, response: Response, wall_ns: int) -> Answer[T]:
        """The typed answer; raises as `rest.read_answer` does."""
        try:
            return read_answer(self.name, self.read, response, wall_ns)
        except ProtocolError as error:
            if not self.secret:
                raise
            withheld = ProtocolError(str(error))
        raise withheld


def decode(raw: Raw, kind: type[T]) -> T:
    """A part of an answer as a type; raises as msgspec does."""
    return msgspec.json.decode(raw, type=kind)


def finite(number: Decimal) -> Decimal:
    """The number; ValueError for the texts that a Decimal takes but no amount means."""
    if not number.is_finite():
        raise ValueError(f"{number} is no amount")
    return number


def given(**fields: object) -> Fields:
    """The fields that are not None, as texts; a bool is `true` or `false`."""
    return tuple(
        (name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in fields.items()
        if value is not None
    )


# Names


EARN_SUFFIXES = frozenset("FSMBPT")
"""Ends of asset names that stand for a wallet outside trading: `XBT.F`, `DOT.S` (dossier §17)."""


def asset_of(rest_name: str, symbols: SymbolTable) -> str:
    """Our name of a REST asset: by Kraken's table, else XBT and XDG renamed, else as it is."""
    try:
        return symbols.asset(rest_name)
    except UnknownSymbol:
        return symbol_of(rest_name)


def holding(rest_name: str, symbols: SymbolTable) -> tuple[str, WalletKind, str]:
    """Which asset, in which kind of wallet, of which name: `XBT.F` is BTC in the earn wallet `F`."""
    base, dot, suffix = rest_name.rpartition(".")
    if dot and base and suffix in EARN_SUFFIXES:
        return asset_of(base, symbols), WalletKind.EARN, suffix
    return asset_of(rest_name, symbols), WalletKind.SPOT, "main"


def pair_of(rest_name: str, symbols: SymbolTable) -> str:
    """Our symbol of a pair as REST spells it; assumed: a pair not listed any more keeps the venue's name."""
    try:
        return symbols.resolve(rest_name)
    except UnknownSymbol:
        return rest_name


# Balances


def balance(symbols: SymbolTable) -> PrivateEndpoint[BalancesSnapshot]:
    """What the account owns; it does not say what open orders hold."""

    def read(result: Raw) -> BalancesSnapshot:
        rows = decode(result, dict[str, Decimal])
        return _snapshot({name: (qty, None) for name, qty in rows.items()}, symbols)

    return PrivateEndpoint("Balance", (), READ_COST, Purpose.ACCOUNT, read)


class _Extended(Struct):
    balance: Decimal
    hold_trade: Decimal = Decimal(0)


def balance_ex(symbols: SymbolTable) -> PrivateEndpoint[BalancesSnapshot]:
    """What the account owns and what open orders hold of it; a credit line is not counted."""

    def read(result: Raw) -> BalancesSnapshot:
        rows = decode(result, dict[str, _Extended])
        return _snapshot({name: (row.balance, row.hold_trade) for name, row in rows.items()}, symbols)

    return PrivateEndpoint("BalanceEx", (), READ_COST, Purpose.ACCOUNT, read)


def _snapshot(rows: dict[str, tuple[Decimal, Decimal | None]], symbols: SymbolTable) -> BalancesSnapshot:
    wallets: dict[str, list[Wallet]] = {}
    held: dict[str, Decimal | None] = {}
    for name, (qty, hold) in rows.items():
        asset, kind, wallet = holding(name, symbols)
        wallets.setdefault(asset, []).append(Wallet(kind, wallet, finite(qty)))
        known = held.setdefault(asset, None)
        if hold is not None:
            held[asset] = finite(hold) if known is None else known + finite(hold)
    return BalancesSnapshot(tuple(Balance(asset, tuple(own), held[asset]) for asset, own in wallets.items()))


class TradeBalance(Struct, frozen=True):
    """The margin account in one currency; `margin_level_pct` is None without a position."""

    equivalent_balance: Decimal = named(name="eb")
    trade_balance: Decimal = named(name="tb")
    margin_used: Decimal = named(name="m")
    unrealized_pnl: Decimal = named(name="n")
    cost_basis: Decimal = named(name="c")
    valuation: Decimal = named(name="v")
    equity: Decimal = named(name="e")
    free_margin: Decimal = named(name="mf")
    margin_level_pct: Decimal | None = named(name="ml", default=None)
    unexecuted_value: Decimal | None = named(name="uv", default=None)


def trade_balance(rest_asset: str | None = None) -> PrivateEndpoint[TradeBalance]:
    """The margin account, in US dollars unless a REST asset id is given."""
    return PrivateEndpoint(
        "TradeBalance", given(asset=rest_asset), READ_COST, Purpose.ACCOUNT,
        lambda result: decode(result, TradeBalance),
    )  # fmt: skip


# Positions


class _PositionRow(Struct):
    ordertxid: str
    pair: str
    time: Decimal
    type: str
    cost: Decimal
    fee: Decimal
    vol: Decimal
    vol_closed: Decimal
    margin: Decimal
    net: Decimal | None = None


def open_positions(symbols: SymbolTable) -> PrivateEndpoint[tuple[Position, ...]]:
    """Open margin positions one by one, with their unrealised profit."""

    def read(result: Raw) -> tuple[Position, ...]:
        rows = decode(result, dict[str, _PositionRow])
        return tuple(_position(name, row, symbols) for name, row in rows.items())

    return PrivateEndpoint("OpenPositions", given(docalcs=True), READ_COST, Purpose.ACCOUNT, read)


def _position(name: str, row: _PositionRow, symbols: SymbolTable) -> Position:
    left = finite(row.vol) - finite(row.vol_closed)
    return Position(
        position_id=name,
        order_id=row.ordertxid,
        symbol=pair_of(row.pair, symbols),
        qty=left if row.type == "buy" else -left,
        cost=finite(row.cost),
        fee=finite(row.fee),
        margin=finite(row.margin),
        unrealised=None if row.net is None else finite(row.net),
        venue_ns=seconds_to_ns(row.time),
    )


# Fees


class FeeStep(Struct, frozen=True):
    """What one pair costs now, in percent, and from which 30-day volume it costs less."""

    pct: Decimal = named(name="fee")
    next_pct: Decimal | None = named(name="nextfee", default=None)
    next_volume: Decimal | None = named(name="nextvolume", default=None)


class TradeVolume(Struct, frozen=True):
    """The 30-day volume that sets the fees, and the fees of the pairs asked for by symbol."""

    currency: str
    volume: Decimal
    taker: dict[str, FeeStep]
    maker: dict[str, FeeStep]


class _VolumeRow(Struct):
    currency: str
    volume: Decimal
    fees: dict[str, FeeStep] | None = None
    fees_maker: dict[str, FeeStep] | None = None


def trade_volume(rest_pairs: tuple[str, ...], symbols: SymbolTable) -> PrivateEndpoint[TradeVolume]:
    """The volume of 30 days, and the fees of pairs given by their REST keys."""

    def read(result: Raw) -> TradeVolume:
        row = decode(result, _VolumeRow)
        taker, maker = (
            {pair_of(name, symbols): step for name, step in (steps or {}).items()}
            for steps in (row.fees, row.fees_maker)
        )
        return TradeVolume(asset_of(row.currency, symbols), finite(row.volume), taker, maker)

    fields = given(pair=",".join(rest_pairs) or None)
    return PrivateEndpoint("TradeVolume", fields, READ_COST, Purpose.ACCOUNT, read)


# The key and its token


class KeyInfo(Struct, frozen=True):
    """What the key may do; the key itself is left out. A `valid_until_s` of 0 is for ever."""

    permissions: tuple[str, ...]
    name: str = named(name="apiKeyName", default="")
    nonce_window: Decimal = named(name="nonceWindow", default=Decimal(0))
    valid_until_s: Decimal = named(name="validUntil", default=Decimal(0))


def key_info() -> PrivateEndpoint[KeyInfo]:
    """The permissions and the nonce window of the key that asks; any key may ask."""
    return PrivateEndpoint(
        "GetApiKeyInfo", (), READ_COST, Purpose.ACCOUNT, lambda result: decode(result, KeyInfo), secret=True
    )


@dataclass(frozen=True, slots=True)
class StreamToken:
    """What a private stream is opened with, and for how long it may lie unused (dossier §8)."""

    token: str = field(repr=False)
    unused_ns: int


class _TokenRow(Struct):
    token: str
    expires: int


def websockets_token() -> PrivateEndpoint[StreamToken]:
    """A fresh token for the private stream."""

    def read(result: Raw) -> StreamToken:
        row = decode(result, _TokenRow)
        if not row.token:
            raise ValueError("the token is empty")
        return StreamToken(row.token, row.expires * NS_PER_S)

    return PrivateEndpoint("GetWebSocketsToken", (), READ_COST, Purpose.CREDENTIAL, read, secret=True)

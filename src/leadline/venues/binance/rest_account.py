"""Binance's endpoints that read and configure an account, as values (dossier §7, §8, §9).

Rule: an answer is read whole or not at all, and nothing here moves funds out of the account.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from leadline.model.account import LedgerEntry, MarginMode, Position, SymbolConfiguration
from leadline.model.order import Fill
from leadline.net.http import Request
from leadline.venues.binance import algo_reports, reports
from leadline.venues.binance.algo_reports import Algo
from leadline.venues.binance.holdings import AssetHeld
from leadline.venues.binance.reports import OrderRow
from leadline.venues.binance.rest import Endpoint
from leadline.venues.binance.trading_calls import TradingCall
from leadline.venues.binance.user_events import (
    MS,
    POSITION_SIDES,
    Names,
    margin_mode,
    number,
    symbol_of,
)

TRADES_A_PAGE = 1000
INCOME_A_PAGE = 1000
WEEK_MS = 7 * 86_400_000
"""The longest span one question about trades may have (dossier §8.5)."""

KEPT_MS = 90 * 86_400_000
"""So far back trades and income are told (§8.5, §8.6); assumed: "three months" are no shorter than that."""


def _get(path: str, cost: float, *query: tuple[str, str]) -> Request:
    return Request("GET", path, query, cost=cost)


def _post(path: str, *query: tuple[str, str]) -> Request:
    return Request("POST", path, query, cost=1.0)


# The key of the stream: named by the API key alone, not signed


class _Key(Struct, rename="camel"):
    listen_key: str = ""


def _read_key(body: bytes) -> str:
    return msgspec.json.decode(body, type=_Key).listen_key


CREATE_KEY = TradingCall("POST", "/fapi/v1/listenKey", (), _read_key, cost=1.0)
"""The key of the account's stream: the one there is, its life made longer, or a new one."""

PROVE_KEY = TradingCall(
    "PUT", "/fapi/v1/listenKey", (), _read_key, cost=1.0, ws="userDataStream.ping", signed=False
)
"""Makes the life of the key longer; the key, or an empty text where the answer does not say.

assumed: over the WebSocket API the key alone is enough, without a signature."""


# Holdings


class _AssetRow(Struct, rename="camel"):
    asset: str
    wallet_balance: Decimal
    update_time: int | None = None


class _Account(Struct):
    assets: list[_AssetRow]


def assets() -> Endpoint[tuple[AssetHeld, ...]]:
    """The wallet's balance of every asset."""

    def read(body: bytes) -> tuple[AssetHeld, ...]:
        rows = msgspec.json.decode(body, type=_Account).assets
        return tuple(AssetHeld(row.asset, _finite(row.wallet_balance), row.update_time or 0) for row in rows)

    return Endpoint(_get("/fapi/v3/account", 5.0), read)


class _PositionRow(Struct, rename="camel"):
    symbol: str
    position_amt: str
    position_side: str = "BOTH"
    entry_price: str | None = None
    break_even_price: str | None = None
    mark_price: str | None = None
    un_realized_profit: str | None = None
    liquidation_price: str | None = None
    isolated_wallet: str | None = None
    margin_asset: str | None = None
    initial_margin: str | None = None
    margin_type: str | None = None
    leverage: str | None = None
    update_time: int | None = None


def positions(names: Names) -> Endpoint[tuple[Position, ...]]:
    """Every position; symbols that only have orders are left out (dossier §8.3)."""

    def read(body: bytes) -> tuple[Position, ...]:
        rows = msgspec.json.decode(body, type=list[_PositionRow])
        return tuple(each for each in (_position(row, names) for row in rows) if each.qty)

    return Endpoint(_get("/fapi/v3/positionRisk", 5.0), read)


def _position(row: _PositionRow, names: Names) -> Position:
    liquidation = number(row.liquidation_price)
    return Position(
        symbol=symbol_of(row.symbol, names),
        qty=number(row.position_amt) or Decimal(0),
        side=POSITION_SIDES[row.position_side],
        entry_price=number(row.entry_price),
        break_even_price=number(row.break_even_price),
        mark_price=number(row.mark_price),
        liquidation_price=liquidation if liquidation and liquidation > 0 else None,
        unrealised=number(row.un_realized_profit),
        margin_mode=margin_mode(row.margin_type),
        isolated_margin=number(row.isolated_wallet),
        margin=number(row.initial_margin),
        leverage=int(row.leverage) if row.leverage else None,
        settle=row.margin_asset,
        venue_ns=row.update_time * MS if row.update_time else None,
    )


def configured(position: Position, symbols: dict[str, SymbolConfiguration]) -> Position:
    """The position with what only the configuration of its symbol says."""
    known = symbols.get(position.symbol)
    if known is None:
        return position
    return replace(position, leverage=known.leverage, margin_mode=known.margin_mode)


# Configuration


class AccountModes(Struct, rename="camel", frozen=True):
    """How the account as a whole trades."""

    dual_side_position: bool
    multi_assets_margin: bool
    can_trade: bool = True


class _SymbolRow(Struct, rename="camel"):
    symbol: str
    margin_type: str
    leverage: int


def modes() -> Endpoint[AccountModes]:
    """Position mode and asset mode of the account."""
    return Endpoint(
        _get("/fapi/v1/accountConfig", 5.0), lambda body: msgspec.json.decode(body, type=AccountModes)
    )


def symbol_configurations(names: Names, wire: str | None = None) -> Endpoint[tuple[SymbolConfiguration, ...]]:
    """Leverage and margin mode of one symbol, or of all."""

    def read(body: bytes) -> tuple[SymbolConfiguration, ...]:
        rows = msgspec.json.decode(body, type=list[_SymbolRow])
        return tuple(
            SymbolConfiguration(symbol_of(row.symbol, names), row.leverage, _mode(row.margin_type))
            for row in rows
        )

    query = () if wire is None else (("symbol", wire),)
    return Endpoint(_get("/fapi/v1/symbolConfig", 5.0, *query), read)


def _mode(text: str) -> MarginMode:
    mode = margin_mode(text)
    if mode is None:
        raise ValueError(f"margin type {text!r} is not known")
    return mode


class _Bracket(Struct, rename="camel"):
    initial_leverage: int


class _Brackets(Struct):
    symbol: str
    brackets: list[_Bracket]


def most_leverage(wire: str) -> Endpoint[int]:
    """The highest leverage of a symbol; the answer is one object or a list (dossier §8.4)."""

    def read(body: bytes) -> int:
        told = msgspec.json.decode(body, type=_Brackets | list[_Brackets])
        rows = told if isinstance(told, list) else [told]
        return max(each.initial_leverage for row in rows if row.symbol == wire for each in row.brackets)

    return Endpoint(_get("/fapi/v1/leverageBracket", 1.0, ("symbol", wire)), read)


class _Leverage(Struct):
    leverage: int


def set_leverage(wire: str, leverage: int) -> Endpoint[int]:
    """Set a symbol's leverage; the answer is what holds then."""
    return Endpoint(
        _post("/fapi/v1/leverage", ("symbol", wire), ("leverage", str(leverage))),
        lambda body: msgspec.json.decode(body, type=_Leverage).leverage,
    )


class _Done(Struct):
    code: int | str


def _done(body: bytes) -> None:
    msgspec.json.decode(body, type=_Done)


def set_margin_mode(wire: str, mode: MarginMode) -> Endpoint[None]:
    """Set how a symbol's positions are margined."""
    text = "CROSSED" if mode is MarginMode.CROSS else "ISOLATED"
    return Endpoint(_post("/fapi/v1/marginType", ("symbol", wire), ("marginType", text)), _done)


def set_hedge(on: bool) -> Endpoint[None]:
    """Keep long and short positions apart, or not, on the whole account."""
    return Endpoint(_post("/fapi/v1/positionSide/dual", ("dualSidePosition", str(on).lower())), _done)


# Orders and trades


def open_orders() -> Endpoint[list[OrderRow]]:
    """Every open order of the account; conditional ones are not among them (dossier §6.7)."""
    return Endpoint(_get("/fapi/v1/openOrders", 40.0), reports.order_rows.decode)


def open_algo_orders() -> Endpoint[list[Algo]]:
    """Every conditional order that waits for its trigger."""
    return Endpoint(_get("/fapi/v1/openAlgoOrders", 40.0), _read_algos)


def all_algo_orders(wire: str) -> Endpoint[list[Algo]]:
    """The newest conditional orders of a symbol, whatever has become of them."""
    query = (("symbol", wire), ("limit", "1000"))
    return Endpoint(_get("/fapi/v1/allAlgoOrders", 5.0, *query), _read_algos)


def _read_algos(body: bytes) -> list[Algo]:
    return [algo_reports.algo_of_row(row) for row in algo_reports.algo_rows.decode(body)]


def trades(
    names: Names, wire: str, start_ms: int, end_ms: int, from_id: int | None = None
) -> Endpoint[list[Fill]]:
    """One page of our own trades of a symbol, oldest first; `from_id` excludes times (dossier §8.5)."""
    span = (("startTime", str(start_ms)), ("endTime", str(end_ms)))
    query = span if from_id is None else (("fromId", str(from_id)),)
    request = _get("/fapi/v1/userTrades", 5.0, ("symbol", wire), *query, ("limit", str(TRADES_A_PAGE)))
    return Endpoint(
        request, lambda body: [reports.trade_fill(row, names) for row in reports.trade_rows.decode(body)]
    )


class _IncomeRow(Struct, rename="camel"):
    income_type: str
    income: Decimal
    asset: str
    tran_id: int | str
    time: int
    symbol: str | None = None
    trade_id: str | int | None = None
    info: str | None = None


class Income(Struct, frozen=True):
    """One row of income: the booking, and the symbol it came of as the venue writes it (empty: none)."""

    entry: LedgerEntry
    wire: str
    at_ms: int


def income(start_ms: int, end_ms: int) -> Endpoint[list[Income]]:
    """One page of what has changed the wallets, oldest first (dossier §8.6)."""

    def read(body: bytes) -> list[Income]:
        return [_income(row) for row in msgspec.json.decode(body, type=list[_IncomeRow])]

    span = (("startTime", str(start_ms)), ("endTime", str(end_ms)), ("limit", str(INCOME_A_PAGE)))
    return Endpoint(_get("/fapi/v1/income", 30.0, *span), read)


def _income(row: _IncomeRow) -> Income:
    """`tran_id` is unique only within its kind, symbol and asset."""
    wire = row.symbol or ""
    entry = LedgerEntry(
        ledger_id=f"{row.income_type}:{row.tran_id}:{wire}:{row.asset}",
        ref_id=str(row.trade_id or row.tran_id),
        kind=row.income_type,
        asset=row.asset,
        wallet=None,
        amount=_finite(row.income),
        fee=Decimal(0),
        balance=None,
        venue_ns=row.time * MS,
    )
    return Income(entry, wire, row.time)


def _finite(amount: Decimal) -> Decimal:
    if not amount.is_finite():
        raise ValueError(f"{amount} is no amount")
    return amount

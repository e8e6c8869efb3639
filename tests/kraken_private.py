"""Kraken's private REST in tests: symbols, answers, orders about to leave, one endpoint of each name."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, TypeVar

from leadline.model.market import Side
from leadline.model.order import Amendment, OrderKey, OrderKind, OrderRequest
from leadline.net.http import Response
from leadline.venues.kraken import rest_funding, rest_orders, rest_private, rest_trading
from leadline.venues.kraken.rest_private import PrivateEndpoint
from leadline.venues.kraken.symbols import AssetPair, SymbolTable
from leadline.venues.ports import Placement
from vectors import VECTORS, records

T = TypeVar("T")

NOW_NS = 1_700_000_000_000_000_000
DEADLINE_NS = NOW_NS + 2_345_678_900
"""2023-11-14T22:13:22.345678900Z"""


def table() -> SymbolTable:
    """A few pairs, with assets of old and new names."""
    symbols = SymbolTable()
    symbols.load(
        {
            "XXBTZUSD": AssetPair(
                altname="XBTUSD",
                base="XXBT",
                quote="ZUSD",
                pair_decimals=1,
                lot_decimals=8,
                wsname="XBT/USD",
                tick_size=Decimal("0.1"),
                ordermin=Decimal("0.0001"),
                costmin=Decimal("0.5"),
                cost_decimals=5,
            ),
            "XDGUSD": AssetPair("XDGUSD", "XXDG", "ZUSD", 7, 8, "XDG/USD"),
            "LTCUSDT": AssetPair("LTCUSDT", "XLTC", "USDT", 2, 8, "LTC/USDT"),
            "SUIUSD": AssetPair("SUIUSD", "SUI", "ZUSD", 4, 5, "SUI/USD"),
        }
    )
    return symbols


SYMBOLS = table()


def ok(result: object) -> Response:
    """An answer without an error."""
    return Response(200, (), json.dumps({"error": [], "result": result}).encode())


def fixture(number: str) -> Response:
    """A recorded answer by its id."""
    library = number.rpartition("-")[0].removeprefix("kraken-rest-")
    path = VECTORS / "kraken" / "rest" / f"{library}.fixtures.jsonl"
    return Response(200, (), next(r["raw"] for r in records(path) if r["id"] == number).encode())


def read(endpoint: PrivateEndpoint[T], response: Response) -> T:
    """What an endpoint makes of an answer."""
    return endpoint.answer(response, 0).value


def limit(**changes: Any) -> OrderRequest:
    """A limit buy of 1.25 BTC at 37500, changed."""
    request: dict[str, Any] = {
        "symbol": "BTC/USD", "side": Side.BUY, "kind": OrderKind.LIMIT,
        "qty": Decimal("1.25"), "limit_price": Decimal("37500"),
    }  # fmt: skip
    return OrderRequest(**request | changes)


def placement(request: OrderRequest, client_id: str = "leadline-1", userref: int | None = None) -> Placement:
    """An order that is journalled already."""
    return Placement(client_id, userref, request, DEADLINE_NS)


_ORDERS = [placement(limit()), placement(limit(), "leadline-2")]
_AMENDMENT = Amendment(limit_price=Decimal("37501"))

ENDPOINTS: dict[str, PrivateEndpoint[Any]] = {
    endpoint.name: endpoint
    for endpoint in (
        rest_private.balance(SYMBOLS),
        rest_private.balance_ex(SYMBOLS),
        rest_private.trade_balance(),
        rest_private.open_positions(SYMBOLS),
        rest_private.trade_volume((), SYMBOLS),
        rest_private.key_info(),
        rest_private.websockets_token(),
        rest_orders.open_orders(SYMBOLS),
        rest_orders.closed_orders(SYMBOLS),
        rest_orders.query_orders(["O1"], SYMBOLS),
        rest_orders.order_amends("O1"),
        rest_orders.trades_history(SYMBOLS),
        rest_orders.query_trades(["T1"], SYMBOLS),
        rest_orders.ledgers(SYMBOLS),
        rest_orders.query_ledgers(["L1"], SYMBOLS),
        rest_trading.add_order(_ORDERS[0], "XXBTZUSD"),
        rest_trading.add_order_batch(_ORDERS, "XXBTZUSD"),
        rest_trading.amend_order(OrderKey("O1"), _AMENDMENT, DEADLINE_NS),
        rest_trading.edit_order("O1", _ORDERS[0], "XXBTZUSD"),
        rest_trading.cancel_order(OrderKey("O1")),
        rest_trading.cancel_order_batch(["O1", "O2"]),
        rest_trading.cancel_all(),
        rest_trading.cancel_all_orders_after(60),
        rest_funding.deposit_methods("XETH"),
        rest_funding.deposit_addresses("XXBT", "Bitcoin"),
        rest_funding.deposit_status(SYMBOLS),
        rest_funding.withdraw_methods(SYMBOLS),
        rest_funding.withdraw_addresses(SYMBOLS),
        rest_funding.withdraw_info("XXBT", "key", Decimal("0.7248")),
        rest_funding.withdraw_status(SYMBOLS),
    )
}
"""One of each."""

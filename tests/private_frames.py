"""Kraken's private side of a conversation, written by hand: channel frames and answers."""

from __future__ import annotations

import json
from typing import Any

LIMIT_BUY = (
    '{"order_id":"OAAAAA-AAAAA-AAAAAA","symbol":"BTC/USD","order_qty":0.00010000,"cum_cost":0.00000,'
    '"time_in_force":"GTC","exec_type":"pending_new","side":"buy","order_type":"limit","cl_ord_id":"ours-1",'
    '"limit_price_type":"static","limit_price":80000.0,"stop_price":0.0,"order_status":"pending_new",'
    '"timestamp":"2026-01-22T06:06:19.833306Z"}'
)
NEW = (
    '{"timestamp":"2026-01-22T06:06:19.833306Z","order_status":"new","exec_type":"new","cl_ord_id":"ours-1",'
    '"order_id":"OAAAAA-AAAAA-AAAAAA"}'
)
TRADE = (
    '{"order_id":"OAAAAA-AAAAA-AAAAAA","exec_id":"TAAAAA-AAAAA-AAAAA1","exec_type":"trade","trade_id":7,'
    '"symbol":"BTC/USD","side":"buy","last_qty":0.00010000,"last_price":79999.9,"liquidity_ind":"t",'
    '"cost":7.99999,"order_type":"limit","timestamp":"2026-01-22T06:06:20.000001Z",'
    '"order_status":"partially_filled","cum_qty":0.00010000,"cum_cost":7.99999,"avg_price":79999.9,'
    '"fees":[{"asset":"USD","qty":0.0208}]}'
)
FILLED = (
    '{"timestamp":"2026-01-22T06:06:20.000001Z","order_status":"filled","exec_type":"filled",'
    '"cum_qty":0.00010000,"cum_cost":7.99999,"avg_price":79999.9,"order_id":"OAAAAA-AAAAA-AAAAAA"}'
)
USDT = (
    '{"asset":"USDT","asset_class":"currency","wallets":[{"type":"spot","id":"main","balance":100.00000000},'
    '{"type":"earn","id":"flexible","balance":5.50}],"balance":105.50000000}'
)
BOOKING = (
    '{"ledger_id":"LAAAAA-AAAAA-AAAAA1","ref_id":"TAAAAA-AAAAA-AAAAA1",'
    '"timestamp":"2026-01-22T06:06:20.000099Z","type":"trade","asset":"USD","asset_class":"currency",'
    '"category":"trade","wallet_type":"spot","wallet_id":"main","amount":-19.9743,"fee":0.0499,'
    '"balance":118.0677}'
)


def frame(channel: str, kind: str, sequence: int, *rows: str) -> str:
    """One frame of a private channel; rows are JSON texts."""
    data = ",".join(rows)
    return f'{{"channel":"{channel}","type":"{kind}","data":[{data}],"sequence":{sequence}}}'


def executions(sequence: int, *rows: str, kind: str = "update") -> str:
    return frame("executions", kind, sequence, *rows)


def balances(sequence: int, *rows: str, kind: str = "update") -> str:
    return frame("balances", kind, sequence, *rows)


def row(text: str, **changes: Any) -> str:
    """A row with some of its members changed; None takes one out."""
    members = json.loads(text) | changes
    return json.dumps({name: value for name, value in members.items() if value is not None})


def yes(request: dict[str, Any], result: Any = None, **more: Any) -> dict[str, Any]:
    """The venue takes a request."""
    result = {} if result is None else result
    times = {"time_in": "2026-01-22T06:06:19.000000Z", "time_out": "2026-01-22T06:06:19.002000Z"}
    answer = {"method": request["method"], "req_id": request["req_id"], "result": result, "success": True}
    return answer | times | more


def no(request: dict[str, Any], error: str) -> dict[str, Any]:
    """The venue refuses a request."""
    return {"error": error, "method": request["method"], "req_id": request["req_id"], "success": False}


def rest_order(**changes: Any) -> dict[str, Any]:
    """A row of an open order; what is given replaces its members."""
    row = {
        "refid": None,
        "userref": 0,
        "cl_ord_id": "ours-1",
        "status": "open",
        "opentm": 1790000000.5,
        "descr": {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "60000.0", "price2": "0"},
        "vol": "1.00000000",
        "vol_exec": "0.00000000",
        "cost": "0.00000",
        "oflags": "fciq",
    }
    return row | changes


def rest_trade(order_id: str = "OA", **changes: Any) -> dict[str, Any]:
    """A row of a fill."""
    row = {
        "ordertxid": order_id,
        "pair": "XXBTZUSD",
        "time": 1790000001.25,
        "type": "buy",
        "price": "60000.0",
        "cost": "30000.00000",
        "fee": "48.00000",
        "vol": "0.50000000",
        "trade_id": 11,
        "maker": False,
    }
    return row | changes


def rest_booking(**changes: Any) -> dict[str, Any]:
    """A row of the ledger."""
    row = {
        "refid": "R1",
        "time": 1790000001.25,
        "type": "trade",
        "subtype": "",
        "aclass": "currency",
        "asset": "ZUSD",
        "amount": "-1.0000",
        "fee": "0.0010",
        "balance": "100.0000",
    }
    return row | changes

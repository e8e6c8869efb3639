"""Frames of Binance's private stream and rows of its signed REST, as the venue writes them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec

from leadline.venues.binance.symbols import ExchangeInfo, SymbolTable

KEY = "canary-listen-key-1"
BTC = "BTC/USDT:USDT"
ETH = "ETH/USDT:USDT"
T0 = 1_764_000_000_000
"""Unix milliseconds at which a story begins."""


def _contract(base: str, tick: str, step: str) -> dict[str, Any]:
    return {
        "symbol": f"{base}USDT",
        "pair": f"{base}USDT",
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1567965300000,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "underlyingType": "COIN",
        "triggerProtect": "0.0500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "4529764", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "1000", "stepSize": step},
            {"filterType": "MARKET_LOT_SIZE", "minQty": step, "maxQty": "120", "stepSize": step},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": "50"},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": "1.0500",
                "multiplierDown": "0.9500",
                "multiplierDecimal": "4",
            },
        ],
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }


def contracts() -> SymbolTable:
    """Two perpetual contracts."""
    rows = [_contract("BTC", "0.10", "0.001"), _contract("ETH", "0.01", "0.001")]
    table = SymbolTable()
    table.load(msgspec.json.decode(json.dumps({"symbols": rows, "rateLimits": []}), type=ExchangeInfo))
    return table


def wrapped(data: dict[str, Any]) -> bytes:
    """A frame of the combined stream, whose name is the key."""
    return json.dumps({"stream": KEY, "data": data}).encode()


def order(x: str, state: str = "", *, i: int = 7, at: int = 0, c: str = "mine", **o: Any) -> bytes:
    """ORDER_TRADE_UPDATE; `at` counts milliseconds from `T0`."""
    row = {
        "s": "BTCUSDT", "c": c, "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "0.010", "p": "90000",
        "ap": "0", "sp": "0", "x": x, "X": state or x, "i": i, "l": "0", "z": "0", "L": "0", "n": "0",
        "N": "USDT", "T": T0 + at, "t": 0, "b": "0", "a": "0", "m": False, "R": False,
        "wt": "CONTRACT_PRICE", "ot": "LIMIT", "ps": "BOTH", "cp": False, "rp": "0", "pP": False, "si": 0,
        "ss": 0, "V": "EXPIRE_MAKER", "pm": "NONE", "gtd": 0, "er": "0",
    }  # fmt: skip
    return wrapped({"e": "ORDER_TRADE_UPDATE", "T": T0 + at, "E": T0 + at, "o": row | o})


def trade(t: int, qty: str, z: str, state: str = "PARTIALLY_FILLED", **o: Any) -> bytes:
    """The report of one match."""
    return order("TRADE", state, t=t, **({"l": qty, "L": "90000", "z": z, "n": "0.018", "m": True} | o))


def lite(t: int, qty: str = "0.004", i: int = 7) -> bytes:
    """The early copy of one match."""
    return wrapped(
        {
            "e": "TRADE_LITE", "E": T0, "T": T0, "s": "BTCUSDT", "q": "0.010", "p": "90000", "m": True,
            "c": "mine", "S": "BUY", "L": "90000", "l": qty, "t": t, "i": i,
        }
    )  # fmt: skip


def algo(status: str, *, aid: int = 2146760, at: int = 0, **o: Any) -> bytes:
    """ALGO_UPDATE of a stop that sells."""
    row = {
        "caid": "stop-1", "aid": aid, "at": "CONDITIONAL", "o": "STOP_MARKET", "s": "BTCUSDT", "S": "SELL",
        "ps": "BOTH", "f": "GTC", "q": "0.010", "X": status, "ai": "", "tp": "85000", "p": "0",
        "V": "EXPIRE_MAKER", "wt": "CONTRACT_PRICE", "pm": "NONE", "cp": False, "pP": False, "R": True,
        "tt": 0, "gtd": 0,
    }  # fmt: skip
    return wrapped({"e": "ALGO_UPDATE", "T": T0 + at, "E": T0 + at, "o": row | o})


def account(*positions: dict[str, Any], m: str = "ORDER", at: int = 0, **balances: str) -> bytes:
    """ACCOUNT_UPDATE; balances by asset."""
    rows = [{"a": asset, "wb": qty, "cw": qty, "bc": "0"} for asset, qty in balances.items()]
    change = {"m": m, "B": rows, "P": list(positions)}
    return wrapped({"e": "ACCOUNT_UPDATE", "E": T0 + at + 1, "T": T0 + at, "a": change})


def held(qty: str, *, s: str = "BTCUSDT", ps: str = "BOTH", **row: Any) -> dict[str, Any]:
    """A position of ACCOUNT_UPDATE."""
    return {
        "s": s, "pa": qty, "ep": "90000.1", "bep": "90045.1", "cr": "-1.25", "up": "0.5", "mt": "cross",
        "iw": "0", "ps": ps, "ma": "USDT",
    } | row  # fmt: skip


def told(frame: bytes) -> dict[str, Any]:
    """A text that was sent."""
    value: dict[str, Any] = json.loads(frame, parse_float=Decimal)
    return value

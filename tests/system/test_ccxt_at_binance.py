"""A client written by others trades at the emulated Binance: a second opinion on its account side."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from emulated import QUIET
from leadline.clock import SystemClock
from leadline.emulator.binance import truth
from leadline.emulator.binance.contracts import DEMO_CONTRACTS
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.exchange import Exchange
from leadline.emulator.serve import serve

pytestmark = pytest.mark.outside

SYMBOL = "BTC/USDT:USDT"
PATIENCE_S = 60
AMOUNT = 0.01


async def test_ccxt_trades_over_rest() -> None:
    clock = SystemClock()
    start_ns = clock.wall_ns()
    contracts = tuple(one for one in DEMO_CONTRACTS if one.symbol in ("BTCUSDT", "ETHUSDT"))
    binance = BinanceExchange(start_ns=start_ns, seed=1, rate=20, contracts=contracts, history_minutes=60)
    kraken = Exchange(start_ns=start_ns, seed=1, rate=0, pairs=(QUIET,), history_minutes=0)
    async with serve(kraken, clock, binance=binance) as endpoints, asyncio.timeout(PATIENCE_S):
        demo = binance.trading.demo
        seen = await asyncio.to_thread(_trades, f"http://{endpoints.base}", demo.api_key, demo.secret)
        listings = binance.market.listings
        orders = {str(one["order_id"]): one for one in truth.orders(demo, listings)}
        fills = truth.fills(demo, listings)

    assert orders[seen["edited"]]["status"] == "CANCELED"
    assert orders[seen["edited"]]["qty"] == "0.020"
    assert [orders[one]["status"] for one in seen["batch"]] == ["CANCELED", "CANCELED"]
    assert orders[seen["bought"]]["status"] == orders[seen["sold"]]["status"] == "FILLED"
    assert set(seen["trades"]) == {str(one["trade_id"]) for one in fills}
    assert Decimal(str(seen["held"])) == Decimal("0.01")
    assert Decimal(seen["wallet"]) == Decimal(truth.balances(demo)["USDT"])
    assert seen["leverage"] == 7
    assert [one.status for one in demo.algo_orders.values()] == ["CANCELED", "CANCELED"]
    assert demo.open_orders == {}


def _trades(base: str, api_key: str, secret: str) -> dict[str, Any]:
    """What ccxt did and saw."""
    import ccxt

    client = ccxt.binanceusdm({"apiKey": api_key, "secret": secret, "options": {"fetchCurrencies": False}})
    for name in list(client.urls["api"]):
        if name.startswith("fapi"):
            version = name[-1] if name[-2:] in ("V2", "V3") else "1"
            client.urls["api"][name] = f"{base}/fapi/v{version}"
    client.load_markets()
    last = float(client.fetch_ticker(SYMBOL)["last"])
    seen: dict[str, Any] = {"leverage": client.set_leverage(7, SYMBOL)["leverage"]}
    below = client.price_to_precision(SYMBOL, last * 0.98)
    placed = client.create_order(SYMBOL, "limit", "buy", AMOUNT, below)
    seen["edited"] = client.edit_order(placed["id"], SYMBOL, "limit", "buy", 0.02, below)["id"]
    assert client.fetch_open_orders(SYMBOL)[0]["id"] == seen["edited"]
    client.cancel_order(seen["edited"], SYMBOL)
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order(seen["edited"], SYMBOL)
    with pytest.raises(ccxt.InvalidOrder):
        client.create_order(SYMBOL, "limit", "buy", AMOUNT, last * 1.01, {"postOnly": True})
    both = [{"symbol": SYMBOL, "type": "limit", "side": "buy", "amount": AMOUNT, "price": below}] * 2
    seen["batch"] = [one["id"] for one in client.create_orders(both)]
    client.cancel_all_orders(SYMBOL)
    seen["bought"] = client.create_order(SYMBOL, "market", "buy", AMOUNT)["id"]
    seen["held"] = client.fetch_positions([SYMBOL])[0]["contracts"]
    protect = {"stopLossPrice": last * 0.97, "reduceOnly": True}
    stop = client.create_order(SYMBOL, "market", "sell", AMOUNT, None, protect)
    client.create_order(SYMBOL, "market", "sell", AMOUNT, None, {"trailingPercent": 1})
    client.cancel_order(stop["id"], SYMBOL, {"trigger": True})
    client.cancel_all_orders(SYMBOL, {"trigger": True})
    seen["sold"] = client.create_order(SYMBOL, "market", "sell", AMOUNT, None, {"reduceOnly": True})["id"]
    seen["trades"] = [one["id"] for one in client.fetch_my_trades(SYMBOL)]
    seen["wallet"] = client.fetch_balance()["info"]["assets"][0]["walletBalance"]
    return seen

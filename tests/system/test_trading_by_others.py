"""Clients written by others trade against the emulator: a second opinion on its private side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from apart import emulator_apart
from leadline.emulator.serve import Endpoints

pytestmark = pytest.mark.outside

SYMBOLS = ("BTC/USD", "ETH/USD", "DOGE/USD")
FAR_BELOW = "30000.0"
PATIENCE_S = 60


@pytest.fixture
def endpoints() -> Iterator[Endpoints]:
    with emulator_apart(SYMBOLS, rate=20) as found:
        yield found


@asynccontextmanager
async def truth_of(endpoints: Endpoints) -> AsyncIterator[Callable[[str], Awaitable[Any]]]:
    """Asks the emulator's control address for orders, fills or balances."""
    async with aiohttp.ClientSession() as session:

        async def told(name: str) -> Any:
            async with session.get(f"{endpoints.control}/truth/{name}") as answer:
                return await answer.json()

        yield told


def state_of(orders: list[dict[str, Any]], order_id: str) -> str:
    [status] = [order["status"] for order in orders if order["order_id"] == order_id]
    return str(status)


async def test_python_kraken_sdk_trades_over_rest(endpoints: Endpoints) -> None:
    async with truth_of(endpoints) as truth, asyncio.timeout(PATIENCE_S):
        found = await asyncio.to_thread(_sdk_trades, endpoints)
        orders, fills = await truth("orders"), await truth("fills")

        assert state_of(orders, found.amended) == "canceled"
        assert state_of(orders, found.edited) == "canceled"
        assert [state_of(orders, one) for one in found.batch] == ["canceled", "canceled"]
        assert state_of(orders, found.filled) == "filled"
        assert set(found.trades) == {fill["exec_id"] for fill in fills}
        assert all(order["status"] not in ("new", "partially_filled") for order in orders)
        balances = await truth("balances")
        assert Decimal(found.balances["XXBT"]["balance"]) == Decimal(balances["BTC"]["spot"])
        assert Decimal(found.balances["ZUSD"]["hold_trade"]) == 0


class SdkTrades:
    """What the SDK did and saw."""

    amended: str
    edited: str
    batch: list[str]
    filled: str
    trades: dict[str, Any]
    balances: dict[str, Any]


def _sdk_trades(endpoints: Endpoints) -> SdkTrades:
    from kraken.spot import Trade, User

    key = endpoints.venues["kraken"].credentials
    access = {"key": key["api_key"], "secret": key["private_key"], "url": f"http://{endpoints.base}"}
    trade, user = Trade(**access), User(**access)
    done = SdkTrades()
    limit = {"pair": "BTC/USD", "side": "buy", "ordertype": "limit", "volume": "0.01", "price": FAR_BELOW}

    close = {"close_ordertype": "limit", "close_price": "99000"}
    [done.amended] = trade.create_order(**limit, oflags=["post", "fciq"], **close)["txid"]
    assert trade.amend_order(txid=done.amended, limit_price="30001.0")["amend_id"]
    row = user.get_open_orders(trades=True)["open"][done.amended]
    assert (row["descr"]["price"], row["descr"]["close"]) == ("30001.0", "close position @ limit 99000.0")
    assert trade.cancel_order(txid=done.amended) == {"count": 1}
    [first] = trade.create_order(**limit)["txid"]
    done.edited = trade.edit_order(txid=first, pair="XBTUSD", volume="0.02", price="30002.0")["txid"]
    assert list(user.get_open_orders()["open"]) == [done.edited]
    assert trade.cancel_order(txid=done.edited) == {"count": 1}

    rows = [
        {"type": "buy", "ordertype": "limit", "volume": "0.01", "price": price}
        for price in ("30000", "30100")
    ]
    done.batch = [row["txid"] for row in trade.create_order_batch(orders=rows, pair="BTC/USD")["orders"]]
    assert trade.cancel_order_batch(orders=done.batch) == {"count": 2}
    assert "txid" not in trade.create_order(**limit, validate=True)
    [done.filled] = trade.create_order(ordertype="market", side="buy", pair="XBTUSD", volume="0.5")["txid"]
    trade.create_order(**limit)
    assert trade.cancel_all_orders_after_x(timeout=60)["triggerTime"] != "0"
    assert trade.cancel_all_orders_after_x(timeout=0)["triggerTime"] == "0"
    assert trade.cancel_all_orders() == {"count": 1}

    done.trades = user.get_trades_history()["trades"]
    assert user.get_orders_info(txid=[done.filled, done.edited])[done.filled]["status"] == "closed"
    assert user.get_closed_orders()["count"] == 7
    done.balances = user.get_balances()
    assert user.get_ledgers_info(asset="XBT")["count"] == len(done.trades)
    assert user.get_trade_volume(pair="XBTUSD")["fees"]["XXBTZUSD"]
    return done


async def test_ccxt_trades_over_rest(endpoints: Endpoints) -> None:
    import ccxt.async_support as ccxt

    client = ccxt.kraken(
        {
            "apiKey": endpoints.venues["kraken"].credentials["api_key"],
            "secret": endpoints.venues["kraken"].credentials["private_key"],
            "enableRateLimit": False,
        }
    )
    client.urls["api"] |= {"public": f"http://{endpoints.base}", "private": f"http://{endpoints.base}"}
    try:
        async with truth_of(endpoints) as truth, asyncio.timeout(PATIENCE_S):
            await _ccxt_places_amends_and_cancels(client, truth)
            await _ccxt_is_filled(client, truth)
    finally:
        await client.close()


async def _ccxt_places_amends_and_cancels(client: Any, truth: Callable[[str], Awaitable[Any]]) -> None:
    placed = await client.create_order("BTC/USD", "limit", "buy", 0.01, 30000, {"clientOrderId": "mine"})
    await client.edit_order(placed["id"], "BTC/USD", "limit", "buy", 0.02, 30100)
    [seen] = await client.fetch_open_orders("BTC/USD")
    assert (seen["id"], seen["price"], seen["amount"], seen["clientOrderId"]) == (
        placed["id"], 30100.0, 0.02, "mine",
    )  # fmt: skip
    await client.cancel_order(placed["id"], "BTC/USD")

    wanted = {"symbol": "BTC/USD", "type": "limit", "side": "sell", "amount": 0.01}
    made = await client.create_orders([{**wanted, "price": 90000}, {**wanted, "price": 90100}])
    await client.cancel_orders([order["id"] for order in made])
    stop = await client.create_order("BTC/USD", "market", "sell", 0.01, None, {"stopLossPrice": 20000})
    await client.create_order("DOGE/USD", "limit", "buy", 100, 0.01, {"postOnly": True})
    assert len(await client.fetch_open_orders()) == 2
    await client.cancel_all_orders()

    closed = {order["id"]: order["status"] for order in await client.fetch_closed_orders()}
    assert {order["order_id"] for order in await truth("orders")} == set(closed)
    assert set(closed.values()) == {"canceled"}
    assert {placed["id"], stop["id"]} <= set(closed)


async def _ccxt_is_filled(client: Any, truth: Callable[[str], Awaitable[Any]]) -> None:
    bought = await client.create_order("BTC/USD", "market", "buy", 0.5)
    order = await client.fetch_order(bought["id"], "BTC/USD")
    trades = await client.fetch_my_trades("BTC/USD")
    fills = await truth("fills")

    assert (order["status"], order["filled"], order["remaining"]) == ("closed", 0.5, 0.0)
    assert {trade["id"]: trade["amount"] for trade in trades} == {
        fill["exec_id"]: float(fill["qty"]) for fill in fills
    }
    assert abs(sum(trade["fee"]["cost"] for trade in trades) - float(order["fee"]["cost"])) < 1e-6
    assert {trade["order"] for trade in trades} == {bought["id"]}
    balances, told = await client.fetch_balance(), await truth("balances")
    assert balances["BTC"]["total"] == float(told["BTC"]["spot"])
    assert balances["USD"]["used"] == 0.0


async def test_python_kraken_sdk_trades_over_the_websocket(endpoints: Endpoints) -> None:
    from kraken.spot import SpotWSClient

    class Client(SpotWSClient):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(
                key=endpoints.venues["kraken"].credentials["api_key"],
                secret=endpoints.venues["kraken"].credentials["private_key"],
                rest_url=f"http://{endpoints.base}",
                ws_url=f"ws://{endpoints.base}",
                auth_ws_url=f"ws://{endpoints.base}/auth",
                no_public=True,
            )
            self.answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
            self.executions: list[dict[str, Any]] = []
            self.sequences: list[int] = []
            self.news = asyncio.Event()

        async def on_message(self, message: dict[str, Any]) -> None:
            if "method" in message and message["method"] not in ("pong", "subscribe"):
                self.answers.put_nowait(message)
            if message.get("channel") == "executions":
                self.sequences.append(message["sequence"])
                self.executions += message["data"]
            self.news.set()

        async def asked(self, method: str, **params: Any) -> dict[str, Any]:
            await self.send_message({"method": method, "params": params})
            answer = await self.answers.get()
            assert answer["method"] == method
            assert answer["success"], answer
            return answer

        async def heard(self, order_id: str, exec_type: str) -> None:
            def told() -> bool:
                return any(
                    one["order_id"] == order_id and one["exec_type"] == exec_type for one in self.executions
                )

            while not told():
                self.news.clear()
                await self.news.wait()

    client = Client()
    async with truth_of(endpoints) as truth, asyncio.timeout(PATIENCE_S):
        await client.start()
        await client.subscribe({"channel": "executions", "snap_orders": True, "snap_trades": True})
        while not client.sequences:
            client.news.clear()
            await client.news.wait()
        limit = {"order_type": "limit", "side": "buy", "order_qty": 0.01, "limit_price": 30000}
        placed = (await client.asked("add_order", symbol="BTC/USD", **limit))["result"]["order_id"]
        await client.asked("amend_order", order_id=placed, limit_price=30100)
        await client.asked("cancel_order", order_id=[placed])
        for exec_type in ("pending_new", "new", "amended", "canceled"):
            await client.heard(placed, exec_type)

        added = await client.asked("batch_add", symbol="BTC/USD", orders=[limit, limit])
        both = [row["order_id"] for row in added["result"]]
        await client.asked("batch_cancel", orders=both)
        market = {"order_type": "market", "side": "sell", "order_qty": 0.5, "symbol": "BTC/USD"}
        sold = (await client.asked("add_order", **market))["result"]["order_id"]
        await client.heard(sold, "filled")
        await client.heard(both[1], "canceled")

        assert client.sequences == list(range(1, len(client.sequences) + 1))
        fills = {fill["exec_id"]: Decimal(fill["qty"]) for fill in await truth("fills")}
        heard = {
            one["exec_id"]: Decimal(str(one["last_qty"])) for one in client.executions if "exec_id" in one
        }
        assert heard == fills
        assert sum(fills.values()) == Decimal("0.5")
    await client.close()

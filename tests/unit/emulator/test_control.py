from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from emulated import OTHER, QUIET
from leadline.clock import SystemClock
from leadline.emulator.exchange import Exchange
from leadline.emulator.serve import serve
from signed import Signed


class Control:
    """The control address, asked over a socket."""

    def __init__(self, address: str, session: aiohttp.ClientSession, exchange: Exchange) -> None:
        self._address = address
        self._session = session
        self.exchange = exchange

    async def get(self, path: str) -> Any:
        async with self._session.get(f"{self._address}/{path}") as answer:
            return await answer.json()

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        async with self._session.post(f"{self._address}/{path}", json=body) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def control() -> AsyncIterator[Control]:
    clock = SystemClock()
    exchange = Exchange(start_ns=clock.wall_ns(), rate=0, pairs=(QUIET, OTHER), history_minutes=5)
    async with serve(exchange, clock) as endpoints, aiohttp.ClientSession() as session:
        yield Control(endpoints.control, session, exchange)


def caller(one: Control, name: str = "demo") -> Signed:
    account = one.exchange.trading.named(name)
    assert account is not None
    call = Signed(one.exchange, account)
    call.now_ns = SystemClock().wall_ns()
    return call


async def test_orders_fills_and_balances_of_the_demo_account_are_told() -> None:
    async with control() as one:
        call = caller(one)
        resting = call.place(cl_ord_id="mine")
        filled = call.place(ordertype="market")

        orders = await one.get("truth/orders")
        assert [order["order_id"] for order in orders] == [resting, filled]
        assert [order["order_id"] for order in await one.get("truth/orders?cl_ord_id=mine")] == [resting]
        assert {fill["order_id"] for fill in await one.get("truth/fills")} == {filled}
        assert (await one.get("truth/balances"))["BTC"]["spot"] == "10.0100000000"


async def test_an_account_is_made_and_told_apart() -> None:
    async with control() as one:
        wanted = {"name": "second", "tier": "pro", "balances": {"USD": "12.5"}, "nonce_window": 3}
        status, made = await one.post("accounts", wanted)

        assert (status, made["tier"], made["nonce_window"]) == (200, "pro", 3)
        assert [row["name"] for row in await one.get("accounts")] == ["demo", "second"]
        assert await one.get("truth/balances?account=second") == {
            "USD": {"held": "0.0000000000", "spot": "12.5000000000"}
        }
        assert caller(one, "second")("Balance") == {"ZUSD": "12.5000"}


async def test_refused_nonces_and_points_are_told() -> None:
    async with control() as one:
        call = caller(one)
        call("Balance")
        call.place()
        call.nonces = iter([1])  # type: ignore[assignment]
        assert call.refusal("Balance") == "EAPI:Invalid nonce"

        [row] = await one.get("accounts")
        assert (row["nonce"], row["nonces_refused"], row["locked"]) == (2, 1, False)
        assert 0 < row["rest_points"] <= 1
        assert 0 < row["order_points"]["BTC/USD"] <= 1


async def test_money_is_moved_into_earn_and_back() -> None:
    async with control() as one:
        status, told = await one.post(
            "transfer", {"asset": "BTC", "from": "spot", "to": "earn", "amount": "2.5"}
        )
        assert (status, told["BTC"]) == (
            200, {"held": "0.0000000000", "spot": "7.5000000000", "earn": "2.5000000000"},
        )  # fmt: skip
        await one.post("transfer", {"asset": "BTC", "from": "earn", "to": "spot", "amount": "2.5"})
        assert (await one.get("truth/balances"))["BTC"]["earn"] == "0.0000000000"


async def test_a_skew_is_posted_as_a_number_or_a_text_and_listed_exactly() -> None:
    async with control() as one:
        for factor in (1.001, "1.001"):
            status, told = await one.post("faults", {"kind": "SKEW", "factor": factor, "symbol": "BTC/USD"})
            assert (status, told["factor"]) == (200, "1.001")
        assert [row["kind"] for row in await one.get("faults")] == ["SKEW", "SKEW"]
        status, told = await one.post("faults", {"kind": "SKEW", "factor": 1})
        assert (status, "factor: 1" in told["error"]) == (400, True)


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("accounts", {"name": "demo"}, "name: "),
        ("accounts", {"name": "x", "tier": "gold"}, "$.tier"),
        ("accounts", {"tier": "pro"}, "missing required field `name`"),
        ("accounts", {"name": "x", "balances": {"USD": "1e3"}}, "balances.USD: '1e3'"),
        ("accounts", {"name": "x", "nonce_window": -1}, "nonce_window: -1"),
        ("accounts", [], "it takes name, tier, balances, nonce_window"),
        ("transfer", {"asset": "BTC", "from": "spot", "to": "moon", "amount": "1"}, "to: 'moon' is none of"),
        ("transfer", {"asset": "BTC", "from": "spot", "to": "earn", "amount": "-1"}, "amount: '-1'"),
        ("transfer", {"asset": "BTC", "from": "spot", "to": "earn", "amount": "11"}, "amount: "),
        ("transfer", {"asset": "BTC"}, "it takes asset, from, to, amount, account"),
    ],
)
async def test_a_wrong_wish_is_answered_400_with_the_cure(path: str, body: Any, named: str) -> None:
    async with control() as one:
        status, told = await one.post(path, body)
        assert status == 400
        assert named in told["error"]


async def test_an_unknown_account_is_answered_with_the_known_ones() -> None:
    async with control() as one:
        assert "there are demo" in (await one.get("truth/orders?account=nobody"))["error"]

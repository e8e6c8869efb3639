"""Binance's own SDK trades at the emulated Binance: REST, the WebSocket API, and streams by their routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from emulated import QUIET
from leadline.clock import SystemClock
from leadline.emulator.binance import truth
from leadline.emulator.binance.contracts import DEMO_CONTRACTS
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.exchange import Exchange
from leadline.emulator.serve import Endpoints, serve

pytestmark = [
    pytest.mark.outside,
    pytest.mark.filterwarnings("default"),  # what its libraries warn of is theirs to mend
]

SYMBOL = "BTCUSDT"
PATIENCE_S = 25
SDK = "binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures"
MISSING = "pip install binance-sdk-derivatives-trading-usds-futures to run what Binance's own SDK shows"


@asynccontextmanager
async def venue() -> AsyncIterator[tuple[BinanceExchange, Endpoints]]:
    clock = SystemClock()
    start_ns = clock.wall_ns()
    contracts = DEMO_CONTRACTS[:2]
    binance = BinanceExchange(start_ns=start_ns, seed=1, rate=30, contracts=contracts, history_minutes=60)
    kraken = Exchange(start_ns=start_ns, seed=1, rate=0, pairs=(QUIET,), history_minutes=0)
    async with serve(kraken, clock, binance=binance) as endpoints, asyncio.timeout(PATIENCE_S):
        yield binance, endpoints


def client(endpoints: Endpoints) -> Any:
    """The SDK's client of this venue."""
    sdk = pytest.importorskip(SDK, reason=MISSING)
    from binance_common import configuration

    key = endpoints.venues["binance"].credentials
    base = endpoints.base
    return sdk.DerivativesTradingUsdsFutures(
        config_rest_api=configuration.ConfigurationRestAPI(base_path=f"http://{base}", timeout=10_000, **key),
        config_ws_api=configuration.ConfigurationWebSocketAPI(stream_url=f"ws://{base}/ws-fapi/v1", **key),
        config_ws_streams=configuration.ConfigurationWebSocketStreams(stream_url=f"ws://{base}"),
    )


def by_rest(sdk: Any) -> dict[str, Any]:
    """What it did and saw."""
    rest = sdk.rest_api
    [listed] = [one for one in rest.exchange_information().data().symbols if one.symbol == SYMBOL]
    book = rest.order_book(symbol=SYMBOL, limit=5).data()
    below = round(float(book.bids[0][0]) * 0.98, 1)
    seen: dict[str, Any] = {"tick": listed.filters[0].tick_size}
    rest.change_initial_leverage(symbol=SYMBOL, leverage=7)
    resting = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "price": below}
    placed = rest.new_order(**resting, quantity=0.01).data()
    changed = rest.modify_order(
        symbol=SYMBOL, side="BUY", order_id=placed.order_id, quantity=0.02, price=below
    ).data()
    seen["changed"] = (changed.order_id, changed.orig_qty)
    seen["open"] = [one.order_id for one in rest.current_all_open_orders(symbol=SYMBOL).data()]
    rest.cancel_order(symbol=SYMBOL, order_id=placed.order_id)
    with pytest.raises(Exception, match="Unknown order"):
        rest.cancel_order(symbol=SYMBOL, order_id=placed.order_id)
    seen["bought"] = rest.new_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity=0.01).data().order_id
    stop = {"algo_type": "CONDITIONAL", "symbol": SYMBOL, "side": "SELL", "type": "STOP_MARKET"}
    guard = rest.new_algo_order(**stop, trigger_price=below, close_position="true").data()
    seen["guards"] = [one.algo_id for one in rest.current_all_algo_open_orders(symbol=SYMBOL).data()]
    rest.cancel_algo_order(algo_id=guard.algo_id)
    seen["guard"] = guard.algo_id
    [held] = [one for one in rest.position_information_v3(symbol=SYMBOL).data() if one.symbol == SYMBOL]
    seen["held"] = held.position_amt
    seen["trades"] = [one.id for one in rest.account_trade_list(symbol=SYMBOL).data()]
    [usdt] = [one for one in rest.futures_account_balance_v3().data() if one.asset == "USDT"]
    seen["wallet"] = usdt.balance
    return seen


async def test_its_rest_client_trades() -> None:
    async with venue() as (binance, endpoints):
        seen = await asyncio.to_thread(by_rest, client(endpoints))
        demo = binance.trading.demo
        fills = truth.fills(demo, binance.market.listings)
        wallet = truth.balances(demo)["USDT"]

    (placed, qty) = seen["changed"]
    assert (seen["open"], Decimal(qty)) == ([placed], Decimal("0.02"))
    assert seen["tick"] == "0.10"
    assert demo.setting(SYMBOL).leverage == 7
    assert seen["guards"] == [seen["guard"]]
    assert Decimal(seen["held"]) == Decimal("0.01")
    assert seen["trades"] == [one["trade_id"] for one in fills]
    assert {one["order_id"] for one in fills} == {seen["bought"]}
    assert Decimal(seen["wallet"]) == Decimal(wallet)
    assert (demo.open_orders, demo.open_algos) == ({}, {})


async def test_its_client_of_the_websocket_api_trades() -> None:
    async with venue() as (binance, endpoints):
        connection = await client(endpoints).websocket_api.create_connection()
        try:
            assert (await connection.order_book(symbol=SYMBOL, limit=5)).data().status == 200
            below = round(binance.market.listings[SYMBOL].book.bids.top(1)[0][0] / 10 * 0.98, 1)
            resting = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC"}
            placed = (await connection.new_order(**resting, quantity=0.01, price=below)).data().result
            await connection.modify_order(
                symbol=SYMBOL, side="BUY", order_id=placed.order_id, quantity=0.02, price=below
            )
            told = (await connection.query_order(symbol=SYMBOL, order_id=placed.order_id)).data().result
            await connection.cancel_order(symbol=SYMBOL, order_id=placed.order_id)
            bought = await connection.new_order(
                symbol=SYMBOL, side="BUY", type="MARKET", quantity=0.01, new_order_resp_type="RESULT"
            )
            filled = bought.data().result
        finally:
            await connection.close_connection(close_session=True)
        orders = {one["order_id"]: one for one in truth.orders(binance.trading.demo, binance.market.listings)}

    assert (told.orig_qty, told.status) == ("0.020", "NEW")
    assert orders[placed.order_id]["status"] == "CANCELED"
    assert (filled.status, orders[filled.order_id]["status"]) == ("FILLED", "FILLED")


async def test_its_streams_come_by_their_routes_and_the_accounts_by_its_key() -> None:
    async with venue() as (_, endpoints):
        sdk = client(endpoints)
        key = (await asyncio.to_thread(lambda: sdk.rest_api.start_user_data_stream().data())).listen_key
        connection = await sdk.websocket_streams.create_connection()
        heard: dict[str, list[Any]] = {}
        try:
            for name, stream in {
                "depth": await connection.diff_book_depth_streams(symbol="btcusdt", update_speed="100ms"),
                "best": await connection.individual_symbol_book_ticker_streams(symbol="btcusdt"),
                "mark": await connection.mark_price_stream(symbol="btcusdt", update_speed="1s"),
                "trade": await connection.aggregate_trade_streams(symbol="btcusdt"),
                "account": await connection.user_data(key),
            }.items():
                heard[name] = []
                stream.on("message", heard[name].append)
            order = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": 0.01}
            await asyncio.to_thread(lambda: sdk.rest_api.new_order(**order))
            while not all(heard.values()) or len(heard["depth"]) < 5 or len(heard["account"]) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        finally:
            await connection.close_connection(close_session=True)

    chain = heard["depth"]
    assert all(later.pu == one.u for one, later in pairwise(chain))
    assert all(one.actual_instance is not None for one in heard["account"])

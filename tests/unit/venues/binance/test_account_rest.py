"""The account as REST describes it, whole."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from binance_private import BTC, ETH, T0, algo, contracts
from binance_rest import BinanceRest, Refusal
from leadline.errors import CheckFailed, Rejected, VenueDown
from leadline.model.account import MarginMode
from leadline.model.order import Event, OrderState
from leadline.net.http import Purpose
from leadline.venues.binance import user_events
from leadline.venues.binance.account_rest import AccountRest
from leadline.venues.binance.algo_orders import AlgoOrders
from leadline.venues.binance.algo_reports import algo_of_event
from leadline.venues.binance.rest_account import INCOME_A_PAGE, KEPT_MS, TRADES_A_PAGE, WEEK_MS
from leadline.venues.binance.user_events import MS, AlgoUpdate

OPEN = "GET /fapi/v1/openOrders"
OPEN_ALGOS = "GET /fapi/v1/openAlgoOrders"
ALL_ALGOS = "GET /fapi/v1/allAlgoOrders"
TRADES = "GET /fapi/v1/userTrades"
INCOME = "GET /fapi/v1/income"
POSITIONS = "GET /fapi/v3/positionRisk"
SYMBOLS = "GET /fapi/v1/symbolConfig"
MODES = "GET /fapi/v1/accountConfig"
ASSETS = "GET /fapi/v3/account"


def resting(i: int, **row: Any) -> dict[str, Any]:
    return {
        "orderId": i, "symbol": "BTCUSDT", "status": "NEW", "clientOrderId": f"c{i}", "price": "90000",
        "avgPrice": "0", "origQty": "0.010", "executedQty": "0", "cumQuote": "0", "timeInForce": "GTC",
        "type": "LIMIT", "side": "SELL", "positionSide": "BOTH", "stopPrice": "0", "time": T0,
        "updateTime": T0,
    } | row  # fmt: skip


def waiting(aid: int, status: str = "NEW", **row: Any) -> dict[str, Any]:
    return {
        "algoId": aid, "clientAlgoId": f"a{aid}", "algoType": "CONDITIONAL", "orderType": "STOP_MARKET",
        "symbol": "BTCUSDT", "side": "SELL", "positionSide": "BOTH", "timeInForce": "GTC",
        "quantity": "0.010", "algoStatus": status, "actualOrderId": "", "actualPrice": "0",
        "triggerPrice": "85000", "price": "0", "updateTime": T0, "createTime": T0,
    } | row  # fmt: skip


def matched(number: int, at_ms: int, *, s: str = "BTCUSDT", i: int = 7) -> dict[str, Any]:
    return {
        "symbol": s, "id": number, "orderId": i, "side": "BUY", "positionSide": "BOTH", "price": "90000",
        "qty": "0.001", "commission": "0.018", "commissionAsset": "USDT", "maker": False, "time": at_ms,
    }  # fmt: skip


def earned(number: int, at_ms: int, *, s: str = "BTCUSDT") -> dict[str, Any]:
    return {
        "symbol": s, "incomeType": "COMMISSION", "income": "-0.018", "asset": "USDT", "time": at_ms,
        "tranId": number, "tradeId": str(number),
    }  # fmt: skip


class Rig:
    def __init__(self) -> None:
        self.venue = BinanceRest()
        self.algos = AlgoOrders()
        self.account = AccountRest(self.venue.rest, contracts(), self.algos, self.venue.clock)
        self.venue.answers = {
            OPEN: [], OPEN_ALGOS: [], ALL_ALGOS: [], TRADES: [], INCOME: [], POSITIONS: [],
            SYMBOLS: [{"symbol": "BTCUSDT", "marginType": "CROSSED", "leverage": 21}],
            MODES: {"dualSidePosition": False, "multiAssetsMargin": False, "canTrade": True},
            ASSETS: {"assets": [{"asset": "USDT", "walletBalance": "100", "updateTime": T0}]},
        }  # fmt: skip


async def test_open_orders_are_those_of_both_kinds() -> None:
    rig = Rig()
    rig.venue.answers |= {OPEN: [resting(7)], OPEN_ALGOS: [waiting(5)]}
    reports = await rig.venue.done(rig.account.open_orders(Purpose.ACCOUNT))
    assert [report.order_id for report in reports] == ["BTCUSDT:7", "algo:5"]
    assert all(report.event is Event.STANDS and report.snapshot for report in reports)
    assert [report.state for report in reports] == [OrderState.WORKING] * 2
    assert rig.algos.waiting() == 1


async def test_an_order_that_a_conditional_one_has_placed_is_listed_under_its_name() -> None:
    rig = Rig()
    rig.venue.answers |= {
        OPEN: [resting(88, status="PARTIALLY_FILLED", executedQty="0.004", cumQuote="360")],
        ALL_ALGOS: [waiting(5, "TRIGGERED", actualOrderId="88")],
    }
    (report,) = await rig.venue.done(rig.account.open_orders(Purpose.ACCOUNT))
    assert (report.order_id, report.client_id) == ("algo:5", "a5")
    assert (report.filled_qty, report.state) == (Decimal("0.004"), OrderState.PARTIALLY_FILLED)


async def test_where_an_order_comes_from_is_asked_once() -> None:
    rig = Rig()
    rig.venue.answers |= {OPEN: [resting(7), resting(8)]}
    for _ in range(3):
        await rig.venue.done(rig.account.open_orders(Purpose.ACCOUNT))
    assert rig.venue.names().count(ALL_ALGOS) == 1


async def test_a_conditional_order_missing_from_the_list_is_looked_for() -> None:
    rig = Rig()
    event = user_events.decode(algo("NEW", aid=5))
    assert isinstance(event, AlgoUpdate)
    rig.algos.heard(algo_of_event(event.o, event.T))
    rig.venue.answers |= {ALL_ALGOS: [waiting(5, "TRIGGERED", actualOrderId="88")]}
    await rig.venue.done(rig.account.open_orders(Purpose.ACCOUNT))
    parent = rig.algos.parent("BTCUSDT:88")
    assert parent is not None
    assert parent.algo_id == 5


async def test_a_conditional_order_placed_while_the_list_was_on_its_way_is_not_forgotten() -> None:
    rig = Rig()
    event = user_events.decode(algo("NEW", aid=5))
    assert isinstance(event, AlgoUpdate)
    rig.algos.heard(algo_of_event(event.o, event.T))  # by the stream, after the list had been made
    rig.venue.answers |= {ALL_ALGOS: [waiting(5, updateTime=event.T)]}
    await rig.venue.done(rig.account.open_orders(Purpose.ACCOUNT))
    assert rig.algos.waiting() == 1


async def test_fills_are_read_to_the_last_page_of_every_symbol_that_was_traded() -> None:
    rig = Rig()
    since_ms = T0 - WEEK_MS - 5
    made = [matched(number, since_ms + number // 3) for number in range(2 * TRADES_A_PAGE + 300)]
    made += [matched(9_000, T0 - 1), matched(9_001, T0 - 1), matched(1, T0 - 2, s="ETHUSDT", i=9)]

    def trades(params: dict[str, str]) -> list[dict[str, Any]]:
        own = [row for row in made if row["symbol"] == params["symbol"]]
        if "fromId" in params:
            found = [row for row in own if row["id"] >= int(params["fromId"])]
        else:
            found = [row for row in own if int(params["startTime"]) <= row["time"] <= int(params["endTime"])]
        return found[:TRADES_A_PAGE]

    rig.venue.answers |= {TRADES: trades, INCOME: [earned(1, T0 - 9), earned(2, T0 - 8, s="ETHUSDT")]}
    fills = await rig.venue.done(rig.account.fills(since_ms * MS, T0, Purpose.HISTORY))
    assert sorted(fill.exec_id for fill in fills) == sorted(f"{row['symbol']}:{row['id']}" for row in made)
    assert [fill.venue_ns for fill in fills] == sorted(row["time"] * MS for row in made)
    assert {fill.symbol for fill in fills} == {BTC, ETH}


async def test_nothing_is_asked_of_weeks_that_the_venue_has_forgotten() -> None:
    rig = Rig()
    rig.venue.answers |= {INCOME: [earned(1, T0 - 9)], TRADES: [matched(3, T0 - 9)]}
    fills = await rig.venue.done(rig.account.fills(0, T0, Purpose.HISTORY))
    assert [fill.exec_id for fill in fills] == ["BTCUSDT:3"]
    for name in (INCOME, TRADES):
        starts = [int(params["startTime"]) for asked, params in rig.venue.asked if asked == name]
        assert min(starts) == T0 - KEPT_MS
        assert len(starts) == 13


async def test_a_fill_of_a_triggered_order_bears_the_conditional_ones_name() -> None:
    rig = Rig()
    rig.venue.answers |= {
        OPEN: [resting(88)],
        ALL_ALGOS: [waiting(5, "TRIGGERED", actualOrderId="88")],
        TRADES: [matched(3, T0 - 1, i=88)],
        INCOME: [earned(3, T0 - 1)],
    }
    await rig.venue.done(rig.account.open_orders(Purpose.ACCOUNT))
    (fill,) = await rig.venue.done(rig.account.fills((T0 - 10) * MS, T0, Purpose.HISTORY))
    assert fill.order_id == "algo:5"


async def test_the_ledger_is_read_page_by_page_and_each_booking_told_once() -> None:
    rig = Rig()
    rows = [earned(number, T0 - 3_000 + (number + 1) // 2) for number in range(INCOME_A_PAGE + 500)]

    def income(params: dict[str, str]) -> list[dict[str, Any]]:
        start, end = int(params["startTime"]), int(params["endTime"])
        return [row for row in rows if start <= row["time"] <= end][:INCOME_A_PAGE]

    rig.venue.answers[INCOME] = income
    entries = await rig.venue.done(rig.account.ledger((T0 - 5_000) * MS, T0, Purpose.HISTORY))
    assert len(entries) == len(rows)
    assert sum(entry.amount for entry in entries) == Decimal("-0.018") * len(rows)


async def test_more_bookings_of_one_moment_than_a_page_holds_do_not_stop_the_reading() -> None:
    rig = Rig()
    rows = [earned(number, T0 - 5) for number in range(INCOME_A_PAGE)] + [earned(9_999, T0 - 1)]

    def income(params: dict[str, str]) -> list[dict[str, Any]]:
        return [row for row in rows if row["time"] >= int(params["startTime"])][:INCOME_A_PAGE]

    rig.venue.answers[INCOME] = income
    entries = await rig.venue.done(rig.account.ledger((T0 - 50) * MS, T0, Purpose.HISTORY))
    assert len(entries) == INCOME_A_PAGE + 1


HELD = {
    "symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "0.5", "entryPrice": "90000",
    "isolatedWallet": "0", "marginAsset": "USDT", "updateTime": T0,
}  # fmt: skip


async def test_a_position_comes_with_leverage_and_margin_mode() -> None:
    rig = Rig()
    rig.venue.answers[POSITIONS] = [HELD]
    (position,) = await rig.venue.done(rig.account.positions(Purpose.ACCOUNT))
    assert (position.leverage, position.margin_mode) == (21, MarginMode.CROSS)


async def test_the_configuration_tells_of_the_symbols_that_were_asked_for() -> None:
    rig = Rig()
    alone = await rig.venue.done(rig.account.configuration((), Purpose.ACCOUNT))
    assert alone.symbols == ()
    assert SYMBOLS not in rig.venue.names()
    told = await rig.venue.done(rig.account.configuration((BTC,), Purpose.ACCOUNT))
    assert [(each.symbol, each.leverage) for each in told.symbols] == [(BTC, 21)]
    assert rig.venue.asked[-1] == (SYMBOLS, {"symbol": "BTCUSDT"})


async def test_leverage_beyond_the_brackets_is_refused_before_it_is_sent() -> None:
    rig = Rig()
    rig.venue.answers |= {
        "GET /fapi/v1/leverageBracket": [{"symbol": "BTCUSDT", "brackets": [{"initialLeverage": 20}]}],
        "POST /fapi/v1/leverage": {"leverage": 20, "maxNotionalValue": "1", "symbol": "BTCUSDT"},
    }
    with pytest.raises(CheckFailed, match="between 1 and 20"):
        await rig.venue.done(rig.account.set_leverage(BTC, 21))
    assert "POST /fapi/v1/leverage" not in rig.venue.names()
    assert await rig.venue.done(rig.account.set_leverage(BTC, 20)) == 20


@pytest.mark.parametrize(("code", "fine"), [(-4046, True), (-4048, False)])
async def test_what_is_so_already_is_done(code: int, fine: bool) -> None:
    rig = Rig()
    rig.venue.answers["POST /fapi/v1/marginType"] = Refusal(400, code, "No need to change margin type.")
    work = rig.venue.done(rig.account.set_margin_mode(BTC, MarginMode.CROSS))
    if fine:
        await work
    else:
        with pytest.raises(Rejected):
            await work


async def test_a_snapshot_is_the_whole_account_or_nothing() -> None:
    rig = Rig()
    rig.venue.answers |= {OPEN: [resting(7)], POSITIONS: [HELD]}
    asked_ns = rig.venue.clock.mono_ns()
    told = await rig.venue.done(rig.account.snapshot(Purpose.RECOVERY))
    assert told.asked_ns == asked_ns
    assert [report.order_id for report in told.orders] == ["BTCUSDT:7"]
    assert [(held.asset, held.qty) for held in told.assets] == [("USDT", Decimal(100))]
    assert told.positions[0].leverage == 21
    assert not told.configuration.hedge
    rig.venue.answers[POSITIONS] = Refusal(503, -1008, "Request throttled by system-level protection.")
    with pytest.raises(VenueDown):
        await rig.venue.done(rig.account.snapshot(Purpose.RECOVERY))

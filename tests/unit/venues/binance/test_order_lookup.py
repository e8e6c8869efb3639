from __future__ import annotations

import pytest

from account_rig import virtual
from binance_orders import BTC, WALL_NS, OrdersRig, algo, d, ok, refuse, row
from leadline.clock import NS_PER_S
from leadline.errors import CheckFailed, ConnectionLost, VenueDown
from leadline.model.order import Event, OrderKey, OrderState
from leadline.net.http import Purpose

ORDER = "GET /fapi/v1/order"
ALGO = "GET /fapi/v1/algoOrder"
ALGOS = "GET /fapi/v1/allAlgoOrders"
TRADES = "GET /fapi/v1/userTrades"
NAMED = OrderKey(None, "ours-1", symbol=BTC)
WAITS = OrderKey(None, "ours-1", symbol=BTC, conditional=True)


def trade(number: int, qty: str = "0.004", **changed: object) -> dict[str, object]:
    return {
        "symbol": "BTCUSDT", "id": number, "orderId": 7, "side": "BUY", "price": "80000", "qty": qty,
        "quoteQty": "320", "commission": "0.016", "commissionAsset": "USDT", "maker": True, "time": 5,
    } | changed  # fmt: skip


@virtual
async def test_an_open_order_is_found_by_its_client_id_beside_its_symbol() -> None:
    rig = OrdersRig()
    rig.http.reply(ORDER, ok(row(7)))
    (report,) = await rig.entry.find(NAMED, 0)
    assert (report.event, report.order_id, report.state) == (Event.STANDS, "BTCUSDT:7", OrderState.WORKING)
    assert report.snapshot
    assert rig.http.fields() == {"symbol": "BTCUSDT", "origClientOrderId": "ours-1"}


@virtual
async def test_fills_come_before_the_order_they_belong_to_and_known_ones_not_again() -> None:
    rig = OrdersRig()
    rig.http.reply(ORDER, ok(row(7, status="FILLED", executedQty="0.010", cumQuote="800")))
    rig.http.reply(TRADES, ok([trade(1), trade(2, "0.006"), trade(3, orderId=8)]))
    told = await rig.entry.find(OrderKey("BTCUSDT:7"), 0, known=["BTCUSDT:1"])
    assert [report.event for report in told] == [Event.FILL, Event.STANDS]
    fill = told[0].fill
    assert fill is not None
    assert (fill.exec_id, fill.qty, told[0].client_id) == ("BTCUSDT:2", d("0.006"), "ours-1")
    assert rig.http.fields() == {"symbol": "BTCUSDT", "orderId": "7", "limit": "1000"}


@virtual
async def test_an_order_that_does_not_exist_is_nothing_found_in_either_id_space() -> None:
    rig = OrdersRig()
    for path in (ORDER, ALGO):
        rig.http.reply(path, refuse(-2013, "Order does not exist."))
    assert list(await rig.entry.find(NAMED, 0)) == []
    assert list(await rig.entry.find(WAITS, 0)) == []
    assert rig.http.names() == [ORDER, ALGO]


@virtual
async def test_any_other_failure_is_told_because_it_proves_nothing() -> None:
    rig = OrdersRig()
    rig.http.reply(ORDER, ConnectionLost("cut"), refuse(None, "Unknown error, please check.", 503))
    with pytest.raises(ConnectionLost):
        await rig.entry.find(NAMED, 0)
    with pytest.raises(VenueDown):
        await rig.entry.find(NAMED, 0)


@pytest.mark.parametrize(
    ("key", "path", "answer"),
    [
        (NAMED, ORDER, ok(row(7, clientOrderId="stranger"))),
        (OrderKey("BTCUSDT:8"), ORDER, ok(row(7))),
        (WAITS, ALGO, ok(algo(9, clientAlgoId="stranger"))),
        (OrderKey("algo:8"), ALGO, ok(algo(9))),
    ],
)
def test_an_answer_about_another_order_is_no_evidence(key: OrderKey, path: str, answer: object) -> None:
    @virtual
    async def story() -> None:
        rig = OrdersRig()
        rig.http.reply(path, answer)  # type: ignore[arg-type]
        assert list(await rig.entry.find(key, 0)) == []

    story()


@virtual
async def test_a_triggered_order_is_told_as_what_became_of_the_one_it_has_placed() -> None:
    rig = OrdersRig()
    rig.http.reply(ALGO, ok(algo(9, algoStatus="FINISHED", actualOrderId="7")))
    rig.http.reply(
        ORDER, ok(row(7, clientOrderId="web_x", status="FILLED", executedQty="0.010", side="SELL"))
    )
    rig.http.reply(TRADES, ok([trade(1, "0.010", side="SELL")]))
    fill, order = await rig.entry.find(WAITS, 0)
    assert (fill.order_id, fill.client_id, fill.event) == ("algo:9", "ours-1", Event.FILL)
    assert fill.fill is not None
    assert fill.fill.order_id == "algo:9"
    assert (order.order_id, order.client_id, order.state) == ("algo:9", "ours-1", OrderState.FILLED)


@virtual
async def test_who_asks_hears_when_the_first_request_leaves() -> None:
    rig = OrdersRig()
    rig.http.reply(ORDER, ok(row(7, executedQty="0.004")))
    rig.http.reply(TRADES, ok([trade(1)]))
    left: list[list[str]] = []
    await rig.entry.find(NAMED, 0, leaving=lambda: left.append(rig.http.names()))
    assert left == [[]]


@virtual
async def test_a_client_id_alone_finds_what_is_open_in_either_id_space() -> None:
    rig = OrdersRig()
    alone = OrderKey(None, "ours-1")
    rig.http.reply(ALGO, ok(algo(9)))
    (waiting,) = await rig.entry.find(alone, 0)
    assert waiting.order_id == "algo:9"
    rig.http.reply(ALGO, refuse(-2013, "Order does not exist."))
    rig.http.reply("GET /fapi/v1/openOrders", ok([row(6, clientOrderId="x"), row(7)]), ok([]))
    rig.http.reply(ORDER, ok(row(7)))
    (plain,) = await rig.entry.find(alone, 0)
    assert plain.order_id == "BTCUSDT:7"
    with pytest.raises(CheckFailed, match="only beside its symbol"):
        await rig.entry.find(alone, 0)


@virtual
async def test_orders_by_our_names_of_them_leave_out_what_the_venue_does_not_know() -> None:
    rig = OrdersRig()
    rig.http.reply(ORDER, ok(row(7)), refuse(-2013, "Order does not exist."))
    rig.http.reply(ALGO, ok(algo(9)))
    rig.http.reply(ALGOS, ok([]))
    lookup = rig.entry._lookup  # the account asks it on behalf of others
    told = await lookup.by_id(["BTCUSDT:7", "BTCUSDT:8", "algo:9"], Purpose.ACCOUNT)
    assert [report.order_id for report in told] == ["BTCUSDT:7", "algo:9"]


# Whose order it is, where nobody here has heard of it (dossier §7)

SOLD = {"side": "SELL", "clientOrderId": "x", "positionSide": "BOTH", "status": "FILLED", "type": "MARKET"}
OLD_MS, NEW_MS = WALL_NS // 1_000_000 - 60_000, WALL_NS // 1_000_000


@virtual
async def test_an_order_that_a_conditional_one_has_placed_is_told_under_the_name_of_that_one() -> None:
    rig = OrdersRig()
    rig.http.reply(ORDER, ok(row(7, **SOLD)))
    rig.http.reply(ALGO, ok(algo(9, algoStatus="FINISHED", actualOrderId="7")))
    rig.http.reply(ALGOS, ok([algo(9, algoStatus="FINISHED", actualOrderId="7")]))
    (first,) = await rig.entry._lookup.by_id(["BTCUSDT:7"], Purpose.RECOVERY)
    (again,) = await rig.entry._lookup.by_id(["BTCUSDT:7"], Purpose.RECOVERY)
    assert (first.order_id, again.order_id) == ("algo:9", "algo:9")
    assert rig.http.names() == [ORDER, ALGOS, ALGO, ORDER]


@virtual
async def test_an_order_that_a_conditional_one_may_have_placed_is_left_out() -> None:
    for status, made_ms in (("TRIGGERING", OLD_MS), ("NEW", NEW_MS)):
        rig = OrdersRig()
        rig.http.reply(ORDER, ok(row(7, **SOLD, time=made_ms)))
        rig.http.reply(ALGO, ok(algo(9, algoStatus=status)))
        rig.http.reply(ALGOS, ok([algo(9, algoStatus=status)]))
        assert await rig.entry._lookup.by_id(["BTCUSDT:7"], Purpose.RECOVERY) == []


@virtual
async def test_one_that_none_has_placed_is_by_itself_and_asked_about_once() -> None:
    rig = OrdersRig()
    rig.http.reply(ORDER, ok(row(7, **SOLD, time=OLD_MS)), ok(row(8, **SOLD, time=OLD_MS)))
    rig.http.reply(ALGO, ok(algo(9)))
    rig.http.reply(ALGOS, ok([algo(9)]))
    told = await rig.entry._lookup.by_id(["BTCUSDT:7", "BTCUSDT:8", "BTCUSDT:8"], Purpose.RECOVERY)
    assert [report.order_id for report in told] == ["BTCUSDT:7", "BTCUSDT:8", "BTCUSDT:8"]
    assert rig.http.names() == [ORDER, ALGOS, ALGO, ORDER, ALGO, ORDER]


@virtual
async def test_the_venues_own_order_and_ours_are_nobody_elses_and_need_no_question() -> None:
    rig = OrdersRig()
    rig.entry.algos.ours("mine")
    ours, forced = SOLD | {"clientOrderId": "mine"}, SOLD | {"clientOrderId": "adl_autoclose"}
    rig.http.reply(ORDER, ok(row(7, **ours)), ok(row(8, **forced)))
    told = await rig.entry._lookup.by_id(["BTCUSDT:7", "BTCUSDT:8"], Purpose.RECOVERY)
    assert [report.order_id for report in told] == ["BTCUSDT:7", "BTCUSDT:8"]
    assert rig.http.names() == [ORDER, ORDER]


# What the venue forgets (dossier §6.4, §8.5)

OPEN = "GET /fapi/v1/openOrders"
NO_ORDER = refuse(-2013, "Order does not exist.")
DAY_NS = 86_400 * NS_PER_S


@virtual
async def test_an_old_order_that_is_neither_open_nor_known_has_ended_without_a_fill() -> None:
    rig = OrdersRig()
    rig.http.reply(ORDER, NO_ORDER)
    rig.http.reply(OPEN, ok([row(8)]))
    (report,) = await rig.entry.find(OrderKey("BTCUSDT:7"), WALL_NS - 5 * DAY_NS)
    assert (report.event, report.state) == (Event.CANCELED, OrderState.CANCELED)
    assert report.order_id == "BTCUSDT:7"
    assert report.filled_qty is None
    assert "remembers" in report.reason
    assert rig.http.fields() == {"symbol": "BTCUSDT"}


@virtual
async def test_an_old_order_that_is_open_all_the_same_is_told_as_open() -> None:
    rig = OrdersRig()
    rig.http.reply(ORDER, NO_ORDER)
    rig.http.reply(OPEN, ok([row(7)]))
    (report,) = await rig.entry.find(OrderKey("BTCUSDT:7"), WALL_NS - 5 * DAY_NS)
    assert report.state is OrderState.WORKING


@pytest.mark.parametrize(
    ("key", "days"), [(OrderKey("BTCUSDT:7"), 3), (NAMED, 5), (OrderKey("BTCUSDT:7"), -400)]
)
def test_nothing_is_concluded_of_a_young_order_or_of_one_that_may_never_have_been(
    key: OrderKey, days: int
) -> None:
    @virtual
    async def story() -> None:
        rig = OrdersRig()
        rig.http.reply(ORDER, NO_ORDER)
        assert await rig.entry.find(key, WALL_NS - days * DAY_NS) == []

    story()


@virtual
async def test_matches_of_an_old_order_are_asked_for_by_weeks() -> None:
    rig = OrdersRig()
    day_ms = 86_400_000
    now_ms = WALL_NS // 1_000_000
    made_ms, last_ms = now_ms - 20 * day_ms, now_ms - 9 * day_ms
    told = row(7, status="FILLED", executedQty="0.010", time=made_ms, updateTime=last_ms)
    rig.http.reply(ORDER, ok(told))
    early, late = trade(1, time=made_ms), trade(2, "0.006", time=last_ms)
    rig.http.reply(TRADES, ok([]), ok([early]), ok([late]))
    reports = await rig.entry.find(OrderKey("BTCUSDT:7"), 0)
    assert [report.fill.qty for report in reports if report.fill] == [d("0.004"), d("0.006")]
    spans = [
        (fields.get("startTime"), fields.get("endTime")) for name, fields in rig.http.asked if name == TRADES
    ]
    week_ms = 7 * day_ms
    assert spans == [
        (None, None),
        (str(made_ms), str(made_ms + week_ms - 1)),
        (str(made_ms + week_ms), str(last_ms)),
    ]


@virtual
async def test_a_match_that_is_not_there_yet_is_not_searched_through_the_years() -> None:
    rig = OrdersRig()
    now_ms = WALL_NS // 1_000_000
    rig.http.reply(ORDER, ok(row(7, status="FILLED", executedQty="0.010", time=now_ms, updateTime=now_ms)))
    rig.http.reply(TRADES, ok([]))
    await rig.entry.find(OrderKey("BTCUSDT:7"), 0)
    assert rig.http.names() == [ORDER, TRADES]

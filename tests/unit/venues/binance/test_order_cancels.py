from __future__ import annotations

from typing import Any

import pytest

from account_rig import virtual
from binance_orders import BTC, OrdersRig, ScriptedApi, algo, no, ok, refuse, row
from leadline.errors import Acted, ConnectFailed, ConnectionLost, Rejected, VenueDown
from leadline.model.order import OrderKey
from leadline.venues.ports import Path

ONE = "DELETE /fapi/v1/order"
MANY = "DELETE /fapi/v1/batchOrders"
WAITING = "DELETE /fapi/v1/algoOrder"
ALL = "DELETE /fapi/v1/allOpenOrders"
ALL_WAITING = "DELETE /fapi/v1/algoOpenOrders"
OPEN = "GET /fapi/v1/openOrders"
OPEN_WAITING = "GET /fapi/v1/openAlgoOrders"
GONE = refuse(-2011, "Unknown order sent.")


@virtual
async def test_orders_are_cancelled_each_in_its_id_space_on_the_stream() -> None:
    rig = OrdersRig()
    api = ScriptedApi(rig)
    api.reply("order.cancel", row(7, status="CANCELED"))
    api.reply("algoOrder.cancel", {"result": {"algoId": 9, "code": "200", "msg": "success"}, "status": 200})
    keys = [OrderKey("BTCUSDT:7"), OrderKey("algo:9"), OrderKey(None, "mine", symbol=BTC)]
    assert await rig.entry.cancel(keys, Path.STREAM) == [None, None, None]
    told = [
        {name: params[name] for name in params if "rder" in name or "lgo" in name} for _, params in api.asked
    ]
    assert told == [{"orderId": 7}, {"algoId": 9}, {"origClientOrderId": "mine"}]


@virtual
async def test_several_of_one_contract_go_by_rest_in_one_request() -> None:
    rig = OrdersRig()
    rig.http.reply(MANY, ok([row(7), {"code": -2011, "msg": "Unknown order sent."}]))
    rig.http.reply(ONE, ok(row(1)))
    keys = [OrderKey("BTCUSDT:7"), OrderKey("BTCUSDT:8"), OrderKey("ETHUSDT:1")]
    first, second, third = await rig.entry.cancel(keys, Path.REST)
    assert (first, third) == (None, None)
    assert isinstance(second, Rejected)
    assert rig.http.names() == [MANY, ONE]


@virtual
async def test_an_unknown_order_is_no_verdict() -> None:
    rig = OrdersRig()
    rig.http.reply(ONE, GONE)
    (error,) = await rig.entry.cancel([OrderKey("BTCUSDT:7")], Path.REST)
    assert isinstance(error, Rejected)
    assert error.acted is Acted.MAYBE


@virtual
async def test_an_order_that_was_triggered_is_cancelled_as_the_one_it_has_placed() -> None:
    rig = OrdersRig()
    rig.http.reply(WAITING, GONE)
    rig.http.reply("GET /fapi/v1/algoOrder", ok(algo(9, algoStatus="TRIGGERED", actualOrderId="77")))
    rig.http.reply(ONE, ok(row(77)))
    assert await rig.entry.cancel([OrderKey("algo:9")], Path.REST) == [None]
    assert rig.http.fields() == {"symbol": "BTCUSDT", "orderId": "77"}


@pytest.mark.parametrize(
    "found", [ok(algo(9, algoStatus="CANCELED")), refuse(-2013, "Order does not exist.")]
)
def test_one_that_is_over_stays_refused(found: object) -> None:
    @virtual
    async def story() -> None:
        rig = OrdersRig()
        rig.http.reply(WAITING, GONE)
        rig.http.reply("GET /fapi/v1/algoOrder", found)  # type: ignore[arg-type]
        (error,) = await rig.entry.cancel([OrderKey("algo:9")], Path.REST)
        assert isinstance(error, Rejected)

    story()


@virtual
async def test_a_client_id_alone_is_cancelled_where_it_is_open() -> None:
    rig = OrdersRig()
    rig.http.reply("GET /fapi/v1/algoOrder", ok(algo(9)))
    rig.http.reply(WAITING, ok({"algoId": 9, "code": "200"}))
    assert await rig.entry.cancel([OrderKey(None, "ours-1")], Path.REST) == [None]
    assert rig.http.fields() == {"algoId": "9"}


@virtual
async def test_a_name_that_cannot_be_cancelled_is_told_and_the_others_are_cancelled() -> None:
    rig = OrdersRig()
    rig.http.reply(ONE, ok(row(7)))
    refused, taken = await rig.entry.cancel([OrderKey("c0ffee"), OrderKey("BTCUSDT:7")], Path.REST)
    assert taken is None
    assert isinstance(refused, Rejected)
    assert "SYMBOL:NUMBER" in refused.text
    assert rig.http.names() == [ONE]


@virtual
async def test_an_answer_that_is_lost_keeps_no_other_cancel_from_being_sent() -> None:
    rig = OrdersRig()
    rig.http.reply(MANY, ConnectionLost("cut"))
    rig.http.reply(WAITING, ConnectionLost("cut"), ok({"algoId": 10, "code": "200"}))
    rig.http.reply(ONE, ok(row(1)))
    keys = [OrderKey(name) for name in ("BTCUSDT:7", "BTCUSDT:8", "algo:9", "algo:10", "ETHUSDT:1")]
    with pytest.raises(ConnectionLost):
        await rig.entry.cancel(keys, Path.REST)
    assert sorted(rig.http.names()) == sorted([MANY, WAITING, WAITING, ONE])


@virtual
async def test_a_trigger_that_cannot_be_looked_up_leaves_its_order_refused_and_the_others_cancelled() -> None:
    rig = OrdersRig()
    rig.http.reply(WAITING, GONE)
    rig.http.reply("GET /fapi/v1/algoOrder", ConnectionLost("cut"))
    rig.http.reply(ONE, ok(row(7)))
    refused, taken = await rig.entry.cancel([OrderKey("algo:9"), OrderKey("BTCUSDT:7")], Path.REST)
    assert isinstance(refused, Rejected)
    assert taken is None


@virtual
async def test_a_stream_that_does_not_answer_leaves_cancels_to_the_other_way() -> None:
    rig = OrdersRig()
    with pytest.raises(ConnectFailed):
        await rig.entry.cancel([OrderKey("BTCUSDT:7")], Path.STREAM)
    api = ScriptedApi(rig)
    api.reply("order.cancel", None, no(-2011))
    with pytest.raises(ConnectionLost):
        await rig.entry.cancel([OrderKey("BTCUSDT:7"), OrderKey("BTCUSDT:8")], Path.STREAM)
    api.reply("order.cancel", no(-2011))
    (error,) = await rig.entry.cancel([OrderKey("BTCUSDT:8")], Path.STREAM)
    assert isinstance(error, Rejected)


# Everything


@virtual
async def test_where_one_cancel_never_left_and_another_did_nobody_says_that_none_has() -> None:
    rig = OrdersRig()
    rig.http.reply(ONE, ConnectFailed("no way"), ok(row(1)))
    with pytest.raises(ConnectFailed) as failed:
        await rig.entry.cancel([OrderKey("BTCUSDT:7"), OrderKey("ETHUSDT:1")], Path.REST)
    assert failed.value.acted is Acted.MAYBE

    rig = OrdersRig()
    rig.http.reply(ONE, ConnectFailed("no way"))
    with pytest.raises(ConnectFailed) as failed:
        await rig.entry.cancel([OrderKey("BTCUSDT:7"), OrderKey("ETHUSDT:1")], Path.REST)
    assert failed.value.acted is Acted.NO


@pytest.mark.parametrize("failure", [refuse(-1001, "Internal error", 500), ConnectionLost("cut")])
def test_a_name_that_cannot_be_looked_up_keeps_no_other_cancel_from_leaving(failure: Any) -> None:
    @virtual
    async def story() -> None:
        rig = OrdersRig()
        rig.http.reply("GET /fapi/v1/algoOrder", failure)
        rig.http.reply(ONE, ok(row(7)))
        stranger, known = OrderKey(None, "somebody's"), OrderKey("BTCUSDT:7")
        unknown, done = await rig.entry.cancel([stranger, known], Path.REST)
        assert isinstance(unknown, VenueDown)
        assert done is None
        with pytest.raises((VenueDown, ConnectionLost)):
            raise (await rig.entry.cancel([stranger], Path.REST))[0] or AssertionError

    story()


@virtual
async def test_cancelling_everything_means_orders_and_waiting_orders_of_every_symbol() -> None:
    rig = OrdersRig()
    rig.http.reply(OPEN, ok([row(7), row(8), row(1, symbol="ETHUSDT")]), ok([]))
    rig.http.reply(OPEN_WAITING, ok([algo(9), algo(10, symbol="OLDUSDT")]), ok([]))
    rig.http.reply(ALL, ok({"code": 200, "msg": "done"}))
    rig.http.reply(ALL_WAITING, ok({"code": 200, "msg": "done"}))
    assert await rig.entry.cancel_all(Path.STREAM) == 5
    told = [(name, fields["symbol"]) for name, fields in rig.http.asked if name in (ALL, ALL_WAITING)]
    assert told == [(ALL, "BTCUSDT"), (ALL, "ETHUSDT"), (ALL_WAITING, "BTCUSDT"), (ALL_WAITING, "OLDUSDT")]


@virtual
async def test_what_a_trigger_places_in_between_is_cancelled_too() -> None:
    rig = OrdersRig()
    rig.http.reply(OPEN, ok([]), ok([row(77)]), ok([]))
    rig.http.reply(OPEN_WAITING, ok([algo(9)]), ok([]), ok([]))
    rig.http.reply(ALL, ok())
    rig.http.reply(ALL_WAITING, ok())
    assert await rig.entry.cancel_all(Path.REST) == 2
    assert rig.http.names().count(ALL) == 1


@virtual
async def test_with_nothing_open_nothing_is_cancelled() -> None:
    rig = OrdersRig()
    rig.http.reply(OPEN, ok([]))
    rig.http.reply(OPEN_WAITING, ok([]))
    assert await rig.entry.cancel_all(Path.REST) == 0
    assert rig.http.names() == [OPEN_WAITING, OPEN]


@virtual
async def test_what_fails_for_one_contract_keeps_no_other_standing_and_is_tried_again() -> None:
    rig = OrdersRig()
    rig.http.reply(OPEN, ok([row(7), row(8, symbol="ETHUSDT")]), ok([row(7)]), ok([]))
    rig.http.reply(OPEN_WAITING, ok([]))
    rig.http.reply(ALL, refuse(None, "Service Unavailable.", 503), ok())
    assert await rig.entry.cancel_all(Path.REST) == 2
    asked = [fields["symbol"] for name, fields in rig.http.asked if name == ALL]
    assert asked == ["BTCUSDT", "ETHUSDT", "BTCUSDT"]


@virtual
async def test_what_fails_in_every_round_is_told_at_the_end() -> None:
    rig = OrdersRig()
    rig.http.reply(OPEN, ok([row(7)]))
    rig.http.reply(OPEN_WAITING, ok([]))
    rig.http.reply(ALL, refuse(-1008, "Request throttled by system-level protection.", 503))
    with pytest.raises(VenueDown, match="-1008"):
        await rig.entry.cancel_all(Path.REST)
    assert rig.http.names().count(ALL) == 3


@virtual
async def test_what_is_gone_after_the_last_round_is_no_failure() -> None:
    rig = OrdersRig()
    rig.http.reply(OPEN, *(ok([row(number)]) for number in (7, 8, 9)), ok([]))
    rig.http.reply(OPEN_WAITING, ok([]))
    rig.http.reply(ALL, ok())
    assert await rig.entry.cancel_all(Path.REST) == 3


@virtual
async def test_orders_that_stay_open_are_told_after_the_last_round() -> None:
    rig = OrdersRig()
    rig.http.reply(OPEN, ok([row(7)]))
    rig.http.reply(OPEN_WAITING, ok([]))
    rig.http.reply(ALL, ok())
    with pytest.raises(VenueDown, match="still open after 3 rounds") as caught:
        await rig.entry.cancel_all(Path.REST)
    assert caught.value.acted is Acted.MAYBE

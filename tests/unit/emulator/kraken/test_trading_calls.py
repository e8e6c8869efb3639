from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest

from emulated import OTHER, QUIET, START_NS, S, emulated
from signed import Signed
from vectors import VECTORS, needs_vectors

ROW = {"type": "buy", "ordertype": "limit", "volume": "0.01", "price": "30000"}


def caller() -> Signed:
    return Signed(emulated(rate=0, pairs=(QUIET, OTHER)))


def test_an_order_is_placed_and_described() -> None:
    call = caller()
    told = call(
        "AddOrder", pair="XXBTZUSD", **ROW,
        **{"close[ordertype]": "stop-loss-limit", "close[price]": "22000", "close[price2]": "21000"},
    )  # fmt: skip

    assert told["descr"] == {
        "order": "buy 0.01000000 XBTUSD @ limit 30000.0",
        "close": "close position @ stop loss 22000.0 -> limit 21000.0",
    }
    [txid] = told["txid"]
    assert call.account.orders[txid].open


@pytest.mark.parametrize("pair", ["XBTUSD", "XXBTZUSD", "BTC/USD", "XBT/USD"])
def test_a_pair_goes_by_all_its_names(pair: str) -> None:
    assert caller()("AddOrder", pair=pair, **ROW)["txid"]


def test_an_unknown_pair_is_refused() -> None:
    assert caller().refusal("AddOrder", pair="NOPE", **ROW) == "EQuery:Unknown asset pair"


def test_a_validated_order_has_no_id_and_is_not_placed() -> None:
    call = caller()

    assert call("AddOrder", pair="XBTUSD", validate="true", **ROW).keys() == {"descr"}
    assert call.account.orders == {}


def test_what_the_engine_refuses_is_said_with_its_text() -> None:
    call = caller()
    order = {"pair": "XBTUSD", **ROW}

    assert call.refusal("AddOrder", **order | {"volume": "10000"}) == "EOrder:Insufficient funds"
    assert call.refusal("AddOrder", **order | {"volume": "0.00001"}).startswith(
        "EGeneral:Invalid arguments:volume"
    )


def test_a_batch_answers_row_by_row() -> None:
    call = caller()
    rows = [ROW, {**ROW, "volume": "10000"}, {**ROW, "cl_ord_id": "mine"}]
    told = call.by_json("AddOrderBatch", pair="XBTUSD", orders=rows)["orders"]

    assert [set(row) for row in told] == [{"txid", "descr"}, {"error"}, {"txid", "descr"}]
    assert told[1]["error"] == "EOrder:Insufficient funds"
    order = call.account.by_cl_ord_id("mine")
    assert order is not None
    assert order.order_id == told[2]["txid"]


@pytest.mark.parametrize("number", [1, 16])
def test_a_batch_has_2_to_15_orders(number: int) -> None:
    told = caller().told("AddOrderBatch", {"pair": "XBTUSD", "orders": [ROW] * number}, as_json=True)

    assert told["error"] == ["EGeneral:Invalid arguments:orders"]


def test_one_malformed_row_refuses_the_whole_batch() -> None:
    call = caller()
    rows = [ROW, {**ROW, "price": "30000.05"}]
    told = call.told("AddOrderBatch", {"pair": "XBTUSD", "orders": rows}, as_json=True)

    assert told["error"] == ["EOrder:Tick size check failed"]
    assert call.account.orders == {}


def test_an_order_is_amended_by_either_id() -> None:
    call = caller()
    txid = call.place(cl_ord_id="mine")
    first = call("AmendOrder", txid=txid, limit_price="30001")
    second = call("AmendOrder", cl_ord_id="mine", order_qty="0.02")

    assert first["amend_id"] != second["amend_id"]
    assert call.account.orders[txid].limit_price == 300_010
    assert [row["amend_type"] for row in call("OrderAmends", order_id=txid)["amends"]] == [
        "original", "user", "user",
    ]  # fmt: skip


def test_an_amendment_needs_one_order_that_exists() -> None:
    call = caller()

    assert call.refusal("AmendOrder", limit_price="1") == "EGeneral:Invalid arguments:txid"
    assert call.refusal("AmendOrder", cl_ord_id="gone", limit_price="1") == "EOrder:Unknown order"


def test_an_edit_makes_a_new_order_in_the_place_of_the_old() -> None:
    call = caller()
    old = call.place()
    told = call("EditOrder", pair="XBTUSD", txid=old, price="30500", volume="0.02")

    assert (told["status"], told["originaltxid"], told["orders_cancelled"]) == ("ok", old, 1)
    assert (told["volume"], told["price"]) == ("0.02000000", "30500.0")
    assert not call.account.orders[old].open
    assert call.account.orders[told["txid"]].open


def test_an_edit_finds_its_order_by_a_unique_userref_in_its_own_pair() -> None:
    call = caller()
    call.place(userref="7")
    assert call("EditOrder", pair="XBTUSD", txid="7", price="30500")["txid"]
    assert call.refusal("EditOrder", pair="XBTUSD", txid="8", price="1") == "EOrder:Unknown order"

    one = call.place(userref="9")
    call.place(userref="9")
    assert call.refusal("EditOrder", pair="XBTUSD", txid="9") == "EGeneral:Invalid arguments:txid"
    assert call.refusal("EditOrder", pair="XDGUSD", txid=one, price="1") == "EOrder:Invalid order"


def test_an_order_is_cancelled_by_id_client_id_and_userref() -> None:
    call = caller()
    by_id = call.place()
    call.place(cl_ord_id="mine")
    call.place(userref="7")
    call.place(userref="7")

    assert call("CancelOrder", txid=by_id) == {"count": 1}
    assert call("CancelOrder", cl_ord_id="mine") == {"count": 1}
    assert call("CancelOrder", txid="7") == {"count": 2}
    assert call.account.open_orders == {}


@pytest.mark.parametrize("named", [{"txid": "OAAAAA-BBBBB-CCCCCC"}, {"cl_ord_id": "gone"}, {"txid": "3"}])
def test_what_is_not_open_cannot_be_cancelled(named: dict[str, str]) -> None:
    assert caller().refusal("CancelOrder", **named) == "EOrder:Unknown order"


def test_a_cancelled_order_is_unknown_to_the_next_cancel() -> None:
    call = caller()
    txid = call.place()
    call("CancelOrder", txid=txid)

    assert call.refusal("CancelOrder", txid=txid) == "EOrder:Unknown order"


def test_a_batch_of_cancels_counts_what_was_open() -> None:
    call = caller()
    first, second = call.place(), call.place()
    call.place(cl_ord_id="mine")
    call.place(userref="7")

    assert call.by_json("CancelOrderBatch", orders=[first, 7, "OAAAAA-BBBBB-CCCCCC"]) == {"count": 2}
    assert call.by_json("CancelOrderBatch", orders=[second], cl_ord_ids=["mine", "gone"]) == {"count": 2}
    many = call.told("CancelOrderBatch", {"orders": ["x"] * 51}, as_json=True)
    assert many["error"] == ["EGeneral:Invalid arguments:orders"]


def test_all_orders_are_cancelled_at_once() -> None:
    call = caller()
    call.place()
    call.place()

    assert call("CancelAll") == {"count": 2}
    assert call("CancelAll") == {"count": 0}


def test_the_dead_man_switch_tells_when_it_will_fire_and_does() -> None:
    call = caller()
    call.place()
    told = call("CancelAllOrdersAfter", timeout="60")
    assert told == {"currentTime": "2026-09-21T14:13:20Z", "triggerTime": "2026-09-21T14:14:20Z"}

    call.exchange.advance(START_NS + 61 * S)
    call.now_ns = START_NS + 61 * S
    assert call("OpenOrders") == {"open": {}}


def test_the_dead_man_switch_is_disarmed_by_0() -> None:
    call = caller()
    call.place()
    call("CancelAllOrdersAfter", timeout="60")
    assert call("CancelAllOrdersAfter", timeout="0")["triggerTime"] == "0"

    call.now_ns = START_NS + 61 * S
    assert len(call("OpenOrders")["open"]) == 1


@pytest.mark.parametrize("fields", [{}, {"timeout": "-1"}, {"timeout": "86400"}, {"timeout": "x"}])
def test_a_timeout_is_whole_seconds_below_a_day(fields: dict[str, Any]) -> None:
    assert caller().refusal("CancelAllOrdersAfter", **fields) == "EGeneral:Invalid arguments:timeout"


def test_a_late_order_is_dropped_and_nothing_happened() -> None:
    call = caller()
    refused = call.refusal("AddOrder", pair="XBTUSD", deadline="2026-09-21T14:13:19Z", **ROW)

    assert refused == "EService:Deadline elapsed"
    assert call.account.orders == {}


@needs_vectors
def test_every_recorded_order_of_ccxt_is_understood() -> None:
    litecoin = replace(QUIET, symbol="LTC/USDT", price=100_0, qty_min=1_000, marginable=True)
    known = json.loads((VECTORS / "kraken" / "rest" / "expected_requests_ccxt.json").read_text())["vectors"]
    bodies = [one["body"] for one in known if one["url"].endswith("/AddOrder")]
    call = Signed(emulated(rate=0, pairs=(replace(QUIET, marginable=True), litecoin)))
    # The book is no real one: what counts is that no parameter is refused.
    answers = [call.told("AddOrder", _without_nonce(body)) for body in bodies]

    assert len(answers) > 5
    for body, answer in zip(bodies, answers, strict=True):
        position = "reduce_only=true" in body
        assert answer["error"] == (["EOrder:Reduce only:No position exists"] if position else []), body


def _without_nonce(body: str) -> dict[str, str]:
    return {name: value for name, value in parse_qsl(body) if name != "nonce"}

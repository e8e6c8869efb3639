"""Trading by REST: requests like another client's, answers row by row, nothing spent of the REST counter."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest

from kraken_private import DEADLINE_NS, ENDPOINTS, SYMBOLS, fixture, limit, ok, placement, read
from leadline.clock import NS_PER_S
from leadline.errors import Acted, ProtocolError, RateLimited, Rejected
from leadline.model.market import Side
from leadline.model.order import (
    ConditionalClose,
    FeeIn,
    OrderKey,
    OrderKind,
    OrderRequest,
    PriceType,
    Trigger,
)
from leadline.net.http import Purpose
from leadline.venues.kraken import rest_funding, rest_orders
from leadline.venues.kraken import rest_trading as trading
from leadline.venues.kraken.rest_private import PrivateEndpoint
from leadline.venues.ports import Placed, Placement
from vectors import VECTORS, needs_vectors

TWO = [placement(limit(), "a"), placement(limit(side=Side.SELL), "b")]


# Requests


def ltc(kind: OrderKind, side: Side = Side.SELL, **changes: Any) -> PrivateEndpoint[Placed]:
    request = limit(**{"symbol": "LTC/USDT", "side": side, "kind": kind, "qty": Decimal("0.1")} | changes)
    return trading.add_order(placement(request), "LTCUSDT")


def btc(kind: OrderKind, qty: str, limit_price: str, trigger: Trigger, **changes: Any) -> OrderRequest:
    return limit(
        side=Side.SELL, kind=kind, qty=Decimal(qty), limit_price=Decimal(limit_price), trigger=trigger,
        reduce_only=True, **changes,
    )  # fmt: skip


EXPRESSED: dict[str, PrivateEndpoint[Any]] = {
    "Spot market buy": ltc(OrderKind.MARKET, Side.BUY, limit_price=None),
    "Stop loss limit order (type 2)": ltc(
        OrderKind.STOP_LOSS_LIMIT, limit_price=Decimal(54), trigger=Trigger(Decimal(55))
    ),
    "take profit limit order": ltc(
        OrderKind.TAKE_PROFIT_LIMIT, limit_price=Decimal(110), trigger=Trigger(Decimal(120))
    ),
    "order with multiple oflags combined": ltc(
        OrderKind.LIMIT, Side.BUY, limit_price=Decimal(50), post_only=True, fee_in=FeeIn.BASE
    ),
    "usdt order": ltc(OrderKind.MARKET, Side.BUY, qty=None, limit_price=None, cost=Decimal(10)),
    "Spot private trades": rest_orders.trades_history(SYMBOLS, after_s=1699457638),
    "Spot closed orders": rest_orders.closed_orders(SYMBOLS),
    "Cancel spot orders": trading.cancel_all(),
    "Cancel spot orders after": trading.cancel_all_orders_after(10),
    "cancel open trailing percent order": trading.cancel_order(OrderKey("OF7S76-H2IMS-N2ML4U")),
    "fetch USDT ledger": rest_orders.ledgers(SYMBOLS, rest_asset="USDT"),
    "Fetch deposit since": rest_funding.deposit_status(SYMBOLS, rest_asset="USDT", after_s=1670935203),
}

MARGIN: dict[str, OrderRequest] = {
    "Margin stopLossPrice order (type 2)": btc(
        OrderKind.STOP_LOSS_LIMIT, "0.00012", "34000", Trigger(Decimal(35000))
    ),
    "Margin takeProfitPrice order (type 2)": btc(
        OrderKind.TAKE_PROFIT_LIMIT, "0.0001", "46000", Trigger(Decimal(45000))
    ),
    "Margin trailing limit order": btc(
        OrderKind.TRAILING_STOP_LIMIT,
        "0.0002",
        "-100",
        Trigger(Decimal(100), PriceType.QUOTE),
        limit_price_type=PriceType.QUOTE,
    ),
}  # fmt: skip
"""Not to be expressed: they state a leverage, which a request does not. All else of them is compared."""

LEFT_OUT = {"fetch positions"}
"""Not to be expressed: positions consolidated by market have no id to know one by."""

OURS_ONLY = {"cl_ord_id", "deadline", "consolidate_taker"}
"""What each of ours says beyond the other client's: a name, a deadline, and fills one by one."""


@needs_vectors
def test_requests_are_those_of_another_client() -> None:
    vectors = json.loads((VECTORS / "kraken" / "rest" / "expected_requests_ccxt.json").read_text())["vectors"]
    theirs = {one["description"]: one for one in vectors if "/private/" in one["url"]}
    assert set(theirs) == set(EXPRESSED) | set(MARGIN) | LEFT_OUT
    for description, endpoint in EXPRESSED.items():
        body = {pair for pair in parse_qsl(theirs[description]["body"]) if pair[0] != "nonce"}
        assert theirs[description]["url"].endswith(f"/0/private/{endpoint.name}")
        assert {pair for pair in endpoint.fields if pair[0] not in OURS_ONLY} == body
    for description, request in MARGIN.items():
        body = set(parse_qsl(theirs[description]["body"])) - {("leverage", "5"), ("trigger", "last")}
        fields = trading.add_order(placement(request), "XXBTZUSD").fields
        ours = {pair for pair in fields if pair[0] not in OURS_ONLY}
        assert ours == {pair for pair in body if pair[0] != "nonce"}


@pytest.mark.parametrize("name", ["AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder"])
def test_what_changes_orders_costs_the_order_counter_only(name: str) -> None:
    assert (ENDPOINTS[name].cost, ENDPOINTS[name].purpose) == (0.0, Purpose.ORDER)


@pytest.mark.parametrize("name", ["CancelOrder", "CancelOrderBatch", "CancelAll", "CancelAllOrdersAfter"])
def test_what_cancels_orders_goes_as_a_cancel(name: str) -> None:
    assert (ENDPOINTS[name].cost, ENDPOINTS[name].purpose) == (0.0, Purpose.CANCEL)


def test_an_order_is_cancelled_by_its_surest_name() -> None:
    assert trading.cancel_order(OrderKey("O1", "abc", 7)).fields == (("txid", "O1"),)
    assert trading.cancel_order(OrderKey(None, "abc", 7)).fields == (("cl_ord_id", "abc"),)
    assert trading.cancel_order(OrderKey(userref=7)).fields == (("txid", "7"),)
    assert trading.cancel_order_batch(["O1", "O2"]).nested == (("orders", '["O1", "O2"]'),)


def test_a_batch_says_the_pair_and_the_earliest_deadline_once_and_the_rest_by_row() -> None:
    close = ConditionalClose(OrderKind.STOP_LOSS, trigger_price=Decimal(27000))
    early = placement(limit(close=close, validate=True), userref=4)
    late = Placement("b", None, limit(validate=True), DEADLINE_NS + NS_PER_S)
    endpoint = trading.add_order_batch([late, early], "XXBTZUSD")
    assert set(endpoint.fields) == {
        ("pair", "XXBTZUSD"), ("deadline", "2023-11-14T22:13:22.345Z"), ("validate", "true"),
    }  # fmt: skip
    first, second = json.loads(dict(endpoint.nested)["orders"])
    assert first == {
        "type": "buy", "ordertype": "limit", "volume": "1.25", "price": "37500", "cl_ord_id": "b",
    }  # fmt: skip
    assert second["close"] == {"ordertype": "stop-loss", "price": "27000"}
    assert second["userref"] == "4"


# Answers


def test_a_placed_order_has_its_id_and_a_validated_one_none() -> None:
    endpoint = trading.add_order(placement(limit()), "XXBTZUSD")
    assert read(endpoint, ok({"descr": {"order": "…"}, "txid": ["OUF4EM"]})) == Placed("OUF4EM")
    with pytest.raises(ProtocolError, match="names no order"):
        read(endpoint, ok({"descr": {"order": "…"}}))
    validated = trading.add_order(placement(limit(validate=True)), "XXBTZUSD")
    assert read(validated, ok({"descr": {"order": "…"}})) == Placed("")


def test_rows_of_a_batch_are_taken_or_refused_one_by_one() -> None:
    rows = [{"txid": "O5OR23", "descr": {"order": "…"}}, {"error": "EOrder:Insufficient funds"}]
    placed, refused = read(trading.add_order_batch(TWO, "XXBTZUSD"), ok({"orders": rows}))
    assert placed == Placed("O5OR23")
    assert isinstance(refused, Rejected)
    assert (refused.text, refused.acted) == ("EOrder:Insufficient funds", Acted.NO)


def test_a_row_refused_for_its_rate_names_no_moment_it_cannot_know() -> None:
    rows = [{"error": "EService: Throttled: 1700000030"}, {"txid": "O2"}]
    refused, _ = read(trading.add_order_batch(TWO, "XXBTZUSD"), ok({"orders": rows}))
    assert isinstance(refused, RateLimited)
    assert refused.retry_s is None


@pytest.mark.parametrize("rows", [[], [{"txid": "O1"}], [{"txid": "O1"}, {"descr": {}}]])
def test_a_batch_answer_that_does_not_fit_the_batch_is_not_guessed(rows: list[object]) -> None:
    with pytest.raises(ProtocolError):
        read(trading.add_order_batch(TWO, "XXBTZUSD"), ok({"orders": rows}))


def test_an_edited_order_has_a_new_id_or_a_reason() -> None:
    endpoint = trading.edit_order("OLD", placement(limit(), userref=1), "XXBTZUSD")
    assert read(endpoint, ok({"status": "ok", "txid": "NEW", "originaltxid": "OLD"})) == Placed("NEW")
    with pytest.raises(Rejected, match="Insufficient funds"):
        read(endpoint, ok({"status": "err", "txid": "", "error_message": "EOrder:Insufficient funds"}))
    with pytest.raises(Rejected, match="status err"):
        read(endpoint, ok({"status": "err"}))
    with pytest.raises(ProtocolError):
        read(endpoint, ok({"status": "ok"}))


def test_cancels_tell_how_many() -> None:
    assert read(trading.cancel_all(), ok({"count": 4})) == 4
    assert read(trading.cancel_order(OrderKey("O1")), ok({"count": 1, "pending": True})) == 1
    assert read(trading.cancel_order_batch(["O1", "O2"]), ok({"count": 2})) == 2


def test_the_dead_man_switch_tells_when_it_fires() -> None:
    answer = {"currentTime": "2023-03-24T17:41:56Z", "triggerTime": "2023-03-24T17:42:56Z"}
    assert read(trading.cancel_all_orders_after(60), ok(answer)) == 1679679776 * NS_PER_S
    assert read(trading.cancel_all_orders_after(0), ok({"triggerTime": "0"})) is None
    assert read(trading.cancel_all_orders_after(0), ok({"currentTime": "2023-03-24T17:41:56Z"})) is None


@needs_vectors
def test_recorded_answers_are_read() -> None:
    assert read(ENDPOINTS["AddOrder"], fixture("kraken-rest-jkorf-006")) == Placed("OUF4EM-FRGI2-MQMWZD")
    assert read(ENDPOINTS["AddOrder"], fixture("kraken-rest-kraken-async-rs-006")).order_id.startswith(
        "AKB9L1"
    )
    placed = read(ENDPOINTS["AddOrderBatch"], fixture("kraken-rest-jkorf-007"))
    assert placed == [Placed("O5OR23-ADFAD-Y2G61C"), Placed("9K6KFS-5H3PL-XBRC7A")]
    assert read(ENDPOINTS["AmendOrder"], fixture("kraken-rest-kraken-async-rs-007")) == "TVB4ER-X5QP3-ADURMW"
    assert read(ENDPOINTS["EditOrder"], fixture("kraken-rest-jkorf-015")) == Placed("OU22CG-KLAF2-FWUDD7")
    with pytest.raises(RateLimited):
        read(ENDPOINTS["AddOrder"], fixture("kraken-rest-kraken-cli-001"))

"""Orders and fills as the venue tells them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from binance_private import BTC, contracts, order, trade
from leadline.model.market import Side
from leadline.model.order import Event, Fee, OrderKind, OrderReport, OrderState
from leadline.venues.binance import reports, user_events
from leadline.venues.binance.user_events import OrderUpdate
from vectors import VECTORS, needs_vectors, records

NAMES = contracts()


def told(frame: bytes) -> list[OrderReport]:
    event = user_events.decode(frame)
    assert isinstance(event, OrderUpdate)
    return reports.told(event.o, NAMES)


def test_an_accepted_order_is_told_whole() -> None:
    (report,) = told(order("NEW"))
    assert (report.event, report.state) == (Event.WORKING, OrderState.WORKING)
    assert (report.order_id, report.client_id) == ("BTCUSDT:7", "mine")
    assert (report.symbol, report.side, report.kind) == (BTC, Side.BUY, OrderKind.LIMIT)
    assert (report.qty, report.limit_price, report.trigger_price) == (
        Decimal("0.010"),
        Decimal("90000"),
        None,
    )
    assert not report.snapshot


def test_a_match_tells_its_fill_with_fee_and_role() -> None:
    (report,) = told(trade(11, "0.004", "0.004"))
    assert report.event is Event.FILL
    assert report.state is None
    fill = report.fill
    assert fill is not None
    assert (fill.exec_id, fill.order_id, fill.trade_id) == ("BTCUSDT:11", "BTCUSDT:7", 11)
    assert (fill.qty, fill.price, fill.cost) == (Decimal("0.004"), Decimal("90000"), Decimal("360.000"))
    assert fill.fees == (Fee("USDT", Decimal("0.018")),)
    assert fill.maker is True


def test_the_match_that_completes_an_order_is_told_as_both() -> None:
    fill, filled = told(trade(12, "0.006", "0.010", "FILLED"))
    assert (fill.event, filled.event) == (Event.FILL, Event.FILLED)
    assert filled.fill is None
    assert (filled.state, filled.filled_qty) == (OrderState.FILLED, Decimal("0.010"))


@pytest.mark.parametrize("missing", [{"N": None, "n": None}, {"n": "0"}])
def test_a_match_without_a_fee_has_none(missing: dict[str, Any]) -> None:
    (report,) = told(trade(11, "0.004", "0.004", **missing))
    assert report.fill is not None
    assert report.fill.fees == ()


@pytest.mark.parametrize(
    ("execution", "event", "state"),
    [
        ("CANCELED", Event.CANCELED, OrderState.CANCELED),
        ("EXPIRED", Event.EXPIRED, OrderState.EXPIRED),
    ],
)
def test_an_order_that_ends_says_how(execution: str, event: Event, state: OrderState) -> None:
    (report,) = told(order(execution, z="0.004"))
    assert (report.event, report.state, report.filled_qty) == (event, state, Decimal("0.004"))


def test_an_amendment_tells_the_new_values() -> None:
    (report,) = told(order("AMENDMENT", "NEW", q="0.020", p="91000"))
    assert (report.event, report.qty, report.limit_price) == (
        Event.AMENDED,
        Decimal("0.020"),
        Decimal("91000"),
    )


def test_why_an_order_expired_is_said_in_words() -> None:
    (report,) = told(order("EXPIRED", "EXPIRED_IN_MATCH", er="1"))
    assert report.state is OrderState.EXPIRED
    assert "self-trade" in report.reason
    (report,) = told(order("EXPIRED", er="9", o="MARKET"))
    assert "price bounds" in report.reason


@pytest.mark.parametrize(
    ("client_id", "why"),
    [
        ("autoclose-1234567890", "liquidation"),
        ("adl_autoclose", "auto-deleveraging"),
        ("adl_autoclose-123", "auto-deleveraging"),
        ("settlement_autoclose-9", "settlement"),
        ("delivery_autoclose-9", "delivery"),
    ],
)
def test_an_order_of_the_venue_itself_says_why_it_was_made(client_id: str, why: str) -> None:
    for frame in (order("NEW", c=client_id), trade(5, "0.010", "0.010", "FILLED", c=client_id)):
        assert all(why in report.reason for report in told(frame))


def test_a_forced_match_without_quantity_is_told_as_the_end_alone() -> None:
    (report,) = told(order("CALCULATED", "FILLED", c="autoclose-1", q="0.000", N=None, n=None, t=0))
    assert (report.event, report.fill) == (Event.FILLED, None)


def test_a_forced_match_is_a_fill_like_any_other() -> None:
    fill, filled = told(
        order("CALCULATED", "FILLED", c="autoclose-1", l="0.010", L="89000", z="0.010", t=99, n="0.4")
    )
    assert fill.fill is not None
    assert fill.fill.exec_id == "BTCUSDT:99"
    assert filled.state is OrderState.FILLED


def test_an_execution_this_version_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="REBORN"):
        told(order("REBORN"))


@needs_vectors
def test_every_recorded_order_event_is_told() -> None:
    events = 0
    for row in records(VECTORS / "binance" / "ws" / "nautilus.fixtures.jsonl"):
        if row.get("kind") == "ORDER_TRADE_UPDATE":
            found = told(row["raw"].encode())
            assert found, row["id"]
            assert all(report.kind is not None and report.symbol for report in found)
            events += 1
    assert events >= 10


ROW = (
    b'{"orderId":1917641,"symbol":"BTCUSDT","status":"PARTIALLY_FILLED","clientOrderId":"abc","price":"9000",'
    b'"avgPrice":"9000.00000","origQty":"0.40","executedQty":"0.10","cumQuote":"900.0","timeInForce":"GTC",'
    b'"type":"LIMIT","reduceOnly":false,"closePosition":false,"side":"BUY","positionSide":"BOTH",'
    b'"stopPrice":"0","origType":"LIMIT","goodTillDate":0,"time":1579276756075,"updateTime":1579276756099}'
)


def test_a_row_of_rest_describes_how_an_order_stands() -> None:
    report = reports.order_report(reports.order_row.decode(ROW), NAMES)
    assert (report.event, report.snapshot) == (Event.STANDS, True)
    assert (report.state, report.filled_qty, report.filled_cost) == (
        OrderState.PARTIALLY_FILLED,
        Decimal("0.10"),
        Decimal("900.0"),
    )
    assert report.venue_ns == 1579276756099 * 1_000_000


def test_a_row_without_average_price_and_cost_reads_as_well() -> None:
    short = ROW.replace(b'"cumQuote":"900.0",', b"").replace(b'"avgPrice":"9000.00000",', b"")
    report = reports.order_report(reports.order_row.decode(short), NAMES)
    assert (report.filled_qty, report.filled_cost) == (Decimal("0.10"), None)


@needs_vectors
def test_every_recorded_order_and_trade_of_rest_reads() -> None:
    read = 0
    for name in ("nautilus", "jkorf", "binance-connector"):
        for row in records(VECTORS / "binance" / "rest" / f"{name}.fixtures.jsonl"):
            kind, raw = row["kind"], row["raw"].encode()
            if kind == "GET /fapi/v1/userTrades":
                assert all(reports.trade_fill(each, NAMES).qty > 0 for each in reports.trade_rows.decode(raw))
            elif kind in ("GET /fapi/v1/openOrder", "POST /fapi/v1/order", "GET /fapi/v1/order"):
                assert reports.order_report(reports.order_row.decode(raw), NAMES).symbol
            else:
                continue
            read += 1
    assert read >= 3


def test_a_trade_of_rest_is_the_same_fill_as_the_streams() -> None:
    row = (
        b'[{"symbol":"BTCUSDT","id":11,"orderId":7,"side":"BUY","positionSide":"BOTH","price":"90000",'
        b'"qty":"0.004","quoteQty":"360","realizedPnl":"0","commission":"0.018","commissionAsset":"USDT",'
        b'"buyer":true,"maker":true,"time":1764000000000}]'
    )
    (by_rest,) = (reports.trade_fill(each, NAMES) for each in reports.trade_rows.decode(row))
    (by_stream,) = told(trade(11, "0.004", "0.004"))
    assert by_rest == by_stream.fill
    report = reports.fill_report(by_rest)
    assert (report.event, report.snapshot, report.fill) == (Event.FILL, True, by_rest)


def test_names_of_orders_are_read_back() -> None:
    assert reports.parse_id(reports.order_id("BTCUSDT_261225", 12)) == ("BTCUSDT_261225", 12)
    assert reports.parse_id(reports.algo_id(5)) == (reports.ALGO, 5)
    for text in ("", "12", "BTCUSDT:", ":5", "BTCUSDT:x"):
        with pytest.raises(ValueError, match="no order id"):
            reports.parse_id(text)

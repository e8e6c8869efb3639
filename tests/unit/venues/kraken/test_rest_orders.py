"""Orders, fills and bookings as REST tells them: evidence to the last digit, time to the nanosecond."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from kraken_private import SYMBOLS, fixture, ok, read
from leadline.errors import ProtocolError
from leadline.model.account import Wallet, WalletKind
from leadline.model.market import Side
from leadline.model.order import Event, Fee, OrderKind, OrderReport, OrderState
from leadline.net.http import Purpose, Response
from leadline.venues.kraken import rest_orders as orders
from vectors import needs_vectors

DESCRIPTION = {
    "pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "30010.0", "price2": "0",
    "leverage": "none", "order": "buy 1.25000000 XBTUSD @ limit 30010.0", "close": "",
}  # fmt: skip
ORDER = {
    "refid": None, "userref": 0, "status": "open", "opentm": 1688666559.8974, "starttm": 0, "expiretm": 0,
    "descr": DESCRIPTION, "vol": "1.25000000", "vol_exec": "0.00000000", "cost": "0.00000",
    "fee": "0.00000", "price": "0.00000", "stopprice": "0.00000", "limitprice": "0.00000", "misc": "",
    "oflags": "fciq",
}  # fmt: skip


def report(description: dict[str, Any] | None = None, **changes: Any) -> OrderReport:
    row = ORDER | {"descr": DESCRIPTION | (description or {})} | changes
    (found,) = read(orders.query_orders(["OAAAAA"], SYMBOLS), ok({"OAAAAA": row}))
    return found.report


# Requests


def test_open_orders_are_asked_for_by_either_name() -> None:
    assert orders.open_orders(SYMBOLS).fields == ()
    asked = orders.open_orders(SYMBOLS, client_id="abc", trades=True)
    assert set(asked.fields) == {("cl_ord_id", "abc"), ("trades", "true")}
    assert orders.open_orders(SYMBOLS, userref=7).fields == (("userref", "7"),)
    assert (asked.cost, asked.purpose) == (2.0, Purpose.ACCOUNT)


def test_closed_orders_are_asked_for_by_time_and_page() -> None:
    asked = orders.closed_orders(SYMBOLS, after_s=0, until_s=200, offset=50, userref=3, trades=True)
    assert set(asked.fields) == {
        ("start", "0"), ("end", "200"), ("ofs", "50"), ("userref", "3"),
        ("trades", "true"), ("consolidate_taker", "false"),
    }  # fmt: skip
    assert (asked.cost, asked.purpose) == (4.0, Purpose.HISTORY)


def test_history_is_dear_and_single_rows_are_not() -> None:
    history = [orders.trades_history(SYMBOLS), orders.ledgers(SYMBOLS), orders.query_ledgers(["L"], SYMBOLS)]
    assert {one.cost for one in history} == {4.0}
    assert orders.query_orders(["O"], SYMBOLS).cost == 2.0
    assert orders.query_trades(["T1", "T2"], SYMBOLS).fields == (("txid", "T1,T2"),)
    assert orders.order_amends("O").fields == (("order_id", "O"),)
    asked = orders.ledgers(SYMBOLS, rest_asset="XXBT", after_s=1, until_s=2, offset=3)
    assert dict(asked.fields) == {"asset": "XXBT", "start": "1", "end": "2", "ofs": "3"}


def test_fills_are_never_asked_for_consolidated() -> None:
    for asked in (orders.trades_history(SYMBOLS), orders.query_orders(["O1", "O2"], SYMBOLS, trades=True)):
        assert ("consolidate_taker", "false") in asked.fields


# Orders


def test_an_open_order_is_evidence_of_what_stands() -> None:
    assert report(vol_exec="0.37500000", cost="11253.7", price="30010.0", cl_ord_id="abc") == OrderReport(
        event=Event.STANDS,
        order_id="OAAAAA",
        client_id="abc",
        symbol="BTC/USD",
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        qty=Decimal("1.25"),
        limit_price=Decimal("30010.0"),
        state=OrderState.PARTIALLY_FILLED,
        filled_qty=Decimal("0.375"),
        filled_cost=Decimal("11253.7"),
        venue_ns=1688666559_897400000,
        snapshot=True,
    )


@pytest.mark.parametrize(
    ("status", "executed", "state"),
    [
        ("pending", "0", OrderState.WORKING),
        ("open", "0.00000000", OrderState.WORKING),
        ("open", "0.1", OrderState.PARTIALLY_FILLED),
        ("closed", "1.25", OrderState.FILLED),
        ("canceled", "0.1", OrderState.CANCELED),
        ("expired", "0", OrderState.EXPIRED),
    ],
)
def test_each_status_is_a_state(status: str, executed: str, state: OrderState) -> None:
    assert report(status=status, vol_exec=executed).state is state


def test_a_status_this_version_does_not_know_is_not_guessed() -> None:
    with pytest.raises(ProtocolError):
        report(status="resting")


def test_the_average_fill_is_never_taken_for_the_limit() -> None:
    assert report(price="29999.9").limit_price == Decimal("30010.0")


def test_a_closed_order_is_dated_by_its_end_and_says_why() -> None:
    closed = report(status="canceled", closetm=1752768899.330147, reason="User requested")
    assert closed.venue_ns == 1752768899_330147000
    assert closed.reason == "User requested"
    assert report(status="closed", reason=None).reason == ""


@pytest.mark.parametrize("parent", [None, "None", ""])
def test_an_order_without_a_parent_has_none(parent: str | None) -> None:
    assert report(refid=parent).parent_id is None
    assert report(refid="OPARENT").parent_id == "OPARENT"


def test_a_userref_of_zero_is_none() -> None:
    assert report(userref=0).userref is None
    assert report(userref=-5).userref == -5


@pytest.mark.parametrize(
    ("kind", "price", "price2", "limit", "trigger"),
    [
        ("market", "0", "0", None, None),
        ("iceberg", "30010.0", "0", "30010.0", None),
        ("stop-loss", "29000.0", "0", None, "29000.0"),
        ("take-profit-limit", "31000.0", "31010.0", "31010.0", "31000.0"),
        ("stop-loss-limit", "-2.0000%", "29000.0", "29000.0", None),
        ("trailing-stop", "+1.0000%", "0", None, None),
        ("trailing-stop-limit", "+100.0", "-10.0", None, None),
        ("settle-position", "0", "0", None, None),
    ],
)
def test_price_and_price2_are_trigger_and_limit_by_kind(
    kind: str, price: str, price2: str, limit: str | None, trigger: str | None
) -> None:
    found = report({"ordertype": kind, "price": price, "price2": price2})
    assert found.limit_price == (None if limit is None else Decimal(limit))
    assert found.trigger_price == (None if trigger is None else Decimal(trigger))


def test_a_trailing_order_tells_where_its_trigger_stands_now() -> None:
    found = report({"ordertype": "trailing-stop", "price": "+1.0000%"}, stopprice="3.98640000")
    assert found.trigger_price == Decimal("3.9864")


def test_an_order_in_quote_currency_tells_no_quantity() -> None:
    found = report(oflags="fciq,viqc", vol="100.0", vol_exec="50.0", cost="50.0")
    assert (found.qty, found.filled_qty, found.filled_cost) == (None, None, 50)
    assert found.state is OrderState.PARTIALLY_FILLED


def test_an_order_of_a_pair_not_listed_any_more_keeps_the_name() -> None:
    assert report({"pair": "LUNAUSD"}).symbol == "LUNAUSD"


def test_the_ids_of_fills_come_along_where_told() -> None:
    row = ORDER | {"trades": ["TCCCTY-WE2O6-P3NB37"]}
    page = read(
        orders.closed_orders(SYMBOLS, trades=True), ok({"closed": {"O1": row, "O2": ORDER}, "count": 7})
    )
    assert [found.trade_ids for found in page.rows] == [("TCCCTY-WE2O6-P3NB37",), ()]
    assert page.count == 7


@pytest.mark.parametrize("name", ["vol", "vol_exec", "cost"])
def test_an_amount_that_is_no_number_spoils_the_answer(name: str) -> None:
    with pytest.raises(ProtocolError):
        report(**{name: "NaN"})


def test_amendments_are_told_with_their_integer_times() -> None:
    row = {
        "amend_id": "TSUN4B", "amend_type": "user", "order_qty": "0.01000000",
        "remaining_qty": "0.00500000", "limit_price": "61032.8", "timestamp": 1724158070287557853,
    }  # fmt: skip
    market = {key: value for key, value in row.items() if key != "limit_price"}
    first, second = read(orders.order_amends("O1"), ok({"amends": [row, market], "count": 2}))
    assert (first.kind, first.qty, first.remaining_qty) == ("user", Decimal("0.01"), Decimal("0.005"))
    assert (first.limit_price, first.venue_ns) == (Decimal("61032.8"), 1724158070287557853)
    assert second.limit_price is None


# Fills


TRADE = {
    "ordertxid": "OQCLML", "postxid": "TKH2SE", "pair": "XXBTZUSD", "type": "sell", "ordertype": "limit",
    "price": "30010.00000", "cost": "600.20000", "fee": "0.96032", "vol": "0.02000000",
    "margin": "0.00000", "leverage": "0", "misc": "", "trade_id": 40274859, "maker": True,
}  # fmt: skip


def with_time(result: object, seconds: str) -> Response:
    """The answer with all times as these digits."""
    return Response(200, (), json.dumps({"error": [], "result": result}).replace('"AT"', seconds).encode())


def test_a_fill_is_read_to_the_last_digit() -> None:
    answer = with_time({"THVRQM": TRADE | {"time": "AT"}}, "1688667796.880212345")
    (fill,) = read(orders.query_trades(["THVRQM"], SYMBOLS), answer)
    assert (fill.exec_id, fill.order_id, fill.trade_id) == ("THVRQM", "OQCLML", 40274859)
    assert (fill.symbol, fill.side, fill.maker) == ("BTC/USD", Side.SELL, True)
    assert (str(fill.qty), str(fill.price), str(fill.cost)) == ("0.02000000", "30010.00000", "600.20000")
    assert fill.fees == (Fee("USD", Decimal("0.96032")),)
    assert fill.venue_ns == 1688667796_880212345


def test_a_page_of_fills_says_how_many_there_are() -> None:
    page = read(
        orders.trades_history(SYMBOLS),
        with_time({"trades": {"T1": TRADE | {"time": "AT"}, "T2": TRADE | {"time": "AT"}}, "count": 90}, "1"),
    )
    assert [fill.exec_id for fill in page.rows] == ["T1", "T2"]
    assert page.count == 90
    assert read(orders.trades_history(SYMBOLS), ok({"trades": {}})).count is None


# Bookings


def entry(**changes: object) -> dict[str, object]:
    return {
        "refid": "TJKLXF", "time": "AT", "type": "trade", "subtype": "", "aclass": "currency",
        "asset": "ZUSD", "amount": "-24.5000", "fee": "0.0490", "balance": "459567.9171",
    } | changes  # fmt: skip


def test_a_booking_keeps_sign_fee_and_resulting_balance() -> None:
    page = read(
        orders.ledgers(SYMBOLS), with_time({"ledger": {"L1": entry()}, "count": 1}, "1688464484.1787")
    )
    (booked,) = page.rows
    assert (booked.ledger_id, booked.ref_id, booked.kind, booked.asset) == ("L1", "TJKLXF", "trade", "USD")
    assert (str(booked.amount), str(booked.fee), str(booked.balance)) == ("-24.5000", "0.0490", "459567.9171")
    assert booked.wallet is None
    assert booked.venue_ns == 1688464484_178700000


def test_a_booking_in_an_earn_wallet_names_it() -> None:
    row = entry(asset="XBT.F", type="transfer", subtype="spottostaking", balance="0.5")
    (booked,) = read(orders.query_ledgers(["L1"], SYMBOLS), with_time({"L1": row}, "1"))
    assert booked.asset == "BTC"
    assert booked.wallet == Wallet(WalletKind.EARN, "F", Decimal("0.5"))
    assert booked.subtype == "spottostaking"


# Recorded answers


@needs_vectors
def test_recorded_orders_are_read() -> None:
    first, second = read(orders.open_orders(SYMBOLS), fixture("kraken-rest-jkorf-016"))
    assert (first.report.symbol, first.report.state) == ("BTC/USD", OrderState.PARTIALLY_FILLED)
    assert first.trade_ids == ("TCCCTY-WE2O6-P3NB37",)
    assert (second.report.userref, second.report.limit_price) == (45326, Decimal("14500.0"))
    (trailing,) = read(orders.query_orders(["O"], SYMBOLS), fixture("kraken-rest-jkorf-017"))
    assert (trailing.report.kind, trailing.report.state) == (OrderKind.TRAILING_STOP, OrderState.CANCELED)
    assert trailing.report.trigger_price == Decimal("3.9864")
    assert trailing.report.venue_ns == 1752768899_330147000


@needs_vectors
def test_recorded_orders_without_a_description_are_read_as_far_as_they_go() -> None:
    page = read(orders.closed_orders(SYMBOLS), fixture("kraken-rest-kraken-async-rs-010"))
    assert page.count == 103
    assert [found.report.state for found in page.rows] == [
        OrderState.EXPIRED, OrderState.EXPIRED, OrderState.FILLED,
    ]  # fmt: skip
    assert {found.report.symbol for found in page.rows} == {None}


@needs_vectors
def test_recorded_fills_and_bookings_are_read() -> None:
    fills = read(orders.query_trades(["T"], SYMBOLS), fixture("kraken-rest-jkorf-018"))
    assert [fill.trade_id for fill in fills] == [93748276, 74625834]
    page = read(orders.trades_history(SYMBOLS), fixture("kraken-rest-nautilus-009"))
    assert [fill.maker for fill in page.rows] == [True, False]
    booked = read(orders.ledgers(SYMBOLS), fixture("kraken-rest-kraken-async-rs-013"))
    assert booked.count == 324
    assert booked.rows[0].venue_ns == 1669369455_564229500

"""The life of a conditional order, told."""

from __future__ import annotations

from decimal import Decimal

import pytest

from binance_private import BTC, algo, contracts, trade
from leadline.model.market import Side
from leadline.model.order import Event, OrderKind, OrderReport, OrderState
from leadline.venues.binance import algo_reports, reports, user_events
from leadline.venues.binance.algo_reports import Algo
from leadline.venues.binance.user_events import AlgoUpdate, OrderUpdate
from vectors import VECTORS, needs_vectors, records

NAMES = contracts()


def read(frame: bytes) -> Algo:
    event = user_events.decode(frame)
    assert isinstance(event, AlgoUpdate)
    return algo_reports.algo_of_event(event.o, event.T)


def told(frame: bytes) -> OrderReport:
    return algo_reports.algo_report(read(frame), NAMES)


def test_a_conditional_order_has_a_name_of_its_own_kind() -> None:
    report = told(algo("NEW"))
    assert (report.order_id, report.client_id) == ("algo:2146760", "stop-1")
    assert (report.event, report.state) == (Event.WORKING, OrderState.WORKING)
    assert (report.symbol, report.side, report.kind) == (BTC, Side.SELL, OrderKind.STOP_LOSS)
    assert (report.qty, report.trigger_price, report.limit_price) == (Decimal("0.010"), Decimal(85000), None)


@pytest.mark.parametrize("status", ["TRIGGERING", "TRIGGERED"])
def test_one_that_is_triggered_still_stands(status: str) -> None:
    report = told(algo(status, ai="88" if status == "TRIGGERED" else ""))
    assert (report.event, report.state) == (Event.RESTATED, OrderState.WORKING)


def test_one_that_has_filled_is_filled() -> None:
    report = told(algo("FINISHED", ai="88", ap="84990", aq="0.010"))
    assert (report.event, report.state, report.filled_qty) == (
        Event.FILLED,
        OrderState.FILLED,
        Decimal("0.010"),
    )


def test_one_whose_order_was_cancelled_is_cancelled_and_says_so() -> None:
    report = told(algo("FINISHED", ai="88", aq="0"))
    assert (report.event, report.state) == (Event.CANCELED, OrderState.CANCELED)
    assert "ended before it was filled" in report.reason


def test_one_that_has_filled_less_than_was_asked_for_is_judged_by_the_news_of_the_order_it_has_placed() -> (
    None
):
    report = told(algo("FINISHED", ai="88", aq="0.004"))
    assert (report.event, report.state, report.filled_qty) == (Event.RESTATED, None, Decimal("0.004"))


def test_whether_one_that_closes_a_position_has_closed_all_of_it_is_told_by_the_order_it_has_placed() -> None:
    report = told(algo("FINISHED", ai="88", aq="0.004", q="0", cp=True))
    assert (report.event, report.state, report.filled_qty) == (Event.RESTATED, None, Decimal("0.004"))


def test_one_refused_when_it_was_triggered_says_why() -> None:
    report = told(algo("REJECTED", rm="Reduce Only reject"))
    assert (report.event, report.state, report.reason) == (
        Event.STANDS,
        OrderState.REJECTED,
        "Reduce Only reject",
    )


def test_one_whose_condition_lapsed_has_expired() -> None:
    assert told(algo("EXPIRED")).state is OrderState.EXPIRED
    assert told(algo("CANCELED")).state is OrderState.CANCELED


def test_a_status_this_version_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="DREAMING"):
        told(algo("DREAMING"))


def test_a_listed_one_stands_and_is_a_snapshot() -> None:
    report = algo_reports.algo_report(read(algo("NEW")), NAMES, snapshot=True)
    assert (report.event, report.snapshot, report.state) == (Event.STANDS, True, OrderState.WORKING)


def test_a_match_of_the_order_it_placed_is_its_own() -> None:
    event = user_events.decode(trade(5, "0.010", "0.010", "FILLED", i=88, c="other", S="SELL", o="MARKET"))
    assert isinstance(event, OrderUpdate)
    parent = read(algo("TRIGGERED", ai="88"))
    fill, filled = (algo_reports.under(parent, report) for report in reports.told(event.o, NAMES))
    assert {fill.order_id, filled.order_id} == {"algo:2146760"}
    assert fill.fill is not None
    assert (fill.fill.order_id, fill.fill.exec_id) == ("algo:2146760", "BTCUSDT:5")
    assert (fill.client_id, fill.kind) == ("stop-1", OrderKind.STOP_LOSS)


@needs_vectors
def test_every_recorded_conditional_order_reads() -> None:
    rows = 0
    for name in ("nautilus", "jkorf", "binance-connector"):
        for row in records(VECTORS / "binance" / "rest" / f"{name}.fixtures.jsonl"):
            if row["kind"] not in ("GET /fapi/v1/openAlgoOrders", "GET /fapi/v1/algoOrder"):
                continue
            text = row["raw"]
            listed = text if text.startswith("[") else f"[{text}]"
            for each in algo_reports.algo_rows.decode(listed):
                found = algo_reports.algo_of_row(each)
                assert algo_reports.algo_report(found, NAMES, snapshot=True).order_id == found.name
                rows += 1
    assert rows >= 3

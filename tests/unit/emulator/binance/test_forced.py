from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from leadline.emulator.binance.forced import ADL, DELIVERY, LIQUIDATION, SETTLEMENT, Cause
from leadline.emulator.binance.ports import Liquidated
from pit import Pit
from vectors import VECTORS, needs_vectors, records

MARK = 49_000 * 10**8


def closed(cause: Cause, part: float = 1.0, *, hollow: bool = False) -> tuple[Pit, list[dict[str, Any]]]:
    """An account that was long 0.030 from 50000 and is closed at 49000, and what its orders were told."""
    pit = Pit()
    pit.long("0.030")
    pit.trading.forced.everywhere("BTCUSDT", cause, MARK, pit.now_ns, part, hollow=hollow)
    return pit, [one["o"] for one in pit.told("ORDER_TRADE_UPDATE")]


@pytest.mark.parametrize(
    ("cause", "name", "events"),
    [
        (LIQUIDATION, "autoclose-1", ["NEW", "CALCULATED"]),
        (ADL, "adl_autoclose", ["NEW", "CALCULATED"]),
        (SETTLEMENT, "settlement_autoclose-1", ["TRADE"]),
        (DELIVERY, "delivery_autoclose-1", ["TRADE"]),
    ],
)
def test_each_cause_has_its_name_and_its_events(cause: Cause, name: str, events: list[str]) -> None:
    pit, told = closed(cause)
    assert [one["x"] for one in told] == events
    last = told[-1]
    assert last["c"].startswith(name)
    assert (last["X"], last["S"], last["l"], last["L"], last["rp"]) == (
        "FILLED",
        "SELL",
        "0.03",
        "49000",
        "-30",
    )
    assert pit.position() == "0.000"
    assert [one["a"]["P"][0]["pa"] for one in pit.told("ACCOUNT_UPDATE")] == ["0"]


@pytest.mark.parametrize("cause", [LIQUIDATION, ADL, SETTLEMENT, DELIVERY])
def test_the_wallet_changes_by_what_the_income_rows_say(cause: Cause) -> None:
    pit, _ = closed(cause)
    rows = pit.ask("GET", "/fapi/v1/income").value
    assert [row["incomeType"] for row in rows] == ["COMMISSION", cause.income, "COMMISSION"]
    assert pit.wallet == 100_000 + sum(Decimal(row["income"]) for row in rows)
    assert float(rows[1]["income"]) == -30


def test_deleveraging_may_take_a_part_and_leaves_orders_in_their_place() -> None:
    pit = Pit()
    pit.long("0.030")
    pit.order(price="40000.0")
    pit.trading.forced.everywhere("BTCUSDT", ADL, MARK, pit.now_ns, 0.5)
    assert pit.position() == "0.015"
    assert len(pit.account.open_orders) == 1
    (row,) = pit.ask("GET", "/fapi/v1/forceOrders", autoCloseType="ADL").value
    assert (row["clientOrderId"], row["origQty"], row["timeInForce"]) == ("adl_autoclose", "0.015", "GTC")


def test_two_deleveragings_are_two_orders_of_one_client_id() -> None:
    pit, _ = closed(ADL, 0.5)
    pit.trading.forced.everywhere("BTCUSDT", ADL, MARK, pit.now_ns)
    rows = pit.ask("GET", "/fapi/v1/forceOrders").value
    assert [row["clientOrderId"] for row in rows] == ["adl_autoclose"] * 2
    assert len({row["orderId"] for row in rows}) == 2
    assert pit.position() == "0.000"


def test_a_hollow_one_is_an_order_of_nothing_without_a_fee_before_the_true_one() -> None:
    pit, told = closed(LIQUIDATION, hollow=True)
    first = told[0]
    assert (first["x"], first["X"], first["q"], first["l"], first["z"]) == (
        "CALCULATED",
        "FILLED",
        "0",
        "0",
        "0",
    )
    assert (first["n"], first["N"]) == (None, None)
    assert first["t"] > 0
    assert [one["x"] for one in told[1:]] == ["NEW", "CALCULATED"]
    assert pit.position() == "0.000"


def test_the_public_hears_of_liquidations_alone() -> None:
    for cause, heard_of in ((LIQUIDATION, 1), (ADL, 0), (SETTLEMENT, 0)):
        pit = Pit()
        heard: list[Liquidated] = []
        pit.trading.forced.listeners.append(heard.append)
        pit.long("0.030")
        pit.trading.forced.everywhere("BTCUSDT", cause, MARK, pit.now_ns)
        assert len(heard) == heard_of


def test_the_end_of_a_contract_leaves_nothing_of_it_and_everything_else() -> None:
    pit = Pit()
    pit.long("0.030")
    gone = pit.order(price="40000.0").value["orderId"]
    kept = pit.order(symbol="ETHUSDT", price="2900.00", quantity="0.100").value["orderId"]
    pit.algo(triggerPrice="30000.0")
    pit.trading.forced.end_contract("BTCUSDT", SETTLEMENT, MARK, pit.now_ns)
    ended = [one["o"] for one in pit.told("ORDER_TRADE_UPDATE") if one["o"]["i"] == gone]
    assert (ended[-1]["x"], ended[-1]["er"]) == ("EXPIRED", "7")
    assert pit.algos_told() == ["NEW", "EXPIRED"]
    assert [one.order_id for one in pit.account.open_orders.values()] == [kept]
    assert (pit.position(), pit.account.open_algos) == ("0.000", {})


RECORDED = {"autoclose-1234567890": LIQUIDATION, "adl_autoclose": ADL, "delivery_autoclose-12345": DELIVERY}


@needs_vectors
@pytest.mark.parametrize("name", RECORDED)
def test_the_events_are_those_recorded(name: str) -> None:
    """Recorded ones of old have `AP` and `cr` too, which only trailing orders have today."""
    path = VECTORS / "binance" / "ws" / "nautilus.fixtures.jsonl"
    texts = [json.loads(one["raw"]) for one in records(path) if one.get("kind") == "ORDER_TRADE_UPDATE"]
    orders = [text.get("data", text)["o"] for text in texts]
    recorded = next(one for one in orders if one["c"] == name)
    told = closed(RECORDED[name])[1][-1]
    assert recorded.keys() - {"AP", "cr", "W"} <= told.keys()
    same = ("x", "X", "f", "m", "cp", "pP", "wt", "si", "ss")
    assert {one: told[one] for one in same} == {one: recorded[one] for one in same}

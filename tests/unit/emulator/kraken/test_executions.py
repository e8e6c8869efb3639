from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from emulated import QUIET, START_NS
from leadline.emulator.kraken.executions import Reports, average, balance_rows, frame, ledger_row
from leadline.emulator.orders import (
    AccountFill,
    AccountOrder,
    Close,
    ExecType,
    Execution,
    LedgerEntry,
    Status,
    Ticket,
    Trigger,
)
from vectors import VECTORS, needs_vectors, records

FIXTURES = VECTORS / "kraken" / "ws" / "kraken-async-rs.fixtures.jsonl"
ORDER_ID = "OVN7VD-7VYHS-APBKHA"
LIMIT = Ticket("BTC/USD", "buy", "limit", qty=10_000, limit_price=800_000)
FILL = AccountFill(
    "TGBB7L-HT5LX-J3BZ4A", 62_887_576, ORDER_ID, "BTC/USD", "sell", "limit",
    qty=500_000, price=265_999, cost=13_299_950, fee=34_580, fee_asset="USD", maker=False, time_ns=START_NS,
)  # fmt: skip
ENTRY = LedgerEntry(
    "LATKX6-PEHL1-HZKND8", "TKAKN2-N0N12-VKQNLN", START_NS, "trade", "", "USD", "spot/main",
    amount=-199_743_000_000, fee=499_000_000, balance=1_180_677_000_000,
)  # fmt: skip
# dossier §9.1: the keys of one order's life on the wire, in their order.
AMENDED = [
    "timestamp", "exec_type", "order_status", "cum_qty", "reason", "amended", "order_qty", "limit_price",
    "limit_price_type", "cl_ord_id", "order_id",
]  # fmt: skip
CANCELED = [
    "timestamp", "order_status", "exec_type", "cum_qty", "cum_cost", "fee_usd_equiv", "avg_price",
    "cl_ord_id", "cancel_reason", "reason", "order_id",
]  # fmt: skip
FILLED = [key for key in CANCELED if "reason" not in key]
TRADE = [
    "order_id", "cl_ord_id", "exec_id", "exec_type", "trade_id", "symbol", "side", "last_qty", "last_price",
    "liquidity_ind", "cost", "order_type", "timestamp", "order_status", "cum_qty", "cum_cost", "avg_price",
    "fee_usd_equiv", "fees",
]  # fmt: skip


def reports() -> Reports:
    """Dollars are worth themselves; nothing else is asked."""
    return Reports(lambda _: QUIET, lambda _, units, decimals: units // 10 ** (decimals - 4))


def order(ticket: Ticket = LIMIT) -> AccountOrder:
    return AccountOrder(
        ORDER_ID,
        ticket,
        START_NS,
        qty=ticket.qty,
        limit_price=ticket.limit_price,
        display_qty=ticket.display_qty,
    )


def event(
    kind: ExecType, status: Status, one: AccountOrder, *, reason: str = "", fill: AccountFill | None = None
) -> Execution:
    return Execution(
        kind, one, status, one.filled, one.cost, one.fee, one.qty, one.limit_price, START_NS, reason, fill
    )


def told(*args: Any, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(reports().update(event(*args, **more)), parse_float=Decimal)
    return row


def recorded(name: str) -> dict[str, Any]:
    return next(json.loads(one["raw"]) for one in records(FIXTURES) if one.get("name") == name)


def test_numbers_keep_all_their_decimals() -> None:
    text = reports().update(event("pending_new", "pending_new", order()))

    assert '"order_qty":0.00010000,' in text
    assert '"limit_price":80000.0,' in text
    assert '"cum_cost":0.00000,' in text
    assert '"fee_usd_equiv":0.0000,' in text


def test_a_frame_is_the_recorded_text_around_its_rows() -> None:
    assert frame("executions", "snapshot", [], 1).text == (
        '{"channel":"executions","type":"snapshot","data":[],"sequence":1}'
    )


def test_an_order_is_named_by_its_client_id_or_else_by_its_tag() -> None:
    assert told("new", "new", order(replace(LIMIT, cl_ord_id="mine"))).get("cl_ord_id") == "mine"
    assert told("new", "new", order(replace(LIMIT, userref=5)))["order_userref"] == 5
    assert told("new", "new", order())["order_userref"] == 0


def test_post_only_is_repeated_when_the_order_goes_live() -> None:
    assert told("new", "new", order(replace(LIMIT, post_only=True)))["post_only"] is True


def test_each_kind_of_report_has_its_own_keys_in_wire_order() -> None:
    one = order(replace(LIMIT, cl_ord_id="mine"))
    one.amended = True
    assert list(told("amended", "new", one, reason="User requested")) == AMENDED
    assert list(told("canceled", "canceled", one, reason="User requested")) == CANCELED
    assert list(told("filled", "filled", one)) == FILLED
    assert list(told("trade", "partially_filled", one, fill=FILL)) == TRADE


def test_a_fill_tells_what_it_was_and_the_sums_after_it() -> None:
    one = order()
    one.filled, one.cost, one.fee = 500_000, 13_299_950, 34_580
    row = told("trade", "partially_filled", one, fill=FILL)

    assert (row["last_qty"], row["last_price"], row["cost"]) == (
        Decimal("0.005"), Decimal("26599.9"), Decimal("132.9995"),
    )  # fmt: skip
    assert (row["cum_qty"], row["avg_price"]) == (Decimal("0.005"), Decimal("26599.9"))
    assert row["fees"] == [{"asset": "USD", "qty": Decimal("0.3458")}]
    assert row["liquidity_ind"] == "t"


def test_a_fee_in_the_base_is_told_in_its_own_digits() -> None:
    row = told("trade", "partially_filled", order(), fill=replace(FILL, fee_asset="BTC", fee_lots=1_300))
    assert row["fees"] == [{"asset": "BTC", "qty": Decimal("0.000013")}]
    assert row["fee_usd_equiv"] == Decimal("0.3458")


@pytest.mark.parametrize(
    ("filled", "cost", "mean"),
    [(0, 0, 0), (10**8, 6_000_005_000, 600_001), (3, 1_800_000, 6_000_000_000_000 // 10**2 // 10)],
)
def test_the_mean_price_is_rounded_to_the_tick(filled: int, cost: int, mean: int) -> None:
    assert average(QUIET, filled, cost) == mean


def test_a_conditional_order_tells_its_trigger_and_its_close() -> None:
    ticket = replace(
        LIMIT,
        order_type="trailing-stop",
        limit_price=None,
        trigger=Trigger(250, "pct", "index"),
        close=Close("stop-loss-limit", 284_000, "static", Trigger(284_100)),
    )
    one = order(ticket)
    one.trigger_price, one.parent_id = 590_000, "OAAAAA-AAAAA-AAAAAA"
    row = told("pending_new", "pending_new", one)

    assert row["triggers"] == {
        "price": Decimal("2.50"),
        "actual_price": Decimal("59000.0"),
        "price_type": "pct",
        "reference": "index",
        "status": "untriggered",
    }
    assert row["contingent"] == {
        "order_type": "stop-loss-limit",
        "trigger_price": Decimal("28410.0"),
        "trigger_price_type": "static",
        "limit_price": Decimal("28400.0"),
        "limit_price_type": "static",
    }
    assert row["ord_ref_id"] == "OAAAAA-AAAAA-AAAAAA"
    one.triggered = True
    moved = told("status", "new", one)
    assert moved["triggers"]["status"] == "triggered"
    assert "symbol" not in moved


def test_a_cash_order_and_a_timed_iceberg_tell_what_they_are() -> None:
    cash = told(
        "pending_new",
        "pending_new",
        order(replace(LIMIT, order_type="market", limit_price=None, cash=10_050_000)),
    )
    assert cash["cash_order_qty"] == Decimal("100.5")
    iceberg = replace(
        LIMIT,
        order_type="iceberg",
        display_qty=1_000,
        time_in_force="gtd",
        expire_ns=START_NS,
        fee_in_base=True,
    )
    row = told("pending_new", "pending_new", order(iceberg))
    assert (row["display_qty"], row["time_in_force"]) == (Decimal("0.00001"), "GTD")
    assert row["expire_time"] == "2026-09-21T14:13:20.000000Z"
    assert row["fee_ccy_pref"] == "fcib"
    refill = told("iceberg_refill", "partially_filled", order(iceberg))
    assert refill["display_qty"] == Decimal("0.00001")


def test_client_ids_are_escaped() -> None:
    row = told("new", "new", order(replace(LIMIT, cl_ord_id='a"b\\')))
    assert row["cl_ord_id"] == 'a"b\\'


def test_ledger_amounts_have_the_decimals_of_their_asset() -> None:
    text = ledger_row(ENTRY)
    assert '"amount":-19.9743,"fee":0.0499,"balance":118.0677}' in text
    assert '"amount":-19.9743000000,' in ledger_row(replace(ENTRY, asset="BTC"))


def test_a_transfer_tells_its_subtype_and_its_wallet() -> None:
    row = json.loads(
        ledger_row(replace(ENTRY, kind="transfer", subtype="stakingfromspot", wallet="earn/flexible"))
    )
    assert (row["subtype"], row["wallet_type"], row["wallet_id"]) == ("stakingfromspot", "earn", "flexible")
    assert "category" not in row


def test_the_balance_snapshot_leaves_out_what_is_not_held() -> None:
    rows = balance_rows({("USD", "spot/main"): 0, ("BTC", "earn/flexible"): 5, ("BTC", "spot/main"): 10**10})
    assert [json.loads(row)["asset"] for row in rows] == ["BTC"]
    assert '"balance":1.0000000005}' in rows[0]


@needs_vectors
@pytest.mark.parametrize(
    ("name", "kind", "ticket"),
    [
        ("test_execution_limit_order_update_pending.pending_new", "pending_new", LIMIT),
        (
            "test_execution_stop_loss_limit_order_update_pending.pending_new",
            "pending_new",
            replace(LIMIT, order_type="stop-loss-limit", trigger=Trigger(800_000, "static", "index")),
        ),
        ("test_execution_order_update_new.new", "new", LIMIT),
    ],
)
def test_reports_have_the_recorded_keys(name: str, kind: ExecType, ticket: Ticket) -> None:
    (theirs,) = recorded(name)["data"]
    ours = told(kind, "pending_new" if kind == "pending_new" else "new", order(ticket))

    assert list(ours) == list(theirs)
    assert ours.get("triggers", {}).keys() == theirs.get("triggers", {}).keys()


@needs_vectors
def test_past_trades_have_the_recorded_keys() -> None:
    theirs = [
        row
        for row in recorded("test_execution_trades_snapshot.trades_snapshot")["data"]
        if "margin" not in row
    ]
    ours = json.loads(reports().past_trade(FILL, order()))

    assert theirs
    for row in theirs:
        assert list(ours) == [key for key in row if key != "sender_sub_id"]


@needs_vectors
def test_balances_have_the_recorded_keys() -> None:
    (theirs,) = recorded("test_balances_updates.usd_update")["data"]
    assert list(json.loads(ledger_row(ENTRY))) == list(theirs)
    snapshot = next(
        row for row in recorded("test_balances_snapshot.balances_snapshot")["data"] if row["wallets"]
    )
    ours = json.loads(balance_rows({("USD", "spot/main"): 10**10})[0])
    assert ours.keys() == snapshot.keys()
    assert list(ours["wallets"][0]) == list(snapshot["wallets"][0])

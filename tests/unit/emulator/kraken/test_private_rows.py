from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from emulated import QUIET, START_NS, S
from leadline.emulator.kraken import private_rows as rows
from leadline.emulator.market import Market
from leadline.emulator.orders import AccountFill, AccountOrder, Close, LedgerEntry, Ticket, Trigger
from vectors import VECTORS, needs_vectors, records

LISTINGS = Market((QUIET,), seed=1, rate=0, start_ns=START_NS, history_minutes=0).listings
LIMIT = Ticket("BTC/USD", "buy", "limit", qty=125_000_000, limit_price=300_100)
FILL = AccountFill(
    "TAAAAA-BBBBB-CCCCCC", 7, "OAAAAA-BBBBB-CCCCCC", "BTC/USD", "buy", "limit",
    qty=37_500_000, price=300_100, cost=1_125_375_000, fee=2_925_975, fee_asset="USD", maker=True,
    time_ns=START_NS + 123_456_789,
)  # fmt: skip


def placed(ticket: Ticket = LIMIT, **changed: Any) -> AccountOrder:
    order = AccountOrder("OAAAAA-BBBBB-CCCCCC", ticket, START_NS, "new", ticket.qty, ticket.limit_price)
    for name, value in changed.items():
        setattr(order, name, value)
    return order


def shown(order: AccountOrder, *, trades: bool = False) -> dict[str, Any]:
    row = rows.order(order, LISTINGS, trades=trades)
    decoded: dict[str, Any] = json.loads(msgspec.json.encode(row), parse_float=str)
    return decoded


def fixture(file: str, name: str, *path: str) -> dict[str, Any]:
    """The first row of a recorded answer."""
    for one in records(VECTORS / "kraken" / "rest" / f"{file}.fixtures.jsonl"):
        if one["name"] == name:
            found = json.loads(one["raw"])["result"]
            for key in path:
                found = found[key]
            row: dict[str, Any] = next(iter(found.values()))
            return row
    raise AssertionError(name)


def test_an_open_order_shows_its_limit_in_its_description_and_its_mean_price_on_top() -> None:
    row = shown(placed(status="partially_filled", filled=FILL.qty, cost=FILL.cost, fee=FILL.fee))

    assert row["status"] == "open"
    assert row["opentm"] == "1790000000.000000"
    assert (row["vol"], row["vol_exec"]) == ("1.25000000", "0.37500000")
    assert (row["price"], row["cost"], row["fee"]) == ("30010.00000", "11253.75000", "29.25975")
    assert row["descr"]["price"] == "30010.0"
    assert row["descr"]["order"] == "buy 1.25000000 XBTUSD @ limit 30010.0"
    assert (row["oflags"], row["misc"], row["refid"]) == ("fciq", "", None)
    assert "closetm" not in row
    assert "cl_ord_id" not in row


def test_an_amended_order_is_described_as_it_stands() -> None:
    descr = shown(placed(qty=200_000_000, limit_price=300_200, amended=True))["descr"]

    assert descr["order"] == "buy 2.00000000 XBTUSD @ limit 30020.0"
    assert descr["price"] == "30020.0"


@pytest.mark.parametrize(
    ("status", "name"),
    [("pending_new", "pending"), ("filled", "closed"), ("canceled", "canceled"), ("expired", "expired")],
)
def test_every_status_has_rests_own_name(status: str, name: str) -> None:
    assert shown(placed(status=status))["status"] == name


def test_a_closed_order_tells_when_and_why() -> None:
    row = shown(placed(status="canceled", closed_ns=START_NS + S, reason="User requested", filled=1, cost=1))

    assert (row["closetm"], row["reason"], row["misc"]) == ("1790000001.000000", "User requested", "partial")
    assert shown(placed(status="filled", closed_ns=START_NS))["reason"] is None


def test_trades_are_listed_where_they_are_asked_for() -> None:
    order = placed(fills=[FILL])

    assert shown(order, trades=True)["trades"] == [FILL.exec_id]
    assert "trades" not in shown(order)


@pytest.mark.parametrize(
    ("ticket", "prices", "words"),
    [
        (Ticket("BTC/USD", "sell", "market", qty=100), ("0", "0"), "sell 0.00000100 XBTUSD @ market"),
        (
            Ticket("BTC/USD", "sell", "stop-loss", qty=100, trigger=Trigger(220_000)),
            ("22000.0", "0"),
            "sell 0.00000100 XBTUSD @ stop loss 22000.0",
        ),
        (
            Ticket(
                "BTC/USD", "sell", "take-profit-limit", qty=100,
                limit_price=1, trigger=Trigger(220_000), margin=True,
            ),
            ("22000.0", "0.1"),
            "sell 0.00000100 XBTUSD @ take profit 22000.0 -> limit 0.1 with 5:1 leverage",
        ),
        (
            Ticket("BTC/USD", "sell", "trailing-stop", qty=100, trigger=Trigger(100, "pct")),
            ("+1.0000%", "0"),
            "sell 0.00000100 XBTUSD @ trailing stop +1.0000%",
        ),
        (
            Ticket(
                "BTC/USD", "sell", "trailing-stop-limit", qty=100,
                limit_price=-50, limit_price_type="quote", trigger=Trigger(1_000, "quote"),
            ),
            ("+100.0", "-5.0"),
            "sell 0.00000100 XBTUSD @ trailing stop +100.0 -> limit -5.0",
        ),
    ],
)  # fmt: skip
def test_orders_are_put_into_the_venues_words(ticket: Ticket, prices: tuple[str, str], words: str) -> None:
    trigger = ticket.trigger.price if ticket.trigger else None
    descr = shown(placed(ticket, trigger_price=trigger))["descr"]

    assert (descr["price"], descr["price2"]) == prices
    assert descr["order"] == words


def test_a_conditional_close_is_put_into_words() -> None:
    close = Close("stop-loss-limit", 210_000, "static", Trigger(220_000))

    assert rows.close_words(QUIET, close) == "close position @ stop loss 22000.0 -> limit 21000.0"
    assert rows.close_words(QUIET, None) == ""


def test_a_trade_is_written_with_rests_decimals() -> None:
    row = rows.trade(FILL, QUIET)

    assert bytes(row["time"]) == b"1790000000.123456"
    assert (row["pair"], row["price"], row["vol"]) == ("XXBTZUSD", "30010.00000", "0.37500000")
    assert (row["cost"], row["fee"], row["maker"]) == ("11253.75000", "29.25975", True)


def test_amounts_have_the_decimals_of_their_asset_and_earn_is_an_asset_of_its_own() -> None:
    entry = LedgerEntry(
        "LAAAAA-BBBBB-CCCCCC", FILL.exec_id, START_NS, "trade", "", "USD", "spot/main",
        amount=-245_000_000_000, fee=490_000_000, balance=10**14,
    )  # fmt: skip

    row = rows.ledger_entry(entry)
    assert (row["asset"], row["amount"], row["fee"]) == ("ZUSD", "-24.5000", "0.0490")
    assert row["balance"] == "10000.0000"
    assert rows.amount("BTC", 123) == "0.0000000123"
    assert rows.wallet_asset("BTC", "earn/flexible") == "XBT.F"
    assert rows.wallet_asset("DOT", "spot/main") == "DOT"


def test_the_history_of_an_order_begins_with_what_was_asked_for() -> None:
    order = placed(qty=200_000_000, limit_price=300_200, filled=50)
    before = placed(qty=150_000_000)
    order.amends = [("TA", START_NS + S, before), ("TB", START_NS + 2 * S, None)]

    told = rows.amends(order, QUIET)
    assert [row["amend_type"] for row in told] == ["original", "user", "user"]
    assert [row["order_qty"] for row in told] == ["1.25000000", "1.50000000", "2.00000000"]
    assert told[-1]["limit_price"] == "30020.0"
    assert told[-1]["remaining_qty"] == "1.99999950"


@needs_vectors
@pytest.mark.parametrize(
    ("file", "name", "path", "unknown"),
    [
        ("jkorf", "Trading/GetOpenOrders", ("open",), set()),
        ("jkorf", "Trading/GetClosedOrders", ("closed",), set()),
        ("jkorf", "Trading/GetOrders2", (), set()),
        ("nautilus", "http_closed_orders.json", ("closed",), set()),
        ("kraken-async-rs", "get_open_orders_json", ("open",), {"margin"}),
    ],
)  # fmt: skip
def test_an_order_has_every_key_of_the_recorded_ones(
    file: str, name: str, path: tuple[str, ...], unknown: set[str]
) -> None:
    ticket = Ticket("BTC/USD", "buy", "stop-loss", qty=1, trigger=Trigger(1), cl_ord_id="a")
    ours = shown(placed(ticket, fills=[FILL], closed_ns=START_NS), trades=True)
    theirs = fixture(file, name, *path)

    assert set(theirs) - set(ours) == unknown
    assert set(theirs["descr"]) <= set(ours["descr"])


@needs_vectors
def test_trades_and_ledger_entries_have_every_key_of_the_recorded_ones() -> None:
    trade = fixture("jkorf", "Trading/GetUserTradeDetails")
    entry = fixture("kraken-async-rs", "get_ledgers_info_json", "ledger")

    assert set(trade) <= set(rows.trade(FILL, QUIET))
    made = LedgerEntry("L", "T", START_NS, "trade", "", "USD", "spot/main", 1, 0, 1)
    assert set(entry) <= set(rows.ledger_entry(made))

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from emulated import OTHER, QUIET, START_NS, S, emulated
from leadline.emulator import truth
from leadline.emulator.accounts import EARN, SPOT, UNIT
from signed import Signed
from vectors import VECTORS, needs_vectors, records


def caller() -> Signed:
    call = Signed(emulated(rate=0, pairs=(QUIET, OTHER)))
    call.exchange.inject({"kind": "NONCE_STRICT", "counters": False}, START_NS)
    return call


def bought(call: Signed, volume: str = "0.01") -> str:
    """A market order that is filled at once."""
    return call.place(ordertype="market", volume=volume)


def recorded(name: str) -> dict[str, Any]:
    for one in records(VECTORS / "kraken" / "rest" / "jkorf.fixtures.jsonl"):
        if one["name"] == name:
            found: dict[str, Any] = json.loads(one["raw"])["result"]
            return found
    raise AssertionError(name)


def test_balances_are_told_under_rest_ids_with_their_decimals() -> None:
    told = caller()("Balance")

    assert told["ZUSD"] == "1000000.0000"
    assert told["XXBT"] == "10.0000000000"
    assert told["XXDG"] == "10000.0000000000"


def test_a_resting_order_holds_what_it_may_cost() -> None:
    call = caller()
    call.place(type="sell", price="90000", volume="0.25")

    assert call("BalanceEx")["XXBT"] == {"balance": "10.0000000000", "hold_trade": "0.2500000000"}
    assert Decimal(call("BalanceEx")["ZUSD"]["hold_trade"]) == 0


def test_money_in_earn_is_an_asset_of_its_own() -> None:
    call = caller()
    call.exchange.trading.transfer(call.account, "BTC", SPOT, EARN, 2 * UNIT, START_NS)

    assert (call("Balance")["XXBT"], call("Balance")["XBT.F"]) == ("8.0000000000", "2.0000000000")
    assert call("BalanceEx")["XBT.F"] == {"balance": "2.0000000000", "hold_trade": "0.0000000000"}
    assert {row["asset"] for row in call("Ledgers")["ledger"].values()} == {"XXBT", "XBT.F"}
    assert {row["asset"] for row in call("Ledgers", asset="XBT.F")["ledger"].values()} == {"XBT.F"}


def test_everything_is_worth_something_in_any_listed_asset() -> None:
    call = caller()
    dollars, coins = Decimal(call("TradeBalance")["eb"]), Decimal(call("TradeBalance", asset="XBT")["eb"])

    last = Decimal(call.exchange.market.listings["BTC/USD"].tape.last_price) / 10
    assert abs(dollars - 1_000_000 - 10 * last) < 5_000
    assert abs(coins - 10 - 1_000_000 / last) < 1


def test_orders_move_from_open_to_closed() -> None:
    call = caller()
    resting, gone, filled = call.place(cl_ord_id="mine"), call.place(userref="7"), bought(call)
    call("CancelOrder", txid=gone)

    assert list(call("OpenOrders")["open"]) == [resting]
    assert call("OpenOrders", cl_ord_id="mine")["open"][resting]["cl_ord_id"] == "mine"
    assert call("OpenOrders", cl_ord_id="other") == {"open": {}}
    closed = call("ClosedOrders")
    assert {txid: row["status"] for txid, row in closed["closed"].items()} == {
        gone: "canceled", filled: "closed",
    }  # fmt: skip
    assert closed["count"] == 2
    assert list(call("ClosedOrders", userref="7")["closed"]) == [gone]
    assert call("ClosedOrders", without_count="true").keys() == {"closed"}


def test_orders_are_asked_for_by_id() -> None:
    call = caller()
    first, second = call.place(), bought(call)

    told = call("QueryOrders", txid=f"{first},{second}", trades="true")
    assert list(told) == [first, second]
    assert len(told[second]["trades"]) >= 1
    assert call.refusal("QueryOrders", txid="OAAAAA-BBBBB-CCCCCC") == "EOrder:Invalid order"
    assert call.refusal("QueryOrders", txid=",".join([first] * 51)) == "EGeneral:Invalid arguments:txid"


def test_closed_orders_come_newest_first_50_a_page() -> None:
    call = caller()
    ids = []
    for number in range(60):
        call.now_ns = START_NS + number * 20 * S
        ids.append(call.place())
        call("CancelOrder", txid=ids[-1])

    first, second = call("ClosedOrders"), call("ClosedOrders", ofs="50")
    assert list(first["closed"]) == ids[::-1][:50]
    assert list(second["closed"]) == ids[::-1][50:]
    assert first["count"] == second["count"] == 60
    assert call.refusal("ClosedOrders", ofs="-1") == "EGeneral:Invalid arguments:ofs"


def test_a_start_is_exclusive_and_an_end_inclusive_as_time_or_as_id() -> None:
    call = caller()
    fills = []
    for number in range(4):
        call.now_ns = START_NS + number * S
        bought(call, "0.0001")
        fills.append(next(iter(call("TradesHistory")["trades"])))

    at_s = START_NS // S
    for start, end in ((str(at_s + 1), str(at_s + 3)), (fills[1], fills[3]), (f"{at_s + 1}.0", fills[3])):
        told = call("TradesHistory", start=start, end=end)
        assert list(told["trades"]) == [fills[3], fills[2]]
        assert told["count"] == 2
    assert call.refusal("TradesHistory", start="yesterday") == "EGeneral:Invalid arguments:start"
    assert call.refusal("TradesHistory", start="1e99") == "EGeneral:Invalid arguments:start"


def test_closed_orders_are_searched_by_opening_or_closing() -> None:
    call = caller()
    txid = call.place()
    call.now_ns = START_NS + 100 * S
    call("CancelOrder", txid=txid)

    late = str(START_NS // S + 50)
    assert list(call("ClosedOrders", start=late, closetime="close")["closed"]) == [txid]
    assert list(call("ClosedOrders", start=late, closetime="both")["closed"]) == [txid]
    assert list(call("ClosedOrders", start=late, closetime="open")["closed"]) == []


def test_a_trade_has_its_two_ledger_entries() -> None:
    call = caller()
    bought(call, "0.0001")
    told = call("TradesHistory", ledgers="true")["trades"]
    [(exec_id, trade)] = told.items()

    entries = call("QueryLedgers", id=",".join(trade["ledgers"]))
    assert [row["refid"] for row in entries.values()] == [exec_id, exec_id]
    assert [row["asset"] for row in entries.values()] == ["XXBT", "ZUSD"]
    assert list(call("QueryTrades", txid=exec_id)) == [exec_id]
    assert call("QueryTrades", txid="TAAAAA-BBBBB-CCCCCC") == {}


def test_the_ledger_adds_up_to_the_balance() -> None:
    call = caller()
    for _ in range(3):
        bought(call, "0.0123")
    rows = call("Ledgers", asset="USD", type="trade")["ledger"].values()

    spent = sum(Decimal(row["amount"]) - Decimal(row["fee"]) for row in rows)
    assert Decimal("1000000") + spent == Decimal(call("Balance")["ZUSD"])
    assert call("Ledgers", type="deposit") == {"ledger": {}, "count": 0}


def test_the_volume_of_30_days_and_the_fees_in_percent_are_told() -> None:
    call = caller()
    bought(call, "0.01")
    traded = sum(Decimal(row["cost"]) for row in call("TradesHistory")["trades"].values())

    told = call("TradeVolume", pair="XBTUSD")
    assert abs(Decimal(told["volume"]) - traded) < 1
    assert told["fees"]["XXBTZUSD"]["fee"] == "0.4000"
    assert told["fees_maker"]["XXBTZUSD"]["fee"] == "0.2500"
    assert call("TradeVolume")["fees"] is None
    call.now_ns += 31 * 86_400 * S
    assert Decimal(call("TradeVolume")["volume"]) == 0


def test_there_are_no_margin_positions() -> None:
    assert caller()("OpenPositions", docalcs="true") == {}


def test_an_unknown_order_has_no_amends() -> None:
    assert caller().refusal("OrderAmends", order_id="OAAAAA-BBBBB-CCCCCC") == "EOrder:Unknown order"


@needs_vectors
@pytest.mark.parametrize(
    ("call_name", "name", "missing"),
    [
        ("TradeBalance", "Account/GetTradeBalance", {"ml"}),
        ("OpenOrders", "Trading/GetOpenOrders", set()),
        ("ClosedOrders", "Trading/GetClosedOrders", set()),
    ],
)
def test_results_have_the_recorded_keys(call_name: str, name: str, missing: set[str]) -> None:
    assert set(recorded(name)) - set(caller()(call_name)) == missing


def test_a_misstated_balance_is_off_by_its_amount_on_rest_alone() -> None:
    call = caller()
    call.exchange.inject({"kind": "MISSTATE", "asset": "BTC", "amount": "-0.5", "for_s": 9}, START_NS)

    assert call("Balance")["XXBT"] == call("BalanceEx")["XXBT"]["balance"] == "9.5000000000"
    assert call("Balance")["ZUSD"] == "1000000.0000"
    assert truth.balances(call.account)["BTC"]["spot"] == "10.0000000000"
    call.exchange.advance(START_NS + 9 * S)
    assert call("Balance")["XXBT"] == "10.0000000000"


def test_one_open_order_can_be_hidden_while_a_look_up_finds_it() -> None:
    call = caller()
    first, second, third = call.place(), call.place(cl_ord_id="mine"), call.place()

    for hidden, left in (("oldest", {second, third}), ("mine", {first, third}), (third, {first, second})):
        call.exchange.inject({"kind": "MISSTATE", "hide_order": hidden}, START_NS)
        assert set(call("OpenOrders")["open"]) == left
        assert set(call("QueryOrders", txid=f"{first},{second},{third}")) == {first, second, third}
        assert list(call("OpenOrders", cl_ord_id="mine")["open"]) == [second]
        assert len(truth.orders(call.account, call.exchange.market.listings)) == 3
        call.exchange.end_faults(START_NS)
        call.exchange.inject({"kind": "NONCE_STRICT", "counters": False}, START_NS)
    assert len(call("OpenOrders")["open"]) == 3

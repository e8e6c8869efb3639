from __future__ import annotations

import random
from decimal import Decimal

import pytest

from emulated import MS, START_NS, emulated, messages
from leadline.emulator.matching import BID
from leadline.emulator.numbers import fixed
from private_line import PrivateLine


def test_an_empty_snapshot_comes_all_the_same_and_has_sequence_one() -> None:
    line = PrivateLine()
    line.subscribe("executions")

    assert line.news("executions") == [
        {"channel": "executions", "type": "snapshot", "data": [], "sequence": 1}
    ]


def test_the_acknowledgement_tells_the_rate_threshold_of_the_tier() -> None:
    for tier, threshold in (("starter", 60), ("intermediate", 125), ("pro", 180)):
        line = PrivateLine()
        line.account.set_tier(tier)
        result = line.call("subscribe", channel="executions", snap_orders=False, snap_trades=True)["result"]
        assert result["maxratecount"] == threshold
        assert (result["snap_orders"], result["snap_trades"]) == (False, True)


def test_the_life_of_an_order_is_told_in_sequence() -> None:
    line = PrivateLine()
    line.subscribe("executions")
    order_id = line.buy()["result"]["order_id"]
    line.call("cancel_order", order_id=[order_id])

    assert [one["sequence"] for one in line.news("executions")] == [1, 2, 3, 4]
    assert [row["exec_type"] for row in line.rows()] == ["pending_new", "new", "canceled"]
    assert {row["order_id"] for row in line.rows()} == {order_id}


def test_later_reports_do_not_repeat_what_was_ordered() -> None:
    line = PrivateLine()
    line.subscribe("executions")
    order_id = line.buy(cl_ord_id="mine")["result"]["order_id"]
    line.call("cancel_order", order_id=[order_id])

    first, *later = line.rows()
    assert (first["symbol"], first["side"], first["order_type"]) == ("BTC/USD", "buy", "limit")
    assert all(not {"symbol", "side", "order_type"} & row.keys() for row in later)
    assert all(row["cl_ord_id"] == "mine" and "order_userref" not in row for row in line.rows())


def test_a_fill_is_two_balance_messages_base_first_with_one_reference() -> None:
    line = PrivateLine()
    line.subscribe("executions")
    line.subscribe("balances")
    line.place(order_type="market", side="buy", order_qty="0.001")

    trade = next(row for row in line.rows() if row["exec_type"] == "trade")
    base, quote = line.rows("balances")
    assert (base["asset"], quote["asset"]) == ("BTC", "USD")
    assert base["ref_id"] == quote["ref_id"] == trade["exec_id"]
    assert [one["sequence"] for one in line.news("balances")] == [1, 2, 3]
    assert (base["amount"], base["fee"]) == (Decimal("0.0010000000"), 0)
    assert quote["balance"] == Decimal(1_000_000) + quote["amount"] - quote["fee"]


def test_placing_and_cancelling_change_no_balance() -> None:
    line = PrivateLine()
    line.subscribe("balances")
    line.call("cancel_order", order_id=[line.buy()["result"]["order_id"]])

    assert line.rows("balances") == []


def test_the_snapshot_of_balances_keeps_the_wallets_apart() -> None:
    line = PrivateLine()
    line.exchange.trading.transfer(line.account, "BTC", "spot/main", "earn/flexible", 25 * 10**9, START_NS)
    line.subscribe("balances")

    row = next(row for row in line.news("balances")[0]["data"] if row["asset"] == "BTC")
    assert [(one["type"], one["id"], one["balance"]) for one in row["wallets"]] == [
        ("spot", "main", Decimal("7.5")),
        ("earn", "flexible", Decimal("2.5")),
    ]
    assert row["balance"] == 10


def test_balances_without_a_snapshot_begin_with_the_first_change() -> None:
    line = PrivateLine()
    line.subscribe("balances", snapshot=False)
    line.place(order_type="market", side="buy", order_qty="0.001")

    assert [(one["type"], one["sequence"]) for one in line.news("balances")] == [("update", 1), ("update", 2)]


def test_a_snapshot_has_the_open_orders_newest_first_and_the_last_fifty_trades() -> None:
    line = PrivateLine()
    line.account.set_tier("pro")
    for _ in range(51):
        line.place(order_type="market", side="buy", order_qty="0.0001")
        line.wait(1)
    orders = [line.buy(price=str(50_000 + number))["result"]["order_id"] for number in range(2)]
    line.subscribe("executions", snap_orders=True, snap_trades=True)

    (snapshot,) = line.news("executions")
    assert [row["order_id"] for row in snapshot["data"][:2]] == orders[::-1]
    trades = snapshot["data"][2:]
    assert [row["exec_id"] for row in trades] == [one.exec_id for one in line.account.fills[:-51:-1]]
    assert {row["order_status"] for row in trades} == {"filled"}
    assert all("cum_qty" not in row for row in trades)


def test_a_snapshot_has_only_what_was_asked_for() -> None:
    line = PrivateLine()
    line.place(order_type="market", side="buy", order_qty="0.001")
    line.buy()
    line.subscribe("executions", snap_orders=False)

    assert line.news("executions")[0]["data"] == []


def test_a_partly_filled_order_stands_in_the_snapshot_with_its_sums() -> None:
    line = PrivateLine()
    best = line.exchange.market.listings["BTC/USD"].book.best(BID)
    assert best is not None
    line.place(side="sell", order_qty="5", limit_price=fixed(best[0], 1), cl_ord_id="part")
    order = line.account.by_cl_ord_id("part")
    assert order is not None and 0 < order.filled < order.qty
    line.subscribe("executions")

    (row,) = line.news("executions")[0]["data"]
    assert (row["exec_type"], row["order_status"]) == ("new", "partially_filled")
    assert row["cum_qty"] == Decimal(order.filled) / 10**8
    assert row["order_qty"] == 5


def test_without_order_status_only_the_ends_of_a_life_are_told() -> None:
    line = PrivateLine()
    line.subscribe("executions", order_status=False)
    order_id = line.buy()["result"]["order_id"]
    line.call("amend_order", order_id=order_id, limit_price=60001)
    line.call("cancel_order", order_id=[order_id])

    assert [row["exec_type"] for row in line.rows()] == ["new", "canceled"]
    assert [one["sequence"] for one in line.news("executions")] == [1, 2, 3]


def test_the_rate_counter_is_told_on_request() -> None:
    line = PrivateLine()
    line.subscribe("executions", ratecounter=True)
    order_id = line.buy()["result"]["order_id"]
    line.call("cancel_order", order_id=[order_id])

    assert [row["ratecount"] for row in line.rows()][::2] == [1, 8]


def test_a_second_subscription_is_refused_and_a_new_one_starts_over_at_one() -> None:
    line = PrivateLine()
    line.subscribe("executions")
    line.buy()
    assert line.call("subscribe", channel="executions")["error"] == "Already subscribed"
    assert line.call("unsubscribe", channel="executions")["result"] == {"channel": "executions"}
    assert line.call("unsubscribe", channel="executions")["error"] == "Subscription Not Found"
    line.heard.clear()
    line.buy()
    assert line.news("executions") == []
    line.subscribe("executions")

    (snapshot,) = line.news("executions")
    assert snapshot["sequence"] == 1
    assert len(snapshot["data"]) == 2


def test_another_connection_of_the_account_hears_the_same_in_its_own_sequence() -> None:
    first = PrivateLine()
    first.subscribe("executions")
    first.buy()
    second = PrivateLine(first.exchange)
    second.now_ns = first.now_ns
    second.subscribe("executions")
    first.now_ns = second.now_ns
    first.buy()
    second.wait(1)

    assert [one["sequence"] for one in first.news("executions")] == [1, 2, 3, 4, 5]
    assert [one["sequence"] for one in second.news("executions")] == [1, 2, 3]


def test_an_account_hears_nothing_of_another() -> None:
    line = PrivateLine()
    other = line.exchange.trading.account("other")
    line.subscribe("executions")
    stranger = PrivateLine(line.exchange, account=other)
    stranger.now_ns = line.now_ns
    stranger.buy()
    line.wait(1)

    assert line.rows() == []


def test_who_is_not_subscribed_costs_the_account_nothing() -> None:
    line = PrivateLine()
    assert line.account.listeners == []
    line.subscribe("executions")
    line.subscribe("balances")
    assert len(line.account.listeners) == 2
    line.connection.closed()

    assert line.account.listeners == []


def test_acknowledgements_and_news_keep_no_order_among_each_other() -> None:
    firsts = set()
    for seed in range(12):
        line = PrivateLine()
        line.subscribe("executions")
        for _ in range(seed):
            line.wait(0.1)
            line.buy()
        line.heard.clear()
        line.buy()
        firsts.add(line.heard[0].get("method"))

    assert firsts == {"add_order", None}


def test_shuffled_news_keeps_its_sequence_and_loses_nothing() -> None:
    line = PrivateLine()
    line.subscribe("executions")
    line.subscribe("balances")
    line.exchange.inject({"kind": "SHUFFLE", "channel": "all", "delay_s": 2.0, "for_s": 60.0}, line.now_ns)
    for _ in range(10):
        line.send("add_order", order_type="market", side="buy", order_qty=1, symbol="BTC/USD")
        line.wait(0.05)
    line.wait(10)

    for channel, most in (("executions", 41), ("balances", 21)):
        sequence = [one["sequence"] for one in line.news(channel)]
        assert sequence == list(range(1, len(sequence) + 1))
        assert len(sequence) >= most
    acks = [number for number, one in enumerate(line.heard) if one.get("method") == "add_order"]
    assert len(acks) == 10
    assert acks[0] > line.heard.index(line.news("executions")[1])


@pytest.mark.parametrize("channel", ["executions", "balances"])
def test_a_dropped_frame_is_a_gap_in_the_sequence(channel: str) -> None:
    line = PrivateLine()
    line.subscribe(channel)
    line.exchange.inject({"kind": "DROP", "channel": channel}, line.now_ns)
    line.place(order_type="market", side="buy", order_qty="0.001")
    line.wait(1)

    found = [one["sequence"] for one in line.news(channel)]
    assert found == [1, *range(3, 3 + len(found) - 1)]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "DUP"}, [1, 2, 2, 3]),
        ({"kind": "REORDER"}, [1, 3, 2]),
        ({"kind": "STALL", "for_s": 0.5}, [1]),
    ],
)
def test_faults_on_executions_show_in_its_sequence(fault: dict[str, object], expected: list[int]) -> None:
    line = PrivateLine()
    line.subscribe("executions")
    line.exchange.inject({"channel": "executions"} | fault, line.now_ns)
    line.buy()

    assert [one["sequence"] for one in line.news("executions")] == expected


def test_a_corrupted_report_is_no_json() -> None:
    line = PrivateLine()
    line.subscribe("executions")
    line.exchange.inject({"kind": "CORRUPT", "channel": "executions"}, line.now_ns)
    line.connection.outputs()
    line.send("add_order", order_type="limit", side="buy", order_qty=1, limit_price=60000, symbol="BTC/USD")
    line.exchange.advance(line.now_ns + 20 * MS)

    with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter"):
        messages(line.connection)


def test_a_subscription_may_be_acknowledged_and_stay_empty() -> None:
    line = PrivateLine()
    line.exchange.inject({"kind": "ACK_NO_DATA", "channel": "executions"}, line.now_ns)
    line.subscribe("executions")
    line.buy()

    assert line.heard[0]["success"] is True
    assert line.news("executions") == []
    assert line.account.listeners == []


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"symbol": ["BTC/USD"]}, "Unsupported field: 'symbol' for the given msg type: subscribe"),
        ({"snap_orders": 1}, "Snap_orders field must be a boolean"),
        ({"users": "all"}, "EGeneral:Invalid arguments:users"),
    ],
)
def test_parameters_of_a_subscription_are_checked(params: dict[str, object], error: str) -> None:
    assert PrivateLine().call("subscribe", channel="executions", **params)["error"] == error


@pytest.mark.parametrize("seed", range(6))
def test_what_was_told_adds_up_to_what_the_venue_holds(seed: int) -> None:
    rng = random.Random(seed)
    line = PrivateLine(emulated(seed=seed, rate=100))
    line.account.set_tier("pro")
    line.subscribe("executions")
    line.subscribe("balances")
    for _ in range(40):
        random_act(line, rng)
        line.wait(rng.random())
    line.call("cancel_all")
    line.wait(1)

    account = line.account
    assert len(account.fills) > 10
    for channel in ("executions", "balances"):
        found = line.news(channel)
        assert [one["sequence"] for one in found] == list(range(1, len(found) + 1))
    told = [row["exec_id"] for row in line.rows() if row["exec_type"] == "trade"]
    assert told == [one.exec_id for one in account.fills]
    last = {row["order_id"]: row for row in line.rows()}
    assert last.keys() == account.orders.keys()
    for order_id, row in last.items():
        order = account.orders[order_id]
        assert row["order_status"] == order.status
        assert row.get("cum_qty", 0) == Decimal(order.filled) / 10**8
    held = {
        row["asset"]: row["balance"] for row in [*line.news("balances")[0]["data"], *line.rows("balances")]
    }
    assert held == {asset: Decimal(units) / 10**10 for (asset, _), units in account.balances.items()}
    assert [row["ledger_id"] for row in line.rows("balances")] == [one.ledger_id for one in account.ledger]


def random_act(line: PrivateLine, rng: random.Random) -> None:
    """Place, amend or cancel something near the market."""
    best = line.exchange.market.listings["BTC/USD"].book.best(BID)
    assert best is not None
    near = (best[0] + rng.randint(-200, 200)) / 10
    resting = list(line.account.open_orders)
    chance = rng.random()
    if chance < 0.6 or not resting:
        kind = rng.choice(("limit", "limit", "market", "iceberg"))
        wanted = {
            "order_type": kind,
            "side": rng.choice(("buy", "sell")),
            "order_qty": 0.05,
            "symbol": "BTC/USD",
        }
        wanted |= {} if kind == "market" else {"limit_price": near}
        wanted |= {"display_qty": 0.01} if kind == "iceberg" else {}
        line.send("add_order", 1, **wanted)
    elif chance < 0.8:
        line.send("amend_order", 1, order_id=rng.choice(resting), limit_price=near)
    else:
        line.send("cancel_order", 1, order_id=[rng.choice(resting)])

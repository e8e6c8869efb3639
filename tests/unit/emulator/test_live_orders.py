from __future__ import annotations

import pytest

from emulated import S
from floor import BTC, LIMIT, Floor, stop
from leadline.emulator.matching import ASK, BID, Order
from leadline.emulator.orders import Close, Execution, LedgerEntry, Ticket, Trigger

MARKET = Ticket("BTC/USD", "buy", "market", BTC)


def test_a_resting_order_is_filled_as_maker_by_the_crowd() -> None:
    floor = Floor()
    order = floor.add(LIMIT)
    floor.crowd("sell", 990, BTC)
    assert floor.told(order) == ["pending_new", "new", "trade", "filled"]
    assert (order.status, order.filled, order.fills[0].maker) == ("filled", BTC, True)


def test_a_marketable_order_is_filled_as_taker_at_the_makers_prices() -> None:
    floor = Floor()
    floor.crowd("sell", 980, BTC // 4)
    floor.crowd("sell", 985, BTC)
    order = floor.add(LIMIT)
    assert floor.told(order) == ["pending_new", "new", "trade", "trade", "filled"]
    assert [(fill.price, fill.qty, fill.maker) for fill in order.fills] == [
        (980, BTC // 4, False),
        (985, BTC * 3 // 4, False),
    ]


def test_a_fill_that_completes_an_order_still_reports_it_partially_filled() -> None:
    floor = Floor()
    order = floor.add(LIMIT)
    floor.crowd("sell", 990, BTC)
    states = [(one.exec_type, one.status) for one in floor.news if isinstance(one, Execution)]
    assert states[-2:] == [("trade", "partially_filled"), ("filled", "filled")]
    assert order.closed_ns == floor.now_ns


def test_an_older_order_of_the_crowd_is_filled_first() -> None:
    floor = Floor()
    floor.crowd("buy", 990, BTC)
    order = floor.add(LIMIT)
    floor.crowd("sell", 990, BTC + 1)
    assert order.filled == 1


def test_news_keeps_the_state_of_its_moment() -> None:
    floor = Floor()
    floor.crowd("sell", 980, BTC // 4)
    order = floor.add(LIMIT)
    floor.cancel(order)
    filled = [one.filled for one in floor.news if isinstance(one, Execution)]
    assert filled == [0, 0, BTC // 4, BTC // 4]


def test_a_fill_is_told_before_its_two_ledger_lines_and_these_before_the_end() -> None:
    floor = Floor()
    floor.add(LIMIT)
    floor.crowd("sell", 990, BTC)
    kinds = [one.exec_type if isinstance(one, Execution) else one.asset for one in floor.news]
    assert kinds[2:] == ["trade", "BTC", "USD", "filled"]


def test_what_a_market_order_finds_nobody_for_is_cancelled() -> None:
    floor = Floor()
    floor.crowd("sell", 1_000, BTC // 2)
    order = floor.add(MARKET)
    assert (order.status, order.filled) == ("canceled", BTC // 2)


def test_a_market_order_for_a_cost_buys_what_that_pays_for() -> None:
    floor = Floor()
    floor.crowd("sell", 1_000, BTC // 2)
    floor.crowd("sell", 2_000, BTC)
    order = floor.add(MARKET, qty=0, cash=100 * 10**5)
    assert (order.qty, order.cost) == (BTC // 2 + BTC // 4, 100 * 10**5)


def test_a_post_only_order_that_would_take_is_accepted_then_cancelled() -> None:
    floor = Floor()
    floor.crowd("sell", 990, BTC)
    order = floor.add(LIMIT, post_only=True)
    assert floor.told(order) == ["pending_new", "canceled"]
    assert order.reason == "Post only order"
    assert floor.add(LIMIT, post_only=True, limit_price=989).status == "new"


def test_an_immediate_order_does_not_rest() -> None:
    floor = Floor()
    floor.crowd("sell", 990, BTC // 4)
    order = floor.add(LIMIT, time_in_force="ioc")
    assert (order.status, order.filled) == ("canceled", BTC // 4)
    assert floor.book("buy") == []


def test_fill_or_kill_fills_whole_or_not_at_all() -> None:
    floor = Floor()
    floor.crowd("sell", 990, BTC // 4)
    killed = floor.add(LIMIT, time_in_force="fok")
    floor.crowd("sell", 985, BTC)
    filled = floor.add(LIMIT, time_in_force="fok")
    assert (killed.status, killed.filled) == ("canceled", 0)
    assert filled.status == "filled"


@pytest.mark.parametrize(
    ("stp", "resting", "incoming"),
    [
        ("cancel_newest", "new", "canceled"),
        ("cancel_oldest", "canceled", "new"),
        ("cancel_both", "canceled", "canceled"),
    ],
)
def test_orders_of_one_account_never_meet(stp: str, resting: str, incoming: str) -> None:
    floor = Floor()
    old = floor.add(LIMIT)
    new = floor.add(LIMIT, side="sell", limit_price=990, stp=stp)
    assert (old.status, new.status) == (resting, incoming)
    assert floor.account.fills == []


def test_two_accounts_meet_in_the_book() -> None:
    floor = Floor()
    other = floor.opened("other")
    mine = floor.add(LIMIT)
    theirs = floor.add(LIMIT, other, side="sell")
    assert (mine.status, theirs.status) == ("filled", "filled")
    assert mine.fills[0].trade_id == theirs.fills[0].trade_id
    assert mine.fills[0].exec_id != theirs.fills[0].exec_id


def test_an_iceberg_shows_its_display_and_refills_at_the_end_of_the_queue() -> None:
    floor = Floor()
    order = floor.add(LIMIT, order_type="iceberg", display_qty=BTC // 10)
    floor.crowd("buy", 990, BTC)
    assert floor.book("buy") == [(990, BTC // 10 + BTC)]
    floor.crowd("sell", 990, BTC // 10)
    assert floor.told(order) == ["pending_new", "new", "trade", "iceberg_refill"]
    assert floor.book("buy") == [(990, BTC // 10 + BTC)]
    floor.crowd("sell", 990, BTC)
    assert order.filled == BTC // 10
    floor.crowd("sell", 990, BTC)
    assert order.status == "filled"


@pytest.mark.parametrize(
    ("order_type", "side", "away", "there"),
    [
        ("stop-loss", "sell", 951, 950),
        ("stop-loss", "buy", 1_049, 1_050),
        ("take-profit", "sell", 1_049, 1_050),
        ("take-profit", "buy", 951, 950),
    ],
)
def test_a_waiting_order_is_set_off_at_its_price(order_type: str, side: str, away: int, there: int) -> None:
    floor = Floor()
    order = floor.add(stop(order_type, side, there))
    floor.trade_at(away)
    assert floor.told(order) == ["pending_new", "new"]
    floor.crowd("sell" if side == "buy" else "buy", there, 2 * BTC)
    floor.trade_at(there)
    assert floor.told(order)[:4] == ["pending_new", "new", "status", "trade"]
    assert order.triggered
    assert order.status == "filled"


def test_a_waiting_order_is_not_in_the_book() -> None:
    floor = Floor()
    floor.add(stop("stop-loss-limit", "buy", 1_050, limit_price=1_060))
    assert floor.book("buy") == []
    floor.trade_at(1_050)
    assert floor.book("buy") == [(1_060, BTC)]


def test_a_trigger_the_market_has_passed_sets_off_at_once() -> None:
    floor = Floor()
    order = floor.add(stop("stop-loss-limit", "sell", 1_010, limit_price=1_020))
    assert order.triggered
    assert floor.book("sell") == [(1_020, BTC)]


def test_relative_triggers_count_from_the_last_price() -> None:
    floor = Floor()
    pct = floor.add(stop("stop-loss", "sell", -500, price_type="pct"))
    quote = floor.add(stop("stop-loss", "sell", -150, price_type="quote"))
    assert (pct.trigger_price, quote.trigger_price) == (950, 850)


def test_a_trailing_stop_follows_the_peak_and_never_back() -> None:
    floor = Floor()
    order = floor.add(stop("trailing-stop", "sell", 50, price_type="quote"))
    seen = [order.trigger_price]
    for price in (1_100, 1_060, 1_200):
        floor.trade_at(price)
        seen.append(order.trigger_price)
    assert seen == [950, 1_050, 1_050, 1_150]
    floor.trade_at(1_150)
    assert order.triggered


def test_a_trailing_limit_hangs_on_its_trigger() -> None:
    floor = Floor()
    ticket = stop(
        "trailing-stop-limit", "buy", 1_000, price_type="pct", limit_price=5, limit_price_type="quote"
    )
    order = floor.add(ticket)
    floor.trade_at(900)
    assert (order.trigger_price, order.limit_price) == (990, 995)
    assert floor.account.held("USD") == floor.account.hold_of(order, "USD") > 0
    floor.trade_at(990)
    assert floor.book("buy") == [(995, BTC)]


def test_a_scheduled_market_order_without_funds_when_its_time_comes_is_cancelled() -> None:
    floor = Floor(usd=101)
    floor.crowd("sell", 1_000, 2 * BTC)
    order = floor.add(MARKET, effective_ns=floor.now_ns + 10 * S)
    floor.add(LIMIT, qty=BTC // 2)
    floor.wait(10)
    assert (order.status, order.reason) == ("canceled", "Insufficient funds")


def test_a_waiting_order_without_funds_when_set_off_is_cancelled() -> None:
    floor = Floor(usd=101)
    order = floor.add(stop("stop-loss", "buy", 1_001))
    floor.crowd("sell", 1_200, 3 * BTC)
    floor.trade_at(1_001)
    assert (order.status, order.reason) == ("canceled", "Insufficient funds")
    assert floor.account.held("USD") == 0


def test_every_fill_makes_its_own_conditional_close() -> None:
    floor = Floor()
    parent = floor.add(LIMIT, close=Close("stop-loss", trigger=Trigger(900)))
    floor.crowd("sell", 990, BTC // 4)
    floor.crowd("sell", 990, BTC - BTC // 4)
    children = [order for order in floor.account.orders.values() if order.parent_id == parent.order_id]
    assert [(one.qty, one.ticket.side, one.trigger_price) for one in children] == [
        (BTC // 4, "sell", 900),
        (BTC - BTC // 4, "sell", 900),
    ]


def test_a_conditional_close_without_funds_is_cancelled_at_once() -> None:
    floor = Floor(usd=0)
    floor.add(LIMIT, side="sell", close=Close("limit", 1_200))
    floor.crowd("buy", 990, BTC)
    child = list(floor.account.orders.values())[1]
    assert (child.status, child.reason) == ("canceled", "Insufficient funds")


def test_triggers_act_after_every_listener_has_heard_of_the_trade() -> None:
    floor = Floor()
    heard: list[int] = []
    floor.market.listeners.append(lambda batch: heard.extend(trade.trade_id for trade in batch.trades))
    floor.crowd("buy", 940, 5 * BTC)
    floor.add(stop("stop-loss", "sell", 950))
    floor.add(stop("stop-loss", "sell", 945))
    floor.trade_at(950)
    assert heard == sorted(heard)
    assert len(heard) == 3


def test_an_order_outlives_a_finer_tick_and_lot() -> None:
    floor = Floor()
    order = floor.add(LIMIT)
    floor.crowd("sell", 990, BTC // 4)
    waiting = floor.add(stop("stop-loss", "sell", 950))
    held = floor.account.held("USD")
    floor.market.change_precision("BTC/USD", 3, 10)
    assert (order.qty, order.filled, order.limit_price) == (100 * BTC, 25 * BTC, 99_000)
    assert (waiting.trigger_price, order.fills[0].price) == (95_000, 99_000)
    assert floor.account.held("USD") == held
    floor.market.submit("BTC/USD", Order(floor.market.new_order_id(), ASK, 99_000, 75 * BTC), floor.now_ns)
    assert order.status == "filled"


def test_an_order_left_with_nothing_by_a_coarser_lot_ends() -> None:
    floor = Floor()
    small = floor.add(LIMIT, qty=900_000)
    large = floor.add(LIMIT)
    floor.market.change_precision("BTC/USD", 1, 2)
    assert (small.status, large.status) == ("canceled", "new")
    assert large.qty == 100
    assert floor.account.held("USD") == floor.account.hold_of(large, "USD")


def test_the_order_behind_a_number_in_the_book_is_known() -> None:
    floor = Floor()
    order = floor.add(LIMIT)
    assert order.engine_id is not None
    assert floor.trading.order_id_of(order.engine_id) == order.order_id
    assert floor.trading.order_id_of(0) is None


def test_an_owner_without_an_account_here_may_still_trade() -> None:
    floor = Floor()
    floor.market.submit("BTC/USD", Order(floor.market.new_order_id(), BID, 990, BTC, "test"), floor.now_ns)
    floor.crowd("sell", 990, BTC)
    assert [one for one in floor.news if isinstance(one, LedgerEntry)] == []


def test_a_post_only_order_that_would_take_when_set_off_is_cancelled() -> None:
    floor = Floor()
    order = floor.add(stop("stop-loss-limit", "buy", 1_050, limit_price=1_060, post_only=True))
    floor.crowd("sell", 1_055, BTC)
    floor.trade_at(1_050)
    assert (floor.told(order)[-2:], order.reason) == (["status", "canceled"], "Post only order")


def test_an_amended_post_only_order_may_take_unless_the_amend_forbids_it() -> None:
    floor = Floor()
    order = floor.add(LIMIT, post_only=True)
    floor.crowd("sell", 1_000, BTC)
    floor.amend(order, limit_price=1_000)
    assert order.status == "filled"

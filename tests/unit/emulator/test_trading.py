from __future__ import annotations

from dataclasses import replace

import pytest

from emulated import MS, START_NS, S, emulated
from floor import BTC, LIMIT, Floor, stop
from leadline.emulator.accounts import EARN, SPOT, UNIT
from leadline.emulator.orders import Amendment, Close, LedgerEntry, Refused, Ticket

SELL = replace(LIMIT, side="sell", limit_price=1_010)
MARKET = Ticket("BTC/USD", "buy", "market", BTC)


def points(floor: Floor) -> float:
    return floor.account.counter("BTC/USD").points(floor.now_ns)


def test_a_name_is_given_once() -> None:
    floor = Floor()
    assert floor.trading.named("me") is floor.account
    with pytest.raises(ValueError, match="choose another name"):
        floor.trading.account("me")


def test_another_account_has_the_demos_funds_unless_told() -> None:
    floor = Floor()
    assert floor.trading.account("rich").balances == floor.trading.demo.balances


def test_an_order_needs_its_cost_and_the_taker_fee() -> None:
    assert Floor(usd=99).refusal(LIMIT) == "EOrder:Insufficient funds"
    assert Floor(usd=100).refusal(LIMIT) == ""
    assert Floor(btc=0).refusal(SELL) == "EOrder:Insufficient funds"


def test_what_open_orders_hold_cannot_be_spent_twice() -> None:
    floor = Floor(usd=150)
    assert floor.refusal(LIMIT) == ""
    assert floor.refusal(LIMIT) == "EOrder:Insufficient funds"


def test_a_market_order_needs_what_the_book_asks() -> None:
    floor = Floor(usd=100)
    floor.crowd("sell", 990, BTC // 2)
    floor.crowd("sell", 1_010, BTC)
    assert floor.refusal(MARKET) == "EOrder:Insufficient funds"
    assert floor.refusal(MARKET, qty=BTC // 2) == ""


def test_a_validated_order_is_judged_and_forgotten() -> None:
    floor = Floor()
    order = floor.trading.add(floor.account, LIMIT, floor.now_ns, validate=True)
    assert order.order_id == ""
    assert (floor.account.orders, floor.news, floor.account.held("USD"), points(floor)) == ({}, [], 0, 0)
    with pytest.raises(Refused, match="Insufficient funds"):
        floor.trading.add(floor.account, replace(LIMIT, qty=10**9 * BTC), floor.now_ns, validate=True)


def test_a_client_id_is_unique_among_open_orders_only() -> None:
    floor = Floor()
    order = floor.add(cl_ord_id="one")
    assert floor.refusal(cl_ord_id="one") == "EGeneral:Invalid arguments:cl_ord_id"
    floor.cancel(order)
    assert floor.refusal(cl_ord_id="one") == ""


def test_another_account_may_use_the_same_client_id() -> None:
    floor = Floor()
    floor.add(cl_ord_id="one")
    assert floor.add(LIMIT, floor.opened("other"), cl_ord_id="one").open


def test_a_late_order_is_dropped() -> None:
    floor = Floor()
    assert floor.refusal(deadline_ns=floor.now_ns - 1) == "EService:Deadline elapsed"
    assert floor.refusal(deadline_ns=floor.now_ns) == ""


@pytest.mark.parametrize(
    ("mode", "ticket", "text"),
    [
        ("maintenance", LIMIT, "EService:Unavailable"),
        ("cancel_only", LIMIT, "EService:Market in cancel_only mode"),
        ("post_only", LIMIT, "EService:Market in post_only mode"),
        ("post_only", replace(LIMIT, post_only=True), ""),
        ("limit_only", MARKET, "EService:Market in limit_only mode"),
        ("limit_only", LIMIT, ""),
    ],
)
def test_a_mode_refuses_what_it_does_not_take(mode: str, ticket: Ticket, text: str) -> None:
    of_system, of_pair = Floor(), Floor()
    of_system.market.system = mode
    of_pair.market.listings["BTC/USD"].status = mode
    assert of_system.refusal(ticket) == of_pair.refusal(ticket) == text
    assert of_pair.refusal(replace(LIMIT, symbol="ETH/USD", limit_price=9_000)) == ""


def test_maintenance_refuses_even_cancels() -> None:
    floor = Floor()
    order = floor.add()
    floor.market.system = "maintenance"
    with pytest.raises(Refused, match="EService:Unavailable"):
        floor.cancel(order)
    with pytest.raises(Refused, match="EService:Unavailable"):
        floor.trading.cancel_all(floor.account, floor.now_ns)
    floor.market.system = "cancel_only"
    floor.cancel(order)
    assert order.status == "canceled"


def test_cancel_all_passes_over_a_pair_in_maintenance() -> None:
    floor = Floor()
    stays, goes = floor.add(), floor.add(symbol="ETH/USD", limit_price=9_000)
    floor.market.listings["BTC/USD"].status = "maintenance"
    assert floor.trading.cancel_batch(floor.account, [stays], floor.now_ns) == 0
    assert floor.trading.cancel_all(floor.account, floor.now_ns) == 1
    assert (stays.open, goes.open) == (True, False)


def test_an_order_that_is_not_open_is_unknown_to_a_cancel() -> None:
    floor = Floor()
    order = floor.add()
    floor.cancel(order)
    with pytest.raises(Refused, match="EOrder:Unknown order"):
        floor.cancel(order)
    with pytest.raises(Refused, match="EOrder:Unknown order"):
        floor.amend(order, qty=BTC // 2)


def test_cancel_batch_counts_those_that_were_open() -> None:
    floor = Floor()
    orders = [floor.add() for _ in range(3)]
    floor.cancel(orders[0])
    assert floor.trading.cancel_batch(floor.account, orders, floor.now_ns) == 2
    assert all(order.reason == "User requested" for order in orders)


def test_cancel_all_takes_waiting_orders_too() -> None:
    floor = Floor()
    orders = [floor.add(), floor.add(stop("stop-loss", "sell", 900))]
    assert floor.trading.cancel_all(floor.account, floor.now_ns) == 2
    assert not any(order.open for order in orders)
    assert floor.trading.cancel_all(floor.account, floor.now_ns) == 0


def test_each_act_costs_its_points() -> None:
    floor = Floor()
    order = floor.add()
    assert points(floor) == 1
    floor.now_ns += 7 * S
    before = points(floor)
    floor.amend(order, qty=BTC // 2)
    assert points(floor) == before + 3
    floor.now_ns += 36 * S
    before = points(floor)
    floor.cancel(order)
    assert points(floor) == before + 4


def test_a_refused_order_has_cost_its_point() -> None:
    floor = Floor()
    assert floor.refusal(qty=10**9 * BTC) == "EOrder:Insufficient funds"
    assert points(floor) == 1


def test_over_the_threshold_orders_are_refused_and_cancels_taken() -> None:
    floor = Floor()
    floor.account.set_tier("starter")
    order = floor.add()
    texts = [floor.refusal(qty=1) for _ in range(60)]
    assert texts == ["EGeneral:Invalid arguments:volume minimum not met"] * 59 + [
        "EOrder:Rate limit exceeded"
    ]
    floor.cancel(order)
    assert points(floor) == 69
    floor.now_ns += 10 * S
    assert floor.refusal() == ""


def test_an_amend_without_room_for_its_age_part_is_refused() -> None:
    floor = Floor()
    order = floor.add()
    floor.account.counter("BTC/USD").charge(121.5, floor.now_ns)
    with pytest.raises(Refused, match="EOrder:Rate limit exceeded"):
        floor.amend(order, qty=BTC // 2)
    assert points(floor) == 123.5


def test_pairs_are_counted_apart() -> None:
    floor = Floor()
    floor.add()
    floor.add(symbol="ETH/USD", limit_price=9_000)
    assert points(floor) == 1


@pytest.mark.parametrize(("tier", "cap"), [("starter", 60), ("intermediate", 80)])
def test_open_orders_are_capped_per_pair(tier: str, cap: int) -> None:
    floor = Floor()
    floor.account.set_tier(tier)  # type: ignore[arg-type]
    texts = []
    for _ in range(cap + 1):
        floor.now_ns += 2 * S
        texts.append(floor.refusal(qty=BTC // 100))
    assert texts == [""] * cap + ["EOrder:Orders limit exceeded"]


def test_an_amend_for_less_keeps_the_place_in_the_queue() -> None:
    floor = Floor()
    order = floor.add()
    floor.crowd("buy", 990, BTC)
    floor.amend(order, qty=BTC // 2)
    assert floor.told(order) == ["pending_new", "new", "amended"]
    assert floor.book("buy") == [(990, BTC // 2 + BTC)]
    floor.crowd("sell", 990, BTC // 2)
    assert order.status == "filled"


def test_an_amend_for_more_or_to_another_price_goes_to_the_end() -> None:
    for change in ({"qty": 2 * BTC}, {"limit_price": 980}):
        floor = Floor()
        order = floor.add()
        floor.crowd("buy", 980, BTC)
        floor.crowd("buy", 990, BTC)
        floor.amend(order, **change)
        floor.crowd("sell", 990, BTC)
        assert order.filled == 0
        assert order.engine_id is not None


def test_an_amend_may_take() -> None:
    floor = Floor()
    order = floor.add()
    floor.crowd("sell", 1_000, BTC)
    floor.amend(order, limit_price=1_000)
    assert floor.told(order) == ["pending_new", "new", "amended", "trade", "filled"]


def test_a_post_only_amend_that_would_take_is_refused() -> None:
    floor = Floor()
    order = floor.add()
    floor.crowd("sell", 1_000, BTC)
    with pytest.raises(Refused, match="EOrder:Post only order"):
        floor.amend(order, limit_price=1_000, post_only=True)
    assert (order.limit_price, order.amended) == (990, False)


def test_an_amend_to_no_more_than_is_filled_cancels_the_rest() -> None:
    floor = Floor()
    order = floor.add()
    floor.crowd("sell", 990, BTC // 2)
    assert floor.amend(order, qty=BTC // 4).startswith("T")
    assert (order.status, order.filled, order.qty) == ("canceled", BTC // 2, BTC)
    assert floor.account.held("USD") == 0


def test_an_amend_that_changes_nothing_is_refused() -> None:
    floor = Floor()
    order = floor.add()
    for change in ({}, {"qty": BTC, "limit_price": 990}):
        with pytest.raises(Refused, match="No amendable parameters"):
            floor.amend(order, **change)


def test_an_amend_beyond_the_funds_is_refused_and_holds_follow_one_within() -> None:
    floor = Floor(usd=300)
    order = floor.add()
    with pytest.raises(Refused, match="Insufficient funds"):
        floor.amend(order, qty=4 * BTC)
    before = floor.account.held("USD")
    floor.amend(order, qty=2 * BTC)
    assert floor.account.held("USD") == 2 * before


def test_a_late_amend_does_nothing() -> None:
    floor = Floor()
    order = floor.add()
    with pytest.raises(Refused, match="Deadline elapsed"):
        floor.amend(order, qty=BTC // 2, deadline_ns=floor.now_ns - MS)
    assert order.qty == BTC


def test_every_amend_is_remembered_as_it_left_the_order() -> None:
    floor = Floor()
    order = floor.add()
    ids = [floor.amend(order, qty=BTC // 2), floor.amend(order, limit_price=980)]
    states = [(one, state.qty, state.limit_price) for one, _, state in order.amends if state is not None]
    assert states == [(ids[0], BTC // 2, 990), (ids[1], BTC // 2, 980)]


def test_an_iceberg_is_amended_in_its_shown_part() -> None:
    floor = Floor()
    order = floor.add(LIMIT, order_type="iceberg", display_qty=BTC // 10)
    floor.amend(order, display_qty=BTC // 5)
    assert floor.book("buy") == [(990, BTC // 5)]
    with pytest.raises(Refused, match="display_qty"):
        floor.amend(order, display_qty=BTC // 16)


def test_the_trigger_of_a_waiting_order_is_amended() -> None:
    floor = Floor()
    still, trailing = (
        floor.add(stop("stop-loss", "sell", 950)),
        floor.add(stop("trailing-stop", "sell", 50, price_type="quote")),
    )
    floor.amend(still, trigger_price=940)
    floor.amend(trailing, trigger_price=30)
    assert (still.trigger_price, trailing.trigger_price) == (940, 970)
    floor.trade_at(945)
    assert (still.triggered, trailing.triggered) == (False, True)


def test_an_edit_is_a_cancel_and_a_new_order_for_the_rest() -> None:
    floor = Floor()
    order = floor.add()
    floor.crowd("sell", 990, BTC // 4)
    made = floor.trading.edit(floor.account, order, replace(LIMIT, limit_price=980), floor.now_ns)
    assert (order.status, order.reason, order.filled) == ("canceled", "Order replaced", BTC // 4)
    assert (made.qty, made.limit_price, made.filled) == (BTC - BTC // 4, 980, 0)
    assert made.order_id != order.order_id


def test_a_refused_edit_leaves_the_order() -> None:
    floor = Floor(usd=150)
    order = floor.add()
    for ticket, text in (
        (replace(LIMIT, qty=9 * BTC), "Insufficient funds"),
        (replace(LIMIT, qty=1), "volume minimum"),
        (replace(LIMIT, symbol="ETH/USD"), "Invalid order"),
    ):
        with pytest.raises(Refused, match=text):
            floor.trading.edit(floor.account, order, ticket, floor.now_ns)
    assert floor.book("buy") == [(990, BTC)]


def test_an_edit_may_spend_what_its_order_held() -> None:
    floor = Floor(usd=100)
    order = floor.add()
    assert floor.trading.edit(floor.account, order, replace(LIMIT, limit_price=985), floor.now_ns).open


def test_orders_with_a_client_id_or_a_close_cannot_be_edited() -> None:
    floor = Floor()
    for order in (floor.add(cl_ord_id="a"), floor.add(close=Close("limit", 1_200))):
        with pytest.raises(Refused, match="EOrder:Invalid order"):
            floor.trading.edit(floor.account, order, replace(LIMIT, limit_price=980), floor.now_ns)


def test_a_batch_costs_half_a_point_an_order_and_answers_in_order() -> None:
    floor = Floor(usd=250)
    tickets = [LIMIT, replace(LIMIT, qty=5 * BTC), LIMIT]
    made = floor.trading.add_batch(floor.account, tickets, floor.now_ns)
    assert [one if isinstance(one, str) else one.status for one in made] == [
        "new",
        "EOrder:Insufficient funds",
        "new",
    ]
    assert points(floor) == 1.5


def test_one_invalid_order_refuses_the_whole_batch() -> None:
    floor = Floor()
    for tickets in (
        [LIMIT, replace(LIMIT, qty=1)],
        [LIMIT],
        [LIMIT] * 16,
        [LIMIT, replace(LIMIT, symbol="ETH/USD")],
    ):
        with pytest.raises(Refused, match="EGeneral:Invalid arguments"):
            floor.trading.add_batch(floor.account, tickets, floor.now_ns)
    assert floor.account.orders == {}


def test_a_validated_batch_leaves_nothing() -> None:
    floor = Floor()
    made = floor.trading.add_batch(floor.account, [LIMIT, LIMIT], floor.now_ns, validate=True)
    assert len(made) == 2
    assert (floor.account.orders, points(floor)) == ({}, 0)


def test_the_dead_man_timer_cancels_everything_once() -> None:
    floor = Floor()
    order = floor.add()
    assert floor.trading.arm(floor.account, 60, floor.now_ns) == floor.now_ns + 60 * S
    floor.wait(59)
    assert order.open
    floor.wait(1)
    assert (order.status, order.reason) == ("canceled", "Timeout")
    later = floor.add()
    floor.wait(120)
    assert later.open


def test_a_new_arming_takes_the_place_of_the_old_and_zero_disarms() -> None:
    floor = Floor()
    order = floor.add()
    floor.trading.arm(floor.account, 10, floor.now_ns)
    floor.wait(5)
    floor.trading.arm(floor.account, 10, floor.now_ns)
    floor.wait(9)
    assert order.open
    assert floor.trading.arm(floor.account, 0, floor.now_ns) is None
    floor.wait(60)
    assert order.open
    with pytest.raises(Refused, match="timeout"):
        floor.trading.arm(floor.account, 86_400, floor.now_ns)


def test_a_timer_that_ran_out_in_maintenance_fires_when_the_venue_returns() -> None:
    venue = emulated(rate=0)
    trading, market = venue.trading, venue.market
    order = trading.add(trading.demo, replace(LIMIT, limit_price=500_000), START_NS)
    trading.arm(trading.demo, 10, START_NS)
    market.system = "maintenance"
    venue.advance(START_NS + 60 * S)
    assert order.open
    market.system = "online"
    assert venue.next_event_at() <= START_NS + 60 * S
    venue.advance(START_NS + 61 * S)
    assert order.status == "canceled"


def test_the_dead_man_reaches_an_order_whose_pair_was_down_when_it_returns() -> None:
    floor = Floor()
    order = floor.add()
    floor.trading.arm(floor.account, 10, floor.now_ns)
    floor.market.listings["BTC/USD"].status = "maintenance"
    floor.wait(60)
    assert order.open
    floor.market.listings["BTC/USD"].status = "online"
    floor.wait(0)
    assert order.reason == "Timeout"


def test_an_order_expires_at_its_time() -> None:
    floor = Floor()
    order = floor.add(time_in_force="gtd", expire_ns=floor.now_ns + 10 * S)
    assert floor.trading.next_ns() == floor.now_ns + 10 * S
    floor.wait(10)
    assert (order.status, floor.told(order)[-1]) == ("expired", "expired")
    assert floor.account.held("USD") == 0


def test_a_scheduled_order_goes_live_at_its_effective_time() -> None:
    floor = Floor()
    order = floor.add(effective_ns=floor.now_ns + 10 * S)
    assert floor.told(order) == ["pending_new"]
    assert floor.book("buy") == []
    assert floor.account.held("USD") > 0
    floor.wait(10)
    assert floor.told(order) == ["pending_new", "new"]
    assert floor.book("buy") == [(990, BTC)]


def test_a_scheduled_order_can_be_cancelled_before() -> None:
    floor = Floor()
    order = floor.add(effective_ns=floor.now_ns + 10 * S)
    floor.cancel(order)
    floor.wait(20)
    assert order.status == "canceled"
    assert floor.book("buy") == []


def test_the_exchange_drives_the_timers_by_itself() -> None:
    venue = emulated(rate=0)
    trading = venue.trading
    order = trading.add(
        trading.demo,
        replace(LIMIT, limit_price=500_000, time_in_force="gtd", expire_ns=START_NS + 7 * S),
        START_NS,
    )
    assert venue.next_event_at() == START_NS + 7 * S
    venue.advance(START_NS + 8 * S)
    assert (order.status, order.closed_ns) == ("expired", START_NS + 7 * S)


def test_money_moves_between_spot_and_earn_in_two_lines() -> None:
    floor = Floor(usd=100)
    floor.trading.transfer(floor.account, "USD", SPOT, EARN, 40 * UNIT, floor.now_ns)
    assert (floor.account.balance("USD"), floor.account.balance("USD", EARN)) == (60 * UNIT, 40 * UNIT)
    out, into = (one for one in floor.news if isinstance(one, LedgerEntry))
    assert (out.subtype, into.subtype) == ("spottostaking", "stakingfromspot")
    assert out.ref_id == into.ref_id
    floor.trading.transfer(floor.account, "USD", EARN, SPOT, 40 * UNIT, floor.now_ns)
    assert floor.account.balance("USD") == 100 * UNIT


def test_money_that_is_held_or_not_there_does_not_move() -> None:
    floor = Floor(usd=100)
    floor.add(qty=BTC // 2)
    for source, target, amount in (
        (SPOT, EARN, 51 * UNIT),
        (EARN, SPOT, 1),
        (SPOT, SPOT, 1),
        (SPOT, EARN, 0),
    ):
        with pytest.raises(Refused, match="EFunding:"):
            floor.trading.transfer(floor.account, "USD", source, target, amount, floor.now_ns)


def test_the_same_seed_gives_the_same_ids_and_fills() -> None:
    def played() -> list[object]:
        venue = emulated(rate=200, seed=4)
        trading, now_ns = venue.trading, START_NS
        news: list[object] = []
        trading.demo.listeners.append(lambda one: news.append(getattr(one, "ledger_id", None) or one.fill))
        for number in range(20):
            now_ns += 300 * MS
            venue.advance(now_ns)
            last = venue.market.listings["BTC/USD"].tape.last_price
            ticket = replace(LIMIT, side="buy" if number % 2 else "sell", limit_price=last, qty=1_000_000)
            trading.add(trading.demo, ticket, now_ns)
        venue.advance(now_ns + 30 * S)
        return [trading.demo.api_key, *trading.demo.orders, *news]

    assert played() == played()
    assert len(played()) > 60


def test_an_amendment_is_refused_in_cancel_only() -> None:
    floor = Floor()
    order = floor.add()
    floor.market.system = "cancel_only"
    with pytest.raises(Refused, match="cancel_only"):
        floor.trading.amend(floor.account, order, Amendment(qty=BTC // 2), floor.now_ns)

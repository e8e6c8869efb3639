from __future__ import annotations

from floor import LIMIT, STILL, Floor, stop
from leadline.emulator.matching import BID
from leadline.emulator.orders import AccountOrder, Ticket
from leadline.emulator.tape import Trade
from leadline.emulator.triggers import Waiting, follow, moved, reached, start


def begun(ticket: Ticket, reference: int = 1_000) -> AccountOrder:
    order = AccountOrder(ticket.order_type, ticket, 0, qty=ticket.qty, limit_price=ticket.limit_price)
    start(order, reference)
    return order


def test_distances_are_ticks_or_hundredths_of_a_percent() -> None:
    assert (moved(1_000, -150, "quote"), moved(1_000, -250, "pct")) == (850, 975)


def test_a_stop_is_reached_from_the_unfavourable_and_a_profit_from_the_favourable_side() -> None:
    found = {
        (kind, side): [reached(begun(stop(kind, side, 1_000)), price) for price in (999, 1_000, 1_001)]
        for kind in ("stop-loss", "take-profit")
        for side in ("buy", "sell")
    }
    assert found["stop-loss", "buy"] == [False, True, True]
    assert found["stop-loss", "sell"] == [True, True, False]
    assert found["take-profit", "buy"] == [True, True, False]
    assert found["take-profit", "sell"] == [False, True, True]


def test_a_trailing_trigger_keeps_its_distance_from_the_peak() -> None:
    order = begun(stop("trailing-stop", "buy", 50, price_type="quote"))
    assert order.trigger_price == 1_050
    assert [follow(order, price) for price in (1_010, 990, 995)] == [False, True, False]
    assert (order.peak_price, order.trigger_price) == (990, 1_040)


def test_an_order_that_does_not_trail_follows_nothing() -> None:
    order = begun(stop("stop-loss", "sell", 900))
    assert not follow(order, 2_000)
    assert order.trigger_price == 900


def test_a_limit_may_be_a_price_or_hang_on_the_trigger() -> None:
    fixed = begun(stop("trailing-stop-limit", "sell", 50, price_type="quote", limit_price=700))
    hanging = begun(
        stop("trailing-stop-limit", "sell", 50, price_type="quote", limit_price=-100, limit_price_type="pct")
    )
    for order in (fixed, hanging):
        follow(order, 1_050)
    assert (fixed.limit_price, hanging.limit_price) == (700, 990)


def test_an_order_without_a_trigger_starts_with_none() -> None:
    assert begun(LIMIT).trigger_price is None


def test_only_those_a_trade_reaches_are_taken_out() -> None:
    account, waiting = Floor().account, Waiting()
    near, far = begun(stop("stop-loss", "sell", 950)), begun(stop("take-profit", "sell", 1_200))
    waiting.add(account, near)
    waiting.add(account, far)
    trades = [Trade(number, number, price, 1, BID, False) for number, price in enumerate((960, 940))]
    off, shifted = waiting.struck(STILL.symbol, trades)
    assert [one.order for one in off] == [near]
    assert shifted == []
    assert [one.order for one in waiting.of(STILL.symbol)] == [far]


def test_one_that_was_removed_waits_no_longer() -> None:
    account, waiting = Floor().account, Waiting()
    order = begun(stop("stop-loss", "sell", 950))
    waiting.add(account, order)
    waiting.remove(order)
    waiting.remove(order)
    assert waiting.struck(STILL.symbol, [Trade(1, 1, 940, 1, BID, False)]) == ([], [])


def test_those_whose_trigger_moved_are_named_once() -> None:
    account, waiting = Floor().account, Waiting()
    order = begun(stop("trailing-stop", "sell", 50, price_type="quote"))
    waiting.add(account, order)
    trades = [Trade(number, number, price, 1, BID, False) for number, price in enumerate((1_010, 1_020))]
    assert [one.order for one in waiting.struck(STILL.symbol, trades)[1]] == [order]

from __future__ import annotations

from floor import BTC, LIMIT, Floor, stop
from leadline.emulator.orders import Close, Trigger
from leadline.emulator.regrid import records

FINER = (100, 1)
COARSER = (1, 10**4)


def test_a_finer_grid_keeps_every_record_exactly() -> None:
    floor = Floor()
    order = floor.add(LIMIT, close=Close("stop-loss-limit", -5, "quote", Trigger(-100, "pct")))
    floor.crowd("sell", 990, BTC // 4)
    cost, filled = order.cost, order.filled
    records(floor.account, "BTC/USD", FINER, FINER)
    assert (order.filled, order.qty, order.limit_price) == (100 * filled, 100 * BTC, 99_000)
    assert order.cost == cost
    assert order.ticket.close == Close("stop-loss-limit", -500, "quote", Trigger(-100, "pct"))
    assert floor.account.fills[0] is order.fills[0]
    assert floor.account.fills[0].price == 99_000


def test_a_coarser_grid_keeps_filled_the_sum_of_the_fills() -> None:
    floor = Floor()
    order = floor.add()
    for qty in (12_345, 56_789):
        floor.crowd("sell", 990, qty)
    records(floor.account, "BTC/USD", (1, 1), COARSER)
    assert order.filled == sum(fill.qty for fill in order.fills) == 1 + 5


def test_triggers_and_amends_move_too() -> None:
    floor = Floor()
    order = floor.add(stop("trailing-stop", "sell", 50, price_type="quote"))
    amended = floor.add(LIMIT, order_type="iceberg", display_qty=BTC // 10)
    floor.amend(amended, qty=BTC // 2)
    records(floor.account, "BTC/USD", FINER, FINER)
    assert (order.trigger_price, order.peak_price) == (95_000, 100_000)
    assert order.ticket.trigger == Trigger(5_000, "quote")
    state = amended.amends[0][2]
    assert state is not None
    assert (state.qty, state.limit_price, state.display_qty) == (50 * BTC, 99_000, 10 * BTC)


def test_other_pairs_stay_as_they_are() -> None:
    floor = Floor()
    order = floor.add(symbol="ETH/USD", limit_price=9_000)
    records(floor.account, "BTC/USD", FINER, FINER)
    assert (order.qty, order.limit_price) == (BTC, 9_000)

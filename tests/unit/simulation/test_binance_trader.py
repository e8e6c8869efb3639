from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from leadline.simulation.binance_plants import BINANCE_NOTHING
from leadline.simulation.binance_trader import TRADED
from leadline.simulation.binance_world import BinanceWorld
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.report import Findings
from leadline.simulation.scene import Seed

ONE_WAY, HEDGE = 2, 3


@pytest.mark.parametrize("seed", [ONE_WAY, HEDGE])
def test_a_trader_places_every_kind_of_order_there_is_and_cancels_them(seed: int, tmp_path: Path) -> None:
    loop, findings = VirtualLoop(), Findings(seed, "again")
    world = BinanceWorld(Seed(seed, 5.0, BINANCE_NOTHING), loop, findings, tmp_path)
    world.strikes.clear()
    loop.run_until_complete(world.run())
    loop.close()

    demo = world.exchange.trading.demo
    plain = [order for order in demo.orders.values() if order.algo_id is None]
    tickets = [order.ticket for order in plain]
    algos = [algo.ticket for algo in demo.algo_orders.values()]
    assert demo.hedge is (seed == HEDGE)
    assert {world.names[ticket.symbol] for ticket in tickets} == set(TRADED)
    assert {ticket.order_type for ticket in tickets} == {"LIMIT", "MARKET"}
    assert {ticket.time_in_force for ticket in tickets} == {"GTC", "IOC", "FOK", "GTX"}
    sides = {"LONG", "SHORT"} if demo.hedge else {"BOTH"}
    assert {ticket.position_side for ticket in (*tickets, *algos)} == sides
    assert any(ticket.price_match != "NONE" for ticket in tickets)
    assert {ticket.order_type for ticket in algos} >= {"STOP_MARKET", "TAKE_PROFIT_MARKET"}
    assert any(ticket.close_position for ticket in algos)
    triggered = any(algo.order is not None for algo in demo.algo_orders.values())
    assert triggered or seed == HEDGE
    assert any(order.amendments for order in plain)
    assert Counter(order.status for order in plain).keys() >= {"FILLED", "CANCELED"}

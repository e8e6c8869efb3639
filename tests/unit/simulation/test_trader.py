from __future__ import annotations

from pathlib import Path

from leadline.emulator.orders import AccountOrder
from leadline.simulation.kraken_world import KrakenWorld
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.plants import NOTHING
from leadline.simulation.report import Findings
from leadline.simulation.scene import Seed
from leadline.simulation.trader import TRADED
from leadline.simulation.world import SETTLING_S


def test_a_trader_places_every_kind_of_order_amends_and_cancels_and_stops_in_time(tmp_path: Path) -> None:
    loop, findings = VirtualLoop(), Findings(1, "again")
    world = KrakenWorld(Seed(3, 5.0, NOTHING), loop, findings, tmp_path)
    world.strikes.clear()
    loop.run_until_complete(world.run())
    loop.close()

    orders: list[AccountOrder] = list(world.exchange.trading.demo.orders.values())
    tickets = [order.ticket for order in orders]
    assert findings.violations == []
    assert {ticket.symbol for ticket in tickets} == set(TRADED)
    assert {ticket.order_type for ticket in tickets} >= {"limit", "market", "iceberg", "stop-loss"}
    assert {ticket.time_in_force for ticket in tickets} == {"gtc", "ioc", "fok"}
    assert any(ticket.post_only for ticket in tickets)
    assert any(order.parent_id for order in orders)
    assert any(order.amended for order in orders)
    assert {order.status for order in orders} >= {"filled", "canceled", "new"}
    own = [order.opened_ns for order in orders if order.parent_id is None]
    assert max(own) <= (300.0 - SETTLING_S + 10.0) * 1e9 + min(own)

"""P1 on Binance: an order whose answer is lost is UNKNOWN until the venue has said what became of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from binance_world import BTC, STILL, World, limit, perform, until
from leadline.engine.records import Intent
from leadline.errors import Error, Held
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest, OrderState, Trigger

RESOLVED_S = 5.0
DEADLINE_S = 2.0
TEN_MINUTES_S = 600.0
LOST: list[dict[str, Any]] = [
    {"kind": "ACCEPT_THEN_DROP", "method": "order.place", "count": 1},
    {"kind": "BACKEND", "trouble": "unknown", "accepted": True, "count": 1},
    {"kind": "BACKEND", "trouble": "timeout", "accepted": True, "count": 1},
    {"kind": "BACKEND", "trouble": "unknown", "accepted": False, "count": 1},
    {"kind": "BACKEND", "trouble": "timeout", "accepted": False, "count": 1},
]


def name(fault: dict[str, Any]) -> str:
    return f"{fault.get('trouble', 'dropped')}-{fault.get('accepted', True)}"


@pytest.mark.parametrize("fault", LOST, ids=name)
def test_for_ten_minutes_without_any_evidence_it_stays_unknown_and_then_is_known_within_seconds(
    fault: dict[str, Any],
) -> None:
    async def scene(world: World) -> None:
        async with world.client(account={}) as client:
            await client.system.ready(30)
            before = await client.submit(limit("0.020", "63370.0"))
            world.inject(kind="STALL", channel="executions")
            world.inject(**fault)
            world.inject(kind="REFUSE", route="rest")
            order = await client.system.orders.submit(limit())
            world.unreachable(TEN_MINUTES_S)
            asked = len(world.asked)

            states = set()
            for _ in range(round(TEN_MINUTES_S / 5) - 1):
                states.add(client.order(order.client_id).state)
                await world.clock.sleep(5)
            assert states == {OrderState.UNKNOWN}
            with pytest.raises(Held):
                await client.system.orders.submit(limit())
            assert len(world.asked) == asked
            world.heal()
            there_s = world.network.unresolved_until_ns / 1e9
            await until(world, lambda: client.order(order.client_id).state is not OrderState.UNKNOWN, 60)

            accepted = fault.get("accepted", True)
            assert world.now_s - there_s < 30 + RESOLVED_S  # the longest pause between two connects
            assert len(world.orders(order.client_id)) == (1 if accepted else 0)
            told = client.order(order.client_id)
            assert told.state is (OrderState.WORKING if accepted else OrderState.REJECTED)
            assert client.order(before.client_id).state is OrderState.WORKING
            records = [
                one for one in world.journal.records() if getattr(one, "client_id", "") == order.client_id
            ]
            kinds = [type(one).__name__ for one in records]
            assert isinstance(records[0], Intent)
            assert kinds.index("Intent") < kinds.index("Doubted") < len(kinds) - 1
            assert kinds.count("Intent") == 1

    perform(scene, contracts=STILL[:1], rate=0.0)


def test_while_one_is_unknown_its_symbol_takes_only_what_reduces_and_cancels() -> None:
    async def scene(world: World) -> None:
        async with world.client(account={}) as client:
            await client.system.ready(30)
            resting = await client.submit(limit("0.020", "63370.0"))
            world.inject(kind="STALL", channel="executions")
            world.inject(kind="ACCEPT_THEN_DROP", method="order.place", count=1)
            world.inject(kind="REPLY", path="/order", status=500, body="{}")
            order = await client.system.orders.submit(limit())
            await world.clock.sleep(1)
            assert client.order(order.client_id).state is OrderState.UNKNOWN
            with pytest.raises(Error, match=BTC):
                await client.system.orders.submit(limit())
            [outcome] = await client.system.orders.cancel(resting.client_id)
            assert outcome.error is None
            assert [one["status"] for one in world.orders(resting.client_id)] == ["CANCELED"]
            world.heal()
            await until(world, lambda: client.order(order.client_id).state is OrderState.WORKING, 20)
            assert len(world.orders(order.client_id)) == 1

    perform(scene, contracts=STILL[:1], rate=0.0)


STOP = OrderRequest(
    symbol=BTC,
    side=Side.SELL,
    kind=OrderKind.STOP_LOSS,
    qty=Decimal("0.010"),
    trigger=Trigger(Decimal(50_000)),
)


@pytest.mark.parametrize("seen_s", [0.5, 2.5])
@pytest.mark.parametrize(
    ("request_", "method", "named_by"),
    [(limit(), "order.place", "origClientOrderId"), (STOP, "algoOrder.place", "clientAlgoId")],
    ids=["plain", "conditional"],
)
def test_an_early_does_not_exist_ends_no_doubt(
    request_: OrderRequest, method: str, named_by: str, seen_s: float
) -> None:
    """The order is taken at the last moment, its answer lost, and look-ups know nothing of it for a while."""

    async def scene(world: World) -> None:
        async with world.client(account={}) as client:
            await client.system.ready(30)
            world.inject(kind="STALL", channel="executions")
            world.inject(kind="UNSEEN", delay_s=DEADLINE_S + seen_s)
            world.inject(kind="ACCEPT_THEN_DROP", method=method, count=1)
            order = await client.system.orders.submit(replace(request_, deadline_s=DEADLINE_S))
            states = set()

            def told() -> OrderState:
                states.add(client.order(order.client_id).state)
                return client.order(order.client_id).state

            await until(world, lambda: told() is OrderState.WORKING, 30)
            assert states == {OrderState.UNKNOWN, OrderState.WORKING}
            assert len(world.demo.orders) + len(world.demo.algo_orders) == 1
            named = [one.status for one in world.asked if named_by in one.query]
            assert named[0] == 400  # "Order does not exist."
            assert named[-1] == 200

    perform(scene, contracts=STILL[:1], rate=0.0)

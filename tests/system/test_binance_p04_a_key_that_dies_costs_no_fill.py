"""P4 on Binance: the listenKey is not renewed, or expires in silence or aloud, while orders fill."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from binance_world import STILL, Client, World, limit, perform, until
from leadline.core.account_session import AccountDoubted, AccountGap
from leadline.engine.order_news import OrderEvent
from leadline.model.order import OrderState
from leadline.venues.binance.listen_key import LOOK_S, PROOF_S, QUIET_S

PARTS = ["0.001", "0.002", "0.003", "0.001", "0.002"]
LIVE_S = 5.0
RENEWED_AGAIN_S = 15.0
"""The pause after a renewal that has failed."""

PUT = "PUT /fapi/v1/listenKey"


async def refused_renewals(world: World) -> None:
    """Three proofs fail; the key is not in danger yet."""
    world.inject(kind="REPLY", path="/listenKey", status=500, body="{}", count=3)


async def expired_while_renewals_fail(world: World) -> None:
    """The one thing that shows a silent expiry is not answered either, twice."""
    world.inject(kind="REPLY", path="/listenKey", status=500, body="{}", count=2)
    world.inject(kind="LISTENKEY_EXPIRE", silent=True)


async def expired_in_silence(world: World) -> None:
    world.inject(kind="LISTENKEY_EXPIRE", silent=True)


async def expired_aloud(world: World) -> None:
    world.inject(kind="LISTENKEY_EXPIRE")


Trouble = Callable[[World], Awaitable[None]]
TROUBLES = [refused_renewals, expired_while_renewals_fail, expired_in_silence, expired_aloud]


async def filled_meanwhile(world: World, client: Client, trouble: Trouble) -> str:
    """An order that fills in five parts from the trouble on; its name."""
    order = await client.submit(limit("0.010"))
    await trouble(world)
    for part in PARTS:
        world.fill(order.client_id, part)
        await world.clock.sleep(1)
    return order.client_id


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda one: one.__name__)
def test_every_fill_comes_once_with_its_true_fee_and_side_and_the_hole_is_told_first(
    trouble: Trouble, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "leadline")

    async def scene(world: World) -> None:
        async with world.client(account={}) as client:
            await client.system.ready(30)
            await world.clock.sleep(5)
            client.told.clear()
            name = await filled_meanwhile(world, client, trouble)
            await world.clock.sleep(2 * RENEWED_AGAIN_S + LIVE_S)

            told = [one.fill.exec_id for _, one in client.events(OrderEvent) if one.fill is not None]
            assert told == [one["exec_id"] for one in world.fills()]
            assert [one[0:4] for one in client.fills()] == [
                (one["exec_id"], Decimal(one["qty"]), Decimal(one["price"]), True) for one in world.fills()
            ]
            fees = [fee.qty for one in client.fills() for fee in one[4]]
            assert fees == [Decimal(one["fee"]) for one in world.fills()]
            assert client.order(name).state is OrderState.PARTIALLY_FILLED
            assert client.system.desk.streaming
            gaps = client.events(AccountGap)
            assert bool(gaps) is (trouble is not refused_renewals)
            assert all(one.reason for _, one in gaps)

    perform(scene, contracts=STILL[:1], rate=0.0)


def test_a_renewal_that_fails_is_a_warning_the_first_time_and_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "leadline")

    async def scene(world: World) -> None:
        async with world.client(account={}) as client:
            await client.system.ready(30)
            world.inject(kind="REPLY", path="/listenKey", status=500, body="{}", count=3)
            await until(world, lambda: any(one.status == 500 for one in world.requests(PUT)), 60)
            await world.clock.sleep(0.1)

            warned = [one.getMessage() for one in caplog.records if "kept alive" in one.getMessage()]
            assert len(warned) == 1
            assert client.system.account is not None
            assert client.system.account.account.credential_failures == 1
            await world.clock.sleep(60)
            assert client.system.desk.streaming

    perform(scene, contracts=STILL[:1], rate=0.0)


@pytest.mark.parametrize(
    ("unproven", "within_s"),
    [
        ({"status": 500, "body": "{}"}, QUIET_S + 2 * LOOK_S),
        ({"delay_s": 60}, QUIET_S + 2 * LOOK_S + PROOF_S),
    ],
)
def test_a_stream_whose_key_cannot_be_proven_is_not_said_to_flow_and_comes_back_by_itself(
    unproven: dict[str, Any], within_s: float
) -> None:
    async def scene(world: World) -> None:
        world.by_rest = True
        async with world.client(account={}) as client:
            desk = client.system.desk
            await client.system.ready(30)
            await world.clock.sleep(5)
            assert desk.streaming
            order = await client.submit(limit("0.010"))
            world.inject(kind="REPLY", path="/listenKey", **unproven)
            world.inject(kind="LISTENKEY_EXPIRE", silent=True)
            world.fill(order.client_id, "0.010")
            await until(world, lambda: not desk.streaming, within_s)
            await until(world, lambda: bool(client.events(AccountDoubted)), 0.1)

            await until(world, lambda: client.order(order.client_id).state is OrderState.FILLED, 5)
            await world.clock.sleep(60)
            assert not desk.streaming
            world.heal()
            await until(world, lambda: desk.streaming, RENEWED_AGAIN_S + LIVE_S)
            assert [one[0:2] for one in client.fills()] == [
                (one["exec_id"], Decimal(one["qty"])) for one in world.fills()
            ]

    perform(scene, contracts=STILL[:1], rate=0.0)


def test_a_key_that_only_the_other_way_proves_keeps_the_stream() -> None:
    async def scene(world: World) -> None:
        async with world.client(account={}) as client:
            await client.system.ready(30)
            world.inject(kind="REPLY", path="/listenKey", status=500, body="{}", count=1000)
            await until(world, lambda: any(one.status == 500 for one in world.requests(PUT)), 60)
            for _ in range(60):
                await world.clock.sleep(1)
                assert client.system.desk.streaming
            assert client.events(AccountDoubted) == []

    perform(scene, contracts=STILL[:1], rate=0.0)


def test_an_expiry_is_over_within_five_seconds() -> None:
    async def scene(world: World) -> None:
        async with world.client(account={}) as client:
            await client.system.ready(30)
            await world.clock.sleep(5)
            for silent in (False, True):
                world.inject(kind="LISTENKEY_EXPIRE", silent=silent)
                await world.clock.sleep(LIVE_S)
                order = await client.submit(limit("0.010"))
                world.fill(order.client_id, "0.010")
                await world.clock.sleep(0.2)
                assert client.order(order.client_id).state is OrderState.FILLED

    perform(scene, contracts=STILL[:1], rate=0.0)

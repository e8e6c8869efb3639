from __future__ import annotations

import pytest

from deskrig import DeskRig, buy, owned
from leadline.errors import Stale
from leadline.model.reading import Source


async def test_open_orders_come_from_the_stream_while_it_flows() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        order = await rig.desk.orders.submit(buy())
        await rig.deliver()
        reading = await rig.desk.reads.orders()

        assert [one.client_id for one in reading.value] == [order.client_id]
        assert (reading.source, reading.verified, reading.age_s) == (Source.STREAM, True, 0.0)


async def test_without_a_stream_open_orders_are_asked_of_rest_and_kept_for_ten_seconds() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        order = await rig.desk.orders.submit(buy())
        await rig.deliver()
        await rig.cut()
        first = await rig.desk.reads.orders()
        await rig.passing(9)
        second = await rig.desk.reads.orders()
        await rig.passing(2)
        third = await rig.desk.reads.orders()

        assert [one.client_id for one in first.value] == [order.client_id]
        assert [each.source for each in (first, second, third)] == [Source.REST, Source.CACHE, Source.REST]


async def test_what_rest_tells_of_orders_is_known_to_everybody() -> None:
    async with DeskRig() as rig:
        await rig.connect()
        foreign = rig.venue.orders.foreign(buy())
        rig.venue.orders.outbox.clear()  # the stream has not told of it
        before = [one.order_id for one in rig.desk.orders.open()]
        reading = await rig.desk.reads.orders(Source.REST)

        assert before == []
        assert [one.order_id for one in reading.value] == [foreign.order_id]
        assert [one.order_id for one in rig.desk.orders.open()] == [foreign.order_id]


async def test_balances_and_positions_follow_the_same_rule() -> None:
    async with DeskRig() as rig:
        rig.venue.balances = owned(USD="5")
        await rig.connect()
        reads = rig.desk.reads
        balances = await reads.balances()
        forced = await reads.balances(Source.REST)
        positions = [(await reads.positions()).source for _ in range(2)]
        with pytest.raises(Stale, match="positions"):
            await reads.positions(Source.STREAM)
        await rig.cut()
        with pytest.raises(Stale, match="balances"):
            await reads.balances(Source.STREAM)

        assert (balances.source, forced.source) == (Source.STREAM, Source.REST)
        assert positions == [Source.REST, Source.CACHE]

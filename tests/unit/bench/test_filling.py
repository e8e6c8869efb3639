from __future__ import annotations

from account_stage import AccountStage, buy, perform
from leadline.bench.filling import FULL, fill, kept


def test_orders_that_never_rest_fill_what_is_kept_until_the_patience_is_over() -> None:
    async def scene(world: AccountStage) -> None:
        trader = await world.start()
        told: list[str] = []
        await fill(trader.system, 40.0, told.append)

        found = kept(trader.system)
        assert 20 < found.orders < found.account < FULL.account
        assert found.market > 0
        assert trader.system.orders.counts.open == 0
        assert len(told) == 2
        assert told[0].startswith("filling what is kept: 0 of 10,000 orders")

    perform(scene)


def test_what_is_open_is_no_record_of_the_past() -> None:
    async def scene(world: AccountStage) -> None:
        trader = await world.start()
        order = await trader.system.orders.submit(buy())
        assert kept(trader.system).orders == 0

        await trader.system.orders.cancel(order.client_id)
        assert kept(trader.system).orders == 1

    perform(scene)

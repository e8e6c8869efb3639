"""P31 on Binance: what a filter would refuse is a typed error before the network, what is sent is exact."""

from __future__ import annotations

from decimal import Decimal

import pytest

from binance_world import BTC, STILL, World, each, limit, perform
from leadline.engine.records import AmendIntent, Intent
from leadline.errors import CheckFailed
from leadline.model.market import Channel, Side
from leadline.model.order import Amendment, OrderKind, OrderRequest, OrderState, PriceMatch, Trigger

BAD = {
    "beside the tick": limit(price="63380.05"),
    "beside the step": limit("0.0105"),
    "below the least quantity": limit("0.0001"),
    "nothing": limit("0.000"),
    "less than fifty": limit("0.001", price="45000.0"),
    "more than the most": limit("1001"),
    "above the band": limit(price="90000.0", side=Side.BUY),
    "below the band": limit(price="20000.0", side=Side.SELL),
    "less than nothing": limit("-0.010"),
    "scientific": limit(price="6E+4"),
    "absurd": limit(price="1E+999999"),
    "a float": OrderRequest(
        symbol=BTC, side=Side.BUY, kind=OrderKind.LIMIT, qty=0.01,  # type: ignore[arg-type]
        limit_price=Decimal(63380),
    ),
    "a price and a match": limit(price_match=PriceMatch.QUEUE),
    "a trigger beside the tick": OrderRequest(
        symbol=BTC, side=Side.SELL, kind=OrderKind.STOP_LOSS, qty=Decimal("0.010"),
        trigger=Trigger(Decimal("60000.05")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", list(BAD))
def test_a_number_the_venue_would_refuse_is_refused_before_anything_leaves_or_is_written(why: str) -> None:
    async def scene(world: World) -> None:
        async with world.client(each([BTC], Channel.MARK), account={}) as client:
            await client.system.ready(30)
            written = len(world.journal.records())
            with pytest.raises(CheckFailed):
                await client.system.orders.submit(BAD[why])
            assert len(world.journal.records()) == written
            assert world.orders() == []

    perform(scene, contracts=STILL[:1], rate=0.0)


def test_what_was_asked_for_and_what_was_sent_are_both_in_the_journal_and_at_the_venue() -> None:
    async def scene(world: World) -> None:
        async with world.client(account={}) as client:
            await client.system.ready(30)
            request = limit("0.0100", "63380.10")
            order = await client.submit(request)
            change = Amendment(qty=Decimal("0.0200"), limit_price=Decimal("63379.9"))
            await client.system.orders.amend(order.client_id, change)
            await world.clock.sleep(1)

            (intent,) = [one for one in world.journal.records() if isinstance(one, Intent)]
            assert (intent.requested, str(intent.requested.qty)) == (request, "0.0100")
            assert intent.sent == request
            (amended,) = [one for one in world.journal.records() if isinstance(one, AmendIntent)]
            assert amended.requested == amended.sent == change
            (true,) = world.orders(order.client_id)
            told = client.order(order.client_id)
            assert told.state is OrderState.WORKING
            assert (told.qty, told.limit_price) == (change.qty, change.limit_price)
            assert (Decimal(true["qty"]), Decimal(true["price"])) == (change.qty, change.limit_price)

    perform(scene, contracts=STILL[:1], rate=0.0)

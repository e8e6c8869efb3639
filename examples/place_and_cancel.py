"""How do I place an order and know what became of it?   python examples/place_and_cancel.py leadline.yaml

Only with --place in the end is it placed, and cancelled again; else the venue is asked whether it would take
it. `leadline emulate` makes a venue to try that on.
"""

import asyncio
import sys
from decimal import Decimal

import leadline


async def main(venue: str, place: bool) -> None:
    async with leadline.open(
        venue, symbols=["BTC/USD"], channels=[leadline.Channel.TICKER], account="main"
    ) as system:
        await system.ready()
        ticker = await system.feed.ticker("BTC/USD")
        request = leadline.OrderRequest(
            symbol="BTC/USD",
            side=leadline.Side.BUY,
            kind=leadline.OrderKind.LIMIT,
            qty=Decimal("0.0005"),
            limit_price=(ticker.value.bid / 2).quantize(Decimal("0.1")),  # far away: it rests
            post_only=True,
            validate=not place,
        )
        try:
            order = await system.orders.submit(request)  # on disk before the first byte leaves
        except leadline.Refused as refused:
            print(f"nothing was sent: {refused}")
            return
        print(f"{order.client_id}: {order.state.value} {order.reason}")
        if order.state is leadline.OrderState.UNKNOWN:  # never sent again; evidence will tell
            print(await system.orders.find(order.client_id))
        if place and not order.state.final:
            [outcome] = await system.orders.cancel(order.client_id)
            print("the cancel was taken" if outcome.error is None else f"the cancel failed: {outcome.error}")


arguments = [argument for argument in sys.argv[1:] if argument != "--place"]
asyncio.run(main(arguments[0] if arguments else "kraken", "--place" in sys.argv))

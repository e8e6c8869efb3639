"""What do I hold, and what does funding cost?   python examples/futures_position.py leadline.yaml

With --buy in the end it opens a small position with a stop behind it, and closes both again.
"""

import asyncio
import sys
from decimal import Decimal

import leadline
from leadline import OrderKind, OrderRequest, Side, Trigger, TriggerReference

SYMBOL = "BTC/USDT:USDT"
QTY = Decimal("0.005")


async def show(system: leadline.System) -> None:
    held = await system.desk.positions.all()
    for one in held.value:
        side = "long" if one.qty > 0 else "short"
        print(f"{side} {abs(one.qty)} {one.symbol} from {one.entry_price}, leverage {one.leverage}")
    if not held.value:
        print("no position is open")


async def price_of(system: leadline.System, order: leadline.Order) -> Decimal | str:
    """An accepted order is not a filled one: its fills are news of the account's stream."""
    for _ in range(100):
        now = system.orders.get(order.client_id)
        if now is not None and now.state.final:
            return now.filled_cost / now.filled_qty if now.filled_qty else now.reason
        await system.clock.sleep(0.05)
    return "not known yet"


async def trade(system: leadline.System, mark: Decimal) -> None:
    bought = await system.orders.submit(
        OrderRequest(symbol=SYMBOL, side=Side.BUY, kind=OrderKind.MARKET, qty=QTY)
    )
    print(f"bought at {await price_of(system, bought)}")
    stop = await system.orders.submit(
        OrderRequest(
            symbol=SYMBOL,
            side=Side.SELL,
            kind=OrderKind.STOP_LOSS,
            trigger=Trigger((mark * Decimal("0.9")).quantize(Decimal(1)), reference=TriggerReference.MARK),
            close_position=True,  # whatever there is then
        )
    )
    print(f"guarded below {stop.trigger_price}: {stop.state.value}")
    await show(system)
    await system.orders.cancel(stop.client_id)
    sold = await system.orders.submit(
        OrderRequest(symbol=SYMBOL, side=Side.SELL, kind=OrderKind.MARKET, qty=QTY, reduce_only=True)
    )
    print(f"closed at {await price_of(system, sold)}")


async def main(venue: str, buy: bool) -> None:
    channels = [leadline.Channel.TICKER, leadline.Channel.MARK]
    async with leadline.open(venue, symbols=[SYMBOL], channels=channels, account="main") as system:
        await system.ready()
        mark = (await system.feed.mark(SYMBOL)).value
        if mark.funding_rate is not None:
            print(f"mark {mark.mark}, longs pay shorts {mark.funding_rate:.4%} next")
        await show(system)
        if buy:
            await trade(system, mark.mark)


arguments = [argument for argument in sys.argv[1:] if argument != "--buy"]
asyncio.run(main(arguments[0] if arguments else "binance", "--buy" in sys.argv))

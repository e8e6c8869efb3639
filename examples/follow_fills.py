"""How do I follow my fills and balances?   python examples/follow_fills.py leadline.yaml

With --buy in the end it buys a little at the market, so that there is a fill to see.
"""

import asyncio
import sys
from decimal import Decimal

import leadline


def on_news(news: object) -> None:
    """Called off the receive path; nothing is passed over, also across a reconnect."""
    if isinstance(news, leadline.NewsGap):
        print(
            "order news has stopped"
            if news.until_ns is None
            else "order news is back, what was missed follows"
        )
    elif isinstance(news, leadline.OrderEvent) and news.fill:  # each fill once, however often it is told
        print(f"{news.fill.symbol}: {news.fill.side.value} {news.fill.qty} at {news.fill.price}")


async def main(venue: str, buy: bool, seconds: float = 3.0) -> None:
    async with leadline.open(venue, account="main") as system:
        await system.ready()
        owned = await system.balances.all()
        for balance in owned.value.values():
            if balance.total:
                print(f"{balance.asset}: {balance.tradable} to trade, {balance.earn} in earn")
        system.orders.on(on_news)
        if buy:
            order = leadline.OrderRequest(
                symbol="BTC/USD",
                side=leadline.Side.BUY,
                kind=leadline.OrderKind.MARKET,
                qty=Decimal("0.0005"),
            )
            await system.orders.submit(order)
        await system.clock.sleep(seconds)
        bitcoin = await system.balances.get("BTC")
        print(f"{bitcoin.value.tradable} BTC, from the {bitcoin.source.value}, {bitcoin.age_s:.3f} s old")


arguments = [argument for argument in sys.argv[1:] if argument != "--buy"]
asyncio.run(main(arguments[0] if arguments else "kraken", "--buy" in sys.argv))

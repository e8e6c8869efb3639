"""What is the price now, and may I trust it?   python examples/best_price.py [leadline.yaml]"""

import asyncio
import sys

import leadline


async def main(venue: str) -> None:
    async with leadline.open(venue, symbols=["BTC/USD"]) as system:
        await system.ready()
        ticker = await system.feed.ticker("BTC/USD")
        book = await system.feed.book("BTC/USD")
        print(f"last {ticker.value.last}, from the {ticker.source.value}, {ticker.age_s:.3f} s old")
        if (bid := book.value.best_bid) and (ask := book.value.best_ask):
            print(f"best bid {bid.price}, best ask {ask.price}")
        print(f"proven by the venue's checksum: {book.verified}, {book.value.verified_depth} levels a side")


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "kraken"))

"""What do I get when nothing fresh is to be had?   python examples/refuse_stale.py [leadline.yaml]"""

import asyncio
import sys

import leadline


async def main(venue: str) -> None:
    async with leadline.open(venue) as system:
        try:
            reading = await system.feed.ticker("BTC/USD", source=leadline.Source.CACHE)
        except leadline.Stale as stale:  # never an old value passed off as fresh
            print(f"refused: {stale}")
            reading = await system.feed.ticker("BTC/USD")
        print(f"{reading.value.last} from the {reading.source.value}, {reading.age_s:.3f} s old")


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "kraken"))

"""How do I follow a book, also when the stream breaks?   python examples/follow_a_book.py [leadline.yaml]"""

import asyncio
import sys

import leadline


async def main(venue: str, changes: int = 200) -> None:
    async with leadline.open(venue) as system:
        async for item in system.feed.books("BTC/USD", depth=25):
            if isinstance(item, leadline.Gap):  # a hole is data: here nothing was known for a while
                print(
                    f"gap: {item.cause.value} since {item.from_ns}, {'closed' if item.until_ns else 'open'}"
                )
                continue
            bid, ask = item.value.best_bid, item.value.best_ask
            if bid and ask:
                print(f"{bid.price} / {ask.price}  {item.source.value}, proven: {item.verified}")
            changes -= 1
            if not changes:
                return


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "kraken"))

"""How do I have a function called with each value?   python examples/callbacks.py [leadline.yaml]"""

import asyncio
import sys

import leadline
from leadline.engine.events import ReaderFailed, ReaderSlow


def on_book(reading: leadline.Reading[leadline.BookView]) -> None:
    """Called straight from the frame; the view is valid until this returns."""
    best = reading.value.best_bid
    if best:
        print(f"{reading.value.symbol}: best bid {best.price}")


async def on_trade(reading: leadline.Reading[leadline.Trade]) -> None:
    """Runs in a task of its own, so it may wait without holding up anybody."""
    print(f"{reading.value.symbol}: {reading.value.qty} at {reading.value.price}")


async def main(venue: str, seconds: float = 5.0) -> None:
    async with leadline.open(venue, symbols=["BTC/USD", "ETH/USD"]) as system:
        for symbol in ("BTC/USD", "ETH/USD"):
            system.feed.on_book(symbol, on_book)
            system.feed.on_trade(symbol, on_trade)
        await system.clock.sleep(seconds)
        for event in system.feed.recent_events:
            if isinstance(event, ReaderFailed | ReaderSlow):  # neither happens here
                print(event)


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "kraken"))

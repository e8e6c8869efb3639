"""How do I get every trade once, also across a reconnect?   python examples/every_trade.py [leadline.yaml]"""

import asyncio
import sys

import leadline


async def main(venue: str, trades: int = 20) -> None:
    async with leadline.open(venue) as system:
        async for item in system.feed.every_trade("BTC/USD"):
            if isinstance(item, leadline.Gap):
                state = "filled" if item.filled else "not filled"
                print(f"gap: {item.cause.value}, {item.missing or 'an unknown number of'} trades, {state}")
                continue
            trade = item.value
            late = " (back-filled by REST)" if trade.backfilled else ""
            print(f"{trade.trade_id} {trade.side.value} {trade.qty} at {trade.price}{late}")
            trades -= 1
            if not trades:
                return


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "kraken"))

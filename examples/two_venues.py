"""How far apart are two venues, and which one is wrong?   python examples/two_venues.py [leadline.yaml]

While their prices lie further apart than usual, orders of both symbols wait and both feeds say so.
"""

import asyncio
import sys

import leadline

SPOT, PERPETUAL = "BTC/USD", "BTC/USDT:USDT"


async def main(config: str | None, looks: int = 5) -> None:
    tickers = [leadline.Channel.TICKER]
    async with (
        leadline.open("kraken", symbols=[SPOT], channels=tickers, config=config) as kraken,
        leadline.open("binance", symbols=[PERPETUAL], channels=tickers, config=config) as binance,
    ):
        await asyncio.gather(kraken.ready(), binance.ready())
        legs = [kraken.leg(SPOT), binance.leg(PERPETUAL)]
        async with leadline.Between(legs, kraken.clock) as between:
            for _ in range(looks):
                await kraken.clock.sleep(0.5)
                spot, perpetual = between.now.mids
                if spot is None or perpetual is None:
                    print("one of the two is not live: nothing to compare")
                    continue
                difference = perpetual - spot
                print(f"{spot} and {perpetual}: {difference:+}, {difference / spot:+.3%}", end=", ")
                print(between.now.agreement.value)


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))

"""One of several programs of one address and one key: `sharing_program.py SETTINGS NAME PAGES ORDERS`.

It says `ready`, waits for a line, counts as many of its orders as fit now and says so. After one more line it
sends them, asks for so many pages of candles, all at once, and prints what has come of it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

from leadline.app.access import Access, open_access
from leadline.app.config import load_settings
from leadline.clock import NS_PER_S, SystemClock
from leadline.errors import Error
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest, TimeInForce
from leadline.net.http import Purpose
from leadline.venues.ports import Action, Placement
from leadline.venues.ports import Path as Way

BTC = "BTC/USDT:USDT"
LIMIT = OrderRequest(
    symbol=BTC,
    side=Side.BUY,
    kind=OrderKind.LIMIT,
    qty=Decimal("0.010"),
    limit_price=Decimal("61000.0"),
    time_in_force=TimeInForce.IOC,
)


async def page(access: Access, number: int) -> str:
    since_ns = SystemClock().wall_ns() - (1600 + number) * 60 * NS_PER_S
    try:
        await access.market.fetch_bars(BTC, 60, since_ns, Purpose.SNAPSHOT)
    except Error as error:
        return type(error).__name__
    return "answered"


async def order(access: Access, name: str) -> str:
    until_ns = access.ports.account.venue_ns() + 30 * NS_PER_S
    try:
        await access.ports.account.place(Placement(name, None, LIMIT, until_ns), Way.REST)
    except Error as error:
        return type(error).__name__
    return "placed"


async def main(settings: Path, name: str, pages: int, orders: int) -> None:
    async with open_access(load_settings(settings), "main") as access:
        await access.market.load()
        await access.market.fetch_time_ns(Purpose.DIAGNOSIS)
        print("ready", flush=True)
        sys.stdin.readline()
        account = access.ports.account
        fit = sum(account.charge(BTC, Action.ADD) == 0 for _ in range(orders))
        print(json.dumps({"fit": fit}), flush=True)
        sys.stdin.readline()
        works = [order(access, f"{name}-{number}") for number in range(fit)]
        works += [page(access, number) for number in range(pages)]
        print(json.dumps(Counter(await asyncio.gather(*works))), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))

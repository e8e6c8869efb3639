"""A program that trades at Binance until it is told to leave, or is killed: `binance_program.py SETTINGS`.

It says `placed` once an order of either kind rests, and leaves when its input ends.
"""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal
from pathlib import Path

from leadline.app.opening import open_system
from leadline.engine.account_events import AccountEvent
from leadline.engine.dead_man import DeadManChanged
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest, Trigger

BTC = "BTC/USDT:USDT"
READY_S = 20.0
LIMIT = OrderRequest(
    symbol=BTC, side=Side.BUY, kind=OrderKind.LIMIT, qty=Decimal("0.010"), limit_price=Decimal("61000.0")
)
STOP = OrderRequest(
    symbol=BTC,
    side=Side.SELL,
    kind=OrderKind.STOP_LOSS,
    qty=Decimal("0.010"),
    trigger=Trigger(Decimal(40_000)),
)


async def stays(settings: Path) -> None:
    armed = asyncio.Event()

    def hear(event: AccountEvent) -> None:
        if isinstance(event, DeadManChanged):
            armed.set()

    async with open_system(settings, account="main") as system:
        system.desk.log.listen(hear)
        await system.ready(READY_S)
        for request in (LIMIT, STOP):
            await system.orders.submit(request)
        await armed.wait()
        print("placed", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(stays(Path(sys.argv[1])))

"""A program whose callback keeps the event loop to itself for a while, and what it knows afterwards.

Run as `python blocking_program.py SETTINGS SECONDS`. It places orders, says their names, blocks when a line
comes in, and says what it has heard once every order is filled and its streams are fresh.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from decimal import Decimal
from typing import Any

import leadline
from leadline import OrderEvent, OrderKind, OrderRequest, Reading, Side, Source
from leadline.app.system import System

BTC, ETH = "BTC/USD", "ETH/USD"
ORDERS = 4
READY_S = 20.0


class Program:
    """What the callbacks share."""

    def __init__(self, system: System, seconds: float) -> None:
        self.system = system
        self.seconds = seconds
        self.armed = False
        self.begun_ns = self.ended_ns = 0
        self.fills: list[str] = []
        self.filled: set[str] = set()
        self.understated_s: list[float] = []
        self.book_fresh_s: float | None = None

    def blocks(self, reading: Reading[Any]) -> None:
        """Do what no callback should."""
        now_ns = self.system.clock.mono_ns()
        if self.armed:
            self.armed, self.begun_ns = False, now_ns
            time.sleep(self.seconds)
            self.ended_ns = self.system.clock.mono_ns()
        elif self.ended_ns and self.book_fresh_s is None and fresh(reading):
            self.book_fresh_s = (now_ns - self.ended_ns) / 1e9

    def watches_age(self, reading: Reading[Any]) -> None:
        """How much older a value is than it says, by the venue's own time (one machine, one clock)."""
        venue_ns = reading.venue_ns
        if self.ended_ns and venue_ns is not None:
            self.understated_s.append((time.time_ns() - venue_ns) / 1e9 - reading.age_s)

    def news(self, news: object) -> None:
        """Note every fill and every order that is done."""
        if isinstance(news, OrderEvent):
            if news.fill is not None:
                self.fills.append(news.fill.exec_id)
            if news.order.state.final:
                self.filled.add(news.order.client_id)


def fresh(reading: Reading[Any]) -> bool:
    """Of the stream and young; REST stands in while the stream is behind."""
    return reading.source is Source.STREAM and reading.age_s < 0.5


async def run(settings: str, seconds: float) -> None:
    async with leadline.open(settings, [BTC, ETH], account="main") as system:
        await system.ready(READY_S)
        program = Program(system, seconds)
        system.orders.on(program.news)
        system.feed.on_book(ETH, program.blocks)
        system.feed.on_book(ETH, program.watches_age)
        names = await place(system)
        print(json.dumps(names), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        program.armed = True
        while not program.ended_ns:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        account_s = await since(program, lambda: program.filled >= set(names) and account_ready(system))
        stream_s = await since(program, lambda: program.book_fresh_s is not None)
        book = await system.feed.book(ETH)
        assert book.source is Source.STREAM and book.verified
        print(json.dumps(told(program, account_s, stream_s)), flush=True)


async def place(system: System) -> list[str]:
    """Orders that rest at the top of a book in which nothing happens."""
    bid = (await system.feed.ticker(BTC)).value.bid
    wanted = [
        OrderRequest(
            symbol=BTC,
            side=Side.BUY,
            kind=OrderKind.LIMIT,
            qty=Decimal("0.01"),
            limit_price=bid + 10 + number,
        )
        for number in range(ORDERS)
    ]
    return [(await system.orders.submit(request)).client_id for request in wanted]


def account_ready(system: System) -> bool:
    return system.desk.streaming


async def since(program: Program, holds: Any) -> float:
    """Seconds from the end of the block until something holds; looked at every 10 ms."""
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return (program.system.clock.mono_ns() - program.ended_ns) / 1e9


def told(program: Program, account_s: float, stream_s: float) -> dict[str, Any]:
    feed = program.system.feed
    blocked = [one for one in feed.recent_events if type(one).__name__ == "LoopBlocked"]
    return {
        "account_s": account_s,
        "stream_s": stream_s,
        "fills": program.fills,
        "book_fresh_s": program.book_fresh_s,
        "understated_s": max(program.understated_s, default=0.0),
        "blocked": [(one.blocked_ms, one.culprit) for one in blocked],  # type: ignore[union-attr]
    }


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], float(sys.argv[2])))

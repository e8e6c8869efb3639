"""Repairs what a hole has cost: trades by id, bars by interval. What REST has not stays a recorded gap."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from leadline.clock import Clock
from leadline.core.trades import Hole
from leadline.engine.answers import Spawn
from leadline.engine.bars import BarTopic
from leadline.engine.history import fetch_trades_between
from leadline.engine.topics import Topic
from leadline.engine.trades import TradeTopic
from leadline.errors import Error, Throttled
from leadline.model.market import Trade
from leadline.net.http import Purpose
from leadline.venues.ports import MarketData

_ATTEMPTS = 6
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 30.0


class Backfill:
    """One repair at a time for each topic."""

    def __init__(self, market: MarketData, clock: Clock, spawn: Spawn) -> None:
        self._market = market
        self._clock = clock
        self._spawn = spawn

    def look(self, topics: Iterable[Topic[Any]], now_ns: int) -> None:
        """Begin the repairs that are due."""
        for topic in topics:
            if isinstance(topic, TradeTopic):
                self.trades(topic)
            elif isinstance(topic, BarTopic) and not topic.filling and topic.asks_rest(now_ns):
                topic.filling = True
                self._spawn(self._repair_bars(topic))

    def trades(self, topic: TradeTopic) -> None:
        """Begin to fill the holes of a topic, unless that is being done."""
        if topic.log.holes and not topic.filling:
            topic.filling = True
            self._spawn(self._fill(topic))

    async def _fill(self, topic: TradeTopic) -> None:
        try:
            while topic.log.holes:
                await self._fill_one(topic, topic.log.holes[0])
        finally:
            topic.filling = False

    async def _fill_one(self, topic: TradeTopic, hole: Hole) -> None:
        """Ask until REST has told what was around the hole, or give it up after some tries."""
        if not hole.tracked:
            topic.unfillable(hole)
            return
        retry_s = _FIRST_RETRY_S
        for _ in range(_ATTEMPTS):
            try:
                trades = await self._around(topic, hole)
            except Throttled as error:
                await self._clock.sleep(error.delay_s)
                continue
            except Error:
                trades = []
            topic.fill(trades, self._clock.mono_ns())
            if hole not in topic.log.holes:
                return
            if _covers(trades, hole):
                topic.never_were(hole)
                return
            if _too_late(trades, hole):
                break
            await self._clock.sleep(retry_s)
            retry_s = min(retry_s * 2, _LONGEST_RETRY_S)
        if hole in topic.log.holes:
            topic.unfillable(hole)

    async def _around(self, topic: TradeTopic, hole: Hole) -> list[Trade]:
        after, before = hole.after, hole.before
        if after.venue_ns is None or before.venue_ns is None:
            return []
        return await fetch_trades_between(
            self._market,
            topic.symbol,
            after.venue_ns,
            before.venue_ns,
            from_id=after.trade_id,
            to_id=before.trade_id,
            purpose=Purpose.BACKFILL,
        )

    async def _repair_bars(self, topic: BarTopic) -> None:
        since_ns = topic.since_ns()
        try:
            bars = await self._market.fetch_bars(topic.symbol, topic.interval_s, since_ns, Purpose.BACKFILL)
        except Error:
            return  # asked again at the topic's next turn
        finally:
            topic.filling = False
        topic.repair(bars, self._clock.mono_ns())


def _covers(trades: list[Trade], hole: Hole) -> bool:
    """Whether REST tells both neighbours of the hole; assumed: it would have told what is between."""
    ids = {trade.trade_id for trade in trades}
    return hole.after.trade_id in ids and hole.before.trade_id in ids


def _too_late(trades: list[Trade], hole: Hole) -> bool:
    """Whether the oldest trade that REST still has is younger than the hole's beginning."""
    first = trades[0].trade_id if trades else None
    return first is not None and first > hole.first_id

"""Which market streams are read, and by whom: topics come with their first reader and go with their last.

The crowd is liquidated now and then, so that `forceOrder` has something to tell.
"""

from __future__ import annotations

import random
from functools import partial
from typing import Protocol

from leadline.emulator.binance.ports import Liquidated
from leadline.emulator.binance.stream_names import ALL, StreamKey
from leadline.emulator.binance.topics import (
    AggTradeTopic,
    AllBestTopic,
    AllDaysTopic,
    BookTickerTopic,
    ContractInfoTopic,
    DayTopic,
    DepthTopic,
    ForceOrderTopic,
    KlineTopic,
    MarkTopic,
    Sources,
    Topic,
    TradeTopic,
)
from leadline.emulator.market import Batch
from leadline.emulator.matching import BID
from leadline.emulator.wire import Frame

LIQUIDATED_SHARE = 0.03
"""assumed: of the crowd's market orders so many are liquidations."""


class Reader(Protocol):
    """Who payloads go to; the name is the stream's as the reader asked for it."""

    def told(self, name: str, payload: Frame, now_ns: int) -> None:
        """Take one payload for sending."""


class Streams:
    """All topics somebody reads."""

    def __init__(self, sources: Sources, rng: random.Random) -> None:
        self._sources = sources
        self._rng = rng
        self._topics: dict[StreamKey, Topic] = {}
        self._readers: dict[StreamKey, list[tuple[Reader, str]]] = {}
        self._by_symbol: dict[str, list[Topic]] = {}
        sources.market.listeners.append(self._happened)

    def join(self, key: StreamKey, name: str, reader: Reader, now_ns: int) -> None:
        """Let the reader have every further payload; a contract that is not listed has none."""
        if key.symbol != ALL and key.symbol not in self._sources.market.listings:
            return
        self._readers.setdefault(key, []).append((reader, name))
        if key not in self._topics:
            topic = self._topics[key] = self._opened(key, now_ns)
            self._by_symbol.setdefault(key.symbol, []).append(topic)

    def leave(self, key: StreamKey, name: str, reader: Reader) -> None:
        """End it; a topic nobody reads is forgotten."""
        readers = self._readers.get(key, [])
        if (reader, name) not in readers:
            return
        readers.remove((reader, name))
        if not readers:
            topic = self._topics.pop(key)
            topic.stop()
            self._by_symbol[key.symbol].remove(topic)
            del self._readers[key]

    def liquidated(self, one: Liquidated) -> None:
        """Tell of a position closed by force."""
        for symbol in (one.symbol, ALL):
            topic = self._topics.get(StreamKey("forceOrder", symbol))
            if isinstance(topic, ForceOrderTopic):
                topic.liquidated(one)

    def contract_changed(self, symbol: str, now_ns: int) -> None:
        """Tell of a contract's new row."""
        topic = self._topics.get(StreamKey("contractInfo", ALL))
        if isinstance(topic, ContractInfoTopic):
            topic.changed(symbol, now_ns)

    def _happened(self, batch: Batch) -> None:
        for symbol in (batch.symbol, ALL):
            for topic in tuple(self._by_symbol.get(symbol, ())):
                topic.update(batch)
        for one in batch.trades[:1]:
            if one.market and self._rng.random() < LIQUIDATED_SHARE:
                side = "BUY" if one.taker_side == BID else "SELL"
                self.liquidated(Liquidated(batch.symbol, side, one.qty, one.price, one.time_ns))

    def _publish(self, key: StreamKey, payload: Frame, now_ns: int) -> None:
        for reader, name in tuple(self._readers.get(key, ())):
            reader.told(name, payload, now_ns)

    def _opened(self, key: StreamKey, now_ns: int) -> Topic:
        publish = partial(self._publish, key)
        if key.kind in ("ticker", "miniTicker"):
            made = AllDaysTopic if key.symbol == ALL else DayTopic
            return made(key, self._sources, publish, now_ns)
        if key.kind == "bookTicker" and key.symbol == ALL:
            return AllBestTopic(key, self._sources, publish, now_ns)
        if key.kind in ("kline", "continuousKline"):
            return KlineTopic(key, self._sources, publish, now_ns)
        kinds = {
            "depth": DepthTopic,
            "partial": DepthTopic,
            "bookTicker": BookTickerTopic,
            "trade": TradeTopic,
            "aggTrade": AggTradeTopic,
            "forceOrder": ForceOrderTopic,
            "markPrice": MarkTopic,
        }
        return kinds.get(key.kind, ContractInfoTopic)(key, self._sources, publish)

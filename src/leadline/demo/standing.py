"""How one symbol stands: where its book comes from, how sure that is, and the level of its own.

Rule: a symbol is never better off than a system that cannot be traded on; of one that is merely degraded only
those symbols are that give a reason.
"""

from __future__ import annotations

from msgspec import Struct

from leadline.app.system import System
from leadline.engine.topic_state import RECEIVING
from leadline.model.level import Level
from leadline.model.market import Channel
from leadline.model.reading import Source

_OF_ALL = Level.EMERGENCY_ONLY  # from here on it is everybody's
_VALIDATED = (Channel.TICKER, Channel.BOOK)


class Standing(Struct, frozen=True):
    """One symbol at one moment; `source` is that of its book, `confidence` the lower of book and ticker."""

    symbol: str
    source: Source | None
    confidence: float
    level: Level
    venue: str


def standings(system: System, symbols: tuple[str, ...]) -> tuple[Standing, ...]:
    """All of them now."""
    feed, whole = system.feed, system.level
    doubted = {one.divergence.symbol for one in feed.validator.open}
    sources: dict[str, Source | None] = {}
    for topic in feed.stats.topics:
        symbol = topic.subscription.symbol
        if topic.subscription.channel is Channel.BOOK:
            sources[symbol] = topic.source
        if topic.readers and topic.state not in RECEIVING:
            doubted.add(symbol)
    return tuple(
        Standing(
            symbol,
            sources.get(symbol),
            min(feed.validator.confidence(channel, symbol) for channel in _VALIDATED),
            whole if whole >= _OF_ALL else Level.DEGRADED if symbol in doubted else Level.FULL,
            system.market.name,
        )
        for symbol in symbols
    )

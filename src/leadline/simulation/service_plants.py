"""Planted bugs of the service as a whole: levels, sources, lines, checkpoints.

Each changes one part of a System that a trader runs; the product knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from leadline.app.system import System
from leadline.core.level import Hysteresis, Observation, Verdict, judge
from leadline.core.session import Emit, MarketSession
from leadline.core.trades import Hole, TradeLog
from leadline.engine.topics import Topic
from leadline.engine.trades import TradeTopic
from leadline.model.market import Subscription, Ticker, Trade
from leadline.model.reading import Reading
from leadline.net.http import Purpose
from leadline.venues.kraken.venue import Kraken

TRUSTED_S = 60.0


class _Hasty(Hysteresis):
    def judge(self, seen: Observation, now_ns: int) -> Verdict:
        self.observed = judge(seen)
        return self.observed


class NoHysteresis(System):
    """Every observation is the service level at once."""

    async def __aenter__(self) -> NoHysteresis:
        await super().__aenter__()
        self.levels._hysteresis = _Hasty()
        return self


class RestAsStream(Kraken):
    """What REST has answered is handed on as news of the stream."""

    def session(self, emit: Emit, route: str) -> MarketSession:
        self._emit = emit
        return super().session(emit, route)

    async def fetch_tickers(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, Ticker]:
        tickers = await super().fetch_tickers(symbols, purpose)
        for ticker in tickers.values():
            self._emit(ticker, self._clock.mono_ns())
        return tickers


class _Forgetful(TradeLog):
    def merge(self, trades: Iterable[Trade]) -> tuple[list[Trade], list[Hole]]:
        told = list(trades)
        _, opened = super().merge(told)
        return told, opened


class DuplicateAcrossLines(System):
    """What one line has told is told again when another line brings it."""

    def __init__(self, *parts: Any, **named: Any) -> None:
        super().__init__(*parts, **named)
        shelf = self.feed._shelf
        put = shelf.put

        def putting(subscription: Subscription) -> Topic[Any]:
            topic = put(subscription)
            if isinstance(topic, TradeTopic):
                topic.log = _Forgetful()
            return topic

        shelf.put = putting  # type: ignore[method-assign]


class CheckpointTrusted(System):
    """What an earlier run knew counts as proven and as fresh."""

    def __init__(self, *parts: Any, **named: Any) -> None:
        super().__init__(*parts, **named)
        assert self.checkpoints is not None
        restore, market = self.checkpoints.restore, self.feed.state.restored_market

        def restoring() -> None:
            restore()
            market._values = {
                key: Reading(
                    kept.value,
                    kept.source,
                    kept.received_mono_ns,
                    self.clock,
                    verified=True,
                    bound_s=TRUSTED_S,
                )
                for key, kept in market._values.items()
            }

        self.checkpoints.restore = restoring  # type: ignore[method-assign]

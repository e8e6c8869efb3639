"""Who reads market data at Binance in a run.

A stream of trades begins there with the first one after the venue's yes, at a moment that only the venue
knows: what a reader is owed begins with the first trade it got, and from then on every one is.
"""

from __future__ import annotations

from contextlib import aclosing

from leadline.engine.feed import Feed
from leadline.model.market import Channel
from leadline.model.reading import Reading
from leadline.simulation.binance_judge import BinanceJudge
from leadline.simulation.loop import LoopClock, VirtualLoop
from leadline.simulation.readers import Came, Items, Readers, Work

BTC, ETH, XRP = "BTC/USDT:USDT", "ETH/USDT:USDT", "XRP/USDT:USDT"
PEPE, LTC, LIFE = "1000PEPE/USDT:USDT", "LTC/USDT:USDT", "币安人生/USDT:USDT"
DEEP = 500
"""How deep the book of LTC is read: as deep as a snapshot of the smaller size goes."""
DEEP_PAUSE_S = 5.0
"""A thousand levels take long to compare."""


class BinanceReaders(Readers):
    """Readers of six contracts and all kinds of streams."""

    past_first = False

    def __init__(
        self, feed: Feed, judge: BinanceJudge, loop: VirtualLoop, clock: LoopClock, seed: str, came: Came
    ) -> None:
        super().__init__(feed, judge, loop, clock, seed, came)
        self._values = judge

    def all(self, total_s: float) -> list[Work]:
        """One coroutine for each reader."""
        feed, luck = self._feed, self._luck()
        late_s = luck.uniform(0.2, 0.6) * total_s
        return [
            *(self._newest(symbol, feed.books(symbol, 10)) for symbol in (BTC, XRP, PEPE, LIFE)),
            self._newest(ETH, feed.books(ETH, 20)),
            self._newest(LTC, feed.books(LTC, DEEP), pause_s=DEEP_PAUSE_S),
            *(self._newest(symbol, feed.tickers(symbol)) for symbol in (BTC, ETH, LIFE)),
            *(self._trades(symbol) for symbol in (BTC, ETH, LIFE)),
            self._trades(BTC, pause_s=9.0),
            *(self._bars(symbol) for symbol in (BTC, XRP)),
            self._backlog(XRP, feed.every_book(XRP, 10), 10, pause_s=0.5),
            self._backlog(ETH, feed.every_ticker(ETH), 0, pause_s=0.5),
            *(self._others(symbol, Channel.MARK, feed.marks(symbol)) for symbol in (BTC, LIFE)),
            self._others(ETH, Channel.TOP, feed.tops(ETH, 5)),
            self._others(BTC, Channel.STATS, feed.days(BTC)),
            self._others(BTC, Channel.LIQUIDATIONS, feed.liquidations(BTC)),
            self._now_and_then((BTC, ETH, XRP, PEPE, LIFE)),
            self._later(late_s, self._newest(PEPE, feed.tickers(PEPE))),
            self._later(late_s + 1.0, self._trades(LTC)),
            self._later(late_s + 2.0, self._newest(BTC, feed.books(BTC, 20))),
            self._on_and_off(PEPE),
            self._inconsiderate(BTC, ETH),
            self._remembering((BTC, ETH, XRP, PEPE)),
        ]

    async def _others(self, symbol: str, channel: Channel, items: Items) -> None:
        """A reader of what the other venues tell in the ticker, or not at all."""
        luck = self._luck()
        if channel is Channel.LIQUIDATIONS:
            self._values.listens(symbol)
        async with aclosing(items) as stream:
            async for item in stream:
                if isinstance(item, Reading):
                    current = channel is not Channel.LIQUIDATIONS
                    self._values.value(symbol, channel, item, current=current)
                await self._clock.sleep(luck.uniform(0.0, 0.8))

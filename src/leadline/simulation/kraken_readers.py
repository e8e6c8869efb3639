"""Who reads market data at Kraken in a run."""

from __future__ import annotations

from leadline.simulation.readers import Readers, Work

REFUSED = "DOT/USD"
"""What the venue refuses to the one reader who asks for it."""


class KrakenReaders(Readers):
    """Readers of six symbols and all four kinds of streams."""

    def all(self, total_s: float) -> list[Work]:
        """One coroutine for each reader."""
        feed, luck = self._feed, self._luck()
        late_s = luck.uniform(0.2, 0.6) * total_s
        return [
            *(self._newest(symbol, feed.books(symbol, 10)) for symbol in ("BTC/USD", "XRP/USD", "PEPE/USD")),
            self._newest("ETH/USD", feed.books("ETH/USD", 25)),
            self._newest("EURQ/USD", feed.books("EURQ/USD", 10)),
            *(self._newest(symbol, feed.tickers(symbol)) for symbol in ("BTC/USD", "ETH/USD", "EURQ/USD")),
            *(self._trades(symbol) for symbol in ("BTC/USD", "ETH/USD", "EURQ/USD")),
            self._trades("BTC/USD", pause_s=9.0),
            *(self._bars(symbol) for symbol in ("BTC/USD", "XRP/USD")),
            self._backlog("XRP/USD", feed.every_book("XRP/USD", 10), 10, pause_s=0.5),
            self._backlog("ETH/USD", feed.every_ticker("ETH/USD"), 0, pause_s=0.5),
            self._now_and_then(("BTC/USD", "ETH/USD", "XRP/USD", "PEPE/USD", "EURQ/USD")),
            self._later(late_s, self._newest("LTC/USD", feed.books("LTC/USD", 25))),
            self._later(late_s + 1.0, self._trades("LTC/USD")),
            self._later(late_s + 2.0, self._newest("BTC/USD", feed.books("BTC/USD", 25))),
            self._on_and_off("PEPE/USD"),
            self._inconsiderate("BTC/USD", "ETH/USD"),
            self._remembering(("BTC/USD", "ETH/USD", "XRP/USD", "PEPE/USD")),
        ]

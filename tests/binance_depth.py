"""A book as Binance tells it: changes with sparse ids on one stream, snapshots by REST, and the truth."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from leadline.errors import UnknownSymbol
from leadline.model.instrument import Instrument
from leadline.model.market import Channel, Subscription
from leadline.venues.binance.snapshots import DepthSnapshot

Text = tuple[str, str]

BTC = Subscription(Channel.BOOK, "BTC/USDT:USDT", 100)
ETH = Subscription(Channel.BOOK, "ETH/USDT:USDT", 100)


def contract(symbol: str, prices: int = 1, qtys: int = 3) -> Instrument:
    base, _, rest = symbol.partition("/")
    quote = rest.partition(":")[0]
    tick, lot = Decimal(1).scaleb(-prices), Decimal(1).scaleb(-qtys)
    return Instrument("binance", symbol, base, quote, prices, qtys, tick, lot, Decimal(0), Decimal(0))


class Table:
    """Contracts by our names; the venue's are the letters of base and quote."""

    def __init__(self, *symbols: str) -> None:
        self.listed = {symbol: contract(symbol) for symbol in symbols or (BTC.symbol, ETH.symbol)}

    def instrument(self, symbol: str) -> Instrument:
        if symbol not in self.listed:
            raise UnknownSymbol(symbol, list(self.listed))
        return self.listed[symbol]

    def wire(self, symbol: str) -> str:
        instrument = self.instrument(symbol)
        return f"{instrument.base}{instrument.quote}"

    def of_wire(self, name: str) -> Instrument | None:
        return next((each for symbol, each in self.listed.items() if self.wire(symbol) == name), None)


def framed(stream: str, **data: Any) -> str:
    """A frame of a combined connection, with the fields that the venue adds these days."""
    event = {**data, "ps": data.get("s", ""), "st": 1}
    return json.dumps({"stream": stream, "data": event}, separators=(",", ":"), ensure_ascii=False)


class DepthVenue:
    """One symbol's book; ids in between belong to other symbols. Prices are units of 0.1."""

    def __init__(self, name: str = "BTCUSDT", speed: str = "@100ms", first_id: int = 1000) -> None:
        self.name = name
        self.stream = f"{name.lower()}@depth{speed}"
        self.bids: dict[int, str] = {1000 - n: "1.000" for n in range(20)}
        self.asks: dict[int, str] = {1001 + n: "1.000" for n in range(20)}
        self.reached = first_id
        """The id of the last change."""
        self.sent = first_id
        """The id the last frame ended with."""
        self.past: dict[int, tuple[list[Text], list[Text]]] = {first_id: self.sides()}
        """What the book was at the end of every frame."""

    def sides(self) -> tuple[list[Text], list[Text]]:
        """Bids and asks in the wire's digits, best first."""
        return (
            [(price_text(price), self.bids[price]) for price in sorted(self.bids, reverse=True)],
            [(price_text(price), self.asks[price]) for price in sorted(self.asks)],
        )

    def frame(self, bids: dict[int, str] | None = None, asks: dict[int, str] | None = None) -> str:
        """Change the book and tell of it."""
        for side, changes in ((self.bids, bids or {}), (self.asks, asks or {})):
            for price, qty in changes.items():
                if Decimal(qty):
                    side[price] = qty
                else:
                    side.pop(price, None)
        first, self.reached, before = self.reached + 7, self.reached + 20, self.sent
        self.sent = self.reached
        self.past[self.sent] = self.sides()
        return framed(
            self.stream, e="depthUpdate", E=self.sent, T=self.sent, s=self.name, U=first, u=self.sent,
            pu=before,
            b=[(price_text(price), qty) for price, qty in (bids or {}).items()],
            a=[(price_text(price), qty) for price, qty in (asks or {}).items()],
        )  # fmt: skip

    def snapshot(self, limit: int = 1000) -> DepthSnapshot:
        bids, asks = self.sides()
        return DepthSnapshot(self.reached, bids[:limit], asks[:limit], self.reached, limit)


def price_text(price: int) -> str:
    return f"{price // 10}.{price % 10}"

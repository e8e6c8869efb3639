"""Kraken's side of a conversation, written by hand: frames from texts, and a book kept in texts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from zlib import crc32

from leadline.model.instrument import Instrument

Text = tuple[str, str]
"""Price and quantity as on the wire."""


def instrument(symbol: str = "BTC/USD", prices: int = 1, qtys: int = 8) -> Instrument:
    base, quote = symbol.split("/")
    return Instrument(
        "kraken", symbol, base, quote, prices, qtys, Decimal((0, (1,), -prices)), Decimal((0, (1,), -qtys)),
        Decimal(0), Decimal(0),
    )  # fmt: skip


class NaiveBook:
    """A book as a dictionary of wire texts: slow, and with nothing in common with ours."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.bids: dict[Decimal, Text] = {}
        self.asks: dict[Decimal, Text] = {}

    def change(self, bids: Iterable[Text], asks: Iterable[Text]) -> None:
        for side, changes in ((self.bids, bids), (self.asks, asks)):
            for price, qty in changes:
                if Decimal(qty):
                    side[Decimal(price)] = (price, qty)
                else:
                    side.pop(Decimal(price), None)
        for price in sorted(self.bids, reverse=True)[self.depth :]:
            del self.bids[price]
        for price in sorted(self.asks)[self.depth :]:
            del self.asks[price]

    def best_bids(self, count: int) -> list[Text]:
        return [self.bids[price] for price in sorted(self.bids, reverse=True)[:count]]

    def best_asks(self, count: int) -> list[Text]:
        return [self.asks[price] for price in sorted(self.asks)[:count]]

    def checksum(self) -> int:
        levels = self.best_asks(10) + self.best_bids(10)
        return crc32("".join(_token(price) + _token(qty) for price, qty in levels).encode())


def _token(text: str) -> str:
    return text.replace(".", "").lstrip("0")


def book_frame(
    kind: str, bids: Iterable[Text], asks: Iterable[Text], checksum: int | None, symbol: str = "BTC/USD"
) -> str:
    """A book frame with the numbers' texts as they are."""
    sides = (",".join(f'{{"price":{price},"qty":{qty}}}' for price, qty in side) for side in (bids, asks))
    proof = "" if checksum is None else f'"checksum":{checksum},'
    return (
        '{{"channel":"book","type":"{}","data":[{{"symbol":"{}","bids":[{}],"asks":[{}],{}'
        '"timestamp":"2026-08-02T03:35:51.660084Z"}}]}}'
    ).format(kind, symbol, *sides, proof)


class BookFeed:
    """Frames of one book in the venue's words, with true checksums."""

    def __init__(self, symbol: str = "BTC/USD", depth: int = 10) -> None:
        self.symbol = symbol
        self.book = NaiveBook(depth)

    def snapshot(self, levels: int = 12) -> str:
        bids = [(f"{100 - n}.0", f"{n + 1}.00000000") for n in range(levels)]
        asks = [(f"{101 + n}.0", f"{n + 1}.00000000") for n in range(levels)]
        self.book = NaiveBook(self.book.depth)
        self.book.change(bids, asks)
        return self._frame("snapshot", bids[: self.book.depth], asks[: self.book.depth])

    def update(self, bids: Iterable[Text] = (), asks: Iterable[Text] = ()) -> str:
        bids, asks = list(bids), list(asks)
        self.book.change(bids, asks)
        return self._frame("update", bids, asks)

    def wrong_update(self) -> str:
        """An update that is not what the venue counted in its checksum."""
        return book_frame("update", [("99.5", "1.00000000")], [], 1, self.symbol)

    def unchecked_update(self, bids: Iterable[Text]) -> str:
        bids = list(bids)
        self.book.change(bids, [])
        return book_frame("update", bids, [], None, self.symbol)

    def _frame(self, kind: str, bids: list[Text], asks: list[Text]) -> str:
        return book_frame(kind, bids, asks, self.book.checksum(), self.symbol)


def ack(request: dict[str, Any], symbol: str | None = None) -> dict[str, Any]:
    """One acknowledgement of a request, for one of its symbols."""
    params = request["params"]
    result = {key: value for key, value in params.items() if key != "symbol"}
    if symbol or "symbol" in params:
        result["symbol"] = symbol or params["symbol"][0]
    return {"method": request["method"], "req_id": request["req_id"], "result": result, "success": True}


def acks(request: dict[str, Any]) -> list[dict[str, Any]]:
    return [ack(request, symbol) for symbol in request["params"].get("symbol", [None])]


def refusal(request: dict[str, Any], error: str, symbol: str | None = None) -> dict[str, Any]:
    answer = {"error": error, "method": request["method"], "req_id": request["req_id"], "success": False}
    return answer | ({"symbol": symbol} if symbol else {})


def instrument_frame(*instruments: Instrument, kind: str = "update") -> str:
    pairs = [
        {
            "symbol": one.symbol, "base": one.base, "quote": one.quote, "status": one.status.value,
            "qty_precision": one.qty_precision, "qty_increment": float(one.lot),
            "price_precision": one.price_precision, "price_increment": float(one.tick), "qty_min": 0.0001,
            "cost_min": 0.5, "marginable": True,
        }
        for one in instruments
    ]  # fmt: skip
    return json.dumps({"channel": "instrument", "type": kind, "data": {"assets": [], "pairs": pairs}})


HEARTBEAT = '{"channel":"heartbeat"}'


def status_frame(system: str, **more: Any) -> dict[str, Any]:
    row = {"version": "2.0.10", "system": system, "api_version": "v2", "connection_id": 2950167385101900187}
    return {"channel": "status", "type": "update", "data": [row | more]}


def ticker_frame(symbol: str = "ETH/USD", **changed: str) -> str:
    numbers = {
        "bid": "3215.88", "bid_qty": "3.64088999", "ask": "3215.89", "ask_qty": "70.24300000",
        "last": "3215.88", "volume": "25414.76429817", "vwap": "3240.91", "low": "3174.44", "high": "3367.00",
        "change": "-109.77", "change_pct": "-3.30", "volume_usd": "81730832.21",
    } | changed  # fmt: skip
    row = ",".join(f'"{name}":{text}' for name, text in numbers.items())
    return (
        f'{{"channel":"ticker","type":"update","data":[{{"symbol":"{symbol}",{row},'
        '"timestamp":"2026-01-19T15:05:26.339692Z"}]}'
    )


def trade_frame(*ids: int, symbol: str = "BTC/USD", kind: str = "update", price: str = "68500.0") -> str:
    rows = [
        f'{{"symbol":"{symbol}","side":"buy","price":{price},"qty":0.01044926,"ord_type":"limit",'
        f'"trade_id":{number},"timestamp":"2024-05-27T12:43:11.798009Z"}}'
        for number in ids
    ]
    return f'{{"channel":"trade","type":"{kind}","data":[{",".join(rows)}]}}'


def ohlc_frame(
    symbol: str = "ETH/USD", begin: str = "2024-05-17T11:12:00.000000000Z", close: str = "3026.13"
) -> str:
    return (
        '{"channel":"ohlc","type":"update","timestamp":"2024-05-17T11:21:16.318303322Z","data":[{'
        f'"symbol":"{symbol}","open":3027.80,"high":3027.80,"low":3026.13,"close":{close},"trades":9,'
        f'"volume":13.31603062,"vwap":3027.01,"interval_begin":"{begin}","interval":1,'
        '"timestamp":"2024-05-17T11:13:00.000000Z"}]}'
    )

"""An emulated venue on a time the test tells, and the plainest possible client to read its frames with."""

from __future__ import annotations

import json
import zlib
from decimal import Decimal
from typing import Any

from leadline.emulator.exchange import Exchange
from leadline.emulator.instruments import Pair
from leadline.emulator.kraken.ws import Connection
from leadline.emulator.wire import Close, Frame

START_NS = 1_790_000_000 * 10**9
S = 10**9
MS = 10**6

QUIET = Pair("BTC/USD", 1, 8, 633_814, 8_000_000, 5_000, levels=40, step=12)
OTHER = Pair("DOGE/USD", 7, 8, 1_962_340, 700_000_000_000, levels=40, step=60)


def emulated(rate: float = 100.0, seed: int = 1, pairs: tuple[Pair, ...] = (QUIET, OTHER)) -> Exchange:
    return Exchange(start_ns=START_NS, seed=seed, rate=rate, pairs=pairs, history_minutes=30)


def ask(connection: Connection, now_ns: int, method: str, req_id: int | None = None, **params: Any) -> None:
    message: dict[str, Any] = {"method": method, "params": params}
    if req_id is not None:
        message["req_id"] = req_id
    connection.received(json.dumps(message), now_ns)


def texts(connection: Connection) -> list[str]:
    return [output.text for output in connection.outputs() if isinstance(output, Frame)]


def messages(connection: Connection) -> list[dict[str, Any]]:
    return [json.loads(text, parse_float=Decimal) for text in texts(connection)]


def closes(connection: Connection) -> list[Close]:
    return [output for output in connection.outputs() if isinstance(output, Close)]


def of(channel: str, symbol: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The data frames of one channel and symbol."""
    return [one for one in found if one.get("channel") == channel and one["data"][0]["symbol"] == symbol]


class NaiveBook:
    """Applies, truncates, checks the text: the dossier's rules in the fewest words.

    An eager one truncates after every level, as some clients do, instead of after the message.
    """

    def __init__(self, depth: int, *, eager: bool = False) -> None:
        self.depth = depth
        self.eager = eager
        self.bids: dict[Decimal, tuple[str, str]] = {}
        self.asks: dict[Decimal, tuple[str, str]] = {}
        self.oddities: list[str] = []

    def apply(self, text: str) -> bool:
        """Take a book frame in; whether its checksum is right."""
        message = json.loads(text, parse_float=str, parse_int=str)
        row = message["data"][0]
        if message["type"] == "snapshot":
            self.bids.clear()
            self.asks.clear()
        for side, levels in ((self.bids, row["bids"]), (self.asks, row["asks"])):
            for level in levels:
                self._level(side, level["price"], level["qty"])
                if self.eager:
                    self._truncate()
        self._truncate()
        return int(row["checksum"]) == self.checksum()

    def best(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        return (
            [self.bids[price] for price in sorted(self.bids, reverse=True)],
            [self.asks[price] for price in sorted(self.asks)],
        )

    def checksum(self) -> int:
        bids, asks = self.best()
        tokens = [
            text.replace(".", "").lstrip("0") for side in (asks, bids) for row in side[:10] for text in row
        ]
        return zlib.crc32("".join(tokens).encode())

    def _level(self, side: dict[Decimal, tuple[str, str]], price: str, qty: str) -> None:
        key = Decimal(price)
        if Decimal(qty):
            if side.get(key) == (price, qty):
                self.oddities.append(f"repeats {price} {qty}")
            side[key] = (price, qty)
        elif side.pop(key, None) is None:
            self.oddities.append(f"deletes unknown {price}")

    def _truncate(self) -> None:
        for price in sorted(self.bids, reverse=True)[self.depth :]:
            del self.bids[price]
        for price in sorted(self.asks)[self.depth :]:
            del self.asks[price]

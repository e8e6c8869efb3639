"""Sessions of Binance to measure with, made by the emulator on virtual time: frames and snapshots.

A book's snapshot stands behind the message after which it was fetched: the first, and every so often again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leadline.bench.frames import START_NS, STEP_NS
from leadline.emulator.binance.connection import Connection
from leadline.emulator.binance.contracts import DEMO_CONTRACTS, Contract, synthetic
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.wire import Answer, Frame
from leadline.venues.binance.stream_names import MARKET, PUBLIC

REST = ""
"""The route of what is an answer by REST."""

LEVELS = 500
"""Levels a side of a snapshot."""

REFILL_AFTER = 300
"""Messages of a book after which it is fetched again: prices may have left what the last one told."""

_BOOK = ("depth@100ms",)
_ON_PUBLIC = ("depth@100ms", "bookTicker", "depth5@100ms")
_ON_MARKET = ("aggTrade", "kline_1m", "markPrice@1s", "ticker", "forceOrder")

_MOST_NAMES = 100  # of one request; the venue limits its length
_REQUESTS_A_S = 5


@dataclass(frozen=True, slots=True)
class Heard:
    """A frame of the connection of a route, or a book by REST.

    Of a book `symbol` is what the venue calls its contract, `limit` how many levels a side were asked for.
    """

    route: str
    text: bytes
    symbol: str = ""
    limit: int = 0


def contracts_of_one_book() -> list[Contract]:
    """The contract whose book is measured alone."""
    return [each for each in DEMO_CONTRACTS if each.symbol == "BTCUSDT"]


def contracts_of_many(count: int) -> tuple[Contract, ...]:
    """So many contracts for a session of every channel."""
    return synthetic(count)


def depth_frames(count: int) -> list[Heard]:
    """The messages of one BTCUSDT book, of about as many levels as in a quick market."""
    return _Play(contracts_of_one_book(), rate=200.0).heard({PUBLIC: _BOOK}, count)


def mixed_binance_frames(contracts: Sequence[Contract], count: int) -> list[Heard]:
    """Every channel of these contracts, as it comes on the connections of both routes."""
    return _Play(contracts, rate=2000.0).heard({PUBLIC: _ON_PUBLIC, MARKET: _ON_MARKET}, count)


class _Play:
    """One client of an emulated venue on which time goes by."""

    def __init__(self, contracts: Sequence[Contract], rate: float) -> None:
        self._exchange = BinanceExchange(
            start_ns=START_NS, seed=1, rate=rate, contracts=contracts, history_minutes=60
        )
        self._symbols = [contract.symbol for contract in contracts]
        self._now_ns = START_NS

    def heard(self, streams: Mapping[str, Sequence[str]], count: int) -> list[Heard]:
        """So many frames and snapshots of these streams by route, for every contract."""
        lines = {route: self._line(route, names) for route, names in streams.items()}
        told: Counter[str] = Counter()
        heard: list[Heard] = []
        while len(heard) < count:
            self._now_ns += STEP_NS
            self._exchange.advance(self._now_ns)
            for route, line in lines.items():
                for text in _texts(line):
                    heard.append(Heard(route, text.encode()))
                    symbol, of_book, _ = text.removeprefix(_HEAD).partition("@depth@")
                    if of_book and told[symbol] % REFILL_AFTER == 0:
                        heard.append(Heard(REST, self._snapshot(symbol), symbol.upper(), LEVELS))
                    told[symbol] += bool(of_book)
        return heard[:count]

    def _line(self, route: str, names: Sequence[str]) -> Connection:
        line = self._exchange.connect(self._now_ns, f"ws_{route}")
        assert isinstance(line, Connection)
        wanted = [f"{symbol.lower()}@{name}" for name in names for symbol in self._symbols]
        for begin in range(0, len(wanted), _MOST_NAMES):
            request = {"method": "SUBSCRIBE", "params": wanted[begin : begin + _MOST_NAMES], "id": begin}
            line.received(json.dumps(request), self._now_ns)
            self._now_ns += 10**9 // _REQUESTS_A_S
            self._exchange.advance(self._now_ns)
        line.outputs()
        return line

    def _snapshot(self, symbol: str) -> bytes:
        answer = self._exchange.request(
            "GET", "/fapi/v1/depth", {"symbol": symbol.upper(), "limit": str(LEVELS)}, self._now_ns
        )
        assert isinstance(answer, Answer) and answer.status == 200, answer
        return answer.body


_HEAD = '{"stream":"'


def _texts(line: Connection) -> list[str]:
    outputs = line.outputs()
    assert not line.ended, "the emulator hung up"
    return [one.text for one in outputs if isinstance(one, Frame) and one.text.startswith(_HEAD)]

"""Stream names as the venue spells them, and the path each is served on (dossier §1.4, §10.3).

A name that means nothing is nobody's error: it is acknowledged and stays silent.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Family = Literal["public", "market"]
INTERVALS_MIN = {
    "1m": 1,
    "3m": 3,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "4h": 240,
    "6h": 360,
    "8h": 480,
    "12h": 720,
    "1d": 1_440,
    "3d": 4_320,
    "1w": 10_080,
    "1M": 43_200,
}
SLOW_MS = 250
DEPTHS = (5, 10, 20)
ALL = ""
"""The symbol of a stream about the whole market."""

_DEPTH = re.compile(r"depth(?P<levels>5|10|20)?(@(?P<speed>100|250|500)ms)?")
_PUBLIC = ("depth", "partial", "bookTicker", "trade")
_PLAIN = ("aggTrade", "trade", "bookTicker", "miniTicker", "ticker", "forceOrder")
_WHOLE = {
    "!bookTicker": ("bookTicker", 0),
    "!miniTicker@arr": ("miniTicker", 0),
    "!ticker@arr": ("ticker", 0),
    "!forceOrder@arr": ("forceOrder", 0),
    "!markPrice@arr": ("markPrice", 3_000),
    "!markPrice@arr@1s": ("markPrice", 1_000),
    "!contractInfo": ("contractInfo", 0),
}


class StreamKey(NamedTuple):
    """One stream: its kind, its contract (upper case, `ALL` for every one), speed and option.

    The option is the number of levels of a partial book, or the minutes of a bar.
    """

    kind: str
    symbol: str
    speed_ms: int = 0
    option: int = 0

    @property
    def family(self) -> Family:
        """The path that serves it."""
        return "public" if self.kind in _PUBLIC else "market"


def parsed(name: str) -> StreamKey | None:
    """The stream of that exact name; None where there is none, as with an upper-case symbol."""
    if name in _WHOLE:
        kind, speed_ms = _WHOLE[name]
        return StreamKey(kind, ALL, speed_ms)
    symbol, _, kind = name.partition("@")
    if not symbol or not kind or symbol != symbol.lower():
        return None
    symbol = symbol.upper()
    if kind in _PLAIN:
        return StreamKey(kind, symbol)
    if kind in ("markPrice", "markPrice@1s"):
        return StreamKey("markPrice", symbol, 1_000 if kind.endswith("1s") else 3_000)
    if kind.startswith("kline_"):
        return _bars("kline", symbol, kind.removeprefix("kline_"))
    if kind.startswith("continuousKline_"):
        pair, _, contract_type = symbol.partition("_")
        wanted = kind.removeprefix("continuousKline_")
        return _bars("continuousKline", pair, wanted) if contract_type == "PERPETUAL" else None
    return _depth(symbol, kind)


def _bars(kind: str, symbol: str, interval: str) -> StreamKey | None:
    minutes = INTERVALS_MIN.get(interval)
    return None if minutes is None else StreamKey(kind, symbol, 0, minutes)


def _depth(symbol: str, kind: str) -> StreamKey | None:
    found = _DEPTH.fullmatch(kind)
    if found is None:
        return None
    levels = int(found["levels"] or 0)
    return StreamKey("partial" if levels else "depth", symbol, int(found["speed"] or SLOW_MS), levels)

"""What strikes at Binance: the kinds of faults of its emulator, and their fields."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from leadline.simulation.binance_account_weather import binance_account_weather
from leadline.simulation.strikes import Event, Strike
from leadline.simulation.untruths import KINDS
from leadline.simulation.weather import Climate, one_line, outage, refusal, stalled, with_refusals

_CHANNELS = ("book", "ticker", "trade", "ohlc", "mark", "top", "stats")
_LINES = ("ws_public", "ws_public", "ws_market")
_PLACES = (("ticker", "rest"), ("ticker", "ws"))
"""A book is what a snapshot of REST says and what followed: one told wrongly there cannot be known by it."""
_FRAME_KINDS = ("DROP", "DUP", "REORDER", "CORRUPT")
_KINDS = (
    *("CLOSE",) * 3,
    *_FRAME_KINDS * 2,
    "REFUSE",
    *("STALL",) * 3,
    *("HALF_OPEN",) * 2,
    "ACK_NO_DATA",
    *("REPLY",) * 2,
    *("BURN",) * 2,
    "STATUS",
    *("ONE_LINE",) * 6,
    *("DYING",) * 2,
    *("LAGGING",) * 2,
    "OUTAGE",
    "REST_DOWN",
    *(event for event in Event if event is not Event.KILL),
)
_PATHS = ("", "", "bookTicker", "depth", "aggTrades", "klines", "exchangeInfo", "time")
_BODIES = (
    '{"code":-1001,"msg":"Internal error; unable to process your request. Please try again."}',
    '{"code":-1007,"msg":"Timeout waiting for response from backend server."}',
    "<html>Bad gateway</html>",
    '{"lastUpdateId":',
)


def _of_the_venue(
    rng: random.Random, kind: str, at_s: float, lasts_s: float, symbols: Sequence[str]
) -> list[Strike]:
    fields: dict[str, Any] = {"kind": kind, "for_s": lasts_s}
    symbol = rng.choice(symbols)
    match kind:
        case "CLOSE":  # 1000 is what a connection of a day's age is ended with
            fields = {"kind": kind, "code": rng.choice((1000, 1001, 1006, 1011, 1012))}
            fields["line"] = rng.choice((None, *_LINES))
            return with_refusals(rng, Strike(at_s, 0.0, fields=fields), lasts_s)
        case "ONE_LINE":
            return [Strike(at_s, lasts_s, fields=one_line(rng, symbol, lasts_s, _CHANNELS, _LINES))]
        case "DYING":
            fields |= {"kind": "CLOSE", "after_s": rng.choice((5.0, 12.0, 20.0)), "code": 1006}
            fields["line"] = rng.choice((None, *_LINES))
        case "LAGGING":  # a new connection needs snapshots, and gets old ones
            fields = {"kind": "LAG", "route": "rest", "channel": "book", "symbol": symbol, "for_s": lasts_s}
            fields["delay_s"] = rng.choice((0.5, 2.0, 8.0))
            return [Strike(at_s, lasts_s, fields=fields), Strike(at_s + lasts_s / 4, 0.0, Event.CUT)]
        case "OUTAGE":
            return outage(at_s, lasts_s)
        case "REST_DOWN" | "REFUSE":
            fields |= refusal(rng, kind)
        case "STALL" | "ACK_NO_DATA":
            return stalled(rng, kind, at_s, lasts_s, symbol, _CHANNELS)
        case "DROP" | "DUP" | "REORDER" | "CORRUPT":
            fields["channel"] = rng.choice(("book", "book", "trade", None))
            fields["symbol"] = rng.choice((symbol, None))
            fields["count"] = rng.choice((1, 1, 2, 5))
        case "REPLY":
            fields |= _reply(rng)
        case "BURN":
            fields = {"kind": "RATE", "burn": rng.choice((600.0, 1_500.0, 2_300.0))}
            return [Strike(at_s, 0.0, fields=fields)]
        case "STATUS":
            fields |= {"mode": rng.choice(("maintenance", "cancel_only")), "symbol": symbol}
    return [Strike(at_s, lasts_s, fields=fields)]


def _reply(rng: random.Random) -> dict[str, Any]:
    path = rng.choice(_PATHS)
    match rng.randrange(3):
        case 0:
            return {"path": path, "status": rng.choice((500, 502, 503, 408))}
        case 1:
            return {"path": path, "body": rng.choice(_BODIES)}
    return {"path": path, "delay_s": rng.choice((1.0, 4.0, 15.0))}


BINANCE = Climate(_KINDS, _of_the_venue, binance_account_weather, KINDS, _PLACES, ("USDT",))

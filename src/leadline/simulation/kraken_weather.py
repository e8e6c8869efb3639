"""What strikes at Kraken: the kinds of faults of its emulator, and their fields."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from leadline.simulation.account_weather import account_weather
from leadline.simulation.strikes import Event, Strike
from leadline.simulation.untruths import KINDS, PLACES
from leadline.simulation.weather import Climate, one_line, outage, refusal, stalled, with_refusals

_CHANNELS = ("book", "ticker", "trade", "ohlc")
_FRAME_KINDS = ("DROP", "DUP", "REORDER", "CORRUPT")
_KINDS = (
    *("CLOSE",) * 3,
    *_FRAME_KINDS,
    *_FRAME_KINDS,
    "REFUSE",
    *("STALL",) * 3,
    *("HALF_OPEN",) * 2,
    "ACK_NO_DATA",
    "SUB_RATE",
    "REPLY",
    "RATE",
    "STATUS",
    "INSTRUMENT",
    *("ONE_LINE",) * 6,
    *("DYING",) * 2,
    "OUTAGE",
    "REST_DOWN",
    *(event for event in Event if event is not Event.KILL),
)
_BODIES = (
    '{"error":["EService:Unavailable"]}',
    '{"error":["EService:Busy"]}',
    '{"error":["EGeneral:Internal error"]}',
    "<html>Bad gateway</html>",
    '{"error":[],"result":{',
)


def _of_the_venue(
    rng: random.Random, kind: str, at_s: float, lasts_s: float, symbols: Sequence[str]
) -> list[Strike]:
    fields: dict[str, Any] = {"kind": kind, "for_s": lasts_s}
    symbol = rng.choice(symbols)
    match kind:
        case "CLOSE":
            fields = {"kind": kind, "code": rng.choice((1000, 1001, 1006, 1011, 1012))}
            return with_refusals(rng, Strike(at_s, 0.0, fields=fields), lasts_s)
        case "ONE_LINE":
            return [Strike(at_s, lasts_s, fields=one_line(rng, symbol, lasts_s, _CHANNELS))]
        case "DYING":
            fields |= {"kind": "CLOSE", "after_s": rng.choice((5.0, 12.0, 20.0)), "code": 1006}
            fields["line"] = rng.choice((None, "ws_public"))
        case "OUTAGE":
            return outage(at_s, lasts_s)
        case "REST_DOWN" | "REFUSE":
            fields |= refusal(rng, kind)
        case "STALL" | "ACK_NO_DATA":
            return stalled(rng, kind, at_s, lasts_s, symbol, _CHANNELS)
        case "DROP" | "DUP" | "REORDER" | "CORRUPT":
            fields["channel"] = rng.choice(("book", "trade", None))
            fields["symbol"] = rng.choice((symbol, None))
            fields["count"] = rng.choice((1, 1, 2, 5))
        case "SUB_RATE":
            fields["per_s"] = rng.choice((0.5, 1.0, 3.0))
            return [Strike(at_s, lasts_s, fields=fields), Strike(at_s + lasts_s / 4, 0.0, Event.CUT)]
        case "REPLY":
            fields |= _reply(rng)
        case "RATE":
            fields["per_s"] = rng.choice((0.1, 0.3))
        case "STATUS":
            fields["mode"] = rng.choice(("maintenance", "cancel_only", "post_only", "limit_only"))
            fields["symbol"] = rng.choice((symbol, None))
        case "INSTRUMENT":
            return [Strike(at_s, 0.0, fields={"kind": kind, "symbol": symbol})]
    return [Strike(at_s, lasts_s, fields=fields)]


def _reply(rng: random.Random) -> dict[str, Any]:
    path = rng.choice(("", "", "Ticker", "Depth", "Trades", "OHLC"))
    match rng.randrange(3):
        case 0:
            return {"path": path, "status": rng.choice((500, 502, 503, 520))}
        case 1:
            return {"path": path, "body": rng.choice(_BODIES)}
    return {"path": path, "delay_s": rng.choice((1.0, 4.0, 15.0))}


KRAKEN = Climate(_KINDS, _of_the_venue, account_weather, KINDS, PLACES)

"""The weather of a run: which faults strike when, drawn from the seed; the end of every run is calm.

Faults of the venue are the emulator's own; those of the client's world are the network's, the resolver's and
the clock's.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from leadline.simulation.account_weather import account_weather
from leadline.simulation.strikes import CALM_END_S, CALM_START_S, DYING_S, LONGEST_S, Event, Strike
from leadline.simulation.untruths import differences

MEAN_PAUSE_S = 14.0
MILD_SHARE = 0.2
MILD_PAUSE_S = 60.0
"""In this share of the runs little strikes, so that a difference has time to be found."""
BLOCKS_S = (0.2, 1.0, 5.0, 30.0)
LEAST_STALL_S = 3.0
"""A stream that stops for less looks like the network's own delays."""


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


def forecast(rng: random.Random, total_s: float, symbols: Sequence[str]) -> list[Strike]:
    """The strikes of a run, by time; every one is over `CALM_END_S` before the end."""
    until_s = total_s - CALM_END_S
    at_s = CALM_START_S
    mild = rng.random() < MILD_SHARE
    strikes = [] if mild else account_weather(rng, until_s, symbols)
    strikes += differences(rng, until_s, symbols, mild=mild)
    while True:
        at_s += rng.expovariate(1 / (MILD_PAUSE_S if mild else MEAN_PAUSE_S))
        if at_s >= until_s:
            return sorted(strikes, key=lambda strike: strike.at_s)
        kind = rng.choice(_KINDS)
        longest_s = DYING_S if kind == "DYING" else LONGEST_S
        lasts_s = rng.choice(BLOCKS_S) if kind is Event.BLOCK else rng.uniform(0.5, longest_s)
        lasts_s = min(lasts_s, until_s - at_s)
        if isinstance(kind, Event):
            strikes.append(_of_the_world(rng, kind, at_s, lasts_s))
        else:
            strikes += _of_the_venue(rng, kind, at_s, lasts_s, symbols)


def _of_the_world(rng: random.Random, event: Event, at_s: float, lasts_s: float) -> Strike:
    if event is Event.CLOCK_STEP:
        step_s = rng.choice((-1, 1)) * rng.choice((0.3, 2.0, 45.0, 3600.0, 86_400.0))
        return Strike(at_s, 0.0, event, step_s=step_s)
    return Strike(at_s, 0.0 if event is Event.CUT else lasts_s, event)


def _of_the_venue(
    rng: random.Random, kind: str, at_s: float, lasts_s: float, symbols: Sequence[str]
) -> list[Strike]:
    fields: dict[str, Any] = {"kind": kind, "for_s": lasts_s}
    symbol = rng.choice(symbols)
    match kind:
        case "CLOSE":
            fields = {"kind": kind, "code": rng.choice((1000, 1001, 1006, 1011, 1012))}
            return _with_refusals(rng, Strike(at_s, 0.0, fields=fields), lasts_s)
        case "ONE_LINE":
            return [Strike(at_s, lasts_s, fields=_one_line(rng, symbol, lasts_s))]
        case "DYING":
            fields |= {"kind": "CLOSE", "after_s": rng.choice((5.0, 12.0, 20.0)), "code": 1006}
            fields["line"] = rng.choice((None, "ws_public"))
        case "OUTAGE":
            refuse = {"kind": "REFUSE", "route": "all", "for_s": lasts_s}
            close = {"kind": "CLOSE", "code": 1006}
            return [Strike(at_s, lasts_s, fields=refuse), Strike(at_s, 0.0, fields=close)]
        case "REST_DOWN":
            fields |= {"kind": "REFUSE", "route": "rest", "status": rng.choice((None, 502, 503))}
        case "REFUSE":
            fields |= {
                "status": rng.choice((None, 429, 502, 503)),
                "route": rng.choice(("ws", "rest", "all")),
            }
        case "STALL" | "ACK_NO_DATA":
            lasts_s = fields["for_s"] = max(LEAST_STALL_S, lasts_s)
            fields["channel"] = rng.choice((*_CHANNELS, None))
            fields["symbol"] = rng.choice((symbol, symbol, None))
            if kind == "ACK_NO_DATA":  # it takes a new subscription to be felt
                return [Strike(at_s, lasts_s, fields=fields), Strike(at_s + lasts_s / 3, 0.0, Event.CUT)]
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


def _one_line(rng: random.Random, symbol: str, lasts_s: float) -> dict[str, Any]:
    """A fault of one public connection alone."""
    fields: dict[str, Any] = {"kind": rng.choice(("CLOSE", "CLOSE", "HALF_OPEN", "STALL", "CORRUPT"))}
    fields["only"] = rng.choice(("oldest", "newest"))
    match fields["kind"]:
        case "CLOSE":
            fields |= {"line": "ws_public", "code": rng.choice((1001, 1006))}
        case "HALF_OPEN":
            fields |= {"line": "ws_public", "for_s": lasts_s}
        case "STALL":
            fields |= {"channel": rng.choice(_CHANNELS), "for_s": max(LEAST_STALL_S, lasts_s)}
        case "CORRUPT":
            fields |= {"channel": "book", "symbol": symbol, "for_s": lasts_s}
    return fields


def _with_refusals(rng: random.Random, close: Strike, lasts_s: float) -> list[Strike]:
    """A close that, every third time, is followed by refused connects."""
    if rng.random() < 2 / 3:
        return [close]
    refuse = {"kind": "REFUSE", "for_s": lasts_s, "status": rng.choice((None, 503))}
    return [close, Strike(close.at_s, lasts_s, fields=refuse)]


def _reply(rng: random.Random) -> dict[str, Any]:
    path = rng.choice(("", "", "Ticker", "Depth", "Trades", "OHLC"))
    match rng.randrange(3):
        case 0:
            return {"path": path, "status": rng.choice((500, 502, 503, 520))}
        case 1:
            return {"path": path, "body": rng.choice(_BODIES)}
    return {"path": path, "delay_s": rng.choice((1.0, 4.0, 15.0))}

"""The weather of a run: which faults strike when, drawn from the seed; the end of every run is calm.

Faults of the venue are the emulator's own; those of the client's world are the network's, the resolver's and
the clock's.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from leadline.simulation.strikes import CALM_END_S, CALM_START_S, DYING_S, LONGEST_S, Event, Strike
from leadline.simulation.untruths import Place, differences

MEAN_PAUSE_S = 14.0
MILD_SHARE = 0.2
MILD_PAUSE_S = 60.0
"""In this share of the runs little strikes, so that a difference has time to be found."""
BLOCKS_S = (0.2, 1.0, 5.0, 30.0)
LEAST_STALL_S = 3.0
"""A stream that stops for less looks like the network's own delays."""

Faults = Callable[[random.Random, str, float, float, Sequence[str]], list[Strike]]
"""Makes the strikes of one kind: kind, when, for how long, symbols."""


@dataclass(frozen=True, slots=True)
class Climate:
    """What can strike at a venue."""

    kinds: Sequence[str | Event]
    """Each as often as it is likely."""
    faults: Faults
    account: Callable[[random.Random, float, Sequence[str]], list[Strike]]
    """What strikes the account until then."""
    untruths: Sequence[str]
    """Kinds of what the venue tells wrongly, and where."""
    places: Sequence[Place]
    assets: Sequence[str] = ()


def forecast(rng: random.Random, total_s: float, symbols: Sequence[str], climate: Climate) -> list[Strike]:
    """The strikes of a run, by time; every one is over `CALM_END_S` before the end."""
    until_s = total_s - CALM_END_S
    at_s = CALM_START_S
    mild = rng.random() < MILD_SHARE
    strikes = [] if mild else climate.account(rng, until_s, symbols)
    strikes += differences(
        rng,
        until_s,
        symbols,
        mild=mild,
        kinds=climate.untruths,
        places=climate.places,
        assets=climate.assets,
    )
    while True:
        at_s += rng.expovariate(1 / (MILD_PAUSE_S if mild else MEAN_PAUSE_S))
        if at_s >= until_s:
            return sorted(strikes, key=lambda strike: strike.at_s)
        kind = rng.choice(climate.kinds)
        longest_s = DYING_S if kind == "DYING" else LONGEST_S
        lasts_s = rng.choice(BLOCKS_S) if kind is Event.BLOCK else rng.uniform(0.5, longest_s)
        lasts_s = min(lasts_s, until_s - at_s)
        if isinstance(kind, Event):
            strikes.append(_of_the_world(rng, kind, at_s, lasts_s))
        else:
            strikes += climate.faults(rng, kind, at_s, lasts_s, symbols)


def _of_the_world(rng: random.Random, event: Event, at_s: float, lasts_s: float) -> Strike:
    if event is Event.CLOCK_STEP:
        step_s = rng.choice((-1, 1)) * rng.choice((0.3, 2.0, 45.0, 3600.0, 86_400.0))
        return Strike(at_s, 0.0, event, step_s=step_s)
    return Strike(at_s, 0.0 if event is Event.CUT else lasts_s, event)


def one_line(
    rng: random.Random,
    symbol: str,
    lasts_s: float,
    channels: Sequence[str],
    lines: Sequence[str] = ("ws_public",),
) -> dict[str, Any]:
    """A fault of one public connection alone."""
    line = lines[0] if len(lines) == 1 else rng.choice(lines)
    fields: dict[str, Any] = {"kind": rng.choice(("CLOSE", "CLOSE", "HALF_OPEN", "STALL", "CORRUPT"))}
    fields["only"] = rng.choice(("oldest", "newest"))
    match fields["kind"]:
        case "CLOSE":
            fields |= {"line": line, "code": rng.choice((1001, 1006))}
        case "HALF_OPEN":
            fields |= {"line": line, "for_s": lasts_s}
        case "STALL":
            fields |= {"channel": rng.choice(channels), "for_s": max(LEAST_STALL_S, lasts_s)}
        case "CORRUPT":
            fields |= {"channel": "book", "symbol": symbol, "for_s": lasts_s}
    return fields


def with_refusals(rng: random.Random, close: Strike, lasts_s: float) -> list[Strike]:
    """A close that, every third time, is followed by refused connects."""
    if rng.random() < 2 / 3:
        return [close]
    refuse = {"kind": "REFUSE", "for_s": lasts_s, "status": rng.choice((None, 503))}
    return [close, Strike(close.at_s, lasts_s, fields=refuse)]


def outage(at_s: float, lasts_s: float) -> list[Strike]:
    """Every connection is closed, and none can be made for so long."""
    refuse = {"kind": "REFUSE", "route": "all", "for_s": lasts_s}
    close = {"kind": "CLOSE", "code": 1006}
    return [Strike(at_s, lasts_s, fields=refuse), Strike(at_s, 0.0, fields=close)]


def refusal(rng: random.Random, kind: str) -> dict[str, Any]:
    """Refused connects and requests, or (REST_DOWN) refused requests alone."""
    if kind == "REST_DOWN":
        return {"kind": "REFUSE", "route": "rest", "status": rng.choice((None, 502, 503))}
    return {"status": rng.choice((None, 429, 502, 503)), "route": rng.choice(("ws", "rest", "all"))}


def stalled(
    rng: random.Random, kind: str, at_s: float, lasts_s: float, symbol: str, channels: Sequence[str]
) -> list[Strike]:
    """A stream that stops (STALL), or that is acknowledged and never begins (ACK_NO_DATA)."""
    lasts_s = max(LEAST_STALL_S, lasts_s)
    fields: dict[str, Any] = {"kind": kind, "for_s": lasts_s, "channel": rng.choice((*channels, None))}
    fields["symbol"] = rng.choice((symbol, symbol, None))
    stall = Strike(at_s, lasts_s, fields=fields)
    if kind == "STALL":
        return [stall]
    return [stall, Strike(at_s + lasts_s / 3, 0.0, Event.CUT)]  # it takes a new subscription to be felt

"""The weather of an account: what strikes its orders, its stream, its key, and the client itself."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from leadline.simulation.strikes import CALM_START_S, LONGEST_S, Event, Strike

MEAN_PAUSE_S = 16.0
DOWN_S = (0.1, 10.0)
"""How long a killed client stays away."""

_TRADING = ("AddOrder", "AddOrderBatch", "AmendOrder", "CancelOrder", "add_order", "batch_add", "amend_order")
_ASKED = ("AddOrder", "AmendOrder", "CancelOrder", "QueryOrders", "OpenOrders", "ClosedOrders")
_TOKEN = "GetWebSocketsToken"  # noqa: S105 - the name of an endpoint
_BODIES = (
    '{"error":["EService:Unavailable"]}',
    '{"error":["EService:Busy"]}',
    '{"error":["EGeneral:Internal error"]}',
    "<html>Bad gateway</html>",
    '{"error":[],"result":{',
)
KINDS = (
    *("KILL",) * 4,
    *("ACCEPT_THEN_DROP",) * 4,
    *("REPLY",) * 3,
    *("NEWS",) * 4,
    *("SHUFFLE",) * 3,
    "TOKEN_INVALID",
    "BURN",
    "STATUS",
    "STALL",
    "CLOCK_STEP",
)


Fields = Callable[[random.Random, str, float, Sequence[str]], dict[str, Any]]
"""Draws the fields of one fault: its kind, how long it lasts, symbols."""


def account_weather(rng: random.Random, until_s: float, symbols: Sequence[str]) -> list[Strike]:
    """The strikes of a run at Kraken that concern the account, by time; each is over by `until_s`."""
    return account_strikes(rng, until_s, symbols, KINDS, _fields)


def account_strikes(
    rng: random.Random, until_s: float, symbols: Sequence[str], kinds: Sequence[str], fields: Fields
) -> list[Strike]:
    """The same at any venue: of these kinds, each as often as it is likely."""
    at_s = CALM_START_S
    strikes: list[Strike] = []
    while True:
        at_s += rng.expovariate(1 / MEAN_PAUSE_S)
        if at_s >= until_s:
            return strikes
        lasts_s = min(rng.uniform(0.5, LONGEST_S), until_s - at_s)
        kind = rng.choice(kinds)
        if kind == "KILL":
            down_s = min(rng.uniform(*DOWN_S), until_s - at_s)
            strikes.append(Strike(at_s, down_s, Event.KILL))
        elif kind == "CLOCK_STEP":
            strikes.append(Strike(at_s, 0.0, Event.CLOCK_STEP, step_s=rng.choice((-3600.0, 3600.0))))
        else:
            strikes.append(Strike(at_s, lasts_s, fields=fields(rng, kind, lasts_s, symbols)))


def _fields(rng: random.Random, kind: str, lasts_s: float, symbols: Sequence[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {"kind": kind, "for_s": lasts_s}
    match kind:
        case "ACCEPT_THEN_DROP":
            call = rng.choice((None, *_TRADING))
            if call is not None:
                fields["path" if call[0].isupper() else "method"] = call
            fields["count"] = rng.choice((1, 1, 2))
        case "REPLY":
            fields |= {"path": rng.choice((*_ASKED, _TOKEN)), "accepted": rng.random() < 0.5}
            fields |= _answer(rng)
        case "NEWS":
            fields["kind"] = rng.choice(("DROP", "DUP", "REORDER", "CORRUPT"))
            fields["channel"] = rng.choice(("executions", "executions", "balances"))
            fields["count"] = rng.choice((1, 1, 2, 5))
        case "SHUFFLE":
            fields["channel"] = rng.choice(("executions", "balances", "all"))
            fields["delay_s"] = rng.choice((0.3, 1.0, 3.0))
        case "TOKEN_INVALID":
            fields["count"] = rng.choice((1, 2, 5))
        case "BURN":
            fields |= {"kind": "RATE", "burn": rng.choice((5.0, 12.0, 20.0))}
            if rng.random() < 0.5:
                fields |= {"burn": rng.choice((40.0, 120.0)), "symbol": rng.choice(symbols[:3])}
        case "STATUS":
            fields["mode"] = rng.choice(("maintenance", "cancel_only", "post_only"))
        case "STALL":
            fields["channel"] = rng.choice(("executions", "balances"))
            fields["for_s"] = max(3.0, lasts_s)
    return fields


def _answer(rng: random.Random) -> dict[str, Any]:
    match rng.randrange(3):
        case 0:
            return {"status": rng.choice((500, 502, 503, 520))}
        case 1:
            return {"body": rng.choice(_BODIES)}
    return {"delay_s": rng.choice((1.0, 4.0, 15.0)), "accepted": False}

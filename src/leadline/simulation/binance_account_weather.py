"""The weather of an account at Binance: what strikes its orders, stream, key, and the client."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from leadline.simulation.account_weather import account_strikes
from leadline.simulation.binance_others import CONFIGURE, FUNDING, OTHERS, SETTINGS
from leadline.simulation.strikes import Event, Strike

_CALLS = ("order", "batchOrders", "allOpenOrders", "algoOrder", "algoOpenOrders")
_METHODS = ("order.place", "order.modify", "order.cancel", "algoOrder.place", "algoOrder.cancel")
_READ = ("openOrders", "openAlgoOrders", "allAlgoOrders", "userTrades", "account", "positionRisk")
_KEY = "listenKey"
_BODIES = (
    '{"code":-1000,"msg":"Unknown error, please check your request or try again later."}',
    '{"code":-1001,"msg":"Internal error; unable to process your request. Please try again."}',
    '{"code":-1007,"msg":"Timeout waiting for response from backend server."}',
    "<html>Bad gateway</html>",
    '{"orderId":',
)
_LEVERAGES = (1, 3, 10, 20, 50)
_UNTOLD = OTHERS | {"FORCE_CLOSE"}
"""What must be known afterwards although no stream may have told it."""
_UNTOLD_SHARE = 0.5
_BEFORE_S = 0.05
"""So long before it the connections break."""
_TROUBLES = ("unknown", "unavailable", "internal", "throttled", "timeout")
KINDS = (
    *("KILL",) * 4,
    *("ACCEPT_THEN_DROP",) * 4,
    *("REPLY",) * 3,
    *("BACKEND",) * 4,
    *("LISTENKEY_EXPIRE",) * 2,
    *("NEWS",) * 4,
    *("SHUFFLE",) * 3,
    *(FUNDING,) * 2,
    *("FORCE_CLOSE",) * 2,
    *(CONFIGURE,) * 2,
    "BURN",
    "STATUS",
    "STALL",
    "CLOCK_STEP",
)


def binance_account_weather(rng: random.Random, until_s: float, symbols: Sequence[str]) -> list[Strike]:
    """The strikes of a run that concern the account, by time; each is over by `until_s`."""
    strikes = account_strikes(rng, until_s, symbols, KINDS, _fields)
    hidden = [one for one in strikes if one.fields.get("kind") in _UNTOLD and rng.random() < _UNTOLD_SHARE]
    cuts = [Strike(one.at_s - _BEFORE_S, 0.0, Event.CUT) for one in hidden]
    return sorted([*strikes, *cuts], key=lambda strike: strike.at_s)


def _fields(rng: random.Random, kind: str, lasts_s: float, symbols: Sequence[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {"kind": kind, "for_s": lasts_s}
    match kind:
        case "ACCEPT_THEN_DROP":
            fields |= _call(rng) | {"count": rng.choice((1, 1, 2))}
        case "BACKEND":
            fields |= _call(rng) | {"trouble": rng.choice(_TROUBLES), "accepted": rng.random() < 0.5}
            fields["count"] = rng.choice((1, 2, 5))
        case "REPLY":
            fields |= {"path": rng.choice((*_CALLS[:2], *_READ, _KEY)), "accepted": rng.random() < 0.5}
            fields |= _answer(rng)
        case "LISTENKEY_EXPIRE":
            fields["silent"] = rng.random() < 0.5
        case "NEWS":
            fields["kind"] = rng.choice(("DROP", "DUP", "REORDER", "CORRUPT"))
            fields["channel"] = rng.choice(("executions", "executions", "balances"))
            fields["count"] = rng.choice((1, 1, 2, 5))
        case "SHUFFLE":
            fields["channel"] = rng.choice(("executions", "balances", "all"))
            fields["delay_s"] = rng.choice((0.3, 1.0, 3.0))
        case "FORCE_CLOSE":
            del fields["for_s"]
            fields |= {"symbol": rng.choice(symbols[:3]), "cause": rng.choice(("liquidation", "adl"))}
            fields |= {"part": rng.choice((1.0, 0.5, 0.2)), "hollow": rng.random() < 0.2}
        case "CONFIGURE":
            fields |= {"what": rng.choice((*SETTINGS, "leverage")), "symbol": rng.choice(symbols)}
            fields["leverage"] = rng.choice(_LEVERAGES)
        case "BURN":
            fields |= {"kind": "RATE", "burn": rng.choice((200.0, 1000.0, 1800.0))}
        case "STATUS":
            fields |= {"mode": rng.choice(("maintenance", "cancel_only")), "symbol": rng.choice(symbols[:3])}
        case "STALL":
            fields["channel"] = rng.choice(("executions", "balances"))
            fields["for_s"] = max(3.0, lasts_s)
    return fields


def _call(rng: random.Random) -> dict[str, Any]:
    """Which call: any that trades, or one of REST or of the WebSocket API."""
    call = rng.choice((None, None, *_CALLS, *_METHODS))
    if call is None:
        return {}
    return {"method" if "." in call else "path": call}


def _answer(rng: random.Random) -> dict[str, Any]:
    match rng.randrange(3):
        case 0:
            return {"status": rng.choice((500, 502, 503, 520))}
        case 1:
            return {"body": rng.choice(_BODIES), "status": rng.choice((200, 503))}
    return {"delay_s": rng.choice((1.0, 4.0, 15.0)), "accepted": False}

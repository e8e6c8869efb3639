"""What a WebSocket v2 request asks for, or the venue's words for why not (dossier §4, §11)."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from leadline.emulator.kraken.frames import INSTRUMENT_WARNING, OHLC_WARNING
from leadline.emulator.kraken.streams import TopicKey

DEPTHS = (10, 25, 100, 500, 1000)
INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
TRIGGERS = ("trades", "bbo")
LEVEL3_DEPTHS = (10, 100, 1000)
ACCOUNT_CHANNELS = ("executions", "balances")
PRIVATE_CHANNELS = (*ACCOUNT_CHANNELS, "level3")
TRADING_METHODS = (
    "add_order",
    "amend_order",
    "edit_order",
    "cancel_order",
    "cancel_all",
    "cancel_all_orders_after",
    "batch_add",
    "batch_cancel",
)
_OWN_PARAMS = {
    "ticker": {"symbol", "event_trigger"},
    "book": {"symbol", "depth"},
    "trade": {"symbol"},
    "ohlc": {"symbol", "interval"},
    "instrument": {"include_tokenized_assets", "execution_venue"},
    "level3": {"symbol", "depth", "token"},
}


class Malformed(Exception):
    """The text is no request at all."""


@dataclass(frozen=True, slots=True)
class Refusal(Exception):
    """A request refused as a whole; `symbol` is echoed where the venue does."""

    text: str
    symbol: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One client message: a method, its parameters and the id to echo."""

    method: str
    params: dict[str, Any]
    req_id: int | None
    extra: tuple[str, ...]
    has_params: bool

    def echo(self) -> dict[str, Any]:
        """What every answer repeats of the request."""
        return {} if self.req_id is None else {"req_id": self.req_id}


@dataclass(frozen=True, slots=True)
class Subscription:
    """One symbol of a subscribe or unsubscribe request: a topic, or why not."""

    key: TopicKey
    snapshot: bool
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""


def parsed(text: str) -> Request:
    """The request in a text frame, its fractions as `Decimal`; raises `Malformed`."""
    try:
        fields = json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise Malformed(text) from error
    if not isinstance(fields, dict) or not isinstance(fields.get("method"), str):
        raise Malformed(text)
    params = fields.get("params", {})
    if not isinstance(params, dict):
        raise Malformed(text)
    req_id = fields.get("req_id")
    number = req_id if isinstance(req_id, int) and not isinstance(req_id, bool) else None
    extra = tuple(name for name in fields if name not in ("method", "params", "req_id"))
    return Request(fields["method"], params, number, extra, "params" in fields)


def subscriptions(request: Request, listed: Collection[str]) -> list[Subscription]:
    """One entry per symbol in request order; raises `Refusal` where none of it can be understood."""
    channel = request.params.get("channel")
    symbols = request.params.get("symbol")
    echo = symbols[0] if isinstance(symbols, list) and symbols and isinstance(symbols[0], str) else None
    if request.extra:
        raise Refusal(unsupported(request.extra[0], request.method), echo)
    if channel == "status":
        raise Refusal("Symbol(s) not found")
    if channel not in _OWN_PARAMS:
        raise Refusal("Subscription name invalid")
    allowed = _OWN_PARAMS[channel] | {"channel", "snapshot"}
    for name in request.params:
        if name not in allowed:
            raise Refusal(unsupported(name, request.method), echo)
    snapshot = request.params.get("snapshot", channel != "trade")
    if not isinstance(snapshot, bool):
        raise Refusal("Snapshot field must be a boolean")
    option_name, option = _option(channel, request.params)
    if channel == "instrument":
        return [_subscription(request, TopicKey(channel), None, snapshot)]
    if not isinstance(symbols, list) or not symbols:
        raise Refusal("Symbol(s) not found")
    return [
        _subscription(
            request,
            TopicKey(channel, str(symbol), option),
            option_name,
            snapshot,
            pair_error(str(symbol), listed),
        )
        for symbol in symbols
    ]


def _no_constant(name: str) -> None:
    """NaN and the infinities are no JSON."""
    raise ValueError(name)


def _option(channel: str, params: dict[str, Any]) -> tuple[str | None, int | str | None]:
    if channel in ("book", "level3"):
        depth = params.get("depth", 10)
        if not isinstance(depth, int) or isinstance(depth, bool):
            raise Refusal(f"Subscription {channel} depth must be an integer")
        if depth not in (DEPTHS if channel == "book" else LEVEL3_DEPTHS):
            raise Refusal("Subscription depth not supported")
        # The acknowledgement of level3 was recorded without its depth.
        return ("depth" if channel == "book" else None), depth
    if channel == "ohlc":
        if "interval" not in params:
            raise Refusal("Subscription ohlc requires interval")
        interval = params["interval"]
        if not isinstance(interval, int) or isinstance(interval, bool):
            raise Refusal("Subscription ohlc interval must be an integer")
        if interval not in INTERVALS:
            raise Refusal("Subscription ohlc interval not supported")
        return "interval", interval
    if channel == "ticker":
        trigger = params.get("event_trigger", "trades")
        if trigger not in TRIGGERS:
            raise Refusal("Subscription event_trigger not supported")
        return "event_trigger", trigger
    return None, None


def _subscription(
    request: Request, key: TopicKey, option_name: str | None, snapshot: bool, error: str = ""
) -> Subscription:
    result: dict[str, Any] = {"channel": key.channel}
    if key.symbol:
        result["symbol"] = key.symbol
    if option_name:
        result[option_name] = key.option
    if request.method == "subscribe":
        result["snapshot"] = snapshot
        if key.channel == "ohlc":
            result["warnings"] = [OHLC_WARNING]
        if key.channel == "instrument":
            result["warnings"] = [INSTRUMENT_WARNING]
    return Subscription(key, snapshot, result, error)


def pair_error(symbol: str, listed: Collection[str]) -> str:
    """Why a symbol cannot be meant; nothing where it is listed."""
    if symbol in listed:
        return ""
    if "/" not in symbol:
        return f"Currency pair not in ISO 4217-A3 format {symbol}"
    return f"Currency pair not supported {symbol}"


def unsupported(name: str, method: str) -> str:
    """The venue's words for a parameter it does not know."""
    return f"Unsupported field: '{name}' for the given msg type: {method}"

"""The market methods of the WebSocket API, `time` and `ping` among them (dossier §13)."""

from __future__ import annotations

import json
from typing import Any

from leadline.emulator.binance.errors import Refused
from leadline.emulator.binance.rest import MarketRest
from leadline.emulator.binance.weights import AddressWeights
from leadline.emulator.binance.ws_api import ApiSession

PATHS = {
    "time": "/fapi/v1/time",
    "ping": "/fapi/v1/ping",
    "depth": "/fapi/v1/depth",
    "ticker.price": "/fapi/v2/ticker/price",
    "ticker.book": "/fapi/v1/ticker/bookTicker",
}
# assumed: the code and text of a method nobody knows
UNKNOWN_METHOD = Refused(-1020, "This operation is not supported.")


class MarketApi:
    """Answers what is not about an account."""

    def __init__(self, rest: MarketRest, weights: AddressWeights) -> None:
        self._rest = rest
        self._weights = weights

    def answer(self, session: ApiSession, text: str, now_ns: int) -> str:
        """The answer to one frame, charged like its REST counterpart."""
        message = json.loads(text, parse_float=str)
        body: dict[str, Any] = {"id": message.get("id")}
        given = message.get("params")
        params = {str(name): str(one) for name, one in given.items()} if isinstance(given, dict) else {}
        try:
            path = PATHS.get(message["method"])
            if path is None:
                raise UNKNOWN_METHOD
            self._weights.charge(self._rest.weight(path, params), now_ns)
            body |= {"status": 200, "result": self._rest.answer(path, params, now_ns)}
        except Refused as refusal:
            error = {"code": refusal.code, "msg": refusal.message}
            body |= {"status": refusal.status, "error": error}
        if session.rate_limits:
            body["rateLimits"] = [weight_row(self._weights, now_ns)]
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def weight_row(weights: AddressWeights, now_ns: int) -> dict[str, Any]:
    """The address's weight as an entry of `rateLimits`."""
    return {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": weights.limit,
        "count": weights.used(now_ns),
    }

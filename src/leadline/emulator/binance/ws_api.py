"""The account methods of the WebSocket API: one JSON request a frame, answered under its id (dossier §13).

assumed: HMAC keys only, so `session.logon`, which takes Ed25519 keys alone, always refuses.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from leadline.emulator.binance.acts import text_of
from leadline.emulator.binance.endpoints import Endpoint, Endpoints
from leadline.emulator.binance.errors import Refused, refused
from leadline.emulator.binance.gate import Gate, ws_payload
from leadline.emulator.binance.params import Params
from leadline.emulator.binance.ports import Weights
from leadline.emulator.binance.private_rest import PrivateRest
from leadline.emulator.binance.queries import Call

METHODS = {
    "order.place": ("POST", "/fapi/v1/order"),
    "order.modify": ("PUT", "/fapi/v1/order"),
    "order.cancel": ("DELETE", "/fapi/v1/order"),
    "order.status": ("GET", "/fapi/v1/order"),
    "algoOrder.place": ("POST", "/fapi/v1/algoOrder"),
    "algoOrder.cancel": ("DELETE", "/fapi/v1/algoOrder"),
    "account.balance": ("GET", "/fapi/v2/balance"),
    "v2/account.balance": ("GET", "/fapi/v3/balance"),
    "account.status": ("GET", "/fapi/v2/account"),
    "v2/account.status": ("GET", "/fapi/v3/account"),
    "account.position": ("GET", "/fapi/v2/positionRisk"),
    "v2/account.position": ("GET", "/fapi/v3/positionRisk"),
    "userDataStream.start": ("POST", "/fapi/v1/listenKey"),
    "userDataStream.ping": ("PUT", "/fapi/v1/listenKey"),
    "userDataStream.stop": ("DELETE", "/fapi/v1/listenKey"),
}
SESSION = ("session.logon", "session.status", "session.logout")
SESSION_WEIGHT = 2
NS_PER_MS = 1_000_000
SIGNED = ("apiKey", "timestamp", "signature")


@dataclass(slots=True)
class ApiSession:
    """One connection to the WebSocket API; `rate_limits` is false after `?returnRateLimits=false`."""

    connected_ns: int
    rate_limits: bool = True


class WsApi:
    """Answers requests; market methods are somebody else's."""

    def __init__(self, rest: PrivateRest, endpoints: Endpoints, gate: Gate, weights: Weights) -> None:
        self._rest = rest
        self._endpoints = endpoints
        self._gate = gate
        self._weights = weights

    def answer(self, session: ApiSession, text: str, now_ns: int) -> str | None:
        """The answer to one frame; None for a method that is not of the account side."""
        try:
            request = json.loads(text, parse_float=str)
        except ValueError:
            return self._refusal(session, None, refused(-1000), now_ns)
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return self._refusal(session, None, refused(-1102, "method"), now_ns)
        method, request_id = request["method"], request.get("id")
        if method not in METHODS and method not in SESSION:
            return None
        given = request.get("params")
        sent = {str(name): text_of(value) for name, value in given.items()} if isinstance(given, dict) else {}
        try:
            if method in SESSION:
                return self._reply(
                    session, request_id, self._session(session, method, now_ns), None, False, now_ns
                )
            endpoint = self._endpoints[METHODS[method]]
            self._weights.charge(endpoint.cost(sent), now_ns)
            call = self._admitted(endpoint, Params(sent), now_ns)
            result = self._rest.done(endpoint, method, call)
            counted = endpoint.counts[0] > 0
            return self._reply(session, request_id, result, call, counted, now_ns)
        except Refused as refusal:
            return self._refusal(session, request_id, refusal, now_ns)

    def _admitted(self, endpoint: Endpoint, params: Params, now_ns: int) -> Call:
        if "apiKey" not in params:
            raise refused(-1103) if not endpoint.signed else refused(-1102, "apiKey")
        account = self._gate.keyed(params.text("apiKey"))
        params.check((*endpoint.mandatory, *SIGNED) if endpoint.signed else endpoint.mandatory)
        if endpoint.signed:
            self._gate.check_time(params, now_ns)
            self._gate.check_signature(account, ws_payload(params), params.text("signature"))
        values = {name: one for name, one in params.values.items() if name not in ("signature", "apiKey")}
        return Call(account, Params(values), now_ns)

    def _session(self, session: ApiSession, method: str, now_ns: int) -> dict[str, Any]:
        self._weights.charge(SESSION_WEIGHT, now_ns)
        if method == "session.logon":
            raise refused(-4056)
        return {
            "apiKey": None,
            "authorizedSince": None,
            "connectedSince": session.connected_ns // NS_PER_MS,
            "returnRateLimits": session.rate_limits,
            "serverTime": now_ns // NS_PER_MS,
        }

    def _reply(
        self, session: ApiSession, request_id: Any, result: Any, call: Call | None, counted: bool, now_ns: int
    ) -> str:
        body = {"id": request_id, "status": 200, "result": result}
        if session.rate_limits:
            rows = call.account.counts.rows(now_ns) if counted and call is not None else []
            body["rateLimits"] = [*rows, self._weight_row(now_ns)]
        return _dumped(body)

    def _refusal(self, session: ApiSession, request_id: Any, refusal: Refused, now_ns: int) -> str:
        error = {"code": refusal.code, "msg": refusal.message}
        body: dict[str, Any] = {"id": request_id, "status": refusal.status, "error": error}
        if session.rate_limits:
            body["rateLimits"] = [self._weight_row(now_ns)]
        return _dumped(body)

    def _weight_row(self, now_ns: int) -> dict[str, Any]:
        return {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": self._weights.limit,
            "count": self._weights.used(now_ns),
        }


def _dumped(body: dict[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)

"""Signed REST: requests let in to the account they act for (dossier §2, §15.2).

The order of judgement is: key, parameters that are empty or missing, timestamp, signature, order counts, the
request itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from leadline.emulator.binance.endpoints import NO_COUNT, Endpoint, Endpoints
from leadline.emulator.binance.errors import Refused
from leadline.emulator.binance.gate import Gate, rest_params, rest_payload
from leadline.emulator.binance.history import Executed, History
from leadline.emulator.binance.params import Params
from leadline.emulator.binance.queries import Call
from leadline.emulator.wire import Answer

SIGNED = ("timestamp", "signature")
CONTENT = ("Content-Type", "application/json")


class PrivateRest:
    """The endpoints under /fapi that belong to an account."""

    def __init__(self, endpoints: Endpoints, gate: Gate, history: History) -> None:
        self._endpoints = endpoints
        self._gate = gate
        self._history = history

    def weight(self, method: str, path: str, query: Mapping[str, str]) -> int | None:
        """What a request costs; None where the path is not of here."""
        endpoint = self._endpoints.get((method, path))
        return None if endpoint is None else endpoint.cost(query)

    def answer(
        self, method: str, path: str, query: str, body: bytes, headers: Mapping[str, str], now_ns: int
    ) -> Answer | None:
        """What the venue answers; None where the path is not of here."""
        endpoint = self._endpoints.get((method, path))
        if endpoint is None:
            return None
        try:
            call = self._admitted(endpoint, query, body.decode(errors="replace"), headers, now_ns)
            result = self.done(endpoint, f"{method} {path}", call)
        except Refused as refusal:
            return json_answer({"code": refusal.code, "msg": refusal.message}, refusal.status)
        counts = call.account.counts.headers(now_ns) if endpoint.counts != NO_COUNT else ()
        return json_answer(result, 200, counts)

    def done(self, endpoint: Endpoint, name: str, call: Call) -> Any:
        """Count an admitted request, carry it out and note it where it acts; raises `Refused`."""
        if endpoint.counts != NO_COUNT:
            call.account.counts.charge(*endpoint.counts, call.now_ns)
        if "symbol" in call.params:
            call.params.values["symbol"] = call.params.values["symbol"].upper()
        result = endpoint.act(call)
        if endpoint.acts:
            self._history.note(Executed(call.now_ns, call.account.name, name, dict(call.params.values)))
        return result

    def _admitted(
        self, endpoint: Endpoint, query: str, body: str, headers: Mapping[str, str], now_ns: int
    ) -> Call:
        account = self._gate.keyed(headers.get("x-mbx-apikey"))
        params = rest_params(query, body)
        params.check((*endpoint.mandatory, *SIGNED) if endpoint.signed else endpoint.mandatory)
        if endpoint.signed:
            self._gate.check_time(params, now_ns)
            self._gate.check_signature(account, rest_payload(query, body), params.text("signature"))
        values = {name: value for name, value in params.values.items() if name != "signature"}
        return Call(account, Params(values), now_ns)


def json_answer(value: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """An answer as compact JSON, non-ASCII symbols as they are."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return Answer(status, text.encode(), headers=(CONTENT, *headers))

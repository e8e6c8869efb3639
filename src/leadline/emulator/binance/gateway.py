"""The REST side of the emulated Binance as one door: weights and bans, then what is asked (dossier §3).

A request that is refused has cost its weight all the same; answers tell what the minute has cost so far.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from leadline.emulator.binance.errors import Refused, refused
from leadline.emulator.binance.rest import FUNDING_PATHS, UNTOLD_WEIGHT, MarketRest
from leadline.emulator.binance.trading import Trading
from leadline.emulator.binance.weights import AddressWeights, Turned
from leadline.emulator.wire import Answer

Headers = tuple[tuple[str, str], ...]
JSON: Headers = (("Content-Type", "application/json;charset=UTF-8"),)
# assumed: what the counter shows where the header is known to be wrong
WRONG_WEIGHT = "1"
KEYED = ("/fapi/v1/historicalTrades",)


class Gateway:
    """Everything under /fapi."""

    def __init__(self, market: MarketRest, trading: Trading, weights: AddressWeights) -> None:
        self._market = market
        self._trading = trading
        self._weights = weights

    def answer(
        self,
        method: str,
        path: str,
        query: str,
        now_ns: int,
        headers: Iterable[tuple[str, str]],
        body: bytes,
    ) -> Answer:
        """What the venue answers; `query` is the raw text behind the question mark."""
        named = {name.lower(): value for name, value in headers}
        try:
            return self._answer(method, path, query, now_ns, named, body)
        except Refused as refusal:
            text = {"code": refusal.code, "msg": refusal.message}
            told = (*JSON, *self._told(path, now_ns))
            if isinstance(refusal, Turned) and refusal.retry_after_s is not None:
                told = (*told, ("Retry-After", str(refusal.retry_after_s)))
            return Answer(refusal.status, _encoded(text), headers=told)

    def _answer(
        self, method: str, path: str, query: str, now_ns: int, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        if self._market.knows(path) and method == "GET":
            return self._of_market(path, fields(query), headers, now_ns)
        asked = {**fields(body.decode(errors="replace")), **fields(query)}
        cost = self._trading.weight(method, path, asked)
        if cost is None:
            # assumed: the code and text of a path or method nobody knows
            raise Refused(-5000, f"Path {path}, Method {method} is invalid", 404)
        self._weights.charge(cost, now_ns)
        answer = self._trading.rest(method, path, query, body, headers, now_ns)
        assert answer is not None
        told = (*answer.headers, *self._told(path, now_ns))
        return Answer(answer.status, answer.body, answer.delay_s, told)

    def _of_market(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str], now_ns: int
    ) -> Answer:
        if path in FUNDING_PATHS:
            self._weights.draw(self._weights.funding, now_ns)
        else:
            self._weights.charge(self._market.weight(path, query), now_ns)
        if path in KEYED and not headers.get("x-mbx-apikey"):
            raise refused(-2014)
        value = self._market.answer(path, query, now_ns)
        return Answer(200, _encoded(value), headers=(*JSON, *self._told(path, now_ns)))

    def _told(self, path: str, now_ns: int) -> Headers:
        """The header of the used weight; none on the funding endpoints, a wrong one on two others."""
        if path in FUNDING_PATHS:
            return ()
        used = WRONG_WEIGHT if path in UNTOLD_WEIGHT else str(self._weights.used(now_ns))
        return (("x-mbx-used-weight-1m", used),)


def fields(text: str) -> dict[str, str]:
    """The parameters in a query or a form body."""
    return dict(parse_qsl(text, keep_blank_values=True))


def _encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()

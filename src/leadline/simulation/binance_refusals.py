"""Binance's refusals of an account's requests, told apart: whose doing each was.

A moment is refused through no fault of the client only where the network kept the request for longer than its
window; a limit only where another client of the address or account spends of it, or the network lets through
at once what it had held up.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from leadline.clock import NS_PER_MS, NS_PER_S
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.wire import Answer, Frame
from leadline.net.http import Request
from leadline.simulation.binance_texts import BINANCE_TEXTS, parameters, refusal
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.report import LIMIT_REFUSED, NONCE_REFUSED, Findings

LATE = (-1021, -5028)
LIMITED = (-1003, -1015)
KEPT = 10_000
"""Requests whose answers are awaited; the oldest is forgotten."""


class _Dated(NamedTuple):
    at_ms: int
    window_ms: int
    left_ns: int
    """When it really left, by the loop."""


class BinanceRefusals:
    """Counts refused moments and limits; `slow` says whether the network delays what it carries now."""

    def __init__(self, slow: Callable[[], bool], loop: VirtualLoop, findings: Findings) -> None:
        self._slow = slow
        self._loop = loop
        self._findings = findings
        self._dated: OrderedDict[str, _Dated] = OrderedDict()
        """By signature or, on a connection, by number."""
        self._excused_until_ns = 0
        self.by_fault = 0

    def excuse(self, for_s: float) -> None:
        """For so long a refused limit is not the client's doing."""
        self._excused_until_ns = max(self._excused_until_ns, self._loop.now_ns + round(for_s * NS_PER_S))

    def departing(self, request: Request) -> None:
        """A request leaves by REST."""
        given = parameters(request)
        if "signature" in given:
            self._date(given["signature"], given)

    def departing_text(self, text: str) -> None:
        """A text leaves on an account's connection."""
        message = json.loads(text)
        params = message.get("params")
        if isinstance(params, dict) and "signature" in params:
            self._date(str(message["id"]), params)

    def answering(self, request: Request, answer: Answer | RefusedConnect) -> None:
        """The venue has judged a request."""
        if isinstance(answer, Answer):
            name = parameters(request).get("signature", "")
            self._judge(answer.body.decode(errors="replace"), name, request.path)

    def said(self, frame: Frame) -> None:
        """The venue sends a frame on an account's connection."""
        if '"error"' in frame.text:
            self._judge(frame.text, BINANCE_TEXTS.number(frame.text) or "", "the WebSocket API")

    def _date(self, name: str, given: Mapping[str, Any]) -> None:
        self._dated[name] = _Dated(int(given["timestamp"]), int(given["recvWindow"]), self._loop.now_ns)
        if len(self._dated) > KEPT:
            self._dated.popitem(last=False)

    def _judge(self, text: str, name: str, where: str) -> None:
        told = refusal(text)
        if told is None:
            return
        code, words = told
        if code in LATE and name in self._dated:
            self._late(self._dated[name], where)
        elif code in LIMITED:
            if self._loop.now_ns < self._excused_until_ns:
                self.by_fault += 1
            else:
                self._add(LIMIT_REFUSED, f"{code} {words} to {where}", "none")

    def _late(self, dated: _Dated, where: str) -> None:
        under_way_ms = (self._loop.now_ns - dated.left_ns) / NS_PER_MS
        if under_way_ms >= dated.window_ms or self._slow():
            self.by_fault += 1
        else:
            seen = f"dated {dated.at_ms}, good for {dated.window_ms} ms and {under_way_ms:.0f} ms under way"
            self._add(NONCE_REFUSED, f"{seen}, by {where}", "taken")

    def _add(self, kind: str, seen: str, true: str) -> None:
        self._findings.add(kind, "", seen, true, self._loop.now_ns)

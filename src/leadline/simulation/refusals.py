"""The venue's refusals of an account's requests, told apart: whose doing each was.

A nonce is refused through no fault of the client only where the network let a later one overtake it; a limit
only where another client of the key spends of it, or the network lets through at once what it had held up.
"""

from __future__ import annotations

import re

from leadline.clock import NS_PER_S
from leadline.emulator.exchange import Exchange
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.wire import Answer, Frame
from leadline.net.http import Request
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.report import LIMIT_REFUSED, NONCE_REFUSED, Findings

PRIVATE = "/0/private/"
_NONCE = re.compile(rb'nonce"?[=:]"?(\d+)')
_LIMITED = ("EAPI:Rate limit exceeded", "EOrder:Rate limit exceeded", "Exceeded msg rate")


class Refusals:
    """Counts refused nonces and limits of the demo account."""

    def __init__(self, exchange: Exchange, loop: VirtualLoop, findings: Findings) -> None:
        demo = exchange.trading.demo
        self._key = exchange.private_rest.gate.key(demo.api_key)
        self._loop = loop
        self._findings = findings
        self._departures: dict[int, int] = {}
        self._nonces_refused = 0
        self._excused_until_ns = 0
        self.by_fault = 0

    def excuse(self, for_s: float) -> None:
        """For so long a refused limit is not the client's doing."""
        self._excused_until_ns = max(self._excused_until_ns, self._loop.now_ns + round(for_s * NS_PER_S))

    def departing(self, request: Request) -> None:
        """A signed request leaves the client."""
        if request.path.startswith(PRIVATE):
            self._departures[_nonce(request)] = len(self._departures)

    def answering(self, request: Request, answer: Answer | RefusedConnect) -> None:
        """The venue has judged a request."""
        if not request.path.startswith(PRIVATE):
            return
        if self._key.refused > self._nonces_refused:
            self._nonces_refused = self._key.refused
            self._nonce_refused(_nonce(request))
        if isinstance(answer, Answer):
            self._limited(answer.body.decode(errors="replace"), request.path)

    def said(self, frame: Frame) -> None:
        """The venue sends a frame on the account's stream."""
        if frame.kind == "control":
            self._limited(frame.text, "")

    def _nonce_refused(self, nonce: int) -> None:
        left = self._departures[nonce]
        overtaken_by = self._departures.get(self._key.nonce, -1)
        if overtaken_by > left:
            self.by_fault += 1
            return
        seen = f"nonce {nonce} refused"
        true = f"the venue had {self._key.nonce}, which left before it"
        self._findings.add(NONCE_REFUSED, "", seen, true, self._loop.now_ns)

    def _limited(self, text: str, path: str) -> None:
        for said in _LIMITED:
            if said in text:
                if self._loop.now_ns < self._excused_until_ns:
                    self.by_fault += 1
                else:
                    self._findings.add(LIMIT_REFUSED, "", f"{said} {path}", "none", self._loop.now_ns)


def _nonce(request: Request) -> int:
    found = _NONCE.search(request.body)
    return int(found[1]) if found else -1

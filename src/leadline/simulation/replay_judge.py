"""Hears every order that leaves, and what became of it: none leaves twice, none after its time.

Rule: an order may leave once more only where the first request cannot have been acted on.
"""

from __future__ import annotations

from collections import deque

from leadline.clock import NS_PER_S
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.wire import Answer
from leadline.engine.order_news import Cause, OrderEvent, OrderNews
from leadline.model.order import OrderRequest
from leadline.net.http import Request
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.network import Arrival
from leadline.simulation.order_texts import OrderTexts
from leadline.simulation.report import LATE, REPLAYED, Findings

KEPT_PROMISES = 200


class ReplayJudge:
    """The placements of one run, over all lives of its client."""

    def __init__(self, texts: OrderTexts, loop: VirtualLoop, findings: Findings) -> None:
        self._texts = texts
        self._loop = loop
        self._findings = findings
        self._left: dict[str, str] = {}
        """Orders that have left and may have been acted on, and how they left."""
        self._by_request: dict[str, set[str]] = {}
        self._until_ns: dict[str, int] = {}
        self._promised: deque[tuple[OrderRequest, int]] = deque(maxlen=KEPT_PROMISES)

    def promised(self, request: OrderRequest, until_ns: int) -> None:
        """A program wants this order let go by then, or not at all."""
        self._promised.append((request, until_ns))

    def heard(self, news: OrderNews) -> None:
        """An event of the client's orders: under which name a promised one waits."""
        if isinstance(news, OrderEvent) and news.cause is Cause.QUEUED:
            for request, until_ns in self._promised:
                if request is news.order.requested:
                    self._until_ns[news.order.client_id] = until_ns

    def departing_text(self, text: str) -> None:
        """A text leaves on an account's connection."""
        names = self._texts.placed(text)
        if not names:
            return
        number = self._texts.number(text)
        if number is not None:
            self._by_request[number] = names
        self._leave(names, "on the stream")

    def departing_request(self, request: Request) -> None:
        """A request leaves by REST."""
        self._leave(self._texts.placed_by_rest(request), "by REST")

    def answering(self, request: Request, answer: Answer | RefusedConnect) -> None:
        """The venue, or the network before it, has judged a request."""
        self._undone(self._texts.refused(request, answer))

    def arrived(self, arrival: Arrival) -> None:
        """A frame on an account's connection is with the client."""
        text = arrival.frame.text
        if self._texts.undone(text) and (number := self._texts.number(text)) is not None:
            self._undone(self._by_request.pop(number, set()))

    def _leave(self, names: set[str], how: str) -> None:
        now_ns = self._loop.now_ns
        for name in sorted(names):
            if name in self._left:
                seen = f"{name} left {how}"
                self._findings.add(REPLAYED, "", seen, f"it had left {self._left[name]} already", now_ns)
            self._left[name] = f"{how} at {now_ns / NS_PER_S:.6f} s"
            until_ns = self._until_ns.get(name)
            if until_ns is not None and now_ns >= until_ns:
                seen = f"{name} left {(now_ns - until_ns) / NS_PER_S:.6f} s after its time"
                self._findings.add(LATE, "", seen, "in time or never", now_ns)

    def _undone(self, names: set[str]) -> None:
        for name in names:
            self._left.pop(name, None)

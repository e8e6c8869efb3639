"""Hears every order that leaves, and what became of it: none leaves twice, none after its time.

Rule: an order may leave once more only where the first request cannot have been acted on.
"""

from __future__ import annotations

import re
from collections import deque

from leadline.clock import NS_PER_S
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.kraken.rest import Answer
from leadline.engine.order_news import Cause, OrderEvent, OrderNews
from leadline.model.order import OrderRequest
from leadline.net.http import Request
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.network import Arrival
from leadline.simulation.report import LATE, REPLAYED, Findings

_PLACING = re.compile(r'"method":"(?:add_order|batch_add)"')
_CALLS = ("AddOrder", "AddOrderBatch")
_CLIENT_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_USERREF = re.compile(r'(?:order_userref"?:|userref"?[=:]"?)(\d+)')
_REQUEST = re.compile(r'"req_id":(\d+)')


KEPT_PROMISES = 200
WRITING_NS = 3 * NS_PER_S
"""An order let go at the last moment is written to the disk first, and by REST it waits for its turn."""


def names_in(text: str) -> set[str]:
    """The names under which a request places orders: client ids and user references."""
    return {*_CLIENT_ID.findall(text), *_USERREF.findall(text)}


class ReplayJudge:
    """The placements of one run, over all lives of its client."""

    def __init__(self, loop: VirtualLoop, findings: Findings) -> None:
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
        """A text leaves on the account's stream."""
        if not _PLACING.search(text):
            return
        names = names_in(text)
        found = _REQUEST.search(text)
        if found is not None:
            self._by_request[found[1]] = names
        self._leave(names, "on the stream")

    def departing_request(self, request: Request) -> None:
        """A request leaves by REST."""
        if _places(request):
            self._leave(names_in(request.body.decode()), "by REST")

    def answering(self, request: Request, answer: Answer | RefusedConnect) -> None:
        """The venue, or the network before it, has judged a request."""
        if not _places(request):
            return
        turned_away = isinstance(answer, RefusedConnect) and not answer.executed
        refused = isinstance(answer, Answer) and answer.body.startswith(b'{"error":["')
        if turned_away or refused:
            self._undone(names_in(request.body.decode()))

    def arrived(self, arrival: Arrival) -> None:
        """A frame of the account's stream is with the client."""
        text = arrival.frame.text
        if '"success":false' in text and (found := _REQUEST.search(text)) is not None:
            self._undone(self._by_request.pop(found[1], set()))

    def _leave(self, names: set[str], how: str) -> None:
        now_ns = self._loop.now_ns
        for name in sorted(names):
            if name in self._left:
                seen = f"{name} left {how}"
                self._findings.add(REPLAYED, "", seen, f"it had left {self._left[name]} already", now_ns)
            self._left[name] = f"{how} at {now_ns / NS_PER_S:.6f} s"
            until_ns = self._until_ns.get(name)
            if until_ns is not None and now_ns > until_ns + WRITING_NS:
                seen = f"{name} left {(now_ns - until_ns) / NS_PER_S:.6f} s after its time"
                self._findings.add(LATE, "", seen, "in time or never", now_ns)

    def _undone(self, names: set[str]) -> None:
        for name in names:
            self._left.pop(name, None)


def _places(request: Request) -> bool:
    return request.path.rsplit("/", 1)[-1] in _CALLS

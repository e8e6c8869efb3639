"""The control address: faults on and off, and the venue's own truth, as JSON over HTTP.

POST, GET and DELETE /faults; GET /truth/book, /truth/trades, /truth/ticker with `symbol`. Wrong input is
answered 400 with the field and the values it takes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from leadline.emulator import truth
from leadline.emulator.exchange import Exchange
from leadline.emulator.fault_board import Active
from leadline.emulator.faults import FaultError
from leadline.emulator.market import Listing


class Control:
    """The handlers; `step` brings the exchange to the present and sends what that produced."""

    def __init__(self, exchange: Exchange, step: Callable[[], int]) -> None:
        self._exchange = exchange
        self._step = step

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/control/faults", self._post_fault),
            web.get("/control/faults", self._list_faults),
            web.delete("/control/faults", self._end_faults),
            web.get("/control/truth/book", self._book),
            web.get("/control/truth/trades", self._trades),
            web.get("/control/truth/ticker", self._ticker),
        ]

    async def _post_fault(self, request: web.Request) -> web.Response:
        try:
            fields = json.loads(await request.text())
        except ValueError as error:
            raise _bad(f"the body is not JSON: {error}") from error
        try:
            one = self._exchange.inject(fields, self._step())
        except FaultError as error:
            raise _bad(str(error)) from error
        self._step()
        return _json(_described(one))

    async def _list_faults(self, request: web.Request) -> web.Response:
        self._step()
        return _json([_described(one) for one in self._exchange.board.active.values()])

    async def _end_faults(self, request: web.Request) -> web.Response:
        wanted = request.query.get("id")
        if wanted is not None and not wanted.isdecimal():
            raise _bad(f"id: {wanted!r} is not a number")
        ended = self._exchange.end_faults(self._step(), None if wanted is None else int(wanted))
        self._step()
        return _json({"ended": ended})

    async def _book(self, request: web.Request) -> web.Response:
        depth = request.query.get("depth")
        if depth is not None and not depth.isdecimal():
            raise _bad(f"depth: {depth!r} is not a number")
        listing = self._listing(request)
        return _json(truth.book(listing, None if depth is None else int(depth), self._step()))

    async def _trades(self, request: web.Request) -> web.Response:
        listing = self._listing(request)
        self._step()
        return _json(truth.trades(listing))

    async def _ticker(self, request: web.Request) -> web.Response:
        listing = self._listing(request)
        return _json(truth.ticker(listing, self._step()))

    def _listing(self, request: web.Request) -> Listing:
        symbol = request.query.get("symbol", "")
        listing = self._exchange.market.listings.get(symbol)
        if listing is None:
            listed = ", ".join(list(self._exchange.market.listings)[:12])
            raise _bad(f"symbol: {symbol!r} is not listed here; listed are {listed}")
        return listing


def _described(one: Active) -> dict[str, Any]:
    return {"id": one.fault_id, "left": one.left, **msgspec.to_builtins(one.fault)}


def _json(payload: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(payload), content_type="application/json")


def _bad(text: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": text}), content_type="application/json")

"""The control address: faults on and off, and the venues' own truth, as JSON over HTTP.

POST, GET and DELETE /faults; GET /truth/book, /truth/trades, /truth/ticker with `symbol`; GET /truth/orders,
/truth/fills, /truth/balances with `account` (the demo one if not said); GET and POST /accounts, POST
/transfer. A posted fault and a truth name their `venue`, Kraken if not said; Binance has GET /truth/positions
too, but neither /accounts nor /transfer. Wrong input is answered 400 with the field and the values it takes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from leadline.emulator import truth
from leadline.emulator.accounts import EARN, SPOT, UNIT, Account
from leadline.emulator.counters import Tier
from leadline.emulator.exchange import Exchange
from leadline.emulator.fault_board import Active
from leadline.emulator.fault_forms import FaultError, venue_of
from leadline.emulator.market import Listing
from leadline.emulator.orders import Refused
from leadline.emulator.surface import AccountTruth, EmulatedVenue

_WALLETS = {"spot": SPOT, "earn": EARN}
Posted = TypeVar("Posted", bound=msgspec.Struct)


class _NewAccount(msgspec.Struct, forbid_unknown_fields=True):
    """A posted account. `balances` are whole texts such as "1.5"; `nonce_window` is the key's own."""

    name: str
    tier: Tier = "intermediate"
    balances: dict[str, str] | None = None
    nonce_window: int = 0


class _Transfer(msgspec.Struct, forbid_unknown_fields=True, rename={"source": "from", "target": "to"}):
    """A posted transfer between the wallets `spot` and `earn`."""

    asset: str
    source: str
    target: str
    amount: str
    account: str | None = None


class Control:
    """The handlers; `step` brings all venues to the present and sends what that produced.

    `exchange` is the one whose accounts can be opened and moved between wallets.
    """

    def __init__(
        self, exchange: Exchange, step: Callable[[], int], venues: Mapping[str, EmulatedVenue]
    ) -> None:
        self._exchange = exchange
        self._step = step
        self._venues = venues

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/control/faults", self._post_fault),
            web.get("/control/faults", self._list_faults),
            web.delete("/control/faults", self._end_faults),
            web.get("/control/truth/book", self._book),
            web.get("/control/truth/trades", self._trades),
            web.get("/control/truth/ticker", self._ticker),
            web.get("/control/truth/orders", self._orders),
            web.get("/control/truth/fills", self._fills),
            web.get("/control/truth/balances", self._balances),
            web.get("/control/truth/positions", self._positions),
            web.get("/control/accounts", self._accounts),
            web.post("/control/accounts", self._post_account),
            web.post("/control/transfer", self._transfer),
        ]

    async def _post_fault(self, request: web.Request) -> web.Response:
        try:
            fields = json.loads(await request.text())
        except ValueError as error:
            raise _bad(f"the body is not JSON: {error}") from error
        try:
            one = self._venue(venue_of(fields)).inject(fields, self._step())
        except FaultError as error:
            raise _bad(str(error)) from error
        self._step()
        return _json(_described(one))

    async def _list_faults(self, request: web.Request) -> web.Response:
        self._step()
        active = [one for venue in self._venues.values() for one in venue.board.active.values()]
        return _json([_described(one) for one in sorted(active, key=lambda one: one.fault_id)])

    async def _end_faults(self, request: web.Request) -> web.Response:
        wanted = request.query.get("id")
        if wanted is not None and not wanted.isdecimal():
            raise _bad(f"id: {wanted!r} is not a number")
        now_ns, fault_id = self._step(), None if wanted is None else int(wanted)
        ended = sum(venue.end_faults(now_ns, fault_id) for venue in self._venues.values())
        self._step()
        return _json({"ended": ended})

    async def _book(self, request: web.Request) -> web.Response:
        depth = request.query.get("depth")
        if depth is not None and not depth.isdecimal():
            raise _bad(f"depth: {depth!r} is not a number")
        listing, now_ns = self._listing(request), self._step()
        proof = self._venue(_venue_name(request)).book_proof(listing.pair.symbol)
        return _json(truth.book(listing, None if depth is None else int(depth), now_ns, proof))

    async def _trades(self, request: web.Request) -> web.Response:
        listing = self._listing(request)
        self._step()
        return _json(truth.trades(listing))

    async def _ticker(self, request: web.Request) -> web.Response:
        listing = self._listing(request)
        return _json(truth.ticker(listing, self._step()))

    async def _orders(self, request: web.Request) -> web.Response:
        self._step()
        client_id = request.query.get("client_id", request.query.get("cl_ord_id"))
        return _json(self._truth(request).orders(client_id))

    async def _fills(self, request: web.Request) -> web.Response:
        self._step()
        return _json(self._truth(request).fills())

    async def _balances(self, request: web.Request) -> web.Response:
        self._step()
        return _json(self._truth(request).balances())

    async def _positions(self, request: web.Request) -> web.Response:
        self._step()
        told = self._truth(request).positions()
        if told is None:
            raise _bad(f"venue: {_venue_name(request)} has no positions")
        return _json(told)

    async def _accounts(self, request: web.Request) -> web.Response:
        now_ns = self._step()
        accounts = self._exchange.trading.accounts.values()
        return _json([self._account_row(one, now_ns) for one in accounts])

    async def _post_account(self, request: web.Request) -> web.Response:
        wanted = await _posted(request, _NewAccount)
        funds = None
        if wanted.balances is not None:
            funds = {name: _units(text, f"balances.{name}") for name, text in wanted.balances.items()}
        if wanted.nonce_window < 0:
            raise _bad(f"nonce_window: {wanted.nonce_window} is below zero")
        now_ns = self._step()
        try:
            made = self._exchange.trading.account(wanted.name, tier=wanted.tier, balances=funds)
        except ValueError as error:
            raise _bad(f"name: {error}") from error
        self._exchange.private_rest.gate.key(made.api_key).window = wanted.nonce_window
        return _json(self._account_row(made, now_ns))

    async def _transfer(self, request: web.Request) -> web.Response:
        wanted = await _posted(request, _Transfer)
        for name, wallet in (("from", wanted.source), ("to", wanted.target)):
            if wallet not in _WALLETS:
                raise _bad(f"{name}: {wallet!r} is none of {', '.join(_WALLETS)}")
        account = self._account(wanted.account)
        source, target = _WALLETS[wanted.source], _WALLETS[wanted.target]
        units = _units(wanted.amount, "amount")
        try:
            self._exchange.trading.transfer(account, wanted.asset, source, target, units, self._step())
        except Refused as error:
            raise _bad(f"amount: {error.text}") from error
        self._step()
        return _json(truth.balances(account))

    def _account_row(self, one: Account, now_ns: int) -> dict[str, Any]:
        key = self._exchange.private_rest.gate.key(one.api_key)
        return {
            "name": one.name,
            "api_key": one.api_key,
            "private_key": one.secret,
            "tier": one.tier,
            "permissions": sorted(one.permissions),
            "rest_points": one.rest.points(now_ns),
            "order_points": {symbol: counter.points(now_ns) for symbol, counter in one.pairs.items()},
            "nonce": key.nonce,
            "nonce_window": key.window,
            "nonces_refused": key.refused,
            "locked": now_ns < key.locked_until_ns,
        }

    def _account(self, name: str | None) -> Account:
        trading = self._exchange.trading
        account = trading.demo if name is None else trading.named(name)
        if account is None:
            known = ", ".join(one.name for one in trading.accounts.values())
            raise _bad(f"account: {name!r} does not exist; there are {known}")
        return account

    def _truth(self, request: web.Request) -> AccountTruth:
        venue, name = self._venue(_venue_name(request)), request.query.get("account")
        told = venue.truth(name)
        if told is None:
            known = ", ".join(venue.account_names())
            raise _bad(f"account: {name!r} does not exist; there are {known}")
        return told

    def _venue(self, name: str) -> EmulatedVenue:
        if name not in self._venues:
            raise _bad(f"venue: {name!r} is not served here; served are {', '.join(self._venues)}")
        return self._venues[name]

    def _listing(self, request: web.Request) -> Listing:
        symbol = request.query.get("symbol", "")
        listings = self._venue(_venue_name(request)).market.listings
        listing = listings.get(symbol)
        if listing is None:
            raise _bad(f"symbol: {symbol!r} is not listed here; listed are {', '.join(list(listings)[:12])}")
        return listing


def _venue_name(request: web.Request) -> str:
    return request.query.get("venue", "kraken")


async def _posted(request: web.Request, kind: type[Posted]) -> Posted:
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _bad(f"{error}; it takes {', '.join(kind.__struct_encode_fields__)}") from error


def _units(text: str, name: str) -> int:
    """An exact amount in 10^-10 of its asset."""
    whole, _, rest = text.partition(".")
    if not whole.isdecimal() or (rest and not rest.isdecimal()) or len(rest) > 10:
        raise _bad(f"{name}: {text!r} is not an amount such as 1.5 with up to 10 decimals")
    return int(whole) * UNIT + int(rest.ljust(10, "0"))


def _described(one: Active) -> dict[str, Any]:
    return {"id": one.fault_id, "left": one.left, **msgspec.to_builtins(one.fault)}


def _json(payload: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(payload), content_type="application/json")


def _bad(text: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": text}), content_type="application/json")

"""Binance's order side in memory: contracts, orders, and a venue that answers by a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from leadline.clock import NS_PER_S
from leadline.core.breaker import Breaker
from leadline.core.session import Send
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest
from leadline.net.audit import Audit
from leadline.net.http import PacedHttp, Request, Response
from leadline.simulation.loop import LoopClock, VirtualLoop
from leadline.venues.binance.auth import Credentials, Signer
from leadline.venues.binance.limits import AddressLimits, OrderLimits
from leadline.venues.binance.order_entry import BinanceOrderEntry
from leadline.venues.binance.signed_rest import SignedRest
from leadline.venues.binance.symbols import ExchangeInfo, SymbolTable
from leadline.venues.binance.ws_api import WsApiSession
from leadline.venues.ports import Placement

BTC = "BTC/USDT:USDT"
ETH = "ETH/USDT:USDT"
API_KEY = "dbefbc809e3e83c283a984c3a1459732ea7db1360ca80c5c2c8867408d28cc83"
API_SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
WALL_NS = 1_795_000_000 * NS_PER_S
TYPES = [
    "LIMIT",
    "MARKET",
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
]

d = Decimal


def contract(base: str = "BTC", **changed: Any) -> dict[str, Any]:
    """A row of exchangeInfo with the filters of BTCUSDT (dossier §5.2)."""
    return {
        "symbol": f"{base}USDT",
        "pair": f"{base}USDT",
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "filters": filters(),
        "orderTypes": TYPES,
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "triggerProtect": "0.0500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
    } | changed


def filters(control: str = "NONE") -> list[dict[str, Any]]:
    return [
        {"filterType": "PRICE_FILTER", "minPrice": "556.80", "maxPrice": "4529764", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": "50"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500"},
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": control},
    ]


def table(*rows: dict[str, Any]) -> SymbolTable:
    symbols = SymbolTable()
    told = {"symbols": list(rows) or [contract(), contract("ETH")], "rateLimits": []}
    symbols.load(msgspec.json.decode(json.dumps(told), type=ExchangeInfo))
    return symbols


def limit(**changed: Any) -> OrderRequest:
    """A limit order to buy 0.01 BTC at 80000."""
    wanted = {"side": Side.BUY, "kind": OrderKind.LIMIT, "qty": d("0.010"), "limit_price": d("80000.0")}
    return OrderRequest(**({"symbol": BTC} | wanted | changed))


def placement(request: OrderRequest | None = None, name: str = "ours-1", until_s: float = 2.0) -> Placement:
    return Placement(name, None, request or limit(), WALL_NS + round(until_s * NS_PER_S))


def ok(value: Any = None, **headers: str) -> Response:
    return Response(200, tuple(headers.items()), json.dumps({} if value is None else value).encode())


def refuse(code: int | None, text: str, status: int = 400) -> Response:
    body = text if code is None else json.dumps({"code": code, "msg": text})
    return Response(status, (), body.encode())


def row(order_id: int = 7, **changed: Any) -> dict[str, Any]:
    """An order as REST and the WebSocket API answer it."""
    return {
        "orderId": order_id, "symbol": "BTCUSDT", "status": "NEW", "clientOrderId": "ours-1", "side": "BUY",
        "price": "80000", "origQty": "0.010", "executedQty": "0.000", "type": "LIMIT", "updateTime": 1,
    } | changed  # fmt: skip


def algo(algo_id: int = 9, **changed: Any) -> dict[str, Any]:
    """A conditional order as REST answers it."""
    return {
        "algoId": algo_id, "clientAlgoId": "ours-1", "symbol": "BTCUSDT", "side": "SELL", "algoStatus": "NEW",
        "orderType": "STOP_MARKET", "positionSide": "BOTH", "quantity": "0.010", "triggerPrice": "75000",
        "actualOrderId": "", "updateTime": 1,
    } | changed  # fmt: skip


Reply = Response | Exception | Callable[[Request], Response]


class ScriptedHttp(PacedHttp):
    """Answers each "METHOD /path" from its own list, the last one for ever; `asked` is what left."""

    def __init__(self, clock: LoopClock, limits: AddressLimits) -> None:
        super().__init__(clock, limits.weight, limits.terms)
        self._time = clock
        self.ahead_ns = 0
        """How far the venue's clock is ahead of the machine's."""
        self.answer_s = 0.05
        self.replies: dict[str, list[Reply]] = {"GET /fapi/v1/time": [self._now]}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.requests: list[Request] = []

    def _now(self, request: Request) -> Response:
        return ok({"serverTime": (self._time.wall_ns() + self.ahead_ns) // 1_000_000})

    def reply(self, what: str, *replies: Reply) -> None:
        self.replies[what] = list(replies)

    def names(self) -> list[str]:
        """What was asked, the time left out."""
        return [name for name, _ in self.asked if name != "GET /fapi/v1/time"]

    def fields(self, number: int = -1) -> dict[str, str]:
        """The parameters of a request without what signs it."""
        told = [fields for name, fields in self.asked if name != "GET /fapi/v1/time"][number]
        return {name: told[name] for name in told if name not in ("timestamp", "recvWindow", "signature")}

    async def exchange(self, request: Request) -> Response:
        name = f"{request.method} {request.path}"
        fields = dict(request.query) | dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        self.asked.append((name, fields))
        self.requests.append(request)
        await asyncio.sleep(self.answer_s)
        replies = self.replies[name]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, Response) else reply(request)


class OrdersRig:
    """The order entry over scripted REST; used inside a test on virtual time."""

    def __init__(self, symbols: SymbolTable | None = None) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.clock = LoopClock(loop, WALL_NS)
        self.address = AddressLimits(self.clock)
        self.limits = OrderLimits(self.address)
        self.venue_time = self.address.venue_time
        self.http = ScriptedHttp(self.clock, self.address)
        self.breaker = Breaker()
        self.audit = Audit(self.clock)
        self.signer = Signer(Credentials(API_KEY, API_SECRET))
        self.rest = SignedRest(self.http, self.signer, self.breaker, self.audit, self.venue_time, self.clock)
        self.entry = BinanceOrderEntry(
            self.rest, symbols or table(), self.venue_time, self.limits, self.clock
        )


class ScriptedApi:
    """The WebSocket API at the other end of a session: answers each method from its own list."""

    def __init__(self, rig: OrdersRig) -> None:
        session = rig.entry.request_session()
        assert isinstance(session, WsApiSession)
        self.session = session
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.replies: dict[str, list[dict[str, Any] | None]] = {}
        self.answer_s = 0.05
        self._rig = rig
        session.poke = self.drain
        session.opened(rig.clock.mono_ns())
        self.drain()

    def reply(self, method: str, *replies: dict[str, Any] | None) -> None:
        """Results, or whole answers with a status of their own; None never comes."""
        self.replies[method] = list(replies)

    def drain(self) -> None:
        for output in self.session.outputs():
            assert isinstance(output, Send)
            request = json.loads(output.text)
            if request["method"] == "time":
                venue_ms = (self._rig.clock.wall_ns() + self._rig.http.ahead_ns) // 1_000_000
                self._hear({"id": request["id"], "status": 200, "result": {"serverTime": venue_ms}})
                continue
            self.asked.append((request["method"], request["params"]))
            replies = self.replies[request["method"]]
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
            if reply is not None:
                whole = reply if "status" in reply and "orderId" not in reply else {"result": reply}
                answer = {"id": request["id"], "status": 200} | whole
                asyncio.get_running_loop().call_later(self.answer_s, self._hear, answer)

    def _hear(self, answer: dict[str, Any]) -> None:
        self.session.received(json.dumps(answer).encode(), self._rig.clock.mono_ns())

    def methods(self) -> list[str]:
        return [method for method, _ in self.asked]


def no(code: int, text: str = "no", status: int = 400) -> dict[str, Any]:
    """A refusal on the WebSocket API."""
    return {"status": status, "error": {"code": code, "msg": text}}


class News:
    """The stream of the account's news, which flows or does not."""

    def __init__(self, *, flows: bool = True) -> None:
        self.flows = flows

    def ready(self, now_ns: int) -> bool:
        return self.flows

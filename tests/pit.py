"""A still futures market whose book the test fills by hand, and an account that trades by signed requests."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from emulated import START_NS, S
from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.contracts import Contract, row
from leadline.emulator.binance.ports import Funding, Row
from leadline.emulator.binance.trading import Trading
from leadline.emulator.binance.weights import AddressWeights
from leadline.emulator.binance.ws_api import ApiSession
from leadline.emulator.fault_board import FaultBoard
from leadline.emulator.instruments import Pair
from leadline.emulator.market import Market
from leadline.emulator.matching import ASK, BID, Order

BTC = Contract(
    Pair("BTCUSDT", 1, 3, 500_000, 100, levels=0, history=False),
    "BTC",
    least_notional="50",
    most_market_qty=120,
)
"""Opens at 50000.0 with an empty book; the tick is 0.10, the step 0.001."""
ETH = Contract(Pair("ETHUSDT", 2, 3, 300_000, 100, levels=0, history=False), "ETH", least_notional="20")
MS = 10**6
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.010"}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.010"}
ORDER = "/fapi/v1/order"
ALGO = "/fapi/v1/algoOrder"


class StillMarks:
    """Mark prices that the test moves."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[str, int], None]] = []
        self.funders: list[Callable[[Funding], None]] = []
        self.prices = {"BTCUSDT": 50_000 * 10**8, "ETHUSDT": 3_000 * 10**8}

    def mark(self, symbol: str) -> int:
        return self.prices[symbol]


@dataclass
class Event:
    kind: str
    text: str
    at_ns: int

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found


@dataclass
class Reply:
    status: int
    value: Any
    headers: dict[str, str]

    @property
    def code(self) -> int:
        return int(self.value["code"])


class Pit:
    """Prices are texts; `now_ns` moves by hand. The crowd's orders are given in ticks and lots."""

    def __init__(
        self, *, usdt: int = 100_000, seed: int = 1, contracts: tuple[Contract, ...] = (BTC, ETH)
    ) -> None:
        pairs = [one.pair for one in contracts]
        self.market = Market(pairs, seed=seed, rate=0, start_ns=START_NS, history_minutes=0)
        self.marks = StillMarks()
        self.weights = AddressWeights()
        self.rows: dict[str, Row] = {one.symbol: row(one, one.pair, one.status) for one in contracts}
        self.board = FaultBoard()
        self.trading = Trading(
            self.market, self.marks, lambda: self.rows, self.weights, self.board, seed=seed
        )
        self.account = self.trading.account("me", {"USDT": usdt * 10**8})
        self.now_ns = START_NS
        self.session = ApiSession(START_NS)
        self.events: list[Event] = []
        self.listen_key = self.trading.streams.keys.start(self.account, self.now_ns)
        self.trading.subscribe(self.listen_key, self._heard)

    @property
    def now_ms(self) -> int:
        return self.now_ns // MS

    def crowd(self, side: str, price: str, qty: str = "1", symbol: str = "BTCUSDT") -> None:
        """Somebody else's limit order."""
        pair = self.market.listings[symbol].pair
        ticks, lots = (
            int(Decimal(price).scaleb(pair.price_precision)),
            int(Decimal(qty).scaleb(pair.qty_precision)),
        )
        order = Order(self.market.new_order_id(), BID if side == "BUY" else ASK, ticks, lots)
        self.market.submit(symbol, order, self.now_ns)

    def trade_at(self, price: str, qty: str = "0.001") -> None:
        """Let two others trade at a price no order of the book stands in the way of."""
        self.crowd("SELL", price, qty)
        self.crowd("BUY", price, qty)

    def mark(self, price: str, symbol: str = "BTCUSDT") -> None:
        """Move the mark price."""
        self.marks.prices[symbol] = int(Decimal(price).scaleb(8))
        for listener in self.marks.listeners:
            listener(symbol, self.now_ns)

    def fund(self, rate: str, symbol: str = "BTCUSDT") -> None:
        """Let funding happen at the mark price."""
        paid = Funding(symbol, int(Decimal(rate).scaleb(8)), self.marks.mark(symbol), self.now_ns)
        for funder in self.marks.funders:
            funder(paid)

    def ask(
        self, method: str, path: str, account: Account | None = None, signed: bool = True, **params: object
    ) -> Reply:
        """A request as a client would send it: GET and DELETE in the query, the rest in the body."""
        account = account or self.account
        if signed:
            params = {"timestamp": self.now_ms, **params}
        text = urlencode(params)
        if signed:
            text += "&signature=" + sign(account.secret, text)
        query, body = (text, "") if method in ("GET", "DELETE") else ("", text)
        return self.raw(method, path, query, body, {"x-mbx-apikey": account.api_key})

    def raw(self, method: str, path: str, query: str, body: str, headers: dict[str, str]) -> Reply:
        answer = self.trading.rest(method, path, query, body.encode(), headers, self.now_ns)
        assert answer is not None, f"{method} {path}"
        return Reply(answer.status, json.loads(answer.body), dict(answer.headers))

    def order(
        self, terms: dict[str, str] | None = None, account: Account | None = None, **changes: object
    ) -> Reply:
        """POST order with the terms of LIMIT unless told, some changed; None takes one away."""
        given: dict[str, object] = {**(LIMIT if terms is None else terms), **changes}
        return self.ask(
            "POST", ORDER, account, **{name: one for name, one in given.items() if one is not None}
        )

    def algo(self, order_type: str = "STOP_MARKET", side: str = "SELL", **more: object) -> Reply:
        """POST algoOrder of 0.01 BTC."""
        terms: dict[str, object] = {
            "algoType": "CONDITIONAL",
            "symbol": "BTCUSDT",
            "side": side,
            "type": order_type,
        }
        if more.get("closePosition") is None:
            terms["quantity"] = "0.010"
        return self.ask("POST", ALGO, **{**terms, **more})

    def ws(self, method: str, account: Account | None = None, **params: object) -> dict[str, Any]:
        """A signed request of the WebSocket API."""
        account = account or self.account
        params = {"apiKey": account.api_key, "timestamp": self.now_ms, **params}
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        params["signature"] = sign(account.secret, payload)
        return self.ws_raw({"id": "1", "method": method, "params": params})

    def ws_raw(self, request: Any) -> dict[str, Any]:
        text = self.trading.ws_api(self.session, json.dumps(request), self.now_ns)
        assert text is not None
        found: dict[str, Any] = json.loads(text)
        return found

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * S)
        while self.trading.next_ns() <= self.now_ns:
            self.trading.woke(self.trading.next_ns())

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The bodies of every event of a type until now; lets those on their way arrive."""
        self.wait(0.05)
        return [one.body for one in self.events if one.kind == kind]

    def orders_told(self) -> list[tuple[str, str]]:
        """Execution type and status of every ORDER_TRADE_UPDATE."""
        return [(one["o"]["x"], one["o"]["X"]) for one in self.told("ORDER_TRADE_UPDATE")]

    def algos_told(self) -> list[str]:
        return [one["o"]["X"] for one in self.told("ALGO_UPDATE")]

    def long(self, qty: str = "0.010", price: str = "50000.0") -> None:
        """Open a long position at a price; the book is as empty afterwards as before."""
        self.crowd("SELL", price, qty)
        assert self.order(price=price, quantity=qty).status == 200
        self.wait(0.05)
        self.events.clear()

    def position(self, side: str = "BOTH") -> str:
        one = self.account.position("BTCUSDT", side)  # type: ignore[arg-type]
        return str(Decimal(one.amount).scaleb(-3))

    @property
    def wallet(self) -> Decimal:
        return Decimal(self.account.wallets["USDT"]).scaleb(-8)

    def _heard(self, listen_key: str, kind: str, text: str) -> None:
        assert listen_key == self.listen_key
        self.events.append(Event(kind, text, self.now_ns))


def sign(secret: str, payload: str) -> str:
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()

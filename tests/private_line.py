"""A client of the emulated venue's private WebSocket, on a time the test tells."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from emulated import MS, QUIET, START_NS, S, ask, emulated
from leadline.emulator.accounts import Account
from leadline.emulator.exchange import Exchange
from leadline.emulator.instruments import Pair
from leadline.emulator.wire import Close

ETHER = Pair("ETH/USD", 2, 8, 321_588, 90_000_000, levels=40, step=8)


class PrivateLine:
    """One connection to ws_private with a token; `heard` keeps everything but heartbeats and the status."""

    def __init__(
        self, exchange: Exchange | None = None, *, rate: float = 0, account: Account | None = None
    ) -> None:
        self.exchange = exchange or emulated(rate=rate, pairs=(QUIET, ETHER))
        self.account = account or self.exchange.trading.demo
        self.now_ns = START_NS
        self.connection = self.exchange.connect(self.now_ns, "ws_private")
        self.token = self.exchange.tokens.issue(self.account, self.now_ns)
        self.heard: list[dict[str, Any]] = []
        self.texts: list[str] = []
        self.closes: list[int] = []

    def send(self, method: str, req_id: int | None = None, **params: Any) -> None:
        ask(self.connection, self.now_ns, method, req_id, **({"token": self.token} | params))

    def wait(self, seconds: float = 1.0) -> None:
        self.now_ns += round(seconds * S)
        self.exchange.advance(self.now_ns)
        for output in self.connection.outputs():
            if isinstance(output, Close):
                self.closes.append(output.code)
                continue
            text = output.text
            one = json.loads(text, parse_float=Decimal) if text.endswith("}") else {}
            if one and one.get("channel") not in ("heartbeat", "status"):
                self.heard.append(one)
                self.texts.append(text)

    def call(self, method: str, req_id: int | None = 1, **params: Any) -> dict[str, Any]:
        """The one answer to a request."""
        (answer,) = self.calls(method, req_id, **params)
        return answer

    def calls(self, method: str, req_id: int | None = 1, **params: Any) -> list[dict[str, Any]]:
        """All answers to a request, in order of arrival."""
        before = len(self.heard)
        self.send(method, req_id, **params)
        self.wait(10 * MS / S)
        self.wait(10 * MS / S)
        return [one for one in self.heard[before:] if one.get("method") == method]

    def subscribe(self, channel: str, **params: Any) -> None:
        """Subscribe and wait for the snapshot."""
        self.send("subscribe", channel=channel, **params)
        self.wait(0.5)

    def buy(self, qty: str = "1", price: str = "60000", **params: Any) -> dict[str, Any]:
        """A limit order far below the market, unless told otherwise."""
        return self.place(side="buy", order_qty=qty, limit_price=price, **params)

    def place(self, **params: Any) -> dict[str, Any]:
        """add_order with numbers given as texts put on the wire as JSON numbers."""
        wanted = {"order_type": "limit", "symbol": "BTC/USD", "token": self.token} | params
        before = len(self.heard)
        self.connection.received(wire("add_order", wanted), self.now_ns)
        self.wait(20 * MS / S)
        return next(one for one in self.heard[before:] if one.get("method") == "add_order")

    def news(self, channel: str) -> list[dict[str, Any]]:
        """The frames of an account channel, in order of arrival."""
        return [one for one in self.heard if one.get("channel") == channel]

    def rows(self, channel: str = "executions") -> list[dict[str, Any]]:
        """The rows of an account channel after its snapshot."""
        return [row for one in self.news(channel) if one["type"] == "update" for row in one["data"]]


NUMERIC = ("order_qty", "limit_price", "display_qty", "cash_order_qty", "trigger_price", "stop_price")


def wire(method: str, params: dict[str, Any]) -> str:
    """A request whose numbers stand on the wire exactly as the texts given."""
    fields = [f'"{name}":{value if name in NUMERIC else json.dumps(value)}' for name, value in params.items()]
    return f'{{"method":"{method}","params":{{{",".join(fields)}}},"req_id":1}}'

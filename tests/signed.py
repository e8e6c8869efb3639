"""Signed calls to the private REST of an emulated venue on a time the test tells."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from decimal import Decimal
from itertools import count
from typing import Any
from urllib.parse import urlencode

from emulated import START_NS
from leadline.emulator.accounts import Account
from leadline.emulator.exchange import Exchange
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.wire import Answer


class Signed:
    """One key's caller; its nonces count up by themselves."""

    def __init__(self, exchange: Exchange, account: Account | None = None) -> None:
        self.exchange = exchange
        self.account = account or exchange.trading.demo
        self.now_ns = START_NS
        self.nonces = count(1)

    def raw(self, name: str, fields: dict[str, Any], *, as_json: bool = False) -> Answer | RefusedConnect:
        nonce = str(next(self.nonces))
        path = f"/0/private/{name}"
        fields = {"nonce": nonce, **fields}
        body = json.dumps(fields).encode() if as_json else urlencode(fields).encode()
        digest = hashlib.sha256(nonce.encode() + body).digest()
        secret = base64.b64decode(self.account.secret)
        sign = base64.b64encode(hmac.new(secret, path.encode() + digest, hashlib.sha512).digest())
        kind = "application/json" if as_json else "application/x-www-form-urlencoded; charset=utf-8"
        headers = [("API-Key", self.account.api_key), ("API-Sign", sign.decode()), ("Content-Type", kind)]
        return self.exchange.request("POST", path, {}, self.now_ns, headers, body)

    def told(self, name: str, fields: dict[str, Any], *, as_json: bool = False) -> Any:
        """The whole body, floats kept exact."""
        answer = self.raw(name, fields, as_json=as_json)
        assert isinstance(answer, Answer)
        assert answer.status == 200
        return json.loads(answer.body, parse_float=Decimal)

    def __call__(self, name: str, **fields: Any) -> Any:
        """The result of a form."""
        body = self.told(name, fields)
        assert body["error"] == [], body
        return body["result"]

    def by_json(self, name: str, **fields: Any) -> Any:
        """The result of a JSON request."""
        body = self.told(name, fields, as_json=True)
        assert body["error"] == [], body
        return body["result"]

    def refusal(self, name: str, **fields: Any) -> str:
        """The one error text."""
        body = self.told(name, fields)
        assert "result" not in body, body
        [text] = body["error"]
        return str(text)

    def place(self, **fields: Any) -> str:
        """A resting buy of 0.01 BTC far below the market, but for what is named; its id."""
        order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.01", "price": "30000"}
        txid: str = self("AddOrder", **order | fields)["txid"][0]
        return txid

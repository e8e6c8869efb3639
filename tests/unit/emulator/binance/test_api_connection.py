from __future__ import annotations

import json
from typing import Any

from binance_emulated import BTC, START_NS, S, binance, closes, texts
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.binance.gate import signature

MS = 1_000_000


def order(exchange: BinanceExchange, **changed: str) -> dict[str, str]:
    account = exchange.trading.demo
    params = {
        "apiKey": account.api_key,
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.010",
        "price": "62000.00",
        "timestamp": str(START_NS // MS),
        **changed,
    }
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    return {**params, "signature": signature(account.secret, payload)}


def placed(exchange: BinanceExchange, at_ns: int = START_NS, **changed: str) -> Any:
    line = exchange.connect(at_ns, "ws_api")
    params = order(exchange, **changed)
    line.received(json.dumps({"id": 7, "method": "order.place", "params": params}), at_ns)
    return line


def open_orders(exchange: BinanceExchange) -> int:
    return len(exchange.trading.demo.open_orders)


def test_an_order_is_placed_and_answered_under_its_id() -> None:
    exchange = binance(rate=0, contracts=(BTC,))
    (text,) = texts(placed(exchange))
    assert (json.loads(text)["id"], json.loads(text)["status"]) == (7, 200)
    assert open_orders(exchange) == 1


def test_what_failed_behind_the_gate_may_or_may_not_have_been_executed() -> None:
    for accepted in (True, False):
        for trouble, status in (("unknown", 503), ("timeout", 408)):
            exchange = binance(rate=0, contracts=(BTC,))
            fault = {"kind": "BACKEND", "trouble": trouble, "accepted": accepted, "count": 1}
            exchange.inject(fault, START_NS)
            (text,) = texts(placed(exchange))
            assert json.loads(text)["status"] == status
            assert open_orders(exchange) == accepted
            (text,) = texts(placed(exchange))
            assert json.loads(text)["status"] == 200


def test_a_definite_failure_is_never_executed_and_spares_what_reduces() -> None:
    exchange = binance(rate=0, contracts=(BTC,))
    exchange.inject({"kind": "BACKEND", "trouble": "throttled", "accepted": True}, START_NS)
    assert json.loads(texts(placed(exchange))[0])["error"]["code"] == -1008
    assert json.loads(texts(placed(exchange, reduceOnly="true"))[0])["error"]["code"] == -2022
    assert open_orders(exchange) == 0


def test_a_lost_answer_costs_the_connection_after_the_order_was_taken() -> None:
    exchange = binance(rate=0, contracts=(BTC,))
    exchange.inject({"kind": "ACCEPT_THEN_DROP", "method": "order.place", "count": 1}, START_NS)
    assert closes(placed(exchange)) == [(1006, "answer lost")]
    assert open_orders(exchange) == 1


def test_an_answer_can_be_late() -> None:
    exchange = binance(rate=0, contracts=(BTC,))
    exchange.inject({"kind": "REPLY", "path": "order.place", "delay_s": 2}, START_NS)
    line = placed(exchange)
    assert texts(line) == []
    exchange.advance(START_NS + 2 * S)
    assert len(texts(line)) == 1


def test_what_is_no_request_is_answered_too() -> None:
    line = binance(rate=0).connect(START_NS, "ws_api")
    for text in ("{", "[]", "{}"):
        line.received(text, START_NS)
    assert [json.loads(text)["status"] for text in texts(line)] == [400, 400, 400]

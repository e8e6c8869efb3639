from __future__ import annotations

import json
from typing import Any

from binance_emulated import START_NS, S, asked, binance, texts
from leadline.emulator.binance.exchange import BinanceExchange

MINUTE_NS = (START_NS // (60 * S) + 1) * 60 * S


def told(exchange: BinanceExchange, method: str, query: str = "", **params: Any) -> dict[str, Any]:
    assert exchange.refusal(MINUTE_NS, "ws_api") is None
    line = exchange.connect(MINUTE_NS, "ws_api", f"/ws-fapi/v1?{query}")
    line.received(json.dumps({"id": "a1", "method": method, "params": params}), MINUTE_NS)
    (text,) = texts(line)
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_time_costs_one_after_a_handshake_of_five() -> None:
    answer = told(binance(rate=0), "time")
    assert (answer["id"], answer["status"]) == ("a1", 200)
    assert answer["result"] == {"serverTime": MINUTE_NS // 1_000_000}
    assert answer["rateLimits"][0]["count"] == 6


def test_market_methods_answer_as_rest_does() -> None:
    exchange = binance(rate=0)
    book = told(exchange, "depth", symbol="BTCUSDT", limit=5)["result"]
    assert book == asked(exchange, "/fapi/v1/depth", "symbol=BTCUSDT&limit=5", MINUTE_NS)
    best = told(exchange, "ticker.book", symbol="BTCUSDT")["result"]
    assert best["lastUpdateId"] == book["lastUpdateId"]
    assert told(exchange, "ticker.price")["result"][0]["symbol"] == "BTCUSDT"


def test_limits_are_told_unless_the_address_says_otherwise() -> None:
    assert "rateLimits" not in told(binance(rate=0), "time", "returnRateLimits=false")


def test_refusals_carry_status_and_code() -> None:
    exchange = binance(rate=0)
    assert told(exchange, "depth", symbol="NOPE")["error"]["code"] == -1121
    unknown = told(exchange, "klines")
    assert (unknown["status"], unknown["error"]["code"]) == (400, -1020)
    exchange.weights.spend(2_400 - exchange.weights.used(MINUTE_NS) - 5, MINUTE_NS)
    assert told(exchange, "time")["status"] == 429
    refused = exchange.refusal(MINUTE_NS, "ws_api")
    assert refused is not None
    assert refused.status == 429

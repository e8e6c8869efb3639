from __future__ import annotations

import json

import pytest

from binance_emulated import START_NS, S, binance
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.binance.weights import PATIENCE
from leadline.emulator.wire import Answer

MINUTE_NS = (START_NS // (60 * S) + 1) * 60 * S


def answered(exchange: BinanceExchange, path: str, query: str = "", now_ns: int = MINUTE_NS) -> Answer:
    answer = exchange.request("GET", path, query, now_ns)
    assert isinstance(answer, Answer)
    return answer


def test_every_weighted_answer_tells_the_minutes_weight_errors_too() -> None:
    exchange = binance(rate=0)
    answered(exchange, "/fapi/v1/time")
    assert (
        dict(answered(exchange, "/fapi/v1/depth", "symbol=X&limit=1000").headers)["x-mbx-used-weight-1m"]
        == "21"
    )
    later = answered(exchange, "/fapi/v1/time", now_ns=MINUTE_NS + 60 * S)
    assert dict(later.headers)["x-mbx-used-weight-1m"] == "1"


def test_funding_answers_tell_no_weight_and_best_prices_a_wrong_one() -> None:
    exchange = binance(rate=0)
    assert "x-mbx-used-weight-1m" not in dict(answered(exchange, "/fapi/v1/fundingRate").headers)
    for _ in range(3):
        told = dict(answered(exchange, "/fapi/v1/ticker/bookTicker", "symbol=BTCUSDT").headers)
    assert told["x-mbx-used-weight-1m"] == "1"
    assert exchange.weights.used(MINUTE_NS) == 6


def test_over_the_limit_429_says_when_to_come_back_and_going_on_is_banned() -> None:
    exchange = binance(rate=0)
    exchange.inject({"kind": "RATE", "burn": 2_400, "counter": "binance_weight"}, MINUTE_NS)
    assert exchange.board.active == {}
    first = answered(exchange, "/fapi/v1/time", now_ns=MINUTE_NS + 15 * S)
    assert (first.status, json.loads(first.body)["code"]) == (429, -1003)
    assert dict(first.headers)["Retry-After"] == "45"
    for _ in range(PATIENCE):
        answered(exchange, "/fapi/v1/time", now_ns=MINUTE_NS + 15 * S)
    banned = answered(exchange, "/fapi/v1/time", now_ns=MINUTE_NS + 16 * S)
    assert banned.status == 418
    assert "banned until" in json.loads(banned.body)["msg"]
    assert answered(exchange, "/fapi/v1/time", now_ns=MINUTE_NS + 134 * S).status == 418
    assert answered(exchange, "/fapi/v1/time", now_ns=MINUTE_NS + 136 * S).status == 200


def test_an_account_call_costs_weight_before_its_key_is_looked_at() -> None:
    exchange = binance(rate=0)
    answer = answered(exchange, "/fapi/v1/openOrders")
    assert answer.status == 401
    assert exchange.weights.used(MINUTE_NS) == 40


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_market_path_takes_questions_alone(method: str) -> None:
    exchange = binance(rate=0)
    answer = exchange.request(method, "/fapi/v1/depth", "symbol=BTCUSDT", MINUTE_NS)
    assert isinstance(answer, Answer)
    assert answer.status == 404

from __future__ import annotations

from typing import Any

import pytest

from emulated import START_NS, ask, emulated, messages
from leadline.emulator.instruments import Pair
from leadline.emulator.kraken.auth import TOKEN_LIFE_S
from leadline.emulator.kraken.level3_access import MOST_SYMBOLS


def subscribed(exchange: Any, **params: Any) -> Any:
    connection = exchange.connect(START_NS, "ws_level3")
    token = exchange.tokens.issue(exchange.trading.demo, START_NS)
    connection.outputs()
    ask(connection, START_NS, "subscribe", 5, channel="level3", token=token, **params)
    return connection


def listed(count: int) -> tuple[Pair, ...]:
    return tuple(
        Pair(f"X{number}/USD", 1, 8, 10_000, 1_000, levels=1, history=False) for number in range(count)
    )


def test_level3_wants_a_token_for_subscribing_and_unsubscribing() -> None:
    exchange = emulated()
    connection = exchange.connect(START_NS, "ws_level3")
    connection.outputs()
    ask(connection, START_NS, "subscribe", channel="level3", symbol=["BTC/USD"])
    ask(connection, START_NS, "subscribe", channel="level3", symbol=["BTC/USD"], token="old")
    ask(connection, START_NS, "unsubscribe", channel="level3", symbol=["BTC/USD"])

    assert [one["error"] for one in messages(connection)] == [
        "Token(s) not found",
        "ESession:Invalid session",
        "Token(s) not found",
    ]


def test_a_symbol_has_one_depth_at_a_time() -> None:
    exchange = emulated()
    connection = subscribed(exchange, symbol=["BTC/USD"], depth=10)
    token = exchange.tokens.issue(exchange.trading.demo, START_NS)
    for method, depth in (("subscribe", 100), ("unsubscribe", 10), ("subscribe", 100)):
        ask(connection, START_NS, method, channel="level3", symbol=["BTC/USD"], depth=depth, token=token)

    _, second, third, fourth = messages(connection)
    assert second["error"] == "Already subscribed"
    assert third["success"] and fourth["success"]


def test_subscriptions_cost_by_depth_and_the_tier_pays() -> None:
    for tier, fits in (("intermediate", 2), ("pro", 5)):
        pairs = listed(8)
        exchange = emulated(pairs=pairs, rate=0)
        exchange.trading.demo.set_tier(tier)
        connection = subscribed(exchange, symbol=[pair.symbol for pair in pairs], depth=1000)
        found = messages(connection)
        assert [one["success"] for one in found] == [True] * fits + [False] * (8 - fits)
        assert found[-1]["error"] == "Exceeded msg rate"


def test_a_connection_has_at_most_200_symbols() -> None:
    pairs = listed(MOST_SYMBOLS + 2)
    exchange = emulated(pairs=pairs, rate=0)
    connection = subscribed(exchange, symbol=[])
    token = exchange.tokens.issue(exchange.trading.demo, START_NS)
    for number, pair in enumerate(pairs):
        at_ns = START_NS + number * 50_000_000
        ask(connection, at_ns, "subscribe", channel="level3", symbol=[pair.symbol], token=token)

    acks = [one for one in messages(connection) if one.get("method") == "subscribe"][1:]
    assert [one["success"] for one in acks] == [True] * MOST_SYMBOLS + [False] * 2
    assert acks[-1]["error"] == "Subscription limit exceeded"


def test_a_token_lives_as_long_as_one_of_its_symbols() -> None:
    exchange = emulated(rate=0)
    connection = exchange.connect(START_NS, "ws_level3")
    token = exchange.tokens.issue(exchange.trading.demo, START_NS)
    ask(connection, START_NS, "subscribe", channel="level3", symbol=["BTC/USD", "DOGE/USD"], token=token)
    late_ns = START_NS + (TOKEN_LIFE_S + 1) * 10**9
    ask(connection, late_ns, "unsubscribe", channel="level3", symbol=["BTC/USD"], token=token)
    assert exchange.tokens.account(token, late_ns + TOKEN_LIFE_S * 10**9) is not None
    connection.closed()

    assert exchange.tokens.account(token, late_ns + (TOKEN_LIFE_S + 1) * 10**9) is None


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"depth": 25}, "Subscription depth not supported"),
        ({"depth": "10"}, "Subscription level3 depth must be an integer"),
        ({"interval": 1}, "Unsupported field: 'interval' for the given msg type: subscribe"),
    ],
)
def test_parameters_of_level3_are_checked(params: dict[str, Any], error: str) -> None:
    (answer,) = messages(subscribed(emulated(rate=0), symbol=["BTC/USD"], **params))
    assert answer["error"] == error

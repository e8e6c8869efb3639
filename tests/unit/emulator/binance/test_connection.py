from __future__ import annotations

import json

import pytest

from binance_emulated import NAMED, START_NS, S, binance, closes, control, payloads, reading, texts
from leadline.emulator.binance.connection import Connection

T = START_NS + 5 * S
ACK = '{"result":null,"id":1}'


@pytest.mark.parametrize(
    "name",
    ["nosuch@depth", "btcusdt@nonsense", "BTCUSDT@depth", "btcusdt@aggTrade", "!!", "btcusdt@kline_9m"],
)
def test_nonsense_and_streams_of_another_path_are_acknowledged_listed_and_silent(name: str) -> None:
    exchange = binance(rate=300)
    line = exchange.connect(START_NS, "ws_public")
    assert isinstance(line, Connection)
    control(line, START_NS, "SUBSCRIBE", name)
    control(line, START_NS, "LIST_SUBSCRIPTIONS")
    exchange.advance(T)
    assert texts(line) == [ACK, json.dumps({"result": [name], "id": 1}, separators=(",", ":"))]


def test_the_unrouted_socket_serves_the_public_family_alone() -> None:
    exchange = binance(rate=300)
    names = ("btcusdt@depth@100ms", "btcusdt@bookTicker", "btcusdt@aggTrade", "btcusdt@markPrice@1s")
    line = reading(exchange, "ws_unrouted", *names)
    exchange.advance(T)
    assert {one["e"] for one in payloads(line)} == {"depthUpdate", "bookTicker"}


def test_before_the_migration_it_served_everything_until_the_switch() -> None:
    exchange = binance(rate=300)
    exchange.inject({"kind": "OLD_ROUTES"}, START_NS)
    line = reading(exchange, "ws_unrouted", "btcusdt@bookTicker", "btcusdt@aggTrade")
    exchange.advance(T)
    assert {one["e"] for one in payloads(line)} == {"bookTicker", "aggTrade"}
    exchange.end_faults(T)
    exchange.advance(T + 5 * S)
    assert {one["e"] for one in payloads(line)} == {"bookTicker"}


def test_the_stream_over_the_limit_costs_the_whole_connection() -> None:
    exchange = binance(rate=0)
    line = reading(exchange, "ws_public")
    for start in range(0, 1_000, 200):
        control(line, START_NS, "SUBSCRIBE", *(f"x{number}@depth" for number in range(start, start + 200)))
    control(line, START_NS, "SUBSCRIBE", *(f"x{number}@depth" for number in range(1_000, 1_024)))
    assert texts(line) == [ACK] * 6
    control(line, START_NS, "SUBSCRIBE", "x1@depth")
    assert texts(line) == [ACK]
    control(line, START_NS, "SUBSCRIBE", "x1024@depth")
    error, close = line.outputs()
    assert error.text == '{"error":{"code":4,"msg":"Too many subscriptions"},"id":1}'  # type: ignore[union-attr]
    assert (close.code, close.reason) == (1008, "Invalid request")  # type: ignore[union-attr]


def test_a_flood_of_control_messages_ends_it_after_fifteen() -> None:
    exchange = binance(rate=0)
    line = reading(exchange, "ws_public")
    for _ in range(40):
        control(line, T, "LIST_SUBSCRIPTIONS")
    found = line.outputs()
    assert len(found) == 16
    assert (found[-1].code, found[-1].reason) == (1008, "Too many requests")  # type: ignore[union-attr]


def test_ten_messages_a_second_are_welcome() -> None:
    exchange = binance(rate=0)
    line = reading(exchange, "ws_public")
    for number in range(100):
        control(line, START_NS + number * S // 10, "LIST_SUBSCRIPTIONS")
    assert not line.ended


def test_what_is_no_json_is_named_and_ends_it() -> None:
    line = reading(binance(rate=0), "ws_public")
    line.received("{", START_NS)
    outputs = line.outputs()
    assert '"code":3' in outputs[0].text  # type: ignore[union-attr]
    assert line.ended


def test_payloads_come_wrapped_or_bare_as_the_address_or_the_property_says() -> None:
    exchange = binance(rate=300)
    bare = exchange.connect(START_NS, "ws_public", "/public/ws/btcusdt@bookTicker")
    exchange.advance(START_NS + S)
    assert json.loads(texts(bare)[0])["e"] == "bookTicker"
    control(bare, START_NS + S, "SET_PROPERTY", "combined", True)
    control(bare, START_NS + S, "GET_PROPERTY", "combined")
    assert texts(bare) == [ACK, '{"result":true,"id":1}']
    exchange.advance(START_NS + 2 * S)
    assert json.loads(texts(bare)[0])["stream"] == "btcusdt@bookTicker"


def test_unsubscribing_ends_a_stream_and_is_acknowledged_for_any_name() -> None:
    exchange = binance(rate=300)
    line = reading(exchange, "ws_public", "btcusdt@bookTicker", "ethusdt@bookTicker")
    control(line, START_NS, "UNSUBSCRIBE", "btcusdt@bookTicker", "never@had")
    exchange.advance(T)
    found = texts(line)
    assert found[0] == ACK
    assert {json.loads(text)["stream"] for text in found[1:]} == {"ethusdt@bookTicker"}


def test_a_stream_asked_for_twice_comes_once() -> None:
    exchange = binance(rate=300)
    line = reading(exchange, "ws_public", "btcusdt@bookTicker", "btcusdt@bookTicker")
    control(line, START_NS, "SUBSCRIBE", "btcusdt@bookTicker")
    exchange.advance(T)
    ids = [one["u"] for one in payloads(line) if one]
    assert len(ids) == len(set(ids))


def test_a_symbol_beyond_ascii_streams_like_any_other() -> None:
    exchange = binance(rate=300, contracts=(NAMED,))
    line = reading(exchange, "ws_public", "币安人生usdt@depth@100ms")
    exchange.advance(T)
    found = texts(line)
    assert json.loads(found[0])["stream"] == "币安人生usdt@depth@100ms"
    assert json.loads(found[0])["data"]["s"] == "币安人生USDT"


def test_user_data_comes_under_the_listen_key_and_a_dead_key_is_silent() -> None:
    exchange = binance(rate=0)
    account = exchange.trading.demo
    answer = exchange.request("POST", "/fapi/v1/listenKey", "", START_NS, [("X-MBX-APIKEY", account.api_key)])
    key = json.loads(answer.body)["listenKey"]  # type: ignore[union-attr]
    line = reading(exchange, "ws_private", key, "nobodys")
    account.tell("ACCOUNT_CONFIG_UPDATE", {"ac": {"s": "BTCUSDT", "l": 25}}, START_NS)
    exchange.advance(START_NS + S)
    (text,) = texts(line)
    assert json.loads(text)["stream"] == key
    assert json.loads(text)["data"]["e"] == "ACCOUNT_CONFIG_UPDATE"
    exchange.inject({"kind": "LISTENKEY_EXPIRE"}, START_NS + S)
    exchange.advance(START_NS + 2 * S)
    (notice,) = texts(line)
    assert json.loads(notice)["data"]["e"] == "listenKeyExpired"
    assert not line.ended


def test_a_reader_that_has_gone_is_told_nothing_more() -> None:
    exchange = binance(rate=300)
    line = reading(exchange, "ws_public", "btcusdt@bookTicker")
    line.closed()
    exchange.advance(T)
    assert closes(line) == []
    assert exchange.connections == []

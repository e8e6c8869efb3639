from __future__ import annotations

import json
from typing import Any

import pytest

from emulated import MS, START_NS, NaiveBook, S, ask, closes, emulated, messages, of, texts
from leadline.emulator.kraken.frames import HEARTBEAT
from leadline.emulator.kraken.ws import MESSAGES_BURST, Connection
from leadline.emulator.link import BACKLOG_FRAMES
from leadline.emulator.wire import Close


def connected(rate: float = 100.0, route: str = "ws_public") -> tuple[Any, Connection]:
    exchange = emulated(rate=rate)
    connection = exchange.connect(START_NS, route)
    connection.outputs()
    return exchange, connection


def answer(text: str, route: str = "ws_public") -> dict[str, Any]:
    _, connection = connected(route=route)
    connection.received(text, START_NS)
    (message,) = messages(connection)
    return message


def answers(**params: Any) -> list[dict[str, Any]]:
    _, connection = connected()
    ask(connection, START_NS, "subscribe", 7, **params)
    return messages(connection)


def test_the_status_comes_first_and_unasked() -> None:
    connection = emulated().connect(START_NS)
    (message,) = messages(connection)
    assert message["channel"] == "status"
    assert message["data"][0]["system"] == "online"
    assert message["data"][0]["connection_id"] == connection.connection_id


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[1]", "{}", '{"method": 5}', '{"method":"ping","params":[]}']
)
def test_what_is_no_request_is_malformed(text: str) -> None:
    message = answer(text)
    assert list(message) == ["error", "method", "success", "time_in", "time_out"]
    assert (message["error"], message["method"], message["success"]) == ("Malformed request", "error", False)


def test_an_unknown_method_is_an_unsupported_event() -> None:
    message = answer('{"method":"subscribe_all","req_id":0}')
    assert (message["error"], message["method"]) == ("Unsupported event", "subscribe_all")
    assert message["req_id"] == 0


def test_a_ping_is_answered_without_success() -> None:
    assert list(answer('{"method":"ping","req_id":101}')) == ["method", "req_id", "time_in", "time_out"]
    assert answer('{"method":"ping"}')["method"] == "pong"


def test_a_ping_with_params_fails_under_its_own_name() -> None:
    message = answer('{"method":"ping","params":{},"req_id":0}')
    assert message["method"] == "ping"
    assert message["error"] == "Unsupported field: 'params' for the given msg type: ping"


def test_a_request_id_that_is_no_number_is_not_echoed() -> None:
    assert "req_id" not in answer('{"method":"ping","req_id":"7"}')


@pytest.mark.parametrize(
    ("params", "error", "symbol"),
    [
        ({"channel": "book", "symbol": ["XBT/USD"]}, "Currency pair not supported XBT/USD", "XBT/USD"),
        (
            {"channel": "book", "symbol": ["BTCUSD"]},
            "Currency pair not in ISO 4217-A3 format BTCUSD",
            "BTCUSD",
        ),
        ({"channel": "book"}, "Symbol(s) not found", None),
        ({"channel": "books", "symbol": ["BTC/USD"]}, "Subscription name invalid", None),
        ({"symbol": ["BTC/USD"]}, "Subscription name invalid", None),
        ({"channel": "book", "symbol": ["BTC/USD"], "depth": 11}, "Subscription depth not supported", None),
        (
            {"channel": "book", "symbol": ["BTC/USD"], "depth": "10"},
            "Subscription book depth must be an integer",
            None,
        ),
        ({"channel": "ohlc", "symbol": ["BTC/USD"]}, "Subscription ohlc requires interval", None),
        (
            {"channel": "ohlc", "symbol": ["BTC/USD"], "interval": "1"},
            "Subscription ohlc interval must be an integer",
            None,
        ),
        (
            {"channel": "ohlc", "symbol": ["BTC/USD"], "interval": 7},
            "Subscription ohlc interval not supported",
            None,
        ),
        (
            {"channel": "ticker", "symbol": ["BTC/USD"], "depth": 10},
            "Unsupported field: 'depth' for the given msg type: subscribe",
            "BTC/USD",
        ),
        (
            {"channel": "ticker", "symbol": ["BTC/USD"], "event_trigger": "never"},
            "Subscription event_trigger not supported",
            None,
        ),
        (
            {"channel": "trade", "symbol": ["BTC/USD"], "snapshot": 1},
            "Snapshot field must be a boolean",
            None,
        ),
        ({"channel": "executions"}, "Token(s) not found", None),
        ({"channel": "executions", "token": "old"}, "ESession:Invalid session", None),
    ],
)
def test_a_refused_subscription_says_why(params: dict[str, Any], error: str, symbol: str | None) -> None:
    (message,) = answers(**params)
    assert message["error"] == error
    assert message["success"] is False
    assert message["req_id"] == 7
    assert message.get("symbol") == symbol
    assert "result" not in message


def test_a_field_beside_params_is_named() -> None:
    message = answer('{"method":"subscribe","channel":"book","params":{"symbol":["BTC/USD"]}}')
    assert message["error"] == "Unsupported field: 'channel' for the given msg type: subscribe"
    assert message["symbol"] == "BTC/USD"


def test_subscribing_to_status_gives_the_status_and_an_error() -> None:
    status, error = answers(channel="status")
    assert status["channel"] == "status"
    assert error["error"] == "Symbol(s) not found"


def test_trading_methods_need_a_token() -> None:
    assert answer('{"method":"add_order","params":{}}')["error"] == "Token(s) not found"


@pytest.mark.parametrize("route", ["ws_private", "ws_level3"])
def test_the_other_hosts_have_no_public_channels(route: str) -> None:
    text = '{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"]}}'
    assert answer(text, route)["error"] == "Subscription name invalid"


def test_each_symbol_has_its_own_answer_with_one_time_in() -> None:
    found = answers(channel="book", symbol=["BTC/USD", "NO/PE", "DOGE/USD"])
    assert [one["success"] for one in found] == [True, False, True]
    assert {one["time_in"] for one in found} == {found[0]["time_in"]}
    assert {one["req_id"] for one in found} == {7}
    assert all(list(one) == sorted(one) for one in found)


def test_the_snapshot_follows_its_acknowledgement_within_400_ms() -> None:
    for seed in range(20):
        exchange = emulated(seed=seed, rate=0)
        connection = exchange.connect(START_NS)
        ask(connection, START_NS, "subscribe", channel="book", symbol=["BTC/USD"])
        exchange.advance(START_NS + 10 * MS - 1)
        assert of("book", "BTC/USD", messages(connection)) == []
        exchange.advance(START_NS + 400 * MS)
        (snapshot,) = of("book", "BTC/USD", messages(connection))
        assert snapshot["type"] == "snapshot"


def test_updates_follow_the_snapshot_and_keep_a_reader_right() -> None:
    exchange, connection = connected()
    ask(connection, START_NS, "subscribe", channel="book", symbol=["BTC/USD"], depth=25)
    exchange.advance(START_NS + 10 * S)
    book = NaiveBook(25)
    frames = [text for text in texts(connection) if text.startswith('{"channel":"book"')]
    assert len(frames) > 50
    assert all(book.apply(text) for text in frames)


def test_trades_have_no_snapshot_unless_asked_for() -> None:
    for snapshot, first in ((None, "update"), (True, "snapshot")):
        exchange, connection = connected()
        more = {} if snapshot is None else {"snapshot": snapshot}
        ask(connection, START_NS, "subscribe", channel="trade", symbol=["BTC/USD"], **more)
        exchange.advance(START_NS + 10 * S)
        found = of("trade", "BTC/USD", messages(connection))
        assert found[0]["type"] == first
        ids = [row["trade_id"] for one in found for row in one["data"]]
        assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_a_snapshot_may_be_declined() -> None:
    exchange, connection = connected()
    ask(connection, START_NS, "subscribe", channel="ticker", symbol=["BTC/USD"], snapshot=False)
    exchange.advance(START_NS + 5 * S)
    assert {one["type"] for one in of("ticker", "BTC/USD", messages(connection))} == {"update"}


def test_a_ticker_by_best_prices_comes_oftener_than_by_trades() -> None:
    counts = []
    for trigger in ("trades", "bbo"):
        exchange, connection = connected()
        ask(connection, START_NS, "subscribe", channel="ticker", symbol=["BTC/USD"], event_trigger=trigger)
        exchange.advance(START_NS + 20 * S)
        counts.append(len(of("ticker", "BTC/USD", messages(connection))))
    assert 5 < counts[0] < counts[1]


def test_heartbeats_tick_every_second_from_the_first_subscription_whatever_else_is_sent() -> None:
    exchange, connection = connected()
    exchange.advance(START_NS + 5 * S)
    assert messages(connection) == []
    ask(connection, START_NS + 5 * S, "subscribe", channel="book", symbol=["BTC/USD"])
    for second in range(1, 6):
        exchange.advance(START_NS + 5 * S + second * S - 1)
        assert not any(one.get("channel") == "heartbeat" for one in messages(connection))
        exchange.advance(START_NS + 5 * S + second * S)
        assert any(one.get("channel") == "heartbeat" for one in messages(connection))


def test_a_refused_subscription_starts_no_heartbeat() -> None:
    exchange, connection = connected()
    ask(connection, START_NS, "subscribe", channel="book", symbol=["NO/PE"])
    exchange.advance(START_NS + 5 * S)
    assert [one for one in messages(connection) if one.get("channel") == "heartbeat"] == []


def test_a_client_silent_for_60_s_is_closed() -> None:
    exchange, connection = connected()
    ask(connection, START_NS, "subscribe", channel="book", symbol=["BTC/USD"])
    exchange.advance(START_NS + 60 * S - 1)
    assert closes(connection) == []
    exchange.advance(START_NS + 60 * S)
    (close,) = closes(connection)
    assert close.code == 1000
    assert connection.ended
    assert connection not in exchange.connections


@pytest.mark.parametrize("sign", ["text", "websocket ping"])
def test_any_sign_of_life_keeps_a_connection_open(sign: str) -> None:
    exchange, connection = connected()
    exchange.advance(START_NS + 50 * S)
    if sign == "text":
        connection.received('{"method":"ping"}', START_NS + 50 * S)
    else:
        connection.touched(START_NS + 50 * S)
    exchange.advance(START_NS + 109 * S)
    assert not connection.ended


def test_a_subscription_already_there_is_refused() -> None:
    _, connection = connected()
    for _ in range(2):
        ask(connection, START_NS, "subscribe", channel="book", symbol=["BTC/USD"])
    assert messages(connection)[1]["error"] == "Already subscribed"


def test_unsubscribing_must_repeat_the_depth() -> None:
    exchange, connection = connected()
    ask(connection, START_NS, "subscribe", channel="book", symbol=["BTC/USD"], depth=25)
    exchange.advance(START_NS + S)
    connection.outputs()
    ask(connection, START_NS + S, "unsubscribe", channel="book", symbol=["BTC/USD"])
    assert messages(connection)[0]["success"] is False
    exchange.advance(START_NS + 3 * S)
    assert of("book", "BTC/USD", messages(connection)) != []
    ask(connection, START_NS + 3 * S, "unsubscribe", channel="book", symbol=["BTC/USD"], depth=25)
    (message,) = messages(connection)
    assert message["result"] == {"channel": "book", "depth": 25, "symbol": "BTC/USD"}
    exchange.advance(START_NS + 6 * S)
    assert of("book", "BTC/USD", messages(connection)) == []


def test_quick_unsubscribe_and_subscribe_cycles_give_one_snapshot() -> None:
    exchange, connection = connected()
    ask(connection, START_NS, "subscribe", channel="book", symbol=["BTC/USD"])
    exchange.advance(START_NS + S)
    connection.outputs()
    for number in range(3):
        at_ns = START_NS + S + number * MS
        ask(connection, at_ns, "unsubscribe", channel="book", symbol=["BTC/USD"])
        ask(connection, at_ns, "subscribe", channel="book", symbol=["BTC/USD"])
    exchange.advance(START_NS + 3 * S)
    found = messages(connection)
    assert len([one for one in found if "method" in one]) == 6
    assert [one["type"] for one in of("book", "BTC/USD", found)].count("snapshot") == 1


def test_a_flood_of_messages_exceeds_the_rate() -> None:
    _, connection = connected()
    for _ in range(MESSAGES_BURST + 1):
        connection.received('{"method":"ping"}', START_NS)
    found = messages(connection)
    assert found[-1]["error"] == "Exceeded msg rate"
    assert found[-2]["method"] == "pong"


def test_instrument_gives_one_snapshot_of_all_pairs() -> None:
    exchange, connection = connected()
    ask(connection, START_NS, "subscribe", channel="instrument")
    exchange.advance(START_NS + S)
    ack, snapshot = [one for one in messages(connection) if one.get("channel") != "heartbeat"]
    assert ack["result"]["channel"] == "instrument"
    assert [row["symbol"] for row in snapshot["data"]["pairs"]] == ["BTC/USD", "DOGE/USD"]
    assert [row["id"] for row in snapshot["data"]["assets"]] == ["BTC", "USD", "DOGE"]


def test_candles_are_rewritten_by_every_trade() -> None:
    exchange, connection = connected()
    ask(connection, START_NS, "subscribe", channel="ohlc", symbol=["BTC/USD"], interval=5)
    exchange.advance(START_NS + 20 * S)
    snapshot, *updates = of("ohlc", "BTC/USD", messages(connection))
    assert snapshot["type"] == "snapshot"
    assert len(updates) > 5
    counts = [one["data"][0]["trades"] for one in updates]
    begins = [one["data"][0]["interval_begin"] for one in updates]
    assert all(
        later > earlier
        for earlier, later, same in zip(counts, counts[1:], begins[1:], strict=False)
        if same == begins[0]
    )


def test_a_closed_connection_gets_nothing_more() -> None:
    exchange, connection = connected()
    ask(connection, START_NS, "subscribe", channel="book", symbol=["BTC/USD"])
    exchange.advance(START_NS + S)
    connection.outputs()
    connection.closed()
    exchange.advance(START_NS + 5 * S)
    connection.received('{"method":"ping"}', START_NS + 5 * S)
    assert connection.outputs() == []


def test_the_same_seed_gives_the_same_frames() -> None:
    def session(steps: int) -> list[str]:
        exchange = emulated(seed=9)
        connection = exchange.connect(START_NS)
        for channel, more in (("book", {}), ("ticker", {}), ("trade", {}), ("ohlc", {"interval": 1})):
            ask(connection, START_NS, "subscribe", channel=channel, symbol=["BTC/USD", "DOGE/USD"], **more)
        for step in range(1, steps + 1):
            exchange.advance(START_NS + step * 5 * S // steps)
        return texts(connection)

    assert session(1) == session(37)


def test_every_data_frame_is_compact_json() -> None:
    exchange, connection = connected()
    for channel, more in (("book", {}), ("ticker", {}), ("trade", {}), ("ohlc", {"interval": 1})):
        ask(connection, START_NS, "subscribe", channel=channel, symbol=["BTC/USD"], **more)
    exchange.advance(START_NS + 3 * S)
    for text in texts(connection):
        json.loads(text)
        assert ", " not in text.replace("deprecated, use", "")


def test_a_subscription_ended_before_its_snapshot_never_flows() -> None:
    exchange, connection = connected()
    ask(connection, START_NS, "subscribe", channel="book", symbol=["BTC/USD"])
    ask(connection, START_NS, "unsubscribe", channel="book", symbol=["BTC/USD"])
    exchange.advance(START_NS + 3 * S)
    assert [one for one in messages(connection) if one.get("channel") == "book"] == []


def test_a_reader_too_far_behind_is_cut_off() -> None:
    _, connection = connected()
    for _ in range(BACKLOG_FRAMES + 1):
        connection.deliver(HEARTBEAT)
    (close,) = connection.outputs()
    assert close == Close(1006, "reader too slow")
    connection.deliver(HEARTBEAT)
    assert connection.outputs() == []


def test_what_a_half_open_link_leaves_unread_is_bounded() -> None:
    _, connection = connected()
    connection.freeze()
    for _ in range(BACKLOG_FRAMES + 1):
        connection.received("x", START_NS)
    assert connection.ended


def test_what_is_due_is_done_in_order_of_time_and_then_of_asking() -> None:
    exchange, connection = connected(rate=0)
    done: list[str] = []
    for name, due_ns in (("late", 9), ("first", 5), ("second", 5)):
        connection.later(START_NS + due_ns, lambda _, name=name: done.append(name))
    assert connection.wake_at() == START_NS + 5
    exchange.advance(START_NS + 5)
    assert done == ["first", "second"]
    exchange.advance(START_NS + 9)
    assert done == ["first", "second", "late"]


def test_nothing_is_done_after_the_end() -> None:
    exchange, connection = connected(rate=0)
    done: list[int] = []
    connection.later(START_NS + 5, done.append)
    connection.closed()
    exchange.advance(START_NS + S)
    assert done == []


def test_a_request_nested_without_end_is_malformed() -> None:
    assert answer('{"method":"ping","params":' + "[" * 100_000)["error"] == "Malformed request"

"""Each fault as a client sees it, and the order of time over connections."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from emulated import MS, START_NS, NaiveBook, S, ask, closes, emulated, messages, of, texts
from leadline.emulator.exchange import Exchange
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.fault_forms import FaultError
from leadline.emulator.kraken.ws import Connection
from leadline.emulator.limits import ConnectBudget
from leadline.emulator.market import NEVER
from leadline.emulator.wire import Answer

T = START_NS + 2 * S


def streaming(
    *channels: str, symbols: tuple[str, ...] = ("BTC/USD", "DOGE/USD")
) -> tuple[Exchange, Connection]:
    """A client two seconds into its subscriptions, its outputs drained."""
    exchange = emulated()
    connection = exchange.connect(START_NS)
    for channel in channels or ("book",):
        ask(connection, START_NS, "subscribe", channel=channel, symbol=list(symbols))
    exchange.advance(T)
    connection.outputs()
    return exchange, connection


def test_a_connection_list_of_book_texts_stays_right_without_faults() -> None:
    assert all(book_results(*book_session()))


def book_session() -> tuple[Exchange, Connection]:
    exchange = emulated()
    connection = exchange.connect(START_NS)
    ask(connection, START_NS, "subscribe", channel="book", symbol=["BTC/USD"])
    return exchange, connection


def book_results(exchange: Exchange, connection: Connection, *faults: dict[str, Any]) -> list[bool]:
    """The checksum verdicts of ten seconds of BTC/USD frames, faults put on after two."""
    exchange.advance(T)
    for fault in faults:
        exchange.inject(fault, T)
    exchange.advance(T + 10 * S)
    book = NaiveBook(10)
    return [book.apply(text) for text in texts(connection) if text.startswith('{"channel":"book"')]


def trade_ids(found: list[dict[str, Any]]) -> list[int]:
    return [row["trade_id"] for one in of("trade", "BTC/USD", found) for row in one["data"]]


def test_close_ends_every_connection_with_code_and_reason() -> None:
    exchange, connection = streaming()
    exchange.inject({"kind": "CLOSE", "code": 1012, "reason": "restart"}, T)
    (close,) = closes(connection)
    assert (close.code, close.reason) == (1012, "restart")
    assert exchange.board.active == {}
    assert not exchange.connect(T).ended


def test_close_after_a_while_strikes_each_connection_until_it_ends() -> None:
    exchange = emulated()
    exchange.inject({"kind": "CLOSE", "after_s": 0.3, "for_s": 5}, START_NS)
    for number in range(3):
        at_ns = START_NS + number * S
        connection = exchange.connect(at_ns)
        exchange.advance(at_ns + 299 * MS)
        assert not connection.ended
        exchange.advance(at_ns + 300 * MS)
        assert connection.ended
    exchange.advance(START_NS + 6 * S)
    late = exchange.connect(START_NS + 6 * S)
    exchange.advance(START_NS + 8 * S)
    assert not late.ended


def test_close_after_a_while_can_be_counted() -> None:
    exchange = emulated()
    exchange.inject({"kind": "CLOSE", "after_s": 0.3, "count": 1}, START_NS)
    first, second = exchange.connect(START_NS), exchange.connect(START_NS)
    exchange.advance(START_NS + S)
    assert (first.ended, second.ended) == (True, False)


@pytest.mark.parametrize("status", [503, None])
def test_refuse_turns_new_connections_away_for_its_time(status: int | None) -> None:
    exchange = emulated()
    exchange.inject({"kind": "REFUSE", "status": status, "for_s": 5}, START_NS)
    assert exchange.refusal(START_NS + S) == RefusedConnect(status)
    assert isinstance(exchange.request("GET", "/0/public/Time", {}, START_NS + S), Answer)
    assert exchange.refusal(START_NS + 5 * S) is None


def test_refuse_can_take_rest_too() -> None:
    exchange = emulated()
    exchange.inject({"kind": "REFUSE", "route": "all", "status": 520}, START_NS)
    assert exchange.request("GET", "/0/public/Time", {}, START_NS) == RefusedConnect(520)
    assert exchange.refusal(START_NS) == RefusedConnect(520)


@pytest.mark.parametrize("status", [503, None])
def test_rest_alone_can_be_down_with_its_private_half(status: int | None) -> None:
    exchange, connection = streaming("trade")
    exchange.inject({"kind": "REFUSE", "route": "rest", "status": status, "for_s": 5}, T)
    for path in ("/0/public/Time", "/0/private/Balance"):
        assert exchange.request("GET", path, {}, T) == RefusedConnect(status)
    assert exchange.refusal(T) is None
    exchange.advance(T + 5 * S)
    assert of("trade", "BTC/USD", messages(connection))
    assert isinstance(exchange.request("GET", "/0/public/Time", {}, T + 5 * S), Answer)


def test_close_with_refuse_on_all_is_an_outage() -> None:
    exchange, connection = streaming()
    exchange.inject({"kind": "REFUSE", "route": "all", "for_s": 30}, T)
    exchange.inject({"kind": "CLOSE", "code": 1006}, T)
    assert connection.ended
    assert exchange.refusal(T + 29 * S) == RefusedConnect(None)
    assert exchange.request("GET", "/0/public/Time", {}, T + 29 * S) == RefusedConnect(None)
    assert exchange.refusal(T + 30 * S) is None


def lines() -> tuple[Exchange, list[Connection]]:
    """Two public connections and a private one between them, the public ones reading BTC/USD trades."""
    exchange = emulated()
    routes = ("ws_public", "ws_private", "ws_public")
    found = [exchange.connect(START_NS, route) for route in routes]
    for connection in (found[0], found[2]):
        ask(connection, START_NS, "subscribe", channel="trade", symbol=["BTC/USD"])
    exchange.advance(T)
    for connection in found:
        connection.outputs()
    return exchange, found


@pytest.mark.parametrize(
    ("fields", "ended"),
    [
        ({}, [True, True, True]),
        ({"only": "oldest"}, [True, False, False]),
        ({"only": "newest"}, [False, False, True]),
        ({"line": "ws_private"}, [False, True, False]),
        ({"line": "ws_public", "only": "newest"}, [False, False, True]),
        ({"line": "ws_public", "after_s": 2}, [True, False, True]),
    ],
)
def test_close_can_be_about_one_address_or_one_connection(fields: dict[str, Any], ended: list[bool]) -> None:
    exchange, found = lines()
    exchange.inject({"kind": "CLOSE", **fields}, T)
    exchange.advance(T)
    assert [one.ended for one in found] == ended


def test_half_open_can_be_about_one_connection() -> None:
    exchange, (first, private, last) = lines()
    exchange.inject({"kind": "HALF_OPEN", "line": "ws_public", "only": "oldest", "for_s": 3}, T)
    assert [one.frozen for one in (first, private, last)] == [True, False, False]
    exchange.advance(T + 3 * S)
    assert not first.frozen
    assert texts(first)


def test_stall_can_silence_one_connection_alone_and_spares_new_ones() -> None:
    exchange, (first, _, last) = lines()
    exchange.inject({"kind": "STALL", "only": "oldest"}, T)
    other = exchange.connect(T)
    ask(other, T, "subscribe", channel="trade", symbol=["BTC/USD"])
    exchange.advance(T + 10 * S)
    assert of("trade", "BTC/USD", [one for one in messages(first) if "data" in one]) == []
    for connection in (last, other):
        assert of("trade", "BTC/USD", messages(connection))


def test_a_fault_on_frames_can_be_about_one_connection() -> None:
    exchange, (first, _, last) = lines()
    exchange.inject({"kind": "DROP", "channel": "trade", "only": "newest"}, T)
    exchange.advance(T + 10 * S)
    seen = [trade_ids(messages(one)) for one in (first, last)]
    assert len(seen[0]) > len(seen[1])
    assert set(seen[1]) < set(seen[0])


def test_too_many_connects_are_banned_with_429() -> None:
    exchange = emulated(rate=0)
    answers = [exchange.refusal(START_NS + number * S) for number in range(ConnectBudget.CONNECTS + 1)]
    assert answers[:-1] == [None] * ConnectBudget.CONNECTS
    assert answers[-1] == RefusedConnect(429)


def test_stall_silences_one_channel_of_one_symbol_alone() -> None:
    exchange, connection = streaming("book", "trade")
    exchange.inject({"kind": "STALL", "channel": "book", "symbol": "BTC/USD", "for_s": 20}, T)
    exchange.advance(T + 20 * S - 1)
    found = messages(connection)
    assert of("book", "BTC/USD", [one for one in found if "data" in one]) == []
    others = [("book", "DOGE/USD"), ("trade", "BTC/USD")]
    assert all(of(channel, symbol, found) for channel, symbol in others)
    assert any(one.get("channel") == "heartbeat" for one in found)
    exchange.advance(T + 40 * S)
    assert of("book", "BTC/USD", messages(connection))


def test_a_stalled_channel_still_acknowledges() -> None:
    exchange, connection = streaming("trade")
    exchange.inject({"kind": "STALL"}, T)
    ask(connection, T, "subscribe", channel="book", symbol=["BTC/USD"])
    exchange.advance(T + S)
    found = messages(connection)
    assert [one["success"] for one in found if "method" in one] == [True]
    assert of("book", "BTC/USD", [one for one in found if "data" in one]) == []


def test_half_open_neither_sends_nor_reads_while_new_connections_work() -> None:
    exchange, connection = streaming()
    exchange.inject({"kind": "HALF_OPEN"}, T)
    connection.received('{"method":"ping"}', T)
    exchange.advance(T + 30 * S)
    assert connection.outputs() == []
    other = exchange.connect(T + 30 * S)
    assert texts(other)


def test_what_a_half_open_link_held_back_arrives_late() -> None:
    exchange, connection = streaming()
    exchange.inject({"kind": "HALF_OPEN", "for_s": 3}, T)
    connection.received('{"method":"ping"}', T + S)
    exchange.advance(T + 3 * S)
    found = messages(connection)
    assert len([one for one in found if one.get("channel") == "heartbeat"]) >= 3
    assert any(one.get("method") == "pong" for one in found)


def test_ack_no_data_leaves_a_new_subscription_empty_until_made_anew() -> None:
    exchange, connection = streaming("book", symbols=("DOGE/USD",))
    exchange.inject({"kind": "ACK_NO_DATA", "channel": "trade", "symbol": "BTC/USD", "for_s": 5}, T)
    ask(connection, T, "subscribe", channel="trade", symbol=["BTC/USD", "DOGE/USD"], snapshot=True)
    exchange.advance(T + 20 * S)
    found = messages(connection)
    assert [one["success"] for one in found if "method" in one] == [True, True]
    assert of("trade", "BTC/USD", found) == []
    assert of("trade", "DOGE/USD", found)
    ask(connection, T + 20 * S, "unsubscribe", channel="trade", symbol=["BTC/USD"])
    ask(connection, T + 20 * S, "subscribe", channel="trade", symbol=["BTC/USD"], snapshot=True)
    exchange.advance(T + 30 * S)
    assert of("trade", "BTC/USD", messages(connection))


@pytest.mark.parametrize("kind", ["DROP", "REORDER", "CORRUPT"])
def test_a_book_treated_so_fails_its_checksum(kind: str) -> None:
    verdicts = book_results(*book_session(), {"kind": kind, "channel": "book", "symbol": "BTC/USD"})
    assert False in verdicts


def test_corrupt_alters_one_frame_and_leaves_it_json() -> None:
    exchange, connection = book_session()
    book_results(exchange, connection, {"kind": "CORRUPT", "channel": "book", "count": 3})
    assert exchange.board.active == {}


def test_a_duplicated_book_frame_harms_no_reader() -> None:
    assert all(book_results(*book_session(), {"kind": "DUP", "channel": "book", "count": 5}))


def test_every_corruption_of_a_book_frame_shows_in_its_own_checksum() -> None:
    """Each frame the fault chooses is bad by itself: the reader before it was right."""
    exchange, connection = book_session()
    exchange.advance(T)
    book = NaiveBook(10)
    assert all(book.apply(text) for text in texts(connection) if text.startswith('{"channel":"book"'))
    exchange.inject({"kind": "CORRUPT", "channel": "book"}, T)
    now_ns = T
    while exchange.board.active:
        now_ns += MS
        exchange.advance(now_ns)
        verdicts = [book.apply(text) for text in texts(connection) if text.startswith('{"channel":"book"')]
        assert verdicts.count(False) == (0 if exchange.board.active else 1)


def test_dropped_trades_leave_a_hole_in_the_ids() -> None:
    exchange, connection = streaming("trade")
    before = exchange.market.listings["BTC/USD"].tape.trades[-1].trade_id
    exchange.inject({"kind": "DROP", "channel": "trade", "symbol": "BTC/USD"}, T)
    exchange.advance(T + 20 * S)
    assert trade_ids(messages(connection))[0] > before + 1


def test_duplicated_trades_come_twice() -> None:
    exchange, connection = streaming("trade")
    exchange.inject({"kind": "DUP", "channel": "trade", "symbol": "BTC/USD"}, T)
    exchange.advance(T + 20 * S)
    ids = trade_ids(messages(connection))
    assert len(set(ids)) < len(ids)


def test_reordered_trades_come_after_the_next() -> None:
    exchange, connection = streaming("trade")
    exchange.inject({"kind": "REORDER", "channel": "trade", "symbol": "BTC/USD"}, T)
    exchange.advance(T + 20 * S)
    ids = trade_ids(messages(connection))
    assert ids != sorted(ids)
    assert sorted(ids) == list(range(min(ids), max(ids) + 1))


def test_a_corrupted_trade_frame_cannot_be_parsed() -> None:
    exchange, connection = streaming("trade", symbols=("BTC/USD",))
    exchange.inject({"kind": "CORRUPT", "channel": "trade"}, T)
    exchange.advance(T + 20 * S)
    broken = [text for text in texts(connection) if not text.endswith("}")]
    assert len(broken) == 1
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(broken[0])


def test_a_lost_acknowledgement_loses_nothing_else() -> None:
    exchange = emulated()
    connection = exchange.connect(START_NS)
    exchange.inject({"kind": "DROP", "channel": "ticker"}, START_NS)
    ask(connection, START_NS, "subscribe", channel="ticker", symbol=["BTC/USD"])
    exchange.advance(START_NS + S)
    found = messages(connection)
    assert [one for one in found if "method" in one] == []
    assert of("ticker", "BTC/USD", found)


def test_an_acknowledgement_can_come_after_its_snapshot() -> None:
    exchange = emulated(rate=0)
    connection = exchange.connect(START_NS)
    connection.outputs()
    exchange.inject({"kind": "REORDER", "channel": "book"}, START_NS)
    ask(connection, START_NS, "subscribe", channel="book", symbol=["BTC/USD"])
    exchange.advance(START_NS + S - 1)
    snapshot, ack = messages(connection)
    assert snapshot["type"] == "snapshot"
    assert ack["method"] == "subscribe"


def test_frames_no_client_could_miss_are_left_alone() -> None:
    exchange, _ = streaming("ticker")
    exchange.inject({"kind": "DROP", "channel": "ticker"}, T)
    exchange.advance(T + 20 * S)
    assert len(exchange.board.active) == 1


def test_sub_reject_refuses_with_its_text() -> None:
    exchange, connection = streaming()
    exchange.inject({"kind": "SUB_REJECT", "symbol": "BTC/USD", "error": "EGeneral:No"}, T)
    ask(connection, T, "subscribe", channel="trade", symbol=["BTC/USD", "DOGE/USD"])
    assert [one.get("error") for one in messages(connection)] == ["EGeneral:No", None]


def test_sub_rate_limits_subscription_messages_per_connection() -> None:
    exchange, connection = streaming()
    exchange.inject({"kind": "SUB_RATE", "per_s": 1}, T)
    for channel in ("trade", "ticker"):
        ask(connection, T, "subscribe", channel=channel, symbol=["BTC/USD"])
    assert [one.get("error") for one in messages(connection)] == [None, "Exceeded msg rate"]
    ask(connection, T + S, "subscribe", channel="ticker", symbol=["BTC/USD"])
    assert messages(connection)[-1]["success"] is True


def test_reply_answers_a_path_differently_so_often() -> None:
    exchange = emulated()
    exchange.inject({"kind": "REPLY", "path": "Depth", "status": 520, "body": "edge", "count": 1}, START_NS)
    query = {"pair": "XBTUSD"}
    answer = exchange.request("GET", "/0/public/Time", {}, START_NS)
    assert isinstance(answer, Answer)
    assert answer.status == 200
    answer = exchange.request("GET", "/0/public/Depth", query, START_NS)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (520, b"edge")
    answer = exchange.request("GET", "/0/public/Depth", query, START_NS)
    assert isinstance(answer, Answer)
    assert answer.status == 200


def test_reply_can_delay_the_usual_answer() -> None:
    exchange = emulated()
    exchange.inject({"kind": "REPLY", "path": "Time", "delay_s": 1.5}, START_NS)
    answer = exchange.request("GET", "/0/public/Time", {}, START_NS)
    assert isinstance(answer, Answer)
    assert answer.delay_s == 1.5
    assert b"unixtime" in answer.body


def test_rate_replaces_the_public_limit() -> None:
    exchange = emulated()
    exchange.inject({"kind": "RATE", "per_s": 1}, START_NS)
    for expected in (b"unixtime", b"EGeneral:Too many requests"):
        answer = exchange.request("GET", "/0/public/Time", {}, START_NS)
        assert isinstance(answer, Answer)
        assert expected in answer.body


def test_status_is_told_to_all_and_taken_back() -> None:
    exchange, connection = streaming()
    exchange.inject({"kind": "STATUS", "mode": "maintenance", "for_s": 5}, T)
    exchange.advance(T + 5 * S - 1)
    found = messages(connection)
    assert [one["data"][0]["system"] for one in found if one.get("channel") == "status"] == ["maintenance"]
    assert of("book", "BTC/USD", [one for one in found if "data" in one and "symbol" in one["data"][0]]) == []
    exchange.advance(T + 10 * S)
    found = messages(connection)
    assert found[0]["data"][0]["system"] == "online"
    assert of("book", "BTC/USD", [one for one in found if "data" in one and "symbol" in one["data"][0]])


def test_the_status_of_one_pair_is_an_instrument_update() -> None:
    exchange, connection = streaming()
    ask(connection, T, "subscribe", channel="instrument")
    exchange.advance(T + S)
    connection.outputs()
    exchange.inject({"kind": "STATUS", "mode": "post_only", "symbol": "BTC/USD"}, T + S)
    (message,) = messages(connection)
    assert message["type"] == "update"
    assert message["data"]["assets"] == []
    assert [(row["symbol"], row["status"]) for row in message["data"]["pairs"]] == [("BTC/USD", "post_only")]


@pytest.mark.parametrize(("price_precision", "qty_precision"), [(2, 8), (0, 4), (4, 10)])
def test_another_tick_while_running_is_told_and_the_book_goes_on(
    price_precision: int, qty_precision: int
) -> None:
    exchange, connection = book_session()
    ask(connection, START_NS, "subscribe", channel="instrument")
    exchange.advance(T)
    connection.outputs()
    fields = {"kind": "INSTRUMENT", "symbol": "BTC/USD"}
    exchange.inject(fields | {"price_precision": price_precision, "qty_precision": qty_precision}, T)
    exchange.advance(T + 10 * S)
    instrument, *frames = [text for text in texts(connection) if "heartbeat" not in text]
    assert f'"price_precision":{price_precision}' in instrument
    assert '"type":"snapshot"' in frames[0]
    book = NaiveBook(10)
    assert all(book.apply(text) for text in frames)
    assert len(frames) > 20
    assert len(book.best()[0][0][0].partition(".")[2]) == price_precision


def test_deleting_ends_one_fault_or_all() -> None:
    exchange, connection = streaming()
    first = exchange.inject({"kind": "STALL", "channel": "book"}, T)
    exchange.inject({"kind": "HALF_OPEN"}, T)
    assert exchange.end_faults(T, first.fault_id) == 1
    assert exchange.end_faults(T) == 1
    assert exchange.end_faults(T) == 0
    exchange.advance(T + 5 * S)
    assert texts(connection)


def test_a_wrong_fault_changes_nothing() -> None:
    exchange, _ = streaming()
    with pytest.raises(FaultError):
        exchange.inject({"kind": "CLOSE", "code": "x"}, T)
    assert exchange.board.active == {}


def test_the_next_event_is_known_ahead() -> None:
    exchange = emulated(rate=0)
    assert exchange.next_event_at() == NEVER
    connection = exchange.connect(START_NS)
    assert exchange.next_event_at() == START_NS + 60 * S
    ask(connection, START_NS, "subscribe", channel="book", symbol=["BTC/USD"])
    assert START_NS + 10 * MS <= exchange.next_event_at() <= START_NS + 400 * MS
    exchange.inject({"kind": "STALL", "for_s": 0.001}, START_NS)
    assert exchange.next_event_at() == START_NS + MS


def test_two_readers_of_one_book_both_hold_it() -> None:
    exchange = emulated()
    readers = [exchange.connect(START_NS) for _ in range(2)]
    for number, connection in enumerate(readers):
        exchange.advance(START_NS + number * S)
        ask(connection, START_NS + number * S, "subscribe", channel="book", symbol=["BTC/USD"], depth=25)
    exchange.advance(T + 5 * S)
    for connection in readers:
        book = NaiveBook(25)
        assert all(book.apply(text) for text in texts(connection) if text.startswith('{"channel":"book"'))


def test_a_frame_held_back_is_forgotten_with_its_connection() -> None:
    exchange, connection = streaming("trade")
    exchange.inject({"kind": "REORDER", "channel": "trade", "symbol": "BTC/USD"}, T)
    now_ns = T
    while exchange.board.active:
        now_ns += MS
        exchange.advance(now_ns)
    connection.closed()
    other = exchange.connect(now_ns)
    ask(other, now_ns, "subscribe", channel="trade", symbol=["BTC/USD"])
    exchange.advance(now_ns + 10 * S)
    ids = trade_ids(messages(other))
    assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_new_decimals_reach_trades_and_tickers_too() -> None:
    exchange, connection = streaming("trade", "ticker", "book", symbols=("BTC/USD",))
    exchange.inject({"kind": "INSTRUMENT", "symbol": "BTC/USD", "price_precision": 3}, T)
    exchange.advance(T + 10 * S)
    found = texts(connection)
    assert [text for text in found if text.startswith('{"channel":"trade"')]
    last = next(text for text in reversed(found) if text.startswith('{"channel":"ticker"'))
    assert len(last.partition('"last":')[2].partition(",")[0].partition(".")[2]) == 3

from __future__ import annotations

from binance_emulated import START_NS, S, binance, closes, control, reading, texts
from leadline.emulator.wire import Close, Frame, Ping

MINUTE = 60 * S


def test_a_ping_comes_every_three_minutes_with_the_time_in_milliseconds() -> None:
    exchange = binance(rate=0)
    line = reading(exchange, "ws_public")
    exchange.advance(START_NS + 6 * MINUTE)
    assert line.outputs() == [
        Ping(str((START_NS + minutes * MINUTE) // 1_000_000).encode()) for minutes in (3, 6)
    ]


def test_a_client_that_answers_pings_lives_a_day_and_no_longer() -> None:
    exchange = binance(rate=0)
    line = reading(exchange, "ws_public")
    ends = None
    for minutes in range(3, 1_441, 3):
        exchange.advance(START_NS + minutes * MINUTE)
        for one in line.outputs():
            if isinstance(one, Ping):
                line.ponged(one.payload)
            elif isinstance(one, Close):
                ends = minutes
    assert ends == 1_440


def test_a_client_that_does_not_answer_is_closed_ten_minutes_after_the_ping() -> None:
    exchange = binance(rate=0)
    line = reading(exchange, "ws_public")
    exchange.advance(START_NS + 3 * MINUTE)
    line.ponged(b"something else")
    exchange.advance(START_NS + 13 * MINUTE - 1)
    assert not line.ended
    exchange.advance(START_NS + 13 * MINUTE)
    assert closes(line) == [(1008, "Pong timeout")]


def test_a_frozen_link_reads_and_sends_nothing_and_both_arrive_late() -> None:
    exchange = binance(rate=200)
    line = reading(exchange, "ws_public", "btcusdt@bookTicker")
    line.freeze()
    control(line, START_NS, "LIST_SUBSCRIPTIONS")
    exchange.advance(START_NS + 2 * S)
    assert line.outputs() == []
    line.thaw(START_NS + 2 * S)
    found = texts(line)
    assert found[-1] == '{"result":["btcusdt@bookTicker"],"id":1}'
    assert len(found) > 10


def test_a_closed_link_says_one_thing_more_and_wakes_for_nothing() -> None:
    exchange = binance(rate=0)
    line = reading(exchange, "ws_public")
    line.close(1001, "bye")
    line.close(1001, "twice")
    line.deliver(Frame("late", "update"))
    assert line.outputs() == [Close(1001, "bye")]
    assert line.wake_at() > START_NS + 10**6 * S

from __future__ import annotations

from binance_emulated import START_NS, S, binance, payloads, reading


def test_a_topic_is_made_for_its_first_reader_and_forgotten_with_its_last() -> None:
    exchange = binance(rate=300)
    first = reading(exchange, "ws_public", "btcusdt@depth@100ms")
    exchange.advance(START_NS + S)
    second = reading(exchange, "ws_public", "btcusdt@depth@100ms", at_ns=START_NS + S)
    exchange.advance(START_NS + 2 * S)
    both = [payloads(one) for one in (first, second)]
    assert both[0][-len(both[1]) :] == both[1]
    first.closed()
    second.closed()
    assert exchange._streams._topics == {}
    third = reading(exchange, "ws_public", "btcusdt@depth@100ms", at_ns=START_NS + 2 * S)
    last = exchange.ids.last("BTCUSDT")
    exchange.advance(START_NS + 3 * S)
    assert payloads(third)[0]["pu"] == last


def test_two_spellings_of_one_stream_are_two_streams_to_their_reader() -> None:
    exchange = binance(rate=300)
    line = reading(exchange, "ws_public", "btcusdt@depth", "btcusdt@depth@250ms")
    exchange.advance(START_NS + 2 * S)
    ids = [one["u"] for one in payloads(line)]
    assert ids[::2] == ids[1::2]


def test_the_crowd_is_liquidated_now_and_then() -> None:
    exchange = binance(rate=400)
    line = reading(exchange, "ws_market", "!forceOrder@arr")
    exchange.advance(START_NS + 60 * S)
    found = payloads(line)
    assert 3 <= len(found) <= 120
    assert {one["o"]["S"] for one in found} == {"BUY", "SELL"}

from __future__ import annotations

import itertools

from binance_emulated import START_NS, NaiveDiffBook, S, asked, binance, payloads, reading, truth


def test_ids_of_one_contract_are_sparse_and_ascending() -> None:
    exchange = binance(rate=300)
    line = reading(exchange, "ws_public", "btcusdt@depth@100ms")
    exchange.advance(START_NS + 10 * S)
    events = payloads(line, "depthUpdate")
    assert len(events) > 50
    for before, after in itertools.pairwise(events):
        assert after["pu"] == before["u"]
        assert after["U"] > before["u"] + 1 or after["U"] > before["u"]
        assert after["u"] >= after["U"]
    assert any(after["U"] > after["pu"] + 1 for after in events)


def test_chains_of_two_speeds_are_each_whole_and_differ() -> None:
    exchange = binance(rate=300)
    names = ("btcusdt@depth@100ms", "btcusdt@depth@500ms", "btcusdt@depth")
    lines = [reading(exchange, "ws_public", name) for name in names]
    exchange.advance(START_NS + 10 * S)
    chains = [payloads(line, "depthUpdate") for line in lines]
    counts = [len(events) for events in chains]
    assert counts[0] > counts[2] > counts[1] > 10
    for events in chains:
        assert [one["pu"] for one in events[1:]] == [one["u"] for one in events[:-1]]


def test_a_snapshot_in_the_middle_bridges_and_the_book_stays_right() -> None:
    exchange = binance(rate=300)
    line = reading(exchange, "ws_public", "btcusdt@depth@100ms", "btcusdt@bookTicker")
    events = []
    exchange.advance(START_NS + S)
    events += payloads(line)
    book = NaiveDiffBook(asked(exchange, "/fapi/v1/depth", "symbol=BTCUSDT&limit=1000", START_NS + S + 7))
    exchange.advance(START_NS + 30 * S)
    events += payloads(line)
    quotes = {one["u"]: one for one in events if one["e"] == "bookTicker"}
    compared = 0
    for event in events:
        if event["e"] == "depthUpdate":
            book.apply(event)
            quote = quotes.get(event["u"])
            if quote is not None and book.live:
                compared += 1
                assert [str(one) for one in book.best()] == [quote[key] for key in "bBaA"]
    assert book.live
    assert compared > 20


def test_the_last_diff_leaves_the_engines_book() -> None:
    exchange = binance(rate=300)
    line = reading(exchange, "ws_public", "ethusdt@depth@100ms")
    book = NaiveDiffBook(asked(exchange, "/fapi/v1/depth", "symbol=ETHUSDT&limit=1000"))
    exchange.advance(START_NS + 10 * S)
    exchange.listed.set_mode("ETHUSDT", "maintenance")
    exchange.advance(START_NS + 11 * S)
    for event in payloads(line, "depthUpdate"):
        book.apply(event)
    assert (book.bids, book.asks) == truth(exchange, "ETHUSDT")


def test_an_idle_contract_tells_nothing() -> None:
    exchange = binance(rate=0)
    line = reading(exchange, "ws_public", "btcusdt@depth@100ms", "btcusdt@depth5@100ms")
    exchange.advance(START_NS + 10 * S)
    assert payloads(line) == []


def test_the_id_of_a_past_moment_is_known() -> None:
    exchange = binance(rate=300)
    opened = exchange.ids.last("BTCUSDT")
    exchange.advance(START_NS + 2 * S)
    then = exchange.ids.last("BTCUSDT")
    exchange.advance(START_NS + 5 * S)
    assert exchange.ids.at("BTCUSDT", START_NS + 2 * S) == then
    assert exchange.ids.at("BTCUSDT", START_NS - 1) == opened
    assert exchange.ids.at("BTCUSDT", START_NS + 9 * S) == exchange.ids.last("BTCUSDT") > then

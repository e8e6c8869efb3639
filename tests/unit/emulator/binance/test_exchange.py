"""Each fault as a client sees it, the order of time, and the price beside the other venue's."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from binance_emulated import (
    START_NS,
    NaiveDiffBook,
    S,
    asked,
    binance,
    closes,
    payloads,
    reading,
    texts,
)
from leadline.emulator.binance.exchange import CONNECTS, BinanceExchange
from leadline.emulator.exchange import Exchange
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.fault_forms import FaultError
from leadline.emulator.market import NEVER
from leadline.emulator.wire import Answer

T = START_NS + 2 * S
DIFFS = "btcusdt@depth@100ms"


def chain_breaks(exchange: BinanceExchange, *fault: dict[str, Any]) -> int:
    """How often ten seconds of diffs break their chain, faults put on after two."""
    line = reading(exchange, "ws_public", DIFFS)
    exchange.advance(T)
    for one in fault:
        exchange.inject(one, T)
    exchange.advance(T + 10 * S)
    return sum(after["pu"] != before["u"] for before, after in pairwise(payloads(line, "depthUpdate")))


def test_without_faults_no_chain_breaks() -> None:
    assert chain_breaks(binance(rate=300)) == 0


@pytest.mark.parametrize(
    ("fault", "breaks"),
    [
        ({"kind": "DROP", "channel": "book"}, 1),
        ({"kind": "DUP", "channel": "book", "count": 2}, 2),
        ({"kind": "REORDER", "channel": "book"}, 3),
        ({"kind": "CORRUPT", "channel": "book"}, 1),
        ({"kind": "DROP", "channel": "book", "symbol": "ETHUSDT"}, 0),
        ({"kind": "DROP", "channel": "trade"}, 0),
    ],
)
def test_what_happens_to_a_diff_shows_in_its_chain(fault: dict[str, Any], breaks: int) -> None:
    assert chain_breaks(binance(rate=300), fault) == breaks


def test_a_fault_may_name_a_contract_as_programs_do() -> None:
    exchange = binance(rate=300)
    one = exchange.inject({"kind": "STALL", "channel": "book", "symbol": "BTC/USDT:USDT", "for_s": 3}, T)
    assert getattr(one.fault, "symbol", None) == "BTCUSDT"
    with pytest.raises(FaultError, match="symbol: 'XBTUSDT' is not listed here"):
        exchange.inject({"kind": "STALL", "symbol": "XBTUSDT"}, T)


def test_a_stalled_channel_is_silent_alone_and_comes_back() -> None:
    exchange = binance(rate=300)
    line = reading(exchange, "ws_public", DIFFS, "btcusdt@bookTicker")
    exchange.inject({"kind": "STALL", "channel": "book", "symbol": "BTCUSDT", "for_s": 3}, START_NS)
    exchange.advance(START_NS + 3 * S - 1)
    assert {one["e"] for one in payloads(line)} == {"bookTicker"}
    exchange.advance(START_NS + 6 * S)
    assert {one["e"] for one in payloads(line)} == {"bookTicker", "depthUpdate"}


def test_a_subscription_can_be_acknowledged_and_stay_empty_until_it_is_made_anew() -> None:
    exchange = binance(rate=300)
    exchange.inject({"kind": "ACK_NO_DATA", "channel": "trade", "for_s": 5}, START_NS)
    line = reading(exchange, "ws_market", "btcusdt@aggTrade", "btcusdt@markPrice@1s")
    exchange.advance(START_NS + 10 * S)
    assert {one["e"] for one in payloads(line)} == {"markPriceUpdate"}
    again = reading(exchange, "ws_market", "btcusdt@aggTrade", at_ns=START_NS + 10 * S)
    exchange.advance(START_NS + 20 * S)
    assert payloads(again)


def test_a_snapshot_can_lag_behind_the_stream() -> None:
    exchange = binance(rate=300)
    exchange.advance(T)
    exchange.inject({"kind": "LAG", "channel": "book", "symbol": "BTCUSDT", "delay_s": 2}, T)
    last = exchange.ids.last("BTCUSDT")
    query = "symbol=BTCUSDT&limit=1000"
    frozen = asked(exchange, "/fapi/v1/depth", query, T + S)
    assert frozen["lastUpdateId"] == last
    line = reading(exchange, "ws_public", DIFFS, at_ns=T + S)
    exchange.advance(T + 4 * S)
    events = payloads(line, "depthUpdate")
    late = asked(exchange, "/fapi/v1/depth", query, T + 4 * S)
    assert last < late["lastUpdateId"] < exchange.ids.last("BTCUSDT")
    exchange.end_faults(T + 4 * S)
    assert asked(exchange, "/fapi/v1/depth", query, T + 4 * S)["lastUpdateId"] == exchange.ids.last("BTCUSDT")
    # What it showed was a true book of that earlier moment: the diffs from there on lead to the present.
    book = NaiveDiffBook(late)
    exchange.listed.set_mode("BTCUSDT", "maintenance")
    exchange.advance(T + 5 * S)
    for event in events + payloads(line, "depthUpdate"):
        if event["u"] >= late["lastUpdateId"]:
            book.apply(event)
    quote = asked(exchange, "/fapi/v1/depth", query, T + 5 * S)
    assert max(book.bids) == Decimal(quote["bids"][0][0])


def test_prices_of_one_source_can_be_off_by_a_factor() -> None:
    exchange = binance(rate=0)
    true = asked(exchange, "/fapi/v1/ticker/bookTicker", "symbol=BTCUSDT")
    exchange.inject({"kind": "SKEW", "factor": "1.01", "channel": "ticker"}, START_NS)
    skewed = asked(exchange, "/fapi/v1/ticker/bookTicker", "symbol=BTCUSDT")
    assert Decimal(skewed["bidPrice"]) == (Decimal(true["bidPrice"]) * Decimal("1.01")).quantize(
        Decimal("0.01")
    )
    depth = asked(exchange, "/fapi/v1/depth", "symbol=BTCUSDT&limit=5")
    assert depth["bids"][0][0] == true["bidPrice"]


def test_close_ends_the_connections_of_one_route_now_or_by_age() -> None:
    exchange = binance(rate=0)
    lines = [reading(exchange, route) for route in ("ws_public", "ws_market")]
    exchange.inject({"kind": "CLOSE", "code": 1012, "reason": "restart", "line": "ws_market"}, START_NS)
    assert [closes(one) for one in lines] == [[], [(1012, "restart")]]
    exchange.inject({"kind": "CLOSE", "code": 1001, "after_s": 60, "count": 1}, START_NS)
    exchange.advance(START_NS + 60 * S)
    assert lines[0].ended
    assert exchange.board.active == {}


def test_half_open_is_silent_in_both_directions_for_its_time() -> None:
    exchange = binance(rate=300)
    line = reading(exchange, "ws_public", DIFFS)
    exchange.inject({"kind": "HALF_OPEN", "for_s": 3}, START_NS)
    exchange.advance(START_NS + 2 * S)
    assert texts(line) == []
    exchange.advance(START_NS + 3 * S)
    assert texts(line)


def test_refused_connects_and_requests_come_as_told() -> None:
    exchange = binance(rate=0)
    exchange.inject({"kind": "REFUSE", "route": "all", "status": 403, "for_s": 5}, START_NS)
    assert exchange.refusal(START_NS) == RefusedConnect(403)
    assert exchange.request("GET", "/fapi/v1/time", "", START_NS) == RefusedConnect(403)
    assert exchange.refusal(START_NS + 5 * S) is None


def test_too_many_connects_are_turned_away() -> None:
    exchange = binance(rate=0)
    answers = [exchange.refusal(START_NS) for _ in range(CONNECTS + 1)]
    assert answers[:-1] == [None] * CONNECTS
    assert answers[-1] == RefusedConnect(429)


def test_any_answer_can_be_replaced_or_delayed() -> None:
    exchange = binance(rate=0)
    exchange.inject({"kind": "REPLY", "path": "/time", "delay_s": 1.5, "count": 1}, START_NS)
    exchange.inject({"kind": "REPLY", "path": "/time", "status": 502, "body": "<html>", "count": 1}, START_NS)
    late = exchange.request("GET", "/fapi/v1/time", "", START_NS)
    assert isinstance(late, Answer)
    assert (late.status, late.delay_s) == (200, 1.5)
    assert dict(late.headers)["x-mbx-used-weight-1m"] == "1"
    broken = exchange.request("GET", "/fapi/v1/time", "", START_NS)
    assert broken == Answer(502, b"<html>")


def test_a_failing_backend_is_about_orders_and_not_about_questions() -> None:
    exchange = binance(rate=0)
    exchange.inject({"kind": "BACKEND", "trouble": "unavailable"}, START_NS)
    failed = exchange.request("POST", "/fapi/v1/order", "side=BUY", START_NS)
    assert isinstance(failed, Answer)
    assert (failed.status, json.loads(failed.body)["msg"]) == (503, "Service Unavailable.")
    for method, path in (("GET", "/fapi/v1/time"), ("GET", "/fapi/v1/order"), ("POST", "/fapi/v1/listenKey")):
        answer = exchange.request(method, path, "", START_NS)
        assert isinstance(answer, Answer)
        assert answer.status != 503


def test_an_answer_can_be_lost_after_the_request_was_executed() -> None:
    exchange = binance(rate=0)
    exchange.inject({"kind": "ACCEPT_THEN_DROP", "path": "/fapi/v1/allOpenOrders"}, START_NS)
    lost = exchange.request("DELETE", "/fapi/v1/allOpenOrders", "symbol=BTCUSDT", START_NS)
    assert lost == RefusedConnect(None, executed=True)


def play(step_ns: int, seed: int = 3) -> list[str]:
    exchange = binance(rate=200, seed=seed)
    lines = [
        reading(exchange, "ws_public", DIFFS, "ethusdt@bookTicker", "btcusdt@depth10"),
        reading(
            exchange, "ws_market", "btcusdt@aggTrade", "btcusdt@kline_1m", "!markPrice@arr", "!ticker@arr"
        ),
    ]
    for at_ns in range(START_NS, START_NS + 20 * S + 1, step_ns):
        exchange.advance(at_ns)
    return [text for line in lines for text in texts(line)]


def test_the_same_seed_gives_the_same_frames_however_time_is_told() -> None:
    assert play(20 * S) == play(S // 20)
    assert play(20 * S) != play(20 * S, seed=4)


def test_there_is_always_a_next_moment_and_it_is_never_behind() -> None:
    exchange = binance(rate=0)
    reading(exchange, "ws_public", DIFFS)
    now_ns = START_NS
    for _ in range(200):
        due_ns = exchange.next_event_at()
        assert now_ns < due_ns < NEVER
        exchange.advance(due_ns)
        now_ns = due_ns


def test_both_venues_quote_bitcoin_alike_with_a_small_difference() -> None:
    spot = Exchange(start_ns=START_NS, seed=1, rate=100, history_minutes=5)
    perpetual = BinanceExchange(start_ns=START_NS, seed=1, rate=100, history_minutes=5)
    differences = []
    for seconds in range(10, 310, 10):
        for venue in (spot, perpetual):
            venue.advance(START_NS + seconds * S)
        middles = [
            sum(side[0] for side in venue.market.listings[symbol].best if side) / 2
            for venue, symbol in ((spot, "BTC/USD"), (perpetual, "BTCUSDT"))
        ]
        differences.append(middles[1] / middles[0] - 1)
    assert len(set(differences)) > 20
    assert max(abs(one) for one in differences) < 0.005

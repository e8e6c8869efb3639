from __future__ import annotations

from typing import Any

import pytest

from binance_emulated import BTC, ETH, QUARTER, SETTLING, START_NS, S, asked, binance, refused
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.binance.rest import MarketRest

T = START_NS + 10 * S


def cost(exchange: BinanceExchange, path: str, query: str) -> int:
    before = exchange.weights.used(T)
    exchange.request("GET", path, query, T)
    return exchange.weights.used(T) - before


@pytest.mark.parametrize(
    ("path", "query", "weight"),
    [
        ("ping", "", 1),
        ("time", "", 1),
        ("exchangeInfo", "", 1),
        ("depth", "symbol=BTCUSDT", 1),
        ("depth", "symbol=BTCUSDT&limit=50", 2),
        ("depth", "symbol=BTCUSDT&limit=100", 5),
        ("depth", "symbol=BTCUSDT&limit=500", 10),
        ("depth", "symbol=BTCUSDT&limit=1000", 20),
        ("depth", "symbol=BTCUSDT&limit=7", 1),
        ("klines", "symbol=BTCUSDT&interval=1m", 5),
        ("klines", "symbol=BTCUSDT&interval=1m&limit=100", 1),
        ("klines", "symbol=BTCUSDT&interval=1m&limit=101", 2),
        ("klines", "symbol=BTCUSDT&interval=1m&limit=500", 2),
        ("klines", "symbol=BTCUSDT&interval=1m&limit=501", 5),
        ("klines", "symbol=BTCUSDT&interval=1m&limit=1000", 5),
        ("klines", "symbol=BTCUSDT&interval=1m&limit=1001", 10),
        ("klines", "symbol=BTCUSDT&interval=1m&limit=1501", 10),
        ("aggTrades", "symbol=NOPE", 20),
        ("trades", "symbol=BTCUSDT", 5),
        ("premiumIndex", "symbol=BTCUSDT", 1),
        ("premiumIndex", "", 10),
        ("ticker/24hr", "symbol=BTCUSDT", 1),
        ("ticker/24hr", "", 40),
        ("ticker/price", "", 2),
        ("ticker/bookTicker", "symbol=BTCUSDT", 2),
        ("ticker/bookTicker", "", 5),
        ("openInterest", "symbol=BTCUSDT", 1),
        ("fundingRate", "symbol=BTCUSDT", 0),
        ("fundingInfo", "", 0),
        ("nowhere", "", 0),
    ],
)
def test_every_request_costs_what_was_measured_refused_or_not(path: str, query: str, weight: int) -> None:
    assert cost(binance(rate=0), f"/fapi/v1/{path}", query) == weight


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("depth", "", 400, -1102),
        ("depth", "symbol=", 400, -1105),
        ("depth", "symbol=NOPE", 400, -1121),
        ("depth", "symbol=BTCUSDT&limit=7", 400, -4021),
        ("depth", "symbol=BTCUSDT&limit=x", 400, -1100),
        ("klines", "symbol=BTCUSDT&interval=7m", 400, -1120),
        ("klines", "symbol=BTCUSDT&interval=1m&limit=1501", 400, -1130),
        ("klines", "symbol=BTCUSDT&interval=1m&startTime=2&endTime=1", 400, -1023),
        ("trades", "symbol=BTCUSDT&limit=1001", 400, -1130),
        ("aggTrades", "symbol=BTCUSDT&startTime=1", 400, -4166),
        ("historicalTrades", "symbol=BTCUSDT", 401, -2014),
        ("nowhere", "", 404, -5000),
    ],
)
def test_what_is_wrong_is_refused_with_the_venues_code(path: str, query: str, status: int, code: int) -> None:
    assert refused(binance(rate=0), f"/fapi/v1/{path}", query) == (status, code)


def test_lower_case_is_taken_and_answered_in_upper() -> None:
    assert asked(binance(rate=0), "/fapi/v1/ticker/price", "symbol=btcusdt")["symbol"] == "BTCUSDT"


def test_a_snapshot_is_sorted_best_first_and_as_deep_as_asked() -> None:
    exchange = binance(rate=200)
    for limit, levels in (
        ("5", 5),
        ("20", 20),
        ("1000", len(exchange.market.listings["BTCUSDT"].book.bids.keys)),
    ):
        snapshot = asked(exchange, "/fapi/v1/depth", f"symbol=BTCUSDT&limit={limit}")
        bids = [float(price) for price, _ in snapshot["bids"]]
        asks = [float(price) for price, _ in snapshot["asks"]]
        assert len(bids) == levels
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        assert bids[0] < asks[0]


def test_the_server_time_of_exchange_info_is_stale() -> None:
    exchange = binance(rate=0)
    assert asked(exchange, "/fapi/v1/exchangeInfo", "", T)["serverTime"] == START_NS // 1_000_000
    assert asked(exchange, "/fapi/v1/time", "", T)["serverTime"] == T // 1_000_000


def test_contracts_that_do_not_trade_are_listed_and_have_no_ticker() -> None:
    exchange = binance(rate=50, contracts=(BTC, ETH, SETTLING))
    rows = asked(exchange, "/fapi/v1/exchangeInfo")["symbols"]
    assert [(row["symbol"], row["status"]) for row in rows][-1] == ("OMGUSDT", "SETTLING")
    for path in ("ticker/24hr", "ticker/price", "ticker/bookTicker"):
        found = asked(exchange, f"/fapi/v1/{path}", "", T)
        assert [row["symbol"] for row in found] == ["BTCUSDT", "ETHUSDT"]


def test_a_quarterly_has_no_funding() -> None:
    exchange = binance(rate=0, contracts=(BTC, QUARTER))
    rows: list[dict[str, Any]] = asked(exchange, "/fapi/v1/premiumIndex")
    assert [(row["symbol"], row["nextFundingTime"] > 0, row["lastFundingRate"] != "") for row in rows] == [
        ("BTCUSDT", True, True),
        ("BTCUSDT_261225", False, False),
    ]
    assert asked(exchange, "/fapi/v1/fundingRate", "symbol=BTCUSDT_261225") == []


def test_rows_from_a_beginning_are_the_oldest_and_else_the_newest() -> None:
    exchange = binance(rate=0)
    everything = asked(exchange, "/fapi/v1/klines", "symbol=BTCUSDT&interval=1m&limit=1500")
    newest = asked(exchange, "/fapi/v1/klines", "symbol=BTCUSDT&interval=1m&limit=3")
    begin = everything[2][0]
    oldest = asked(exchange, "/fapi/v1/klines", f"symbol=BTCUSDT&interval=1m&limit=3&startTime={begin}")
    assert newest == everything[-3:]
    assert oldest == everything[2:5]
    by_pair = "pair=BTCUSDT&contractType=PERPETUAL&interval=1m&limit=3"
    assert asked(exchange, "/fapi/v1/continuousKlines", by_pair) == newest


def test_trades_tell_who_waited() -> None:
    exchange = binance(rate=200)
    rows = asked(exchange, "/fapi/v1/trades", "symbol=BTCUSDT&limit=50", T)
    prints = list(exchange.market.listings["BTCUSDT"].tape.trades)[-50:]
    assert [row["id"] for row in rows] == [one.trade_id for one in prints]
    assert [row["isBuyerMaker"] for row in rows] == [one.taker_side == 1 for one in prints]


def test_the_market_side_knows_its_paths_and_no_others() -> None:
    exchange = binance(rate=0)
    rest: MarketRest = exchange._gateway._market
    assert rest.knows("/fapi/v1/depth")
    assert not rest.knows("/fapi/v1/order")

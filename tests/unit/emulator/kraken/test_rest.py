from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from emulated import START_NS, S, emulated
from leadline.emulator.exchange import Exchange
from leadline.emulator.instruments import Pair
from leadline.emulator.kraken.rest import PUBLIC_BURST
from leadline.emulator.wire import Answer

NOW = START_NS + 20 * S


def get(exchange: Exchange, endpoint: str, now_ns: int = NOW, **query: str) -> dict[str, Any]:
    answer = exchange.request("GET", f"/0/public/{endpoint}", query, now_ns)
    assert isinstance(answer, Answer)
    assert answer.status == 200
    decoded: dict[str, Any] = msgspec.json.decode(answer.body)
    return decoded


def result(endpoint: str, **query: str) -> dict[str, Any]:
    answer = get(emulated(), endpoint, **query)
    assert answer["error"] == []
    found: dict[str, Any] = answer["result"]
    return found


def test_time_is_the_venues() -> None:
    assert result("Time") == {"unixtime": NOW // S, "rfc1123": "Mon, 21 Sep 26 14:13:40 +0000"}


@pytest.mark.parametrize("name", ["XXBTZUSD", "XBTUSD", "XBT/USD", "BTC/USD"])
@pytest.mark.parametrize("endpoint", ["Depth", "Trades", "OHLC", "Ticker", "Spread"])
def test_every_name_of_a_pair_is_answered_under_its_canonical_key(endpoint: str, name: str) -> None:
    assert next(iter(result(endpoint, pair=name))) == "XXBTZUSD"


def test_pairs_asked_by_slash_name_are_answered_under_it() -> None:
    assert list(result("AssetPairs", pair="BTC/USD,XDGUSD")) == ["BTC/USD", "XDGUSD"]
    assert list(result("AssetPairs")) == ["XXBTZUSD", "XDGUSD"]


def test_assets_are_found_by_any_name() -> None:
    assert list(result("Assets", asset="XBT,ZUSD,DOGE")) == ["XXBT", "ZUSD", "XXDG"]


@pytest.mark.parametrize(
    ("endpoint", "query", "error"),
    [
        ("Depth", {"pair": "NOPE"}, "EQuery:Unknown asset pair"),
        ("Assets", {"asset": "NOPE"}, "EQuery:Unknown asset"),
        ("Depth", {}, "EGeneral:Invalid arguments"),
        ("Depth", {"pair": "XBTUSD", "count": "501"}, "EGeneral:Invalid arguments"),
        ("Trades", {"pair": "XBTUSD", "count": "0"}, "EGeneral:Invalid arguments"),
        ("Trades", {"pair": "XBTUSD", "since": "yesterday"}, "EGeneral:Invalid arguments"),
        ("OHLC", {"pair": "XBTUSD", "interval": "7"}, "EGeneral:Invalid arguments"),
        ("Nothing", {}, "EGeneral:Unknown method"),
    ],
)
def test_errors_come_with_http_200_and_no_result(endpoint: str, query: dict[str, str], error: str) -> None:
    assert get(emulated(), endpoint, **query) == {"error": [error]}


def test_private_endpoints_know_no_key_yet() -> None:
    answer = emulated().request("POST", "/0/private/Balance", {}, NOW)
    assert isinstance(answer, Answer)
    assert msgspec.json.decode(answer.body) == {"error": ["EAPI:Invalid key"]}


def test_the_public_limit_is_a_burst_and_then_one_a_second() -> None:
    exchange = emulated()
    found = [get(exchange, "Time")["error"] for _ in range(PUBLIC_BURST + 1)]
    assert found == [[]] * PUBLIC_BURST + [["EGeneral:Too many requests"]]
    assert get(exchange, "Time", NOW + S)["error"] == []


def test_depth_is_the_book_with_rests_decimals() -> None:
    exchange = emulated()
    rows = get(exchange, "Depth", pair="XBTUSD", count="3")["result"]["XXBTZUSD"]
    book = exchange.market.listings["BTC/USD"].book
    for name, side in (("asks", book.asks), ("bids", book.bids)):
        assert [Decimal(row[0]) for row in rows[name]] == [
            Decimal(price).scaleb(-1) for price, _ in side.top(3)
        ]
        assert all(len(row[0].partition(".")[2]) == 5 for row in rows[name])
        assert all(len(row[1].partition(".")[2]) == 3 for row in rows[name])


def test_trades_page_by_time_without_a_hole() -> None:
    exchange = emulated()
    everything = get(exchange, "Trades", pair="XBTUSD")["result"]["XXBTZUSD"]
    assert len(everything) > 20
    seen: list[int] = []
    since = "0"
    for _ in range(100):
        answer = get(exchange, "Trades", NOW, pair="XBTUSD", since=str(max(0, int(since) - 1)), count="10")
        if "result" not in answer:
            exchange.inject({"kind": "RATE", "per_s": 1000, "burst": 1000}, NOW)
            continue
        rows = answer["result"]["XXBTZUSD"]
        fresh = [row[6] for row in rows if row[6] not in seen]
        seen += fresh
        since = answer["result"]["last"]
        if not fresh:
            break
    assert seen == [row[6] for row in everything]


def test_since_is_exclusive_and_may_be_seconds() -> None:
    exchange = emulated()
    answer = get(exchange, "Trades", pair="XBTUSD")["result"]
    last = answer["last"]
    assert get(exchange, "Trades", pair="XBTUSD", since=last)["result"] == {"XXBTZUSD": [], "last": last}
    recent = get(exchange, "Trades", pair="XBTUSD", since=str(START_NS // S))["result"]["XXBTZUSD"]
    assert 0 < len(recent) < len(answer["XXBTZUSD"])


def test_candles_fill_empty_intervals_and_end_with_the_running_one() -> None:
    found = result("OHLC", pair="XBTUSD", interval="1")
    rows = found["XXBTZUSD"]
    assert [row[0] for row in rows] == list(range(rows[0][0], rows[-1][0] + 60, 60))
    assert rows[-1][0] == NOW // S // 60 * 60
    assert found["last"] == rows[-1][0] - 60
    empty = [number for number, row in enumerate(rows) if row[7] == 0]
    assert empty
    number = empty[0]
    if number:
        assert rows[number][1:] == [rows[number - 1][4]] * 4 + ["0.0", "0.00000000", 0]


def test_candles_since_a_time_are_the_later_ones() -> None:
    exchange = emulated()
    found = get(exchange, "OHLC", pair="XBTUSD")["result"]
    later = get(exchange, "OHLC", pair="XBTUSD", since=str(found["last"]))["result"]["XXBTZUSD"]
    assert [row[0] for row in later] == [found["XXBTZUSD"][-1][0]]


def test_one_ticker_call_serves_all_pairs() -> None:
    exchange = emulated()
    rows = get(exchange, "Ticker")["result"]
    assert list(rows) == ["XXBTZUSD", "XDGUSD"]
    listing = exchange.market.listings["BTC/USD"]
    best = listing.best[0]
    assert best is not None
    assert Decimal(rows["XXBTZUSD"]["b"][0]) == Decimal(best[0]).scaleb(-1)
    assert rows["XXBTZUSD"]["t"][0] <= rows["XXBTZUSD"]["t"][1]


def test_the_spread_lists_changes_of_the_best_prices() -> None:
    found = result("Spread", pair="XBTUSD")
    rows = found["XXBTZUSD"]
    assert len(rows) > 20
    assert all(Decimal(bid) < Decimal(ask) for _, bid, ask in rows)


def test_a_pair_that_never_traded_has_a_ticker_of_zeros() -> None:
    pair = Pair("NEW/USD", 2, 8, 5_000, 100_000_000, levels=3, history=False)
    exchange = emulated(rate=0, pairs=(pair,))
    row = get(exchange, "Ticker", pair="NEWUSD")["result"]["NEWUSD"]
    assert (row["t"], row["v"], row["p"]) == ([0, 0], ["0.00000000"] * 2, ["0.00000"] * 2)
    assert row["c"] == ["50.00000", "0.00000000"]

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from leadline.clock import NS_PER_MS, NS_PER_S, ManualClock
from leadline.core.limits import DecayingCounter
from leadline.core.venue_time import VenueTime
from leadline.errors import Acted, AuthError, ProtocolError, RateLimited, Rejected, VenueDown
from leadline.model.market import Bar, FundingRate, Level, MarkPrice, Side, Ticker, Trade
from leadline.net.http import MemoryHttp, Purpose, Request, Response
from leadline.venues.binance import rest
from leadline.venues.binance.symbols import ExchangeInfo, SymbolTable
from vectors import VECTORS, needs_vectors, records

FOLDER = VECTORS / "binance" / "rest"
BTC = ("BTC/USDT:USDT", "BTCUSDT")
D = Decimal


def contract(symbol: str, base: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "pair": symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "1", "maxPrice": "9", "tickSize": "0.1"},
            {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "9", "stepSize": "1"},
        ],
    }


def table(*names: tuple[str, str]) -> SymbolTable:
    symbols = SymbolTable()
    rows = [contract(*name) for name in names]
    symbols.load(msgspec.json.decode(json.dumps({"symbols": rows}).encode(), type=ExchangeInfo))
    return symbols


SYMBOLS = table(("BTCUSDT", "BTC"), ("ETHUSDT", "ETH"))


def recorded(endpoint: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Every recorded answer of an endpoint, with the query it was asked by as far as that is kept."""
    for path in sorted(FOLDER.glob("*.fixtures.jsonl*")):
        for record in records(path):
            if record.get("kind", record.get("endpoint")) == f"GET {endpoint}":
                pairs = [pair.split("=", 1) for pair in record.get("query", "").split("&") if pair]
                yield record["raw"], dict(pairs)


def answer(body: object, status: int = 200) -> Response:
    return Response(status, (), json.dumps(body).encode())


# --- requests, as the venue documents and others send them ---


@pytest.mark.parametrize(
    ("endpoint", "path", "query", "weight"),
    [
        (rest.ping(), "/fapi/v1/ping", {}, 1),
        (rest.time(), "/fapi/v1/time", {}, 1),
        (rest.exchange_info(), "/fapi/v1/exchangeInfo", {}, 1),
        (rest.depth("BTCUSDT", 500), "/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": "500"}, 10),
        (rest.depth("BTCUSDT", 1000), "/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": "1000"}, 20),
        (rest.book(*BTC, 7), "/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": "10"}, 2),
        (rest.book(*BTC, 51), "/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": "100"}, 5),
        (rest.tickers(SYMBOLS), "/fapi/v1/ticker/bookTicker", {}, 5),
        (rest.tickers(SYMBOLS, "BTCUSDT"), "/fapi/v1/ticker/bookTicker", {"symbol": "BTCUSDT"}, 2),
        (rest.day_stats(SYMBOLS), "/fapi/v1/ticker/24hr", {}, 40),
        (rest.day_stats(SYMBOLS, "BTCUSDT"), "/fapi/v1/ticker/24hr", {"symbol": "BTCUSDT"}, 1),
        (rest.marks(SYMBOLS), "/fapi/v1/premiumIndex", {}, 10),
        (rest.marks(SYMBOLS, "BTCUSDT"), "/fapi/v1/premiumIndex", {"symbol": "BTCUSDT"}, 1),
        (
            rest.fundings(*BTC, 1_623_319_461_670_000_001),
            "/fapi/v1/fundingRate",
            {"symbol": "BTCUSDT", "startTime": "1623319461671", "limit": "1000"},
            0,
        ),
        (
            rest.trades_since(*BTC, 1_623_319_461_670_999_999),
            "/fapi/v1/aggTrades",
            {"symbol": "BTCUSDT", "startTime": "1623319461670", "limit": "1000"},
            20,
        ),
    ],
)
def test_a_request_is_what_the_venue_documents_at_its_weight(
    endpoint: rest.Endpoint[object], path: str, query: dict[str, str], weight: float
) -> None:
    assert endpoint.request == Request("GET", path, tuple(query.items()), cost=weight)


@pytest.mark.parametrize(
    ("count", "weight"), [(1, 1), (100, 1), (101, 2), (500, 2), (501, 5), (1000, 5), (1001, 10), (1500, 10)]
)
def test_candles_weigh_by_their_number_with_the_edges_within(count: int, weight: float) -> None:
    asked = rest.bars(*BTC, rest.BarSpan(60, "1m", NS_PER_S, count), 0).request

    assert asked.cost == weight
    assert dict(asked.query) == {
        "symbol": "BTCUSDT",
        "interval": "1m",
        "startTime": "1000",
        "limit": str(count),
    }


@needs_vectors
def test_every_name_we_send_is_one_that_the_official_client_sends() -> None:
    vectors = json.loads((FOLDER / "expected_requests_connector.json").read_text())["vectors"]
    known: dict[str, set[str]] = {}
    for vector in vectors:
        names = known.setdefault(vector["path"], set())
        for name in vector["params"] or {}:
            head, *rest_of_it = name.split("_")
            names.add(head + "".join(part.capitalize() for part in rest_of_it))
    ours = [
        *(rest.ping(), rest.exchange_info(), rest.depth("BTCUSDT", 500), rest.trades_since(*BTC, 0)),
        *(rest.tickers(SYMBOLS, "BTCUSDT"), rest.day_stats(SYMBOLS, "BTCUSDT"), rest.fundings(*BTC, 0)),
    ]
    for endpoint in ours:
        assert endpoint.request.path in known
        sent = {name for name, _ in endpoint.request.query}
        assert sent - known[endpoint.request.path] <= {"limit"}


# --- answers ---


def test_a_depth_snapshot_is_read_in_the_wires_digits() -> None:
    told = {
        "lastUpdateId": 11757092630476,
        "E": 1589436922972,
        "T": 1589436922959,
        "bids": [["83091.60", "4.215"]],
        "asks": [["83091.70", "3.763"]],
    }

    snapshot = rest.depth("BTCUSDT", 500).answer(answer(told))
    assert snapshot.last_update_id == 11757092630476
    assert (snapshot.bids, snapshot.asks) == ([("83091.60", "4.215")], [("83091.70", "3.763")])
    assert (snapshot.venue_ms, snapshot.limit) == (1589436922959, 500)


def test_a_book_has_as_many_levels_as_asked_for_and_not_as_the_venue_sends() -> None:
    levels = [[f"{100 - n}.0", "1"] for n in range(10)]
    told = {"lastUpdateId": 1, "T": 5, "bids": levels, "asks": [["101.0", "2"]]}

    book = rest.book(*BTC, 7).answer(answer(told))
    assert (book.symbol, len(book.bids), book.venue_time) == ("BTC/USDT:USDT", 7, 5)
    assert book.asks == (Level(D("101.0"), D(2)),)


def test_best_prices_of_all_leave_out_what_is_of_another_market() -> None:
    row = {"bidPrice": "1.10", "bidQty": "2", "askPrice": "1.20", "askQty": "3", "time": 7}
    told = [{"symbol": "BTCUSDT", **row, "lastUpdateId": 9}, {"symbol": "BTCUSD_PERP", **row}]

    assert rest.tickers(SYMBOLS).answer(answer(told)) == {
        "BTC/USDT:USDT": Ticker("BTC/USDT:USDT", D("1.10"), D(2), D("1.20"), D(3), venue_time=7)
    }
    assert list(rest.tickers(SYMBOLS, "BTCUSDT").answer(answer(told[0]))) == ["BTC/USDT:USDT"]


def test_a_mark_price_of_a_contract_without_funding_tells_none() -> None:
    row = {
        "symbol": "BTCUSDT",
        "markPrice": "11793.63104562",
        "indexPrice": "11781.80495970",
        "estimatedSettlePrice": "11781.16138815",
        "lastFundingRate": "0.00038246",
        "interestRate": "0.0001",
        "nextFundingTime": 1597392000000,
        "time": 1597370495002,
    }
    [funded] = rest.marks(SYMBOLS, "BTCUSDT").answer(answer(row)).values()
    assert funded == MarkPrice(
        "BTC/USDT:USDT",
        mark=D("11793.63104562"),
        index=D("11781.80495970"),
        funding_rate=D("0.00038246"),
        next_funding_ns=1597392000000 * NS_PER_MS,
        settle_estimate=D("11781.16138815"),
        venue_time=1597370495002,
    )
    for empty in ({"lastFundingRate": "", "nextFundingTime": 0}, {"nextFundingTime": 0}):
        [unfunded] = rest.marks(SYMBOLS, "BTCUSDT").answer(answer(row | empty)).values()
        assert (unfunded.funding_rate, unfunded.next_funding_ns) == (None, None)


def test_a_funding_keeps_its_jitter_and_tells_when_it_is_special() -> None:
    told = [
        {"symbol": "BTCUSDT", "fundingTime": 1577865600000, "fundingRate": "0.0001", "markPrice": ""},
        {
            "symbol": "BTCUSDT",
            "fundingTime": 1791331200002,
            "fundingRate": "-0.00000743",
            "markPrice": "85516.50151449",
            "rateType": "Special",
        },
    ]

    assert rest.fundings(*BTC, 0).answer(answer(told)) == [
        FundingRate("BTC/USDT:USDT", D("0.0001"), 1577865600000 * NS_PER_MS),
        FundingRate(
            "BTC/USDT:USDT", D("-0.00000743"), 1791331200002 * NS_PER_MS, D("85516.50151449"), special=True
        ),
    ]


def test_the_side_of_a_trade_is_the_takers() -> None:
    row = {"a": 26129, "p": "0.01633102", "q": "4.70", "nq": "4.70", "f": 27781, "l": 27781, "T": 14987}

    trades = rest.trades_since(*BTC, 0).answer(answer([row | {"m": True}, row | {"a": 26130, "m": False}]))
    assert trades == [
        Trade("BTC/USDT:USDT", Side.SELL, D("0.01633102"), D("4.70"), 26129, 14987),
        Trade("BTC/USDT:USDT", Side.BUY, D("0.01633102"), D("4.70"), 26130, 14987),
    ]


def test_a_candle_has_ended_when_its_last_millisecond_is_over() -> None:
    row = [60000, "1", "4", "0.5", "2", "10", 119999, "20", 3, "5", "10", "0"]
    idle = [120000, "2", "2", "2", "2", "0", 179999, "0", 0, "0", "0", "0"]
    span = rest.BarSpan(60, "1m", 0, 2)

    assert rest.bars(*BTC, span, 120000).answer(answer([row, idle])) == [
        Bar("BTC/USDT:USDT", 60, 60 * NS_PER_S, D(1), D(4), D("0.5"), D(2), D(10), D(2), 3, True),
        Bar("BTC/USDT:USDT", 60, 120 * NS_PER_S, D(2), D(2), D(2), D(2), D(0), D(0), 0, False),
    ]
    assert [bar.complete for bar in rest.bars(*BTC, span, 119999).answer(answer([row]))] == [False]


def test_a_candle_has_ended_when_a_later_one_is_told_with_it() -> None:
    """The minute has turned while the request was on its way."""
    rows = [
        [60000, "1", "4", "0.5", "2", "10", 119999, "20", 3, "5", "10", "0"],
        [120000, "2", "2", "2", "2", "1", 179999, "2", 1, "0", "0", "0"],
    ]

    bars = rest.bars(*BTC, rest.BarSpan(60, "1m", 0, 2), 119000).answer(answer(rows))
    assert [bar.complete for bar in bars] == [True, False]


@needs_vectors
@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("/fapi/v1/depth", 4),
        ("/fapi/v1/aggTrades", 3),
        ("/fapi/v1/klines", 5),
        ("/fapi/v1/premiumIndex", 3),
        ("/fapi/v1/fundingRate", 6),
        ("/fapi/v1/ticker/24hr", 2),
        ("/fapi/v1/ticker/bookTicker", 3),
        ("/fapi/v1/time", 1),
        ("/fapi/v1/exchangeInfo", 3),
    ],
)
def test_every_recorded_answer_of_the_market_is_read(path: str, count: int) -> None:
    endpoints: dict[str, rest.Endpoint[Any]] = {
        endpoint.request.path: endpoint
        for endpoint in (
            *(rest.depth("BTCUSDT", 1000), rest.trades_since(*BTC, 0), rest.marks(SYMBOLS)),
            *(rest.fundings(*BTC, 0), rest.day_stats(SYMBOLS), rest.tickers(SYMBOLS), rest.time()),
            *(rest.exchange_info(), rest.bars(*BTC, rest.BarSpan(300, "5m", 0, 500), 0)),
        )
    }
    found = [raw for raw, _ in recorded(path) if '"code"' not in raw]

    assert len(found) == count
    for raw in found:
        assert endpoints[path].answer(Response(200, (), raw.encode())) is not None


@needs_vectors
def test_a_recorded_book_of_a_thousand_levels_is_sorted_best_first() -> None:
    [raw] = [raw for raw, query in recorded("/fapi/v1/depth") if query.get("limit") == "1000"]

    book = rest.book(*BTC, 1000).answer(Response(200, (), raw.encode()))
    assert [level.price for level in book.bids] == sorted((b.price for b in book.bids), reverse=True)
    assert [level.price for level in book.asks] == sorted(a.price for a in book.asks)
    assert book.bids[0].price < book.asks[0].price


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"serverTime":"soon"}', b'{"time":5}'])
def test_what_is_no_answer_is_an_error_with_its_bytes(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="GET /fapi/v1/time") as error:
        rest.time().answer(Response(200, (), body))
    assert error.value.frame == body


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "", "1,5"])
def test_no_number_that_is_none_comes_through(number: str) -> None:
    levels = {"lastUpdateId": 1, "T": 1, "bids": [[number, "1"]], "asks": []}
    best = {"symbol": "BTCUSDT", "bidPrice": number, "bidQty": "1", "askPrice": "1", "askQty": "1"}
    trade = {"a": 1, "p": "1", "q": number, "T": 1, "m": True}
    funding = {"fundingTime": 1, "fundingRate": number}
    told: list[tuple[rest.Endpoint[Any], object]] = [
        (rest.book(*BTC, 5), levels),
        (rest.tickers(SYMBOLS), [best]),
        (rest.trades_since(*BTC, 0), [trade]),
        (rest.fundings(*BTC, 0), [funding]),
        (
            rest.bars(*BTC, rest.BarSpan(60, "1m", 0, 1), 0),
            [[0, "1", "1", "1", number, "1", 1, "1", 1, "1", "1", "0"]],
        ),
    ]
    for endpoint, body in told:
        with pytest.raises(ProtocolError):
            endpoint.answer(answer(body))


@pytest.mark.parametrize(
    ("status", "body", "kind", "acted"),
    [
        (400, {"code": -1121, "msg": "Invalid symbol."}, Rejected, Acted.NO),
        (401, {"code": -2014, "msg": "API-key format invalid."}, AuthError, Acted.NO),
        (429, {"code": -1003, "msg": "Too many requests"}, RateLimited, Acted.NO),
        (503, {"code": 0, "msg": "Service Unavailable."}, VenueDown, Acted.NO),
        (504, {}, VenueDown, Acted.MAYBE),
    ],
)
def test_a_status_other_than_200_is_the_error_it_means(
    status: int, body: object, kind: type[Exception], acted: Acted
) -> None:
    with pytest.raises(kind) as error:
        rest.time().answer(answer(body, status))
    assert getattr(error.value, "acted", None) is acted


def test_a_ban_lasts_until_the_end_it_names() -> None:
    body = {"code": -1003, "msg": "Way too many requests; IP(1.2.3.4) banned until 1615183669840."}

    with pytest.raises(RateLimited) as error:
        rest.time().answer(answer(body, 418), venue_ms=1615183369840)
    assert error.value.retry_s == 300


async def test_a_measurement_of_the_clock_is_bounded_by_when_it_left_and_came_back() -> None:
    clock, venue_time = ManualClock(mono_ns=5 * NS_PER_S), VenueTime()

    def told(request: Request) -> Response:
        clock.advance(0.2)
        return answer({"serverTime": 1_790_000_000_100})

    http = MemoryHttp(told, clock, DecayingCounter(10, 1))
    venue_ns = await rest.measure_time(http, venue_time, Purpose.REFERENCE)

    assert venue_ns == 1_790_000_000_100 * NS_PER_MS
    least_ns, most_ns = venue_time.bounds_ns(clock.mono_ns()) or (0, 0)
    assert least_ns == venue_ns
    assert venue_ns + 201 * NS_PER_MS < most_ns < venue_ns + 202 * NS_PER_MS

"""Public REST: the request as sent, and the answer read exactly or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from leadline.clock import NS_PER_S
from leadline.errors import AuthError, ProtocolError, RateLimited, Rejected, VenueDown, VenueError
from leadline.model.market import Level, Side, VenueMode
from leadline.net.http import Request, Response
from leadline.venues.kraken import rest
from leadline.venues.kraken.symbols import Names
from vectors import VECTORS, needs_vectors, records

BTC_USD = Names("BTC/USD", "XBTUSD", "XBT/USD", "XXBTZUSD")
BTC_USDT = Names("BTC/USDT", "XBTUSDT", "XBT/USDT", "XBTUSDT")
ETH_USDT = Names("ETH/USDT", "ETHUSDT", "ETH/USDT", "ETHUSDT")
ETH_USD = Names("ETH/USD", "ETHUSD", "ETH/USD", "XETHZUSD")
USDC_USD = Names("USDC/USD", "USDCUSD", "USDC/USD", "USDCUSD")


def ok(result: object) -> Response:
    return Response(200, (), json.dumps({"error": [], "result": result}).encode())


def fixture(number: str) -> Response:
    library = number.rpartition("-")[0].removeprefix("kraken-rest-")
    path = VECTORS / "kraken" / "rest" / f"{library}.fixtures.jsonl"
    return Response(200, (), next(r["raw"] for r in records(path) if r["id"] == number).encode())


def url(request: Request) -> str:
    query = urlencode(request.query)
    return f"https://api.kraken.com{request.path}" + (f"?{query}" if query else "")


def read(endpoint: rest.Endpoint[Any], response: Response) -> Any:
    return endpoint.answer(response, 0).value


# Requests


def test_requests_name_pairs_by_their_rest_key() -> None:
    assert url(rest.tickers([BTC_USD, ETH_USD]).request).endswith("/0/public/Ticker?pair=XXBTZUSD%2CXETHZUSD")
    assert url(rest.book(BTC_USD, 25).request).endswith("/0/public/Depth?pair=XXBTZUSD&count=25")


def test_a_request_for_all_tickers_names_no_pair() -> None:
    assert url(rest.tickers([BTC_USD], everything=True).request).endswith("/0/public/Ticker")


def test_candles_are_asked_for_from_the_second_before_the_first_one_wanted() -> None:
    query = dict(rest.bars(BTC_USD, 300, 1_700_000_100 * NS_PER_S).request.query)
    assert query == {"pair": "XXBTZUSD", "interval": "5", "since": "1700000099"}
    assert dict(rest.bars(BTC_USD, 300, 1_700_000_100 * NS_PER_S + 1).request.query)["since"] == "1700000100"
    assert "since" not in dict(rest.bars(BTC_USD, 300, 0).request.query)


def test_trades_before_all_time_are_those_from_the_beginning() -> None:
    assert dict(rest.trades(BTC_USD, -5).request.query)["since"] == "0"


@needs_vectors
def test_requests_are_those_of_another_client() -> None:
    vectors = json.loads((VECTORS / "kraken" / "rest" / "expected_requests_ccxt.json").read_text())["vectors"]
    theirs = {vector["description"]: vector["url"] for vector in vectors}
    assert url(rest.time().request) == theirs["fetchTime"]
    assert url(rest.tickers([BTC_USDT]).request) == theirs["spot ticker"]
    assert url(rest.tickers([BTC_USDT, ETH_USDT]).request) == theirs["spot tickers"]
    assert url(rest.bars(BTC_USDT, 60, 0).request) == theirs["spot ohlcv"]
    assert url(rest.trades(BTC_USDT, 1716550666).request) == theirs["trades with since"] + "&count=1000"


# Answers


def test_the_clock_is_read_to_the_second() -> None:
    answer = ok({"unixtime": 1688669448, "rfc1123": "Thu, 06 Jul 23 18:50:48 +0000"})
    assert read(rest.time(), answer) == 1688669448 * NS_PER_S


def test_a_mode_nobody_has_heard_of_is_unknown_and_keeps_its_name() -> None:
    status = read(rest.system_status(), ok({"status": "half_open", "timestamp": "2025-11-11T00:17:10Z"}))
    assert (status.mode, status.text) == (VenueMode.UNKNOWN, "half_open")


def test_one_unreadable_pair_harms_no_other() -> None:
    good = {"altname": "XBTUSD", "wsname": "XBT/USD", "base": "XXBT", "quote": "ZUSD", "pair_decimals": 1}
    pairs = read(rest.asset_pairs(), ok({"GOOD": good | {"lot_decimals": 8}, "BAD": good}))
    assert pairs["GOOD"].lot_decimals == 8
    assert pairs["BAD"] is None


ROW = {
    "a": ["30300.10000", "1", "1.000"],
    "b": ["30300.00000", "2", "2.500"],
    "c": ["30303.20000", "0.00067643"],
    "v": ["4083.67001100", "4412.73601799"],
    "p": ["30706.77771", "30689.13205"],
    "t": [34619, 38907],
    "l": ["29868.30000", "29868.20000"],
    "h": ["31631.00000", "31632.00000"],
    "o": "30502.80000",
}


def test_a_ticker_is_of_the_last_24_hours_and_claims_no_change() -> None:
    ticker = read(rest.tickers([BTC_USD]), ok({"XXBTZUSD": ROW}))["BTC/USD"]
    assert (ticker.bid, ticker.bid_qty) == (Decimal("30300.00000"), Decimal("2.500"))
    assert (ticker.ask, ticker.ask_qty) == (Decimal("30300.10000"), Decimal("1.000"))
    assert (ticker.last, ticker.volume, ticker.vwap) == (
        Decimal("30303.2"),
        Decimal("4412.73601799"),
        Decimal("30689.13205"),
    )
    assert (ticker.low, ticker.high) == (Decimal("29868.2"), Decimal("31632"))
    assert (ticker.change, ticker.change_pct, ticker.venue_time) == (None, None, None)


def test_the_decimals_of_a_price_survive() -> None:
    assert str(read(rest.tickers([BTC_USD]), ok({"XXBTZUSD": ROW}))["BTC/USD"].bid) == "30300.00000"


def test_a_ticker_nobody_asked_for_is_not_given_and_one_missing_is_absent() -> None:
    found = read(rest.tickers([BTC_USD, ETH_USD], everything=True), ok({"XXBTZUSD": ROW, "SOLUSD": {}}))
    assert list(found) == ["BTC/USD"]


def candle(begin_s: int) -> list[object]:
    return [begin_s, "1.0", "2.0", "0.5", "1.5", "1.2", "3.00000000", 7]


def test_the_last_candle_runs_and_those_before_are_complete() -> None:
    rows = [candle(begin_s) for begin_s in (600, 660, 720)]
    bars = read(rest.bars(BTC_USD, 60, 0), ok({"XXBTZUSD": rows, "last": 660}))
    assert [bar.complete for bar in bars] == [True, True, False]
    assert (bars[0].begin_ns, bars[0].end_ns) == (600 * NS_PER_S, 660 * NS_PER_S)
    assert (bars[0].open, bars[0].high, bars[0].low, bars[0].close) == (
        Decimal("1.0"),
        Decimal("2.0"),
        Decimal("0.5"),
        Decimal("1.5"),
    )
    assert (bars[0].vwap, bars[0].volume, bars[0].trades) == (Decimal("1.2"), Decimal("3.00000000"), 7)


def test_a_candle_the_venue_has_not_committed_is_not_complete() -> None:
    rows = [candle(begin_s) for begin_s in (600, 660, 720)]
    bars = read(rest.bars(BTC_USD, 60, 0), ok({"XXBTZUSD": rows, "last": 600}))
    assert [bar.complete for bar in bars] == [True, False, False]


def test_candles_before_the_span_are_cut_off() -> None:
    rows = [candle(begin_s) for begin_s in (600, 660, 720)]
    bars = read(rest.bars(BTC_USD, 60, 660 * NS_PER_S), ok({"XXBTZUSD": rows, "last": 660}))
    assert [bar.begin_ns // NS_PER_S for bar in bars] == [660, 720]


def test_a_pair_without_candles_is_an_empty_list() -> None:
    assert read(rest.bars(BTC_USD, 60, 0), ok({"XXBTZUSD": [], "last": 0})) == []


def test_a_book_keeps_its_three_decimals_and_claims_no_time() -> None:
    sides = {"asks": [["30384.10000", "2.059", 1688671659]], "bids": [["30297.00000", "1.115", 1688671636]]}
    book = read(rest.book(BTC_USD, 1), ok({"XXBTZUSD": sides}))
    assert book.bids == (Level(Decimal("30297.00000"), Decimal("1.115")),)
    assert str(book.asks[0].qty) == "2.059"
    assert book.venue_time is None


def test_a_trade_has_its_exact_time_and_the_takers_side() -> None:
    raw = b"""{"error":[],"result":{"XXBTZUSD":[
        ["30243.40000","0.34507674",1688669597.8277369,"b","m","",61044952],
        ["30243.30000","0.00376960",1688669598.2804112,"s","l","",61044953,"a field to come"]],
        "last":"1688671969993150842"}}"""
    bought, sold = read(rest.trades(BTC_USD, 0), Response(200, (), raw))
    assert (bought.side, bought.trade_id, bought.backfilled) == (Side.BUY, 61044952, False)
    assert (sold.side, sold.price, sold.qty) == (Side.SELL, Decimal("30243.30000"), Decimal("0.00376960"))
    assert bought.venue_time == "2023-07-06T18:53:17.8277369Z"
    assert bought.venue_ns == 1688669597827736900


def test_an_answer_may_come_under_any_name_of_the_pair_but_no_other() -> None:
    sides: dict[str, list[object]] = {"asks": [], "bids": []}
    for key in ("XXBTZUSD", "XBTUSD", "XBT/USD", "BTC/USD"):
        assert read(rest.book(BTC_USD, 1), ok({key: sides})).symbol == "BTC/USD"
    with pytest.raises(ProtocolError, match="about XETHZUSD, not XXBTZUSD"):
        read(rest.book(BTC_USD, 1), ok({"XETHZUSD": sides}))
    with pytest.raises(ProtocolError, match="no pair"):
        read(rest.book(BTC_USD, 1), ok({}))


# Refusals


@pytest.mark.parametrize(
    ("texts", "error"),
    [
        (["EQuery:Unknown asset pair"], Rejected),
        (["EGeneral:Permission denied"], AuthError),
        (["WSomething:Else", "EService:Busy"], VenueDown),
    ],
)
def test_an_error_with_status_200_is_an_error(texts: list[str], error: type[VenueError]) -> None:
    for body in ({"error": texts}, {"error": texts, "result": None}, {"error": texts, "result": {}}):
        with pytest.raises(error):
            read(rest.time(), Response(200, (), json.dumps(body).encode()))


def test_a_warning_comes_with_the_value() -> None:
    body = b'{"error":["WGeneral:Slow"],"result":{"unixtime":1}}'
    answer = rest.time().answer(Response(200, (), body), 0)
    assert (answer.value, answer.warnings) == (NS_PER_S, ("WGeneral:Slow",))


def test_throttling_is_counted_from_our_own_clock() -> None:
    body = b'{"error":["EService: Throttled: 1700000030"]}'
    with pytest.raises(RateLimited) as failure:
        rest.time().answer(Response(200, (), body), 1_700_000_000 * NS_PER_S)
    assert failure.value.retry_s == 30.0


def test_a_status_other_than_200_is_not_read() -> None:
    with pytest.raises(VenueDown, match="520"):
        read(rest.time(), Response(520, (), b'{"error":[],"result":{"unixtime":1}}'))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>moved</html>",
        b"[]",
        b'{"result":{"unixtime":1}}',
        b'{"error":[]}',
        b'{"error":[],"result":null}',
        b'{"error":[],"result":{"unixtime":"1"}}',
        b'{"error":[],"result":{"unixtime":1}',
        b'\xff{"error":[]}',
    ],
)
def test_what_cannot_be_read_is_kept(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="GET /0/public/Time") as failure:
        read(rest.time(), Response(200, (), body))
    assert failure.value.frame == body


@pytest.mark.parametrize(
    ("make", "result"),
    [
        (lambda: rest.trades(BTC_USD, 0), [["1", "1", 1.5, "x", "m", "", 1]]),
        (lambda: rest.trades(BTC_USD, 0), [["one", "1", 1.5, "b", "m", "", 1]]),
        (lambda: rest.trades(BTC_USD, 0), [["1", "1", "NaN", "b", "m", "", 1]]),
        (lambda: rest.bars(BTC_USD, 60, 0), [[600, "1"]]),
        (lambda: rest.bars(BTC_USD, 60, 0), [[600, "1", "1", "1", "1", "Infinity", "1", 1]]),
        (lambda: rest.book(BTC_USD, 1), {"asks": [], "bids": [["1", "NaN", 1]]}),
        (lambda: rest.trades(BTC_USD, 0), [["NaN", "1", 1.5, "b", "m", "", 1]]),
        (lambda: rest.tickers([BTC_USD]), ROW | {"a": ["NaN", "1", "1"]}),
        (lambda: rest.book(BTC_USD, 1), {"asks": [["1"]], "bids": []}),
    ],
)
def test_a_malformed_row_is_never_read_in_part(
    make: Callable[[], rest.Endpoint[Any]], result: object
) -> None:
    with pytest.raises(ProtocolError):
        read(make(), ok({"XXBTZUSD": result, "last": 0}))


# What others recorded or documented


@needs_vectors
def test_the_fixtures_of_other_clients_can_be_read() -> None:
    assert read(rest.time(), fixture("kraken-rest-kraken-async-rs-005")) == 1688669448 * NS_PER_S
    assert read(rest.time(), fixture("kraken-rest-kraken-cli-000")) == 1740000000 * NS_PER_S
    for number in ("jkorf-003", "kraken-async-rs-003", "nautilus-003"):
        assert read(rest.system_status(), fixture(f"kraken-rest-{number}")).mode is VenueMode.ONLINE
    assets = read(rest.assets(), fixture("kraken-rest-kraken-async-rs-001"))
    assert (assets["XXBT"].altname, assets["XXBT"].decimals, assets["ZUSD"].display_decimals) == (
        "XBT",
        10,
        2,
    )
    pairs = read(rest.asset_pairs(), fixture("kraken-rest-kraken-async-rs-000"))
    assert pairs["XXBTZUSD"].tick_size == Decimal("0.1")
    assert read(rest.asset_pairs(), fixture("kraken-rest-nautilus-000"))["XBTUSDT"].ordermin == Decimal(
        "0.00005"
    )
    assert read(rest.asset_pairs(), fixture("kraken-rest-nautilus-001"))["AAPLxUSD"].wsname == "AAPLx/USD"


@needs_vectors
def test_the_market_data_fixtures_of_other_clients_can_be_read() -> None:
    tickers = rest.tickers([BTC_USD, ETH_USD, USDC_USD])
    assert len(read(tickers, fixture("kraken-rest-kraken-async-rs-004"))) == 3
    assert read(tickers, fixture("kraken-rest-jkorf-004"))["BTC/USD"].last == Decimal("30303.20000")
    assert read(rest.tickers([BTC_USDT]), fixture("kraken-rest-nautilus-004"))["BTC/USDT"].high == Decimal(
        "106613.1"
    )
    bars = read(rest.bars(BTC_USD, 60, 0), fixture("kraken-rest-kraken-async-rs-002"))
    assert [bar.complete for bar in bars] == [True] * 17 + [False]
    assert len(read(rest.bars(BTC_USD, 60, 0), fixture("kraken-rest-jkorf-001"))) == 4
    assert len(read(rest.book(BTC_USD, 3), fixture("kraken-rest-jkorf-000")).asks) == 3
    assert read(rest.book(BTC_USDT, 5), fixture("kraken-rest-nautilus-002")).bids[0].price == Decimal(
        "105944.2"
    )
    assert len(read(rest.trades(BTC_USD, 0), fixture("kraken-rest-jkorf-005"))) == 3
    trades = read(rest.trades(BTC_USDT, 0), fixture("kraken-rest-nautilus-005"))
    assert len(trades) == rest.TRADES_A_PAGE
    assert trades[-1].venue_time == "2025-11-11T00:13:55.9822779Z"


@needs_vectors
@pytest.mark.parametrize(
    ("number", "error"),
    [
        ("kraken-async-rs-023", AuthError),
        ("kraken-async-rs-024", Rejected),
        ("kraken-cli-001", RateLimited),
        ("kraken-cli-003", AuthError),
        ("kraken-cli-004", RateLimited),
        ("kraken-cli-006", RateLimited),
        ("kraken-cli-007", AuthError),
    ],
)
def test_the_refusals_of_the_fixtures_have_their_errors(number: str, error: type[VenueError]) -> None:
    with pytest.raises(error):
        read(rest.time(), fixture(f"kraken-rest-{number}"))

"""The emulated Binance's frames beside recorded ones: same keys in the same order, types and number forms.

The measure is the recording of September 2026; where it has no frame of a kind, the documented payloads are,
whose extra fields `ps` and `st` are put last.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from binance_emulated import BTC, ETH, NAMED, START_NS, S, asked, binance, reading, texts
from leadline.emulator.binance.contracts import DEMO_CONTRACTS, row
from vectors import VECTORS, needs_vectors, records

pytestmark = needs_vectors

WS = VECTORS / "binance" / "ws"
REST = VECTORS / "binance" / "rest"
NEWEST = WS / "usdm_prod_20260927_btc_eth.capture.jsonl"
NUMBER = re.compile(r"-?\d+(\.\d+)?")


class Token:
    """A number as it stood in the text."""

    def __init__(self, text: str) -> None:
        self.form = f"number with {len(text.partition('.')[2])} decimals"


def form(value: Any, *, decimals: bool = True) -> Any:
    """What can be compared of a JSON value: keys in order, the set of forms of a list's elements."""
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return tuple((key, form(one, decimals=decimals)) for key, one in value)
    if isinstance(value, list):
        return frozenset(form(one, decimals=decimals) for one in value)
    if isinstance(value, Token):
        return value.form
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return f"text of {len(value.partition('.')[2])} decimals" if decimals else "text of a number"
    return type(value).__name__


def form_of(text: str, *, decimals: bool = True) -> Any:
    read = json.loads(text, parse_float=Token, parse_int=Token, object_pairs_hook=list)
    return form(read, decimals=decimals)


def session(route: str, *names: str, seconds: int = 5) -> list[str]:
    exchange = binance(rate=300, contracts=(BTC, ETH, NAMED))
    line = reading(exchange, route, *names)
    exchange.advance(START_NS + seconds * S)
    return texts(line)


def recorded(stream: str) -> list[str]:
    found = [one["raw"] for one in records(NEWEST) if "raw" in one]
    return [text for text in found if json.loads(text)["stream"] == stream]


@pytest.mark.parametrize(
    ("route", "stream"),
    [
        ("ws_public", "btcusdt@bookTicker"),
        ("ws_market", "btcusdt@aggTrade"),
        ("ws_market", "ethusdt@aggTrade"),
        ("ws_market", "btcusdt@markPrice@1s"),
        ("ws_market", "btcusdt@kline_1m"),
    ],
)
def test_frames_have_the_newest_recorded_form(route: str, stream: str) -> None:
    wanted = {form_of(text) for text in recorded(stream)}
    ours = {form_of(text) for text in session(route, stream)}
    assert ours
    assert ours <= wanted


def test_diffs_have_the_newest_recorded_form() -> None:
    (wanted,) = {form_of(text) for text in recorded("btcusdt@depth@100ms")}
    ours = {form_of(text) for text in session("ws_public", "btcusdt@depth@100ms")}
    assert wanted in ours
    # A diff of one side has an empty list on the other.
    assert all([key for key, _ in one] == [key for key, _ in wanted] for one in ours)


def test_a_partial_book_has_the_form_of_a_diff() -> None:
    (wanted,) = {form_of(text) for text in recorded("btcusdt@depth@100ms")}
    assert {form_of(text) for text in session("ws_public", "btcusdt@depth20@100ms")} == {wanted}


def test_liquidations_have_the_newest_recorded_form() -> None:
    wanted = {form_of(text, decimals=False) for text in recorded("!forceOrder@arr")}
    ours = {form_of(text, decimals=False) for text in session("ws_market", "!forceOrder@arr", seconds=60)}
    assert len(wanted) == 1
    assert ours == wanted


def test_the_inner_object_of_a_bar_alone_has_spaces() -> None:
    theirs, ours = recorded("btcusdt@kline_1m")[0], session("ws_market", "btcusdt@kline_1m")[0]
    for text in (theirs, ours):
        head, _, bar = text.partition('"k":{')
        assert ", " not in head
        assert bar.count(", ") == bar.count(",")


@pytest.mark.parametrize(
    ("stream", "name"),
    [
        ("btcusdt@miniTicker", "test_individual_symbol_mini_ticker_stream_subscription"),
        ("!ticker@arr", "test_all_market_tickers_streams_subscription"),
        ("!markPrice@arr@1s", "test_mark_price_stream_for_all_market_subscription"),
    ],
)
def test_streams_without_a_recording_have_the_documented_fields(stream: str, name: str) -> None:
    path = WS / "binance-connector.fixtures.jsonl"
    (raw,) = [one["raw"] for one in records(path) if one.get("name", "").startswith(name)]
    documented = json.loads(raw)
    documented = documented[0] if isinstance(documented, list) else documented
    for text in session("ws_market", stream):
        data = json.loads(text)["data"]
        for one in data if isinstance(data, list) else [data]:
            types = {key: type(value) for key, value in one.items()}
            # Of all-market arrays the newest have `ps` where the stream's table says so (§10.3).
            assert types.keys() | {"ps"} == documented.keys() | {"ps"}
            assert all(types[key] is type(documented[key]) for key in types)


def test_the_ticker_has_the_keys_of_its_recording_and_the_new_ones() -> None:
    path = WS / "tardis-node.fixtures.jsonl"
    raw = next(one["raw"] for one in records(path) if "24hrTicker" in one.get("raw", ""))
    keys = list(json.loads(raw)["data"])
    for text in session("ws_market", "btcusdt@ticker"):
        assert [key for key in json.loads(text)["data"] if key not in ("ps", "st")] == keys


def test_a_row_of_exchange_info_has_the_keys_of_the_newest_recording() -> None:
    path = REST / "exchangeinfo_testnet_20260923_4symbols.capture.jsonl"
    (raw,) = [one["raw"] for one in records(path) if "raw" in one]
    theirs = json.loads(raw)
    ours = asked(binance(rate=0, contracts=DEMO_CONTRACTS), "/fapi/v1/exchangeInfo")
    assert list(ours) == list(theirs)
    for one in ours["symbols"]:
        assert [(key, type(value)) for key, value in one.items()] == [
            (key, type(value)) for key, value in theirs["symbols"][0].items()
        ]
        assert _filters(one) == _filters(theirs["symbols"][0])
    assert {frozenset(one) for one in ours["rateLimits"]} == {frozenset(one) for one in theirs["rateLimits"]}


def _filters(listed: dict[str, Any]) -> list[Any]:
    return [sorted((key, type(value).__name__) for key, value in one.items()) for one in listed["filters"]]


@pytest.mark.parametrize(
    ("path", "query", "fixture"),
    [
        ("/fapi/v1/depth", "symbol=BTCUSDT&limit=5", "http_futures_market_depth"),
        ("/fapi/v1/klines", "symbol=BTCUSDT&interval=1m", "http_futures_market_klines"),
        ("/fapi/v1/premiumIndex", "symbol=BTCUSDT", "http_futures_market_premium_index"),
        ("/fapi/v1/openInterest", "symbol=BTCUSDT", "http_futures_market_open_interest"),
        ("/fapi/v1/ticker/price", "symbol=BTCUSDT", "http_futures_market_ticker_price"),
        ("/fapi/v1/ticker/bookTicker", "symbol=BTCUSDT", "http_futures_market_book_ticker"),
        ("/fapi/v1/trades", "symbol=BTCUSDT", "http_futures_market_trades"),
        ("/fapi/v1/fundingRate", "symbol=BTCUSDT", "test_get_funding_rate_history_success"),
    ],
)
def test_rest_answers_have_the_documented_fields(path: str, query: str, fixture: str) -> None:
    names = ("nautilus.fixtures.jsonl", "binance-connector.fixtures.jsonl")
    everything = [one for name in names for one in records(REST / name)]
    raw = next(one["raw"] for one in everything if one.get("name", "").startswith(fixture))
    exchange = binance(rate=300)
    ours = asked(exchange, path, query, START_NS + 5 * S)
    assert _shape(json.loads(raw)) <= _shape(ours)


def _shape(value: Any, at: str = "") -> set[tuple[str, str]]:
    """Every path in a value and the JSON type at its end."""
    if isinstance(value, dict):
        return {pair for key, one in value.items() for pair in _shape(one, f"{at}.{key}")}
    if isinstance(value, list):
        return {pair for number, one in enumerate(value[:1]) for pair in _shape(one, f"{at}[{number}]")}
    return {(at, type(value).__name__)}


def test_the_demo_contracts_are_listed_as_real_ones_are() -> None:
    shown = row(DEMO_CONTRACTS[0], DEMO_CONTRACTS[0].pair, "TRADING")
    assert (shown["pricePrecision"], shown["quantityPrecision"]) == (2, 3)
    assert shown["filters"][0]["tickSize"] == "0.10"

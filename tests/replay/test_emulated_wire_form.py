"""The emulator's frames beside recorded ones: same keys in the same order, same JSON types, same number form.

Where recordings differ over the years the newest is the measure; an older or partial one must be a
subsequence of the keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from emulated import START_NS, S, ask, emulated, texts
from leadline.emulator.instruments import Pair
from vectors import VECTORS, needs_vectors, records

pytestmark = needs_vectors

WS = VECTORS / "kraken" / "ws"
REST = VECTORS / "kraken" / "rest"
BTC = Pair("BTC/USD", 1, 8, 633_814, 8_000_000, 5_000, levels=40, step=12, marginable=True)
DOGE = Pair("DOGE/USDT", 5, 8, 9_563, 700_000_000_000, levels=40)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
ALL = (BTC, DOGE, Pair("ETH/USD", 2, 8, 302_780, 90_000_000, levels=40, marginable=True))

Form = Any


def number_form(text: str) -> str:
    if "e" in text.lower():
        return "number with exponent"
    return f"number with {len(text.partition('.')[2])} decimals"


def form(value: Any) -> Form:
    """What can be compared of a JSON value: an object's keys in order, the set of row forms of a list."""
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return tuple((key, form(one)) for key, one in value)
    if isinstance(value, list):
        return frozenset(form(one) for one in value)
    if isinstance(value, Number):
        return number_form(value.text)
    if isinstance(value, str):
        moment = TIME.fullmatch(value)
        return f"time with {len(moment[1] or '.') - 1} decimals" if moment else text_form(value)
    return type(value).__name__


def text_form(value: str) -> str:
    return number_form(value) + " as text" if re.fullmatch(r"-?\d+(\.\d+)?", value) else "text"


class Number:
    def __init__(self, text: str) -> None:
        self.text = text


def parsed(text: str) -> Any:
    return json.loads(text, parse_float=Number, parse_int=Number, object_pairs_hook=list)


def form_of(text: str) -> Form:
    return form(parsed(text))


def raw(name: str, wanted: Callable[[dict[str, Any]], bool] = lambda message: True) -> list[str]:
    """The received texts of a capture whose decoded form is wanted."""
    found = [one["raw"] for one in records(WS / name) if "raw" in one and one.get("dir", "rx") == "rx"]
    return [text for text in found if wanted(json.loads(text))]


def fixture(path: Any, name: str) -> str:
    return next(str(one["raw"]) for one in records(path) if one.get("name") == name)


def session(*requests: dict[str, Any], seconds: int = 3, rate: float = 200) -> list[str]:
    exchange = emulated(rate=rate, pairs=ALL)
    connection = exchange.connect(START_NS)
    for request in requests:
        ask(connection, START_NS, **request)
    exchange.advance(START_NS + seconds * S)
    return texts(connection)


def pick(found: list[str], start: str) -> list[str]:
    picked = [text for text in found if text.startswith(start)]
    assert picked, start
    return picked


def test_status_has_the_newest_recorded_form() -> None:
    recorded = raw("ohlc_btcusdt_20260910_and_errors.capture.jsonl", lambda m: m.get("channel") == "status")
    assert form_of(session()[0]) == form_of(recorded[0])


def test_a_heartbeat_is_the_recorded_text() -> None:
    recorded = raw("book_btcusd_d10_20260719_A3.capture.jsonl", lambda m: m.get("channel") == "heartbeat")
    ours = session({"method": "subscribe", "channel": "ticker", "symbol": ["BTC/USD"]})
    assert ours.count(recorded[0]) == 3


@pytest.mark.parametrize(
    ("name", "channel", "request_"),
    [
        ("book_btcusd_d10_20260719_A3.capture.jsonl", "book", {}),
        ("book_btcusd_d10_20260812_ccxt.capture.jsonl", "book", {"req_id": 1}),
        ("book_btcusd_d25_20260802_crossbook.capture.jsonl", "book", {"depth": 25}),
        ("ticker_btcusd_20260812_ccxt.capture.jsonl", "ticker", {"req_id": 1}),
        ("ohlc_btcusdt_20260910_and_errors.capture.jsonl", "ohlc", {"interval": 1}),
    ],
)
def test_acknowledgements_have_the_recorded_form(name: str, channel: str, request_: dict[str, Any]) -> None:
    (recorded,) = raw(name, lambda m: m.get("method") == "subscribe" and m["success"])
    ours = session({"method": "subscribe", "channel": channel, "symbol": ["BTC/USD"], **request_})
    assert form_of(ours[1]) == form_of(recorded)


@pytest.mark.parametrize(
    ("recorded", "request_"),
    [
        (lambda: raw("control_frames_20260816.capture.jsonl")[0], {"symbol": ["BTC/USD"], "depth": 27}),
        (lambda: raw("ohlc_btcusdt_20260910_and_errors.capture.jsonl")[2], {"symbol": ["XBT/USDT"]}),
        (
            lambda: fixture(
                WS / "kraken-async-rs.fixtures.jsonl", "test_deserializing_subscribe_error_message.raw"
            ),
            {"symbol": ["WWW/USD"], "req_id": 0},
        ),
    ],
)
def test_rejections_are_the_recorded_words(recorded: Callable[[], str], request_: dict[str, Any]) -> None:
    ours = session({"method": "subscribe", "channel": "book", **request_})[1]
    assert form_of(ours) == form_of(recorded())
    assert json.loads(ours)["error"] == json.loads(recorded())["error"]


@pytest.mark.parametrize(
    ("name", "symbol", "depth"),
    [
        ("book_btcusd_d10_20260719_A3.capture.jsonl", "BTC/USD", 10),
        ("book_btcusd_d25_20260802_crossbook.capture.jsonl", "BTC/USD", 25),
        ("book_btcusd_d10_20260824_tickvault.capture.jsonl", "BTC/USD", 10),
        ("book_dogeusdt_d10_20261006_thin_then_deep_ccxt.capture.jsonl", "DOGE/USDT", 10),
    ],
)
@pytest.mark.parametrize("kind", ["snapshot", "update"])
def test_book_frames_have_the_recorded_form(name: str, symbol: str, depth: int, kind: str) -> None:
    recorded = raw(
        name, lambda m: m.get("channel") == "book" and m["type"] == kind and "checksum" in m["data"][0]
    )
    ours = session({"method": "subscribe", "channel": "book", "symbol": [symbol], "depth": depth})
    frames = pick(ours, f'{{"channel":"book","type":"{kind}"')
    assert {form_but_levels(text) for text in frames} == {form_but_levels(text) for text in recorded}
    assert levels_of(frames) == levels_of(recorded)


def form_but_levels(text: str) -> Form:
    """An update often has one side empty; the levels are compared apart."""
    return form([(key, [row_but_levels(one[0])] if key == "data" else one) for key, one in parsed(text)])


def row_but_levels(row: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [(key, [] if key in ("bids", "asks") else one) for key, one in row]


def levels_of(found: list[str]) -> set[Form]:
    rows = [dict(dict(parsed(text))["data"][0]) for text in found]
    return {form(one) for row in rows for side in ("bids", "asks") for one in row[side]}


def test_a_ticker_has_the_keys_of_the_newest_and_the_numbers_of_the_verbatim_recording() -> None:
    newest = raw("ticker_btcusd_20260812_ccxt.capture.jsonl", lambda m: m.get("channel") == "ticker")
    verbatim = fixture(WS / "kraken-async-rs.fixtures.jsonl", "test_ticker_update.ticker_update")
    ours = session({"method": "subscribe", "channel": "ticker", "symbol": ["BTC/USD"]})
    for text in pick(ours, '{"channel":"ticker"'):
        row = dict(parsed(text))["data"][0]
        assert [key for key, _ in row] == [key for key, _ in dict(parsed(newest[-1]))["data"][0]]
        expected = {key: form(one) for key, one in dict(parsed(verbatim))["data"][0]}
        assert {key: form(one) for key, one in row if key in expected} == expected


def test_trades_have_the_recorded_form() -> None:
    recorded = fixture(WS / "kraken-async-rs.fixtures.jsonl", "test_trade_update.trade_update")
    ours = session({"method": "subscribe", "channel": "trade", "symbol": ["BTC/USD"], "snapshot": True})
    for text in pick(ours, '{"channel":"trade"'):
        assert form_of(text) == form_of(recorded)


@pytest.mark.parametrize(("kind", "number"), [("snapshot", 4), ("update", 5)])
def test_candles_have_the_recorded_form(kind: str, number: int) -> None:
    recorded = raw("ohlc_btcusdt_20260910_and_errors.capture.jsonl")[number]
    ours = session({"method": "subscribe", "channel": "ohlc", "symbol": ["BTC/USD"], "interval": 1})
    for text in pick(ours, f'{{"channel":"ohlc","type":"{kind}"'):
        assert form_of(text) == form_of(recorded)


def test_instrument_rows_have_the_recorded_keys_and_the_newest_number_form() -> None:
    older = dict(
        parsed(
            fixture(WS / "kraken-async-rs.fixtures.jsonl", "test_instruments_snapshot.instrument_snapshot")
        )
    )
    fragment = next(
        one["raw"] for one in records(WS / "control_frames_20260816.capture.jsonl") if one.get("n") == 5
    )
    (text,) = pick(session({"method": "subscribe", "channel": "instrument"}), '{"channel":"instrument"')
    ours = dict(parsed(text))
    assert list(ours) == list(older)
    assert [key for key, _ in ours["data"]] == [key for key, _ in older["data"]]
    data, recorded = dict(ours["data"]), dict(older["data"])
    by_symbol = {dict(row)["symbol"]: row for row in data["pairs"]}
    for row, old in (
        (by_symbol["DOGE/USDT"], recorded["pairs"][0]),
        (by_symbol["BTC/USD"], recorded["pairs"][1]),
    ):
        assert is_subsequence([key for key, _ in old], [key for key, _ in row])
    newest = parsed(fragment)
    assert is_subsequence([(key, form(one)) for key, one in newest], list(form(by_symbol["BTC/USD"])))
    assert is_subsequence(
        [key for key, _ in recorded["assets"][0]], [key for key, _ in sorted(data["assets"][0], key=by_age)]
    )


def by_age(field: tuple[str, Any]) -> int:
    """`class` is younger than the recording; order is compared without it."""
    return 1 if field[0] == "class" else 0


def is_subsequence(short: list[Any], long: list[Any]) -> bool:
    rest = iter(long)
    return all(one in rest for one in short)


def rest_form(path: str, pair: str = "", **query: str) -> Form:
    # The recorded AssetPairs row is of a time when the minimum was 0.0001.
    exchange = emulated(rate=200, pairs=(replace(BTC, qty_min=10_000), *ALL[1:]))
    if pair:
        query["pair"] = pair
    answer = exchange.request("GET", f"/0/public/{path}", query, START_NS + 2 * S)
    assert not isinstance(answer, type(None))
    return parsed(answer.body.decode())  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("path", "pair", "source", "name"),
    [
        ("Time", "", "kraken-async-rs.fixtures.jsonl", "get_server_time_json"),
        ("SystemStatus", "", "nautilus.fixtures.jsonl", "http_system_status.json"),
    ],
)
def test_rest_answers_have_the_recorded_form(path: str, pair: str, source: str, name: str) -> None:
    assert form(rest_form(path, pair)) == form_of(fixture(REST / source, name))


@pytest.mark.parametrize(
    ("path", "source", "name", "key", "recorded_key"),
    [
        ("Assets", "kraken-async-rs.fixtures.jsonl", "get_asset_info_json", "XXBT", "XXBT"),
        (
            "AssetPairs",
            "kraken-async-rs.fixtures.jsonl",
            "get_tradable_asset_pairs_json",
            "XXBTZUSD",
            "XXBTZUSD",
        ),
        ("Ticker", "kraken-async-rs.fixtures.jsonl", "get_ticker_information_json", "XXBTZUSD", "XXBTZUSD"),
        ("Ticker", "kraken-async-rs.fixtures.jsonl", "get_ticker_information_json", "XETHZUSD", "XETHZUSD"),
        ("Depth", "nautilus.fixtures.jsonl", "http_order_book.json", "XXBTZUSD", "XBTUSDT"),
        ("Spread", "jkorf.fixtures.jsonl", "ExchangeData/GetRecentSpread", "XXBTZUSD", "XXBTZUSD"),
    ],
)
def test_rest_rows_have_the_recorded_form(
    path: str, source: str, name: str, key: str, recorded_key: str
) -> None:
    pair = "" if path in ("Assets", "AssetPairs", "Ticker") else key
    ours = dict(rest_form(path, pair))
    recorded = dict(parsed(fixture(REST / source, name)))
    assert list(ours) == list(recorded)
    assert form(dict(ours["result"])[key]) == form(dict(recorded["result"])[recorded_key]), path


def test_rest_candles_have_the_recorded_form() -> None:
    ours = dict(dict(rest_form("OHLC", "XXBTZUSD"))["result"])
    recorded = dict(
        dict(parsed(fixture(REST / "kraken-async-rs.fixtures.jsonl", "get_ohlc_data_json")))["result"]
    )
    assert list(ours) == list(recorded)
    traded = [row for row in ours["XXBTZUSD"] if row[-1].text != "0"]
    assert [[form(one) for one in row] for row in traded[:1]] == [
        [form(one) for one in recorded["XXBTZUSD"][0]]
    ]


def test_rest_trades_have_the_recorded_form() -> None:
    ours = dict(dict(rest_form("Trades", "XXBTZUSD"))["result"])
    recorded = dict(dict(parsed(fixture(REST / "nautilus.fixtures.jsonl", "http_trades.json")))["result"])
    assert form(ours["last"]) == form(recorded["last"])
    for row in ours["XXBTZUSD"]:
        assert [form(row[at]) for at in (0, 1, 3, 4, 5, 6)] == [
            form(recorded["XBTUSDT"][0][at]) for at in (0, 1, 3, 4, 5, 6)
        ]
        assert Decimal(row[2].text).as_tuple().exponent >= -7


def test_rest_errors_have_the_recorded_form() -> None:
    assert form(rest_form("Depth", "NOPE")) == form_of('{"error":["EQuery:Unknown asset pair"]}')

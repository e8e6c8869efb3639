from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from binance_depth import framed
from leadline.model.market import (
    Bar,
    BarBatch,
    DayStats,
    FrozenBook,
    Level,
    Liquidation,
    MarkPrice,
    Side,
    Ticker,
    Trade,
    TradeBatch,
)
from leadline.venues.binance import wire
from leadline.venues.binance.wire import NOT_UNDERSTOOD, decode, vwap

S = "BTC/USDT:USDT"
D = Decimal

BOOK_TICKER: dict[str, Any] = {
    "e": "bookTicker", "u": 11757092630476, "s": "BTCUSDT", "b": "83091.60", "B": "4.215", "a": "83091.70",
    "A": "3.763", "T": 1791382994657, "E": 1791382994658,
}  # fmt: skip
AGG_TRADE: dict[str, Any] = {
    "e": "aggTrade", "E": 1791382992488, "a": 3477868433, "s": "BTCUSDT", "p": "83091.70", "q": "0.022",
    "nq": "0.022", "f": 8153634393, "l": 8153634394, "T": 1791382992338, "m": False,
}  # fmt: skip
MARK: dict[str, Any] = {
    "e": "markPriceUpdate", "E": 1791382992684, "s": "BTCUSDT", "p": "4103.92233180", "ap": "4103.92233180",
    "P": "4098.72755326", "i": "4100.14187735", "r": "-0.00019799", "T": 1791388800000,
}  # fmt: skip
KLINE: dict[str, Any] = {
    "e": "kline", "E": 1791382992723, "s": "BTCUSDT", "k": {
        "t": 1791382980000, "T": 1791383039999, "s": "BTCUSDT", "i": "1m", "f": 1, "L": 9, "o": "83084.90",
        "c": "83091.60", "h": "83091.70", "l": "83051.20", "v": "13.551", "n": 1027, "x": False,
        "q": "1125714.73960", "V": "6.426", "Q": "533856.66860", "B": "0"},
}  # fmt: skip
STATS: dict[str, Any] = {
    "e": "24hrTicker", "E": 1791382993519, "s": "BTCUSDT", "p": "-3058.40", "P": "-3.550", "w": "84385.14",
    "c": "83091.60", "Q": "0.002", "o": "86150.00", "h": "86664.90", "l": "82706.20", "v": "170340.583",
    "q": "14374214019.71", "O": 1791296580000, "C": 1791382993519, "F": 1, "L": 9, "n": 3538937,
}  # fmt: skip
FORCED: dict[str, Any] = {
    "e": "forceOrder", "E": 1790526547773, "o": {
        "s": "BTCUSDT", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "9243", "p": "0.1005200",
        "ap": "0.1057892", "X": "FILLED", "l": "55", "z": "9243", "T": 1790526546763},
}  # fmt: skip
DEPTH: dict[str, Any] = {
    "e": "depthUpdate", "E": 1791382994616, "T": 1791382994613, "s": "BTCUSDT", "U": 1, "u": 3, "pu": 0,
    "b": [["83091.60", "4.215"]], "a": [["83091.70", "3.768"]],
}  # fmt: skip


def event(**data: Any) -> Any:
    return decode(framed("any", **data).encode()).data


def test_best_prices_keep_their_digits_and_the_engines_time() -> None:
    told = wire.ticker(S, event(**BOOK_TICKER))

    assert told == Ticker(S, D("83091.60"), D("4.215"), D("83091.70"), D("3.763"), venue_time=1791382994657)
    assert told.venue_ns == 1791382994657000000


def test_best_prices_without_the_engines_time_have_the_messages() -> None:
    told = wire.ticker(S, event(**{key: value for key, value in BOOK_TICKER.items() if key != "T"}))

    assert told.venue_time == 1791382994658


def test_the_taker_sold_where_the_buyer_was_the_maker() -> None:
    bought = Trade(S, Side.BUY, D("83091.70"), D("0.022"), 3477868433, 1791382992338)

    assert wire.trade_batch(S, event(**AGG_TRADE)) == TradeBatch(S, (bought,))
    assert wire.trade_batch(S, event(**AGG_TRADE | {"m": True})).trades[0].side is Side.SELL


def test_a_candle_is_told_without_a_judgement_and_with_what_a_unit_cost() -> None:
    for closed in (False, True):
        batch = wire.bar_batch(S, event(**KLINE | {"k": KLINE["k"] | {"x": closed}}))

        assert batch == BarBatch(S, 60, (Bar(
            S, 60, 1791382980000 * 10**6, D("83084.90"), D("83091.70"), D("83051.20"), D("83091.60"),
            D("13.551"), D("83072.44776031"), 1027,
        ),))  # fmt: skip


def test_what_a_unit_cost_is_zero_where_nothing_was_traded() -> None:
    assert vwap(D("3"), D("1")) == D("0.33333333")
    assert vwap(D("0.000"), D("0")) == 0


def test_a_candle_of_a_length_nobody_asks_for_is_refused() -> None:
    with pytest.raises(ValueError, match="1M is no length"):
        wire.bar_batch(S, event(**KLINE | {"k": KLINE["k"] | {"i": "1M"}}))


def test_a_mark_price_comes_with_the_funding_to_come() -> None:
    assert wire.mark_price(S, event(**MARK)) == MarkPrice(
        S, D("4103.92233180"), D("4100.14187735"), D("-0.00019799"), 1791388800000 * 10**6,
        D("4098.72755326"), 1791382992684,
    )  # fmt: skip


@pytest.mark.parametrize("none", [{"T": 0, "r": "0.00000000"}, {"T": 0, "r": ""}, {"T": 1, "r": ""}])
def test_where_no_funding_is_to_come_there_is_none(none: dict[str, Any]) -> None:
    told = wire.mark_price(S, event(**MARK | none))

    assert (told.funding_rate, told.next_funding_ns) == (None, None)


def test_an_old_mark_price_without_index_and_estimate_is_read() -> None:
    told = wire.mark_price(S, event(**{k: v for k, v in MARK.items() if k not in ("i", "P", "ap")}))

    assert (told.index, told.settle_estimate) == (None, None)


def test_the_day_is_told_with_signs_kept() -> None:
    assert wire.day_stats(S, event(**STATS)) == DayStats(
        S, D("83091.60"), D("170340.583"), D("14374214019.71"), D("84385.14"), D("86150.00"), D("82706.20"),
        D("86664.90"), D("-3058.40"), D("-3.550"), 3538937, 1791382993519,
    )  # fmt: skip


def test_a_forced_order_is_told_with_its_side_and_time() -> None:
    assert wire.liquidation(S, event(**FORCED)) == Liquidation(
        S, Side.SELL, D("9243"), D("0.1005200"), D("0.1057892"), 1790526546763
    )


def test_a_top_is_whole_in_every_message() -> None:
    assert wire.top(S, event(**DEPTH)) == FrozenBook(
        S, (Level(D("83091.60"), D("4.215")),), (Level(D("83091.70"), D("3.768")),), 1791382994613
    )
    assert wire.top(S, event(**DEPTH | {"b": [], "a": []})) == FrozenBook(S, (), (), 1791382994613)


@pytest.mark.parametrize(
    ("tell", "data"),
    [
        (wire.ticker, BOOK_TICKER | {"b": "NaN"}),
        (wire.ticker, BOOK_TICKER | {"A": "-1"}),
        (wire.trade_batch, AGG_TRADE | {"p": "Infinity"}),
        (wire.bar_batch, KLINE | {"k": KLINE["k"] | {"v": "-1"}}),
        (wire.bar_batch, KLINE | {"k": KLINE["k"] | {"q": "1e40"}}),
        (wire.mark_price, MARK | {"p": "-1"}),
        (wire.mark_price, MARK | {"r": "much"}),
        (wire.mark_price, MARK | {"r": "NaN"}),
        (wire.day_stats, STATS | {"c": "sNaN"}),
        (wire.liquidation, FORCED | {"o": FORCED["o"] | {"S": "BOTH"}}),
        (wire.top, DEPTH | {"b": [["x", "1"]]}),
        (wire.top, DEPTH | {"b": [["-1", "1"]]}),
    ],
)
def test_what_is_no_amount_is_refused(tell: Any, data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        tell(S, event(**data))


@pytest.mark.parametrize("data", [
    {"e": "bookTicker"}, {"e": "nobodyKnows"}, {}, DEPTH | {"b": [["1"]]}, DEPTH | {"b": [["1", "1", "1"]]},
    DEPTH | {"u": "3"}, DEPTH | {"b": [[1, 1]]}, AGG_TRADE | {"a": 1.5},
])  # fmt: skip
def test_what_has_another_shape_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(NOT_UNDERSTOOD):
        event(**data)


def test_an_event_is_read_without_the_name_of_its_stream_as_well() -> None:
    frame = framed("any", **DEPTH).encode()

    assert wire.decode_event(frame.partition(b'"data":')[2][:-1]) == wire.decode(frame).data
    assert wire.decode_depth_frame(frame).data == wire.decode(frame).data


def test_something_about_a_contract_names_the_contract() -> None:
    assert event(e="contractInfo", s="牛来USDT", ct="PERPETUAL").symbol == "牛来USDT"

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kraken_frames import (
    book_frame,
    instrument,
    instrument_frame,
    ohlc_frame,
    status_frame,
    ticker_frame,
    trade_frame,
)
from leadline.model.instrument import InstrumentStatus, from_units
from leadline.model.market import Side, VenueMode
from leadline.venues.kraken import wire

LIMIT = wire.EXACT_UNITS


def level_units(price: str, qty: str, prices: int, qtys: int) -> list[tuple[int, int]] | None:
    message = wire.decode(book_frame("update", [(price, qty)], [], 1).encode())
    assert isinstance(message, wire.BookFrame)
    return wire.levels(message.data[0].bids, wire.POWERS[prices], wire.POWERS[qtys])


def fixed(units: int, precision: int) -> str:
    return format(from_units(units, precision), "f")


below = st.one_of(st.integers(1, LIMIT - 1), st.integers(LIMIT - 1000, LIMIT - 1), st.integers(1, 10**6))


@given(below, below, st.integers(0, 22), st.integers(0, 22))
@example(LIMIT - 1, LIMIT - 1, 22, 0)
def test_every_number_below_the_bound_is_exact_through_a_float(price: int, qty: int, p: int, q: int) -> None:
    assert level_units(fixed(price, p), fixed(qty, q), p, q) == [(price, qty)]


@given(st.integers(LIMIT, 10**25), st.integers(0, 10), st.booleans())
def test_every_number_beyond_the_bound_is_left_to_the_exact_way(
    units: int, precision: int, as_price: bool
) -> None:
    price, qty = (units, 1) if as_price else (1, units)
    texts = fixed(price, precision), fixed(qty, precision)

    assert level_units(*texts, precision, precision) is None
    frame = book_frame("update", [texts], [], 1).encode()
    assert wire.decode_exact_book(frame, precision, precision) == ([(price, qty)], [])


@given(st.integers(1, LIMIT - 1), st.integers(1, 9), st.integers(0, 8), st.integers(1, 4), st.booleans())
def test_a_number_with_more_decimals_than_the_book_counts_is_never_rounded(
    whole: int, rest: int, precision: int, more: int, as_price: bool
) -> None:
    units = (
        whole // 10**more * 10**more + rest
    )  # `more` digits beyond the precision, the last of them not zero
    text = fixed(units, precision + more)
    texts = (text, "1") if as_price else ("1", text)

    assert level_units(*texts, precision, precision) is None
    with pytest.raises(ValueError, match="decimals"):
        wire.decode_exact_book(book_frame("update", [texts], [], 1).encode(), precision, precision)


@pytest.mark.parametrize(
    ("price", "qty"),
    [
        ("0.0", "1.0"),
        ("-0.0", "1.0"),
        ("-5.0", "1.0"),
        ("5.0", "-1.0"),
        ("5.0", "-0.01"),
        ("1e-300", "0"),
        ("-5.0", "0"),
    ],
)
def test_what_is_no_level_is_refused_on_both_ways(price: str, qty: str) -> None:
    assert level_units(price, qty, 1, 1) is None
    with pytest.raises(ValueError, match=r"decimals|a level of"):
        wire.decode_exact_book(book_frame("update", [(price, qty)], [], 1).encode(), 1, 1)


def test_a_number_too_large_for_a_float_once_scaled_is_left_to_the_exact_way() -> None:
    assert level_units("1e308", "1.0", 22, 1) is None
    assert level_units("1.0", "1e308", 1, 22) is None


def test_a_quantity_of_nothing_removes() -> None:
    assert level_units("63381.0", "0.00000000", 1, 8) == [(633810, 0)]


@pytest.mark.parametrize(
    "frame",
    [
        b"", b"nonsense", b"{}", b"[]", b"null", b'{"channel":"unheard of"}', b'{"channel":5}', b"\xff\xfe",
        b'{"channel":"\xff"}', b'{"channel":"book","x":' + b"[" * 100_000,
        b'{"channel":"book","type":"update","data":[]}',
        b'{"channel":"book","type":"update","data":{}}',
        b'{"channel":"book","type":"neither","data":[{"symbol":"A/B","bids":[],"asks":[],"checksum":0}]}',
        b'{"channel":"book","type":"update","data":[{"symbol":"A/B","bids":[],"asks":[],"checksum":0.5}]}',
        b'{"channel":"book","type":"update","data":[{"symbol":"A/B","bids":[{"price":"1","qty":1}],"asks":[]}]}',
        b'{"channel":"book","type":"update","data":[{"symbol":"A/B","bids":[{"price":NaN,"qty":1}],"asks":[]}]}',
        b'{"channel":"book","type":"update","data":[{"symbol":"A/B","bids":[{"price":1e999,"qty":1}],"asks":[]}]}',
    ],
)  # fmt: skip
def test_what_is_no_channel_frame_is_said_to_be_none(frame: bytes) -> None:
    with pytest.raises(wire.NOT_UNDERSTOOD):
        wire.decode(frame)


def test_whose_book_a_frame_was_about_is_told_where_it_can_be() -> None:
    broken = book_frame("update", [("1.0", '"one"')], [], 1, "ETH/USD")

    assert wire.book_symbols(broken.encode()) == ["ETH/USD"]
    assert wire.book_symbols(b'{"channel":"ticker","data":[{"symbol":"ETH/USD"}]}') == []
    assert wire.book_symbols(b'{"channel":"book","data":[') == []


def test_a_ticker_without_a_trade_in_24_hours_says_so_and_is_a_ticker() -> None:
    untraded = dict.fromkeys(("last", "vwap", "low", "high", "change", "change_pct"), "null")
    (ticker,) = wire.tickers(wire.decode(ticker_frame(**untraded).encode()))

    assert (ticker.last, ticker.vwap, ticker.low, ticker.high, ticker.change) == (None,) * 5
    assert str(ticker.bid) == "3215.88"


def test_a_recorded_ticker_keeps_every_digit() -> None:
    message = wire.decode(ticker_frame().encode())
    assert isinstance(message, wire.TickerFrame)

    (ticker,) = wire.tickers(message)

    assert str(ticker.ask_qty) == "70.24300000"
    assert (ticker.symbol, ticker.change_pct) == ("ETH/USD", Decimal("-3.30"))
    assert ticker.venue_time == "2026-01-19T15:05:26.339692Z"


@pytest.mark.parametrize("name", ["bid", "ask_qty", "low", "change"])
@pytest.mark.parametrize("text", ['"NaN"', '"sNaN"', '"Infinity"', "-1.5"])
def test_a_number_that_is_none_never_becomes_a_ticker(name: str, text: str) -> None:
    message = wire.decode(ticker_frame(**{name: text}).encode())
    assert isinstance(message, wire.TickerFrame)
    if (name, text) == ("change", "-1.5"):  # a change may be negative, a price may not
        assert wire.tickers(message)[0].change == Decimal("-1.5")
        return

    with pytest.raises(ValueError, match="amounts"):
        wire.tickers(message)


def test_trades_come_by_symbol_in_the_venues_order() -> None:
    two = json.loads(trade_frame(7, 8))
    two["data"].append(json.loads(trade_frame(3, symbol="ETH/USD"))["data"][0])
    two["data"].append(json.loads(trade_frame(9))["data"][0])
    message = wire.decode(json.dumps(two).encode())
    assert isinstance(message, wire.TradeFrame)

    bitcoin, ether = wire.trade_batches(message)

    assert [trade.trade_id for trade in bitcoin.trades] == [7, 8, 9]
    assert (ether.symbol, ether.snapshot) == ("ETH/USD", False)
    assert (bitcoin.trades[0].side, bitcoin.trades[0].price) == (Side.BUY, Decimal("68500.0"))


def test_a_trade_at_no_price_is_refused() -> None:
    message = wire.decode(trade_frame(1, price='"NaN"').encode())
    assert isinstance(message, wire.TradeFrame)

    with pytest.raises(ValueError, match="amounts"):
        wire.trade_batches(message)


def test_bars_begin_when_the_venue_says_and_are_not_complete() -> None:
    message = wire.decode(ohlc_frame().encode())
    assert isinstance(message, wire.OhlcFrame)

    (batch,) = wire.bar_batches(message)

    assert (batch.symbol, batch.interval_s) == ("ETH/USD", 60)
    assert batch.bars[0].begin_ns == 1715944320 * 10**9
    assert not batch.bars[0].complete


@pytest.mark.parametrize("change", [{"begin": "soon"}, {"close": "-1"}])
def test_a_bar_that_begins_at_no_time_or_closes_at_no_price_is_refused(change: dict[str, str]) -> None:
    message = wire.decode(ohlc_frame(**change).encode())
    assert isinstance(message, wire.OhlcFrame)

    with pytest.raises(ValueError, match=r"no time|amounts"):
        wire.bar_batches(message)


def test_a_recorded_instrument_with_exponents_is_exact() -> None:
    frame = (
        b'{"channel":"instrument","type":"snapshot","data":{"assets":[],"pairs":[{"symbol":"BTC/USD","base":"BTC",'
        b'"quote":"USD","status":"post_only","qty_precision":8,"qty_increment":1e-08,"price_precision":1,'
        b'"cost_precision":5,"marginable":true,"has_index":true,"cost_min":0.50,"tick_size":0.1,'
        b'"price_increment":0.1,"qty_min":5e-05}]}}'
    )
    message = wire.decode(frame)
    assert isinstance(message, wire.InstrumentFrame)

    (bitcoin,) = wire.instruments(message)

    assert (bitcoin.lot, bitcoin.qty_min) == (Decimal("0.00000001"), Decimal("0.00005"))
    assert bitcoin.status is InstrumentStatus.POST_ONLY
    assert (bitcoin.cost_precision, bitcoin.marginable, bitcoin.has_index) == (5, True, True)


def test_an_instrument_that_cannot_be_counted_in_is_left_out_and_harms_no_other() -> None:
    wrong = [instrument("A/USD", 23, 8), instrument("B/USD", 1, 23)]
    frame = json.loads(
        instrument_frame(*wrong, instrument("C/USD"), instrument("D/USD"), instrument("E/USD"))
    )
    frame["data"]["pairs"][2]["price_precision"] = -1
    frame["data"]["pairs"][3]["qty_min"] = "NaN"
    frame["data"]["pairs"][4]["status"] = "something new"
    message = wire.decode(json.dumps(frame).encode())
    assert isinstance(message, wire.InstrumentFrame)

    (left,) = wire.instruments(message)

    assert (left.symbol, left.status) == ("E/USD", InstrumentStatus.UNKNOWN)


def test_a_mode_nobody_knows_is_unknown() -> None:
    assert wire.venue_mode("cancel_only") is VenueMode.CANCEL_ONLY
    assert wire.venue_mode("siesta") is VenueMode.UNKNOWN


@pytest.mark.parametrize(
    ("more", "notices"),
    [
        ({}, []),
        ({"upcoming_maintenance": [], "emergency": None}, []),
        ({"upcoming_maintenance": [{"from": "noon"}]}, ['[{"from": "noon"}]']),
        ({"emergency": "x" * 10_000}, ['"' + "x" * 4095]),
    ],
)
def test_announcements_are_kept_whatever_their_shape_and_bounded(
    more: dict[str, object], notices: list[str]
) -> None:
    message = wire.decode(json.dumps(status_frame("online", **more)).encode())
    assert isinstance(message, wire.StatusFrame)

    assert wire.notices(message.data[0]) == notices

"""Frames of the private stream."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from binance_private import KEY, account, contracts, held, wrapped
from leadline.model.account import MarginMode
from leadline.model.order import PositionSide
from leadline.venues.binance import user_events
from leadline.venues.binance.user_events import (
    NOT_UNDERSTOOD,
    AccountUpdate,
    AlgoUpdate,
    Answer,
    ConfigUpdate,
    KeyExpired,
    MarginCall,
    OrderUpdate,
    TradeLite,
    Unknown,
)
from vectors import VECTORS, needs_vectors, records

WS = VECTORS / "binance" / "ws"
KINDS = {
    "ORDER_TRADE_UPDATE": OrderUpdate,
    "ALGO_UPDATE": AlgoUpdate,
    "TRADE_LITE": TradeLite,
    "ACCOUNT_UPDATE": AccountUpdate,
    "ACCOUNT_CONFIG_UPDATE": ConfigUpdate,
    "MARGIN_CALL": MarginCall,
    "CONDITIONAL_ORDER_TRIGGER_REJECT": Unknown,
}


@needs_vectors
def test_every_recorded_frame_of_an_account_is_understood() -> None:
    decoded = 0
    for name in ("nautilus", "jkorf"):
        for row in records(WS / f"{name}.fixtures.jsonl"):
            kind = KINDS.get(row.get("kind", ""))
            if kind is not None and row.get("dir", "rx") == "rx":
                assert isinstance(user_events.decode(row["raw"].encode()), kind), row["id"]
                decoded += 1
    assert decoded >= 20


def test_a_bare_event_is_the_same_as_a_wrapped_one_whatever_the_stream_is_called() -> None:
    frame = account(USDT="5.00")
    bare = json.dumps(json.loads(frame)["data"]).encode()
    renamed = json.dumps(json.loads(frame) | {"stream": "ACCOUNT_UPDATE"}).encode()
    one, *others = (user_events.decode(each) for each in (frame, bare, renamed))
    assert others == [one, one]
    assert isinstance(one, AccountUpdate)


def test_the_expiry_of_the_key_is_an_event_of_its_own() -> None:
    event = user_events.decode(wrapped({"e": "listenKeyExpired", "E": 1, "listenKey": KEY}))
    assert isinstance(event, KeyExpired)


def test_an_order_id_beyond_the_range_of_a_float_is_exact() -> None:
    event = user_events.decode(wrapped({"e": "TRADE_LITE", "s": "ETHUSDT", "t": 8389765739703625592}))
    assert isinstance(event, TradeLite)
    assert event.t == 8389765739703625592


def test_answers_tell_their_number_and_what_they_list_or_refuse() -> None:
    assert user_events.decode(b'{"result":null,"id":3}') == Answer(3)
    assert user_events.decode(b'{"result":["a","b"],"id":4}') == Answer(4, ["a", "b"])
    refused = user_events.decode(b'{"error":{"code":2,"msg":"no"},"id":5}')
    assert isinstance(refused, Answer)
    assert "no" in refused.error


@pytest.mark.parametrize("frame", [b"", b"[]", b"{}", b'{"e":"ACCOUNT_UPDATE","E":1}', b'{"e":5}', b"\xff"])
def test_what_is_no_frame_is_not_understood(frame: bytes) -> None:
    with pytest.raises(NOT_UNDERSTOOD):
        user_events.decode(frame)


def test_a_position_keeps_every_digit() -> None:
    event = user_events.decode(account(held("-0.0100", ps="SHORT", mt="isolated", iw="900.12345678")))
    assert isinstance(event, AccountUpdate)
    position = user_events.position(event.a.P[0], event.T, contracts())
    assert (position.symbol, position.side) == ("BTC/USDT:USDT", PositionSide.SHORT)
    assert str(position.qty) == "-0.0100"
    assert position.entry_price == Decimal("90000.1")
    assert position.margin_mode is MarginMode.ISOLATED
    assert position.isolated_margin == Decimal("900.12345678")
    assert position.venue_ns == event.T * 1_000_000


def test_a_symbol_that_is_not_listed_keeps_the_name_the_venue_gives_it() -> None:
    assert user_events.symbol_of("币安人生USDT", contracts()) == "币安人生USDT"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "x"])
def test_what_is_no_number_of_a_market_is_refused(text: str) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        user_events.number(text)


def test_zero_and_nothing_stand_for_no_price() -> None:
    assert [user_events.positive(text) for text in ("0", "0.00", "", None)] == [None] * 4
    with pytest.raises(ValueError, match="no quantity"):
        user_events.positive("-1")


def test_a_margin_call_names_its_positions() -> None:
    row = {"s": "ETHUSDT", "ps": "LONG", "pa": "1.327", "mt": "CROSSED", "mp": "187.1", "mm": "1.6"}
    event = user_events.decode(wrapped({"e": "MARGIN_CALL", "E": 5, "cw": "3.1", "p": [row]}))
    assert isinstance(event, MarginCall)
    called = user_events.called(event.p[0], event.E, contracts())
    assert (called.qty, called.margin, called.margin_mode) == (
        Decimal("1.327"),
        Decimal("1.6"),
        MarginMode.CROSS,
    )
    assert user_events.total(row.mm for row in event.p) == Decimal("1.6")


def test_the_credential_is_masked() -> None:
    assert user_events.masked(b'{"stream":"secret"}', "secret") == b'{"stream":"***"}'
    assert user_events.masked(b"plain", "") == b"plain"

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from leadline.core.subscriptions import Ask, Verb
from leadline.model.market import Channel, Subscription
from leadline.venues.kraken.requests import about, decode_reply, encode

BTC, ETH = (Subscription(Channel.BOOK, symbol, 25) for symbol in ("BTC/USD", "ETH/USD"))


def encoded(verb: Verb, *subscriptions: Subscription) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(encode(Ask(verb, 7, subscriptions)))
    return message


def test_one_request_names_all_its_symbols() -> None:
    assert encoded(Verb.SUBSCRIBE, BTC, ETH) == {
        "method": "subscribe",
        "params": {"channel": "book", "symbol": ["BTC/USD", "ETH/USD"], "depth": 25, "snapshot": True},
        "req_id": 7,
    }


def test_an_unsubscribe_repeats_what_makes_the_stream_and_asks_for_no_snapshot() -> None:
    bars = Subscription(Channel.BARS, "BTC/USD", 300)
    ticker = Subscription(Channel.TICKER, "BTC/USD")

    assert encoded(Verb.UNSUBSCRIBE, BTC)["params"] == {"channel": "book", "symbol": ["BTC/USD"], "depth": 25}
    assert encoded(Verb.UNSUBSCRIBE, bars)["params"] == {
        "channel": "ohlc",
        "symbol": ["BTC/USD"],
        "interval": 5,
    }
    assert encoded(Verb.UNSUBSCRIBE, ticker)["params"]["event_trigger"] == "bbo"


def test_trades_ask_for_their_snapshot_which_is_not_the_default() -> None:
    assert encoded(Verb.SUBSCRIBE, Subscription(Channel.TRADES, "BTC/USD"))["params"] == {
        "channel": "trade", "symbol": ["BTC/USD"], "snapshot": True,
    }  # fmt: skip


def test_instruments_have_no_symbol() -> None:
    assert encoded(Verb.SUBSCRIBE, Subscription(Channel.INSTRUMENTS, "*"))["params"] == {
        "channel": "instrument", "snapshot": True,
    }  # fmt: skip


def test_a_recorded_acknowledgement_is_read() -> None:
    reply = decode_reply(
        b'{"method":"subscribe","req_id":42,"result":{"channel":"ticker","event_trigger":"trades",'
        b'"snapshot":true,"symbol":"BTC/USD"},"success":true,"time_in":"2024-05-15T11:20:43.013486Z"}'
    )

    assert (reply.method, reply.success, reply.req_id) == ("subscribe", True, 42)
    assert reply.result is not None
    assert reply.result.symbol == "BTC/USD"


@pytest.mark.parametrize("success", ["null", '"true"', "1", "false"])
def test_a_success_that_is_not_true_is_read_for_what_it_is(success: str) -> None:
    assert decode_reply(f'{{"method":"subscribe","success":{success}}}'.encode()).success is not True


def test_the_other_shape_of_the_rate_refusal_is_read_as_one() -> None:
    reply = decode_reply(b'{"Error":"Exceeded msg rate"}')

    assert (reply.method, reply.success, reply.error) == ("error", False, "Exceeded msg rate")


@pytest.mark.parametrize("frame", [b"{}", b"[]", b"", b'{"channel":"x"}', b'{"method":1}'])
def test_what_is_no_answer_is_said_to_be_none(frame: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_reply(frame)


def test_an_answer_is_about_the_symbol_it_names_wherever_it_names_it() -> None:
    assert about(decode_reply(b'{"method":"subscribe","symbol":"ETH/USD"}'), [BTC, ETH]) == [ETH]
    assert about(decode_reply(b'{"method":"subscribe","result":{"symbol":"BTC/USD"}}'), [BTC, ETH]) == [BTC]


def test_an_answer_that_names_nothing_is_about_all_and_one_that_names_another_about_none() -> None:
    assert about(decode_reply(b'{"method":"subscribe"}'), [BTC, ETH]) == [BTC, ETH]
    assert about(decode_reply(b'{"method":"subscribe","symbol":"SOL/USD"}'), [BTC, ETH]) == []

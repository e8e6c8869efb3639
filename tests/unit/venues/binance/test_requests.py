from __future__ import annotations

import json

import pytest

from leadline.core.subscriptions import Verb
from leadline.venues.binance import requests


def test_a_request_names_its_streams_and_has_a_number() -> None:
    assert json.loads(requests.encode(Verb.SUBSCRIBE, ["btcusdt@depth"], 7)) == {
        "method": "SUBSCRIBE", "params": ["btcusdt@depth"], "id": 7,
    }  # fmt: skip
    assert json.loads(requests.encode(Verb.UNSUBSCRIBE, ["牛来usdt@depth"], 8))["params"] == [
        "牛来usdt@depth"
    ]


@pytest.mark.parametrize(
    ("frame", "understood"),
    [
        ('{"result":null,"id":1}', True),
        ('{ "result": true, "id": 0 }', True),
        ('{"error":{"code":2,"msg":"Invalid request"},"id":null}', True),
        ('{"e":"serverShutdown","E":1}', True),
        ('{"e":"somethingNew"}', False),
        ("{}", False),
    ],
)
def test_answers_are_told_from_what_is_none(frame: str, understood: bool) -> None:
    assert requests.decode_reply(frame).understood is understood


def test_no_second_holds_more_than_five_messages_and_no_message_more_than_two_hundred_names() -> None:
    assert requests.PACE.per_s + requests.PACE.burst <= 5
    assert requests.PACE.batch == 200

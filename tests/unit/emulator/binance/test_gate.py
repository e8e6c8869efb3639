from __future__ import annotations

import json
from typing import Any

import pytest

from leadline.emulator.binance.errors import Refused
from leadline.emulator.binance.gate import rest_params, rest_payload, signature, ws_payload
from leadline.emulator.binance.params import Params
from pit import LIMIT, ORDER, Pit, sign
from vectors import VECTORS, needs_vectors

BALANCE = "/fapi/v3/balance"


@needs_vectors
def test_every_recorded_signature_is_reproduced() -> None:
    path = VECTORS / "binance" / "rest" / "signing_vectors.json"
    vectors: list[dict[str, Any]] = json.loads(path.read_text())["vectors"]
    assert len(vectors) >= 10
    for one in vectors:
        assert signature(one["secret"], one["payload"]) == one["signature"], one["id"]


def test_query_and_body_are_signed_without_anything_between_them() -> None:
    assert rest_payload("a=1&signature=x", "b=2") == "a=1b=2"
    assert rest_payload("a=1", "b=2&signature=x") == "a=1b=2"


def test_the_query_wins_over_the_body_and_a_name_twice_in_one_is_refused() -> None:
    assert rest_params("a=1", "a=2&b=3").values == {"a": "1", "b": "3"}
    with pytest.raises(Refused, match="-1101"):
        rest_params("a=1&a=2", "")


def test_the_websocket_api_signs_names_in_order_as_they_are() -> None:
    assert ws_payload(Params({"symbol": "币", "apiKey": "k", "signature": "x"})) == "apiKey=k&symbol=币"


def test_a_signature_may_stand_in_query_or_body_with_parameters_in_both() -> None:
    pit = Pit()
    query, body = "symbol=BTCUSDT&side=BUY&type=LIMIT&price=49000", "quantity=0.01&timeInForce=GTC"
    body += f"&timestamp={pit.now_ms}"
    key = {"x-mbx-apikey": pit.account.api_key}
    signed = sign(pit.account.secret, query + body)
    assert pit.raw("POST", ORDER, f"{query}&signature={signed.upper()}", body, key).status == 200
    assert pit.raw("POST", ORDER, query, f"{body}&signature={signed}", key).status == 200


@pytest.mark.parametrize(("key", "code"), [(None, -2014), ("short", -2014), ("a" * 64, -2015)])
def test_a_bad_key_is_judged_first_of_all(key: str | None, code: int) -> None:
    pit = Pit()
    headers = {} if key is None else {"x-mbx-apikey": key}
    reply = pit.raw("GET", BALANCE, "", "", headers)
    assert (reply.status, reply.code) == (401, code)


def test_timestamp_and_signature_must_be_there() -> None:
    pit = Pit()
    key = {"x-mbx-apikey": pit.account.api_key}
    reply = pit.raw("GET", BALANCE, "", "", key)
    assert (reply.code, "timestamp" in reply.value["msg"]) == (-1102, True)
    reply = pit.raw("GET", BALANCE, f"timestamp={pit.now_ms}", "", key)
    assert (reply.code, "signature" in reply.value["msg"]) == (-1102, True)


def test_a_wrong_signature_is_refused() -> None:
    pit = Pit()
    key = {"x-mbx-apikey": pit.account.api_key}
    reply = pit.raw("GET", BALANCE, f"timestamp={pit.now_ms}&signature={'0' * 64}", "", key)
    assert (reply.status, reply.code) == (400, -1022)


@pytest.mark.parametrize(
    ("off_ms", "window", "code"),
    [
        (0, {}, 200),
        (999, {}, 200),
        (1_000, {}, -1021),
        (1_000, {"recvWindow": 60_000}, -1021),
        (-5_000, {}, 200),
        (-5_001, {}, -1021),
        (-60_000, {"recvWindow": 60_000}, 200),
        (-101, {"recvWindow": 100}, -1021),
        (0, {"recvWindow": 60_001}, -1130),
        (0, {"recvWindow": 0}, -1130),
    ],
)
def test_a_timestamp_holds_within_its_window(off_ms: int, window: dict[str, int], code: int) -> None:
    pit = Pit()
    reply = pit.ask("GET", BALANCE, timestamp=pit.now_ms + off_ms, **window)
    assert (200 if reply.status == 200 else reply.code) == code


def test_the_timestamp_is_judged_before_the_signature() -> None:
    pit = Pit()
    stranger = pit.trading.account("stranger")
    params = {**LIMIT, "price": "49000", "timestamp": str(pit.now_ms - 10_000)}
    text = "&".join(f"{name}={value}" for name, value in params.items())
    text += "&signature=" + sign(stranger.secret, text)
    assert pit.raw("POST", ORDER, "", text, {"x-mbx-apikey": pit.account.api_key}).code == -1021

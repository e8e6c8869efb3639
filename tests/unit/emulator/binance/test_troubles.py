from __future__ import annotations

import json

import pytest

from leadline.emulator.binance.troubles import FAILURES, only_reduces


@pytest.mark.parametrize(
    ("trouble", "status", "code", "text", "open_ended"),
    [
        ("unknown", 503, -1000, "Unknown error, please check your request", True),
        ("unavailable", 503, -1000, "Service Unavailable.", False),
        ("internal", 503, -1001, "Internal error; unable to process", False),
        ("throttled", 503, -1008, "Request throttled by system-level protection", False),
        ("late", 400, -5028, "outside of the ME recvWindow", False),
        ("timeout", 408, -1007, "execution status unknown", True),
    ],
)
def test_each_failure_has_its_own_body(
    trouble: str, status: int, code: int, text: str, open_ended: bool
) -> None:
    failure = FAILURES[trouble]  # type: ignore[index]
    assert (failure.status, failure.may_have_acted) == (status, open_ended)
    body = json.loads(failure.body)
    assert body["code"] == code
    assert text in body["msg"]


@pytest.mark.parametrize(
    ("params", "exempt"),
    [
        ({"side": "BUY"}, False),
        ({"side": "BUY", "reduceOnly": "false"}, False),
        ({"side": "BUY", "reduceOnly": "true"}, True),
        ({"side": "BUY", "closePosition": "true"}, True),
        ({"side": "SELL", "positionSide": "LONG"}, True),
        ({"side": "BUY", "positionSide": "SHORT"}, True),
        ({"side": "BUY", "positionSide": "LONG"}, False),
        ({"orderId": "7"}, True),
    ],
)
def test_what_can_only_reduce_is_never_throttled(params: dict[str, str], exempt: bool) -> None:
    assert only_reduces(params) is exempt

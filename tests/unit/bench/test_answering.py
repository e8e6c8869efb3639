"""The far end of the stream that orders are measured against."""

from __future__ import annotations

import json
from typing import Any

import pytest

from leadline.bench.answering import AnsweringSocket
from leadline.clock import ManualClock
from leadline.errors import ConnectionLost

ADD = (
    '{"method":"add_order","params":{"token":"T","order_type":"limit","side":"buy","order_qty":0.010,'
    '"limit_price":30000.0,"cl_ord_id":"ours-1","symbol":"BTC/USD"},"req_id":7}'
)


async def heard(socket: AnsweringSocket, count: int) -> list[dict[str, Any]]:
    return [json.loads(await socket.receive()) for _ in range(count)]


async def test_the_moment_is_noted_at_which_an_order_is_handed_over() -> None:
    clock = ManualClock()
    socket = AnsweringSocket(clock)
    clock.advance(0.25)

    await socket.send(ADD)

    assert socket.left_ns == {"ours-1": 250_000_000}


async def test_an_order_is_taken_at_once_and_told_of_on_the_stream() -> None:
    socket = AnsweringSocket(ManualClock())

    await socket.send(ADD)
    answer, accepted, working = await heard(socket, 3)

    assert answer["req_id"] == 7
    assert answer["success"]
    assert answer["result"]["cl_ord_id"] == "ours-1"
    assert [frame["sequence"] for frame in (accepted, working)] == [2, 3]
    [row] = accepted["data"]
    assert (row["exec_type"], row["limit_price"], row["order_qty"]) == ("pending_new", 30000.0, 0.01)
    assert working["data"][0]["order_id"] == answer["result"]["order_id"] == row["order_id"]


async def test_a_subscription_is_confirmed_and_answered_by_an_empty_snapshot() -> None:
    socket = AnsweringSocket(ManualClock())

    await socket.send('{"method":"subscribe","params":{"channel":"balances","token":"T"},"req_id":2}')
    confirmed, snapshot = await heard(socket, 2)

    assert (confirmed["req_id"], confirmed["success"]) == (2, True)
    assert (snapshot["channel"], snapshot["type"], snapshot["data"]) == ("balances", "snapshot", [])


async def test_what_is_no_request_ends_the_connection() -> None:
    with pytest.raises(ConnectionLost, match="not a request"):
        await AnsweringSocket(ManualClock()).send("hello")

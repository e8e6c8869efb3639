from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from feedrig import settle
from leadline.app.webhook import MOST_WAITING, Webhook, address_of
from leadline.clock import NS_PER_S, ManualClock
from leadline.core.alerting import Change, Rule
from leadline.errors import ConnectFailed, ConnectionLost, Error, ProtocolError
from leadline.net.http import Request, Response

RULE = Rule("LineDown", "m == 0", "warning", "a line is down", "look at the network")
SECRET = "https://hooks.example/T0/very-secret?key=1"


def change(number: int, *, firing: bool = True) -> Change:
    labels = (("line", "1"),)
    return Change(
        number, "LineDown (line 1)", RULE, labels, firing, 0.0, 5 * NS_PER_S, 0.0 if firing else 3.5
    )


class Receiver:
    """The other side: answers in turn what it was told to, then 200."""

    def __init__(self, *answers: int | Error) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    async def exchange(self, request: Request) -> Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Error):
            raise answer
        return Response(answer, (), b"")

    @property
    def got(self) -> list[tuple[str, str]]:
        return [(told["id"].rpartition("-")[2], told["state"]) for told in map(_body, self.requests)]


def _body(request: Request) -> dict[str, str]:
    told: dict[str, str] = json.loads(request.body)
    return told


@asynccontextmanager
async def running(receiver: Receiver) -> AsyncIterator[tuple[Webhook, ManualClock]]:
    clock = ManualClock(mono_ns=10 * NS_PER_S)
    webhook = Webhook(SECRET, receiver, clock, random.Random(1))
    task = asyncio.ensure_future(webhook.run())
    try:
        yield webhook, clock
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def later(clock: ManualClock, seconds: int) -> None:
    for _ in range(seconds):
        clock.advance(1)
        await settle()


async def test_a_change_and_its_end_are_posted_once_each_in_order() -> None:
    receiver = Receiver()
    async with running(receiver) as (webhook, clock):
        webhook.put(change(1))
        webhook.put(change(2, firing=False))
        await later(clock, 60)

        assert receiver.got == [("1", "firing"), ("2", "resolved")]
        told = _body(receiver.requests[0])
        assert (told["alert"], told["summary"], told["labels"]) == (
            *("LineDown (line 1)", "a line is down"),
            {"line": "1"},
        )
        request = receiver.requests[0]
        assert (request.method, request.path, request.query) == ("POST", "/T0/very-secret", (("key", "1"),))


async def test_an_address_that_cannot_be_reached_is_tried_until_it_can() -> None:
    receiver = Receiver(*[ConnectFailed("no route")] * 4, 503, 429)
    async with running(receiver) as (webhook, clock):
        webhook.put(change(1))
        webhook.put(change(2, firing=False))
        await later(clock, 200)

        assert [number for number, _ in receiver.got] == ["1"] * 7 + ["2"]
        assert (webhook.delivered, webhook.dropped) == (2, 0)


async def test_a_lost_answer_is_asked_for_once_more_under_the_same_id_and_no_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiver = Receiver(ConnectionLost("cut"), ConnectionLost("cut"))
    async with running(receiver) as (webhook, clock):
        webhook.put(change(1))
        webhook.put(change(2))
        await later(clock, 60)

        assert [number for number, _ in receiver.got] == ["1", "1", "2"]
        assert (webhook.delivered, webhook.dropped) == (1, 1)
        assert "may have arrived" in caplog.text


async def test_a_refusal_is_logged_without_the_secret_and_the_next_is_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiver = Receiver(404)
    with caplog.at_level(logging.WARNING, "leadline"):
        async with running(receiver) as (webhook, clock):
            webhook.put(change(1))
            webhook.put(change(2))
            await later(clock, 2)

            assert (webhook.delivered, webhook.dropped) == (1, 1)
            assert "hooks.example answered HTTP 404" in caplog.text
            assert "secret" not in caplog.text
            assert "secret" not in repr(webhook)


async def test_what_waits_is_bounded_and_the_newest_are_kept() -> None:
    receiver = Receiver()
    clock = ManualClock(mono_ns=10 * NS_PER_S)
    webhook = Webhook(SECRET, receiver, clock, random.Random(1))
    for number in range(MOST_WAITING + 5):
        webhook.put(change(number))
    task = asyncio.ensure_future(webhook.run())
    for _ in range(60):
        await settle()
    task.cancel()

    assert webhook.dropped == 5
    assert receiver.got[0][0] == "5"


def test_an_address_is_taken_apart() -> None:
    assert address_of("http://127.0.0.1:9000") == ("http://127.0.0.1:9000", "/", ())
    assert address_of(SECRET) == ("https://hooks.example", "/T0/very-secret", (("key", "1"),))


async def test_an_exchange_that_names_the_path_tells_nobody_the_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = "hooks.example gave no whole answer to /T0/very-secret: no answer in time"
    receiver = Receiver(ConnectionLost(told), 500, ConnectFailed(told), ProtocolError(told, b""))
    with caplog.at_level(logging.DEBUG, "leadline"):
        async with running(receiver) as (webhook, clock):
            webhook.put(change(1))
            await later(clock, 60)

            assert webhook.dropped == 1
            assert "hooks.example" in caplog.text
            assert "secret" not in caplog.text

"""A private stream begins with a credential of its own."""

from __future__ import annotations

from functools import partial

import pytest

from leadline.app.authorised import authorised
from leadline.clock import ManualClock
from leadline.errors import AuthError, ConnectFailed, Error, VenueDown
from leadline.net.websocket import Socket
from leadline.venues.memory_account import MemoryAccount


async def never() -> Socket:
    raise AssertionError("connected")


@pytest.mark.parametrize(
    ("error", "terminal"),
    [(AuthError("EGeneral:Permission denied"), True), (VenueDown("EService:Unavailable"), False)],
)
async def test_a_credential_that_is_not_given_is_a_failure_to_connect(error: Error, terminal: bool) -> None:
    account = MemoryAccount(ManualClock(), ["BTC/USD"])
    account.failing = error

    with pytest.raises(ConnectFailed, match=str(error)) as caught:
        await authorised(partial(account.authorise, account.session(lambda news, now_ns: None)), never)

    assert caught.value.terminal is terminal

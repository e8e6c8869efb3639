from __future__ import annotations

import asyncio

import pytest

from account_rig import virtual
from leadline.errors import Acted, ConnectionLost, Rejected
from leadline.venues.waiting import ANSWER_TIMEOUT_S, Wait


@virtual
async def test_a_wait_ends_with_the_last_answer() -> None:
    taken: list[int] = []

    def take(answer: int) -> bool:
        taken.append(answer)
        return answer == 2

    wait = Wait(take)
    assert not wait.answered(1, 0)
    assert wait.answered(2, 0)
    await wait.over("ask")
    assert wait.answered(3, 0)
    assert taken == [1, 2]


@virtual
async def test_without_an_answer_it_is_open_whether_the_venue_has_acted() -> None:
    wait = Wait(lambda answer: True)
    began_s = asyncio.get_running_loop().time()
    with pytest.raises(ConnectionLost, match="no answer to ask") as caught:
        await wait.over("ask")
    assert caught.value.acted is Acted.MAYBE
    assert asyncio.get_running_loop().time() - began_s == pytest.approx(ANSWER_TIMEOUT_S)


@virtual
async def test_a_lost_connection_ends_the_wait_at_once() -> None:
    wait: Wait[int] = Wait(lambda answer: True)
    wait.lost("cut")
    wait.lost("again")
    with pytest.raises(ConnectionLost, match="cut"):
        await wait.over("ask")


@virtual
async def test_a_refusal_is_raised_to_who_waits_and_lost_on_nobody() -> None:
    def refuse(answer: int) -> bool:
        raise Rejected("no")

    wait = Wait(refuse)
    assert wait.answered(1, 0)
    with pytest.raises(Rejected):
        await wait.over("ask")
    left = Wait(refuse)
    assert left.answered(1, 0)
    left.given_up()
    never: Wait[int] = Wait(refuse)
    never.given_up()
    never.lost("late")

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from account_rig import AccountRig, blockable, virtual
from leadline.errors import Acted, ConnectFailed, ConnectionLost, Rejected
from leadline.net.connection import HELD_UP_S
from leadline.net.http import Purpose
from leadline.simulation.loop import VirtualLoop
from leadline.venues.kraken.answers import Answer
from leadline.venues.kraken.stream_requests import StreamRequests
from private_frames import no, yes


class Asker:
    """Asks for a cancel of everything, and keeps the answers."""

    def __init__(self, rig: AccountRig, answers: int = 1) -> None:
        self.requests = StreamRequests(rig.session, rig.clock, rig.audit)
        self.answers: list[Answer] = []
        self._count = answers

    def take(self, answer: Answer) -> bool:
        self.answers.append(answer)
        if not answer.ok:
            raise answer.refusal(0)
        return len(self.answers) >= self._count

    def ask(self) -> asyncio.Task[None]:
        return asyncio.create_task(self.requests.ask("cancel_all", (), Purpose.CANCEL, self.take))


@virtual
async def test_the_wait_ends_with_the_last_answer() -> None:
    rig = AccountRig()
    await rig.live()
    asker = Asker(rig, answers=2)
    task = asker.ask()
    (request,) = await rig.asked()
    rig.hear(yes(request))
    await asyncio.sleep(0.1)
    assert not task.done()
    rig.hear(yes(request), yes(request))
    await task
    assert len(asker.answers) == 2


@virtual
async def test_nothing_leaves_while_the_account_news_does_not_flow() -> None:
    rig = AccountRig()
    with pytest.raises(ConnectFailed) as caught:
        await Asker(rig).ask()
    assert caught.value.acted is Acted.NO
    assert rig.sent == []


@virtual
async def test_an_answer_that_never_comes_leaves_open_what_the_venue_did() -> None:
    rig = AccountRig()
    await rig.live()
    asker = Asker(rig)
    began_ns = rig.clock.mono_ns()
    with pytest.raises(ConnectionLost, match="no answer to cancel_all within 5 s") as caught:
        await asker.ask()
    assert caught.value.acted is Acted.MAYBE
    assert rig.clock.mono_ns() - began_ns == pytest.approx(5e9)
    rig.hear(yes(rig.sent[0]))
    assert asker.answers == []


@blockable
async def test_an_answer_that_came_while_the_loop_was_blocked_is_read_before_it_is_given_up(
    loop: VirtualLoop,
) -> None:
    rig = AccountRig()
    await rig.live()
    task = Asker(rig).ask()
    (request,) = await rig.asked()
    loop.block(8.0)
    loop.call_later(0.01, rig.hear, yes(request))

    await task


@blockable
async def test_after_a_block_no_answer_is_still_no_answer(loop: VirtualLoop) -> None:
    rig = AccountRig()
    await rig.live()
    task = Asker(rig).ask()
    await rig.asked()
    begun_s = loop.time()
    loop.block(8.0)

    with pytest.raises(ConnectionLost, match="no answer"):
        await task
    assert loop.time() == pytest.approx(begun_s + 8.0 + HELD_UP_S)


@virtual
async def test_a_lost_connection_ends_every_wait_at_once() -> None:
    rig = AccountRig()
    await rig.live()
    tasks = [Asker(rig).ask() for _ in range(3)]
    await rig.asked(3)
    rig.session.closed("cut", rig.clock.mono_ns())
    for task in tasks:
        with pytest.raises(ConnectionLost, match="cut") as caught:
            await task
        assert caught.value.acted is Acted.MAYBE


@virtual
async def test_a_refusal_reaches_who_asked_and_the_connection_stands() -> None:
    rig = AccountRig()
    await rig.live()
    task = Asker(rig).ask()
    (request,) = await rig.asked()
    rig.hear(no(request, "EOrder:Unknown order"))
    with pytest.raises(Rejected):
        await task
    assert rig.session.ready(rig.clock.mono_ns())


@virtual
async def test_every_request_is_in_the_audit_however_it_ended() -> None:
    rig = AccountRig()
    await rig.live()
    rig.audit.operations.clear()
    done, given_up = Asker(rig).ask(), Asker(rig).ask()
    (request, _) = await rig.asked(2)
    rig.hear(yes(request))
    await done
    given_up.cancel()
    await asyncio.wait([given_up])
    assert [(one.name, one.path, one.outcome) for one in rig.audit.operations] == [
        ("cancel_all", "stream", "ok"),
        ("cancel_all", "stream", "abandoned"),
    ]


@virtual
async def test_an_answer_after_the_asker_gave_up_is_nobodys() -> None:
    rig = AccountRig()
    await rig.live()
    asker = Asker(rig)
    task = asker.ask()
    (request,) = await rig.asked()
    task.cancel()
    rig.hear(yes(request))
    await asyncio.wait([task])
    assert task.cancelled()
    assert rig.session.ready(rig.clock.mono_ns())


@virtual
async def test_a_connection_lost_in_the_turn_in_which_the_asker_gives_up_leaves_no_error_to_nobody() -> None:
    escaped: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: escaped.append(context))
    rig = AccountRig()
    await rig.live()
    task = Asker(rig).ask()
    await rig.asked()
    rig.session.closed("cut", rig.clock.mono_ns())
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    del task
    gc.collect()
    assert escaped == []

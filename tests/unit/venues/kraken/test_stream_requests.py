from __future__ import annotations

import asyncio

import pytest

from account_rig import AccountRig, virtual
from leadline.errors import Acted, ConnectFailed, ConnectionLost, Rejected
from leadline.net.http import Purpose
from leadline.venues.kraken.answers import Answer
from leadline.venues.kraken.stream_requests import StreamRequests
from private_frames import no, yes


class Asker:
    """Asks for a cancel of everything, and keeps the answers."""

    def __init__(self, rig: AccountRig, answers: int = 1) -> None:
        self.requests = StreamRequests(rig.session, rig.poke, rig.clock, rig.audit)
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

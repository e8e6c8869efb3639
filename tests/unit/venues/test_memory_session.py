from __future__ import annotations

from leadline.clock import NS_PER_S
from leadline.core.account_session import AccountGap, AccountNews, BalancesReported, OrdersSnapshot
from leadline.core.session import LineDown, LineUp
from leadline.model.account import BalancesSnapshot
from leadline.venues.memory_session import MemoryAccountSession


def test_it_says_what_it_is_told_and_what_happens_to_its_line() -> None:
    heard: list[AccountNews] = []
    session = MemoryAccountSession(lambda news, now_ns: heard.append(news))
    assert not session.ready(0)
    session.opened(0)
    session.say(OrdersSnapshot(()), 1)
    session.closed("cut", 2)

    assert heard == [LineUp(), OrdersSnapshot(()), LineDown("cut")]
    assert not session.ready(2)


def test_it_is_ready_while_frames_come() -> None:
    session = MemoryAccountSession(lambda news, now_ns: None, from_snapshots=True)
    session.opened(0)
    session.say(OrdersSnapshot(()), 0)
    assert not session.ready(0)
    session.say(BalancesReported(BalancesSnapshot(())), 0)
    session.received(b"heartbeat", NS_PER_S)
    session.woke(NS_PER_S)

    assert session.ready(6 * NS_PER_S)
    assert not session.ready(7 * NS_PER_S)
    assert (session.outputs(), session.wake_at(), session.last_data_ns) == ([], None, 0)


def test_a_resubscription_is_remembered() -> None:
    session = MemoryAccountSession(lambda news, now_ns: None)
    session.resubscribe("a hole", 0)

    assert session.resubscribed == ["a hole"]


def test_a_hole_is_over_with_the_next_snapshot() -> None:
    session = MemoryAccountSession(lambda news, now_ns: None)
    session.opened(0)
    session.say(OrdersSnapshot(()), 0)
    session.say(BalancesReported(BalancesSnapshot(())), 0)
    session.say(AccountGap("executions", 0, "a hole"), 1)
    assert not session.ready(1)
    session.say(OrdersSnapshot(()), 2)

    assert session.ready(2)

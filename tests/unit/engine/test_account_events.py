"""The events of an account."""

from __future__ import annotations

from leadline.core.session import LineUp
from leadline.engine.account_events import AccountEvent, AccountLog, NotReconciled
from leadline.engine.events import KEPT_EVENTS


def test_each_event_is_kept_and_told_to_whoever_listens() -> None:
    log = AccountLog()
    heard: list[AccountEvent] = []
    stop = log.listen(heard.append)
    log.add(LineUp())
    stop()
    log.add(NotReconciled("start", "no answer"))
    assert heard == [LineUp()]
    assert list(log.recent) == [LineUp(), NotReconciled("start", "no answer")]


def test_the_oldest_event_gives_way() -> None:
    log = AccountLog()
    for number in range(KEPT_EVENTS + 1):
        log.add(NotReconciled("start", str(number)))
    assert len(log.recent) == KEPT_EVENTS
    assert log.recent[0] == NotReconciled("start", "1")

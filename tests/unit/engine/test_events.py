from __future__ import annotations

from leadline.core.session import LineDown, LineUp
from leadline.engine.events import KEPT_EVENTS, Event, EventLog


def test_listeners_hear_every_event_until_they_stop() -> None:
    log = EventLog()
    heard: list[Event] = []
    stop = log.listen(heard.append)
    log.add(LineUp())
    stop()
    log.add(LineDown("gone"))

    assert heard == [LineUp()]
    assert list(log.recent) == [LineUp(), LineDown("gone")]


def test_the_oldest_events_are_forgotten_at_the_bound() -> None:
    log = EventLog()
    for number in range(KEPT_EVENTS + 1):
        log.add(LineDown(str(number)))

    assert len(log.recent) == KEPT_EVENTS
    assert log.recent[0] == LineDown("1")

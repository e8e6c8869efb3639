"""What the stream must bear out."""

from __future__ import annotations

from leadline.venues.binance.announcements import KEPT, REPORT_NS, Announcements


def test_what_is_told_in_time_is_not_missed() -> None:
    awaited = Announcements()
    awaited.announced("BTCUSDT", 5, 100)
    awaited.reported("BTCUSDT", 5)
    assert awaited.due_ns is None
    assert awaited.missing(100 + REPORT_NS) is None


def test_the_stream_may_be_first() -> None:
    awaited = Announcements()
    awaited.reported("BTCUSDT", 5)
    awaited.announced("BTCUSDT", 5, 100)
    assert awaited.due_ns is None
    assert awaited.count == 1


def test_the_same_number_of_another_symbol_is_something_else() -> None:
    awaited = Announcements()
    awaited.announced("BTCUSDT", 5, 100)
    awaited.reported("ETHUSDT", 5)
    assert awaited.missing(100 + REPORT_NS) == 100


def test_what_is_never_told_is_missed_once_and_since_when_is_said() -> None:
    awaited = Announcements()
    awaited.announced("BTCUSDT", 5, 100)
    awaited.announced("BTCUSDT", 6, 200)
    assert awaited.missing(99 + REPORT_NS) is None
    assert awaited.missing(100 + REPORT_NS) == 100
    assert awaited.due_ns is None


def test_what_another_connection_was_to_tell_is_forgotten() -> None:
    awaited = Announcements()
    awaited.announced("BTCUSDT", 5, 100)
    awaited.forget()
    assert awaited.due_ns is None


def test_memory_is_bounded() -> None:
    awaited = Announcements()
    for number in range(KEPT + 5):
        awaited.announced("BTCUSDT", number, number)
        awaited.reported("ETHUSDT", number)
    assert awaited.due_ns == 5 + REPORT_NS
    awaited.announced("ETHUSDT", KEPT, 0)
    assert awaited.due_ns == 5 + REPORT_NS

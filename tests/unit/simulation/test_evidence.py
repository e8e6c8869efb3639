from __future__ import annotations

from leadline.clock import NS_PER_S
from leadline.emulator.kraken.frames import HEARTBEAT, book
from leadline.emulator.wire import Frame
from leadline.model.market import Channel
from leadline.simulation.evidence import Evidence, made_ns, stamp_ns
from leadline.simulation.http import Answered
from leadline.simulation.network import Arrival
from simrig import BTC, START_NS, Rig

MS = 10**6


def frame(kind: str, time_ns: int) -> Frame:
    return Frame(book(BTC, kind, [], [], 1, time_ns), kind, "book", BTC)


def arrived(evidence: Evidence, one: Frame, at_ns: int) -> None:
    evidence.frame(Arrival(one, 1, at_ns))


def answered(path: str, body: bytes = b"{}", *, disturbed: bool = False, **query: str) -> Answered:
    return Answered(path, query, body, 1, 2, disturbed)


def test_a_frame_says_when_it_was_made_to_the_microsecond() -> None:
    assert made_ns(frame("update", START_NS + 123_456_789)) == START_NS + 123_456_000
    assert stamp_ns("not a stamp at all.........") == 0


def test_data_frames_are_found_by_the_moment_they_came() -> None:
    with Rig() as rig:
        first, second = frame("snapshot", START_NS), frame("update", START_NS + MS)
        arrived(rig.evidence, first, 5)
        arrived(rig.evidence, second, 5)
        arrived(rig.evidence, HEARTBEAT, 6)

        assert rig.evidence.frames_at(Channel.BOOK, BTC, 5) == [first, second]
        assert rig.evidence.frames_at(Channel.BOOK, BTC, 6) == []
        assert rig.evidence.newest_ns(Channel.BOOK, BTC) == 5
        assert rig.evidence.newest_ns(Channel.TICKER, BTC) is None


def test_answers_are_found_by_symbol_whatever_rest_calls_it() -> None:
    with Rig() as rig:
        depth = answered("/0/public/Depth", pair="XXBTZUSD")
        rig.evidence.answer(depth)

        assert rig.evidence.answers_at(Channel.BOOK, BTC, 2) == [depth]
        assert rig.evidence.answers_at(Channel.BOOK, BTC, 1) == [depth]
        assert rig.evidence.answers_at(Channel.BOOK, BTC, 3) == []


def test_only_a_refusal_nobody_provoked_counts() -> None:
    with Rig() as rig:
        body = b'{"error":["EGeneral:Too many requests"]}'
        rig.evidence.answer(answered("/0/public/Time", body, disturbed=True))
        assert rig.evidence.refused_for_rate == 0
        rig.evidence.answer(answered("/0/public/Time", body))
        assert rig.evidence.refused_for_rate == 1


def test_a_book_is_intact_until_a_message_is_late_or_lost_and_again_from_the_next_snapshot() -> None:
    with Rig() as rig:
        evidence = rig.evidence
        arrived(evidence, frame("snapshot", START_NS), 1)
        arrived(evidence, frame("update", START_NS + 2 * MS), 2)
        assert evidence.intact(BTC)

        arrived(evidence, frame("update", START_NS + MS), 3)
        assert not evidence.intact(BTC)
        arrived(evidence, frame("snapshot", START_NS + 3 * MS), 4)
        assert evidence.intact(BTC)

        evidence.losing(None, START_NS + 5 * MS)
        assert not evidence.intact(BTC)
        arrived(evidence, frame("snapshot", START_NS + 6 * MS), 5)
        assert evidence.intact(BTC)


def test_a_book_is_intact_only_where_every_connection_has_it_in_order() -> None:
    with Rig() as rig:
        evidence = rig.evidence
        for link in (1, 2):
            evidence.frame(Arrival(frame("snapshot", START_NS), link, link))
        evidence.frame(Arrival(frame("update", START_NS + 2 * MS), 1, 3))
        evidence.frame(Arrival(frame("update", START_NS + MS), 2, 4))
        assert evidence.intact(BTC)

        evidence.frame(Arrival(frame("update", START_NS), 2, 5))
        assert not evidence.intact(BTC)
        evidence.gone(2)
        assert evidence.intact(BTC)


def test_a_frame_may_be_dated_back_and_never_forward() -> None:
    with Rig() as rig:
        evidence = rig.evidence
        one = frame("update", START_NS)
        arrived(evidence, one, 20 * NS_PER_S)
        assert evidence.frames_at(Channel.BOOK, BTC, 20 * NS_PER_S) == [one]
        assert evidence.frames_at(Channel.BOOK, BTC, 15 * NS_PER_S) == [one]
        assert evidence.frames_at(Channel.BOOK, BTC, 13 * NS_PER_S) == []
        assert evidence.frames_at(Channel.BOOK, BTC, 20 * NS_PER_S + 1) == []

        evidence.held_up(10 * NS_PER_S, 19 * NS_PER_S)
        assert evidence.frames_at(Channel.BOOK, BTC, 10 * NS_PER_S) == [one]

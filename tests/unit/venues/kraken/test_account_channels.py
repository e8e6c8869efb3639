from __future__ import annotations

from leadline.clock import NS_PER_S
from leadline.core.session import Coverage
from leadline.venues.kraken.account_channels import PrivateChannel, Step


def receiving(now_ns: int = 0) -> PrivateChannel:
    channel = PrivateChannel("executions", ())
    channel.opened(now_ns)
    channel.sent(1, now_ns)
    assert channel.begin(1, b"snapshot", now_ns)
    return channel


def test_messages_count_up_by_one_from_the_snapshot() -> None:
    channel = receiving()
    assert [channel.step(n, b"%d" % n, n) for n in (2, 3, 4)] == [Step.NEXT] * 3
    assert channel.heard_ns == 4


def test_a_missing_number_is_a_hole() -> None:
    channel = receiving()
    assert channel.step(3, b"3", 9) is Step.BROKEN
    assert (channel.broken_count, channel.heard_ns) == (1, 0)


def test_the_same_frame_twice_is_a_repetition_and_counted() -> None:
    channel = receiving()
    channel.step(2, b"2", 0)
    assert channel.step(2, b"2", 0) is Step.REPEATED
    assert channel.repeated_count == 1


def test_a_number_twice_with_another_content_is_a_hole_and_so_is_a_step_back() -> None:
    channel = receiving()
    channel.step(2, b"2", 0)
    channel.step(3, b"3", 0)
    assert channel.step(3, b"other", 0) is Step.BROKEN
    assert channel.step(2, b"2", 0) is Step.BROKEN


def test_before_its_snapshot_no_message_has_a_place() -> None:
    channel = PrivateChannel("executions", ())
    channel.opened(0)
    channel.sent(1, 0)
    assert channel.step(7, b"7", 0) is Step.UNPLACED
    assert not channel.receiving


def test_a_snapshot_may_have_any_number_and_overtake_its_acknowledgement() -> None:
    channel = PrivateChannel("executions", ())
    channel.opened(0)
    channel.sent(1, 0)
    assert channel.begin(41, b"snapshot", 0)
    channel.confirmed(0)
    assert channel.receiving
    assert channel.step(42, b"42", 0) is Step.NEXT


def test_a_snapshot_that_nobody_awaits_begins_nothing() -> None:
    channel = PrivateChannel("executions", ())
    channel.opened(0)
    assert not channel.begin(1, b"snapshot", 0)
    assert not receiving().begin(1, b"snapshot", 0)


def test_renewals_come_ever_more_rarely_until_half_a_minute_of_data() -> None:
    channel, now_ns = receiving(), 0
    waits = []
    for _ in range(4):
        channel.renew(now_ns)
        assert channel.due_ns is not None
        waits.append((channel.due_ns - now_ns) / NS_PER_S)
        now_ns = channel.due_ns
        assert channel.asks(now_ns)
        assert channel.unsubscribe_first
        channel.sent(2, now_ns)
        channel.begin(1, b"snapshot", now_ns)
    assert waits == [0.0, 1.0, 2.0, 4.0]
    channel.renew(now_ns + 30 * NS_PER_S)
    assert channel.due_ns == now_ns + 30 * NS_PER_S


def test_a_renewal_of_one_that_waits_already_changes_nothing() -> None:
    channel = PrivateChannel("executions", ())
    channel.opened(5)
    channel.renew(100)
    assert channel.due_ns == 5


def test_an_overdue_answer_is_asked_for_again_once() -> None:
    channel = PrivateChannel("executions", ())
    channel.opened(0)
    channel.sent(1, 0)
    assert not channel.timed_out(5 * NS_PER_S - 1)
    assert not channel.timed_out(5 * NS_PER_S)
    assert channel.asks(5 * NS_PER_S)
    channel.sent(2, 5 * NS_PER_S)
    assert channel.timed_out(10 * NS_PER_S)


def test_a_snapshot_is_awaited_ten_seconds_from_the_acknowledgement() -> None:
    channel = PrivateChannel("executions", ())
    channel.opened(0)
    channel.sent(1, 0)
    channel.confirmed(NS_PER_S)
    assert (channel.state, channel.due_ns) == (Coverage.CONFIRMED, 11 * NS_PER_S)


def test_a_refused_channel_is_not_asked_for_until_the_next_connection() -> None:
    channel = receiving()
    channel.refused()
    channel.renew(0)
    assert not channel.asks(10**18)
    channel.opened(0)
    assert channel.asks(0)


def test_a_held_channel_waits_for_no_moment() -> None:
    channel = receiving()
    channel.hold()
    assert (channel.due_ns, channel.asks(10**18)) == (None, False)


def test_a_closed_connection_leaves_nothing_awaited() -> None:
    channel = receiving()
    channel.closed()
    assert (channel.receiving, channel.due_ns, channel.timed_out(10**18)) == (False, None, False)


def test_it_says_which_number_is_due() -> None:
    channel = receiving()
    channel.step(2, b"2", 0)
    assert channel.expects() == 3

from __future__ import annotations

import pytest

from leadline.clock import NS_PER_S
from leadline.core.session import Coverage
from leadline.core.subscriptions import (
    ANSWER_TIMEOUT_NS,
    FIRST_DATA_TIMEOUT_NS,
    Pace,
    Subscriptions,
    Verb,
    by_priority,
)
from leadline.model.market import Channel, Subscription

S = NS_PER_S
BOOK = Subscription(Channel.BOOK, "BTC/USD", 10)
OTHER = Subscription(Channel.BOOK, "ETH/USD", 10)
TICKER = Subscription(Channel.TICKER, "BTC/USD")


def opened(*wanted: Subscription, pace: Pace | None = None) -> Subscriptions:
    subscriptions = Subscriptions(pace or Pace(per_s=10.0, burst=8, batch=50))
    for subscription in wanted:
        subscriptions.want(subscription, 0)
    subscriptions.opened(0)
    return subscriptions


def asks(subscriptions: Subscriptions, now_ns: int) -> list[tuple[Verb, tuple[Subscription, ...]]]:
    return [(ask.verb, ask.subscriptions) for ask in subscriptions.due(now_ns)]


def state(subscriptions: Subscriptions, subscription: Subscription = BOOK) -> Coverage:
    return subscriptions.entries[subscription].state


def receiving(*wanted: Subscription) -> Subscriptions:
    subscriptions = opened(*wanted)
    subscriptions.due(0)
    for subscription in wanted:
        subscriptions.confirmed(subscription, 0)
        subscriptions.data(subscription, 0)
    return subscriptions


def asked_at(subscriptions: Subscriptions, until_s: int) -> list[float]:
    """When something was subscribed to while time passed and the venue kept silent."""
    times = []
    while (wake_ns := subscriptions.wake_at()) is not None and wake_ns <= until_s * S:
        times += [wake_ns / S for verb, _ in asks(subscriptions, wake_ns) if verb is Verb.SUBSCRIBE]
    return times


def test_what_others_need_first_is_asked_first() -> None:
    bars = Subscription(Channel.BARS, "BTC/USD", 60)
    instruments = Subscription(Channel.INSTRUMENTS, "*")
    subscriptions = opened(bars, BOOK, TICKER, instruments)

    assert [one for _, (one,) in asks(subscriptions, 0)] == [instruments, TICKER, BOOK, bars]
    assert by_priority([bars, TICKER]) == [TICKER, bars]


def test_one_request_asks_for_all_that_are_alike_up_to_a_batch() -> None:
    deep = Subscription(Channel.BOOK, "BTC/EUR", 100)
    books = [Subscription(Channel.BOOK, f"{n}/USD", 10) for n in range(3)]
    subscriptions = opened(*books, deep, pace=Pace(10.0, 8, batch=2))

    assert [group for _, group in asks(subscriptions, 0)] == [(books[0], books[1]), (books[2],), (deep,)]


def test_a_burst_is_paced() -> None:
    many = [Subscription(Channel.BARS, f"{n}/USD", 60 * n) for n in range(1, 21)]
    subscriptions = opened(*many, pace=Pace(per_s=10.0, burst=3, batch=50))

    assert len(subscriptions.due(0)) == 3
    sent = 3
    while sent < 20:
        wake_ns = subscriptions.wake_at()
        assert wake_ns is not None
        count = len(subscriptions.due(wake_ns))
        assert count == 1
        sent += count
        assert wake_ns == pytest.approx((sent - 3) * S / 10, abs=100)


def test_nothing_is_asked_while_disconnected() -> None:
    subscriptions = Subscriptions(Pace(10.0, 8, 50))
    subscriptions.want(BOOK, 0)

    assert subscriptions.due(0) == []
    assert subscriptions.wake_at() is None
    subscriptions.unwant(BOOK)
    subscriptions.opened(1)
    assert subscriptions.due(1) == []


def test_wanting_twice_asks_once() -> None:
    subscriptions = opened(BOOK)
    subscriptions.want(BOOK, 0)

    assert len(subscriptions.due(0)) == 1
    subscriptions.want(BOOK, 1)
    assert subscriptions.due(1) == []


def test_an_acknowledgement_is_not_data() -> None:
    subscriptions = opened(BOOK)
    subscriptions.due(0)

    assert subscriptions.confirmed(BOOK, 1)
    assert state(subscriptions) is Coverage.CONFIRMED
    assert not subscriptions.confirmed(BOOK, 2)
    subscriptions.data(BOOK, 3)
    assert state(subscriptions) is Coverage.RECEIVING
    assert subscriptions.wake_at() is None


def test_data_proves_a_subscription_whose_acknowledgement_is_lost() -> None:
    subscriptions = opened(BOOK)
    subscriptions.due(0)

    subscriptions.data(BOOK, 1)

    assert state(subscriptions) is Coverage.RECEIVING
    assert not subscriptions.confirmed(BOOK, 2)
    assert state(subscriptions) is Coverage.RECEIVING


def test_data_before_asking_proves_nothing() -> None:
    subscriptions = opened(BOOK)

    subscriptions.data(BOOK, 0)
    subscriptions.data(OTHER, 0)

    assert state(subscriptions) is Coverage.WANTED


def test_a_request_without_an_answer_is_cancelled_and_sent_again() -> None:
    subscriptions = opened(BOOK)
    subscriptions.due(0)

    assert subscriptions.wake_at() == ANSWER_TIMEOUT_NS
    assert asks(subscriptions, ANSWER_TIMEOUT_NS) == [(Verb.UNSUBSCRIBE, (BOOK,)), (Verb.SUBSCRIBE, (BOOK,))]


def test_an_acknowledged_stream_without_data_is_renewed() -> None:
    subscriptions = opened(BOOK)
    subscriptions.due(0)
    subscriptions.confirmed(BOOK, S)

    assert subscriptions.wake_at() == S + FIRST_DATA_TIMEOUT_NS
    assert len(asks(subscriptions, S + FIRST_DATA_TIMEOUT_NS)) == 2


def test_a_venue_that_never_answers_is_asked_ever_more_rarely() -> None:
    assert asked_at(opened(BOOK), 200) == pytest.approx([0, 5, 11, 18, 27, 40, 61, 96, 131, 166], abs=1e-6)


def test_half_a_minute_of_data_makes_the_next_renewal_immediate_again() -> None:
    subscriptions = receiving(BOOK)
    subscriptions.renew(BOOK, S)
    subscriptions.due(S)
    subscriptions.data(BOOK, 2 * S)

    subscriptions.renew(BOOK, 3 * S)
    assert subscriptions.due(3 * S) == []
    assert len(subscriptions.due(4 * S)) == 2

    subscriptions.data(BOOK, 5 * S)
    subscriptions.renew(BOOK, 35 * S)
    assert len(subscriptions.due(35 * S)) == 2


def test_what_waits_to_be_asked_is_not_renewed_again() -> None:
    subscriptions = receiving(BOOK)
    for _ in range(5):
        subscriptions.renew(BOOK, S)
    subscriptions.renew(OTHER, S)

    assert len(subscriptions.due(S)) == 2
    assert subscriptions.entries[BOOK].failures == 1


def test_a_refusal_is_final_until_wanted_again() -> None:
    subscriptions = opened(BOOK, OTHER)
    subscriptions.due(0)

    subscriptions.refused(BOOK)

    assert state(subscriptions) is Coverage.REFUSED
    subscriptions.renew(BOOK, 1)
    subscriptions.closed()
    subscriptions.opened(S)
    assert asks(subscriptions, S) == [(Verb.SUBSCRIBE, (OTHER,))]

    subscriptions.want(BOOK, S)
    assert asks(subscriptions, S) == [(Verb.SUBSCRIBE, (BOOK,))]


def test_a_refused_stream_needs_no_cancelling() -> None:
    subscriptions = opened(BOOK)
    subscriptions.due(0)
    subscriptions.refused(BOOK)

    subscriptions.unwant(BOOK)

    assert subscriptions.due(0) == []


def test_a_venue_too_busy_is_asked_again_later() -> None:
    subscriptions = opened(BOOK)
    subscriptions.due(0)

    subscriptions.try_later(BOOK, 0)
    subscriptions.try_later(BOOK, 0)
    subscriptions.try_later(OTHER, 0)

    assert subscriptions.wake_at() == S
    assert asks(subscriptions, S) == [(Verb.SUBSCRIBE, (BOOK,))]


def test_after_a_complaint_about_the_rate_nothing_is_said_for_a_second() -> None:
    subscriptions = opened(BOOK)

    subscriptions.pause(0)

    assert subscriptions.due(S - 1000) == []
    assert subscriptions.wake_at() == pytest.approx(S, abs=100)
    assert len(subscriptions.due(S + 10)) == 1


def test_what_is_no_longer_wanted_is_cancelled_before_anything_is_asked() -> None:
    subscriptions = receiving(BOOK, OTHER)
    subscriptions.unwant(BOOK)
    subscriptions.want(TICKER, 1)

    assert asks(subscriptions, 1) == [(Verb.UNSUBSCRIBE, (BOOK,)), (Verb.SUBSCRIBE, (TICKER,))]
    assert BOOK not in subscriptions.entries


def test_what_was_never_asked_for_needs_no_cancelling() -> None:
    subscriptions = opened(BOOK)

    subscriptions.unwant(BOOK)
    subscriptions.unwant(OTHER)

    assert subscriptions.due(0) == []
    assert subscriptions.wake_at() is None


def test_a_renewal_that_is_no_longer_wanted_is_still_cancelled() -> None:
    subscriptions = receiving(BOOK)
    subscriptions.renew(BOOK, S)

    subscriptions.unwant(BOOK)

    assert asks(subscriptions, S) == [(Verb.UNSUBSCRIBE, (BOOK,))]


def test_given_up_and_wanted_at_once_is_cancelled_first_so_that_a_snapshot_follows() -> None:
    subscriptions = receiving(BOOK)
    subscriptions.unwant(BOOK)
    subscriptions.want(BOOK, 1)

    assert asks(subscriptions, 1) == [(Verb.UNSUBSCRIBE, (BOOK,)), (Verb.SUBSCRIBE, (BOOK,))]


def test_a_cancellation_the_venue_could_not_take_is_sent_again() -> None:
    subscriptions = receiving(BOOK, OTHER)
    waiting = Subscription(Channel.BOOK, "SOL/USD", 10)
    subscriptions.want(waiting, 1)
    subscriptions.unwant(BOOK)
    assert subscriptions.due(1)[0].verb is Verb.UNSUBSCRIBE
    subscriptions.try_later(waiting, 1)

    subscriptions.not_left((BOOK, OTHER, waiting), 1)

    assert asks(subscriptions, 1) == [
        (Verb.UNSUBSCRIBE, (BOOK,)), (Verb.UNSUBSCRIBE, (OTHER,)), (Verb.SUBSCRIBE, (OTHER,)),
    ]  # fmt: skip
    assert asks(subscriptions, 1 + S) == [(Verb.UNSUBSCRIBE, (waiting,)), (Verb.SUBSCRIBE, (waiting,))]


def test_a_new_connection_knows_nothing_so_everything_is_asked_again() -> None:
    subscriptions = receiving(BOOK, OTHER)
    subscriptions.unwant(OTHER)
    subscriptions.closed()
    assert state(subscriptions) is Coverage.WANTED
    assert (subscriptions.due(S), subscriptions.wake_at()) == ([], None)

    subscriptions.opened(2 * S)

    assert asks(subscriptions, 2 * S) == [(Verb.SUBSCRIBE, (BOOK,))]


def test_an_answer_belongs_to_the_request_it_names() -> None:
    subscriptions = opened(BOOK, OTHER)
    (ask,) = subscriptions.due(0)
    assert subscriptions.request(ask.request_id) == ask
    assert subscriptions.request(None) is subscriptions.request(ask.request_id + 1) is None

    subscriptions.confirmed(BOOK, 1)
    assert subscriptions.unanswered(ask) == [OTHER]
    subscriptions.unwant(OTHER)
    assert subscriptions.unanswered(ask) == []


def test_an_answer_that_comes_after_the_next_request_is_not_its_answer() -> None:
    subscriptions = opened(BOOK)
    (first,) = subscriptions.due(0)
    subscriptions.renew(BOOK, S)
    _, second = subscriptions.due(S)

    assert subscriptions.unanswered(first) == []
    assert subscriptions.unanswered(second) == [BOOK]


def test_requests_are_forgotten_when_no_answer_can_be_expected() -> None:
    subscriptions = opened(BOOK)
    (ask,) = subscriptions.due(0)
    subscriptions.data(BOOK, 1)
    subscriptions.due(ANSWER_TIMEOUT_NS)
    assert subscriptions.request(ask.request_id) == ask

    subscriptions.due(ANSWER_TIMEOUT_NS + 1)

    assert subscriptions.request(ask.request_id) is None


def test_waking_costs_nothing_while_a_thousand_wait() -> None:
    class Counted(int):
        """A time that counts how often it is looked at."""

        looks = 0

        def __ne__(self, other: object) -> bool:
            Counted.looks += 1
            return int.__ne__(self, other)

    many = [Subscription(Channel.TICKER, f"{n}/USD") for n in range(1000)]
    subscriptions = opened(*many, pace=Pace(1e6, 1000, 1))
    subscriptions.due(0)
    for entry in subscriptions.entries.values():
        entry.due_ns = Counted(entry.due_ns or 0)

    for _ in range(10):
        subscriptions.wake_at()

    assert Counted.looks <= 20


def test_alarms_do_not_pile_up_while_the_connection_is_down() -> None:
    subscriptions = Subscriptions(Pace(10.0, 8, 50))
    for _ in range(100):
        subscriptions.want(BOOK, 0)
        subscriptions.unwant(BOOK)
    subscriptions.want(BOOK, 0)
    subscriptions.opened(0)

    assert [len(ask.subscriptions) for ask in subscriptions.due(0)] == [1]


def test_a_stream_whose_silence_says_nothing_is_confirmed_and_never_asked_for_again() -> None:
    subscriptions = Subscriptions(
        Pace(per_s=10.0, burst=8, batch=50), lambda subscription: None if subscription == BOOK else S
    )
    subscriptions.want(BOOK, 0)
    subscriptions.want(TICKER, 0)
    subscriptions.opened(0)
    subscriptions.due(0)
    for subscription in (BOOK, TICKER):
        subscriptions.confirmed(subscription, 0)

    assert asks(subscriptions, 9 * S) == [(Verb.UNSUBSCRIBE, (TICKER,)), (Verb.SUBSCRIBE, (TICKER,))]
    assert state(subscriptions) is Coverage.CONFIRMED
    subscriptions.data(BOOK, 10 * S)
    assert state(subscriptions) is Coverage.RECEIVING

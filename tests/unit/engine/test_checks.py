from __future__ import annotations

from decimal import Decimal

from leadline.clock import NS_PER_S, ManualClock
from leadline.core.crosscheck import Verdict
from leadline.core.patterns import Look
from leadline.engine.checks import CRITICAL_SHARE, DOUBTED_S, LONGEST_S, SHORTEST_S, Check
from leadline.engine.topics import Desk, Topic
from leadline.model.market import Channel, Subscription, Ticker

BTC = "BTC/USD"


def make() -> tuple[Check, ManualClock]:
    clock = ManualClock(mono_ns=1000 * NS_PER_S)
    return Check(Topic(Subscription(Channel.TICKER, BTC), Desk(clock))), clock


def look(number: int, ours: str, theirs: str) -> Look:
    at_ns = number * 6 * NS_PER_S
    return Look(at_ns, at_ns, (Decimal(ours),), Decimal(theirs))


def test_intervals_grow_with_confidence_up_to_a_bound() -> None:
    check, clock = make()
    seen = []
    for _ in range(40):
        seen.append(check.wanted_s(clock.mono_ns(), doubted=False, critical=False))
        check.judged(Verdict.AGREED, clock.mono_ns())

    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (SHORTEST_S, LONGEST_S)


def test_what_has_differed_is_looked_at_at_the_shortest_interval() -> None:
    check, clock = make()
    for _ in range(40):
        check.judged(Verdict.AGREED, clock.mono_ns())
    for _ in range(2):
        check.judged(Verdict.DIVERGED, clock.mono_ns())

    assert check.wanted_s(clock.mono_ns(), doubted=False, critical=False) == SHORTEST_S
    assert check.wanted_s(clock.mono_ns(), doubted=True, critical=False) == DOUBTED_S


def test_a_critical_symbol_is_looked_at_more_often_but_no_more_than_a_doubted_one() -> None:
    check, clock = make()
    now_ns = clock.mono_ns()

    assert check.wanted_s(now_ns, doubted=False, critical=True) == max(DOUBTED_S, SHORTEST_S * CRITICAL_SHARE)
    for _ in range(40):
        check.judged(Verdict.AGREED, now_ns)
    assert check.wanted_s(now_ns, doubted=False, critical=True) == LONGEST_S * CRITICAL_SHARE


def test_agreement_within_the_tolerance_weighs_less_than_agreement() -> None:
    (exact, clock), (within, _) = make(), make()
    exact.judged(Verdict.AGREED, clock.mono_ns())
    within.judged(Verdict.WITHIN, clock.mono_ns())

    assert exact.confidence.score(clock.mono_ns()) > within.confidence.score(clock.mono_ns()) > 0.5


def test_full_agreement_ends_a_run_of_differences() -> None:
    check, clock = make()
    names = [check.differed(look(number, "100", "1")) for number in range(3)]
    check.judged(Verdict.AGREED, clock.mono_ns())

    assert names == ["", "", "theirs is 0.01 × ours, 3 times"]
    assert check.differed(look(4, "100", "1")) == ""


def test_three_slips_among_the_last_eight_are_too_many() -> None:
    check, _ = make()
    assert not any(check.slipped(contradicted) for contradicted in (True, False, True, False, False, False))
    assert check.slipped(True)
    assert not check.slipped(True)


def test_slips_that_lie_far_apart_are_forgiven() -> None:
    check, _ = make()
    assert not any(check.slipped(number % 5 == 0) for number in range(50))


def test_a_followed_stream_is_remembered_value_by_value() -> None:
    check, clock = make()
    price = Decimal(100)
    ticker = Ticker(BTC, price, price, price, price, price, price, price, price, price)
    check.topic.take(ticker, clock.mono_ns())
    check.follow(clock.mono_ns)
    check.follow(clock.mono_ns)
    for number in range(3):
        clock.advance(0.1)
        bid = price + number
        check.topic.take(Ticker(BTC, bid, *[price] * 8), clock.mono_ns())
    check.unfollow()
    check.unfollow()
    check.topic.take(Ticker(BTC, Decimal(7), *[price] * 8), clock.mono_ns())

    assert check.past.during(0, clock.mono_ns()) == ((), False)
    first_ns = clock.mono_ns() - 2 * NS_PER_S // 10
    assert check.past.during(first_ns, clock.mono_ns()) == ((price, price + 1, price + 2), True)

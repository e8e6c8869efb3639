from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.core.liveness import STALE_AT, STEADY_S, SUSPECT_AT, Cadence, Damping, same_levels, same_ticker
from leadline.model.market import FrozenBook, Level, Ticker

S = 1_000_000_000


class Heard:
    """A cadence that is looked at once a second while messages come at moments given in seconds."""

    def __init__(self) -> None:
        self.cadence = Cadence()
        self.second = 0

    def until(self, second: int, *moments: float) -> None:
        """Let time pass to a second; these messages come meanwhile."""
        left = [round(at * S) for at in moments]
        while self.second < second:
            self.second += 1
            while left and left[0] <= self.second * S:
                self.cadence.count += 1
                self.cadence.last_ns = left.pop(0)
            self.cadence.learn(self.second * S)

    def every(self, interval_s: float, until: int) -> None:
        """Let messages come evenly, up to and with this second."""
        from_s = self.second
        count = round((until - from_s) / interval_s)
        self.until(until, *(from_s + interval_s * (n + 1) for n in range(count)))

    @property
    def now_ns(self) -> int:
        return self.second * S


def rhythm(interval_s: float, seconds: int = 100) -> Heard:
    heard = Heard()
    heard.every(interval_s, seconds)
    return heard


def test_a_busy_stream_is_bound_to_five_seconds() -> None:
    assert rhythm(0.01).cadence.bound_ns == 5 * S


def test_a_busy_stream_has_its_bound_within_twenty_seconds() -> None:
    assert rhythm(0.25, 20).cadence.bound_ns == 5 * S


def test_a_slow_stream_is_given_a_few_of_its_intervals() -> None:
    assert 15 * S < rhythm(10.0, 1000).cadence.bound_ns < 40 * S


def test_no_bound_is_longer_than_a_minute() -> None:
    assert rhythm(300.0, 3000).cadence.bound_ns == 60 * S


def test_an_unlearned_stream_is_bound_to_ten_seconds() -> None:
    heard = Heard()
    heard.until(1, 1.0)

    assert heard.cadence.fresh(11 * S)
    assert not heard.cadence.fresh(11 * S + 1)


def test_silences_between_bursts_raise_the_bound_although_the_mean_interval_is_short() -> None:
    bursts = Heard()
    for cycle in range(60):
        bursts.until(20 * cycle + 20, *(20 * cycle + n / 20 for n in range(1, 40)))

    assert 20 * S < bursts.cadence.bound_ns < 40 * S


def test_a_market_that_slows_down_is_left_alone_after_a_few_silences() -> None:
    heard = rhythm(0.25, 3600)
    assert heard.cadence.bound_ns == 5 * S
    heard.every(20.0, 3600 + 80)

    assert heard.cadence.bound_ns > 20 * S


def test_a_market_that_wakes_up_has_its_short_bound_within_the_hour() -> None:
    heard = rhythm(20.0, 3600)
    assert heard.cadence.bound_ns > 30 * S
    heard.every(0.25, 2 * 3600)

    assert heard.cadence.bound_ns == 5 * S


def test_a_silence_still_running_teaches_nothing() -> None:
    heard = rhythm(0.5)
    heard.until(150)

    assert heard.cadence.bound_ns == 5 * S


def test_the_interval_across_a_loss_is_no_part_of_the_rhythm() -> None:
    heard = rhythm(0.5)
    for _ in range(10):
        heard.cadence.interrupted()
        heard.until(heard.second + 30)
        heard.every(0.5, heard.second + 10)

    assert heard.cadence.bound_ns == 5 * S


def test_what_waited_unread_while_nobody_looked_is_no_part_of_the_rhythm() -> None:
    heard = rhythm(0.5)
    for _ in range(10):
        heard.second += 30
        heard.every(0.5, heard.second + 10)

    assert heard.cadence.bound_ns == 5 * S


def test_the_word_of_rest_teaches_what_a_stream_may_be_silent() -> None:
    taught, untaught = rhythm(0.5), rhythm(0.5)
    for heard in (taught, untaught):
        for second in range(104, 140, 4):
            heard.until(second)
            if heard is taught:
                heard.cadence.vouch(heard.now_ns)

    assert taught.cadence.bound_ns > untaught.cadence.bound_ns


def test_a_word_of_rest_about_data_not_learned_yet_teaches_nothing() -> None:
    heard = rhythm(0.5)
    bound_ns = heard.cadence.bound_ns
    heard.cadence.count += 1
    heard.cadence.last_ns = heard.now_ns + S // 2
    heard.cadence.vouch(heard.now_ns + 40 * S)

    assert heard.cadence.bound_ns == bound_ns
    assert heard.cadence.quiet(heard.now_ns + 40 * S)


def test_messages_noted_in_another_order_than_they_came_teach_no_negative_silence() -> None:
    heard = rhythm(0.5)
    heard.until(110)
    heard.cadence.vouch(110 * S)
    heard.cadence.count += 1
    heard.cadence.last_ns = 80 * S
    heard.until(112)
    heard.every(0.5, 130)

    assert heard.cadence.bound_ns >= 5 * S


def test_suspicion_comes_before_the_bound_so_that_rest_can_answer_in_time() -> None:
    cadence = rhythm(0.5).cadence
    last_ns = cadence.last_ns
    assert last_ns is not None

    assert not cadence.suspect(last_ns + 3 * S)
    assert cadence.suspect(last_ns + 4 * S)
    assert cadence.fresh(last_ns + 4 * S)


def test_suspicion_rises_with_silence_and_passes_both_thresholds_where_the_bounds_say() -> None:
    cadence = rhythm(5.0, 3600).cadence
    last_ns = cadence.last_ns
    assert last_ns is not None
    rising = [cadence.suspicion(last_ns + n * S) for n in range(60)]

    assert rising == sorted(rising)
    assert rising[0] == pytest.approx(0.7, abs=0.01)  # one in five seconds: 10 to that
    assert cadence.suspicion(last_ns + cadence.ask_ns) == pytest.approx(SUSPECT_AT)
    assert cadence.suspicion(last_ns + cadence.bound_ns) == pytest.approx(STALE_AT)


def test_a_stream_without_a_rhythm_is_as_suspicious_as_its_bound_is_near() -> None:
    heard = Heard()
    heard.until(1, 1.0)

    assert heard.cadence.suspicion(1 * S) == 0
    assert heard.cadence.suspicion(6 * S) == STALE_AT / 2
    assert heard.cadence.suspicion(11 * S) == STALE_AT


def test_the_word_of_rest_keeps_a_quiet_stream_fresh_and_moves_its_bound_on() -> None:
    cadence = rhythm(0.1, 1000).cadence
    last_ns = cadence.last_ns
    assert last_ns is not None
    cadence.vouch(last_ns + 4 * S)

    assert cadence.quiet(last_ns + 4 * S)
    assert cadence.fresh(last_ns + 9 * S)
    assert not cadence.fresh(last_ns + 9 * S + 1)
    assert cadence.vouched_bound_s() == 9.0


def test_a_stream_never_heard_twice_is_given_as_long_as_rest_has_shown_it_to_be_quiet() -> None:
    heard = Heard()
    heard.until(1, 1.0)

    bounds_s = []
    for vouched_s in (9, 18, 33, 63, 121):
        heard.until(vouched_s)
        heard.cadence.vouch(vouched_s * S)
        bounds_s.append(heard.cadence.bound_ns // S)
    assert bounds_s == [10, 17, 32, 60, 60]

    heard.until(122, 121.5)
    assert heard.cadence.bound_ns == 60 * S


def test_a_stream_silent_for_an_hour_is_asked_about_no_more_than_once_a_minute() -> None:
    heard = rhythm(30.0, 300)
    asked_ns = []
    for second in range(301, 300 + 3600):
        heard.until(second)
        if heard.cadence.suspect(heard.now_ns):
            asked_ns.append(heard.now_ns)
            heard.cadence.vouch(heard.now_ns)

    assert 55 < len(asked_ns) < 80
    assert heard.cadence.bound_ns == 60 * S


def test_after_a_loss_silence_is_learned_from_the_next_word_of_rest_on() -> None:
    heard = rhythm(0.5)
    heard.cadence.interrupted()
    for second in range(104, 140, 4):
        heard.until(second)
        heard.cadence.vouch(heard.now_ns)

    assert heard.cadence.bound_ns > 8 * S


def test_a_word_of_rest_before_any_data_is_only_noted() -> None:
    cadence = Cadence()
    cadence.vouch(7 * S)

    assert cadence.bound_ns == 10 * S
    assert cadence.silent_ns(9 * S) == 2 * S


def test_a_loss_takes_the_word_of_rest_back() -> None:
    heard = rhythm(0.5)
    heard.cadence.vouch(heard.now_ns + 10 * S)
    assert heard.cadence.silent_ns(heard.now_ns + 12 * S) == 2 * S
    heard.cadence.interrupted()

    assert heard.cadence.silent_ns(heard.now_ns + 12 * S) == 12 * S
    assert not heard.cadence.quiet(heard.now_ns + 12 * S)


def test_the_word_of_rest_about_a_stream_that_has_just_spoken_makes_it_no_quiet_one() -> None:
    heard = rhythm(0.5)
    heard.cadence.vouch(heard.now_ns + S // 4)

    assert not heard.cadence.quiet(heard.now_ns + S // 2)
    assert not heard.cadence.quiet(heard.now_ns + heard.cadence.ask_ns - 1)
    assert heard.cadence.quiet(heard.now_ns + heard.cadence.ask_ns)


def test_two_losses_are_forgiven() -> None:
    damping = Damping()
    damping.lost(0)
    damping.lost(1 * S)

    assert not damping.holds(2 * S, 2 * S)


def test_the_third_loss_in_five_minutes_asks_for_thirty_steady_seconds() -> None:
    damping = Damping()
    for at_s in (0, 100, 299):
        damping.lost(at_s * S)

    assert damping.holds(300 * S, 300 * S)
    assert damping.holds(329 * S, 300 * S)
    assert not damping.holds(round((300 + STEADY_S) * S), 300 * S)


def test_three_losses_over_more_than_five_minutes_are_not_many() -> None:
    damping = Damping()
    for at_s in (0, 100, 301):
        damping.lost(at_s * S)

    assert not damping.holds(302 * S, 302 * S)


def ticker(bid: str, last: str) -> Ticker:
    one = Decimal(1)
    return Ticker("BTC/USD", Decimal(bid), one, Decimal("101"), one, Decimal(last), one, one, one, one)


def test_tickers_agree_by_best_prices_whatever_their_zeros_and_the_last_trade() -> None:
    assert same_ticker(ticker("99.0", "100"), ticker("99.00000", "100.0"))
    assert same_ticker(ticker("99", "100"), ticker("99", "100.1"))
    assert not same_ticker(ticker("99", "100"), ticker("98", "100"))


def level(price: str, qty: str) -> Level:
    return Level(Decimal(price), Decimal(qty))


def test_books_agree_at_the_digits_that_rest_prints() -> None:
    bid, ask = level("99.0", "1.23456"), level("101.0", "2.00000")
    rest = FrozenBook("BTC/USD", (level("99.00000", "1.235"),), (level("101.00000", "2.000"),))
    moved = FrozenBook("BTC/USD", (level("99.10000", "1.235"),), (level("101.00000", "2.000"),))
    less = FrozenBook("BTC/USD", (level("99.00000", "1.233"),), (level("101.00000", "2.000"),))

    assert same_levels([bid], [ask], rest)
    assert not same_levels([bid], [ask], moved)
    assert not same_levels([bid], [ask], less)


def test_books_of_one_best_level_differ_when_a_deeper_one_does() -> None:
    bids, ask = [level("99", "1"), level("98", "2")], level("101", "2")
    rest = FrozenBook("BTC/USD", (level("99", "1"), level("98", "3")), (ask,))

    assert not same_levels(bids, [ask], rest)
    assert not same_levels(bids[:1], [ask], rest)


def test_an_empty_side_agrees_only_with_an_empty_side() -> None:
    rest = FrozenBook("BTC/USD", (), (level("101", "2"),))

    assert same_levels([], [level("101", "2")], rest)
    assert not same_levels([level("99", "1")], [level("101", "2")], rest)

from __future__ import annotations

from decimal import Decimal

from leadline.core.liveness import STEADY_S, Cadence, Damping, same_levels, same_ticker
from leadline.model.market import FrozenBook, Level, Ticker

S = 1_000_000_000


def rhythm(interval_s: float, ticks: int = 100) -> Cadence:
    """A cadence that has heard one message every `interval_s`, and learned once a second."""
    cadence = Cadence()
    next_ns = 0
    for second in range(ticks):
        while next_ns <= second * S:
            cadence.count += 1
            cadence.last_ns = next_ns
            next_ns += round(interval_s * S)
        cadence.learn()
    return cadence


def test_a_busy_stream_is_bound_to_five_seconds() -> None:
    assert rhythm(0.01).bound_ns == 5 * S


def test_a_slow_stream_is_given_eight_of_its_intervals() -> None:
    assert rhythm(2.0).bound_ns == 16 * S


def test_no_bound_is_longer_than_a_minute() -> None:
    assert rhythm(30.0, ticks=300).bound_ns == 60 * S


def test_an_unlearned_stream_is_bound_to_ten_seconds() -> None:
    cadence = Cadence()
    cadence.count, cadence.last_ns = 1, 0
    cadence.learn()

    assert cadence.fresh(10 * S)
    assert not cadence.fresh(10 * S + 1)


def test_the_interval_across_a_loss_is_no_part_of_the_rhythm() -> None:
    cadence = rhythm(0.5)
    cadence.interrupted()
    cadence.count, cadence.last_ns = cadence.count + 1, 10_000 * S
    cadence.learn()

    assert cadence.bound_ns == 5 * S


def test_suspicion_comes_before_the_bound_so_that_rest_can_answer_in_time() -> None:
    cadence = rhythm(0.5)
    last_ns = cadence.last_ns
    assert last_ns is not None

    assert not cadence.suspect(last_ns + 3 * S)
    assert cadence.suspect(last_ns + 4 * S)
    assert cadence.fresh(last_ns + 4 * S)


def test_the_word_of_rest_keeps_a_quiet_stream_fresh_and_moves_its_bound_on() -> None:
    cadence = rhythm(0.5)
    last_ns = cadence.last_ns
    assert last_ns is not None
    cadence.vouch(last_ns + 4 * S)

    assert cadence.quiet
    assert cadence.fresh(last_ns + 9 * S)
    assert not cadence.fresh(last_ns + 9 * S + 1)
    assert cadence.vouched_bound_s() == 9.0


def test_a_stream_never_heard_twice_is_given_as_long_as_rest_has_shown_it_to_be_quiet() -> None:
    cadence = Cadence()
    cadence.count, cadence.last_ns = 1, 0
    cadence.learn()

    bounds_s = []
    for vouched_s in (8, 17, 32, 62, 120):
        cadence.vouch(vouched_s * S)
        bounds_s.append(cadence.bound_ns // S)
    assert bounds_s == [10, 17, 32, 60, 60]

    cadence.count, cadence.last_ns = 2, 121 * S
    cadence.learn()
    assert cadence.bound_ns == 60 * S


def test_a_loss_takes_the_word_of_rest_back() -> None:
    cadence = rhythm(0.5)
    assert cadence.last_ns is not None
    cadence.vouch(cadence.last_ns + 4 * S)
    cadence.interrupted()

    assert not cadence.fresh(cadence.last_ns + 6 * S)


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


def test_tickers_agree_by_best_prices_and_last_trade_whatever_their_zeros() -> None:
    assert same_ticker(ticker("99.0", "100"), ticker("99.00000", "100.0"))
    assert not same_ticker(ticker("99", "100"), ticker("99", "100.1"))
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

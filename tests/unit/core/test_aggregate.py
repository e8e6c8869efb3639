from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from leadline.core.aggregate import KEPT_BARS, BarMaker, imbalance
from leadline.model.market import Bar, Channel, Gap, GapCause, Level, Side, Trade

S = 1_000_000_000
START = 1_790_000_040
"""A full minute."""


def trade(number: int, second: int, price: int = 100, qty: int = 1) -> Trade:
    when = datetime.fromtimestamp(START + second, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    return Trade("BTC/USD", Side.BUY, Decimal(price), Decimal(qty), number, when)


def hole(first: int, last: int, *, filled: bool = False, until: bool = True) -> Gap:
    until_ns = (START + last) * S if until else None
    begin_ns = (START + first) * S
    return Gap(Channel.TRADES, "BTC/USD", GapCause.SKIPPED, begin_ns, until_ns, filled=filled)


def take(maker: BarMaker, *trades: Trade) -> list[Bar]:
    return [bar for one in trades for bar in maker.take(one)]


def short(bars: list[Bar]) -> list[tuple[int, int, bool]]:
    """Second of the beginning, trades, complete."""
    return [(bar.begin_ns // S - START, bar.trades, bar.complete) for bar in bars]


def test_every_trade_changes_its_bar_and_a_later_one_completes_it() -> None:
    maker = BarMaker("BTC/USD", 10)
    told = take(maker, trade(1, 0), trade(2, 10, 101), trade(3, 12, 99), trade(4, 21))

    assert short(told) == [(0, 1, False), (10, 1, False), (10, 2, False), (10, 2, True), (20, 1, False)]
    assert told[3] == Bar(
        "BTC/USD", 10, (START + 10) * S, *map(Decimal, (101, 101, 99, 99, 2, 100)), trades=2, complete=True
    )


def test_the_bar_of_the_first_trade_is_never_complete() -> None:
    told = take(BarMaker("BTC/USD", 10), trade(1, 5), trade(2, 11), trade(3, 21), trade(4, 31))

    assert [begin for begin, _, complete in short(told) if complete] == [10, 20]


def test_a_bar_nobody_traded_in_is_not_made_up() -> None:
    told = take(BarMaker("BTC/USD", 10), trade(1, 0), trade(2, 10), trade(3, 50))

    assert sorted({begin for begin, _, _ in short(told)}) == [0, 10, 50]


def test_a_bar_with_a_hole_is_incomplete_until_the_hole_is_filled_and_then_told_again() -> None:
    maker = BarMaker("BTC/USD", 10)
    take(maker, trade(1, 0), trade(2, 10))
    maker.gap(hole(10, 31))
    after = take(maker, trade(5, 31), trade(6, 41))
    late = take(maker, trade(3, 15), trade(4, 25))
    healed = maker.gap(hole(10, 31, filled=True))

    assert short(after) == [(30, 1, False), (40, 1, False)]
    assert short(late) == [(10, 2, False), (20, 1, False)]
    assert short(healed) == [(10, 2, True), (20, 1, True), (30, 1, True)]


def test_a_hole_that_will_not_be_filled_leaves_its_bars_incomplete() -> None:
    maker = BarMaker("BTC/USD", 10)
    take(maker, trade(1, 0), trade(2, 10))
    maker.gap(hole(10, 21))
    take(maker, trade(4, 21), trade(5, 31))

    assert maker.gap(hole(10, 21)) == []
    assert short(take(maker, trade(6, 41))) == [(30, 1, True), (40, 1, False)]


def test_while_the_stream_is_lost_no_bar_since_then_is_complete() -> None:
    maker = BarMaker("BTC/USD", 10)
    take(maker, trade(1, 0), trade(2, 10))
    lost = Gap(Channel.TRADES, "BTC/USD", GapCause.DISCONNECTED, (START + 10) * S)
    maker.gap(lost)
    by_rest = take(maker, trade(3, 21), trade(4, 31))
    back = maker.gap(replace(lost, until_ns=(START + 32) * S, missing=0, filled=True))

    assert not any(bar.complete for bar in by_rest)
    assert short(back) == [(10, 1, True), (20, 1, True)]


def test_trades_that_come_late_keep_their_place_in_the_bar() -> None:
    maker = BarMaker("BTC/USD", 60)
    take(maker, trade(5, 60, 105), trade(9, 69, 109))
    [bar] = take(maker, trade(4, 60, 104))

    assert (bar.open, bar.close) == (104, 109)


def test_the_known_past_is_taken_in_without_being_told() -> None:
    maker = BarMaker("BTC/USD", 10)
    maker.begin([trade(1, 0), trade(2, 10), trade(4, 12)], [((START + 10) * S, (START + 12) * S)])

    assert short(take(maker, trade(5, 20))) == [(20, 1, False)]
    assert short(maker.gap(hole(10, 12, filled=True))) == [(10, 2, True)]


def test_a_trade_without_a_time_is_counted_and_in_no_bar() -> None:
    maker = BarMaker("BTC/USD", 10)

    assert maker.take(replace(trade(1, 0), venue_time=None)) == []
    assert maker.unplaced == 1


def test_bars_beyond_the_bound_are_given_up() -> None:
    maker = BarMaker("BTC/USD", 1)
    take(maker, *(trade(number, number) for number in range(KEPT_BARS + 5)))

    assert take(maker, trade(9_999, 1)) == []
    assert len(take(maker, trade(9_999, 10))) == 1


def test_at_the_bound_of_holes_nothing_becomes_complete_by_forgetting() -> None:
    maker = BarMaker("BTC/USD", 10)
    take(maker, trade(0, 0), trade(1, 10))
    for number in range(70):
        maker.gap(hole(10 + 10 * number, 19 + 10 * number))
        told = take(maker, trade(2 + number, 20 + 10 * number))

        assert not any(bar.complete for bar in told)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Trade], set[int], int]:
    """Trades in the venue's order, those that are missed at first, and the seconds of a bar."""
    steps = draw(st.lists(st.integers(0, 12), min_size=3, max_size=40))
    second, trades = 0, []
    for number, step in enumerate(steps, start=1):
        second += step
        trades.append(trade(number, second, draw(st.integers(1, 9)), draw(st.integers(1, 5))))
    inner = st.integers(2, len(trades) - 1)
    return trades, set(draw(st.lists(inner, max_size=10))), draw(st.integers(1, 30))


@given(histories())
def test_bars_equal_a_naive_recomputation_whatever_was_missed_and_back_filled(
    history: tuple[list[Trade], set[int], int],
) -> None:
    trades, missed, interval_s = history
    maker = BarMaker("BTC/USD", interval_s)
    latest: dict[int, Bar] = {}
    holes: list[Gap] = []
    told: list[Bar] = []
    before: Trade | None = None
    for one in trades:
        if one.trade_id in missed:
            continue
        if before is not None and one.trade_id != (before.trade_id or 0) + 1:
            gap = Gap(Channel.TRADES, "BTC/USD", GapCause.SKIPPED, before.venue_ns or 0, one.venue_ns)
            holes.append(gap)
            told += maker.gap(gap)
        told += maker.take(one)
        before = one
    for bar in told:
        assert not bar.complete or bar == naive(trades, bar, interval_s), "complete, and lacks something"
    for one in trades:
        if one.trade_id in missed:
            told += maker.take(one)
    for gap in holes:
        told += maker.gap(replace(gap, filled=True))
    latest = {bar.begin_ns: bar for bar in told}

    first_ns, last_ns = min(latest), max(latest)
    for begin_ns, bar in latest.items():
        assert bar == replace(naive(trades, bar, interval_s), complete=first_ns < begin_ns < last_ns)


def naive(trades: list[Trade], bar: Bar, interval_s: int) -> Bar:
    inside = [one for one in trades if bar.begin_ns <= (one.venue_ns or 0) < bar.begin_ns + interval_s * S]
    prices = [one.price for one in inside]
    volume = sum(one.qty for one in inside)
    cost = sum(one.qty * one.price for one in inside)
    return Bar(
        *("BTC/USD", interval_s, bar.begin_ns, prices[0], max(prices), min(prices), prices[-1]),
        *(Decimal(volume), Decimal(cost) / Decimal(volume), len(inside), True),
    )


def levels(*quantities: int) -> list[Level]:
    return [Level(Decimal(1), Decimal(qty).scaleb(-8)) for qty in quantities]


@given(st.lists(st.integers(0, 10**15), max_size=25), st.lists(st.integers(0, 10**15), max_size=25))
def test_an_imbalance_lies_between_minus_one_and_one_and_turns_with_the_sides(
    bids: list[int], asks: list[int]
) -> None:
    found = imbalance(levels(*bids), levels(*asks))
    turned = imbalance(levels(*asks), levels(*bids))

    if found is None or turned is None:
        assert sum(bids) + sum(asks) == 0
    else:
        assert -1 <= found <= 1
        assert found == -turned
        assert (found > 0) == (sum(bids) > sum(asks))


def test_an_imbalance_is_the_difference_by_the_sum() -> None:
    assert imbalance(levels(30, 30), levels(20)) == Decimal("0.5")
    assert imbalance(levels(1), []) == 1
    assert imbalance([], []) is None

from __future__ import annotations

from emulated import QUIET, START_NS, S
from leadline.emulator.market import chance
from leadline.emulator.matching import ASK, BID
from leadline.emulator.tape import TRADES_KEPT, Tape

MINUTE = 60 * S
BEGIN = START_NS // MINUTE * MINUTE


def printed(*prints: tuple[int, int, int]) -> Tape:
    tape = Tape(QUIET, 100)
    for time_ns, price, qty in prints:
        tape.print_trade(time_ns, price, qty, BID, False)
    return tape


def test_bars_come_from_the_prints() -> None:
    tape = printed((BEGIN, 10, 1), (BEGIN + S, 14, 3), (BEGIN + 2 * S, 8, 1), (BEGIN + MINUTE, 9, 2))
    first, second = tape.bars(1)
    assert (first.open, first.high, first.low, first.close) == (10, 14, 8, 8)
    assert (first.volume, first.count, first.vwap) == (5, 3, 12)
    assert second.begin_s == first.begin_s + 60


def test_a_minute_without_trades_has_no_bar() -> None:
    tape = printed((BEGIN, 10, 1), (BEGIN + 3 * MINUTE, 11, 1))
    assert len(list(tape.bars(1))) == 2


def test_longer_bars_join_minutes_and_the_running_one_is_the_last() -> None:
    begin = START_NS // (5 * MINUTE) * 5 * MINUTE
    tape = printed((begin, 10, 1), (begin + 4 * MINUTE, 12, 1), (begin + 5 * MINUTE, 7, 1))
    first, second = tape.bars(5)
    assert (first.open, first.close, first.count) == (10, 12, 2)
    assert tape.running_bar(5) == second
    assert tape.running_bar(1) == list(tape.bars(1))[-1]


def test_the_day_forgets_what_is_older() -> None:
    tape = printed((BEGIN, 10, 5), (BEGIN + MINUTE, 20, 1))
    day = tape.day(BEGIN + MINUTE)
    assert day is not None
    assert (day.volume, day.low, day.high) == (6, 10, 20)
    later = tape.day(BEGIN + 86_400 * S + S)
    assert later is not None
    assert (later.volume, later.low) == (1, 20)
    assert tape.day(BEGIN + 2 * 86_400 * S) is None


def test_the_day_grows_with_every_print() -> None:
    tape = printed((BEGIN, 10, 5))
    assert tape.day(BEGIN) is not None
    tape.print_trade(BEGIN + MINUTE, 30, 1, ASK, True)
    day = tape.day(BEGIN + MINUTE)
    assert day is not None
    assert (day.volume, day.high, day.open, day.close) == (6, 30, 10, 30)


def test_the_invented_past_ends_at_the_opening_price_and_counts_into_the_day() -> None:
    tape = Tape(QUIET, 1)
    tape.fill_past(chance(1, "past"), QUIET, BEGIN // S, 60)
    bars = list(tape.bars(1))
    assert 40 < len(bars) <= 60
    assert bars[-1].close == QUIET.price
    assert [bar.begin_s for bar in bars] == sorted(bar.begin_s for bar in bars)
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)
    assert tape.last_price == QUIET.price


def test_only_the_newest_trades_are_kept() -> None:
    tape = printed(*((BEGIN + number, 10, 1) for number in range(TRADES_KEPT + 5)))
    assert len(tape.trades) == TRADES_KEPT
    assert tape.trades[-1].trade_id == 100 + TRADES_KEPT + 4


def test_an_id_can_be_used_up_without_a_print() -> None:
    tape = printed((BEGIN, 10, 1))
    assert tape.skip_id() == 101
    assert tape.print_trade(BEGIN, 10, 1, BID, False).trade_id == 102
    assert len(tape.trades) == 2

from __future__ import annotations

from leadline.core.weave import MOST_HELD, PATIENCE_NS, TradeWeave
from leadline.model.market import TradeBatch
from linesrig import BTC, trades

A, B = "one line", "another"


def ids(batch: TradeBatch | None) -> list[int | None]:
    return [] if batch is None else [trade.trade_id for trade in batch.trades]


def woven() -> TradeWeave:
    """A weave of two lines that have both told the third trade."""
    weave = TradeWeave(BTC)
    weave.take(A, trades(3), 0)
    weave.take(B, trades(3), 0)
    return weave


def test_what_follows_goes_on_as_it_came() -> None:
    weave = woven()
    batch = trades(4, 5)

    assert weave.take(A, batch, 0) is batch


def test_a_trade_behind_a_skipped_id_waits_for_the_line_that_can_still_tell_it() -> None:
    weave = woven()

    assert weave.take(A, trades(5), 0) is None
    assert ids(weave.take(B, trades(4), 0)) == [4, 5]
    assert ids(weave.take(B, trades(5), 0)) == [5]  # a repetition, which the log of trades knows


def test_a_hole_that_every_line_has_passed_is_real_and_delays_nothing() -> None:
    weave = woven()

    assert weave.take(A, trades(5), 0) is None
    assert ids(weave.take(B, trades(5), 0)) == [5]
    assert ids(weave.take(A, trades(6), 0)) == [6]


def test_what_has_waited_was_received_when_it_came() -> None:
    weave = woven()
    weave.take(A, trades(5), 10)
    weave.take(B, trades(4), 30)
    assert weave.received_ns == 10
    weave.take(A, trades(6), 40)
    assert weave.received_ns == 40
    weave.take(A, trades(9), 50)
    assert ids(weave.overdue(50 + PATIENCE_NS)) == [9]
    assert weave.received_ns == 50


def test_one_line_alone_waits_for_nobody() -> None:
    weave = TradeWeave(BTC)
    weave.take(A, trades(3), 0)

    assert ids(weave.take(A, trades(7, 9), 0)) == [7, 9]


def test_a_line_that_has_told_no_trade_yet_is_not_waited_for() -> None:
    weave = TradeWeave(BTC)
    weave.take(A, trades(3), 0)
    weave.take(A, trades(5), 0)

    assert ids(weave.take(B, trades(4, 5, 6), 0)) == [4, 5, 6]


def test_patience_ends() -> None:
    weave = woven()
    weave.take(A, trades(5), 100)

    assert weave.overdue(99 + PATIENCE_NS) is None
    assert ids(weave.overdue(100 + PATIENCE_NS)) == [5]
    assert weave.overdue(100 + 2 * PATIENCE_NS) is None


def test_nobody_waits_for_a_line_that_is_gone() -> None:
    weave = woven()
    weave.take(A, trades(5), 0)

    assert weave.left(A) is None
    assert ids(weave.left(B)) == [5]


def test_what_one_line_holds_of_another_is_handed_on_in_order_of_ids() -> None:
    weave = woven()
    weave.take(A, trades(8), 0)
    weave.take(A, trades(6), 0)

    assert ids(weave.take(B, trades(4, 5), 0)) == [4, 5, 6]
    assert ids(weave.take(B, trades(9), 0)) == [8, 9]
    assert ids(weave.take(A, trades(9), 0)) == [9]


def test_beyond_the_bound_all_go_on() -> None:
    weave = woven()
    held = range(5, 5 + MOST_HELD)
    assert weave.take(A, trades(*held), 0) is None

    assert ids(weave.take(A, trades(5 + MOST_HELD), 0)) == [*held, 5 + MOST_HELD]


def test_trades_without_ids_and_old_ones_pass() -> None:
    weave = woven()
    nameless = trades(1).trades[0].__class__(*[getattr(trades(1).trades[0], name) for name in (
        "symbol", "side", "price", "qty")], None, None)  # fmt: skip
    weave.take(A, trades(5), 0)

    assert ids(weave.take(B, TradeBatch(BTC, (nameless, *trades(2).trades)), 0)) == [None, 2]

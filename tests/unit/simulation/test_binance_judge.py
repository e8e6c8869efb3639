from __future__ import annotations

from decimal import Decimal

from binance_rig import BTC, BinanceRig
from leadline.core.range_book import RangeBook
from leadline.emulator.wire import Frame
from leadline.model.market import Channel, FrozenBook, Liquidation, MarkPrice, Side, Ticker
from leadline.model.reading import Source
from leadline.simulation.report import SERVED_WRONG, STALE_AS_FRESH


def test_a_book_is_the_venues_at_the_id_that_its_newest_message_names() -> None:
    rig = BinanceRig()
    rig.bid(1)
    rig.frame()

    assert rig.judged(rig.book().view) == []


def test_a_book_that_lacks_a_change_is_wrong_though_it_was_right_before() -> None:
    rig = BinanceRig()
    rig.frame()
    old = rig.book()
    rig.passes(30.0)
    rig.bid(1)
    rig.passes(30.0)
    rig.frame()

    assert rig.judged(old.view) == [SERVED_WRONG]


def test_a_book_that_no_message_of_that_moment_leads_to_is_dated_wrongly() -> None:
    rig = BinanceRig()
    rig.bid(1)
    rig.frame()
    old, told_id = rig.book(), rig.last_id
    rig.passes(1.0)
    rig.bid(1)
    rig.frame()
    assert rig.last_id > told_id

    assert rig.judged(old.view) == [STALE_AS_FRESH]


def test_a_level_beyond_what_is_certain_is_found_and_a_shallower_book_is_not_wrong() -> None:
    rig = BinanceRig()
    rig.frame()
    shallow, beyond = rig.book(levels=6), rig.book(levels=6)
    worst = beyond.view.bids(6)[-1].price
    assert rig.judged(shallow.view) == []

    beyond.load(*_texts(beyond), limit=100)  # as if a side of six levels were all there is
    beyond.apply([(f"{worst - Decimal('0.7')}", "1.000")], [])
    assert rig.judged(beyond.view) == [SERVED_WRONG]


def test_a_book_joined_by_a_snapshot_is_dated_by_the_snapshot() -> None:
    rig = BinanceRig()
    rig.frame()
    rig.passes(1.0)
    rig.answer("/fapi/v1/depth", f'{{"lastUpdateId":{rig.last_id}}}'.encode())

    assert rig.judged(rig.book().view) == []


def test_a_book_of_rest_may_not_call_itself_proven_and_must_be_what_the_venue_had() -> None:
    rig = BinanceRig()
    rig.answer("/fapi/v1/depth", f'{{"lastUpdateId":{rig.last_id}}}'.encode())
    right = rig.book().view.freeze(10)
    wrong = FrozenBook(BTC, right.asks, right.bids)

    assert rig.judged(right, Source.REST, verified=False) == []
    assert rig.judged(right, Source.REST) == [SERVED_WRONG]
    assert rig.judged(wrong, Source.REST, verified=False) == [STALE_AS_FRESH]


def test_best_prices_are_those_that_the_message_of_that_moment_told() -> None:
    rig = BinanceRig()
    rig.frame("ticker")
    quote = rig.truth.symbols[BTC].quotes.states[-1]
    assert quote.bid and quote.bid_qty and quote.ask and quote.ask_qty
    right = Ticker(BTC, quote.bid, quote.bid_qty, quote.ask, quote.ask_qty)
    wrong = Ticker(BTC, quote.bid + 1, quote.bid_qty, quote.ask, quote.ask_qty)

    assert rig.judged(right, verified=False) == []
    assert rig.judged(wrong, verified=False) == [STALE_AS_FRESH]


def test_a_mark_price_is_what_the_venue_told_then() -> None:
    rig = BinanceRig()
    rig.passes(1.5)
    rig.frame("mark")
    mark = rig.truth.marks[BTC].states[-1]
    right = MarkPrice(BTC, mark.mark, mark.underlying, mark.rate, None)
    wrong = MarkPrice(BTC, mark.mark + 1, mark.underlying, mark.rate, None)

    for value in (right, wrong):
        rig.judge.value(BTC, Channel.MARK, rig.reading(value, verified=False), current=True)

    assert [one.kind for one in rig.findings.violations] == [SERVED_WRONG]


def test_a_value_of_a_moment_at_which_nothing_came_is_dated_wrongly() -> None:
    rig = BinanceRig()
    rig.frame("book")
    mark = rig.truth.marks[BTC].states[-1]
    told = MarkPrice(BTC, mark.mark, mark.underlying, mark.rate, None)
    rig.judge.value(BTC, Channel.MARK, rig.reading(told, verified=False), current=True)

    assert STALE_AS_FRESH in rig.findings.kinds


def _texts(book: RangeBook) -> list[list[tuple[str, str]]]:
    view = book.view
    return [[(str(level.price), str(level.qty)) for level in side] for side in (view.bids(), view.asks())]


def liquidation(at_ms: int) -> tuple[Frame, Liquidation]:
    """A message, and what it tells."""
    text = (
        f'{{"stream":"btcusdt@forceOrder","data":{{"o":{{"S":"SELL","q":"0.5","ap":"100.0","T":{at_ms}}}}}}}'
    )
    told = Liquidation(BTC, Side.SELL, Decimal("0.5"), Decimal("99.5"), Decimal("100.0"), at_ms)
    return Frame(text, "update", "liquidations", BTC), told


def test_every_liquidation_that_comes_is_told_and_once() -> None:
    rig = BinanceRig()
    early, _ = liquidation(1)
    frame, told = liquidation(2)
    rig._arrived(early)
    rig.passes(1.0)
    rig.judge.listens(BTC)
    rig._arrived(frame)
    rig._arrived(frame)  # by the other line
    rig.judge.settle()
    assert rig.findings.kinds == {}  # it may be under way

    reading = rig.reading(told)
    rig.passes(10.0)
    rig.judge.settle()
    assert rig.findings.kinds == {"gap_unexplained": 1}
    rig.judge.value(BTC, Channel.LIQUIDATIONS, reading, current=False)
    rig.judge.settle()
    assert rig.findings.kinds == {"gap_unexplained": 1}
    rig.judge.value(BTC, Channel.LIQUIDATIONS, reading, current=False)
    rig.judge.settle()
    assert rig.findings.kinds == {"gap_unexplained": 1, "served_wrong": 1}

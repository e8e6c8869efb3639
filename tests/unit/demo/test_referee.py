from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from emulated import MS, QUIET, START_NS, S, emulated
from leadline.demo.observed import SeenBar, SeenBook, SeenTicker, SeenTrade
from leadline.demo.referee import Referee
from leadline.emulator.exchange import Exchange
from leadline.emulator.matching import BID
from leadline.simulation.truth import Truth, scaled

OFFSET_NS = START_NS - 1000 * S
BTC = QUIET.symbol


def venue(rate: float = 100.0) -> tuple[Exchange, Referee]:
    """An exchange, and a referee whose monotonic time is 1000 s when the exchange begins."""
    exchange = emulated(rate)
    return exchange, Referee(OFFSET_NS, Truth(exchange.market, {}, START_NS))


def book_now(exchange: Exchange, at_ns: int, depth: int = 10) -> SeenBook:
    """The book as a reader sees it that is up to date at a Unix time."""
    listing = exchange.market.listings[BTC]
    pair, book = listing.pair, listing.book
    sides = [
        tuple(
            (scaled(price, pair.price_precision), scaled(qty, pair.qty_precision))
            for price, qty in side.top(depth)
        )
        for side in (book.bids, book.asks)
    ]
    return SeenBook(BTC, at_ns - OFFSET_NS, 5.0, depth, *sides)


def test_a_book_that_the_venue_has_is_right() -> None:
    exchange, referee = venue()
    exchange.advance(START_NS + 3 * S)

    assert referee.judge(book_now(exchange, START_NS + 3 * S))
    assert (referee.verdicts.compared, referee.verdicts.wrong) == (1, 0)


def test_one_wrong_quantity_is_wrong_and_is_named() -> None:
    exchange, referee = venue()
    exchange.advance(START_NS + 3 * S)
    seen = book_now(exchange, START_NS + 3 * S)
    (price, qty), *others = seen.bids

    assert not referee.judge(replace(seen, bids=((price, qty + Decimal("0.00000001")), *others)))
    assert referee.verdicts.wrong == 1
    assert referee.verdicts.first_wrong.startswith("SeenBook(symbol='BTC/USD'")


def test_a_book_with_a_level_too_few_is_wrong() -> None:
    exchange, referee = venue()
    seen = book_now(exchange, START_NS)

    assert not referee.judge(replace(seen, asks=seen.asks[:-1]))
    assert not referee.judge(replace(seen, asks=seen.asks[1:]))


def test_a_book_is_right_for_as_long_as_it_may_be_read_as_fresh_and_no_longer() -> None:
    exchange, referee = venue()
    seen = book_now(exchange, START_NS)
    exchange.advance(START_NS + 60 * S)

    def read_after(seconds: float) -> bool:
        return referee.judge(replace(seen, at_ns=seen.at_ns + int(seconds * S)))

    assert read_after(5.9)
    assert not read_after(10)
    assert referee.judge(replace(seen, at_ns=seen.at_ns + 10 * S, bound_s=12.0))


def test_no_bound_beyond_a_minute_is_believed() -> None:
    exchange, referee = venue()
    seen = book_now(exchange, START_NS)
    exchange.advance(START_NS + 70 * S)

    assert not referee.judge(replace(seen, at_ns=seen.at_ns + 70 * S, bound_s=1000.0))


def test_a_book_of_the_future_is_wrong() -> None:
    exchange, referee = venue()
    exchange.advance(START_NS + 10 * S)
    seen = book_now(exchange, START_NS + 10 * S)

    assert not referee.judge(replace(seen, at_ns=START_NS - OFFSET_NS))


def test_a_ticker_is_held_against_the_best_prices_and_the_last_trade() -> None:
    exchange, referee = venue()
    exchange.advance(START_NS + 3 * S)
    quote = Truth(exchange.market, {}, START_NS + 3 * S).symbols[BTC].quotes.states[-1]
    assert quote.bid is not None and quote.ask is not None
    seen = SeenTicker(BTC, START_NS + 3 * S - OFFSET_NS, 5.0, quote.bid, quote.ask, quote.last)

    assert referee.judge(seen)
    assert not referee.judge(replace(seen, last=quote.last + 1))


def test_a_trade_is_right_only_as_it_was_printed() -> None:
    exchange, referee = venue()
    exchange.advance(START_NS + 3 * S)
    listing = exchange.market.listings[BTC]
    trade = listing.tape.trades[-1]
    price = scaled(trade.price, listing.pair.price_precision)
    qty = scaled(trade.qty, listing.pair.qty_precision)
    seen = SeenTrade(BTC, trade.trade_id, price, qty, trade.taker_side == BID)

    assert referee.judge(seen)
    assert not referee.judge(replace(seen, trade_id=trade.trade_id + 1))
    assert not referee.judge(replace(seen, price=price + 1))
    assert not referee.judge(replace(seen, bought=not seen.bought))


def test_a_bar_is_right_with_the_trades_it_says_it_has() -> None:
    exchange, referee = venue()
    listing = exchange.market.listings[BTC]
    bar = listing.tape.minutes[-1]
    prices = [scaled(one, listing.pair.price_precision) for one in (bar.open, bar.high, bar.low, bar.close)]
    seen = SeenBar(BTC, bar.begin_s, bar.count, *prices, scaled(bar.volume, listing.pair.qty_precision))

    assert referee.judge(seen)
    assert not referee.judge(replace(seen, trades=seen.trades + 1))
    assert not referee.judge(replace(seen, high=seen.high + 1))


def test_a_symbol_that_is_not_listed_is_wrong() -> None:
    exchange, referee = venue()

    assert not referee.judge(replace(book_now(exchange, START_NS), symbol="NO/SUCH"))


def test_what_is_forgotten_can_not_be_asked_about_any_more() -> None:
    exchange, referee = venue()
    for second in range(1, 300):
        exchange.advance(START_NS + second * S)
    truth = referee._symbols[BTC]
    kept = len(truth.books.times)

    referee.forget(1300 * S)

    assert len(truth.books.times) < kept / 2
    assert truth.books.times[0] <= START_NS + 180 * S < truth.books.times[1]
    assert referee.judge(replace(book_now(exchange, START_NS + 299 * S), bound_s=60.0))


def test_forgetting_early_forgets_nothing() -> None:
    exchange, referee = venue()
    exchange.advance(START_NS + 500 * MS)
    kept = len(referee._symbols[BTC].books.times)

    referee.forget(1000 * S + 500 * MS)

    assert len(referee._symbols[BTC].books.times) == kept

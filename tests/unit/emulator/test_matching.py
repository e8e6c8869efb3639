from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leadline.emulator.matching import ASK, BID, Change, Order, OrderBook


def book_of(*orders: tuple[int, int, int, int]) -> OrderBook:
    book = OrderBook()
    for order in orders:
        book.submit(Order(*order), 0)
    book.taken_changes()
    return book


def test_the_oldest_order_of_a_price_is_filled_first() -> None:
    book = book_of((1, ASK, 10, 5), (2, ASK, 10, 5))
    fills = book.submit(Order(3, BID, 10, 7), 0)
    assert [(fill.maker.order_id, fill.price, fill.qty) for fill in fills] == [(1, 10, 5), (2, 10, 2)]


def test_the_better_price_is_filled_before_the_older_order() -> None:
    book = book_of((1, BID, 9, 5), (2, BID, 10, 5))
    fills = book.submit(Order(3, ASK, 9, 6), 0)
    assert [(fill.maker.order_id, fill.price) for fill in fills] == [(2, 10), (1, 9)]


def test_a_limit_order_stops_at_its_price_and_rests() -> None:
    book = book_of((1, ASK, 10, 5), (2, ASK, 12, 5))
    assert len(book.submit(Order(3, BID, 11, 8), 0)) == 1
    assert book.best(BID) == (11, 3)
    assert book.best(ASK) == (12, 5)


def test_what_a_market_order_finds_nobody_for_is_gone() -> None:
    book = book_of((1, ASK, 10, 5))
    assert len(book.submit(Order(2, BID, 0, 8), 0, market=True)) == 1
    assert book.best(BID) is None
    assert book.best(ASK) is None


def test_an_order_of_an_account_matches_beside_the_crowds() -> None:
    book = book_of((1, ASK, 10, 5))
    book.submit(Order(2, ASK, 10, 4, owner="account"), 0)
    fills = book.submit(Order(3, BID, 10, 9), 0)
    assert [fill.maker.owner for fill in fills] == [None, "account"]


def test_a_cancelled_order_leaves_the_rest_of_its_level() -> None:
    book = book_of((1, BID, 10, 5), (2, BID, 10, 4))
    assert book.cancel(1, 0) is not None
    assert book.best(BID) == (10, 4)
    assert book.cancel(1, 0) is None


def test_every_step_of_a_level_is_noted_in_order() -> None:
    book = book_of((1, ASK, 10, 5), (2, ASK, 10, 5))
    book.submit(Order(3, BID, 10, 12), 0)
    assert book.taken_changes() == [Change(ASK, 10, 5), Change(ASK, 10, 0), Change(BID, -10, 2)]
    assert book.taken_changes() == []


def test_coarser_ticks_move_orders_away_from_the_other_side() -> None:
    book = book_of((1, BID, 109, 50), (2, ASK, 111, 50), (3, ASK, 115, 9))
    book.rescale(-1, -1)
    assert book.bids.top(9) == [(10, 5)]
    assert book.asks.top(9) == [(12, 5)]


def test_finer_ticks_keep_every_order() -> None:
    book = book_of((1, BID, 109, 50), (2, ASK, 111, 50))
    book.rescale(2, 1)
    assert (book.best(BID), book.best(ASK)) == ((10_900, 500), (11_100, 500))


@given(st.lists(st.tuples(st.sampled_from((BID, ASK)), st.integers(1, 12), st.integers(1, 9)), max_size=60))
def test_levels_always_sum_their_queues_and_never_cross(orders: list[tuple[int, int, int]]) -> None:
    book = OrderBook()
    for number, (side, price, qty) in enumerate(orders):
        book.submit(Order(number, side, price, qty), 0)
        bid, ask = book.best(BID), book.best(ASK)
        assert bid is None or ask is None or bid[0] < ask[0]
        for one in book.sides:
            assert one.keys == sorted(one.levels)
            for level in one.levels.values():
                assert level.qty == sum(order.qty for order in level.orders.values()) > 0

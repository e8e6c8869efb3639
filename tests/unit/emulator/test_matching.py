from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leadline.emulator.matching import ASK, BID, Change, Order, OrderBook, SelfTrade

STP: tuple[SelfTrade, ...] = ("cancel_oldest", "cancel_newest", "cancel_both")


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


def test_an_iceberg_shows_one_slice_and_fills_whole_as_taker() -> None:
    book = book_of((1, ASK, 10, 5))
    order = Order(2, BID, 10, 12, display=3)
    book.submit(order, 0)
    assert book.best(BID) == (10, 3)
    assert (order.qty, order.hidden, order.remaining) == (3, 4, 7)


def test_a_used_up_slice_refills_behind_the_queue_without_its_level_going() -> None:
    book = OrderBook()
    book.submit(Order(1, BID, 10, 5, display=2), 0)
    book.submit(Order(2, BID, 10, 4), 0)
    book.taken_changes()
    fills = book.submit(Order(3, ASK, 10, 3), 7)
    assert [(fill.maker.order_id, fill.qty, fill.refill) for fill in fills] == [(1, 2, 2), (2, 1, 0)]
    assert [change.qty for change in book.taken_changes()] == [6, 5]
    fills = book.submit(Order(4, ASK, 10, 99), 8)
    assert [(fill.maker.order_id, fill.qty, fill.refill) for fill in fills] == [
        (2, 3, 0),
        (1, 2, 1),
        (1, 1, 0),
    ]
    assert book.best(BID) is None


def test_orders_of_one_owner_do_not_meet_and_one_gives_way() -> None:
    for stp, left, resting in (
        ("cancel_newest", [1], None),
        ("cancel_oldest", [], 9),
        ("cancel_both", [], None),
    ):
        book = OrderBook()
        book.submit(Order(1, ASK, 10, 5, "me"), 0)
        newest = Order(2, BID, 10, 9, "me", stp=stp)  # type: ignore[arg-type]
        assert book.submit(newest, 0) == []
        assert [order for order in (1,) if book.order(order)] == left
        assert (book.best(BID) or (10, None))[1] == resting
        assert [one.order_id for one in book.taken_prevented()] == ([] if left else [1])
        assert newest.prevented == (stp != "cancel_oldest")


def test_an_incoming_order_fills_with_others_before_it_meets_its_owners_own() -> None:
    book = book_of((1, ASK, 10, 5))
    book.submit(Order(2, ASK, 11, 5, "me"), 0)
    assert len(book.submit(Order(3, BID, 11, 9, "me"), 0)) == 1
    assert book.best(BID) is None


def test_a_lowered_order_keeps_its_place_and_hides_less_first() -> None:
    book = OrderBook()
    book.submit(Order(1, ASK, 10, 9, display=3), 0)
    book.submit(Order(2, ASK, 10, 4), 0)
    book.taken_changes()
    book.lower(1, 4, 5)
    assert book.taken_changes() == []
    assert book.best(ASK) == (10, 7)
    book.lower(1, 2, 5)
    assert book.taken_changes() == [Change(ASK, 10, 6)]
    fills = book.submit(Order(3, BID, 10, 1), 6)
    assert fills[0].maker.order_id == 1


def test_what_can_be_reached_counts_hidden_parts_and_leaves_out_own_orders() -> None:
    book = OrderBook()
    book.submit(Order(1, ASK, 10, 9, display=3), 0)
    book.submit(Order(2, ASK, 11, 4, "me"), 0)
    book.submit(Order(3, ASK, 12, 2), 0)
    book.submit(Order(4, ASK, 13, 2), 0)
    oldest, newest = (Order(0, BID, 12, 99, "me", stp=stp) for stp in STP[:2])
    assert list(book.reachable(oldest)) == [(10, 9), (12, 2)]
    assert list(book.reachable(newest)) == [(10, 9)]
    assert len(list(book.reachable(oldest, market=True))) == 3


def test_an_order_that_may_not_rest_is_gone_with_what_it_has_left() -> None:
    book = book_of((1, ASK, 10, 5))
    order = Order(2, BID, 10, 8)
    book.submit(order, 0, may_rest=False)
    assert (order.qty, book.best(BID)) == (3, None)


def test_hidden_parts_move_to_another_grid_too() -> None:
    book = OrderBook()
    order = Order(1, BID, 10, 9, display=4)
    book.submit(order, 0)
    book.rescale(0, 2)
    assert (order.qty, order.hidden, order.display) == (400, 500, 400)
    book.rescale(0, -2)
    assert (order.qty, order.hidden) == (4, 5)

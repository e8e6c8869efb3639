from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.book import Book
from leadline.model.compact import CompactBook

PRICES = st.lists(st.integers(1, 10**9), unique=True, max_size=12)


@given(PRICES, PRICES, st.integers(0, 10), st.integers(0, 10), st.integers(1, 12))
def test_the_compact_form_expands_to_exactly_what_freezing_gives(
    bids: list[int], asks: list[int], price_precision: int, qty_precision: int, count: int
) -> None:
    book = Book("BTC/USD", 25, price_precision, qty_precision)
    book.load([(price, price * 3) for price in bids], [(price, price * 7) for price in asks])
    book.venue_time = "2026-11-21T10:00:00.5Z"

    compact = book.view.copy(count).compact()

    assert compact.expand() == book.view.copy(count).freeze() == book.view.freeze(count)
    assert compact.venue_ns == book.view.venue_ns
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(compact), type=CompactBook) == compact


def test_the_compact_form_is_a_value_that_the_book_does_not_change() -> None:
    book = Book("BTC/USD", 10, 1, 8)
    book.load([(10, 1)], [(11, 1)])
    compact = book.view.copy().compact()
    book.apply([(10, 0)], [])

    assert compact.bids == ((10, 1),)

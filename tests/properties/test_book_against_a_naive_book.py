"""Our book against a dictionary of wire texts, message by message, over sessions a venue could send."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_frames import NaiveBook, Text, book_frame, instrument
from leadline.model.instrument import from_units
from leadline.venues.kraken import wire
from leadline.venues.kraken.books import BookStream, Verdict


def fixed(units: int, precision: int) -> str:
    return format(from_units(units, precision), "f")


class Venue:
    """Sends what a book of these decimals could: few prices, so that levels leave, re-enter and repeat."""

    def __init__(self, seed: int, prices: int, qtys: int, depth: int, width: int, largest: int) -> None:
        self.random = random.Random(seed)
        self.prices, self.qtys = prices, qtys
        self.middle = self.random.choice([width + 1, 10 ** self.random.randint(3, 14)]) + width
        self.width, self.largest = width, largest
        self.book = NaiveBook(depth)

    def qty(self) -> str:
        return fixed(self.random.randint(1, 10 ** self.random.randint(1, self.largest)), self.qtys)

    def price(self, sign: int) -> str:
        # Both sides may reach across the middle: a crossed book has a checksum, too.
        return fixed(self.middle + sign * self.random.randint(-2, self.width), self.prices)

    def change(self, sign: int) -> Text:
        removed = self.random.random() < 0.4
        return self.price(sign), fixed(0, self.qtys) if removed else self.qty()

    def snapshot(self) -> str:
        self.book = NaiveBook(self.book.depth)
        self.book.change(*[[(self.price(sign), self.qty()) for _ in range(self.width)] for sign in (-1, 1)])
        depth = self.book.depth
        return self._frame("snapshot", self.book.best_bids(depth), self.book.best_asks(depth))

    def update(self) -> str:
        counts = self.random.choice([(0, 1), (1, 0), (0, 3), (2, 2), (5, 0)])
        bids, asks = ([self.change(sign) for _ in range(n)] for n, sign in zip(counts, (-1, 1), strict=True))
        if asks and self.random.random() < 0.3:  # several changes of one price
            asks += [(asks[-1][0], self.qty()), (asks[-1][0], fixed(0, self.qtys)), (asks[-1][0], self.qty())]
        self.book.change(bids, asks)
        return self._frame("update", bids, asks)

    def _frame(self, kind: str, bids: list[Text], asks: list[Text]) -> str:
        return book_frame(kind, bids, asks, self.book.checksum())


def hear(stream: BookStream, text: str) -> Verdict:
    frame = text.encode()
    message = wire.decode(frame)
    assert isinstance(message, wire.BookFrame)
    return stream.receive(message.data[0], message.type == "snapshot", frame)


def levels(stream: BookStream) -> tuple[list[Text], list[Text]]:
    book = stream.book
    bids, asks = (
        [(fixed(price, book.price_precision), fixed(qty, book.qty_precision)) for price, qty in side]
        for side in (book.bids(book.depth), book.asks(book.depth))
    )
    return bids, asks


def assert_equal(stream: BookStream, book: NaiveBook) -> None:
    assert levels(stream) == (book.best_bids(book.depth), book.best_asks(book.depth))


@pytest.mark.parametrize("prices", range(11))
@given(
    seed=st.integers(0, 2**32), qtys=st.integers(0, 10), depth=st.sampled_from([10, 25, 100]),
    width=st.sampled_from([3, 8, 15, 40]), largest=st.sampled_from([4, 12, 16, 20]),
)  # fmt: skip
def test_every_message_of_every_precision_is_proven_and_every_level_is_the_venues(
    prices: int, seed: int, qtys: int, depth: int, width: int, largest: int
) -> None:
    venue = Venue(seed, prices, qtys, depth, width, largest)
    stream = BookStream(instrument("BTC/USD", prices, qtys), depth)

    assert hear(stream, venue.snapshot()) is Verdict.PROVEN
    assert_equal(stream, venue.book)
    for number in range(25):
        frame = venue.snapshot() if number == 20 else venue.update()
        assert hear(stream, frame) is Verdict.PROVEN
        assert_equal(stream, venue.book)


@pytest.mark.parametrize("beyond", [2**50 - 1, 2**50, 2**53 - 1, 2**53, 2**53 + 1, 2**60 + 1, 10**25 + 7])
@pytest.mark.parametrize("precision", [0, 4, 10])
def test_quantities_around_and_beyond_what_a_float_holds_are_exact(beyond: int, precision: int) -> None:
    book, stream = NaiveBook(10), BookStream(instrument("BTC/USD", 1, precision), 10)
    changes = ([("1.0", fixed(beyond, precision))], [("2.0", fixed(beyond + 1, precision))])
    book.change(*changes)

    assert hear(stream, book_frame("snapshot", *changes, book.checksum())) is Verdict.PROVEN
    assert_equal(stream, book)


@given(
    seed=st.integers(0, 2**32), depth=st.sampled_from([10, 25]), place=st.integers(0, 9), is_bid=st.booleans()
)
def test_a_corrupted_level_among_the_top_ten_is_detected(
    seed: int, depth: int, place: int, is_bid: bool
) -> None:
    venue = Venue(seed, 1, 8, depth, 15, 9)
    stream = BookStream(instrument("BTC/USD", 1, 8), depth)
    hear(stream, venue.snapshot())
    side = venue.book.best_bids(10) if is_bid else venue.book.best_asks(10)
    price, qty = side[place % len(side)]
    altered = qty[:-1] + str((int(qty[-1]) + 1) % 10 or 1)
    lie = [(price, altered if altered != qty else qty[:-1] + "5")]

    verdict = hear(
        stream, book_frame("update", lie if is_bid else [], [] if is_bid else lie, venue.book.checksum())
    )

    assert verdict is Verdict.WRONG
    assert len(stream.book) == 0
    assert hear(stream, venue.snapshot()) is Verdict.PROVEN


@given(seed=st.integers(0, 2**32))
def test_a_lost_message_is_detected_by_the_next_one_unless_the_top_ten_are_right(seed: int) -> None:
    venue = Venue(seed, 1, 8, 10, 8, 9)
    stream = BookStream(instrument("BTC/USD", 1, 8), 10)
    hear(stream, venue.snapshot())
    venue.update()

    verdict = hear(stream, venue.update())

    if verdict is Verdict.PROVEN:
        assert_equal(stream, venue.book)
    else:
        assert verdict is Verdict.WRONG

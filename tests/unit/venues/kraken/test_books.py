from __future__ import annotations

from kraken_frames import BookFeed, Text, book_frame, instrument
from leadline.venues.kraken import wire
from leadline.venues.kraken.books import BookStream, Verdict


def stream(prices: int = 1, qtys: int = 8, depth: int = 10) -> BookStream:
    return BookStream(instrument("BTC/USD", prices, qtys), depth)


def hear(made: BookStream, text: str) -> Verdict:
    frame = text.encode()
    message = wire.decode(frame)
    assert isinstance(message, wire.BookFrame)
    return made.receive(message.data[0], message.type == "snapshot", frame)


def test_a_snapshot_and_its_updates_are_proven_each() -> None:
    made, feed = stream(), BookFeed()

    assert hear(made, feed.snapshot()) is Verdict.PROVEN
    assert made.proven
    assert hear(made, feed.update([("99.5", "3.00000000")], [("101.0", "0.00000000")])) is Verdict.PROVEN
    assert made.book.venue_time == "2026-08-02T03:35:51.660084Z"
    assert (made.counts.proven, made.counts.updates) == (2, 2)


def test_an_update_before_the_snapshot_means_nothing() -> None:
    made, feed = stream(), BookFeed()
    feed.snapshot()

    assert hear(made, feed.update([("99.5", "3.00000000")])) is Verdict.UNSYNCED
    assert len(made.book) == 0
    assert not made.drop()


def test_a_message_that_fails_empties_the_book_until_the_next_snapshot() -> None:
    made, feed = stream(), BookFeed()
    hear(made, feed.snapshot())

    assert hear(made, feed.wrong_update()) is Verdict.WRONG
    assert (len(made.book), made.proven) == (0, False)
    assert hear(made, feed.update([("99.5", "3.00000000")])) is Verdict.UNSYNCED
    assert hear(made, feed.snapshot()) is Verdict.PROVEN
    assert (made.counts.wrong, made.counts.unsynced, made.counts.updates) == (1, 1, 4)


def test_a_snapshot_is_checked_too() -> None:
    made = stream()

    assert hear(made, book_frame("snapshot", [("1.0", "1.00000000")], [], 7)) is Verdict.WRONG
    assert len(made.book) == 0


def test_a_second_snapshot_replaces_the_first() -> None:
    made, feed = stream(), BookFeed()
    hear(made, feed.snapshot())

    feed.snapshot(levels=4)
    assert hear(made, feed.update()) is Verdict.WRONG
    assert hear(made, feed.snapshot(levels=4)) is Verdict.PROVEN
    assert hear(made, feed.snapshot(levels=2)) is Verdict.PROVEN
    assert len(made.book) == 4


def test_a_message_without_a_checksum_proves_nothing_but_the_next_one_may() -> None:
    made, feed = stream(), BookFeed()
    hear(made, feed.snapshot())

    assert hear(made, feed.unchecked_update([("99.5", "3.00000000")])) is Verdict.UNCHECKED
    assert not made.proven
    assert hear(made, feed.update([("99.6", "3.00000000")])) is Verdict.PROVEN
    assert made.proven
    assert made.counts.unchecked == 1


def exact_level(qty: str) -> tuple[list[Text], list[Text]]:
    return [("0.1", qty)], [("0.2", "0.00000001")]


def test_quantities_a_float_cannot_hold_are_taken_from_the_text() -> None:
    made, feed = stream(), BookFeed()
    feed.book.change(*exact_level("90071992547409931.12345678"))

    frame = book_frame("snapshot", *exact_level("90071992547409931.12345678"), feed.book.checksum())

    assert hear(made, frame) is Verdict.PROVEN
    assert made.book.bids(1) == [(1, 9007199254740993112345678)]


def test_what_is_no_level_fails_like_a_wrong_checksum() -> None:
    made, feed = stream(), BookFeed()
    hear(made, feed.snapshot())

    assert hear(made, book_frame("update", [("99.55", "1.00000000")], [], 1)) is Verdict.WRONG
    assert len(made.book) == 0


def test_an_empty_book_is_proven_by_the_checksum_of_nothing() -> None:
    made = stream()

    assert hear(made, book_frame("snapshot", [], [], 0)) is Verdict.PROVEN


def test_a_dropped_book_says_whether_it_held_anything() -> None:
    made, feed = stream(), BookFeed()
    hear(made, feed.snapshot())
    made.crossed = True

    assert made.drop()
    assert not made.drop()
    assert (made.proven, made.crossed) == (False, False)


def test_a_book_fits_the_instrument_whose_decimals_it_counts_in() -> None:
    assert stream(1, 8).fits(instrument("BTC/USD", 1, 8))
    assert not stream(1, 8).fits(instrument("BTC/USD", 2, 8))
    assert not stream(1, 8).fits(instrument("BTC/USD", 1, 7))

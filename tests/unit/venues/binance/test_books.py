from __future__ import annotations

import msgspec

from binance_depth import DepthVenue, contract
from leadline.venues.binance.books import MOST_KEPT, BookStream, Fit, Verdict
from leadline.venues.binance.snapshots import DepthSnapshot
from leadline.venues.binance.wire import decode_depth_frame


def stream(depth: int = 100) -> BookStream:
    return BookStream(contract("BTC/USDT:USDT"), depth)


def hear(book: BookStream, frame: str) -> Verdict:
    return book.receive(decode_depth_frame(frame.encode()).data, frame.encode())


def live(venue: DepthVenue, depth: int = 100) -> BookStream:
    book = stream(depth)
    hear(book, venue.frame({1000: "2.000"}))
    book.wished()
    assert book.load(venue.snapshot()) is Fit.BRIDGED
    return book


def test_nothing_is_served_before_a_snapshot_is_joined_by_a_message() -> None:
    venue, book = DepthVenue(), stream()

    assert hear(book, venue.frame({1000: "2.000"})) is Verdict.KEPT
    assert (book.needs_snapshot, book.live, len(book.book)) == (True, False, 0)
    book.wished()
    assert book.load(venue.snapshot()) is Fit.BRIDGED

    assert (book.live, book.needs_snapshot, book.book.bids(1)) == (True, False, [(1000, 2000)])


def test_the_message_that_ends_where_the_snapshot_does_joins_it() -> None:
    venue, book = DepthVenue(), stream()
    hear(book, venue.frame({1000: "2.000"}))
    at_its_end = venue.snapshot()
    hear(book, venue.frame({1000: "3.000"}))

    assert book.load(at_its_end) is Fit.BRIDGED

    assert book.book.bids(1) == [(1000, 3000)]
    assert (book.chain.stale, book.chain.applied) == (0, 2)


def test_what_a_snapshot_holds_already_is_stale() -> None:
    venue, book = DepthVenue(), stream()
    for qty in ("2.000", "3.000", "4.000"):
        hear(book, venue.frame({1000: qty}))

    assert book.load(venue.snapshot()) is Fit.BRIDGED

    assert (book.chain.stale, book.chain.applied, book.chain.bridges) == (2, 1, 1)


def test_a_snapshot_older_than_the_first_message_is_not_joined_and_another_is_needed() -> None:
    venue, book = DepthVenue(), stream()
    old = venue.snapshot()
    venue.frame({999: "9.000"})
    hear(book, venue.frame({1000: "2.000"}))
    book.wished()

    assert book.load(old) is Fit.LAGGING
    assert (book.live, book.needs_snapshot) == (False, True)

    assert book.load(venue.snapshot()) is Fit.BRIDGED
    assert book.book.bids(2) == [(1000, 2000), (999, 9000)]


def test_a_snapshot_newer_than_all_that_was_said_waits_for_the_message_that_reaches_it() -> None:
    venue, book = DepthVenue(), stream()
    hear(book, venue.frame({1000: "2.000"}))
    reaching = venue.frame({1000: "3.000"})
    early = venue.snapshot()

    assert book.load(early) is Fit.EARLY
    assert not book.live

    assert hear(book, reaching) is Verdict.APPLIED
    assert (book.live, book.book.bids(1)) == (True, [(1000, 3000)])


def test_a_missing_message_empties_the_book_and_begins_a_new_chain() -> None:
    venue = DepthVenue()
    book = live(venue)
    venue.frame({1000: "3.000"})

    assert hear(book, venue.frame({999: "5.000"})) is Verdict.BROKEN
    assert (book.live, len(book.book), book.needs_snapshot, book.chain.breaks) == (False, 0, True, 1)

    assert hear(book, venue.frame({999: "6.000"})) is Verdict.KEPT
    assert book.load(venue.snapshot()) is Fit.BRIDGED
    assert book.book.bids(2) == [(1000, 3000), (999, 6000)]


def test_a_message_told_twice_is_a_break_because_ids_may_also_have_gone_back() -> None:
    venue = DepthVenue()
    book = live(venue)
    again = venue.frame({1000: "3.000"})

    assert [hear(book, again), hear(book, again)] == [Verdict.APPLIED, Verdict.BROKEN]


def test_ids_need_not_follow_each_other_as_long_as_each_names_the_one_before() -> None:
    venue = DepthVenue()
    book = live(venue)
    venue.reached += 100_000  # other symbols' changes

    assert hear(book, venue.frame({1000: "3.000"})) is Verdict.APPLIED


def test_a_book_that_crosses_is_broken() -> None:
    venue = DepthVenue()
    book = live(venue)

    assert hear(book, venue.frame({1001: "1.000"})) is Verdict.BROKEN
    assert len(book.book) == 0


def test_a_market_that_leaves_what_the_snapshot_showed_empties_no_side_but_breaks_the_book() -> None:
    venue = DepthVenue()
    book = stream()
    hear(book, venue.frame())
    book.wished()
    book.load(venue.snapshot(limit=10))
    assert hear(book, venue.frame({1000 - n: "0.000" for n in range(9)})) is Verdict.APPLIED
    assert book.book.bids(5) == [(991, 1000)]

    assert hear(book, venue.frame({991: "0.000"})) is Verdict.BROKEN

    assert (book.live, book.needs_snapshot, book.book.asks(1)) == (False, True, [])
    assert book.load(venue.snapshot()) is Fit.BRIDGED
    assert book.book.bids(1) == [(990, 1000)]


def test_a_side_of_which_all_levels_are_known_may_be_empty() -> None:
    venue = DepthVenue()
    book = live(venue)

    assert hear(book, venue.frame(dict.fromkeys(venue.bids, "0.000"))) is Verdict.APPLIED
    assert (book.book.bids(1), book.book.asks(1)) == ([], [(1001, 1000)])


def test_a_level_of_too_many_decimals_breaks_the_book() -> None:
    venue = DepthVenue()
    book = live(venue)

    assert hear(book, venue.frame({1000: "1.0005"})) is Verdict.BROKEN


def test_a_snapshot_that_makes_no_book_is_wrong_and_another_is_needed() -> None:
    venue, book = DepthVenue(), stream()
    hear(book, venue.frame({1000: "2.000"}))
    crossed = DepthSnapshot(venue.reached, [("100.0", "1.000")], [("99.0", "1.000")])

    assert book.load(crossed) is Fit.WRONG
    assert (book.live, len(book.book), book.needs_snapshot, book.chain.breaks) == (False, 0, True, 1)
    assert book.load(venue.snapshot()) is Fit.BRIDGED


def test_of_what_is_kept_for_a_snapshot_the_oldest_goes() -> None:
    venue, book = DepthVenue(), stream()
    hear(book, venue.frame({1000: "2.000"}))
    first = venue.snapshot()
    for n in range(MOST_KEPT + 1):
        hear(book, venue.frame({1000: f"{n + 1}.000"}))

    assert book.load(first) is Fit.LAGGING
    assert book.load(venue.snapshot()) is Fit.BRIDGED


def test_a_book_that_has_grown_shallow_stays_live_while_it_waits_for_more() -> None:
    venue = DepthVenue()
    book = stream(depth=20)
    hear(book, venue.frame())
    book.wished()
    book.load(msgspec.structs.replace(venue.snapshot(limit=20), limit=20))
    hear(book, venue.frame({1000 - n: "0.000" for n in range(5)}))
    venue.bids |= dict.fromkeys(range(960, 980), "6.000")  # further down than the snapshot told
    for _ in range(40):
        assert hear(book, venue.frame({990: "4.000"})) is Verdict.APPLIED
    assert (book.live, book.needs_snapshot, book.book.certain_depth) == (True, True, 15)
    book.wished()

    assert hear(book, venue.frame({990: "5.000"})) is Verdict.APPLIED
    assert book.load(venue.snapshot(limit=20)) is Fit.BRIDGED

    assert (book.book.certain_depth, book.needs_snapshot, book.chain.bridges) == (20, False, 2)
    assert (990, 5000) in book.book.bids(20)


def test_a_lagging_snapshot_of_a_shallow_book_costs_it_nothing() -> None:
    venue = DepthVenue()
    book = stream(depth=20)
    hear(book, venue.frame())
    book.load(venue.snapshot(limit=5))
    old = venue.snapshot()
    for _ in range(40):
        hear(book, venue.frame({1000: "4.000"}))
    book.wished()

    fit = book.load(old)
    verdict = hear(book, venue.frame({1000: "5.000"}))

    assert (fit, verdict) == (Fit.LAGGING, Verdict.APPLIED)
    assert (book.live, book.needs_snapshot) == (True, True)


def test_a_dropped_book_forgets_its_chain() -> None:
    venue = DepthVenue()
    book = live(venue)
    venue.frame()

    assert (book.drop(), book.drop()) == (True, False)
    assert hear(book, venue.frame()) is Verdict.KEPT
    assert book.chain.breaks == 0


def test_a_book_knows_whether_it_counts_in_the_decimals_of_its_instrument() -> None:
    assert stream().fits(contract("BTC/USDT:USDT"))
    assert not stream().fits(contract("BTC/USDT:USDT", prices=2))

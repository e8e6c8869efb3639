from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_frames import (
    HEARTBEAT,
    BookFeed,
    ack,
    acks,
    book_frame,
    instrument,
    instrument_frame,
    ohlc_frame,
    refusal,
    status_frame,
    ticker_frame,
    trade_frame,
)
from leadline.core.book import BookView
from leadline.core.session import (
    Confirmed,
    Coverage,
    FrameSkipped,
    LineDown,
    LineUp,
    News,
    Reconnect,
    SubscriptionRefused,
)
from leadline.errors import AuthError, Rejected
from leadline.model.instrument import Instrument
from leadline.model.market import (
    BarBatch,
    BookCrossed,
    BookDropped,
    Channel,
    InstrumentsChanged,
    Subscription,
    Ticker,
    TradeBatch,
    VenueMode,
    VenueStatus,
)
from leadline.venues.kraken.session import INSTRUMENTS, KrakenSession
from script import Script, requests_in

BOOK = Subscription(Channel.BOOK, "BTC/USD", 10)
ETH_BOOK = Subscription(Channel.BOOK, "ETH/USD", 10)
TICKER = Subscription(Channel.TICKER, "ETH/USD")
TRADES = Subscription(Channel.TRADES, "BTC/USD")
BARS = Subscription(Channel.BARS, "ETH/USD", 60)
KNOWN = {symbol: instrument(symbol) for symbol in ("BTC/USD", "ETH/USD", "SOL/USD")}


def script(*wanted: Subscription, known: dict[str, Instrument] | None = None) -> Script[KrakenSession]:
    """A session that is not connected yet."""
    made = Script[KrakenSession]()
    made.session = KrakenSession(made.emit, (KNOWN if known is None else known).get)
    for subscription in wanted:
        made.session.want(subscription, 0)
    return made


def opened(*wanted: Subscription, known: dict[str, Instrument] | None = None) -> Script[KrakenSession]:
    """A session on a connection, all of whose requests have been acknowledged."""
    made = script(*wanted, known=known)
    made.open()
    for request in made.sent():
        made.hear(*acks(request))
    made.news()
    return made


def live(feed: BookFeed, *more: Subscription) -> Script[KrakenSession]:
    """A session with a proven book and an instrument stream that delivers."""
    made = opened(Subscription(Channel.BOOK, feed.symbol, feed.book.depth), *more)
    made.hear(instrument_frame(), feed.snapshot())
    made.news()
    return made


def shapes(requests: list[dict[str, Any]]) -> list[tuple[str, str, Any]]:
    return [(r["method"], r["params"]["channel"], r["params"].get("symbol")) for r in requests]


RESUBSCRIPTION = [("unsubscribe", "book", ["BTC/USD"]), ("subscribe", "book", ["BTC/USD"])]


def test_instruments_are_asked_for_first_and_what_is_alike_together() -> None:
    made = script(BARS, BOOK, ETH_BOOK, TRADES, TICKER)
    made.open()

    assert made.news() == [LineUp()]
    assert shapes(made.sent()) == [
        ("subscribe", "instrument", None),
        ("subscribe", "ticker", ["ETH/USD"]),
        ("subscribe", "book", ["BTC/USD", "ETH/USD"]),
        ("subscribe", "trade", ["BTC/USD"]),
        ("subscribe", "ohlc", ["ETH/USD"]),
    ]
    assert made.session.wanted() == [INSTRUMENTS, TICKER, BOOK, ETH_BOOK, TRADES, BARS]


def test_bursts_are_paced_to_ten_requests_a_second() -> None:
    made = opened()
    for minutes in range(1, 31):
        made.session.want(Subscription(Channel.BARS, "BTC/USD", 60 * minutes), made.now_ns)

    sent = [len(made.sent()) + len(made.wait_and_sent(0.999)), len(made.wait_and_sent(1.0))]

    assert sent == [7 + 9, 10]


def test_each_symbol_is_acknowledged_on_its_own_and_an_acknowledgement_is_not_data() -> None:
    made = script(BOOK, ETH_BOOK)
    made.open()
    _, request = made.sent()
    assert made.session.coverage(BOOK) is Coverage.WANTED

    made.hear(ack(request, "ETH/USD"))

    assert made.news(Confirmed) == [Confirmed(ETH_BOOK)]
    assert made.session.coverage(ETH_BOOK) is Coverage.CONFIRMED
    assert made.session.coverage(BOOK) is Coverage.WANTED
    assert made.session.coverage(BARS) is None
    made.hear(ack(request, "ETH/USD"), ack(request, "SOL/USD"))
    assert made.news() == []


def test_one_refused_symbol_is_refused_alone_and_at_once() -> None:
    wrong = Subscription(Channel.BOOK, "XBT/USD", 10)
    made = script(BOOK, wrong, ETH_BOOK)
    made.open()
    _, request = made.sent()

    no = refusal(request, "Currency pair not supported XBT/USD", "XBT/USD")
    made.hear(ack(request, "BTC/USD"), no, no, ack(request, "ETH/USD"))

    confirmed, refused, confirmed_too = made.news(Confirmed, SubscriptionRefused)
    assert (confirmed, confirmed_too) == (Confirmed(BOOK), Confirmed(ETH_BOOK))
    assert isinstance(refused, SubscriptionRefused)
    assert (refused.subscription, type(refused.error)) == (wrong, Rejected)
    assert made.session.coverage(wrong) is Coverage.REFUSED
    made.close()
    made.open()
    assert shapes(made.sent())[1] == ("subscribe", "book", ["BTC/USD", "ETH/USD"])


def test_a_refusal_that_names_no_symbol_is_about_all_that_were_asked_for() -> None:
    deep = [Subscription(Channel.BOOK, symbol, 27) for symbol in ("BTC/USD", "ETH/USD")]
    made = script(*deep, TICKER)
    made.open()
    request = made.sent()[2]

    made.hear(refusal(request, "Subscription depth not supported"))

    assert [one.subscription for one in made.news() if isinstance(one, SubscriptionRefused)] == deep
    assert made.session.coverage(TICKER) is Coverage.WANTED


def test_a_refusal_for_want_of_rights_is_an_authentication_error() -> None:
    made = script(BOOK)
    made.open()

    made.hear(refusal(made.sent()[1], "EGeneral:Permission denied"))

    (refused,) = made.news(SubscriptionRefused)
    assert isinstance(refused, SubscriptionRefused)
    assert isinstance(refused.error, AuthError)


@pytest.mark.parametrize("success", [None, "true", 1])
def test_a_success_that_is_not_true_is_a_refusal(success: object) -> None:
    made = script(BOOK)
    made.open()

    made.hear(ack(made.sent()[1]) | {"success": success})

    assert len(made.news(SubscriptionRefused)) == 1


def test_a_complaint_about_the_rate_silences_us_for_a_second_and_then_it_is_asked_again() -> None:
    made = script(BOOK, TICKER)
    made.open()
    request = made.sent()[2]

    made.hear(refusal(request, "Exceeded msg rate"))
    made.session.want(TRADES, made.now_ns)

    assert made.sent() == []
    assert shapes(made.wait_and_sent(1.15)) == [
        ("subscribe", "book", ["BTC/USD"]),
        ("subscribe", "trade", ["BTC/USD"]),
    ]
    assert made.news(SubscriptionRefused, FrameSkipped) == []


def test_a_complaint_about_the_rate_that_names_no_request_is_followed_by_asking_again() -> None:
    made = script(BOOK)
    made.open()
    instruments, _ = made.sent()
    made.hear(ack(instruments), instrument_frame(), '{"Error":"Exceeded msg rate"}')

    made.wait(4)
    made.hear(HEARTBEAT)

    assert shapes(made.wait_and_sent(2.0)) == RESUBSCRIPTION
    assert made.news(SubscriptionRefused, FrameSkipped) == []


def test_a_busy_venue_is_asked_again_with_back_off() -> None:
    made = script(BOOK)
    made.open()
    instruments, request = made.sent()
    made.hear(ack(instruments), instrument_frame())
    for delay_s in (1, 2, 4):
        made.hear(refusal(request, "EService:Busy"))
        assert made.wait_and_sent(delay_s - 0.1) == []
        (request,) = made.wait_and_sent(0.1)


def test_a_lost_acknowledgement_is_no_loss_once_there_is_data() -> None:
    feed = BookFeed()
    made = script(BOOK)
    made.open()
    request = made.sent()[1]
    made.hear(instrument_frame())

    made.hear(feed.snapshot())

    assert made.session.coverage(BOOK) is Coverage.RECEIVING
    made.wait(4)
    made.hear(HEARTBEAT)
    assert made.wait_and_sent(4) == []
    made.hear(ack(request))
    assert made.news(Confirmed) == []


def test_a_request_that_is_never_answered_is_cancelled_and_sent_again_after_five_seconds() -> None:
    made = script(BOOK)
    made.open()
    instruments, _ = made.sent()
    made.hear(ack(instruments), instrument_frame())
    made.wait(4.9)
    made.hear(HEARTBEAT)

    assert shapes(made.wait_and_sent(0.2)) == RESUBSCRIPTION


def test_a_stream_acknowledged_without_data_is_renewed_after_ten_seconds() -> None:
    made = opened(BOOK)
    made.hear(instrument_frame())
    for _ in range(3):
        assert made.wait_and_sent(3.3) == []
        made.hear(HEARTBEAT)

    assert shapes(made.wait_and_sent(0.2)) == RESUBSCRIPTION


def test_five_seconds_of_silence_end_the_connection_once() -> None:
    made = live(BookFeed())
    assert made.session.up(made.now_ns)
    made.wait(4)
    made.hear(HEARTBEAT)

    assert made.wait(4.9) == []
    assert made.wait(10) == [Reconnect("no frame for 5.0 s")]
    assert not made.session.up(made.now_ns)
    assert made.session.wake_at() is None


def test_a_heartbeat_keeps_the_line_up_but_is_no_data() -> None:
    made = opened()
    assert made.session.last_data_ns is None
    made.wait(3)
    made.hear(HEARTBEAT)

    assert made.session.last_frame_ns == made.now_ns
    assert made.session.last_data_ns is None
    made.hear(ticker_frame())
    assert made.session.last_data_ns == made.now_ns


def test_a_lost_connection_empties_every_book_and_the_next_one_asks_for_everything() -> None:
    feed = BookFeed()
    made = live(feed, TICKER)

    made.close("1001 going away")

    assert made.news() == [LineDown("1001 going away")]
    stream = made.session.book("BTC/USD")
    assert stream is not None
    assert len(stream.book) == 0
    assert (made.session.up(made.now_ns), made.session.wake_at()) == (False, None)
    assert made.session.coverage(BOOK) is Coverage.WANTED
    made.wait(3)
    made.open()
    assert len(made.sent()) == 3
    made.hear(feed.update([("99.5", "1.00000000")]))
    assert made.news(BookView) == []
    made.hear(feed.snapshot())
    assert len(made.news(BookView)) == 1


def test_what_is_wanted_and_given_up_while_disconnected_is_honoured() -> None:
    made = script(BOOK)
    made.session.unwant(BOOK, 0)
    made.session.want(TRADES, 0)
    assert made.sent() == []

    made.open()

    assert shapes(made.sent()) == [("subscribe", "instrument", None), ("subscribe", "trade", ["BTC/USD"])]


def test_giving_up_repeats_the_depth_and_silences_the_book() -> None:
    feed = BookFeed()
    made = live(feed)

    made.session.unwant(BOOK, made.now_ns)

    (request,) = made.sent()
    assert request["params"] == {"channel": "book", "symbol": ["BTC/USD"], "depth": 10}
    made.hear(feed.update([("99.5", "1.00000000")]), feed.snapshot(), ack(request))
    assert made.news() == []
    assert made.session.book("BTC/USD") is None


def test_the_instruments_are_never_given_up() -> None:
    made = opened()

    made.session.unwant(INSTRUMENTS, made.now_ns)

    assert made.sent() == []
    assert made.session.coverage(INSTRUMENTS) is Coverage.CONFIRMED


def test_refused_instruments_are_asked_for_on_the_next_connection() -> None:
    made = script()
    made.open()
    made.hear(refusal(made.sent()[0], "Subscription name invalid"))
    made.close()

    made.open()

    assert shapes(made.sent()) == [("subscribe", "instrument", None)]


def test_a_wrong_book_is_dropped_and_only_its_symbol_subscribed_anew() -> None:
    feed, other = BookFeed(), BookFeed("ETH/USD")
    made = live(feed, ETH_BOOK)
    made.hear(other.snapshot())
    made.news()

    made.hear(feed.wrong_update())

    assert made.news() == [BookDropped("BTC/USD", "the checksum does not match")]
    assert shapes(made.sent()) == RESUBSCRIPTION
    made.hear(feed.wrong_update(), other.update([("99.5", "1.00000000")]))
    assert [one.symbol for one in made.news() if isinstance(one, BookView)] == ["ETH/USD"]
    assert made.sent() == []
    counts = made.session.book_counts()
    assert (counts["BTC/USD"].wrong, counts["BTC/USD"].unsynced, counts["ETH/USD"].wrong) == (1, 1, 0)


def test_a_book_that_keeps_failing_is_asked_for_ever_more_rarely_up_to_half_a_minute() -> None:
    feed = BookFeed()
    made = live(feed)
    waited = []
    for _ in range(9):
        made.hear(book_frame("snapshot", [("1.0", "1.00000000")], [], 1))
        since_s = made.now_s
        requests = made.sent()
        while not requests:
            made.hear(HEARTBEAT)
            requests = [one for one in made.wait_and_sent(0.25) if one["method"] != "ping"]
        waited.append(made.now_s - since_s)

    assert waited == pytest.approx([0, 1, 2, 4, 8, 16, 30, 30, 30], abs=0.5)


def test_a_connection_that_only_listens_pings_every_half_minute() -> None:
    made = live(BookFeed())
    pinged_s = []
    for _ in range(100):
        made.hear(HEARTBEAT)
        pinged_s += [made.now_s for one in made.wait_and_sent(1.0) if one == {"method": "ping"}]
    made.hear(
        '{"method":"pong","time_in":"2026-09-24T14:10:23.799685Z","time_out":"2026-09-24T14:10:23.799703Z"}'
    )

    assert pinged_s == pytest.approx([30, 60, 90], abs=1)
    assert made.session.skipped_count == 0


def test_a_second_snapshot_in_band_replaces_the_book() -> None:
    feed = BookFeed()
    made = live(feed)

    made.hear(feed.snapshot(levels=4))

    (view,) = made.news()
    assert isinstance(view, BookView)
    assert len(view.bids()) == 4
    assert made.sent() == []


def test_a_message_without_checksum_is_never_emitted_and_takes_the_book_back() -> None:
    feed = BookFeed()
    made = live(feed)

    made.hear(
        feed.unchecked_update([("99.5", "1.00000000")]), feed.unchecked_update([("99.6", "1.00000000")])
    )
    assert made.news() == [BookDropped("BTC/USD", "a message came without a checksum")]
    assert made.sent() == []

    made.hear(feed.update([("99.7", "1.00000000")]))
    (view,) = made.news()
    assert isinstance(view, BookView)
    assert view.best_bid is not None
    assert view.best_bid.price == Decimal("100.0")


def test_a_book_whose_first_snapshot_is_unchecked_receives_once_an_update_proves_it() -> None:
    made, feed = opened(BOOK), BookFeed()
    feed.snapshot()
    bids, asks = feed.book.best_bids(10), feed.book.best_asks(10)
    made.hear(instrument_frame(), book_frame("snapshot", bids, asks, None))
    assert made.session.coverage(BOOK) is Coverage.CONFIRMED

    made.hear(feed.update([("99.5", "1.00000000")]))

    assert made.session.coverage(BOOK) is Coverage.RECEIVING
    assert len(made.news(BookView)) == 1


def test_a_book_message_that_cannot_be_read_costs_the_book_its_proof() -> None:
    feed, other = BookFeed(), BookFeed("ETH/USD")
    made = live(feed, ETH_BOOK)
    made.hear(other.snapshot())
    made.news()

    made.hear(book_frame("update", [("99.5", '"much"')], [], 1))

    skipped, dropped = made.news()
    assert isinstance(skipped, FrameSkipped)
    assert dropped == BookDropped("BTC/USD", "a message was not understood")
    assert shapes(made.sent()) == RESUBSCRIPTION
    made.hear(book_frame("update", [("99.5", '"much"')], [], 1, "SOL/USD"))
    assert [type(one) for one in made.news()] == [FrameSkipped]


def test_changed_decimals_replace_the_book_and_only_that_one() -> None:
    feed, other = BookFeed(), BookFeed("ETH/USD")
    made = live(feed, ETH_BOOK)
    made.hear(other.snapshot())
    made.news()
    finer = instrument("BTC/USD", 2, 8)

    made.hear(instrument_frame(finer, KNOWN["ETH/USD"]))

    dropped, changed = made.news()
    assert dropped == BookDropped("BTC/USD", "the instrument's decimals changed")
    assert isinstance(changed, InstrumentsChanged)
    assert [one.price_precision for one in changed.instruments] == [2, 1]
    assert shapes(made.sent()) == RESUBSCRIPTION
    bids = [("100.25", "1.00000000")]
    feed.book = type(feed.book)(10)
    feed.book.change(bids, [])
    made.hear(book_frame("snapshot", bids, [], feed.book.checksum()))
    (view,) = made.news()
    assert isinstance(view, BookView)
    assert str(view.bids()[0].price) == "100.25"
    assert made.session.book_counts()["BTC/USD"].proven == 2


def test_a_book_without_known_decimals_waits_for_them() -> None:
    made, feed = opened(BOOK, known={}), BookFeed()
    made.hear(feed.snapshot())
    assert made.news() == []

    made.hear(instrument_frame(instrument("BTC/USD"), kind="snapshot"), feed.snapshot())

    assert [type(one) for one in made.news()] == [InstrumentsChanged, BookView]


def test_a_new_depth_replaces_the_old_one_because_frames_do_not_say_which_they_are_of() -> None:
    feed = BookFeed()
    made = live(feed)
    deep = Subscription(Channel.BOOK, "BTC/USD", 25)

    made.session.want(deep, made.now_ns)
    made.session.unwant(BOOK, made.now_ns)

    unsubscribe, subscribe = made.sent()
    assert (unsubscribe["params"]["depth"], subscribe["params"]["depth"]) == (10, 25)
    assert made.session.coverage(BOOK) is None
    made.hear(feed.update([("99.5", "1.00000000")]), feed.snapshot())
    assert made.news() == []
    feed = BookFeed(depth=25)
    made.hear(ack(subscribe), feed.snapshot(levels=20))
    (view,) = made.news(BookView)
    assert isinstance(view, BookView)
    assert (view.depth, len(view.bids(25))) == (25, 20)


def test_three_quick_cycles_of_one_stream_with_one_snapshot_end_in_one_live_book() -> None:
    feed = BookFeed()
    made = opened(BOOK)
    requests = []
    for _ in range(3):
        made.session.unwant(BOOK, made.now_ns)
        made.session.want(BOOK, made.now_ns)
        requests += made.wait_and_sent(0.15)

    made.hear(instrument_frame(), *[ack(request) for request in requests], feed.snapshot())

    assert len([one for one in made.news() if one == Confirmed(BOOK)]) == 1
    assert made.session.coverage(BOOK) is Coverage.RECEIVING
    made.hear(feed.update([("99.5", "1.00000000")]))
    assert len(made.news(BookView)) == 1
    assert made.wait_and_sent(4.9) == []


def test_a_reader_may_renew_a_silent_stream() -> None:
    feed = BookFeed()
    made = live(feed, TICKER)

    made.session.renew(TICKER, "silent", made.now_ns)
    assert made.news() == []
    made.session.renew(BOOK, "silent", made.now_ns)
    made.session.renew(BOOK, "silent", made.now_ns)
    made.session.renew(TRADES, "not even wanted", made.now_ns)

    assert made.news() == [BookDropped("BTC/USD", "silent")]
    assert len(made.sent()) == 4


def test_already_subscribed_means_that_a_cancellation_was_lost() -> None:
    feed = BookFeed()
    made = live(feed)
    made.hear(feed.wrong_update())
    _, request = made.sent()

    made.hear(refusal(request, "Already subscribed", "BTC/USD"))

    assert shapes(made.wait_and_sent(1.0)) == RESUBSCRIPTION


def test_already_subscribed_to_what_delivers_is_an_acknowledgement() -> None:
    made = script(TICKER)
    made.open()
    request = made.sent()[1]
    made.hear(ticker_frame())

    made.hear(refusal(request, "Already subscribed"))

    assert made.session.coverage(TICKER) is Coverage.RECEIVING
    assert made.news(SubscriptionRefused) == []


def test_a_cancellation_refused_for_the_rate_is_sent_again_but_one_of_nothing_is_not() -> None:
    made = live(BookFeed(), TICKER)
    made.hear(ticker_frame())
    made.session.unwant(BOOK, made.now_ns)
    made.session.unwant(TICKER, made.now_ns)
    book, ticker = made.sent()

    made.hear(refusal(book, "Exceeded msg rate"), refusal(ticker, "Subscription Not Found"))

    assert shapes(made.wait_and_sent(2.0)) == RESUBSCRIPTION[:1]
    assert made.news(FrameSkipped) == []


def test_a_refusal_of_nothing_we_asked_for_is_evidence() -> None:
    made = opened()

    made.hear('{"error":"Malformed request","method":"error","success":false}')

    (skipped,) = made.news()
    assert isinstance(skipped, FrameSkipped)
    assert "Malformed request" in skipped.why


def test_pongs_and_answers_to_nobody_are_passed_over() -> None:
    made = opened(BOOK)

    made.hear('{"method":"pong","req_id":101}', {"method": "subscribe", "success": True})

    assert made.news() == []
    assert made.session.skipped_count == 0


def test_after_maintenance_connects_are_five_seconds_apart_until_the_venue_is_online() -> None:
    made = opened()
    made.hear(status_frame("maintenance"))
    assert made.session.retry_floor_s == 5.0
    made.close()
    made.open()
    made.hear(status_frame("cancel_only"))
    assert made.session.retry_floor_s == 5.0

    made.hear(status_frame("online", upcoming_maintenance=["soon"]))

    assert made.session.retry_floor_s == 0.0
    assert made.news(VenueStatus) == [
        VenueStatus(VenueMode.MAINTENANCE, "maintenance"),
        VenueStatus(VenueMode.CANCEL_ONLY, "cancel_only"),
        VenueStatus(VenueMode.ONLINE, 'online; ["soon"]'),
    ]


def test_a_crossed_top_with_a_true_checksum_is_an_alarm_and_no_reason_to_resync() -> None:
    feed = BookFeed()
    made = live(feed)

    made.hear(feed.update([("102.5", "1.00000000")]), feed.update([("102.6", "1.00000000")]))
    alarm, *views = made.news()
    assert alarm == BookCrossed("BTC/USD", Decimal("102.5"), Decimal("101.0"))
    assert [type(view) for view in views] == [BookView, BookView]
    assert made.sent() == []

    made.hear(feed.update([("102.5", "0.00000000"), ("102.6", "0.00000000")]))
    assert [type(one) for one in made.news()] == [BookView]


def test_tickers_trades_and_bars_are_emitted_and_prove_their_streams() -> None:
    made = opened(TICKER, TRADES, BARS)

    made.hear(ticker_frame(), trade_frame(1, 2, kind="snapshot"), ohlc_frame())

    ticker, trades, bars = made.news()
    assert isinstance(ticker, Ticker)
    assert isinstance(trades, TradeBatch)
    assert isinstance(bars, BarBatch)
    assert trades.snapshot
    assert {made.session.coverage(one) for one in (TICKER, TRADES, BARS)} == {Coverage.RECEIVING}
    made.hear(instrument_frame(), ticker_frame())
    assert [type(one) for one in made.news()] == [InstrumentsChanged, Ticker]


NOT_UNDERSTOOD = [
    b"{", b"", b"[1,2]", b"\xff", b'{"channel":"unheard of","data":[]}',
    b'{"channel":"book"' + b" " * 100_000, b'{"channel":"book","type":"update","data":[]}',
    ticker_frame(bid='"NaN"').encode(), ticker_frame(bid='"cheap"').encode(),
    ticker_frame(last="-1").encode(), trade_frame(1, price='"NaN"').encode(),
    ohlc_frame(begin="soon").encode(), b'{"channel":"book","x":' + b"[" * 100_000, b'{"req_id":5}',
    b'{"channel":"' + b"x" * 100_000 + b'"}', b'{"method":"subscribe","error":"\xff"}',
]  # fmt: skip


@pytest.mark.parametrize("frame", NOT_UNDERSTOOD, ids=range(len(NOT_UNDERSTOOD)))
def test_a_frame_that_is_not_understood_is_counted_kept_in_bounds_and_skipped(frame: bytes) -> None:
    made = live(BookFeed())

    made.hear(frame)

    (skipped,) = made.news()
    assert isinstance(skipped, FrameSkipped)
    assert skipped.frame == frame[:4096]
    assert 0 < len(skipped.why) <= 4096
    assert made.session.skipped_count == 1
    assert made.sent() == []


def test_an_empty_list_of_values_is_nothing_new() -> None:
    made = opened()

    made.hear(trade_frame(kind="snapshot"))

    assert made.news() == []
    assert made.session.skipped_count == 0


def test_of_a_thousand_strange_frames_the_newest_hundred_are_kept() -> None:
    made = opened()

    made.hear(*[f'{{"channel":"{n}"}}' for n in range(1000)])

    assert made.session.skipped_count == 1000
    assert [json.loads(one.frame)["channel"] for one in made.session.skipped] == [
        str(n) for n in range(900, 1000)
    ]


# Whatever the venue sends

VALID = [
    BookFeed().snapshot(), BookFeed().wrong_update(), ticker_frame(), trade_frame(1, 2), ohlc_frame(),
    HEARTBEAT, instrument_frame(*KNOWN.values()), json.dumps(status_frame("online")),
    '{"Error":"Exceeded msg rate"}',
    json.dumps(refusal({"method": "subscribe", "req_id": 2}, "EService:Busy", "BTC/USD")),
    json.dumps({"method": "subscribe", "req_id": 2, "result": {"symbol": "BTC/USD"}, "success": True}),
    json.dumps({"method": "unsubscribe", "req_id": 3, "error": "Exceeded msg rate", "success": False}),
]  # fmt: skip

numbers = st.sampled_from([
    "0", "-1", "1e308", "-1e308", "1e999", "1e-999999999", "1E+5", '"NaN"', "null", "true", "[]", "{}", '"x"',
    "99999999999999999999999", "0.1234567890123456789", "-0.0", '"-Infinity"', "23", "22",
])  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid frame of the venue's with a token exchanged, bytes changed or its end missing."""
    frame = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(0, 3))):
        parts = frame.split(":")
        at = draw(st.integers(1, len(parts) - 1))
        tail = parts[at].lstrip('"0123456789.-+eE')
        parts[at] = draw(numbers) + tail
        frame = ":".join(parts)
    raw = bytearray(frame.encode())
    for _ in range(draw(st.integers(0, 2))):
        raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
    return bytes(raw[: draw(st.sampled_from([len(raw), len(raw), len(raw) // 2]))])


@given(st.lists(st.one_of(st.binary(max_size=200), mutated()), max_size=12))
def test_no_bytes_raise_and_no_book_is_emitted_that_fails_its_own_checksum(frames: list[bytes]) -> None:
    checked = 0

    def emit(news: News, now_ns: int) -> None:
        nonlocal checked
        if isinstance(news, BookView):
            stream = session.book(news.symbol)
            assert stream is not None
            assert stream.book.apply([], []) == json.loads(said)["data"][0]["checksum"]
            checked += 1

    session = KrakenSession(emit, KNOWN.get)
    session.want(BOOK, 0)
    session.want(TICKER, 0)
    session.opened(0)
    feed = BookFeed()
    said: bytes = feed.snapshot().encode()
    session.received(said, 0)
    session.received(said := feed.update([("99.5", "1.00000000")]).encode(), 0)
    assert checked == 2
    for said in frames:
        session.received(said, 1)
    assert len(session.skipped) <= 100
    assert requests_in(session.outputs())


class Stamps:
    """A session with a book and a ticker, and the times its values are stamped with, in seconds."""

    def __init__(self) -> None:
        self.told: list[tuple[type, float]] = []
        self.session = KrakenSession(self._take, KNOWN.get)
        self.feed = BookFeed()
        for wanted in (BOOK, TICKER):
            self.session.want(wanted, 0)
        self.session.opened(0)
        self.hear(0, *(json.dumps(one) for ask in requests_in(self.session.outputs()) for one in acks(ask)))
        self.hear(0, instrument_frame(), self.feed.snapshot(), ticker_frame())
        self.hear(29, HEARTBEAT)
        self.told.clear()

    def _take(self, news: News, now_ns: int) -> None:
        self.told.append((type(news), now_ns / 10**9))

    def hear(self, now_s: float, *frames: str) -> None:
        for frame in frames:
            self.session.received(frame.encode(), round(now_s * 10**9))

    def change(self) -> str:
        return self.feed.update([("99.0", "7.00000000")])

    def asked(self) -> list[dict[str, Any]]:
        return requests_in(self.session.outputs())


def test_what_is_read_after_a_block_is_as_old_as_it_until_a_ping_is_answered() -> None:
    made = Stamps()
    made.session.held_up(10 * 10**9, 40 * 10**9)
    made.hear(40.0, made.change(), ticker_frame())
    asked = made.asked()
    made.hear(40.1, '{"method":"pong"}', made.change())

    assert asked == [{"method": "ping"}]
    assert made.told == [(BookView, 10.0), (Ticker, 10.0), (BookView, 40.1)]


def test_old_frames_are_a_sign_of_life_all_the_same() -> None:
    made = Stamps()
    made.session.held_up(10 * 10**9, 40 * 10**9)
    made.hear(40.0, made.change())
    made.session.woke(41 * 10**9)

    assert made.session.last_frame_ns == 40 * 10**9
    assert made.session.up(41 * 10**9)
    assert made.asked() == [{"method": "ping"}]


def test_a_long_way_behind_every_answer_shows_how_far() -> None:
    made = Stamps()
    made.session.held_up(10 * 10**9, 40 * 10**9)
    made.asked()
    made.hear(43.0, made.change(), '{"method":"pong"}', made.change())
    again = made.asked()
    made.hear(43.2, '{"method":"pong"}', made.change())

    assert again == [{"method": "ping"}]
    assert [stamp for _, stamp in made.told] == [10.0, 40.0, 43.2]


def test_a_reader_that_falls_behind_bit_by_bit_is_found_out_by_the_routine_ping() -> None:
    made = Stamps()
    made.session.woke(30 * 10**9)
    made.asked()
    made.hear(33.0, '{"method":"pong"}', made.change())

    assert made.told == [(BookView, 30.0)]


def test_a_connection_that_is_behind_and_answers_no_ping_is_left() -> None:
    made = Stamps()
    made.session.held_up(10 * 10**9, 40 * 10**9)
    made.asked()
    made.hear(44.9, made.change())
    wake_ns = made.session.wake_at()
    made.session.woke(45 * 10**9)

    assert wake_ns == 45 * 10**9
    assert made.session.outputs() == [Reconnect("behind the venue, and no ping is answered")]
    assert made.session.wake_at() is None


def test_a_new_connection_is_not_behind() -> None:
    made = Stamps()
    made.session.held_up(10 * 10**9, 40 * 10**9)
    made.session.closed("cut", 41 * 10**9)
    made.session.opened(42 * 10**9)
    made.told.clear()
    made.hear(42.5, ticker_frame())

    assert made.told == [(Ticker, 42.5)]


def test_what_books_have_counted_stays_counted_when_one_is_unwanted() -> None:
    feed = BookFeed()
    made = live(feed)
    made.hear(feed.wrong_update())
    before = made.session.book_messages
    made.session.unwant(BOOK, made.now_ns)

    assert made.session.book_counts() == {}
    assert made.session.book_messages == before
    assert (before.proven, before.wrong) == (1, 1)

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from leadline.cli.words import age, event_words, line
from leadline.clock import NS_PER_S, ManualClock
from leadline.core.book import Book
from leadline.core.session import Confirmed, LineDown, LineUp, SubscriptionRefused
from leadline.engine.events import ReaderFailed, ReaderSlow, SourceChanged, StreamDead
from leadline.errors import Rejected
from leadline.model.market import (
    Bar,
    BookCrossed,
    BookDropped,
    Channel,
    Gap,
    GapCause,
    Side,
    Subscription,
    Ticker,
    Trade,
    VenueMode,
    VenueStatus,
)
from leadline.model.reading import Reading, Source

CLOCK = ManualClock(mono_ns=NS_PER_S)
ONE = Decimal("1.0")
TICKER = Subscription(Channel.TICKER, "BTC/USD")


def said(value: Any, *, verified: bool = False) -> str:
    return line("BTC/USD", Reading(value, Source.STREAM, 0, CLOCK, verified, 5.0))


def book(*bids: tuple[int, int]) -> Book:
    made = Book("BTC/USD", 10, 1, 1)
    made.load(bids, [])
    return made


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Ticker("BTC/USD", *[ONE] * 9), "ticker  bid 1.0  ask 1.0  last 1.0"),
        (Trade("BTC/USD", Side.BUY, ONE, ONE, 1, None), "trade   buy 1.0 at 1.0"),
        (
            Trade("BTC/USD", Side.BUY, ONE, ONE, 1, None, backfilled=True),
            "trade   buy 1.0 at 1.0  back-filled",
        ),
        (
            Bar("BTC/USD", 60, 0, *[ONE] * 6, 1),
            "bar     00:00:00  open 1.0  high 1.0  low 1.0  close 1.0  running",
        ),
        (
            Bar("BTC/USD", 60, 0, *[ONE] * 6, 1, complete=True),
            "bar     00:00:00  open 1.0  high 1.0  low 1.0  close 1.0  complete",
        ),
        (book((10, 20)).view, "book    bid 2.0 at 1.0  ask nothing"),
        (book().view, "book    bid nothing  ask nothing"),
    ],
)
def test_a_reading_is_one_line_with_source_and_age(value: Any, words: str) -> None:
    assert said(value) == f"BTC/USD  {words}  (stream, 1.0 s old)"


def test_what_is_verified_says_so() -> None:
    assert said(book((10, 20)).view, verified=True).endswith("(stream, verified, 1.0 s old)")


@pytest.mark.parametrize(("seconds", "words"), [(0.0124, "12 ms"), (1.26, "1.3 s"), (150, "2 min")])
def test_ages_are_said_as_people_would(seconds: float, words: str) -> None:
    assert age(seconds) == words


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            Gap(Channel.BOOK, "BTC/USD", GapCause.DISCONNECTED, 0),
            "book BTC/USD: gap from 00:00:00 still open, disconnected",
        ),
        (
            Gap(Channel.TRADES, "BTC/USD", GapCause.SKIPPED, 0, NS_PER_S, 2, filled=True),
            "trades BTC/USD: gap from 00:00:00 until 00:00:01, skipped, 2 missing, filled by REST",
        ),
        (
            Gap(Channel.TRADES, "BTC/USD", GapCause.SKIPPED, 0, NS_PER_S, 2, suspected=True),
            "trades BTC/USD: gap from 00:00:00 until 00:00:01, skipped, 2 missing, suspected",
        ),
        (
            SourceChanged(Channel.TICKER, "BTC/USD", Source.REST, Source.STREAM, "cut", 3.0),
            "ticker BTC/USD: from stream to rest (cut)",
        ),
        (StreamDead(TICKER, "silent for 9.0 s"), "ticker BTC/USD: silent for 9.0 s; subscribed anew"),
        (
            BookDropped("BTC/USD", "the checksum does not match"),
            "book BTC/USD dropped: the checksum does not match",
        ),
        (BookCrossed("BTC/USD", Decimal(2), Decimal(1)), "book BTC/USD is crossed: bid 2, ask 1"),
        (SubscriptionRefused(TICKER, Rejected("no")), "ticker BTC/USD refused: no"),
        (VenueStatus(VenueMode.MAINTENANCE, "maintenance"), "the venue says: maintenance"),
        (ReaderFailed("mine", "LookupError: x", 2), "mine has failed 2 times: LookupError: x"),
        (ReaderSlow("mine", took_ms=200), "mine is too slow"),
        (ReaderSlow("mine", dropped=7), "mine is too slow, 7 dropped"),
        (LineDown("closed"), "disconnected: closed"),
        (LineUp(), "connected"),
        (Confirmed(TICKER), None),
    ],
)
def test_an_event_is_one_line_or_nothing(event: Any, words: str | None) -> None:
    assert event_words(event) == words


def test_a_gap_in_a_stream_is_a_line_of_its_own() -> None:
    assert line("BTC/USD", Gap(Channel.BOOK, "BTC/USD", GapCause.SILENT, 0)).startswith("book BTC/USD: gap")

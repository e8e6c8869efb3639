from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args

import pytest

from leadline.cli.words import age, event_words, line
from leadline.clock import NS_PER_S, ManualClock
from leadline.core.book import Book
from leadline.core.session import Confirmed, FrameSkipped, LineDown, LineUp, SubscriptionRefused
from leadline.engine.events import (
    AlertChanged,
    CheckpointDamaged,
    CheckpointNotSaved,
    CheckpointRestored,
    Diverged,
    Event,
    LevelChanged,
    LineRotated,
    LineSwitched,
    LoopBlocked,
    ReaderCaughtUp,
    ReaderFailed,
    ReaderLags,
    ReaderSlow,
    Reconverged,
    RotationPutOff,
    RouteSilent,
    SourceChanged,
    StreamDead,
    StreamShareLow,
    StreamShareRecovered,
)  # fmt: skip
from leadline.errors import Rejected
from leadline.model.level import Level
from leadline.model.market import (
    Bar,
    BookCrossed,
    BookDropped,
    Channel,
    DayStats,
    FrozenBook,
    Gap,
    GapCause,
    InstrumentsChanged,
    Liquidation,
    MarkPrice,
    Side,
    Subscription,
    Ticker,
    Trade,
    VenueMode,
    VenueStatus,
)
from leadline.model.market import Level as BookLevel
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
        (Ticker("BTC/USDT:USDT", *[ONE] * 4), "ticker  bid 1.0  ask 1.0"),
        (Ticker("BTC/USD", *[ONE] * 4, None, ONE), "ticker  bid 1.0  ask 1.0  last none in 24 h"),
        (FrozenBook("BTC/USD", (BookLevel(ONE, ONE),), ()), "top     bid 1.0 at 1.0  ask nothing"),
        (MarkPrice("BTC/USD", ONE, None, None, None), "mark    1.0"),
        (MarkPrice("BTC/USD", ONE, ONE, Decimal("0.0001"), 0), "mark    1.0  index 1.0  funding 0.0100 %"),
        (
            DayStats("BTC/USD", *[ONE] * 8, Decimal("-1.25"), 7),
            "24 h    last 1.0  -1.25 %  low 1.0  high 1.0",
        ),
        (Liquidation("BTC/USD", Side.SELL, ONE, ONE, ONE), "forced  sell 1.0 at 1.0 on average"),
    ],
)
def test_a_reading_is_one_line_with_source_and_age(value: Any, words: str) -> None:
    assert said(value) == f"BTC/USD  {words}  (stream, 1.0 s old)"


def test_what_is_verified_says_so() -> None:
    assert said(book((10, 20)).view, verified=True).endswith("(stream, verified, 1.0 s old)")


@pytest.mark.parametrize(("seconds", "words"), [(0.0124, "12 ms"), (1.26, "1.3 s"), (150, "2 min")])
def test_ages_are_said_as_people_would(seconds: float, words: str) -> None:
    assert age(seconds) == words


EVENTS: list[tuple[Event, str | None]] = [
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
        RouteSilent("market", (TICKER, TICKER), 10.2),
        (
            "route market has acknowledged 2 streams and brought nothing of them for 10 s (ticker BTC/USD): "
            "is it the right address?"
        ),
    ),
    (
        RouteSilent("", (TICKER,), 10.2),
        (
            "the line has acknowledged 1 streams and brought nothing of them for "
            "10 s (ticker BTC/USD): is it the right address?"
        ),
    ),
    (LineDown("cut", 2, 0, "market"), "route market line 2 disconnected: cut"),
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
    (LineDown("closed", 2), "line 2 disconnected: closed"),
    (LineUp(2), "line 2 connected"),
    (LineSwitched(1, 2, 8, "cut", 0.04), "8 streams go on from line 2 instead of 1, after 0.0 ms: cut"),
    (LineRotated(1, 2.5), "line 1 was replaced by a younger one within 2.5 s"),
    (
        RotationPutOff(1, "an order is UNKNOWN"),
        "line 1 is due to be replaced, but not now: an order is UNKNOWN",
    ),
    (
        Diverged("ticker", "BTC/USD", "bid", "100", "1", "factor 100", Source.REST),
        "ticker BTC/USD: bid is 100 on the stream and 1 by REST (factor 100); the rest is not believed",
    ),
    (
        Diverged("balance", "BTC", "total", "1", "2", "", None),
        "balance BTC: total is 1 on the stream and 2 by REST",
    ),
    (Reconverged("ticker", "BTC/USD", 3.0), "ticker BTC/USD: both sources agree again, after 3.0 s"),
    (
        LevelChanged(Level.DEGRADED, Level.FULL, ("REST fails", "a book is stale")),
        "level DEGRADED, was FULL: REST fails; a book is stale",
    ),
    (LevelChanged(Level.FULL, Level.OUTAGE, (), True), "level FULL, held by an operator, was OUTAGE"),
    (StreamShareLow(0.5, 0.95, 60), "50% of reads came from streams in the last 1 min, 95% are wanted"),
    (StreamShareRecovered(0.97, 60), "97% of reads come from streams again"),
    (ReaderLags("mine", 900.0), "mine is handed what is 900 ms old"),
    (ReaderCaughtUp("mine", 950.0, 2.0), "mine has caught up; it was 950 ms behind"),
    (LoopBlocked(500.0, ""), "code in the event loop let nothing else run for 500 ms"),
    (LoopBlocked(500.0, "mine"), "mine let nothing else run for 500 ms"),
    (CheckpointDamaged("m", "cut", "m.1"), "the checkpoint m cannot be used: cut; m.1 is used instead"),
    (CheckpointDamaged("m", "cut", ""), "the checkpoint m cannot be used: cut; there is no older one"),
    (
        CheckpointRestored("m", 12.0, 1, 2, 3),
        "the checkpoint m is taken up, 12.0 s old; the venue has yet to confirm it",
    ),
    (CheckpointNotSaved("m", "disk full"), "the checkpoint m cannot be kept: disk full"),
    (CheckpointNotSaved("m", ""), "checkpoints are kept again"),
    (
        AlertChanged("LineDown (line 1)", True, "warning", "a line is down", "wait", 0.0),
        "alert LineDown (line 1): a line is down",
    ),
    (
        AlertChanged("LineDown (line 1)", False, "warning", "a line is down", "wait", 0.0, 7.0),
        "alert LineDown (line 1): over after 7.0 s",
    ),
    (Confirmed(TICKER), None),
    (FrameSkipped(b"{}", "unknown"), None),
    (InstrumentsChanged(()), None),
]


@pytest.mark.parametrize(("event", "words"), EVENTS)
def test_an_event_is_one_line_or_nothing(event: Any, words: str | None) -> None:
    assert event_words(event) == words


def test_there_are_words_for_every_kind_of_event() -> None:
    assert {type(event) for event, _ in EVENTS} == set(get_args(Event))


def test_a_gap_in_a_stream_is_a_line_of_its_own() -> None:
    assert line("BTC/USD", Gap(Channel.BOOK, "BTC/USD", GapCause.SILENT, 0)).startswith("book BTC/USD: gap")

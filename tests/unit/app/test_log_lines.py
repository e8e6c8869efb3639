from __future__ import annotations

import inspect
from decimal import Decimal
from typing import Any, get_args

import pytest
from msgspec import Struct

from heard import Heard
from leadline.app.log_lines import LogLines
from leadline.core.account_session import AccountGap, AccountRefused, CredentialRefused
from leadline.core.session import Confirmed, FrameSkipped, LineDown, LineUp, SubscriptionRefused
from leadline.engine.account_events import AccountEvent, Mismatch, NotReconciled, Reconciled
from leadline.engine.configuration import ConfigurationChanged
from leadline.engine.dead_man import DeadManChanged
from leadline.engine.events import (
    AlertChanged,
    CheckpointDamaged,
    CheckpointNotSaved,
    CheckpointRestored,
    Diverged,
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
)
from leadline.engine.positions import PositionDrift
from leadline.engine.protection import ProtectionAnswered, ProtectionPolicy
from leadline.errors import VenueError
from leadline.model.account import AccountConfiguration
from leadline.model.level import Level
from leadline.model.market import (
    BookCrossed,
    BookDropped,
    Channel,
    Gap,
    GapCause,
    InstrumentsChanged,
    Subscription,
    VenueMode,
    VenueStatus,
)
from leadline.model.order import PositionSide
from leadline.model.reading import Source

BOOK = Subscription(Channel.BOOK, "BTC/USD", 10)
REFUSAL = VenueError("Currency pair not supported")


def told(*events: Any, account: bool = False) -> Heard:
    heard = Heard()
    lines = LogLines(heard)
    for event in events:
        (lines.account_event if account else lines.event)(event)
    return heard


def changed(source: Source, previous: Source) -> SourceChanged:
    return SourceChanged(Channel.BOOK, "BTC/USD", source, previous, "it was cut", 1.234)


def level(now: Level, previous: Level, *reasons: str) -> LevelChanged:
    return LevelChanged(now, previous, reasons)


@pytest.mark.parametrize(
    ("trouble", "recovery", "words"),
    [
        (LineDown("cut"), LineUp(), ("line down", "line up")),
        (changed(Source.REST, Source.STREAM), changed(Source.STREAM, Source.REST), ("source changed",) * 2),
        (
            SubscriptionRefused(BOOK, REFUSAL),
            Confirmed(BOOK),
            ("subscription refused", "subscription accepted"),
        ),
        (
            VenueStatus(VenueMode.MAINTENANCE, "maintenance"),
            VenueStatus(VenueMode.ONLINE, "online"),
            ("venue mode changed",) * 2,
        ),
        (
            level(Level.DEGRADED, Level.FULL, "REST fails"),
            level(Level.FULL, Level.DEGRADED),
            ("level changed",) * 2,
        ),
        (
            Diverged("book", "BTC/USD", "bid", "1", "2", "", Source.STREAM),
            Reconverged("book", "BTC/USD", 3.0),
            ("sources disagree", "sources agree again"),
        ),
        (
            StreamShareLow(0.5, 0.95, 60),
            StreamShareRecovered(0.97, 60),
            ("too few reads come from streams", "enough reads come from streams again"),
        ),
        (
            ReaderLags("mine", 900.0),
            ReaderCaughtUp("mine", 950.0, 2.0),
            ("reader lags", "reader caught up"),
        ),
        (
            CheckpointNotSaved("market", "disk full"),
            CheckpointNotSaved("market", ""),
            ("checkpoint not kept", "checkpoints are kept again"),
        ),
        (
            Gap(Channel.TRADES, "BTC/USD", GapCause.DISCONNECTED, 1),
            Gap(Channel.TRADES, "BTC/USD", GapCause.DISCONNECTED, 1, 2, 3, True),
            ("gap", "gap closed"),
        ),
    ],
)
def test_the_end_of_a_trouble_is_as_loud_as_its_begin(
    trouble: object, recovery: object, words: tuple[str, str]
) -> None:
    assert told(trouble, recovery).lines == [("warning", words[0]), ("warning", words[1])]


def test_bars_of_one_interval_end_no_trouble_of_those_of_another() -> None:
    lost, back = (
        SourceChanged(Channel.BARS, "BTC/USD", source, previous, "it was cut", 1.0, interval_s)
        for source, previous, interval_s in [
            (Source.REST, Source.STREAM, 60),
            (Source.STREAM, Source.REST, 300),
        ]
    )
    assert (lost.stream, back.stream) == ("bars BTC/USD 60 s", "bars BTC/USD 300 s")
    assert told(lost, back).lines == [("warning", "source changed"), ("debug", "source changed")]


@pytest.mark.parametrize(("severity", "loudness"), [("critical", "error"), ("warning", "warning")])
def test_an_alert_and_its_end_are_as_loud_as_the_alert_is_severe(severity: str, loudness: str) -> None:
    alert = AlertChanged("LineDown", True, severity, "a line is down", "look", 0.0)
    over = AlertChanged("LineDown", False, severity, "a line is down", "look", 0.0, 7.0)

    assert told(alert, over).lines == [(loudness, "alert"), (loudness, "alert is over")]


@pytest.mark.parametrize("event", [LineUp(), Confirmed(BOOK), changed(Source.STREAM, Source.REST)])
def test_what_begins_well_is_told_by_the_way(event: object) -> None:
    assert [loudness for loudness, _ in told(event).lines] == ["debug"]


def test_a_line_that_is_down_is_told_once_however_often_it_is_tried() -> None:
    heard = told(LineDown("cut"), LineDown("refused"), LineDown("refused"), LineUp(), LineDown("cut"))

    assert [words for _, words in heard.lines] == ["line down", "line up", "line down"]


def test_each_line_is_told_of_by_itself() -> None:
    heard = told(LineDown("cut", 1), LineDown("cut", 2), LineUp(2))

    assert [words for _, words in heard.lines] == ["line down", "line down", "line up"]
    assert [fields["line"] for fields in heard.fields] == [1, 2, 2]


def test_the_venues_mode_is_told_when_it_changes_only() -> None:
    online, maintenance = (VenueStatus(mode, "") for mode in (VenueMode.ONLINE, VenueMode.MAINTENANCE))

    assert told(online, online).lines == []
    assert len(told(online, maintenance, maintenance, online, online).lines) == 2


def test_messages_that_are_not_understood_are_told_once_a_connection() -> None:
    frame = FrameSkipped("unknown channel", b"{}")

    assert len(told(*[frame] * 1000).lines) == 1
    assert [words for _, words in told(frame, frame, LineDown("cut"), LineUp(), frame).lines] == [
        "message not understood", "line down", "line up", "message not understood",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "line", "fields"),
    [
        (StreamDead(BOOK, "silent"), ("warning", "stream dead"), {"reason": "silent"}),
        (
            RouteSilent("market", (BOOK, BOOK), 10.04),
            ("warning", "route silent"),
            {"route": "market", "streams": [str(BOOK)] * 2, "waited_s": 10.04},
        ),
        (LineDown("cut", 2, 0, "market"), ("warning", "line down"), {"route": "market", "line": 2}),
        (LineRotated(1, 2.5, "market"), ("info", "line replaced in time"), {"route": "market"}),
        (
            LineSwitched(1, 2, 7, "cut", 0.25),
            ("warning", "readers switched to another line"),
            {"route": "public", "from_line": 1, "to_line": 2, "streams": 7, "took_ms": 0.2},
        ),
        (LineRotated(1, 2.5), ("info", "line replaced in time"), {"line": 1}),
        (RotationPutOff(1, "an order is UNKNOWN"), ("info", "line not replaced yet"), {"line": 1}),
        (BookDropped("BTC/USD", "checksum"), ("warning", "book dropped"), {"reason": "checksum"}),
        (BookCrossed("BTC/USD", Decimal(2), Decimal(1)), ("warning", "book crossed"), {"bid": "2"}),
        (ReaderFailed("mine", "KeyError", 3), ("warning", "reader failed"), {"times": 3}),
        (ReaderSlow("mine", 200.0), ("warning", "reader slow"), {"took_ms": 200.0}),
        (LoopBlocked(500.0, "mine"), ("warning", "loop blocked"), {"culprit": "mine"}),
        (CheckpointDamaged("m", "cut", "m.1"), ("warning", "checkpoint damaged"), {"used_instead": "m.1"}),
        (CheckpointRestored("m", 12.0, 1, 2, 3), ("info", "checkpoint restored"), {"orders": 1}),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_told_in_its_own_words(
    event: object, line: tuple[str, str], fields: dict[str, object]
) -> None:
    heard = told(event)

    assert heard.lines == [line]
    assert fields.items() <= heard.fields[0].items()


class TideTurned(Struct, frozen=True):
    """A kind of event that nobody has thought of yet."""

    channel: Channel
    depth: Decimal
    streams: tuple[Subscription, ...]
    why: str | None = None


def test_a_kind_of_event_that_is_new_is_in_the_log_of_itself() -> None:
    heard = told(TideTurned(Channel.BOOK, Decimal("1.50"), (BOOK,) * 5))

    assert heard.lines == [("warning", "tide turned")]
    assert heard.fields == [
        {"channel": "book", "depth": "1.50", "streams": [*[str(BOOK)] * 3, "and 2 more"], "why": None}
    ]


def test_a_list_of_instruments_is_no_line() -> None:
    assert told(InstrumentsChanged(())).lines == []


def test_there_is_a_decision_about_every_kind_of_event_of_an_account() -> None:
    source = inspect.getsource(LogLines.account_event)

    assert [kind.__name__ for kind in get_args(AccountEvent) if f"{kind.__name__}(" not in source] == []


def test_an_account_that_is_as_expected_again_is_told_as_loud_as_it_was_not() -> None:
    known = AccountConfiguration(hedge=False, multi_assets=False, can_trade=True)
    wrong = ConfigurationChanged(known, None, ("hedge mode is on; switch it off",))
    right = ConfigurationChanged(known, known, ())

    assert told(right, account=True).lines == [("debug", "the account is as expected")]
    assert told(wrong, right, account=True).lines == [("warning", "the account is as expected")]


def test_an_account_that_is_not_reconciled_and_then_is_is_told_as_loud() -> None:
    heard = told(NotReconciled("start", "no answer"), Reconciled("start", 1, 0, 0.1), account=True)

    assert heard.lines == [("warning", "account not reconciled"), ("warning", "account reconciled")]


def test_reconciling_what_agrees_is_no_news_and_corrections_are() -> None:
    assert told(Reconciled("start", 1, 0, 0.1), account=True).lines == [("debug", "account reconciled")]
    assert ("warning", "account corrected") in told(Reconciled("start", 1, 2, 0.1), account=True).lines


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (LineDown("cut"), [("warning", "line down")]),
        (VenueStatus(VenueMode.POST_ONLY, "post_only"), [("warning", "venue mode changed")]),
        (AccountGap("executions", 1, "cut"), [("warning", "the account's stream has a hole")]),
        (AccountRefused("executions", REFUSAL), [("warning", "the venue will not stream")]),
        (Mismatch("BTC/USD", "1 open", "none"), [("warning", "orders differ from the venue's")]),
        (CredentialRefused(REFUSAL), []),
        (
            PositionDrift("BTC/USDT:USDT", PositionSide.NET, Decimal(1), Decimal(2)),
            [("warning", "position drift")],
        ),
        (
            ProtectionAnswered("BTC/USDT:USDT", "c1", ProtectionPolicy.CLOSE, 1, Decimal("0.01")),
            [("warning", "protection answered")],
        ),
        (DeadManChanged(False, "leaving"), [("warning", "dead-man switch off")]),
        (LineRotated(1, 2.5), [("info", "line replaced in time")]),
        (Reconverged("balance", "BTC", 3.0), [("warning", "sources agree again")]),
    ],
)
def test_what_happens_to_an_account_is_told(event: object, lines: list[tuple[str, str]]) -> None:
    assert told(event, account=True).lines == lines

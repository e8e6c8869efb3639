"""The faults of the demo: what is done to the venues, how the client shows that it has noticed, and when.

Kraken is where nearly all happens, so that one can see that it stays there. The client has two lines to it:
faults of one of them are aimed at the line that readers are served from, those of the whole venue lead
through all four service levels. A stream lost three times in five minutes is held back for half a minute on
purpose (`core/liveness`), so no book is lost more than twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from leadline.app.system import System
from leadline.clock import NS_PER_MS
from leadline.core.session import LineDown
from leadline.engine.events import Diverged, Event, LineSwitched, Reconverged, StreamDead
from leadline.engine.topic_state import State, TopicState
from leadline.model.market import BookDropped, Channel, Gap, GapCause, Subscription, VenueMode, VenueStatus
from leadline.model.reading import Source

SYMBOLS = (
    "BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD", "DOGE/USD", "LTC/USD", "DOT/USD",
)  # fmt: skip
PERPETUALS = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT", "XRP/USDT:USDT")
"""Of the second venue."""

FIRST, SECOND = "kraken", "binance"
COMPARED = ("BTC/USD", "BTC/USDT:USDT")
"""One thing, at the first venue and at the second."""

JOINS_LATE = "ETH/BTC"
JOINS_REFUSED = "BTC/EUR"
FALSIFIED = "DOT/USD"

WHOLE_SCRIPT_S = 75.0
_LEAD_S = 1.0
_TAIL_S = 1.5
_ACKNOWLEDGED_WITHIN_NS = 200 * NS_PER_MS

Notice = Callable[[Event], bool]
Sign = Callable[[System, int], bool]
"""Looks at the client's state; the number is how many nanoseconds ago the fault was put on."""


class Cue(Enum):
    """When a step begins."""

    ALONE = auto()  # at its time, when all before it is over but what runs beside
    BESIDE = auto()  # at its time, and what follows does not wait for it
    LAST = auto()  # at its time, when all before it is over


def _never(event: Event) -> bool:
    return False


def _unseen(system: System, passed_ns: int) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Ask:
    """An awaited read of a ticker that the fault makes fail; `again`: until it succeeds."""

    symbol: str
    source: Source
    again: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One fault. `takes_s` is the time given to it, `affects` what must be live again (empty: everything).

    `joins` is subscribed to right after the fault is put on, `asks` is read then. `healed` is an event that
    must be seen besides; `until` ends the fault, once noticed.
    `harmless` says why nobody need notice, `may_be_undone` that the venue's next message may undo it: an
    order placed and cancelled at once. `aimed_at` is the stream whose line is hit, None where it is the
    whole venue; `also` is put on right after. `from_full` waits until the service level is FULL.
    """

    what: str
    fault: dict[str, Any]
    takes_s: float
    affects: tuple[Subscription, ...] = ()
    notice: Notice = _never
    sign: Sign = _unseen
    healed: Notice | None = None
    joins: tuple[Subscription, ...] = ()
    asks: Ask | None = None
    cue: Cue = Cue.ALONE
    until: Notice | None = None
    harmless: str = ""
    may_be_undone: bool = False
    aimed_at: Subscription | None = None
    also: dict[str, Any] | None = None
    from_full: bool = False

    @property
    def kind(self) -> str:
        return str(self.fault["kind"])

    @property
    def venue(self) -> str:
        """Where it is put on."""
        return str(self.fault.get("venue", FIRST))


@dataclass(frozen=True, slots=True)
class Planned:
    """A step and the second at which it is due."""

    at_s: float
    step: Step


# --- how it is noticed ---


def _copy_lost(symbol: str) -> Notice:
    """Readers go on from the other line's copy of the book, or there is none."""

    def seen(event: Event) -> bool:
        if isinstance(event, LineSwitched):
            return event.streams == 1
        return isinstance(event, BookDropped) and event.symbol == symbol

    return seen


def _differs(symbol: str, *, named: bool = False) -> Notice:
    """Stream and REST tell different prices; `named`: and it is known what kind of difference it is."""
    return lambda event: (
        isinstance(event, Diverged) and event.symbol == symbol and (bool(event.pattern) or not named)
    )


def _agrees(symbol: str) -> Notice:
    return lambda event: isinstance(event, Reconverged) and event.symbol == symbol


def _trade_gap(symbol: str, *, filled: bool) -> Notice:
    def seen(event: Event) -> bool:
        if not isinstance(event, Gap) or (event.channel, event.symbol) != (Channel.TRADES, symbol):
            return False
        return event.filled if filled else event.cause is GapCause.SKIPPED

    return seen


def _silence(subscription: Subscription) -> Notice:
    def seen(event: Event) -> bool:
        if isinstance(event, StreamDead):
            return event.subscription == subscription
        hole = (subscription.channel, subscription.symbol, GapCause.SILENT)
        return isinstance(event, Gap) and (event.channel, event.symbol, event.cause) == hole

    return seen


def _line_down(event: Event) -> bool:
    return isinstance(event, LineDown)


def _left_behind(event: Event) -> bool:
    """The line is gone, or readers have gone on from the other one before that is known."""
    return isinstance(event, LineDown | LineSwitched)


def _mode(online: bool) -> Notice:
    return lambda event: isinstance(event, VenueStatus) and (event.mode is VenueMode.ONLINE) is online


def _empty(subscription: Subscription) -> Sign:
    """Acknowledged, nothing came, and its readers have been given REST's answer instead."""

    def seen(system: System, passed_ns: int) -> bool:
        topic = topic_of(system, subscription)
        return topic is not None and topic.state is State.ACKED_NO_DATA and topic.source is Source.REST

    return seen


def _unacknowledged(subscriptions: tuple[Subscription, ...]) -> Sign:
    """Still shown as wanted only, long after the venue would have answered."""

    def seen(system: System, passed_ns: int) -> bool:
        if passed_ns < _ACKNOWLEDGED_WITHIN_NS:
            return False
        topics = [topic_of(system, each) for each in subscriptions]
        return any(topic is not None and topic.state is State.WANTED for topic in topics)

    return seen


def topic_of(system: System, subscription: Subscription) -> TopicState | None:
    """How a stream stands; None while nobody wants it."""
    topics = system.feed.stats.topics
    return next((topic for topic in topics if topic.subscription == subscription), None)


def line_of(system: System, subscription: Subscription) -> str | None:
    """Which of two connections readers of a stream are served from: the "oldest" or the "newest"."""
    stream = system.lines.stream(subscription)
    ages = {line.number: line.since_s for line in system.lines.lines if line.since_s is not None}
    if stream is None or stream.carrier is None or stream.carrier.lane.number not in ages:
        return None
    oldest = max(ages, key=lambda number: ages[number] or 0.0)
    return "oldest" if stream.carrier.lane.number == oldest else "newest"


# --- the steps ---


def _book(symbol: str) -> Subscription:
    return Subscription(Channel.BOOK, symbol, 10)


def _book_fault(kind: str, symbol: str, what: str) -> Step:
    fault = {"kind": kind, "channel": "book", "symbol": symbol}
    book = _book(symbol)
    return Step(what, fault, 1.5, (book,), _copy_lost(symbol), may_be_undone=True, aimed_at=book)


_FIVE_MINUTES = tuple(Subscription(Channel.BARS, symbol, 300) for symbol in SYMBOLS)

CORRUPT = _book_fault("CORRUPT", "BTC/USD", "one digit of the BTC/USD book altered on the way")
DROP = _book_fault("DROP", "ETH/USD", "one message of the ETH/USD book lost")
REORDER = _book_fault("REORDER", "SOL/USD", "two messages of the SOL/USD book swapped")
CHAIN = Step(
    "one message of Binance's BTC book lost: what follows names one unseen",
    {"kind": "DROP", "venue": SECOND, "channel": "book", "symbol": "BTCUSDT"},
    1.5,
    (Subscription(Channel.BOOK, COMPARED[1], 10),),
    lambda event: isinstance(event, BookDropped) and event.symbol == COMPARED[1],
)
DUP = Step(
    "an XRP/USD trade sent twice",
    {"kind": "DUP", "channel": "trade", "symbol": "XRP/USD"},
    1.2,
    (Subscription(Channel.TRADES, "XRP/USD"),),
    harmless="nothing to notice: a trade is known by its id and passes once",
)
CLOSE = Step(
    "the venue closes one of both lines",
    {"kind": "CLOSE", "code": 1001},
    2.2,
    notice=_line_down,
    aimed_at=_book("BTC/USD"),
)
HALF_OPEN = Step(
    "one line goes dead without a word",
    {"kind": "HALF_OPEN", "for_s": 12.0},
    11.0,
    notice=_left_behind,
    healed=_line_down,
    aimed_at=_book("BTC/USD"),
)
STATUS = Step(
    "the venue goes into maintenance for three seconds",
    {"kind": "STATUS", "mode": "maintenance", "for_s": 3.0},
    4.0,
    notice=_mode(online=False),
    healed=_mode(online=True),
    from_full=True,
)
SUB_REJECT = Step(
    f"{JOINS_REFUSED} joins and is refused; nobody else may notice",
    {"kind": "SUB_REJECT", "symbol": JOINS_REFUSED, "for_s": 1.0},
    1.5,
    asks=Ask(JOINS_REFUSED, Source.STREAM, again=False),
)
REPLY = Step(
    "REST answers 503 for two seconds, whatever it is asked",
    {"kind": "REPLY", "status": 503, "for_s": 2.0},
    4.0,
    asks=Ask("ETH/USD", Source.REST, again=True),
    cue=Cue.LAST,
)
DROP_TRADE = Step(
    "a BTC/USD trade lost on both lines",
    {"kind": "DROP", "channel": "trade", "symbol": "BTC/USD", "count": 2},
    3.0,
    (Subscription(Channel.TRADES, "BTC/USD"),),
    _trade_gap("BTC/USD", filled=False),
    healed=_trade_gap("BTC/USD", filled=True),
)
SUB_RATE = Step(
    "eight more subscriptions at once, one a second allowed",
    {"kind": "SUB_RATE", "per_s": 1, "for_s": 4.0},
    4.0,
    _FIVE_MINUTES,
    sign=_unacknowledged(_FIVE_MINUTES),
    joins=_FIVE_MINUTES,
)
ACK_NO_DATA = Step(
    f"{JOINS_LATE} joins: acknowledged, but no data comes",
    {"kind": "ACK_NO_DATA", "channel": "book", "symbol": JOINS_LATE, "for_s": 5.0},
    13.0,
    (_book(JOINS_LATE),),
    sign=_empty(_book(JOINS_LATE)),
    joins=(_book(JOINS_LATE),),
    cue=Cue.BESIDE,
)
STALL = Step(
    "the LTC/USD book falls silent on both lines, until that is noticed",
    {"kind": "STALL", "channel": "book", "symbol": "LTC/USD"},
    17.0,
    (_book("LTC/USD"),),
    _silence(_book("LTC/USD")),
    until=_silence(_book("LTC/USD")),
    cue=Cue.BESIDE,
)
SKEW = Step(
    f"REST tells ten times the price of {FALSIFIED}, until that factor is named",
    {"kind": "SKEW", "factor": "10", "for_s": 60.0, "channel": "ticker", "symbol": FALSIFIED},
    45.0,
    (Subscription(Channel.TICKER, FALSIFIED),),
    _differs(FALSIFIED),
    healed=_agrees(FALSIFIED),
    until=_differs(FALSIFIED, named=True),
    cue=Cue.BESIDE,
)
REFUSE = Step(
    "both lines closed; stream and REST let nobody in for six seconds",
    {"kind": "REFUSE", "route": "all", "status": 503, "for_s": 6.0},
    24.0,
    notice=_line_down,
    cue=Cue.LAST,
    also={"kind": "CLOSE", "code": 1001},
)

_QUICK = (CORRUPT, CHAIN, CLOSE, STATUS, DROP, REORDER, DUP, SUB_REJECT, REPLY, DROP_TRADE, SUB_RATE, REFUSE)
"""What a short demo takes its steps from, the most telling first."""

_QUICK_ORDER = (
    CORRUPT, CHAIN, STATUS, DROP, REORDER, DUP, DROP_TRADE, SUB_REJECT, SUB_RATE, CLOSE, REPLY, REFUSE,
)  # fmt: skip

_WHOLE = (
    SKEW, STATUS, CORRUPT, CHAIN, CLOSE, STALL, ACK_NO_DATA, DROP, REORDER, DUP, DROP_TRADE, HALF_OPEN,
    SUB_RATE, SUB_REJECT, REPLY, REFUSE,
)  # fmt: skip


def plan(seconds: float) -> list[Planned]:
    """The steps of a demo of that length, spread over it: all of them, or those that fit."""
    usable_s = seconds - _LEAD_S - _TAIL_S
    steps = _WHOLE if seconds >= WHOLE_SCRIPT_S else _fitting(usable_s)
    needed_s = sum(_alone_s(step) for step in steps)
    stretch = max(1.0, usable_s / needed_s) if needed_s else 1.0
    planned, at_s = [], _LEAD_S
    for step in steps:
        planned.append(Planned(at_s, step))
        at_s += _alone_s(step) * stretch
    return planned


def _fitting(usable_s: float) -> tuple[Step, ...]:
    chosen: set[str] = set()
    left_s = usable_s
    for step in _QUICK:
        if step.takes_s <= left_s:
            chosen.add(step.what)
            left_s -= step.takes_s
    return tuple(step for step in _QUICK_ORDER if step.what in chosen)


def _alone_s(step: Step) -> float:
    return 0.3 if step.cue is Cue.BESIDE else step.takes_s

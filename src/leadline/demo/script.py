"""The faults of the demo: what is done to the venue, how the client shows that it has noticed, and when.

A stream lost three times in five minutes is held back for half a minute on purpose (`core/liveness`), so no
book is hit more than twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from leadline.app.system import System
from leadline.clock import NS_PER_MS
from leadline.core.session import LineDown, LineUp
from leadline.engine.events import Event, StreamDead
from leadline.engine.topics import State, TopicState
from leadline.errors import ConnectFailed
from leadline.model.market import BookDropped, Channel, Gap, GapCause, Subscription, VenueMode, VenueStatus
from leadline.model.reading import Source

SYMBOLS = (
    "BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD", "DOGE/USD", "LTC/USD", "DOT/USD",
)  # fmt: skip
JOINS_LATE = "ETH/BTC"
JOINS_REFUSED = "BTC/EUR"

WHOLE_SCRIPT_S = 45.0
_LEAD_S = 1.0
_TAIL_S = 1.5
_ACKNOWLEDGED_WITHIN_NS = 200 * NS_PER_MS

Notice = Callable[[Event], bool]
Sign = Callable[[System, int], bool]
"""Looks at the client's state; the number is how many nanoseconds ago the fault was put on."""


class Cue(Enum):
    """When a step begins."""

    ALONE = auto()  # at its time, when all before it is over
    BESIDE = auto()  # at its time, and what follows does not wait for it
    SOON = auto()  # a while after the step before it
    NOTICED = auto()  # a while after the step before it has been noticed


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
    must be seen besides; `begins` one from which the time is counted. `until_noticed` ends the fault then.
    `harmless` says why nobody need notice, `may_be_undone` that the venue's next message may undo it: an
    order placed and cancelled at once.
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
    begins: type[LineUp] | None = None
    cue: Cue = Cue.ALONE
    until_noticed: bool = False
    harmless: str = ""
    may_be_undone: bool = False

    @property
    def kind(self) -> str:
        return str(self.fault["kind"])


@dataclass(frozen=True, slots=True)
class Planned:
    """A step and the second at which it is due."""

    at_s: float
    step: Step


# --- how it is noticed ---


def _book_dropped(symbol: str) -> Notice:
    return lambda event: isinstance(event, BookDropped) and event.symbol == symbol


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


def _mode(online: bool) -> Notice:
    return lambda event: isinstance(event, VenueStatus) and (event.mode is VenueMode.ONLINE) is online


def _turned_away(system: System, passed_ns: int) -> bool:
    return isinstance(system.line.last_error, ConnectFailed)


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


# --- the steps ---


def _book(symbol: str) -> Subscription:
    return Subscription(Channel.BOOK, symbol, 10)


def _book_fault(kind: str, symbol: str, what: str, takes_s: float = 1.2) -> Step:
    fault = {"kind": kind, "channel": "book", "symbol": symbol}
    return Step(what, fault, takes_s, (_book(symbol),), _book_dropped(symbol), may_be_undone=True)


_FIVE_MINUTES = tuple(Subscription(Channel.BARS, symbol, 300) for symbol in SYMBOLS)

CORRUPT = _book_fault("CORRUPT", "BTC/USD", "one digit of the BTC/USD book altered on the way")
DROP = _book_fault("DROP", "ETH/USD", "one message of the ETH/USD book lost")
REORDER = _book_fault("REORDER", "SOL/USD", "two messages of the SOL/USD book swapped")
DUP = Step(
    "an XRP/USD trade sent twice",
    {"kind": "DUP", "channel": "trade", "symbol": "XRP/USD"},
    1.2,
    (Subscription(Channel.TRADES, "XRP/USD"),),
    harmless="nothing to notice: a trade is known by its id and passes once",
)
CLOSE = Step(
    "the venue closes the connection", {"kind": "CLOSE", "code": 1001}, 2.2, notice=_line_down
)  # fmt: skip
STATUS = Step(
    "the venue goes into maintenance for two seconds",
    {"kind": "STATUS", "mode": "maintenance", "for_s": 2.0},
    3.0,
    notice=_mode(online=False),
    healed=_mode(online=True),
)
SUB_REJECT = Step(
    f"{JOINS_REFUSED} joins and is refused; nobody else may notice",
    {"kind": "SUB_REJECT", "symbol": JOINS_REFUSED, "for_s": 1.0},
    1.5,
    asks=Ask(JOINS_REFUSED, Source.STREAM, again=False),
)
REPLY = Step(
    "REST answers 503 for two seconds",
    {"kind": "REPLY", "path": "/Ticker", "status": 503, "for_s": 2.0},
    4.0,
    asks=Ask("ETH/USD", Source.REST, again=True),
)
DROP_TRADE = Step(
    "a BTC/USD trade lost",
    {"kind": "DROP", "channel": "trade", "symbol": "BTC/USD"},
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
    "the LTC/USD book alone falls silent, until that is noticed",
    {"kind": "STALL", "channel": "book", "symbol": "LTC/USD"},
    17.0,
    (_book("LTC/USD"),),
    _silence(_book("LTC/USD")),
    until_noticed=True,
    cue=Cue.BESIDE,
)
HALF_OPEN = Step(
    "the connection goes dead without a word", {"kind": "HALF_OPEN", "for_s": 6.0}, 4.5, notice=_line_down
)
REFUSE = Step(
    "the venue refuses new connections",
    {"kind": "REFUSE", "status": 503, "for_s": 3.5},
    3.0,
    sign=_turned_away,
    cue=Cue.SOON,
)
CLOSE_AT_ONCE = Step(
    "the venue accepts the next connection and closes it at once",
    {"kind": "CLOSE", "code": 1013, "reason": "try again later", "after_s": 0.0, "count": 1},
    9.0,
    notice=_line_down,
    begins=LineUp,
    cue=Cue.NOTICED,
)

_QUICK = (CORRUPT, CLOSE, DROP, REORDER, DUP, STATUS, SUB_REJECT, REPLY, DROP_TRADE, SUB_RATE)
"""What a short demo takes its steps from, the most telling first."""

_QUICK_ORDER = (CORRUPT, DROP, REORDER, DUP, DROP_TRADE, REPLY, SUB_REJECT, SUB_RATE, STATUS, CLOSE)

_WHOLE = (
    CORRUPT, DROP, STALL, ACK_NO_DATA, REORDER, DUP, DROP_TRADE, REPLY, SUB_REJECT, SUB_RATE, STATUS,
    HALF_OPEN, REFUSE, CLOSE_AT_ONCE,
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

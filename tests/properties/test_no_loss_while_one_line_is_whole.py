"""Two lines to a venue that is cut, lags, stalls, drops trades and sends wrong books on one or the other.

Whatever happens to one line while the other is whole: every ticker, trade and bar reaches readers once and in
order, there is always a book, and no loss is told.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from leadline.core.book import BookView
from leadline.core.session import LineDown, StreamLost
from leadline.core.trades import TradeLog
from leadline.model.market import BarBatch, BookDropped, Ticker, TradeBatch
from linesrig import BARS, BOOK, BTC, TICKER, TRADES, LinesRig, bars, ticker, time_of, trades

SNAPSHOT = 5
LINES = st.sampled_from([1, 2])


class Wire:
    """One line as the venue knows it: what is on its way, and from which state on it is told everything."""

    def __init__(self) -> None:
        self.on_its_way: list[tuple[int, str]] = []
        self.joined = 0
        self.is_open = False
        self.lost: set[int | None] = set()
        """Trades that will never come on it."""
        self.at = 0
        """The last state that has arrived; 0 until the snapshot has."""


class AnyMisfortune(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.rig = LinesRig(2)
        self.rig.want(TICKER, BOOK, TRADES, BARS)
        self.wires = {1: Wire(), 2: Wire()}
        self.state = 10
        self.log = TradeLog()
        self.handed_on: list[int | None] = []

    @initialize()
    def start(self) -> None:
        for number in (1, 2):
            self._connect(number)
            self._arrive(number)

    # --- what happens at the venue and on the way ---

    @rule(count=st.integers(1, 4))
    def moves(self, count: int) -> None:
        for _ in range(count):
            self.state += 1
            for wire in self.wires.values():
                if wire.is_open:
                    wire.on_its_way.append((self.state, "update"))

    @rule(number=LINES, count=st.integers(1, 6))
    def arrives(self, number: int, count: int) -> None:
        for _ in range(count):
            self._arrive(number)

    @precondition(lambda self: any(self._spare(number) for number in (1, 2)))
    @rule(number=LINES)
    def is_cut(self, number: int) -> None:
        wire = self.wires[number]
        if wire.is_open and self._spare(number):
            wire.is_open = False
            wire.on_its_way.clear()
            self.rig.cut(number)

    @rule(number=LINES)
    def comes_back(self, number: int) -> None:
        if not self.wires[number].is_open:
            self._connect(number)

    @rule(number=LINES)
    def sends_a_wrong_book(self, number: int) -> None:
        if self.wires[number].is_open and self._spare(number) and self.wires[number].at:
            self.rig.book(number).clear()
            self.rig.say(number, BookDropped(BTC, "the checksum does not match"))
            self.rig.say_book(number, self.wires[number].at)  # the snapshot that follows

    @rule(number=LINES)
    def loses_a_trade(self, number: int) -> None:
        wire = self.wires[number]
        if self._spare(number) and wire.on_its_way and wire.on_its_way[0][1] == "update":
            wire.on_its_way[0] = (wire.on_its_way[0][0], "without its trade")
            wire.lost.add(wire.on_its_way[0][0])

    @rule(number=LINES)
    def stands_still(self, number: int) -> None:
        """Everything that is on its way is held back for longer than a line may lag; then it is renewed."""
        wire, other = self.wires[number], self.wires[3 - number]
        if not (wire.is_open and self._spare(number) and wire.at):
            return
        while other.on_its_way:
            self._arrive(3 - number)
        self.rig.pass_s(5)
        if wire.at < other.at:
            assert TICKER in self.rig.sessions[number - 1].renewed
            wire.on_its_way = [(self.state, "snapshot")]
            wire.joined, wire.at = self.state, 0
        for each, session in enumerate(self.rig.sessions, 1):
            at = self.wires[each].at
            if at and TRADES in session.renewed:  # the last trade was lost on it: the venue tells it again
                self.rig.say(each, trades(*range(max(1, at - SNAPSHOT), at + 1), snapshot=True))
            session.renewed.clear()

    # --- how it is done ---

    def _connect(self, number: int) -> None:
        wire = self.wires[number]
        wire.is_open, wire.at, wire.joined = True, 0, self.state
        wire.on_its_way = [(self.state, "snapshot")]
        wire.lost.clear()
        self.rig.open(number)

    def _arrive(self, number: int) -> None:
        wire = self.wires[number]
        if not wire.on_its_way:
            return
        at, form = wire.on_its_way.pop(0)
        first = max(1, at - SNAPSHOT) if form == "snapshot" else at
        wire.at = at
        self.rig.clock.advance(0.001)
        self.rig.say(number, ticker(at))
        self.rig.say_book(number, at)
        if form != "without its trade":
            self.rig.say(number, trades(*range(first, at + 1), snapshot=form == "snapshot"))
        self.rig.say(number, bars(0, at))

    def _spare(self, number: int) -> bool:
        """Whether the other line has all that readers have still to hear, should this one break."""
        other = self.wires[3 - number]
        told = self.rig.told(Ticker)
        whole = other.lost <= set(self.handed_on)
        return (
            other.is_open
            and other.at > 0
            and whole
            and bool(told)
            and time_of(other.joined) <= told[-1].venue_time
        )

    # --- what readers hear ---

    @invariant()
    def nothing_is_lost_or_told_twice(self) -> None:
        tickers = [each.venue_time for each in self.rig.told(Ticker)]
        assert tickers == [time_of(10 + at) for at in range(len(tickers))]
        progress = [batch.bars[-1].trades for batch in self.rig.told(BarBatch)]
        assert progress == list(range(10, 10 + len(progress)))
        assert not [news for news in self.rig.news if isinstance(news, StreamLost | BookDropped)]
        assert all(news.standing for news in self.rig.told(LineDown))

    @invariant()
    def trades_come_once_each_in_order(self) -> None:
        for batch in self.rig.told(TradeBatch):
            fresh, opened = self.log.merge(batch.trades)
            self.handed_on += [trade.trade_id for trade in fresh]
            assert not opened
        self.rig.news = [news for news in self.rig.news if not isinstance(news, TradeBatch)]
        assert self.handed_on == sorted(set(self.handed_on))

    @invariant()
    def there_is_a_book(self) -> None:
        books = self.rig.told(BookView)
        assert not books or books[-1].best_bid is not None


AnyMisfortune.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyMisfortune = AnyMisfortune.TestCase

"""Once a second: is each stream alive, what needs REST, and who is no longer read?

A silent stream is suspect; REST decides. One that REST contradicts twice is dead: subscribed anew, and its
readers served by REST.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from msgspec.structs import replace

from leadline.clock import NS_PER_S
from leadline.core.book import BookView
from leadline.core.histogram import Histogram
from leadline.core.liveness import same_levels, same_ticker
from leadline.engine.answers import Answers, Spawn, fetch_together
from leadline.engine.bars import BarTopic
from leadline.engine.events import StreamDead
from leadline.engine.first_data import FirstData
from leadline.engine.topics import Desk, Topic
from leadline.engine.trades import TradeTopic
from leadline.errors import Error, Refused
from leadline.model.market import (
    Bar,
    Channel,
    DayStats,
    FrozenBook,
    GapCause,
    MarkPrice,
    Subscription,
    Ticker,
)
from leadline.net.http import Purpose
from leadline.venues.ports import MarketData

_APART_NS = 5 * NS_PER_S // 2  # REST tells a trade at once, and its message may take two seconds
_STRIKES = 2  # data may be under way while REST answers: only the second contradiction counts
_PATIENCE_NS = 15 * NS_PER_S  # a suspect that REST does not answer about is subscribed anew after this time
_UNASKED_PATIENCE_NS = 60 * NS_PER_S  # and one about which our own limits let nobody ask, after this

_COMPARED = 10  # levels a side that must all agree: the best may stand still while others change
_LINE_SILENT_NS = 2 * NS_PER_S
_SINGLE_REQUESTS = 4  # a round's requests about one symbol; the longest silent go first, the others next time
_BY_TICKER = frozenset({Channel.TICKER, Channel.TRADES, Channel.BARS})
_BY_DEPTH = frozenset({Channel.BOOK, Channel.TOP})
_LATE_NS = 3 * NS_PER_S  # a look as late as this judges nobody: what came meanwhile may lie unread


class Word(Enum):
    """What REST says of a silent stream; the value is how it is told."""

    SAME = "REST knows nothing newer"
    NEWER = "REST knows newer data"
    UNANSWERED = "REST did not answer"
    UNASKED = "REST could not be asked"


class Detection:
    """How silences were found out, in nanoseconds from the last sign of life."""

    def __init__(self) -> None:
        self.suspected = Histogram()
        """Until REST was to be asked, once for each silence."""
        self.dead = Histogram()
        """Until the stream was called dead."""


class Watch:
    """Judges silent streams with REST's help."""

    def __init__(
        self,
        market: MarketData,
        desk: Desk,
        answers: Answers,
        spawn: Spawn,
        dead: Callable[[Topic[Any]], None],
    ) -> None:
        self._market = market
        self._desk = desk
        self._clock = desk.clock
        self._answers = answers
        self._spawn = spawn
        self._dead = dead
        self._asking = False
        self._singles = 0
        self._first = FirstData(market, desk)
        self._looked_ns = desk.clock.mono_ns()
        self._suspects: frozenset[Subscription] = frozenset()
        self.detection = Detection()

    def look(self, topics: list[Topic[Any]], now_ns: int) -> None:
        """Learn every rhythm and have REST asked about the silent ones."""
        for topic in topics:
            topic.tick(now_ns)
        late, self._looked_ns = now_ns - self._looked_ns > _LATE_NS, now_ns
        if late:
            return
        standing = [topic for topic in topics if _line_up(topic, now_ns)]
        self._first.look(standing, now_ns)
        if self._asking:
            return
        suspects = [topic for topic in standing if self._suspect(topic, now_ns)]
        self._note(suspects, now_ns)
        if suspects:
            self._asking = True
            suspects.sort(key=lambda topic: topic.cadence.silent_ns(now_ns), reverse=True)
            silent = [topic for topic in standing if _half_silent(topic, now_ns) and topic not in suspects]
            self._spawn(self._corroborate(suspects, silent))

    def _note(self, suspects: list[Topic[Any]], now_ns: int) -> None:
        for topic in suspects:
            late = topic.received or self._first.late(topic, now_ns)
            if late and topic.subscription not in self._suspects:
                self.detection.suspected.observe(_silent_ns(topic, now_ns))
        self._suspects = frozenset(topic.subscription for topic in suspects)

    def _suspect(self, topic: Topic[Any], now_ns: int) -> bool:
        """Silent near its bound, or acknowledged without data; a book that had some only while it is read."""
        if topic.refused is not None or not topic.speaks:
            return False
        if not topic.received:
            due_ns = self._first.due_ns(topic)
            return due_ns is not None and now_ns >= due_ns
        if topic.subscription.channel in _BY_DEPTH and not topic.readers:
            return False
        return topic.cadence.suspect(now_ns)

    async def _corroborate(self, suspects: list[Topic[Any]], silent: list[Topic[Any]]) -> None:
        self._singles = _SINGLE_REQUESTS
        try:
            for_tickers = [topic for topic in suspects if topic.subscription.channel in _BY_TICKER]
            if for_tickers:
                await self._by_ticker(for_tickers, silent)
            for channel in (Channel.MARK, Channel.STATS):
                of_channel = [topic for topic in suspects if topic.subscription.channel is channel]
                if of_channel:
                    await self._by_their_own(channel, of_channel)
            for topic in suspects:
                if topic.subscription.channel in _BY_DEPTH and self._may_ask():
                    await self._by_depth(topic)
        finally:
            self._asking = False

    def _line_silent(self, topic: Topic[Any], now_ns: int) -> bool:
        """Whether its line as a whole is silent: the session judges that, no stream is to blame.

        A line without heartbeats may be silent because this stream is all there is on it.
        """
        if topic.streams is None or not self._market.limits.heartbeats:
            return False
        return now_ns - topic.streams.last_frame_ns > _LINE_SILENT_NS

    def _may_ask(self) -> bool:
        self._singles -= 1
        return self._singles >= 0

    async def _by_ticker(self, suspects: list[Topic[Any]], silent: list[Topic[Any]]) -> None:
        """One call for all suspects; whoever is half-way to suspicion is vouched for by the same answer."""
        counts = [topic.cadence.count for topic in suspects]
        missing = Word.UNANSWERED
        tickers: Mapping[str, Ticker] = {}
        try:
            symbols = sorted({topic.symbol for topic in (*suspects, *silent)})
            tickers = await self._market.fetch_tickers(symbols, Purpose.VALIDATION)
        except Error as error:
            missing = _missing(error)
        for topic in silent:
            ticker = tickers.get(topic.symbol)
            if ticker is not None and topic.value is not None and same_ticker(topic.value, ticker):
                topic.vouch(self._clock.mono_ns())
        for topic, count in zip(suspects, counts, strict=True):
            ticker = tickers.get(topic.symbol)
            if topic.cadence.count == count:
                word = missing if ticker is None else await self._compared(topic, ticker)
                self._conclude(topic, count, word)

    async def _compared(self, topic: Topic[Any], ticker: Ticker) -> Word:
        if isinstance(topic, TradeTopic):
            return await self._newer_trade(topic, ticker)
        if isinstance(topic, BarTopic):
            return await self._newer_bar(topic, ticker)
        same = topic.received and topic.value is not None and same_ticker(topic.value, ticker)
        return _word(same=same or self._first.unchanged(topic, replace(ticker, venue_time=None)))

    async def _newer_bar(self, topic: BarTopic, ticker: Ticker) -> Word:
        """By the last trade, where the venue's ticker tells it, else by the running bar."""
        bar = topic.newest_bar()
        if ticker.last is not None:
            return _word(same=bar is not None and topic.received and bar.close == ticker.last)
        if not self._may_ask():
            return Word.UNASKED
        try:
            told = await self._market.fetch_bars(
                topic.symbol, topic.interval_s, topic.since_ns(), Purpose.VALIDATION
            )
        except Error as error:
            return _missing(error)
        newest = next((one for one in reversed(told) if one.trades), None)  # an empty one is no news
        if newest is None:
            return Word.SAME
        if not topic.received:  # that a bar has ended is no news either
            return _word(same=self._first.unchanged(topic, replace(newest, complete=False)))
        return _word(same=bar is not None and _same_bar(bar, newest))

    async def _newer_trade(self, topic: TradeTopic, ticker: Ticker) -> Word:
        """assumed: the same last price and day's volume as REST told before show none; in doubt by Trades."""
        prompt = Channel.TRADES in self._market.limits.prompt_channels
        if topic.outdone and prompt:
            return Word.NEWER
        last, volume = topic.log.last, topic.rest_volume
        if topic.received and last is not None and last.price == ticker.last and volume == ticker.volume:
            return Word.SAME
        if not self._may_ask():
            return Word.UNASKED
        try:
            trades = await self._answers.newer_trades(topic, Purpose.VALIDATION)
        except Error as error:
            return _missing(error)
        if not prompt and (not topic.received or topic.log.last is None):
            quiet = not any(self._first.later(topic, trade.venue_ns) for trade in trades)
        elif topic.log.last is None:
            quiet = not trades
        else:
            newest = max((trade.trade_id or 0 for trade in trades), default=0)
            quiet = newest <= (topic.log.last.trade_id or 0)
        topic.rest_volume = ticker.volume if quiet else None
        if quiet and not topic.received:
            topic.quiet_return(self._clock.mono_ns())
        return _word(same=quiet)

    async def _by_their_own(self, channel: Channel, suspects: list[Topic[Any]]) -> None:
        """One call that tells of all of them what their streams tell."""
        counts = [topic.cadence.count for topic in suspects]
        missing = Word.UNANSWERED
        told: Mapping[str, MarkPrice | DayStats] = {}
        try:
            symbols = [topic.symbol for topic in suspects]
            told = await fetch_together(self._market, channel, symbols, Purpose.VALIDATION)
        except Error as error:
            missing = _missing(error)
        for topic, count in zip(suspects, counts, strict=True):
            rest = told.get(topic.symbol)
            same = rest is not None and topic.value is not None and _no_newer(topic.value, rest)
            self._conclude(topic, count, missing if rest is None else _word(same=same))

    async def _by_depth(self, topic: Topic[Any]) -> None:
        count = topic.cadence.count
        depth = min(_COMPARED, topic.subscription.param)
        try:
            rest = await self._market.fetch_book(topic.symbol, depth, Purpose.VALIDATION)
        except Error as error:
            word = _missing(error)
        else:
            same = topic.value is not None and _same_book(topic.value, rest, depth)
            word = _word(same=same or self._first.unchanged(topic, replace(rest, venue_time=None)))
        self._conclude(topic, count, word)

    def _overdue(self, topic: Topic[Any], word: Word, now_ns: int) -> bool:
        """Whether a stream is subscribed anew although REST has not contradicted it twice."""
        beyond_ns = topic.cadence.silent_ns(now_ns) - topic.cadence.bound_ns
        if not topic.received:
            beyond_ns = self._first.late_ns(topic, now_ns)
        if word is Word.UNASKED:
            return beyond_ns > _UNASKED_PATIENCE_NS
        prompt = topic.subscription.channel in self._market.limits.prompt_channels
        if not topic.received and prompt:
            return True
        return word is Word.UNANSWERED and beyond_ns > _PATIENCE_NS

    def _conclude(self, topic: Topic[Any], count: int, word: Word) -> None:
        """Quiet, dead, or not known yet. Data that came meanwhile is the better answer."""
        now_ns = self._clock.mono_ns()
        if topic.rest_doubted is not None:
            word = Word.UNANSWERED  # its word is not taken
        if topic.cadence.count != count or not _line_up(topic, now_ns):
            return
        if word is Word.SAME:
            topic.vouch(now_ns)
            return
        if self._line_silent(topic, now_ns):
            return
        if word is Word.NEWER and (topic.replaceable or now_ns - topic.struck_ns >= _APART_NS):
            topic.strikes += 1
            topic.struck_ns = now_ns
        if topic.strikes >= _STRIKES or self._overdue(topic, word, now_ns):
            silent_ns = _silent_ns(topic, now_ns)
            self.detection.dead.observe(silent_ns)
            where = f" on route {topic.route}" if topic.route else ""
            reason = f"silent for {silent_ns / NS_PER_S:.1f} s{where} while {word.value}"
            topic.strikes = 0
            self._desk.events.add(StreamDead(topic.subscription, reason))
            topic.lose(GapCause.SILENT, reason, now_ns)
            self._dead(topic)


def _word(*, same: bool) -> Word:
    return Word.SAME if same else Word.NEWER


def _missing(error: Error) -> Word:
    """Whether a request that failed has left at all: our own limits say nothing of a stream."""
    return Word.UNASKED if isinstance(error, Refused) else Word.UNANSWERED


def _line_up(topic: Topic[Any], now_ns: int) -> bool:
    return topic.streams is not None and topic.streams.up(now_ns)


def _same_book(value: BookView | FrozenBook, rest: FrozenBook, depth: int) -> bool:
    if isinstance(value, FrozenBook):
        return same_levels(value.bids[:depth], value.asks[:depth], rest)
    return same_levels(value.bids(depth), value.asks(depth), rest)


def _same_bar(ours: Bar, theirs: Bar) -> bool:
    """assumed: whatever a trade changes in a bar, it changes its volume."""
    return (ours.begin_ns, ours.close, ours.volume) == (theirs.begin_ns, theirs.close, theirs.volume)


def _no_newer(ours: MarkPrice | DayStats, theirs: MarkPrice | DayStats) -> bool:
    """Whether REST tells nothing that the stream has not told, by the venue's time where both have one."""
    if ours.venue_ns is not None and theirs.venue_ns is not None and theirs.venue_ns <= ours.venue_ns:
        return True
    return bool(replace(theirs, venue_time=ours.venue_time) == ours)


def _half_silent(topic: Topic[Any], now_ns: int) -> bool:
    if topic.subscription.channel is not Channel.TICKER or not topic.received:
        return False
    return topic.cadence.silent_ns(now_ns) * 2 >= topic.cadence.bound_ns


def _silent_ns(topic: Topic[Any], now_ns: int) -> int:
    if topic.received or topic.confirmed_ns is None:
        return topic.cadence.silent_ns(now_ns)
    return now_ns - topic.confirmed_ns

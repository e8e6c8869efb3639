"""Once a second: is each stream alive, what needs REST, and who is no longer read?

A silent stream is suspect; REST decides. One that REST contradicts twice is dead: subscribed anew, and its
readers served by REST.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from leadline.clock import NS_PER_S
from leadline.core.book import BookView
from leadline.core.liveness import FIRST_DATA_S, same_levels, same_ticker
from leadline.core.session import MarketSession
from leadline.engine.answers import Answers, Spawn
from leadline.engine.bars import BarTopic
from leadline.engine.events import StreamDead
from leadline.engine.topics import Desk, Topic
from leadline.engine.trades import TradeTopic
from leadline.errors import Error
from leadline.model.market import Channel, FrozenBook, GapCause, Ticker
from leadline.net.http import Purpose
from leadline.venues.ports import MarketData

_STRIKES = 2  # data may be under way while REST answers: only the second contradiction counts
_PATIENCE_NS = 15 * NS_PER_S  # a suspect that REST cannot judge is subscribed anew after this time

_COMPARED = 10  # levels a side that must all agree: the best may stand still while others change
_LINE_SILENT_NS = 2 * NS_PER_S
_SINGLE_REQUESTS = 4  # a round's requests about one symbol; the longest silent go first, the others next time


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
        self._session: MarketSession | None = None

    def look(self, topics: list[Topic[Any]], session: MarketSession | None, now_ns: int) -> None:
        """Learn every rhythm and have REST asked about the silent ones."""
        for topic in topics:
            topic.tick(now_ns)
        self._session = session
        if not self._line_up(now_ns) or self._asking:
            return
        suspects = [topic for topic in topics if _suspect(topic, now_ns)]
        if suspects:
            self._asking = True
            suspects.sort(key=lambda topic: topic.cadence.silent_ns(now_ns), reverse=True)
            silent = [topic for topic in topics if _half_silent(topic, now_ns) and topic not in suspects]
            self._spawn(self._corroborate(suspects, silent))

    async def _corroborate(self, suspects: list[Topic[Any]], silent: list[Topic[Any]]) -> None:
        self._singles = _SINGLE_REQUESTS
        try:
            for_tickers = [topic for topic in suspects if topic.subscription.channel is not Channel.BOOK]
            if for_tickers:
                await self._by_ticker(for_tickers, silent)
            for topic in suspects:
                if topic.subscription.channel is Channel.BOOK and self._may_ask():
                    await self._by_depth(topic)
        finally:
            self._asking = False

    def _line_up(self, now_ns: int) -> bool:
        return self._session is not None and self._session.up(now_ns)

    def _line_silent(self, now_ns: int) -> bool:
        """Whether the line as a whole is silent: its session judges that, no stream is to blame."""
        return self._session is not None and now_ns - self._session.last_frame_ns > _LINE_SILENT_NS

    def _may_ask(self) -> bool:
        self._singles -= 1
        return self._singles >= 0

    async def _by_ticker(self, suspects: list[Topic[Any]], silent: list[Topic[Any]]) -> None:
        """One call for all suspects; whoever is half-way to suspicion is vouched for by the same answer."""
        counts = [topic.cadence.count for topic in suspects]
        try:
            symbols = sorted({topic.symbol for topic in (*suspects, *silent)})
            tickers = await self._market.fetch_tickers(symbols, Purpose.VALIDATION)
        except Error:
            tickers = {}
        for topic in silent:
            ticker = tickers.get(topic.symbol)
            if ticker is not None and topic.value is not None and same_ticker(topic.value, ticker):
                topic.vouch(self._clock.mono_ns())
        for topic, count in zip(suspects, counts, strict=True):
            ticker = tickers.get(topic.symbol)
            if topic.cadence.count == count:
                verdict = None if ticker is None else await self._agrees(topic, ticker)
                self._conclude(topic, count, verdict)

    async def _agrees(self, topic: Topic[Any], ticker: Ticker) -> bool | None:
        if isinstance(topic, TradeTopic):
            return await self._no_newer_trade(topic, ticker)
        if isinstance(topic, BarTopic):
            bar = topic.newest_bar()
            return bar is not None and topic.received and bar.close == ticker.last
        return topic.received and topic.value is not None and same_ticker(topic.value, ticker)

    async def _no_newer_trade(self, topic: TradeTopic, ticker: Ticker) -> bool | None:
        """assumed: the same last price and day's volume as REST told before show none; in doubt by Trades."""
        if topic.outdone:
            return False
        last, volume = topic.log.last, topic.rest_volume
        if topic.received and last is not None and last.price == ticker.last and volume == ticker.volume:
            return True
        if not self._may_ask():
            return None
        try:
            trades = await self._answers.newer_trades(topic, Purpose.VALIDATION)
        except Error:
            return None
        if topic.log.last is None:
            quiet = not trades
        else:
            newest = max((trade.trade_id or 0 for trade in trades), default=0)
            quiet = newest <= (topic.log.last.trade_id or 0)
        topic.rest_volume = ticker.volume if quiet else None
        if quiet and not topic.received:
            topic.quiet_return(self._clock.mono_ns())
        return quiet

    async def _by_depth(self, topic: Topic[Any]) -> None:
        count = topic.cadence.count
        rest: FrozenBook | None = None
        try:
            rest = await self._market.fetch_book(topic.symbol, _COMPARED, Purpose.VALIDATION)
        except Error:
            rest = None
        if topic.cadence.count != count:
            return
        agrees = None if rest is None else topic.value is not None and _same_book(topic.value, rest)
        self._conclude(topic, count, agrees)

    def _conclude(self, topic: Topic[Any], count: int, agrees: bool | None) -> None:
        """Quiet, dead, or not known yet. Data that came meanwhile is the better answer."""
        now_ns = self._clock.mono_ns()
        if topic.cadence.count != count or not self._line_up(now_ns):
            return
        if agrees:
            topic.vouch(now_ns)
            return
        if self._line_silent(now_ns):
            return
        if agrees is False:
            topic.strikes += 1
        overdue = topic.cadence.silent_ns(now_ns) > topic.cadence.bound_ns + _PATIENCE_NS
        if topic.strikes >= _STRIKES or not topic.received or (agrees is None and overdue):
            silent_s = _silent_ns(topic, now_ns) / NS_PER_S
            told = "REST did not answer" if agrees is None else "REST knows newer data"
            reason = f"silent for {silent_s:.1f} s while {told}"
            topic.strikes = 0
            self._desk.events.add(StreamDead(topic.subscription, reason))
            topic.lose(GapCause.SILENT, reason, now_ns)
            self._dead(topic)


def _same_book(view: BookView, rest: FrozenBook) -> bool:
    return same_levels(view.bids(_COMPARED), view.asks(_COMPARED), rest)


def _half_silent(topic: Topic[Any], now_ns: int) -> bool:
    if topic.subscription.channel is not Channel.TICKER or not topic.received:
        return False
    return topic.cadence.silent_ns(now_ns) * 2 >= topic.cadence.bound_ns


def _silent_ns(topic: Topic[Any], now_ns: int) -> int:
    if topic.received or topic.confirmed_ns is None:
        return topic.cadence.silent_ns(now_ns)
    return now_ns - topic.confirmed_ns


def _suspect(topic: Topic[Any], now_ns: int) -> bool:
    """Silent near its bound, or acknowledged without first data; books only while somebody reads them."""
    if topic.refused is not None:
        return False
    if topic.subscription.channel is Channel.BOOK and not topic.readers:
        return False
    if topic.received:
        return topic.cadence.suspect(now_ns)
    return topic.confirmed_ns is not None and now_ns - topic.confirmed_ns >= FIRST_DATA_S * NS_PER_S

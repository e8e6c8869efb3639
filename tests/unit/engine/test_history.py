"""The past from REST: every candle and trade once, and every shortfall said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from leadline.clock import NS_PER_S, ManualClock
from leadline.core.session import Emit, MarketSession
from leadline.engine.history import fetch_history, fetch_trades_between
from leadline.errors import CheckFailed, Error, ProtocolError, RateLimited, UnknownSymbol, VenueDown
from leadline.model.instrument import Instrument
from leadline.model.market import Bar, FrozenBook, Side, Ticker, Trade, VenueStatus
from leadline.net.http import Purpose
from leadline.venues.ports import Limits, Reference

ONE = Decimal(1)
NOW_S = 1_790_000_000
NOW_NS = NOW_S * NS_PER_S
INTERVAL_S = 60


class LeapingClock(ManualClock):
    """Passes the time that anyone waits for."""

    async def sleep(self, delay_s: float) -> None:
        self.advance(delay_s)


class Archive(Reference):
    """A venue with a past: the newest `reach` candles, trades in pages of `page`, and failures to raise."""

    name = "archive"

    def __init__(self, *, reach: int = 5, page: int = 3, bar_page: int = 1000, born_s: int = 0) -> None:
        self.limits = Limits((10,), (60, 300), 10, reach, page)
        self.reference: Reference = self
        self.trades: list[Trade] = []
        self.failures: list[Error] = []
        self.asked: list[tuple[str, int, int]] = []
        self._reach, self._page, self._bar_page, self._born_s = reach, page, bar_page, born_s

    def instrument(self, symbol: str) -> Instrument:
        if symbol.upper() not in ("BTC/USD", "ETH/USD"):
            raise UnknownSymbol(symbol, ["BTC/USD"])
        return Instrument("archive", symbol.upper(), "", "", 1, 1, ONE, ONE, ONE, ONE)

    def instruments(self) -> Sequence[Instrument]:
        return [self.instrument("BTC/USD"), self.instrument("ETH/USD")]

    async def fetch_bars(self, symbol: str, interval_s: int, since_ns: int, purpose: Purpose) -> list[Bar]:
        self.asked.append((symbol, interval_s, since_ns))
        if self.failures:
            raise self.failures.pop(0)
        running_s = NOW_S - NOW_S % interval_s
        first_s = max(running_s - (self._reach - 1) * interval_s, self._born_s)
        begins = range(first_s, running_s + 1, interval_s)
        bars = [bar(symbol, interval_s, begin_s, begin_s < running_s) for begin_s in begins]
        return [each for each in bars if each.begin_ns >= since_ns][: self._bar_page]

    async def fetch_trades(self, symbol: str, since_ns: int, purpose: Purpose) -> list[Trade]:
        self.asked.append((symbol, 0, since_ns))
        after = [trade for trade in self.trades if (trade.venue_ns or 0) > since_ns]
        return after[: self._page]

    async def load(self) -> None:
        raise AssertionError("history loads nothing")

    def session(self, emit: Emit) -> MarketSession:
        raise AssertionError("history streams nothing")

    async def fetch_status(self, purpose: Purpose) -> VenueStatus:
        raise AssertionError("history asks for no status")

    async def fetch_tickers(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, Ticker]:
        raise AssertionError("history asks for no tickers")

    async def fetch_book(self, symbol: str, depth: int, purpose: Purpose) -> FrozenBook:
        raise AssertionError("history asks for no book")


def bar(symbol: str, interval_s: int, begin_s: int, complete: bool) -> Bar:
    return Bar(symbol, interval_s, begin_s * NS_PER_S, ONE, ONE, ONE, ONE, ONE, ONE, 1, complete)


def trade(trade_id: int | None, at_ms: int | None) -> Trade:
    time = None if at_ms is None else f"1970-01-01T00:00:{at_ms // 1000:02d}.{at_ms % 1000:03d}Z"
    return Trade("BTC/USD", Side.BUY, ONE, ONE, trade_id, time)


def ms(moment_ms: int) -> int:
    return moment_ms * 1_000_000


def ids(trades: Sequence[Trade]) -> list[int | None]:
    return [each.trade_id for each in trades]


async def test_every_symbol_and_interval_is_one_series() -> None:
    archive, steps = Archive(), list[tuple[int, int]]()
    note: Callable[[int, int], None] = lambda done, of: steps.append((done, of))  # noqa: E731
    series = await fetch_history(
        archive, ["btc/usd", "ETH/USD", "BTC/USD"], [60, 300], NOW_NS - 120 * NS_PER_S, LeapingClock(), note
    )
    assert [(each.symbol, each.interval_s) for each in series] == [
        ("BTC/USD", 60),
        ("BTC/USD", 300),
        ("ETH/USD", 60),
        ("ETH/USD", 300),
    ]
    assert steps == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert all(each.shortfall == "" and each.error is None for each in series)
    assert len(archive.asked) == 4


async def test_the_running_candle_comes_last_and_is_not_complete() -> None:
    (series,) = await fetch_history(Archive(), ["BTC/USD"], [60], NOW_NS - 180 * NS_PER_S, LeapingClock())
    assert [each.complete for each in series.bars] == [True, True, True, False]
    assert series.bars[0].begin_ns <= NOW_NS - 180 * NS_PER_S < series.bars[0].end_ns


async def test_a_venue_with_short_pages_is_asked_until_the_running_candle() -> None:
    archive = Archive(reach=10, bar_page=3)
    (series,) = await fetch_history(archive, ["BTC/USD"], [60], NOW_NS - 600 * NS_PER_S, LeapingClock())
    begins = [each.begin_ns for each in series.bars]
    assert len(archive.asked) == 4
    assert begins == sorted(set(begins))
    assert len(begins) == 10


async def test_a_span_older_than_the_venues_reach_is_said_and_the_rest_is_given() -> None:
    (series,) = await fetch_history(
        Archive(reach=5), ["BTC/USD"], [60], NOW_NS - 86_400 * NS_PER_S, LeapingClock()
    )
    assert len(series.bars) == 5
    assert "keeps only the newest 5 candles of 60 s" in series.shortfall


async def test_a_young_instrument_is_not_mistaken_for_a_venue_that_forgets() -> None:
    archive = Archive(reach=100, born_s=NOW_S - 180)
    (series,) = await fetch_history(archive, ["BTC/USD"], [60], NOW_NS - 3600 * NS_PER_S, LeapingClock())
    assert "has no earlier candle" in series.shortfall


async def test_no_candle_at_all_is_said() -> None:
    (series,) = await fetch_history(Archive(), ["BTC/USD"], [60], NOW_NS + 3600 * NS_PER_S, LeapingClock())
    assert series.bars == ()
    assert "no candles since 2026-" in series.shortfall


async def test_one_failing_series_does_not_stop_the_others() -> None:
    archive = Archive()
    archive.failures = [VenueDown("HTTP 520")]
    broken, whole = await fetch_history(archive, ["BTC/USD", "ETH/USD"], [60], NOW_NS, LeapingClock())
    assert isinstance(broken.error, VenueDown)
    assert whole.error is None
    assert whole.bars


async def test_a_short_rate_limit_is_waited_out() -> None:
    archive, clock = Archive(), LeapingClock()
    archive.failures = [RateLimited("EAPI:Rate limit exceeded", 15.0), RateLimited("Too many requests")]
    (series,) = await fetch_history(archive, ["BTC/USD"], [60], NOW_NS, clock)
    assert series.error is None
    assert clock.mono_ns() == 20 * NS_PER_S


async def test_a_long_rate_limit_is_not() -> None:
    archive, clock = Archive(), LeapingClock()
    archive.failures = [RateLimited("EGeneral:Temporary lockout", 900.0)]
    (series,) = await fetch_history(archive, ["BTC/USD"], [60], NOW_NS, clock)
    assert isinstance(series.error, RateLimited)
    assert clock.mono_ns() == 0


async def test_a_rate_limit_without_end_ends_the_series() -> None:
    archive = Archive()
    archive.failures = [RateLimited("Too many requests") for _ in range(4)]
    (series,) = await fetch_history(archive, ["BTC/USD"], [60], NOW_NS, LeapingClock())
    assert isinstance(series.error, RateLimited)
    assert len(archive.asked) == 4


async def test_wrong_names_and_intervals_cost_no_request() -> None:
    archive = Archive()
    with pytest.raises(UnknownSymbol):
        await fetch_history(archive, ["BTC/USD", "BTC/USX"], [60], NOW_NS, LeapingClock())
    with pytest.raises(CheckFailed, match="60, 300 s"):
        await fetch_history(archive, ["BTC/USD"], [60, 90], NOW_NS, LeapingClock())
    assert archive.asked == []


async def test_trades_of_a_span_come_once_each_over_overlapping_pages() -> None:
    archive = Archive(page=3)
    archive.trades = [trade(number, 100 * number) for number in range(1, 12)]
    found = await fetch_trades_between(archive, "BTC/USD", ms(200), ms(900), Purpose.BACKFILL)
    assert ids(found) == [2, 3, 4, 5, 6, 7, 8, 9]


async def test_trades_of_one_moment_across_a_page_border_are_not_lost() -> None:
    archive = Archive(page=3)
    archive.trades = [trade(1, 100), trade(2, 200), trade(3, 300), trade(4, 300), trade(5, 301)]
    found = await fetch_trades_between(archive, "BTC/USD", 0, ms(400), Purpose.BACKFILL)
    assert ids(found) == [1, 2, 3, 4, 5]


async def test_a_short_page_is_the_last() -> None:
    archive = Archive(page=3)
    archive.trades = [trade(1, 100), trade(2, 200)]
    assert ids(await fetch_trades_between(archive, "BTC/USD", 0, ms(900), Purpose.BACKFILL)) == [1, 2]
    assert len(archive.asked) == 1


async def test_without_an_end_the_span_goes_to_the_newest_trade() -> None:
    archive = Archive(page=3)
    archive.trades = [trade(number, 100 * number) for number in range(1, 8)]
    found = await fetch_trades_between(archive, "BTC/USD", 0, None, Purpose.HISTORY)
    assert ids(found) == list(range(1, 8))


async def test_an_id_decides_the_end_of_a_span_where_times_are_rounded() -> None:
    archive = Archive(page=4)
    archive.trades = [trade(number, 100 * number) for number in range(1, 30)]
    found = await fetch_trades_between(
        archive, "BTC/USD", ms(300) + 500, ms(300) - 500, Purpose.BACKFILL, from_id=3, to_id=3
    )
    assert ids(found) == [3]


async def test_paging_stops_at_the_last_id_wanted() -> None:
    archive = Archive(page=4)
    archive.trades = [trade(number, 100 * number) for number in range(1, 30)]
    found = await fetch_trades_between(archive, "BTC/USD", 0, None, Purpose.BACKFILL, from_id=2, to_id=4)
    assert ids(found) == [2, 3, 4]
    assert len(archive.asked) == 1


async def test_the_number_of_pages_can_be_bounded() -> None:
    archive = Archive(page=3)
    archive.trades = [trade(number, 100 * number) for number in range(1, 30)]
    found = await fetch_trades_between(archive, "BTC/USD", 0, None, Purpose.BACKFILL, pages=2)
    assert len(archive.asked) == 2
    assert ids(found) == [1, 2, 3, 4, 5]


async def test_a_moment_with_more_trades_than_a_page_does_not_loop_for_ever() -> None:
    archive = Archive(page=3)
    archive.trades = [trade(number, 500) for number in range(1, 9)] + [trade(9, 600)]
    found = await fetch_trades_between(archive, "BTC/USD", 0, ms(900), Purpose.BACKFILL)
    assert ids(found) == [1, 2, 3, 9]


@pytest.mark.parametrize("unusable", [trade(None, 100), trade(1, None)])
async def test_trades_that_cannot_be_joined_are_refused(unusable: Trade) -> None:
    archive = Archive()
    archive.trades = [unusable]
    with pytest.raises(ProtocolError, match="without id or time"):
        await fetch_trades_between(archive, "BTC/USD", 0, None, Purpose.BACKFILL)

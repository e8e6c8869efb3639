from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from deskrig import DeskRig
from feedrig import BTC, ETH, Rig, settle
from leadline.clock import NS_PER_S
from leadline.core.breaker import Breaker, BreakerState
from leadline.core.level import AccountView
from leadline.core.session import LineUp
from leadline.engine.observer import Observer
from leadline.errors import ConnectFailed
from leadline.model.market import Channel, Subscription, VenueMode, VenueStatus
from leadline.venues.memory import CONTRACTS

REQUIRED = frozenset({Subscription(Channel.TICKER, BTC), Subscription(Channel.BOOK, BTC)})


def observer(rig: Rig, **more: Any) -> Observer:
    return Observer(rig.market, rig.feed, rig.clock, required=REQUIRED, up=rig.session.up, **more)


@asynccontextmanager
async def feeding() -> AsyncIterator[Rig]:
    """A feed with a required ticker and book, not connected yet."""
    rig = Rig()
    async with rig.feed:
        rig.feed.attach(rig.session, lambda: None)
        for each in REQUIRED:
            rig.feed.hold(each.channel, each.symbol, 10 if each.channel is Channel.BOOK else 0)
        yield rig


def flows(rig: Rig) -> None:
    rig.connect()
    rig.say(rig.ticker())
    rig.say_book()


async def test_streams_count_as_live_once_their_data_is_there() -> None:
    async with feeding() as rig:
        watch = observer(rig)
        seen = watch.observe()
        assert (seen.required, seen.live, seen.by_rest) == (2, 0, 0)
        assert seen.missing.endswith("(not connected yet)")
        flows(rig)
        seen = watch.observe()
        assert (seen.required, seen.live, seen.missing) == (2, 2, "")


async def test_what_nobody_requires_is_not_counted() -> None:
    async with feeding() as rig:
        rig.feed.hold(Channel.TICKER, ETH)
        flows(rig)
        seen = observer(rig).observe()
        assert (seen.required, seen.live) == (2, 2)


async def test_a_lost_stream_served_by_rest_is_told_as_such() -> None:
    async with feeding() as rig:
        watch = observer(rig)
        rig.market.tickers[BTC] = rig.ticker()
        rig.feed.on_ticker(BTC, lambda reading: None)
        flows(rig)
        rig.cut()
        await settle()
        seen = watch.observe()
        assert (seen.live, seen.by_rest) == (0, 1)
        assert "cut" in seen.missing


async def test_a_silent_book_that_somebody_reads_is_doubted_and_one_that_nobody_reads_is_not() -> None:
    async with feeding() as rig:
        watch = observer(rig)
        rig.market.failing = ConnectFailed("REST is away")
        flows(rig)
        await rig.passes(40)
        rig.say(rig.ticker())
        assert watch.observe().live == 2
        assert "suspect" in (watch.book_problem(BTC) or "")
        rig.feed.on_book(BTC, lambda reading: None)
        assert watch.observe().live == 1


async def test_a_book_can_be_traded_on_while_it_streams_and_its_lack_is_told() -> None:
    async with feeding() as rig:
        watch = observer(rig)
        assert (watch.book_problem(BTC) or "").startswith("the book of BTC/USD is wanted: ")
        assert watch.book_problem(ETH) == "no book of ETH/USD is streamed (hold one with feed.hold)"
        flows(rig)
        assert watch.book_problem(BTC) is None
        rig.cut()
        assert watch.book_problem(BTC) == "the book of BTC/USD is lost: cut"


async def test_how_long_no_line_stands_is_counted_from_the_first_look_at_it() -> None:
    async with feeding() as rig:
        watch = observer(rig)
        assert watch.observe().lines_down_s == 0.0
        rig.clock.advance(3)
        assert watch.observe().lines_down_s == 3.0
        flows(rig)
        assert watch.observe().lines_down_s is None
        rig.clock.advance(6)
        assert watch.observe().lines_down_s == 0.0


async def test_the_venue_says_its_mode_on_any_line_or_by_rest() -> None:
    async with feeding() as rig:
        watch = observer(rig)
        watch.hear(VenueStatus(VenueMode.MAINTENANCE))
        watch.hear(LineUp())
        assert watch.observe().mode is VenueMode.MAINTENANCE
        await watch.probe()
        assert watch.observe().mode is VenueMode.ONLINE


async def test_rest_breaker_divergences_and_clock_are_read_off_their_keepers() -> None:
    async with feeding() as rig:
        breaker = Breaker()
        watch = observer(
            rig,
            breaker=breaker,
            divergences=lambda: 3,
            venue_ns=lambda: rig.clock.wall_ns() - 7 * NS_PER_S,
        )
        rig.market.reach.failed(1)
        rig.market.reach.exceeded(2)
        rig.market.reach.failed(3)
        for _ in range(3):
            breaker.failed("HTTP 502", rig.now)
        seen = watch.observe()

        assert (seen.public_failures, seen.public_limited, seen.private_failures) == (1, True, 3)
        assert seen.breaker is BreakerState.OPEN
        assert (seen.divergences, seen.clock_offset_s) == (3, -7.0)
        assert seen.account is AccountView.NONE


async def test_an_account_is_unknown_until_it_is_reconciled_and_known_by_rest_without_its_stream() -> None:
    async with feeding() as rig, DeskRig(clock=rig.clock) as account:
        breaker = Breaker()
        account.venue.streaming = False
        watch = observer(rig, desk=account.desk, breaker=breaker)
        views = [watch.observe().account]
        await account.connect()
        await account.passing(1)
        views.append(watch.observe().account)
        await account.cut()
        views.append(watch.observe().account)
        assert views == [AccountView.STREAM_LOST, AccountView.READY, AccountView.STREAM_LOST]

        rig.clock.advance(4)
        assert watch.observe().account_lost_s == 4.0
        breaker.failed("HTTP 502", rig.now)
        breaker.failed("HTTP 502", rig.now)
        assert watch.observe().account is AccountView.UNKNOWN


async def test_an_account_that_rest_has_never_told_of_is_unknown() -> None:
    async with feeding() as rig:
        account = DeskRig(clock=rig.clock)
        account.venue.failing = ConnectFailed("REST is away")
        async with account:
            watch = observer(rig, desk=account.desk)
            assert watch.observe().account is AccountView.UNKNOWN


async def test_a_stream_that_is_back_is_trusted_after_the_next_reconciliation() -> None:
    async with feeding() as rig, DeskRig(clock=rig.clock) as account:
        watch = observer(rig, desk=account.desk)
        await account.connect()
        await account.passing(1)
        assert watch.observe().account is AccountView.READY
        await account.cut()
        assert watch.observe().account is AccountView.STREAM_LOST
        account.venue.failing = ConnectFailed("REST is away")
        await account.connect()
        assert watch.observe().account is AccountView.STREAM_LOST
        account.venue.failing = None
        await account.passing(20)
        assert watch.observe().account is AccountView.READY


async def test_bars_of_another_interval_are_another_stream() -> None:
    minutes, five = (Subscription(Channel.BARS, BTC, interval_s) for interval_s in (60, 300))
    async with feeding() as rig:
        for each in (minutes, five):
            rig.feed.hold(each.channel, each.symbol, each.param)
        rig.connect()
        rig.say(rig.bars(rig.bar(5)))

        for required, live in [({minutes}, 1), ({five}, 0), ({minutes, five}, 1)]:
            watch = Observer(rig.market, rig.feed, rig.clock, required=frozenset(required), up=rig.session.up)
            seen = watch.observe()
            assert (seen.required, seen.live) == (len(required), live)


async def test_a_stream_that_is_quiet_by_rests_word_is_live() -> None:
    rig = Rig(limits=CONTRACTS)
    async with rig.feed:
        rig.feed.attach(rig.session, lambda: None)
        rig.connect()
        rig.feed.hold(Channel.TICKER, BTC)
        rig.market.tickers[BTC] = rig.ticker()
        watch = Observer(
            rig.market,
            rig.feed,
            rig.clock,
            required=frozenset({Subscription(Channel.TICKER, BTC)}),
            up=rig.session.up,
        )
        await rig.passes(9)
        assert watch.observe().live == 0
        await rig.passes(2)
        assert watch.observe().live == 1


async def test_an_account_of_which_rest_tells_no_more_is_unknown_however_slowly_that_fails() -> None:
    async with feeding() as rig, DeskRig(clock=rig.clock) as account:
        watch = observer(rig, desk=account.desk, breaker=Breaker())
        await account.connect()
        await account.passing(1)
        assert watch.observe().account is AccountView.READY
        await account.cut()
        await account.passing(100)
        assert watch.observe().account is AccountView.STREAM_LOST
        account.venue.failing = ConnectFailed("REST is away")
        for _ in range(20):
            await account.passing(5)
            seen = watch.observe()
        assert seen.account is AccountView.UNKNOWN

from __future__ import annotations

from feedrig import BTC, ETH, running, settle
from leadline.core.session import Confirmed, LineDown, StreamLost, SubscriptionRefused
from leadline.errors import Rejected
from leadline.model.market import BookDropped, Channel, Gap, GapCause, Subscription


async def test_news_of_what_nobody_reads_changes_nothing() -> None:
    async with running() as rig:
        rig.say(rig.ticker())
        rig.say_book()
        rig.say(rig.trades(1))
        rig.say(rig.bars(rig.bar(0)))
        rig.say(Confirmed(Subscription(Channel.INSTRUMENTS, "*")))
        rig.say(SubscriptionRefused(Subscription(Channel.TICKER, BTC), Rejected("no")))
        rig.say(BookDropped(BTC, "wrong"))

        assert rig.feed.stats.topics == ()
        assert rig.feed.gaps == ()


async def test_a_book_dropped_alone_is_a_failed_proof_and_harms_no_other() -> None:
    async with running() as rig:
        rig.feed.on_book(BTC, lambda reading: None)
        rig.feed.on_book(ETH, lambda reading: None)
        rig.say_book()
        rig.say_book(symbol=ETH)
        rig.say(BookDropped(BTC, "wrong"))

        assert [(gap.symbol, gap.cause) for gap in rig.feed.gaps] == [(BTC, GapCause.DROPPED)]
        assert rig.feed.stats.receiving == 1


async def test_books_dropped_because_the_line_went_down_are_disconnected() -> None:
    async with running() as rig:
        rig.feed.on_book(BTC, lambda reading: None)
        rig.say_book()
        rig.clock.advance(6)  # longer than a line may be silent
        rig.feed.receive(BookDropped(BTC, "silent"), rig.now)
        rig.cut("silent")

        gaps: list[Gap] = list(rig.feed.gaps)
        assert [gap.cause for gap in gaps] == [GapCause.DISCONNECTED]


async def test_a_stream_lost_on_one_line_is_a_disconnection_of_that_stream_alone() -> None:
    async with running() as rig:
        rig.feed.on_ticker(BTC, lambda reading: None)
        rig.feed.on_book(ETH, lambda reading: None)
        rig.say(rig.ticker())
        rig.say_book(symbol=ETH)
        rig.say(StreamLost(Subscription(Channel.TICKER, BTC), "cut"))
        rig.say(StreamLost(Subscription(Channel.BARS, BTC, 60), "nobody reads it"))
        rig.say(LineDown("cut", 1, 1))
        await settle()

        assert [(gap.symbol, gap.cause) for gap in rig.feed.gaps] == [(BTC, GapCause.DISCONNECTED)]
        assert rig.feed.stats.line == ""
        assert [asked.channel for asked in rig.market.asked] == [Channel.TICKER]


async def test_a_line_that_goes_down_beside_another_loses_nothing_by_itself() -> None:
    async with running() as rig:
        rig.feed.on_ticker(BTC, lambda reading: None)
        rig.say(rig.ticker())
        rig.say(LineDown("cut", 2, 1))

        assert rig.feed.gaps == ()
        assert rig.feed.recent_events[-1] == LineDown("cut", 2, 1)

from __future__ import annotations

from feedrig import BTC, ETH, running
from leadline.core.session import Confirmed, SubscriptionRefused
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

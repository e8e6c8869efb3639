from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from feedrig import BTC, Collected, running, settle
from leadline.core.aggregate import TopOfBook
from leadline.errors import CheckFailed, Rejected, UnknownSymbol
from leadline.model.market import Channel, Gap, Level, Subscription
from leadline.model.reading import Reading, Source


def bars(seen: Collected) -> list[tuple[int, int, bool]]:
    """Number of the bar, its trades, whether it is complete."""
    return [
        (item.value.begin_ns // 10**9 // item.value.interval_s, item.value.trades, item.value.complete)
        for item in seen.items
        if isinstance(item, Reading)
    ]


FIRST = 1_790_000_000 // 10


async def test_bars_of_any_interval_are_built_from_trades() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.derived.bars(BTC, 10))
        await settle()
        rig.say(rig.trades(1, 2))
        rig.say(rig.trades(*range(3, 22)))
        await settle()
        await seen.stop()

        complete = [bar for bar in bars(seen) if bar[2]]
        assert complete == [(FIRST + 1, 10, True)]
        assert seen.items[-1].source is Source.STREAM


async def test_a_bar_with_a_hole_in_its_trades_is_told_again_when_rest_has_filled_it() -> None:
    async with running() as rig:
        rig.market.trades[BTC] = [rig.trade(number) for number in range(1, 40)]
        seen = Collected(rig.feed.derived.bars(BTC, 10))
        await settle()
        rig.say(rig.trades(*range(1, 12)))
        rig.say(rig.trades(15, 16, *range(17, 25)))
        begun = [bar for bar in bars(seen) if bar[2]]
        await settle()
        await seen.stop()

        gaps = [item for item in seen.items if isinstance(item, Gap)]
        assert begun == []
        assert [bar for bar in bars(seen) if bar[2]] == [(FIRST + 1, 10, True)]
        assert [gap.filled for gap in gaps] == [False, True]
        assert all(item.value.volume == item.value.trades for item in seen.items if isinstance(item, Reading))


async def test_bars_begun_late_know_the_trades_before_and_what_they_lack() -> None:
    async with running() as rig:
        other = Collected(rig.feed.every_trade(BTC))
        await settle()
        rig.say(rig.trades(*range(1, 15)))
        await settle()
        seen = Collected(rig.feed.derived.bars(BTC, 10))
        await settle()
        rig.say(rig.trades(*range(15, 22)))
        await settle()
        await seen.stop()
        await other.stop()

        assert bars(seen)[0] == (FIRST + 1, 6, False)
        assert (FIRST + 1, 10, True) in bars(seen)


async def test_wrong_wishes_are_refused_at_once() -> None:
    async with running() as rig:
        with pytest.raises(CheckFailed, match="too short"):
            rig.feed.derived.bars(BTC, 0)
        with pytest.raises(CheckFailed, match="from 1 to 100"):
            rig.feed.derived.imbalances(BTC, 101)
        with pytest.raises(UnknownSymbol):
            rig.feed.derived.tops("NO/ONE")


async def test_a_top_of_book_comes_when_it_has_changed_at_most_so_often_and_then_the_newest() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.derived.tops(BTC, every_s=1.0))
        await settle()
        for bid in (9900, 9901, 9902):
            rig.say_book(bid=bid)
            await settle()
        await rig.passes(1.0)
        rig.say_book(bid=9902)
        await rig.passes(1.0)
        await seen.stop()

        ask, bid = (Level(Decimal(price), Decimal(qty)) for price, qty in (("101.00", 2), ("99.00", 1)))
        assert [item.value.bid.price for item in seen.items] == [Decimal("99.00"), Decimal("99.02")]
        assert seen.items[0].value == TopOfBook(BTC, bid, ask)
        assert seen.items[0].verified


async def test_an_imbalance_follows_the_best_levels_and_a_lost_book_is_a_gap_there_too() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.derived.imbalances(BTC, levels=3, every_s=0.1))
        await settle()
        assert rig.session.wanted() == [Subscription(Channel.BOOK, BTC, 10)]
        rig.say_book()
        await settle()
        rig.cut()
        await rig.passes(0.2, alive=False)
        await seen.stop()

        first, *rest = seen.items
        assert first.value == Decimal(-1) / 3
        assert any(isinstance(item, Gap) for item in rest)


async def test_a_refusal_of_the_venue_reaches_who_reads_a_derived_stream() -> None:
    async with running() as rig:
        streams: list[Any] = [rig.feed.derived.tops(BTC), rig.feed.derived.bars(BTC, 7)]
        waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
        await settle()
        for wanted in rig.session.wanted():
            rig.session.refuse(wanted, Rejected("no"), rig.now)
        found = await asyncio.gather(*waiting, return_exceptions=True)

        assert all(isinstance(error, Rejected) for error in found)

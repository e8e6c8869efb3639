from __future__ import annotations

from feedrig import BTC, Collected, running, settle
from leadline.model.market import Gap
from leadline.model.reading import Source


async def test_a_bar_is_complete_when_a_later_one_has_begun() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_bar(BTC))
        await settle()
        rig.say(rig.bars(rig.bar(0, "100")))
        rig.say(rig.bars(rig.bar(0, "101")))
        rig.say(rig.bars(rig.bar(1, "102")))
        await settle()

        told = [(reading.value.close, reading.value.complete) for reading in seen.items]
        assert told == [(100, False), (101, False), (101, True), (102, False)]
        await seen.stop()


async def test_all_bars_of_a_snapshot_but_the_last_are_complete() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_bar(BTC))
        await settle()
        rig.say(rig.bars(rig.bar(0), rig.bar(1), rig.bar(2)))
        await settle()
        reading = await rig.feed.bars(BTC)

        assert [bar.complete for bar in reading.value.bars] == [True, True, False]
        assert reading.source is Source.STREAM
        await seen.stop()


async def test_a_bar_nobody_follows_is_completed_by_rest_and_none_is_made_up() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_bar(BTC))
        await settle()
        rig.market.tickers[BTC] = rig.ticker("100")
        rig.say(rig.bars(rig.bar(0)))
        rig.market.bars[BTC, 60] = [rig.bar(0, complete=True)]
        await rig.passes(300)

        told = [(item.source, item.value.complete) for item in seen.items if not isinstance(item, Gap)]
        assert told == [(Source.STREAM, False), (Source.REST, True)]
        await seen.stop()


async def test_a_complete_bar_is_never_unmade() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_bar(BTC))
        await settle()
        rig.say(rig.bars(rig.bar(0, "100"), rig.bar(1, "101")))
        rig.say(rig.bars(rig.bar(0, "99"), rig.bar(1, "101")))
        await settle()

        reading = await rig.feed.bars(BTC)
        assert [(bar.close, bar.complete) for bar in reading.value.bars] == [(100, True), (101, False)]
        await seen.stop()


async def test_the_series_is_bounded() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_bar(BTC))
        await settle()
        rig.say(rig.bars(*(rig.bar(minute) for minute in range(800))))

        assert len((await rig.feed.bars(BTC)).value.bars) == 720
        await seen.stop()


async def test_a_clock_that_steps_during_an_outage_hides_no_bar_that_it_hurt() -> None:
    for step_s in (-3600.0, 3600.0):
        async with running() as rig:
            seen = Collected(rig.feed.every_bar(BTC))
            await settle()
            rig.say(rig.bars(rig.bar(0, "100")))
            rig.clock.step_wall(step_s)
            rig.cut()
            rig.clock.advance(120)
            rig.connect()
            rig.say(rig.bars(rig.bar(0, "100"), rig.bar(1, "101"), rig.bar(2, "102")))
            rig.say(rig.bars(rig.bar(3, "103")))
            await settle()
            readings = [item for item in seen.items if not isinstance(item, Gap)]

            assert not any(reading.value.complete for reading in readings)
            await seen.stop()


async def test_a_bar_that_ended_in_a_silence_is_complete_only_by_rests_word() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_bar(BTC))
        await settle()
        rig.say(rig.bars(rig.bar(0, "100")))
        rig.market.bars[BTC, 60] = [rig.bar(0, "101", complete=True), rig.bar(1, "102")]
        rig.clock.advance(3)
        rig.say(rig.bars(rig.bar(1, "102")))
        await rig.passes(3)

        told = [item for item in seen.items if not isinstance(item, Gap) and item.value.complete]
        assert [(item.source, item.value.close) for item in told] == [(Source.REST, 101)]
        await seen.stop()


async def test_a_clock_that_steps_does_not_hold_back_the_bars_after_the_outage() -> None:
    for step_s in (-3600.0, 3600.0):
        async with running() as rig:
            seen = Collected(rig.feed.every_bar(BTC))
            await settle()
            rig.say(rig.bars(rig.bar(0, "100")))
            rig.clock.step_wall(step_s)
            rig.cut()
            rig.clock.advance(120)
            rig.connect()
            rig.say(rig.bars(rig.bar(2, "102")))
            rig.say(rig.bars(rig.bar(3, "103")))
            rig.say(rig.bars(rig.bar(4, "104")))
            await settle()

            whole = [item for item in seen.items if not isinstance(item, Gap) and item.value.complete]
            assert [reading.value.close for reading in whole] == [103]
            await seen.stop()

from __future__ import annotations

from feedrig import BTC, Collected, running, settle
from leadline.model.market import Channel, Gap, GapCause, Subscription
from leadline.model.reading import Source


async def test_a_trade_is_verified_while_no_id_before_it_is_missing() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        rig.say(rig.trades(1))
        rig.say(rig.trades(3))
        await settle()
        readings = [item for item in seen.items if not isinstance(item, Gap)]

        assert [reading.verified for reading in readings] == [True, False]
        await seen.stop()


async def test_the_recent_past_is_one_reading_in_order_of_ids() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        rig.say(rig.trades(1, 2))
        rig.say(rig.trades(4, 3))
        reading = await rig.feed.trades(BTC)

        assert [trade.trade_id for trade in reading.value.trades] == [1, 2, 3, 4]
        assert reading.source is Source.STREAM
        await seen.stop()


async def test_trades_in_the_wrong_order_are_delivered_and_the_hole_they_left_is_filled() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        rig.say(rig.trades(1, 3, 2))
        await settle()
        trades = [item.value for item in seen.items if not isinstance(item, Gap)]

        assert [(trade.trade_id, trade.backfilled) for trade in trades] == [
            (1, False),
            (3, False),
            (2, False),
        ]
        assert [gap.filled for gap in rig.feed.gaps] == [True]
        await seen.stop()


async def test_trades_are_not_held_back_however_often_their_stream_is_lost() -> None:
    async with running() as rig:
        seen = Collected(rig.feed.every_trade(BTC))
        await settle()
        for number in range(1, 6):
            rig.say(rig.trades(number))
            rig.cut()
            await settle()
            rig.connect()
        rig.say(rig.trades(6))
        await settle()
        trades = [item.value.trade_id for item in seen.items if not isinstance(item, Gap)]

        assert trades == [1, 2, 3, 4, 5, 6]
        await seen.stop()


async def test_two_holes_after_one_loss_are_two_gaps() -> None:
    async with running() as rig:
        rig.feed.on_trade(BTC, lambda reading: None)
        rig.say(rig.trades(1))
        rig.cut()
        rig.connect()
        rig.say(rig.trades(3, 5))
        await settle()

        assert [gap.cause for gap in rig.feed.gaps] == [GapCause.DISCONNECTED, GapCause.DISCONNECTED]
        assert rig.session.wanted() == [Subscription(Channel.TRADES, BTC)]


async def test_what_another_line_has_told_already_is_no_part_of_the_rhythm() -> None:
    async with running() as rig:
        rig.feed.on_trade(BTC, lambda reading: None)
        for number in range(1, 4):
            rig.say(rig.trades(number))
            rig.say(rig.trades(number))

        (topic,) = rig.feed.stats.topics
        assert topic.updates == 3

from __future__ import annotations

from feedrig import BTC, Collected, Rig, running, settle
from leadline.core.session import Confirmed
from leadline.engine.topic_state import State, TopicState
from leadline.errors import CheckFailed, Stale
from leadline.model.market import Channel, Gap, Liquidation, Subscription
from leadline.model.reading import Reading
from leadline.venues.memory import CONTRACTS

LIQUIDATIONS = Subscription(Channel.LIQUIDATIONS, BTC)


def topic_of(rig: Rig) -> TopicState:
    (topic,) = rig.feed.stats.topics
    return topic


async def test_a_stream_of_liquidations_is_in_use_from_the_venues_yes_on() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.LIQUIDATIONS, BTC)

        assert topic_of(rig).state in (State.LIVE, State.QUIET)
        assert rig.feed.doubted({Subscription(Channel.LIQUIDATIONS, BTC)}) == (1, [])


async def test_silence_is_no_sign_of_death_and_rest_is_never_asked() -> None:
    async with running(limits=CONTRACTS) as rig:
        seen = Collected(rig.feed.liquidations(BTC))
        await settle()
        await rig.passes(200)

        assert (rig.market.asked, rig.session.renewed) == ([], [])
        assert topic_of(rig).state is State.QUIET
        rig.cut()
        await rig.passes(20, alive=False)
        assert rig.market.asked == []
        await seen.stop()


async def test_every_liquidation_is_told_in_order_and_a_lost_line_is_a_hole() -> None:
    async with running(limits=CONTRACTS) as rig:
        seen = Collected(rig.feed.liquidations(BTC))
        called: list[Reading[Liquidation]] = []
        rig.feed.on_liquidation(BTC, called.append)
        await settle()
        for price in ("100", "101"):
            rig.say(rig.liquidation(price))
        rig.cut()
        rig.connect()
        rig.say(rig.liquidation("102"))
        await settle()

        told = [str(item.value.price) for item in seen.items if not isinstance(item, Gap)]
        assert told == ["100", "101", "102"] == [str(reading.value.price) for reading in called]
        holes = [item for item in seen.items if isinstance(item, Gap)]
        assert [hole.until_ns is None for hole in holes] == [True, False]
        assert [hole.filled for hole in holes] == [False, False]
        await seen.stop()


async def test_a_stream_that_stands_is_confirmed_once() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.LIQUIDATIONS, BTC)
        rig.say(Confirmed(LIQUIDATIONS))

        assert rig.feed.gaps == () and topic_of(rig).updates == 0


async def test_a_reader_who_lags_is_told_how_many_it_has_missed() -> None:
    async with running(limits=CONTRACTS) as rig:
        reading = rig.feed.liquidations(BTC)
        first = Collected(reading)
        await settle()
        for at_ms in range(10_003):
            rig.say(rig.liquidation(at_ms=at_ms))
        await settle()

        (hole,) = [item for item in first.items if isinstance(item, Gap)]
        assert hole.missing == 3
        await first.stop()


async def test_a_venue_without_the_stream_says_what_it_has() -> None:
    async with running() as rig:
        for ask in (rig.feed.liquidations, rig.feed.marks, rig.feed.days, rig.feed.tops):
            try:
                ask(BTC)
            except CheckFailed as error:
                assert "it streams bars, book, ticker, trades" in str(error)
            else:
                raise AssertionError(ask)


async def test_what_rest_cannot_tell_is_said_by_name() -> None:
    async with running(limits=CONTRACTS) as rig:
        topic = rig.feed._wants.topic(LIQUIDATIONS)
        try:
            await rig.feed._sources.read(topic, None, False)
        except Stale as error:
            assert "REST tells no liquidations" in str(error)
        else:
            raise AssertionError

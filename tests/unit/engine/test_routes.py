from __future__ import annotations

import pytest

from feedrig import Collected, Rig, settle
from leadline.core.session import LineDown, LineUp
from leadline.engine.events import LineSwitched
from leadline.engine.topic_state import State
from leadline.errors import ConnectFailed
from leadline.model.market import (
    Channel,
    Gap,
    GapCause,
    InstrumentsChanged,
    Subscription,
    VenueMode,
    VenueStatus,
)
from leadline.venues.memory import instrument
from routesrig import BTC, RoutesRig, routed

TICKER = Subscription(Channel.TICKER, BTC)
MARK = Subscription(Channel.MARK, BTC)


def state_of(rig: RoutesRig, channel: Channel) -> State:
    (found,) = [each for each in rig.feed.stats.topics if each.subscription.channel is channel]
    return found.state


def mark_and_ticker(rig: RoutesRig) -> None:
    rig.session("public").say(Rig().ticker(), rig.now)
    rig.session("market").say(Rig().mark(), rig.now)


async def test_each_stream_is_wanted_of_its_own_route() -> None:
    async with routed() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.feed.hold(Channel.MARK, BTC)

        assert rig.session("public").wanted() == [TICKER]
        assert rig.session("market").wanted() == [MARK]
        assert rig.routes.wanted() == [TICKER, MARK]
        rig.routes.unwant(MARK, rig.now)
        assert rig.session("market").wanted() == []


async def test_a_route_connects_when_something_is_first_wanted_of_it() -> None:
    async with routed() as rig:
        assert (rig.far, rig.routes.lines) == ({"public": [], "market": []}, ())
        rig.feed.hold(Channel.MARK, BTC)
        await settle()

        assert [len(rig.far[route]) for route in ("public", "market")] == [0, 1]
        assert [(line.route, line.number, line.connected) for line in rig.routes.lines] == [
            ("market", 1, True)
        ]
        assert rig.routes.connected and rig.routes.up(rig.now) and rig.routes.connects == 1


async def test_the_only_route_of_a_venue_connects_at_once_and_its_news_bears_no_name() -> None:
    async with routed({}) as rig:
        assert len(rig.far["public"]) == 1
        await rig.cut("public")

        assert rig.told(LineUp)[0] == LineUp()
        assert rig.told(LineDown)[0].route == ""
        assert rig.routes.route_of(TICKER) == ""
        assert [line.route for line in rig.routes.lines] == ["public"]


async def test_a_route_that_goes_down_takes_its_own_streams_only() -> None:
    async with routed() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.feed.hold(Channel.MARK, BTC)
        await settle()
        mark_and_ticker(rig)
        assert (state_of(rig, Channel.TICKER), state_of(rig, Channel.MARK)) == (State.LIVE, State.LIVE)
        await rig.cut("market")

        assert (state_of(rig, Channel.TICKER), state_of(rig, Channel.MARK)) == (State.LIVE, State.LOST)
        assert [event.route for event in rig.told(LineDown)] == ["market"]
        assert rig.feed.stats.line.startswith("route market: ")
        assert not rig.routes.connected and rig.routes.up(rig.now)
        assert rig.routes.last_error is not None
        await rig.passes(3)
        assert rig.feed.stats.line == ""
        mark_and_ticker(rig)
        assert state_of(rig, Channel.MARK) is State.LIVE


async def test_readers_of_one_route_hear_of_no_hole_when_another_goes_down() -> None:
    async with routed() as rig:
        tickers, marks = Collected(rig.feed.every_ticker(BTC)), Collected(rig.feed.every_mark(BTC))
        await settle()
        mark_and_ticker(rig)
        await rig.cut("public")
        holes = [item for item in marks.items if isinstance(item, Gap)]

        assert holes == []
        assert [item.cause for item in tickers.items if isinstance(item, Gap)] == [GapCause.DISCONNECTED]
        for each in (tickers, marks):
            await each.stop()


async def test_a_stream_is_not_fresh_while_its_own_route_is_silent() -> None:
    async with routed() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.feed.hold(Channel.MARK, BTC)
        await settle()
        mark_and_ticker(rig)
        rig.market.tickers.clear()
        rig.clock.advance(6.0)  # beyond what a line may be silent
        rig.session("market").received(b"alive", rig.now)

        assert (await rig.feed.mark(BTC)).source.value == "stream"
        assert rig.routes.by_name["public"].up(rig.now) is False


async def test_lines_of_a_route_hand_over_among_themselves_and_say_on_which_route() -> None:
    async with routed(count=2) as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.feed.hold(Channel.MARK, BTC)
        await settle()
        values = Rig()
        for line in (0, 1):
            rig.session("market", line).say(values.mark(), rig.now)
            rig.session("public", line).say(values.ticker(), rig.now)
        rig.session("market", 0).closed("cut", rig.now)

        (switched,) = rig.told(LineSwitched)
        assert (switched.route, switched.from_line, switched.to_line) == ("market", 1, 2)
        assert state_of(rig, Channel.MARK) is State.LIVE
        assert rig.routes.switches.count == rig.routes.by_name["market"].switches.count == 1
        stream = rig.routes.stream(MARK)
        assert stream is not None and stream.carrier is not None and stream.carrier.lane.number == 2
        assert rig.routes.stands(TICKER) and len(rig.routes.sessions) == 4
        assert rig.routes.book_messages.proven == 0
        assert "of 2 connected" in repr(rig.routes)


async def test_a_route_that_will_never_stand_ends_them_all() -> None:
    rig = RoutesRig()
    rig.refusal = ConnectFailed("no such path", terminal=True)
    rig.routes.want(MARK, rig.now)
    with pytest.raises(ConnectFailed, match="no such path"):
        await rig.routes.run()


async def test_what_every_route_tells_is_told_once() -> None:
    async with routed() as rig:
        changed, status = InstrumentsChanged((instrument(BTC),)), VenueStatus(VenueMode.MAINTENANCE)
        for news in (changed, status):
            for route in ("public", "market"):
                rig.session(route).say(news, rig.now)

        assert (rig.told(InstrumentsChanged), rig.told(VenueStatus)) == ([changed], [status])

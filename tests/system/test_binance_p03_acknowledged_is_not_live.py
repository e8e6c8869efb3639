"""P3 on Binance: every SUBSCRIBE is acknowledged there, so only data is data, and routes are judged by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from binance_world import BTC, ETH, LIVELY, Client, World, each, perform, until
from leadline.core.session import LineDown
from leadline.emulator.matching import BID
from leadline.emulator.matching import Order as CrowdOrder
from leadline.engine.events import RouteSilent, StreamDead
from leadline.engine.topic_state import State
from leadline.errors import Stale, UnknownSymbol
from leadline.model.level import Level
from leadline.model.market import Channel, Subscription
from leadline.model.reading import Source

FIRST_DATA_S = 10.0
DEAD = (State.LOST, State.QUARANTINED, State.REFUSED)
BY_REST = (Source.REST, Source.CACHE)
TRADES = Subscription(Channel.TRADES, BTC)


def state(client: Client, subscription: Subscription) -> State:
    """How a stream stands now."""
    return next(one.state for one in client.feed.stats.topics if one.subscription == subscription)


def test_trades_that_are_acknowledged_and_never_come_are_seen_asked_for_anew_and_served_by_rest() -> None:
    async def scene(world: World) -> None:
        world.inject(kind="ACK_NO_DATA", channel="trade", symbol=BTC, for_s=40)
        wanted = each([BTC], Channel.BOOK, Channel.TRADES) + each([ETH], Channel.TRADES)
        async with world.client(wanted) as client:
            client.feed.on_trade(BTC, lambda reading: None)
            await until(world, lambda: state(client, TRADES) is State.ACKED_NO_DATA, 5)
            await until(world, lambda: bool(client.events(StreamDead)), 30)

            died_s, dead = client.events(StreamDead)[0]
            assert dead.subscription == TRADES
            assert FIRST_DATA_S <= died_s <= 2 * FIRST_DATA_S
            served = await client.feed.trades(BTC)
            assert served.source in BY_REST
            assert not served.verified
            assert (await client.feed.book(BTC, 20)).source is Source.STREAM
            await until(world, lambda: state(client, TRADES) is State.LIVE, 60)
            assert {one.subscription for _, one in client.events(StreamDead)} == {TRADES}
            assert client.events((LineDown, RouteSilent)) == []

    perform(scene)


@pytest.mark.parametrize("elsewhere", ["ws_public", "ws_unrouted"])
def test_a_route_that_leads_elsewhere_is_named_and_served_by_rest_meanwhile(elsewhere: str) -> None:
    async def scene(world: World) -> None:
        world.paths["market"] = elsewhere
        wanted = each([BTC], Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.MARK)
        async with world.client(wanted) as client:
            client.feed.on_mark(BTC, lambda reading: None)
            await until(world, lambda: bool(client.events(RouteSilent)), 2 * FIRST_DATA_S)

            _, silent = client.events(RouteSilent)[0]
            assert silent.route == "market"
            assert set(silent.streams) == set(each([BTC], Channel.TRADES, Channel.MARK))
            assert state(client, TRADES) is not State.LIVE
            mark = await client.feed.mark(BTC)
            assert mark.source in BY_REST
            assert (await client.feed.ticker(BTC)).source is Source.STREAM

    perform(scene)


def test_before_the_migration_an_unrouted_address_served_everything_and_is_not_complained_of() -> None:
    async def scene(world: World) -> None:
        world.inject(kind="OLD_ROUTES")
        world.paths["market"] = "ws_unrouted"
        async with world.client(each([BTC], Channel.TRADES, Channel.MARK)) as client:
            await client.system.ready(30)
            await world.clock.sleep(2 * FIRST_DATA_S)
            assert client.events(RouteSilent) == []
            world.heal()  # the migration
            await until(world, lambda: bool(client.events(StreamDead)), 60)

    perform(scene)


def test_a_market_in_which_nothing_happens_is_not_called_dead() -> None:
    quiet = replace(LIVELY[0], pair=replace(LIVELY[0].pair, weight=0.0))

    async def scene(world: World) -> None:
        channels = (Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.MARK)
        async with world.client(each([BTC, ETH], *channels)) as client:
            await world.clock.sleep(600)

            assert client.events((StreamDead, RouteSilent)) == []
            assert not any(one.state in DEAD for one in client.feed.stats.topics)
            assert (await client.feed.ticker(BTC)).source in BY_REST
            assert (await client.feed.ticker(ETH)).source is Source.STREAM

    perform(scene, contracts=(quiet, LIVELY[1]), rate=4.0)


def test_a_contract_that_never_moves_does_not_hold_up_the_start() -> None:
    quiet = replace(LIVELY[0], pair=replace(LIVELY[0].pair, weight=0.0))

    async def scene(world: World) -> None:
        wanted = each([BTC, ETH], Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.TOP)
        async with world.client(wanted) as client:
            await client.system.ready(FIRST_DATA_S + 3)
            for channel in (Channel.TICKER, Channel.BOOK):
                [one] = [o for o in client.feed.stats.topics if o.subscription in each([BTC], channel)]
                assert one.state is State.ACKED_QUIET
                assert "REST tells of no change since" in one.reason
            assert client.system.level is Level.FULL
            ticker, book = await client.feed.ticker(BTC), await client.feed.book(BTC, 20)
            assert (ticker.source, book.source) == (Source.REST, Source.REST)
            assert not book.verified

            world.exchange.market.submit("BTCUSDT", _order(world), world.network.venue_ns)
            world.network.step()
            await until(world, lambda: state(client, each([BTC], Channel.TICKER)[0]) is State.LIVE, 2)
            await until(world, lambda: state(client, each([BTC], Channel.BOOK)[0]) is State.LIVE, 2)
            assert client.events((StreamDead, RouteSilent)) == []

    perform(scene, contracts=(quiet, LIVELY[1]), rate=4.0)


def _order(world: World) -> CrowdOrder:
    """One that makes a better best bid."""
    market = world.exchange.market
    best = market.listings["BTCUSDT"].book.bids.top(1)[0][0]
    return CrowdOrder(market.new_order_id(), BID, best + 1, 5)


def test_bars_of_a_contract_that_never_trades_do_not_hold_up_the_start() -> None:
    quiet = replace(LIVELY[0], pair=replace(LIVELY[0].pair, weight=0.0))

    async def scene(world: World) -> None:
        wanted = each([BTC], Channel.BARS)
        async with world.client(wanted) as client:
            await client.system.ready(2 * FIRST_DATA_S + 3)
            assert state(client, wanted[0]) is State.ACKED_QUIET

    perform(scene, contracts=(quiet, LIVELY[1]), rate=4.0)


def test_best_prices_and_books_on_a_wrong_route_are_never_ready_and_the_route_is_named() -> None:
    async def scene(world: World) -> None:
        world.paths["public"] = "ws_market"
        wanted = each([BTC, ETH], Channel.TICKER, Channel.BOOK)
        async with world.client(wanted) as client:
            with pytest.raises(Stale, match="acknowledged by route public"):
                await client.system.ready(30)

            told_s, silent = client.events(RouteSilent)[0]
            assert (silent.route, set(silent.streams)) == ("public", set(wanted))
            assert told_s <= 2 * FIRST_DATA_S
            assert {one.subscription for _, one in client.events(StreamDead)} == set(wanted)
            assert not any(one.state is State.ACKED_QUIET for one in client.feed.stats.topics)

    perform(scene)


def test_a_symbol_the_venue_has_not_is_an_error_to_its_caller_and_never_asked_for() -> None:
    async def scene(world: World) -> None:
        async with world.client() as client:
            with pytest.raises(UnknownSymbol, match="BTC/USDT:USDT"):
                await client.feed.ticker("BTC/USDC:USDT")
            assert world.sent == []

    perform(scene)

"""What every venue's `Account` promises: snapshots before news, holes told first, each fill has one name."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal

import pytest

from leadline.core.account_session import (
    AccountGap,
    BalancesReported,
    ConfigurationReported,
    LedgerReported,
    OrdersReported,
    OrdersSnapshot,
    PositionsReported,
)
from leadline.core.session import FrameSkipped, LineDown, LineUp
from leadline.errors import Acted, BreakerOpen, CheckFailed, ConnectFailed, Error
from leadline.model.account import MarginMode
from leadline.model.order import Event, Fill, OrderKey, OrderReport, OrderState
from leadline.net.http import Purpose
from leadline.venues.ports import Path
from venue_bench import Desk, WireWorld
from venue_benches import WITH_CONTRACTS, on_every_venue

PURPOSE = Purpose.ACCOUNT


def reports(desk: Desk, client_id: str) -> list[OrderReport]:
    """All the stream has told of one order since the snapshot."""
    told = [one for news in desk.heard.of(OrdersReported) for one in news.reports]
    ids = {one.order_id for one in told if one.client_id == client_id}
    return [one for one in told if one.order_id in ids]


def fills(desk: Desk) -> list[Fill]:
    told = [one for news in desk.heard.of(OrdersReported) for one in news.reports]
    return [one.fill for one in told if one.fill is not None]


def owned(world: WireWorld, news: BalancesReported) -> Decimal:
    """How much of the venue's asset a snapshot of balances tells of."""
    return sum((one.total for one in news.snapshot.balances if one.asset == world.bench.asset), Decimal(0))


async def filled(world: WireWorld, path: Path = Path.STREAM) -> str:
    """An order placed and filled in two parts."""
    placement = world.placement()
    placed = await world.account.place(placement, path)
    world.take(placement.client_id, world.bench.qty / 2)
    world.take(placement.client_id, world.bench.qty / 2)
    await world.passing(2)
    return placed.order_id


# The stream


@on_every_venue()
async def test_the_whole_account_is_told_before_any_news_of_it(world: WireWorld) -> None:
    await world.market.load()
    await world.account.place(world.placement(), Path.REST)
    async with world.trading() as desk:
        await world.account.place(world.placement(), Path.STREAM)
        await world.passing(2)

        kinds = [type(news) for _, news in desk.heard.news]
        assert kinds[0] is LineUp
        news = min(kinds.index(one) for one in (OrdersReported, LedgerReported) if one in kinds)
        assert kinds.index(OrdersSnapshot) < news
        assert kinds.index(BalancesReported) < news
        (snapshot,) = desk.heard.of(OrdersSnapshot)
        stand = [one for one in snapshot.reports if one.event is Event.STANDS]
        assert [one.client_id for one in stand] == ["suite-1"]
        assert all(one.snapshot for one in snapshot.reports)
        assert owned(world, desk.heard.of(BalancesReported)[0]) == world.bench.owned(world.exchange)


@on_every_venue()
async def test_a_session_is_ready_once_both_snapshots_have_come_and_its_frames_are_young(
    world: WireWorld,
) -> None:
    await world.market.load()
    async with world.desk() as desk:
        seen: list[tuple[bool, bool]] = []

        def look() -> bool:
            whole = bool(desk.heard.of(OrdersSnapshot)) and bool(desk.heard.of(BalancesReported))
            seen.append((whole, desk.session.ready(world.clock.mono_ns())))
            return seen[-1][1]

        await world.until(look)
        assert all(whole for whole, ready in seen if ready)
        assert not desk.session.ready(desk.session.last_frame_ns + 5_000_000_001)


@on_every_venue()
async def test_a_session_stays_ready_while_nothing_happens(world: WireWorld) -> None:
    async with world.trading() as desk:
        for _ in range(60):
            await world.passing(10)
            assert desk.session.ready(world.clock.mono_ns())
            assert world.account.can_stream()
        assert len(desk.heard.of(LineUp)) == 1


@on_every_venue()
async def test_the_life_of_an_order_is_told_under_its_two_names(world: WireWorld) -> None:
    async with world.trading() as desk:
        placement = world.placement()
        placed = await world.account.place(placement, Path.STREAM)
        world.take(placement.client_id, world.bench.qty)
        await world.passing(3)
        told = reports(desk, placement.client_id)

        assert {one.order_id for one in told} == {placed.order_id}
        assert {one.symbol for one in told if one.symbol is not None} == {world.bench.symbol}
        ends = [one for one in told if one.state is OrderState.FILLED or one.event is Event.FILLED]
        assert ends
        assert not any(one.snapshot for one in told)
        totals = [one.filled_qty for one in told if one.filled_qty is not None]
        assert totals == sorted(totals)
        assert totals[-1] == world.bench.qty


@on_every_venue()
async def test_a_cancelled_order_is_told_as_cancelled(world: WireWorld) -> None:
    async with world.trading() as desk:
        placement = world.placement()
        placed = await world.account.place(placement, Path.STREAM)
        await world.account.cancel([OrderKey(placed.order_id)], Path.STREAM)
        await world.passing(2)

        assert [one.event for one in reports(desk, placement.client_id)][-1] is Event.CANCELED


@on_every_venue()
async def test_each_fill_is_told_once_and_bears_the_same_name_wherever_it_is_told(world: WireWorld) -> None:
    async with world.trading() as desk:
        since_ns = world.account.venue_ns() - 10**9
        order_ids = [await filled(world, path) for path in (Path.STREAM, Path.REST)]
        streamed = fills(desk)
        asked = await world.account.fetch_fills(since_ns, PURPOSE)
        symbol = world.placement().sent.symbol
        assert await world.account.fetch_fills(since_ns, PURPOSE, [symbol]) == asked
        assert await world.account.fetch_fills(since_ns, PURPOSE, ["NOT/LISTED"]) == []
        looked_up = [
            one.fill for one in await world.account.fetch_orders(order_ids, PURPOSE) if one.fill is not None
        ]

    assert len(world.bench.fills(world.exchange)) == 4
    for some in (streamed, asked, looked_up):
        assert Counter(fill.exec_id for fill in some) == Counter(fill.exec_id for fill in streamed)
        assert len({fill.exec_id for fill in some}) == 4
    by_name = {fill.exec_id: fill for fill in streamed}
    for fill in (*asked, *looked_up):
        same = by_name[fill.exec_id]
        for name in ("order_id", "symbol", "side", "qty", "price", "cost", "fees", "maker"):
            assert getattr(fill, name) == getattr(same, name), name
        assert all(type(one) is Decimal for one in (fill.qty, fill.price, fill.cost))


@on_every_venue()
async def test_after_a_lost_connection_the_whole_account_is_told_anew_before_any_news(
    world: WireWorld,
) -> None:
    async with world.trading() as desk:
        first = world.placement()
        await world.account.place(first, Path.STREAM)
        await world.passing(1)
        world.unreachable(for_s=20)
        await world.passing(1)
        assert desk.heard.of(LineDown)
        assert not desk.session.ready(world.clock.mono_ns())
        world.take(first.client_id, world.bench.qty)
        at = len(desk.heard.news)
        await world.until(lambda: desk.session.ready(world.clock.mono_ns()), 60)

        kinds = [type(news) for _, news in desk.heard.news[at:]]
        assert kinds[0] is LineUp
        whole = max(kinds.index(OrdersSnapshot), kinds.index(BalancesReported))
        assert OrdersReported not in kinds[:whole]
        assert LedgerReported not in kinds[:whole]
        last = desk.heard.of(OrdersSnapshot)[-1]
        open_now = [one for one in last.reports if one.client_id == first.client_id and not one.fill]
        assert not any(one.state is OrderState.WORKING for one in open_now)
        assert owned(world, desk.heard.of(BalancesReported)[-1]) == world.bench.owned(world.exchange)


@on_every_venue()
async def test_what_happens_while_the_account_is_being_read_is_told_once(world: WireWorld) -> None:
    await world.market.load()
    placement = world.placement()
    await world.account.place(placement, Path.REST)
    world.fault(kind="REPLY", path="", status=200, delay_s=3.0, for_s=20)
    async with world.desk() as desk:
        await world.until(lambda: desk.heard.of(LineUp), 60)
        await world.passing(0.5)
        world.take(placement.client_id, world.bench.qty)
        await world.passing(20)
        assert desk.session.ready(world.clock.mono_ns())
        told = [one for news in desk.heard.of(OrdersSnapshot, OrdersReported) for one in news.reports]

        assert [one.fill.qty for one in told if one.fill is not None] == [world.bench.qty]
        (snapshot,) = desk.heard.of(BalancesReported)
        entries = [one for news in desk.heard.of(LedgerReported) for one in news.entries]
        since = sum(one.amount - one.fee for one in entries if one.asset == world.bench.asset)
        assert owned(world, snapshot) + since == world.bench.owned(world.exchange)


@on_every_venue()
async def test_new_snapshots_can_be_had_on_the_standing_connection(world: WireWorld) -> None:
    async with world.trading() as desk:
        await world.account.place(world.placement(), Path.STREAM)
        await world.passing(1)
        before = len(desk.heard.of(OrdersSnapshot)), len(desk.heard.of(BalancesReported))
        desk.session.resubscribe("for the test", world.clock.mono_ns())
        desk.session.poke()
        await world.until(
            lambda: (
                len(desk.heard.of(OrdersSnapshot)) > before[0]
                and len(desk.heard.of(BalancesReported)) > before[1]
            )
        )

        assert len(desk.heard.of(LineUp)) == 1
        assert [one.client_id for one in desk.heard.of(OrdersSnapshot)[-1].reports] == ["suite-1"]
        await world.until(world.account.can_stream)


@on_every_venue()
async def test_a_hole_is_told_before_what_follows_and_a_snapshot_closes_it(world: WireWorld) -> None:
    async with world.trading() as desk:
        await world.passing(5)
        at = len(desk.heard.news)
        world.fault(kind="DROP", channel="executions", count=1)
        lost, next_one = world.placement(), world.placement()
        await world.account.place(lost, Path.STREAM)
        await world.account.place(next_one, Path.STREAM)
        await world.until(lambda: desk.heard.of(AccountGap), 60)
        for gap in desk.heard.of(AccountGap):
            assert gap.reason
            assert gap.since_ns <= world.clock.mono_ns()
        await world.until(lambda: len(desk.heard.of(OrdersSnapshot)) == 2, 60)

        told = [
            one.client_id
            for _, news in desk.heard.news[at:]
            if isinstance(news, OrdersReported | OrdersSnapshot)
            for one in news.reports
        ]
        assert {lost.client_id, next_one.client_id} <= set(told)
        kinds = [type(news) for _, news in desk.heard.news[at:]]
        assert kinds.index(AccountGap) < kinds.index(OrdersSnapshot)


@on_every_venue()
async def test_a_frame_that_is_not_understood_is_kept_and_skipped(world: WireWorld) -> None:
    async with world.trading() as desk:
        for frame in (b"", b"{", b"[]", b"null", b'{"stream":1}', b"\xff\xfe", b"0" * 9):
            before = len(desk.heard.of(FrameSkipped))
            desk.session.received(frame, world.clock.mono_ns())
            assert len(desk.heard.of(FrameSkipped)) == before + 1, frame
        await filled(world)

        assert len({fill.exec_id for fill in fills(desk)}) == 2


@on_every_venue()
async def test_bookings_and_snapshots_of_the_stream_come_to_the_venues_own_balance(world: WireWorld) -> None:
    async with world.trading() as desk:
        before = owned(world, desk.heard.of(BalancesReported)[-1])
        await filled(world)
        await world.passing(5)
        entries = [one for news in desk.heard.of(LedgerReported) for one in news.entries]
        mine = [one for one in entries if one.asset == world.bench.asset]

        assert len({one.ledger_id for one in entries}) == len(entries)
        assert before != world.bench.owned(world.exchange)
        assert before + sum(one.amount - one.fee for one in mine) == world.bench.owned(world.exchange)


# REST


@on_every_venue()
async def test_open_orders_are_told_as_they_stand(world: WireWorld) -> None:
    async with world.trading():
        some = [world.placement() for _ in range(3)]
        for placement in some:
            await world.account.place(placement, Path.REST)
        world.take(some[0].client_id, world.bench.qty / 2)
        told = await world.account.fetch_open_orders(PURPOSE)

    assert {one.client_id for one in told} == {placement.client_id for placement in some}
    assert all(one.event is Event.STANDS and one.snapshot for one in told)
    truth = {one.order_id: one for one in world.open()}
    for one in told:
        there = truth[one.order_id]
        assert (one.qty, one.filled_qty, one.limit_price) == (there.qty, there.filled, there.price)
        assert one.symbol == world.bench.symbol


@on_every_venue()
async def test_orders_asked_for_by_id_come_after_their_fills_and_unknown_ones_not_at_all(
    world: WireWorld,
) -> None:
    async with world.trading():
        order_id = await filled(world)
        standing = await world.account.place(world.placement(), Path.REST)
        told = await world.account.fetch_orders([order_id, standing.order_id], PURPOSE)

        assert [one.event for one in told if one.order_id == order_id] == [
            *(Event.FILL, Event.FILL),
            Event.STANDS,
        ]
        assert [one.event for one in told if one.order_id == standing.order_id] == [Event.STANDS]


@on_every_venue()
async def test_fills_and_bookings_come_oldest_first_and_none_from_before(world: WireWorld) -> None:
    async with world.trading():
        began_ns = world.account.venue_ns()
        await filled(world)
        await world.passing(5)
        middle_ns = world.account.venue_ns()
        await world.passing(5)
        await filled(world)

        for ask in (world.account.fetch_fills, world.account.fetch_ledger):
            every = await ask(began_ns, PURPOSE)
            later = await ask(middle_ns, PURPOSE)
            times = [one.venue_ns or 0 for one in every]
            assert times == sorted(times)
            assert 0 < len(later) < len(every)
            assert [one.venue_ns for one in later] == [one.venue_ns for one in every[-len(later) :]]
            edge_ns = times[0] + 10**6
            after = await ask(edge_ns, PURPOSE)
            assert len(after) < len(every)
            assert all((one.venue_ns or 0) >= edge_ns for one in after)
            assert await ask(world.account.venue_ns() + 10**9, PURPOSE) == []


@on_every_venue()
async def test_the_ledger_of_rest_comes_to_the_venues_own_balance(world: WireWorld) -> None:
    async with world.trading():
        began_ns, before = world.account.venue_ns(), world.bench.owned(world.exchange)
        await filled(world)
        entries = await world.account.fetch_ledger(began_ns, PURPOSE)
        mine = [one for one in entries if one.asset == world.bench.asset]

        assert len({one.ledger_id for one in entries}) == len(entries)
        assert before + sum(one.amount - one.fee for one in mine) == world.bench.owned(world.exchange)


@on_every_venue()
async def test_balances_are_exact(world: WireWorld) -> None:
    async with world.trading():
        await filled(world)
        told = await world.account.fetch_balances(PURPOSE)
        (one,) = [one for one in told.balances if one.asset == world.bench.asset]

        assert one.total == world.bench.owned(world.exchange)
        assert all(type(wallet.qty) is Decimal for each in told.balances for wallet in each.wallets)
        assert world.account.comparable(world.bench.asset)


@on_every_venue()
async def test_what_cannot_be_reached_is_never_told_as_empty(world: WireWorld) -> None:
    async with world.trading():
        order_id = await filled(world)
        world.unreachable()
        account, since_ns = world.account, world.account.venue_ns() - 3600 * 10**9
        for ask in (
            lambda: account.fetch_open_orders(PURPOSE),
            lambda: account.fetch_fills(since_ns, PURPOSE),
            lambda: account.fetch_ledger(since_ns, PURPOSE),
            lambda: account.fetch_balances(PURPOSE),
            lambda: account.fetch_positions(PURPOSE),
            lambda: account.fetch_orders([order_id], PURPOSE),
        ):
            with pytest.raises((ConnectFailed, BreakerOpen)) as caught:
                await ask()
            assert caught.value.acted is Acted.NO


# Credentials


@on_every_venue()
async def test_however_many_ask_for_a_credential_it_is_asked_for_once(world: WireWorld) -> None:
    await world.market.load()
    session = world.account.session(lambda news, now_ns: None)
    before = len(world.asked)
    await asyncio.gather(*(world.account.authorise(session) for _ in range(5)))

    assert len(world.asked) == before + 1


@on_every_venue()
async def test_a_credential_that_cannot_be_had_is_an_error_for_all_who_asked(world: WireWorld) -> None:
    await world.market.load()
    session = world.account.session(lambda news, now_ns: None)
    world.unreachable(for_s=30)
    told = await asyncio.gather(*(world.account.authorise(session) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(one, Error) for one in told)
    await world.passing(60)
    await world.account.authorise(session)


# Contracts


@on_every_venue()
async def test_an_account_without_contracts_says_so_and_one_with_them_tells_how_it_trades(
    world: WireWorld,
) -> None:
    async with world.trading() as desk:
        told = await world.account.fetch_configuration([world.bench.symbol], PURPOSE)

        assert (told is not None) is world.kit.contracts
        if told is None:
            for ask in (
                world.account.set_leverage(world.bench.symbol, 5),
                world.account.set_margin_mode(world.bench.symbol, MarginMode.ISOLATED),
                world.account.set_hedge(True),
            ):
                before = world.sent()
                with pytest.raises(CheckFailed):
                    await ask
                assert world.sent() == before
        else:
            assert [one.symbol for one in told.symbols] == [world.bench.symbol]
            assert desk.heard.of(ConfigurationReported)
            assert desk.heard.of(PositionsReported)[0].snapshot


@on_every_venue(venues=WITH_CONTRACTS)
async def test_what_is_set_of_contracts_is_read_back_and_told(world: WireWorld) -> None:
    async with world.trading() as desk:
        symbol = world.bench.symbol
        assert await world.account.set_leverage(symbol, 7) == 7
        await world.account.set_margin_mode(symbol, MarginMode.ISOLATED)
        await world.account.set_margin_mode(symbol, MarginMode.ISOLATED)
        await world.account.set_hedge(True)
        await world.account.set_hedge(True)
        told = await world.account.fetch_configuration([symbol], PURPOSE)
        assert told is not None
        assert told.hedge
        assert [(one.leverage, one.margin_mode) for one in told.symbols] == [(7, MarginMode.ISOLATED)]

        def known() -> bool:
            last = desk.heard.of(ConfigurationReported)[-1].configuration
            symbols = {one.symbol: one for one in last.symbols}
            return last.hedge and symbol in symbols and symbols[symbol].leverage == 7

        await world.until(known, 60)
        with pytest.raises(CheckFailed):
            await world.account.set_leverage(symbol, 1000)
        with pytest.raises(CheckFailed):
            await world.account.set_leverage(symbol, 0)


@on_every_venue(venues=WITH_CONTRACTS)
async def test_a_position_is_told_alike_by_stream_and_rest(world: WireWorld) -> None:
    async with world.trading() as desk:
        assert await world.account.fetch_positions(PURPOSE) == ()
        await filled(world)
        asked = await world.account.fetch_positions(PURPOSE)
        streamed = [one for news in desk.heard.of(PositionsReported) for one in news.positions]

        assert [(one.symbol, one.qty) for one in asked] == [(world.bench.symbol, world.bench.qty)]
        assert (streamed[-1].symbol, streamed[-1].qty) == (world.bench.symbol, world.bench.qty)
        assert streamed[-1].entry_price == asked[-1].entry_price == world.bench.price

"""What every venue's `OrderEntry` promises: each request leaves once, its error says what may be."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from msgspec import structs

from leadline.errors import (
    Acted,
    CheckFailed,
    ConnectFailed,
    Error,
    Held,
    Refused,
    Rejected,
    UnknownSymbol,
    VenueError,
)
from leadline.model.market import Side
from leadline.model.order import (
    Amendment,
    Event,
    Order,
    OrderKey,
    OrderKind,
    OrderReport,
    OrderState,
    Trigger,
)
from leadline.venues.ports import Action, Path, Placed, Placement
from venue_bench import WireWorld, World
from venue_benches import ALL, on_every_path, on_every_venue

ENORMOUS = Decimal(10**6)
GONE_S = 60.0
"""After so long nothing of a request is under way any more."""


def order(placement: Placement, placed: Placed) -> Order:
    """An order of ours as the engine knows it once it is acknowledged."""
    sent = placement.sent
    return Order(
        client_id=placement.client_id,
        symbol=sent.symbol,
        side=sent.side,
        kind=sent.kind,
        state=OrderState.WORKING,
        order_id=placed.order_id,
        sent=sent,
        qty=sent.qty,
        limit_price=sent.limit_price,
    )


async def evidence(world: World, placement: Placement, known: tuple[str, ...] = ()) -> list[OrderReport]:
    key = OrderKey(client_id=placement.client_id, symbol=placement.sent.symbol)
    since_ns = world.account.venue_ns() - 3600 * 10**9
    return list(await world.account.find(key, since_ns, known))


# Placing


@on_every_path(ALL)
async def test_an_order_stands_once_and_exactly_as_it_was_sent(world: World, path: Path) -> None:
    async with world.trading():
        placement = world.placement()
        placed = await world.account.place(placement, path)

        (one,) = world.placed(placement.client_id)
        assert one.order_id == placed.order_id
        assert one.open
        assert (one.qty, one.price) == (world.bench.qty, world.bench.price)
        assert one.filled == 0


@on_every_path(ALL)
async def test_a_lost_answer_may_have_acted_and_is_never_asked_for_again(world: World, path: Path) -> None:
    async with world.trading():
        placement = world.placement()
        world.lose_an_answer()
        with pytest.raises(Error) as caught:
            await world.account.place(placement, path)
        await world.passing(GONE_S)

        assert caught.value.acted is Acted.MAYBE
        assert len(world.placed(placement.client_id)) == 1
        (report,) = await evidence(world, placement)
        assert report.client_id == placement.client_id
        assert report.state is OrderState.WORKING


@on_every_path(ALL)
async def test_a_request_that_is_lost_on_its_way_may_have_acted_too(world: World, path: Path) -> None:
    async with world.trading():
        placement = world.placement()
        error = await world.lost_on_its_way(world.account.place(placement, path))
        await world.passing(GONE_S)

        assert error.acted is Acted.MAYBE
        assert world.placed(placement.client_id) == []
        assert await evidence(world, placement) == []
        assert world.account.passed(placement.deadline_ns, 1.0)


@on_every_path(ALL)
async def test_what_never_left_has_certainly_not_acted(world: World, path: Path) -> None:
    async with world.trading():
        placement = world.placement()
        world.unreachable()
        await world.passing(1)
        before = world.sent()
        with pytest.raises(ConnectFailed) as caught:
            await world.account.place(placement, path)

        assert caught.value.acted is Acted.NO
        if path is Path.STREAM:
            assert world.sent() == before
        assert world.placed(placement.client_id) == []


@on_every_venue()
async def test_before_a_session_carries_anything_nothing_leaves_on_the_stream(world: WireWorld) -> None:
    await world.market.load()
    before = world.requests()
    placement = world.placement()

    assert not world.account.can_stream()
    for request in (
        world.account.place(placement, Path.STREAM),
        world.account.cancel([OrderKey(client_id="x", symbol=world.bench.symbol)], Path.STREAM),
    ):
        with pytest.raises(ConnectFailed) as caught:
            await request
        assert caught.value.acted is Acted.NO
    assert world.requests() == before


@on_every_path()
async def test_what_the_venue_refuses_has_not_acted_and_leaves_nothing_behind(
    world: WireWorld, path: Path
) -> None:
    async with world.trading():
        placement = world.placement(world.bench.limit(qty=world.bench.unaffordable))
        with pytest.raises(Rejected) as caught:
            await world.account.place(placement, path)
        await world.passing(GONE_S)

        assert caught.value.acted is Acted.NO
        assert caught.value.text
        assert [one for one in world.placed(placement.client_id) if one.open] == []
        assert [one for one in await evidence(world, placement) if one.state is OrderState.WORKING] == []


@on_every_path()
async def test_an_order_that_arrives_after_its_deadline_is_not_placed(world: WireWorld, path: Path) -> None:
    async with world.trading():
        placement = world.placement(deadline_s=2.1)
        world.way.one_way_s = 2.4
        with pytest.raises(Error) as caught:
            await world.account.place(placement, path)
        world.way.one_way_s = 0.025
        await world.passing(GONE_S)

        assert world.placed(placement.client_id) == []
        assert isinstance(caught.value, VenueError | Refused)
        assert caught.value.acted is Acted.NO


@on_every_path(ALL)
async def test_an_order_whose_deadline_has_passed_is_not_placed(world: World, path: Path) -> None:
    async with world.trading():
        placement = world.placement(deadline_s=-1.0)
        with pytest.raises(Error) as caught:
            await world.account.place(placement, path)
        await world.passing(GONE_S)

        assert caught.value.acted is Acted.NO
        assert world.placed(placement.client_id) == []


@on_every_path(ALL)
async def test_to_validate_places_nothing_and_gives_no_id(world: World, path: Path) -> None:
    async with world.trading():
        placement = world.placement(world.bench.limit(validate=True))
        placed = await world.account.place(placement, path)
        await world.passing(5)

        assert placed.order_id == ""
        assert world.placed(placement.client_id) == []


@on_every_path()
async def test_two_orders_of_one_name_never_both_stand(world: WireWorld, path: Path) -> None:
    async with world.trading():
        placement = world.placement()
        await world.account.place(placement, path)
        with pytest.raises(VenueError):
            await world.account.place(placement, path)
        await world.passing(GONE_S)

        assert len([one for one in world.placed(placement.client_id) if one.open]) == 1


@on_every_venue()
async def test_an_answer_that_cannot_be_read_may_be_that_of_an_order_that_stands(world: WireWorld) -> None:
    async with world.trading():
        for status, body in ((200, "{}"), (200, "<html>"), (502, "<html>"), (504, "")):
            placement = world.placement()
            world.fault(kind="REPLY", path="", status=status, body=body, accepted=True, count=1)
            with pytest.raises(Error) as caught:
                await world.account.place(placement, Path.REST)
            world.heal()
            await world.passing(GONE_S)

            assert caught.value.acted is Acted.MAYBE
            assert len(world.placed(placement.client_id)) == 1


# Batches


@on_every_path()
async def test_each_order_of_a_batch_is_taken_or_refused_alone_in_its_place(
    world: WireWorld, path: Path
) -> None:
    async with world.trading():
        some = [world.placement(world.bench.limit(qty=Decimal(text))) for text in ("0.01", "40", "0.02")]
        rows = await world.account.place_batch(some, path)

        assert [isinstance(row, Placed) for row in rows] == [True, False, True]
        assert isinstance(rows[1], VenueError)
        assert rows[1].acted is Acted.NO
        for placement, row in zip(some, rows, strict=True):
            stand = [one for one in world.placed(placement.client_id) if one.open]
            assert [one.order_id for one in stand] == ([row.order_id] if isinstance(row, Placed) else [])
            assert [one.qty for one in stand] in ([], [placement.sent.qty])


@on_every_path(ALL)
async def test_a_batch_of_the_largest_size_is_placed_whole(world: World, path: Path) -> None:
    async with world.trading():
        some = [world.placement() for _ in range(world.account.batch_max)]
        rows = await world.account.place_batch(some, path)

        assert all(isinstance(row, Placed) for row in rows)
        assert len({one.order_id for one in world.open()}) == world.account.batch_max


@on_every_path()
async def test_a_batch_that_is_too_large_is_refused_before_anything_leaves(
    world: WireWorld, path: Path
) -> None:
    async with world.trading():
        before = world.sent()
        some = [world.placement() for _ in range(world.account.batch_max + 1)]
        with pytest.raises(CheckFailed, match=str(world.account.batch_max)):
            await world.account.place_batch(some, path)

        assert world.sent() == before


@on_every_path(ALL)
async def test_a_batch_without_an_answer_may_have_acted_and_no_order_of_it_is_doubled(
    world: World, path: Path
) -> None:
    async with world.trading():
        some = [world.placement() for _ in range(3)]
        world.lose_an_answer()
        try:
            rows: list[object] = list(await world.account.place_batch(some, path))
        except Error as error:
            rows = [error] * len(some)
        await world.passing(GONE_S)

        for placement, row in zip(some, rows, strict=True):
            assert len(world.placed(placement.client_id)) <= 1
            if isinstance(row, Error) and row.acted is Acted.NO:
                assert world.placed(placement.client_id) == []
        assert any(isinstance(row, Error) and row.acted is Acted.MAYBE for row in rows)


# Changes


@on_every_path(ALL)
async def test_an_amended_order_is_the_same_one_with_other_numbers(world: World, path: Path) -> None:
    async with world.trading():
        placement = world.placement()
        placed = await world.account.place(placement, path)
        change = Amendment(limit_price=world.bench.price - 100, qty=world.bench.qty * 2)
        until_ns = world.account.venue_ns() + 5 * 10**9
        await world.account.amend(order(placement, placed), change, until_ns, path)

        (one,) = world.placed(placement.client_id)
        assert one.order_id == placed.order_id
        assert (one.qty, one.price) == (change.qty, change.limit_price)


@on_every_path(ALL)
async def test_what_an_amendment_leaves_out_stays_as_it_is(world: World, path: Path) -> None:
    async with world.trading():
        placement = world.placement()
        placed = await world.account.place(placement, path)
        until_ns = world.account.venue_ns() + 5 * 10**9
        only = Amendment(limit_price=world.bench.price - 100)
        await world.account.amend(order(placement, placed), only, until_ns, path)

        (one,) = world.placed(placement.client_id)
        assert (one.qty, one.price) == (world.bench.qty, only.limit_price)


@on_every_path(ALL)
async def test_what_is_gone_cannot_be_amended(world: World, path: Path) -> None:
    async with world.trading():
        placement = world.placement()
        placed = await world.account.place(placement, path)
        await world.account.cancel([OrderKey(placed.order_id)], path)
        change = Amendment(limit_price=world.bench.price - 100)
        until_ns = world.account.venue_ns() + 5 * 10**9
        with pytest.raises(Rejected):
            await world.account.amend(order(placement, placed), change, until_ns, path)

        (one,) = world.placed(placement.client_id)
        assert (one.open, one.price) == (False, world.bench.price)


@on_every_venue(venues=ALL)
async def test_what_must_not_leave_any_more_when_its_turn_by_rest_comes_stays(world: World) -> None:
    def held() -> None:
        raise Held("it is too late")

    async with world.trading():
        placement = world.placement()
        placed = await world.account.place(placement, Path.REST)
        other = replace(world.placement(), may_leave=held)
        before = world.sent()
        change = Amendment(limit_price=world.bench.price - 100)
        until_ns = world.account.venue_ns() + 5 * 10**9
        for request in (
            world.account.place(other, Path.REST),
            world.account.place_batch([other, world.placement()], Path.REST),
            world.account.amend(order(placement, placed), change, until_ns, Path.REST, held),
        ):
            with pytest.raises(Held, match="it is too late"):
                await request

        assert world.sent() == before
        (one,) = world.placed(placement.client_id)
        assert one.price == world.bench.price


@on_every_path(ALL)
async def test_an_amendment_without_an_answer_may_have_acted(world: World, path: Path) -> None:
    async with world.trading():
        placement = world.placement()
        placed = await world.account.place(placement, path)
        world.lose_an_answer()
        change = Amendment(limit_price=world.bench.price - 100)
        until_ns = world.account.venue_ns() + 5 * 10**9
        with pytest.raises(Error) as caught:
            await world.account.amend(order(placement, placed), change, until_ns, path)

        assert caught.value.acted is Acted.MAYBE
        assert len(world.placed(placement.client_id)) == 1


@on_every_path(ALL)
async def test_a_replacement_is_made_in_one_request_or_refused_before_it_leaves(
    world: World, path: Path
) -> None:
    async with world.trading():
        first = world.placement()
        placed = await world.account.place(first, path)
        second = world.placement(world.bench.limit(limit_price=world.bench.price - 100))
        before = world.sent()
        try:
            replaced = await world.account.replace(placed.order_id, second, path)
        except Error as error:
            assert error.acted is Acted.NO
            assert [one.order_id for one in world.open()] == [placed.order_id]
            if isinstance(error, CheckFailed):
                assert world.sent() == before
        else:
            assert [one.order_id for one in world.open()] == [replaced.order_id]
            assert world.sent() == before + 1


# Cancels


@on_every_path(ALL)
async def test_each_cancel_is_answered_in_its_place(world: World, path: Path) -> None:
    async with world.trading():
        some = [world.placement() for _ in range(3)]
        placed = [await world.account.place(one, path) for one in some]
        await world.account.cancel([OrderKey(placed[1].order_id)], path)
        keys = [OrderKey(one.order_id, None, None, world.bench.symbol) for one in placed]
        told = await world.account.cancel(keys, path)

        assert world.open() == []
        assert [outcome is None for outcome in told][1] is False
        assert len(told) == 3


@on_every_path(ALL)
async def test_an_order_is_cancelled_by_its_client_id(world: World, path: Path) -> None:
    async with world.trading():
        placement = world.placement()
        await world.account.place(placement, path)
        key = OrderKey(client_id=placement.client_id, symbol=world.bench.symbol)

        assert await world.account.cancel([key], path) == [None]
        assert world.open() == []


@on_every_path(ALL)
async def test_a_refused_cancel_is_no_verdict_and_the_look_up_is(world: World, path: Path) -> None:
    async with world.trading():
        placement = world.placement()
        placed = await world.account.place(placement, path)
        world.take(placement.client_id, world.bench.qty)
        (refused,) = await world.account.cancel([OrderKey(placed.order_id)], path)

        assert isinstance(refused, VenueError)
        reports = await evidence(world, placement)
        assert reports[-1].state is OrderState.FILLED
        assert reports[-1].filled_qty == world.bench.qty


@on_every_path()
async def test_the_error_of_a_cancel_says_whether_it_may_have_acted(world: WireWorld, path: Path) -> None:
    async def failing(key: OrderKey) -> Error:
        try:
            (told,) = await world.account.cancel([key], path)
        except Error as error:
            return error
        assert told is not None, "it was taken"
        return told

    async with world.trading():
        placed = await world.account.place(world.placement(), path)
        key = OrderKey(placed.order_id)
        world.unreachable(for_s=5)
        await world.passing(1)
        assert (await failing(key)).acted is Acted.NO
        await world.until(world.account.can_stream, 60)
        assert len(world.open()) == 1
        world.lose_an_answer()
        assert (await failing(key)).acted is Acted.MAYBE


@on_every_path(ALL)
async def test_to_cancel_everything_means_everything(world: World, path: Path) -> None:
    async with world.trading():
        for _ in range(3):
            await world.account.place(world.placement(), path)
        waiting = world.bench.limit(
            side=Side.SELL, kind=OrderKind.STOP_LOSS, limit_price=None, trigger=Trigger(Decimal("61500.0"))
        )
        await world.account.place(world.placement(waiting), path)
        assert len(world.open()) == 4

        assert await world.account.cancel_all(path) == 4
        await world.passing(5)
        assert world.open() == []
        assert await world.account.cancel_all(path) == 0


@on_every_path()
async def test_the_dead_mans_switch_strikes_unless_it_is_set_again(world: WireWorld, path: Path) -> None:
    async with world.trading():
        symbols = [world.bench.symbol]
        await world.account.place(world.placement(), path)
        await world.account.dead_man(30, symbols, path)
        await world.passing(20)
        await world.account.dead_man(30, symbols, path)
        await world.passing(20)
        assert len(world.open()) == 1
        await world.passing(15)
        assert world.open() == []


@on_every_path()
async def test_the_dead_mans_switch_that_is_disarmed_does_not_strike(world: WireWorld, path: Path) -> None:
    async with world.trading():
        symbols = [world.bench.symbol]
        await world.account.place(world.placement(), path)
        await world.account.dead_man(30, symbols, path)
        await world.account.dead_man(0, symbols, path)
        await world.passing(60)

        assert len(world.open()) == 1


@on_every_venue(venues=ALL)
async def test_what_has_left_cannot_be_taken_back(world: World) -> None:
    async with world.trading():
        placement = world.placement()
        assert not world.account.take_back(placement.client_id)
        await world.account.place(placement, Path.REST)

        assert not world.account.take_back(placement.client_id)
        assert len(world.open()) == 1


@on_every_venue()
async def test_what_waits_on_our_side_can_be_taken_back_and_its_sender_hears_of_it(world: WireWorld) -> None:
    async with world.trading():
        some = [world.placement() for _ in range(8)]
        tasks = [world.beginning(world.account.place(one, Path.REST)) for one in some]
        await world.passing(0.01)
        assert world.account.take_back(some[-1].client_id)
        with pytest.raises(Refused) as caught:
            await tasks[-1]
        assert caught.value.acted is Acted.NO
        for task in tasks[:-1]:
            task.cancel()
        await world.passing(GONE_S)

        assert world.placed(some[-1].client_id) == []


# Counting


@on_every_venue()
async def test_the_order_counter_tells_when_there_is_room_again_and_cancels_never_wait(
    world: WireWorld,
) -> None:
    async with world.trading():
        charged = 0
        while (delay_s := world.account.charge(world.bench.symbol, Action.ADD)) == 0.0:
            charged += 1
            assert charged < 10_000
        assert charged > 10
        assert delay_s > 0
        assert world.account.charge(world.bench.symbol, Action.CANCEL) == 0.0
        assert world.account.charge(world.bench.symbol, Action.CANCEL, 5, 0) == 0.0
        for _ in range(100):
            if (delay_s := world.account.charge(world.bench.symbol, Action.ADD)) == 0.0:
                break
            await world.passing(delay_s + 0.001)
        assert delay_s == 0.0


@on_every_venue()
async def test_what_does_not_fit_is_not_charged(world: WireWorld) -> None:
    async with world.trading():
        while world.account.charge(world.bench.symbol, Action.ADD) == 0.0:
            pass
        delay_s = world.account.charge(world.bench.symbol, Action.ADD)
        for _ in range(2000):
            world.account.charge(world.bench.symbol, Action.ADD)

        assert world.account.charge(world.bench.symbol, Action.ADD) == delay_s
        await world.passing(delay_s + 0.01)
        assert world.account.charge(world.bench.symbol, Action.ADD) == 0.0


# Look-ups


@on_every_path()
async def test_a_look_up_tells_fills_first_each_once_and_none_that_is_known(
    world: WireWorld, path: Path
) -> None:
    async with world.trading():
        placement = world.placement()
        placed = await world.account.place(placement, path)
        half = world.bench.qty / 2
        world.take(placement.client_id, half)
        world.take(placement.client_id, half)
        reports = await evidence(world, placement)

        assert [one.event for one in reports[:2]] == [Event.FILL] * 2
        assert {one.order_id for one in reports} == {placed.order_id}
        fills = [one.fill for one in reports if one.fill is not None]
        assert len({fill.exec_id for fill in fills}) == 2
        assert [fill.qty for fill in fills] == [half, half]
        assert [fill.price for fill in fills] == [world.bench.price] * 2
        assert reports[-1].event is Event.STANDS
        assert reports[-1].snapshot
        assert reports[-1].state is OrderState.FILLED
        known = tuple(fill.exec_id for fill in fills)
        again = await evidence(world, placement, known)
        assert [one for one in again if one.fill is not None] == []
        assert again[-1].filled_qty == world.bench.qty


@on_every_venue(venues=ALL)
async def test_of_what_it_never_had_the_venue_tells_nothing(world: World) -> None:
    async with world.trading():
        assert await evidence(world, world.placement()) == []


@on_every_venue()
async def test_a_look_up_says_when_its_first_request_leaves(world: WireWorld) -> None:
    async with world.trading():
        placement = world.placement()
        await world.account.place(placement, Path.REST)
        left: list[int] = []
        key = OrderKey(client_id=placement.client_id, symbol=world.bench.symbol)
        began = len(world.asked)
        await world.account.find(
            key, world.account.venue_ns() - 10**9, (), lambda: left.append(len(world.asked))
        )

        assert left
        assert min(left) - began <= 1


@on_every_venue()
async def test_a_look_up_that_fails_proves_nothing_and_says_so(world: WireWorld) -> None:
    async with world.trading():
        placement = world.placement()
        await world.account.place(placement, Path.REST)
        world.fault(kind="REFUSE", route="rest")
        with pytest.raises(Error):
            await evidence(world, placement)
        world.heal()
        world.fault(kind="REPLY", path="", status=503, body="")
        with pytest.raises(Error):
            await evidence(world, placement)
        world.heal()


# The venue's clock


@on_every_venue()
async def test_while_the_venues_clock_is_unknown_no_deadline_has_passed(world: WireWorld) -> None:
    assert not world.account.passed(0, 0.0)


@on_every_venue(venues=ALL)
async def test_a_deadline_has_passed_when_the_venues_clock_is_certainly_beyond_it(world: World) -> None:
    async with world.trading():
        await world.passing(30)
        assert abs(world.account.venue_ns() - world.venue_ns) < 10**9
        assert world.account.passed(world.venue_ns - 60 * 10**9, 1.0)
        assert not world.account.passed(world.venue_ns, 0.0)
        assert not world.account.passed(world.venue_ns - 60 * 10**9, 61.0)


@on_every_venue()
async def test_a_step_of_this_machines_clock_moves_no_deadline(world: WireWorld) -> None:
    async with world.trading():
        await world.passing(30)
        for step_s in (3600, -7200):
            world.clock.step_wall(step_s)
            assert abs(world.account.venue_ns() - world.venue_ns) < 10**9
            assert not world.account.passed(world.venue_ns, 0.0)


# Checks


@on_every_venue()
async def test_what_the_venue_would_refuse_is_refused_before_it_is_sent(world: WireWorld) -> None:
    await world.market.load()
    before = world.requests()
    limit = world.bench.limit
    tick = world.market.reference.instrument(world.bench.symbol).tick
    world.account.check(limit())
    for wrong in (
        limit(limit_price=world.bench.price + tick / 10),
        limit(limit_price=-world.bench.price),
        limit(limit_price=None),
        limit(qty=Decimal("0.000000001")),
        limit(qty=Decimal(0)),
        limit(qty=Decimal("-0.01")),
        limit(qty=None),
        limit(qty=Decimal("NaN")),
        limit(qty=Decimal("Infinity")),
        limit(qty=Decimal("1E+999999")),
        limit(kind=OrderKind.STOP_LOSS, limit_price=None),
        limit(kind=OrderKind.LIMIT, trigger=Trigger(world.bench.price)),
    ):
        with pytest.raises(CheckFailed) as caught:
            world.account.check(wrong)
        assert str(caught.value)

    assert world.requests() == before


@on_every_venue()
async def test_orders_of_a_symbol_go_by_one_name_however_it_is_spelt(world: WireWorld) -> None:
    await world.market.load()
    for spelling in (world.bench.symbol, *world.bench.spellings):
        assert world.account.spelled(spelling) == world.bench.symbol
    with pytest.raises(UnknownSymbol):
        world.account.spelled(world.bench.misspelt)


@on_every_venue(venues=ALL)
async def test_an_order_of_an_unknown_symbol_is_refused_with_the_nearest(world: World) -> None:
    await world.market.load()

    with pytest.raises(UnknownSymbol) as caught:
        world.account.check(world.bench.limit(symbol=world.bench.misspelt))
    assert world.bench.symbol in caught.value.nearest


@on_every_venue()
async def test_an_amendment_is_checked_like_an_order(world: WireWorld) -> None:
    await world.market.load()
    standing = order(world.placement(), Placed("1"))
    tick = world.market.reference.instrument(world.bench.symbol).tick
    world.account.check_amendment(standing, Amendment(limit_price=world.bench.price - 100))

    for wrong in (
        Amendment(limit_price=world.bench.price + tick / 10),
        Amendment(qty=Decimal("0.000000001")),
        Amendment(qty=Decimal("-1")),
    ):
        with pytest.raises(CheckFailed):
            world.account.check_amendment(standing, wrong)


@on_every_venue(venues=ALL)
async def test_a_market_order_of_the_largest_size_passes_and_a_larger_one_is_refused_here(
    world: World,
) -> None:
    async with world.trading():
        most = world.account.market_qty_max(world.bench.symbol)
        largest = world.bench.limit(kind=OrderKind.MARKET, limit_price=None, qty=most or ENORMOUS)
        world.account.check(largest)
        if most is not None:
            with pytest.raises(CheckFailed, match="the most is"):
                world.account.check(structs.replace(largest, qty=most + world.bench.qty))

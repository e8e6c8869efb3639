from __future__ import annotations

import asyncio
import json

import pytest

from account_rig import virtual
from binance_orders import (
    BTC,
    ETH,
    News,
    OrdersRig,
    ScriptedApi,
    algo,
    d,
    limit,
    no,
    ok,
    placement,
    refuse,
    row,
)
from leadline.clock import NS_PER_S
from leadline.errors import (
    Acted,
    CheckFailed,
    ConnectFailed,
    ConnectionLost,
    RateLimited,
    Refused,
    Rejected,
    UnknownSymbol,
    VenueDown,
)
from leadline.model.market import Side
from leadline.model.order import Amendment, Order, OrderKey, OrderKind, OrderState, Trigger
from leadline.venues.ports import Action, Path, Placed

PLACE = "POST /fapi/v1/order"
BATCH = "POST /fapi/v1/batchOrders"
ALGO = "POST /fapi/v1/algoOrder"
COUNTDOWN = "POST /fapi/v1/countdownCancelAll"
STOP = limit(kind=OrderKind.STOP_LOSS, side=Side.SELL, limit_price=None, trigger=Trigger(d("75000")))
OPEN = Order(
    client_id="ours-1",
    symbol=BTC,
    side=Side.BUY,
    kind=OrderKind.LIMIT,
    state=OrderState.WORKING,
    order_id="BTCUSDT:7",
    qty=d("0.010"),
    limit_price=d("80000.0"),
)


def streaming() -> tuple[OrdersRig, ScriptedApi]:
    rig = OrdersRig()
    api = ScriptedApi(rig)
    rig.entry.carry(News())  # type: ignore[arg-type]
    return rig, api


@virtual
async def test_an_order_leaves_on_the_way_it_is_told_and_on_no_other() -> None:
    rig, api = streaming()
    api.reply("order.place", row(7))
    rig.http.reply(PLACE, ok(row(8)))
    assert await rig.entry.place(placement(), Path.STREAM) == Placed("BTCUSDT:7")
    assert rig.http.names() == []
    assert await rig.entry.place(placement(), Path.REST) == Placed("BTCUSDT:8")
    assert len(api.asked) == 1


@virtual
async def test_requests_leave_on_the_stream_only_while_the_accounts_news_flows() -> None:
    rig = OrdersRig()
    api = ScriptedApi(rig)
    assert not rig.entry.can_stream()
    news = News()
    rig.entry.carry(news)  # type: ignore[arg-type]
    assert rig.entry.can_stream()
    news.flows = False
    assert not rig.entry.can_stream()
    news.flows = True
    api.session.closed("cut", rig.clock.mono_ns())
    assert not rig.entry.can_stream()


@virtual
async def test_an_order_that_waits_for_a_trigger_goes_to_the_algo_endpoint() -> None:
    rig, api = streaming()
    rig.http.reply(ALGO, ok(algo(9)))
    api.reply("algoOrder.place", algo(10))
    assert await rig.entry.place(placement(STOP), Path.REST) == Placed("algo:9")
    assert await rig.entry.place(placement(STOP), Path.STREAM) == Placed("algo:10")


@virtual
async def test_an_order_to_be_validated_is_tested_and_never_placed() -> None:
    rig, api = streaming()
    rig.http.reply("POST /fapi/v1/order/test", ok())
    assert await rig.entry.place(placement(limit(validate=True)), Path.STREAM) == Placed("")
    assert api.asked == []


@virtual
async def test_a_client_id_that_the_venue_does_not_take_never_leaves() -> None:
    rig = OrdersRig()
    with pytest.raises(CheckFailed, match="1 to 36"):
        await rig.entry.place(placement(name="a b"), Path.REST)
    with pytest.raises(CheckFailed, match="1 to 36"):
        await rig.entry.place_batch([placement(), placement(name="")], Path.REST)
    assert rig.http.asked == []


@virtual
async def test_a_name_that_stands_already_means_that_the_first_attempt_lives() -> None:
    rig = OrdersRig()
    rig.http.reply(PLACE, refuse(-4116, "ClientOrderId is duplicated."))
    with pytest.raises(Rejected) as caught:
        await rig.entry.place(placement(), Path.REST)
    assert caught.value.acted is Acted.MAYBE


@virtual
async def test_too_many_orders_hold_the_next_ones_back() -> None:
    rig = OrdersRig()
    text = "Too many new orders; current limit is 300 orders per TEN_SECONDS."
    rig.http.reply(PLACE, refuse(-1015, text, 429))
    assert rig.entry.charge(BTC, Action.ADD) == 0
    with pytest.raises(RateLimited):
        await rig.entry.place(placement(), Path.REST)
    assert 0 < rig.entry.charge(BTC, Action.ADD) <= 11
    assert rig.entry.charge(BTC, Action.CANCEL) == 0


# Batches


@virtual
async def test_a_batch_by_rest_is_one_request_and_on_the_stream_as_many_as_it_has_orders() -> None:
    rig, api = streaming()
    rig.http.reply(BATCH, ok([row(7), {"code": -2019, "msg": "Margin is insufficient."}]))
    batch = [placement(), placement(name="b")]
    first, second = await rig.entry.place_batch(batch, Path.REST)
    assert first == Placed("BTCUSDT:7")
    assert isinstance(second, Rejected)
    assert len(json.loads(rig.http.fields()["batchOrders"])) == 2
    api.reply("order.place", row(8), no(-2019))
    first, second = await rig.entry.place_batch(batch, Path.STREAM)
    assert first == Placed("BTCUSDT:8")
    assert isinstance(second, Rejected)
    assert [params["newClientOrderId"] for _, params in api.asked] == ["ours-1", "b"]


@virtual
async def test_of_a_batch_on_the_stream_only_what_got_no_answer_is_in_doubt() -> None:
    rig, api = streaming()
    api.reply("order.place", row(8), None)
    first, second = await rig.entry.place_batch([placement(), placement(name="b")], Path.STREAM)
    assert first == Placed("BTCUSDT:8")
    assert isinstance(second, VenueDown)
    assert second.acted is Acted.MAYBE


@virtual
async def test_a_batch_with_a_trigger_in_it_is_single_requests_each_with_its_own_fate() -> None:
    rig = OrdersRig()
    rig.http.reply(PLACE, ok(row(7)))
    rig.http.reply(ALGO, ConnectionLost("cut"), ok(algo(9)))
    batch = [placement(), placement(STOP, "b"), placement(STOP, "ours-1")]
    first, second, third = await rig.entry.place_batch(batch, Path.REST)
    assert (first, third) == (Placed("BTCUSDT:7"), Placed("algo:9"))
    assert isinstance(second, VenueDown)
    assert second.acted is Acted.MAYBE
    assert rig.http.names() == [PLACE, ALGO, ALGO]


@virtual
async def test_a_batch_of_one_is_an_order() -> None:
    rig = OrdersRig()
    rig.http.reply(PLACE, ok(row(7)), refuse(-2019, "Margin is insufficient."))
    assert await rig.entry.place_batch([placement()], Path.REST) == [Placed("BTCUSDT:7")]
    (refused,) = await rig.entry.place_batch([placement()], Path.REST)
    assert isinstance(refused, Rejected)


@virtual
async def test_a_batch_on_a_stream_that_is_down_has_not_left_at_all() -> None:
    rig = OrdersRig()
    with pytest.raises(ConnectFailed):
        await rig.entry.place_batch([placement(), placement(name="b")], Path.STREAM)


# Changes


@virtual
async def test_an_order_that_the_venue_ends_instead_of_changing_it_is_not_taken_for_changed() -> None:
    rig, api = streaming()
    ended = row(7, status="CANCELED")
    api.reply("order.modify", ended)
    rig.http.reply("PUT /fapi/v1/order", ok(ended))
    for path in Path:
        with pytest.raises(Rejected, match="in place of changing it") as caught:
            until_ns = rig.entry.venue_ns() + 2 * NS_PER_S
            await rig.entry.amend(OPEN, Amendment(limit_price=d("99000.0")), until_ns, path)
        assert caught.value.acted is Acted.MAYBE
    assert rig.rest.breaker.failing(rig.clock.mono_ns()) == 0


@virtual
async def test_a_change_tells_price_and_quantity_both_on_either_way() -> None:
    rig, api = streaming()
    rig.http.reply("PUT /fapi/v1/order", ok(row(7)))
    api.reply("order.modify", row(7))
    until_ns = rig.clock.wall_ns() + 2 * NS_PER_S
    for path in Path:
        await rig.entry.amend(OPEN, Amendment(limit_price=d("79000.0")), until_ns, path)
    assert rig.http.fields() == {
        "symbol": "BTCUSDT", "orderId": "7", "side": "BUY", "quantity": "0.01", "price": "79000",
    }  # fmt: skip
    ((_, params),) = api.asked
    assert (params["orderId"], params["quantity"], params["price"]) == (7, "0.01", "79000")


@virtual
async def test_there_is_no_replacing() -> None:
    rig = OrdersRig()
    with pytest.raises(CheckFailed, match="replaces no order"):
        await rig.entry.replace("BTCUSDT:7", placement(), Path.REST)


@virtual
async def test_requests_and_changes_are_held_against_the_contract_before_anything_leaves() -> None:
    rig = OrdersRig()
    rig.entry.check(limit())
    with pytest.raises(CheckFailed):
        rig.entry.check(limit(qty=d("0.0105")))
    with pytest.raises(UnknownSymbol):
        rig.entry.check(limit(symbol="DOGE/USDT:USDT"))
    rig.entry.check_amendment(OPEN, Amendment(qty=d("0.02")))
    with pytest.raises(CheckFailed):
        rig.entry.check_amendment(OPEN, Amendment(qty=d("0.0205")))
    assert not rig.entry.needs_userref(limit())
    assert rig.http.asked == []


@virtual
async def test_a_placement_that_has_not_left_is_taken_back() -> None:
    rig = OrdersRig()
    rig.http.reply(PLACE, ok(row(7)))
    rig.http.answer_s = 1.0
    placing = asyncio.create_task(rig.entry.place(placement(until_s=30.0), Path.REST))
    await asyncio.sleep(0.1)  # the clock is asked for first
    assert rig.entry.take_back("ours-1")
    with pytest.raises(Refused):
        await placing
    assert rig.http.names() == []
    assert not rig.entry.take_back("ours-1")


@virtual
async def test_an_order_whose_timestamp_was_refused_can_be_taken_back_before_it_goes_again() -> None:
    rig = OrdersRig()
    rig.http.reply(
        PLACE, refuse(-1021, "Timestamp for this request is outside of the recvWindow."), ok(row(7))
    )
    await rig.rest.learn_time()
    rig.http.answer_s = 1.0
    placing = asyncio.create_task(rig.entry.place(placement(until_s=30.0), Path.REST))
    await asyncio.sleep(0.5)
    assert not rig.entry.take_back("ours-1")  # it is on its way
    await asyncio.sleep(1.0)  # it was refused, and the clock is asked for
    assert rig.entry.take_back("ours-1")
    with pytest.raises(Refused):
        await placing
    assert rig.http.names() == [PLACE]


@virtual
async def test_what_waits_behind_another_of_its_batch_can_be_taken_back() -> None:
    rig = OrdersRig()
    rig.http.reply(ALGO, ok(algo(9)))
    rig.http.answer_s = 1.0
    await rig.rest.learn_time()
    both = [placement(STOP, "ours-1", 30.0), placement(STOP, "ours-2", 30.0)]
    placing = asyncio.create_task(rig.entry.place_batch(both, Path.REST))
    await asyncio.sleep(0.5)
    assert not rig.entry.take_back("ours-1")
    assert rig.entry.take_back("ours-2")
    first, second = await placing
    assert first == Placed("algo:9")
    assert isinstance(second, VenueDown)
    assert second.acted is Acted.NO
    assert rig.http.names() == [ALGO]


# The dead-man switch


@virtual
async def test_the_switch_is_armed_for_each_symbol_with_orders_and_disarmed_where_they_are_gone() -> None:
    rig = OrdersRig()
    rig.http.reply(COUNTDOWN, ok())
    await rig.entry.dead_man(60, {BTC, ETH}, Path.STREAM)
    await asyncio.sleep(20)
    await rig.entry.dead_man(60, {ETH}, Path.STREAM)
    await rig.entry.dead_man(0, (), Path.STREAM)
    await rig.entry.dead_man(0, (), Path.STREAM)
    told = [
        (fields["symbol"], fields["countdownTime"]) for name, fields in rig.http.asked if name == COUNTDOWN
    ]
    assert told == [
        ("BTCUSDT", "60000"), ("ETHUSDT", "60000"), ("BTCUSDT", "0"), ("ETHUSDT", "60000"), ("ETHUSDT", "0"),
    ]  # fmt: skip


@virtual
async def test_a_switch_of_which_the_answer_was_lost_is_disarmed_all_the_same() -> None:
    rig = OrdersRig()
    rig.http.reply(COUNTDOWN, ConnectionLost("cut"), ok())
    with pytest.raises(ConnectionLost):
        await rig.entry.dead_man(60, {BTC}, Path.REST)
    await rig.entry.dead_man(0, (), Path.REST)
    assert rig.http.fields() == {"symbol": "BTCUSDT", "countdownTime": "0"}


def switched(rig: OrdersRig) -> list[tuple[str, str]]:
    asked = [fields for name, fields in rig.http.asked if name == COUNTDOWN]
    return [(fields["symbol"], fields["countdownTime"]) for fields in asked]


@virtual
async def test_a_symbol_that_the_venue_refuses_keeps_no_other_from_being_armed() -> None:
    rig = OrdersRig()
    rig.http.reply(COUNTDOWN, refuse(-4141, "Symbol is closed."), ok())
    with pytest.raises(VenueDown, match="-4141 Symbol is closed") as caught:
        await rig.entry.dead_man(60, {BTC, ETH}, Path.REST)
    assert caught.value.acted is Acted.MAYBE  # another symbol is armed: whoever leaves must disarm it
    await rig.entry.dead_man(0, (), Path.REST)
    assert switched(rig) == [("BTCUSDT", "60000"), ("ETHUSDT", "60000"), ("ETHUSDT", "0")]


@virtual
async def test_one_that_cannot_be_disarmed_keeps_no_other_armed() -> None:
    rig = OrdersRig()
    rig.http.reply(COUNTDOWN, ok(), ok(), ConnectFailed("no way"), ok())
    await rig.entry.dead_man(60, {BTC, ETH}, Path.REST)
    with pytest.raises(ConnectFailed):
        await rig.entry.dead_man(0, (), Path.REST)
    await rig.entry.dead_man(0, (), Path.REST)
    assert switched(rig)[2:] == [("BTCUSDT", "0"), ("ETHUSDT", "0"), ("BTCUSDT", "0")]


@virtual
async def test_a_contract_that_is_listed_no_more_keeps_no_other_from_being_armed() -> None:
    rig = OrdersRig()
    rig.http.reply(COUNTDOWN, refuse(-1121, "Invalid symbol."), ok())
    with pytest.raises(VenueDown, match="-1121"):
        await rig.entry.dead_man(60, {"AAAUSDT", BTC}, Path.REST)
    assert switched(rig) == [("AAAUSDT", "60000"), ("BTCUSDT", "60000")]


@virtual
async def test_a_switch_that_the_venue_does_not_have_any_more_is_forgotten() -> None:
    rig = OrdersRig()
    rig.http.reply(COUNTDOWN, ok(), refuse(-1121, "Invalid symbol."))
    await rig.entry.dead_man(60, {BTC}, Path.REST)
    with pytest.raises(Rejected):
        await rig.entry.dead_man(0, (), Path.REST)
    await rig.entry.dead_man(0, (), Path.REST)
    assert len(switched(rig)) == 2


@virtual
async def test_what_was_armed_a_moment_ago_is_not_armed_again_for_a_new_symbol() -> None:
    rig = OrdersRig()
    rig.http.reply(COUNTDOWN, ok())
    await rig.entry.dead_man(60, {BTC}, Path.REST)
    await asyncio.sleep(1)
    await rig.entry.dead_man(60, {BTC, ETH}, Path.REST)
    await asyncio.sleep(6)
    await rig.entry.dead_man(60, {BTC, ETH}, Path.REST)
    names = [name for name, _ in switched(rig)]
    assert names == ["BTCUSDT", "ETHUSDT", "BTCUSDT", "ETHUSDT"]


# The clock


@virtual
async def test_a_deadline_has_passed_only_when_the_venues_clock_certainly_has() -> None:
    rig = OrdersRig()
    deadline_ns = rig.clock.wall_ns()
    rig.http.ahead_ns = 5 * NS_PER_S
    assert not rig.entry.passed(deadline_ns, 1.0)
    await rig.rest.learn_time()
    assert rig.entry.passed(deadline_ns, 1.0)
    assert not rig.entry.passed(deadline_ns, 6.0)
    assert abs(rig.entry.venue_ns() - rig.clock.wall_ns() - 5 * NS_PER_S) < NS_PER_S // 10


@virtual
async def test_the_venues_own_counts_of_orders_are_heeded() -> None:
    rig = OrdersRig()
    rig.http.reply(PLACE, ok(row(7), **{"X-MBX-ORDER-COUNT-10S": "240", "X-MBX-ORDER-COUNT-1M": "240"}))
    await rig.entry.place(placement(), Path.REST)
    assert rig.entry.charge(BTC, Action.ADD) > 0


@virtual
async def test_an_order_is_looked_for_in_its_own_id_space() -> None:
    rig = OrdersRig()
    rig.http.reply("GET /fapi/v1/algoOrder", ok(algo(9)))
    (report,) = await rig.entry.find(OrderKey(None, "ours-1", symbol=BTC, conditional=True), 0)
    assert report.order_id == "algo:9"


@virtual
async def test_the_largest_market_order_is_the_contracts() -> None:
    rig = OrdersRig()
    most = rig.entry.market_qty_max(BTC)
    assert most is not None
    request = limit(kind=OrderKind.MARKET, limit_price=None, reduce_only=True, qty=most)
    rig.entry.check(request)
    with pytest.raises(CheckFailed, match="the most is"):
        rig.entry.check(
            limit(kind=OrderKind.MARKET, limit_price=None, reduce_only=True, qty=most + d("0.001"))
        )

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from account_rig import WALL_NS, AccountRig, virtual
from leadline.clock import NS_PER_S
from leadline.errors import ConnectFailed, ConnectionLost, Rejected
from leadline.model.order import Event, OrderKey, OrderState
from leadline.net.http import Purpose
from private_frames import rest_order as order
from private_frames import rest_trade as trade

OURS = OrderKey(client_id="ours-1")


async def find(rig: AccountRig, key: OrderKey = OURS) -> list[tuple[Event, str]]:
    found = await rig.account.find(key, WALL_NS)
    return [(report.event, report.order_id) for report in found]


@virtual
async def test_an_open_order_is_found_by_its_client_id() -> None:
    rig = AccountRig()
    rig.venue.reply("OpenOrders", {"open": {"OA": order()}})
    assert await find(rig) == [(Event.STANDS, "OA")]
    asked = dict(rig.venue.asked)
    assert asked["OpenOrders"]["cl_ord_id"] == "ours-1"
    assert rig.http.counts == {Purpose.LOOKUP: 1}


@virtual
async def test_a_closed_order_is_found_and_its_fills_come_first() -> None:
    rig = AccountRig()
    rig.venue.reply("OpenOrders", {"open": {}})
    closed = order(status="closed", closetm=1790000001.25, vol_exec="0.50000000", trades=["TA"])
    rig.venue.reply("ClosedOrders", {"closed": {"OA": closed}, "count": 1})
    rig.venue.reply("QueryTrades", {"TA": trade()})
    found = await rig.account.find(OURS, WALL_NS)
    assert [(report.event, report.client_id) for report in found] == [
        (Event.FILL, "ours-1"),
        (Event.STANDS, "ours-1"),
    ]
    assert found[0].fill is not None
    assert (found[0].fill.exec_id, found[0].fill.qty, found[0].state) == ("TA", Decimal("0.5"), None)
    assert found[1].state is OrderState.FILLED
    assert int(dict(rig.venue.asked)["ClosedOrders"]["start"]) < WALL_NS // NS_PER_S


@virtual
async def test_an_order_of_another_name_is_no_evidence() -> None:
    rig = AccountRig()
    rig.venue.reply("OpenOrders", {"open": {"OX": order(cl_ord_id="theirs"), "OY": order(userref=8)}})
    rig.venue.reply(
        "ClosedOrders", {"closed": {"OZ": order(cl_ord_id="theirs", status="canceled")}, "count": 1}
    )
    assert await find(rig) == [(Event.STANDS, "OY")]
    assert await find(rig, OrderKey(userref=7)) == []
    assert await find(rig, OrderKey(userref=8)) == [(Event.STANDS, "OY")]


@virtual
async def test_a_row_without_a_client_id_is_the_one_that_was_filtered_for() -> None:
    rig = AccountRig()
    rig.venue.reply("OpenOrders", {"open": {"OA": order(cl_ord_id=None)}})
    (found,) = await rig.account.find(OURS, WALL_NS)
    assert found.client_id == "ours-1"


@virtual
async def test_an_order_the_venue_does_not_know_is_nothing() -> None:
    rig = AccountRig()
    rig.venue.reply("OpenOrders", {"open": {}})
    rig.venue.reply("ClosedOrders", {"closed": {}, "count": 0})
    assert await find(rig) == []


@virtual
async def test_the_venues_own_id_is_asked_for_first_and_then_our_name() -> None:
    rig = AccountRig()
    rig.venue.reply("QueryOrders", {"OA": order()}, "EOrder:Unknown order")
    rig.venue.reply("OpenOrders", {"open": {"OB": order()}})
    key = OrderKey("OA", "ours-1")
    assert await find(rig, key) == [(Event.STANDS, "OA")]
    assert await find(rig, key) == [(Event.STANDS, "OB")]
    assert await find(rig, OrderKey("OA")) == []


@virtual
async def test_one_unknown_id_does_not_spoil_the_others() -> None:
    rig = AccountRig()
    rig.venue.reply("QueryOrders", "EOrder:Invalid order", {"OA": order()}, "EOrder:Invalid order")
    reports = await rig.account.fetch_orders(["OA", "OB"], Purpose.RECOVERY)
    assert [report.order_id for report in reports] == ["OA"]


@virtual
async def test_any_other_refusal_is_no_absence() -> None:
    rig = AccountRig()
    rig.venue.reply("QueryOrders", "EGeneral:Invalid arguments")
    with pytest.raises(Rejected):
        await find(rig, OrderKey("OA"))
    rig.venue.reply("OpenOrders", ConnectionLost("reset"))
    with pytest.raises(ConnectionLost):
        await find(rig)


@virtual
async def test_many_orders_and_fills_are_asked_for_in_as_many_requests_as_it_takes() -> None:
    rig = AccountRig()
    ids = [f"O{number}" for number in range(60)]
    fills = {f"T{number}": trade("O0") for number in range(25)}
    rig.venue.reply(
        "QueryOrders",
        {one: order(trades=list(fills) if one == "O0" else []) for one in ids[:50]},
        {one: order() for one in ids[50:]},
    )
    rig.venue.reply("QueryTrades", dict(list(fills.items())[:20]), dict(list(fills.items())[20:]))
    reports = await rig.account.fetch_orders(ids, Purpose.RECOVERY)
    assert len(reports) == 85
    assert [report.event for report in reports[:26]] == [Event.FILL] * 25 + [Event.STANDS]
    assert rig.venue.names() == ["QueryOrders", "QueryTrades", "QueryTrades", "QueryOrders"]


@virtual
async def test_a_look_up_learns_the_venues_time_when_the_stream_has_not_told_it() -> None:
    rig = AccountRig()
    rig.venue.reply("OpenOrders", {"open": {"OA": order()}})
    deadline_ns = WALL_NS - 3 * NS_PER_S
    assert not rig.account.passed(deadline_ns, 1.0)
    await find(rig)
    assert rig.venue.names()[0] == "Time"
    assert rig.account.passed(deadline_ns, 1.0)
    assert not rig.account.passed(WALL_NS, 1.0)


@virtual
async def test_a_time_that_cannot_be_had_stops_no_look_up() -> None:
    rig = AccountRig()
    rig.venue.reply("Time", ConnectFailed("no way"))
    rig.venue.reply("OpenOrders", {"open": {"OA": order()}})
    assert await find(rig) == [(Event.STANDS, "OA")]
    assert not rig.account.passed(0, 0.0)


@virtual
async def test_orders_looked_for_at_once_share_one_search() -> None:
    rig = AccountRig()
    rig.venue.reply(
        "OpenOrders",
        {"open": {"O0": order(cl_ord_id="n0")}},
        {"open": {f"O{number}": order(cl_ord_id=f"n{number}") for number in range(1, 20)}},
    )
    page = {f"O{number}": order(cl_ord_id=f"n{number}", status="canceled") for number in range(20, 70)}
    rest = {"OX": order(userref=9, cl_ord_id=None, status="canceled")}
    rig.venue.reply("ClosedOrders", {"closed": page, "count": 51}, {"closed": rest, "count": 51})
    keys = [OrderKey(client_id=f"n{number}") for number in range(71)] + [OrderKey(userref=9)]
    found = await asyncio.gather(*(rig.account.find(key, WALL_NS) for key in keys))
    assert [[report.order_id for report in reports] for reports in found] == [
        *([f"O{number}"] for number in range(70)),
        [],
        ["OX"],
    ]
    asked = [name for name in rig.venue.names() if name != "Time"]
    assert asked == ["OpenOrders", "OpenOrders", "ClosedOrders", "ClosedOrders"]


@virtual
async def test_a_search_that_fails_fails_for_all_who_share_it() -> None:
    rig = AccountRig()
    rig.venue.reply("OpenOrders", {"open": {}}, ConnectionLost("reset"))
    rig.venue.reply("ClosedOrders", {"closed": {}})
    keys = [OrderKey(client_id=f"n{number}") for number in range(4)]
    outcomes = await asyncio.gather(*(rig.account.find(key, WALL_NS) for key in keys), return_exceptions=True)
    assert [type(one) for one in outcomes] == [list, *[ConnectionLost] * 3]


@virtual
async def test_who_gives_up_leaves_the_search_to_the_others() -> None:
    rig = AccountRig()
    rig.venue.reply("OpenOrders", {"open": {"OA": order(), "OB": order(cl_ord_id="b")}})
    first = asyncio.create_task(rig.account.find(OURS, WALL_NS))
    await asyncio.sleep(0.12)
    second = asyncio.create_task(rig.account.find(OrderKey(client_id="b"), WALL_NS))
    await asyncio.sleep(0.01)
    first.cancel()
    assert [report.order_id for report in await second] == ["OB"]


@virtual
async def test_a_venue_that_does_not_count_its_rows_is_asked_until_a_short_page() -> None:
    rig = AccountRig()
    rig.venue.reply("OpenOrders", {"open": {}})
    many = {f"O{number}": order(cl_ord_id=f"n{number}", status="canceled") for number in range(50)}
    rig.venue.reply("ClosedOrders", {"closed": {}}, {"closed": many}, {"closed": {}})
    keys = [OrderKey(client_id=name) for name in ("x", "y", "z")]
    found = await asyncio.gather(*(rig.account.find(key, WALL_NS) for key in keys))
    assert [len(reports) for reports in found] == [0, 0, 0]
    assert rig.venue.names().count("ClosedOrders") == 3


@virtual
async def test_a_nameless_order_among_many_is_nobodys_until_it_is_searched_for_alone() -> None:
    rig = AccountRig()
    rig.venue.reply(
        "OpenOrders",
        {"open": {}},
        {"open": {"OA": order(cl_ord_id=None), "OB": order(cl_ord_id="b")}},
        {"open": {"OA": order(cl_ord_id=None)}},
        {"open": {}},
    )
    rig.venue.reply("ClosedOrders", {"closed": {}, "count": 0})
    names = ("x", "ours-1", "b", "c")
    found = await asyncio.gather(*(rig.account.find(OrderKey(client_id=name), WALL_NS) for name in names))
    assert [[report.order_id for report in reports] for reports in found] == [[], ["OA"], ["OB"], []]


@virtual
async def test_look_ups_by_id_that_wait_for_one_another_share_a_request() -> None:
    rig = AccountRig()
    rig.venue.reply("QueryOrders", {"OA": order()}, {"OB": order(cl_ord_id="b"), "OC": order(cl_ord_id="c")})
    found = await asyncio.gather(*(find(rig, OrderKey(one)) for one in ("OA", "OB", "OC")))
    assert found == [[(Event.STANDS, one)] for one in ("OA", "OB", "OC")]
    asked = [fields["txid"] for name, fields in rig.venue.asked if name == "QueryOrders"]
    assert asked == ["OA", "OB,OC"]


@virtual
async def test_who_gives_up_leaves_the_answer_to_the_others() -> None:
    rig = AccountRig()
    rig.venue.reply("QueryOrders", {"OA": order()})
    first = asyncio.ensure_future(find(rig, OrderKey("OA")))
    second = asyncio.ensure_future(find(rig, OrderKey("OA")))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == [(Event.STANDS, "OA")]


@virtual
async def test_fills_that_are_known_are_not_asked_for_again() -> None:
    rig = AccountRig()
    closed = order(status="closed", vol_exec="1.00000000", trades=["TA", "TB"])
    rig.venue.reply("QueryOrders", {"OA": closed}, {"OA": closed})
    rig.venue.reply("QueryTrades", {"TB": trade()})
    assert len(await rig.account.find(OrderKey("OA"), WALL_NS, {"TA", "TB"})) == 1
    assert "QueryTrades" not in rig.venue.names()
    assert len(await rig.account.find(OrderKey("OA"), WALL_NS, {"TA"})) == 2
    assert dict(rig.venue.asked)["QueryTrades"]["txid"] == "TB"


@virtual
async def test_a_question_given_up_under_way_does_not_take_the_place_of_the_next() -> None:
    rig = AccountRig()
    rig.venue.reply("QueryOrders", {"OA": order()})
    first = asyncio.ensure_future(find(rig, OrderKey("OA")))
    await asyncio.sleep(0.15)
    assert "QueryOrders" in rig.venue.names()
    second = asyncio.ensure_future(find(rig, OrderKey("OA")))
    await asyncio.sleep(0.01)
    first.cancel()
    assert await second == [(Event.STANDS, "OA")]


@virtual
async def test_a_list_that_ends_before_its_count_proves_nobody_missing() -> None:
    rig = AccountRig()
    rig.venue.reply("OpenOrders", {"open": {}})
    late = {"closed": {"O2": order(cl_ord_id="n2", status="canceled")}, "count": 1}
    rig.venue.reply("ClosedOrders", {"closed": {}, "count": 0}, {"closed": {}, "count": 1}, late)
    names = ["n0", "n1", "n2"]
    found = await asyncio.gather(*(find(rig, OrderKey(client_id=name)) for name in names))
    assert found[2] == [(Event.STANDS, "O2")]


@virtual
async def test_a_look_up_tells_when_its_first_request_leaves_not_when_it_was_asked_for() -> None:
    rig = AccountRig()
    rig.venue.reply("OpenOrders", {"open": {}})
    rig.venue.reply("ClosedOrders", {"closed": {}, "count": 0})
    left: list[int] = []
    rig.budget.spend(1e6 + 5e6, rig.clock.mono_ns())  # five seconds until anything fits
    asked_ns = rig.clock.mono_ns()
    await rig.account.find(OURS, WALL_NS, (), lambda: left.append(rig.clock.mono_ns()))
    assert len(left) == 1
    assert left[0] - asked_ns >= 5 * NS_PER_S


@virtual
async def test_all_who_share_a_search_are_told_when_it_leaves() -> None:
    rig = AccountRig()
    rig.venue.reply("OpenOrders", {"open": {}})
    rig.venue.reply("ClosedOrders", {"closed": {}, "count": 0})
    left: list[str] = []
    keys = [OrderKey(client_id=name) for name in ("one", "two", "three")]
    await asyncio.gather(
        *(rig.account.find(key, WALL_NS, (), lambda key=key: left.append(key.client_id)) for key in keys)
    )
    assert left == ["one", "two", "three"]


@virtual
async def test_a_search_for_several_reads_no_more_pages_than_it_would_cost_to_search_for_each() -> None:
    rig = AccountRig()
    rig.venue.reply("OpenOrders", {"open": {}})
    page = {f"O{number}": order(cl_ord_id=f"theirs-{number}", status="canceled") for number in range(50)}
    rig.venue.reply("ClosedOrders", {"closed": page, "count": 5_000})
    keys = [OrderKey(client_id=name) for name in ("one", "two", "three")]
    await asyncio.gather(*(rig.account.find(key, WALL_NS) for key in keys))
    unfiltered = [
        fields for name, fields in rig.venue.asked if name == "ClosedOrders" and "cl_ord_id" not in fields
    ]
    assert len(unfiltered) <= 3

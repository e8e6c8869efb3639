from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from account_rig import virtual
from binance_orders import API_KEY, OrdersRig, ScriptedApi, no, placement, row
from leadline.clock import NS_PER_S
from leadline.core.breaker import BreakerState
from leadline.errors import Acted, ConnectFailed, ConnectionLost, Held, ProtocolError, RateLimited, Rejected
from leadline.model.order import OrderKey
from leadline.net.http import Purpose
from leadline.venues.binance import trading_calls
from leadline.venues.binance.api_requests import ApiRequests
from leadline.venues.ports import Placed

PLACE = trading_calls.place(placement(), "BTCUSDT")
CANCEL = trading_calls.cancel(OrderKey("BTCUSDT:7"), "BTCUSDT")


class Rig(OrdersRig):
    def __init__(self) -> None:
        super().__init__()
        self.api = ScriptedApi(self)
        self.requests = ApiRequests(self.rest, self.limits, self.clock)
        self.requests.session = self.api.session

    def until_ns(self, seconds: float = 2.0) -> int:
        return self.clock.wall_ns() + self.http.ahead_ns + round(seconds * NS_PER_S)


@virtual
async def test_a_request_is_answered_and_ends_with_its_deadline() -> None:
    rig = Rig()
    rig.api.reply("order.place", row(7))
    until_ns = rig.until_ns()
    assert await rig.requests.ask(PLACE, Purpose.ORDER, until_ns) == Placed("BTCUSDT:7")
    ((_, params),) = rig.api.asked
    assert params["timestamp"] + params["recvWindow"] == until_ns // 1_000_000
    assert rig.api.session.outstanding == 0


@virtual
async def test_nothing_leaves_on_a_line_that_is_not_up_or_after_the_deadline() -> None:
    rig = Rig()
    with pytest.raises(Held):
        await rig.requests.ask(PLACE, Purpose.ORDER, rig.until_ns(-1))
    rig.api.session.closed("cut", rig.clock.mono_ns())
    with pytest.raises(ConnectFailed) as caught:
        await rig.requests.ask(PLACE, Purpose.ORDER, rig.until_ns())
    assert caught.value.acted is Acted.NO
    assert rig.api.asked == []


@virtual
async def test_an_answer_that_never_comes_leaves_open_whether_the_venue_has_acted() -> None:
    rig = Rig()
    rig.api.reply("order.place", None)
    with pytest.raises(ConnectionLost) as caught:
        await rig.requests.ask(PLACE, Purpose.ORDER, rig.until_ns())
    assert caught.value.acted is Acted.MAYBE
    assert rig.api.methods() == ["order.place"]
    assert rig.api.session.outstanding == 0


@virtual
async def test_an_acknowledgement_that_cannot_be_read_leaves_it_open_too() -> None:
    rig = Rig()
    rig.api.reply("order.place", {"result": {"status": "NEW"}, "status": 200})
    with pytest.raises(ProtocolError) as caught:
        await rig.requests.ask(PLACE, Purpose.ORDER, rig.until_ns())
    assert caught.value.acted is Acted.MAYBE


@virtual
async def test_a_refused_timestamp_is_measured_anew_and_the_request_sent_once_more() -> None:
    rig = Rig()
    rig.api.reply("order.place", no(-1021), row(7))
    assert await rig.requests.ask(PLACE, Purpose.ORDER, rig.until_ns()) == Placed("BTCUSDT:7")
    assert rig.api.methods() == ["order.place", "order.place"]
    assert [name for name, _ in rig.http.asked] == ["GET /fapi/v1/time"]


@virtual
async def test_what_must_not_leave_any_more_when_the_clock_has_been_measured_leaves_once_only() -> None:
    rig = Rig()
    rig.api.reply("order.place", no(-1021), row(7))

    def may_leave() -> None:
        if rig.api.asked:
            raise Held("the level has fallen")

    with pytest.raises(Held, match="the level has fallen"):
        await rig.requests.ask(replace(PLACE, may_leave=may_leave), Purpose.ORDER, rig.until_ns())
    assert rig.api.methods() == ["order.place"]


@pytest.mark.parametrize("code", [-1006, -1007, -1000, -1001, -1008, -4116])
def test_no_other_refusal_is_sent_again(code: int) -> None:
    @virtual
    async def story() -> None:
        rig = Rig()
        rig.api.reply("order.place", no(code, status=408 if code == -1007 else 400))
        with pytest.raises((Rejected, Exception)) as caught:
            await rig.requests.ask(PLACE, Purpose.ORDER, rig.until_ns())
        assert getattr(caught.value, "acted", None) is (Acted.NO if code in (-1001, -1008) else Acted.MAYBE)
        assert rig.api.methods() == ["order.place"]

    story()


@virtual
async def test_several_leave_together_and_each_has_its_own_outcome() -> None:
    rig = Rig()
    rig.api.reply("order.place", row(7), no(-2019), None)
    outcomes = await rig.requests.ask_all([PLACE] * 3, Purpose.ORDER, rig.until_ns())
    assert outcomes[0] == Placed("BTCUSDT:7")
    assert isinstance(outcomes[1], Rejected)
    assert isinstance(outcomes[2], ConnectionLost)
    assert len(rig.api.asked) == 3


@virtual
async def test_answers_that_never_come_are_waited_for_together() -> None:
    rig = Rig()
    rig.api.reply("order.place", None)
    began_ns = rig.clock.mono_ns()
    waiting = asyncio.create_task(rig.requests.ask_all([PLACE] * 5, Purpose.ORDER, rig.until_ns()))
    for _ in range(6):  # the line lives: it is the answers that do not come
        await asyncio.sleep(1)
        rig.api.session.woke(rig.clock.mono_ns())
        rig.api.drain()
    assert waiting.done()
    assert rig.clock.mono_ns() - began_ns < 7 * NS_PER_S
    assert all(isinstance(one, ConnectionLost) for one in await waiting)


@virtual
async def test_whoever_gives_up_several_leaves_none_of_them_waiting() -> None:
    rig = Rig()
    rig.api.reply("order.place", None)
    waiting = asyncio.create_task(rig.requests.ask_all([PLACE] * 3, Purpose.ORDER, rig.until_ns()))
    await asyncio.sleep(0.1)
    assert rig.api.session.outstanding == 3
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert rig.api.session.outstanding == 0


@virtual
async def test_of_several_only_those_with_a_refused_timestamp_leave_again() -> None:
    rig = Rig()
    rig.api.reply("order.place", no(-1021), row(8), row(9))
    outcomes = await rig.requests.ask_all([PLACE] * 2, Purpose.ORDER, rig.until_ns())
    assert outcomes == [Placed("BTCUSDT:9"), Placed("BTCUSDT:8")]
    assert len(rig.api.asked) == 3


@virtual
async def test_several_on_a_line_that_is_not_up_have_all_not_left() -> None:
    rig = Rig()
    rig.api.session.closed("cut", rig.clock.mono_ns())
    with pytest.raises(ConnectFailed):
        await rig.requests.ask_all([PLACE] * 2, Purpose.ORDER, rig.until_ns())


@virtual
async def test_a_limit_told_on_this_way_holds_on_both() -> None:
    rig = Rig()
    rig.api.reply("order.cancel", no(-1003, "Too many requests.", 429))
    with pytest.raises(RateLimited):
        await rig.requests.ask(CANCEL, Purpose.CANCEL)
    assert rig.breaker.state(rig.clock.mono_ns()) is BreakerState.OPEN
    now_ns = rig.clock.mono_ns()
    earliest_ns, latest_ns = rig.address.venue_bounds_ns(now_ns)
    assert earliest_ns < latest_ns
    certain_s = ((latest_ns // (60 * NS_PER_S) + 1) * 60 * NS_PER_S - earliest_ns) / NS_PER_S
    assert rig.address.weight.delay_s(0.0, now_ns) == pytest.approx(certain_s, abs=1e-6)


@virtual
async def test_too_many_orders_hold_new_orders_back_and_nothing_else() -> None:
    rig = Rig()
    rig.api.reply(
        "order.place", no(-1015, "Too many new orders; current limit is 300 orders per TEN_SECONDS.", 429)
    )
    with pytest.raises(RateLimited):
        await rig.requests.ask(PLACE, Purpose.ORDER, rig.until_ns())
    assert rig.breaker.state(rig.clock.mono_ns()) is BreakerState.CLOSED
    assert rig.limits.in_10_s.delay_s(1.0, rig.clock.mono_ns()) > 0


@virtual
async def test_the_audit_has_every_request_without_the_key() -> None:
    rig = Rig()
    rig.api.reply("order.place", row(7))
    await rig.requests.ask(PLACE, Purpose.ORDER, rig.until_ns())
    (entry,) = rig.audit.operations
    assert "order.place by stream for order: ok" in str(entry)
    assert API_KEY not in str(entry)


@virtual
async def test_a_line_that_breaks_between_two_tells_each_what_became_of_it() -> None:
    rig = Rig()
    rig.api.session.poke = lambda: rig.api.session.closed("cut", rig.clock.mono_ns())
    first, second = await rig.requests.ask_all([PLACE] * 2, Purpose.ORDER, rig.until_ns())
    assert isinstance(first, ConnectionLost)
    assert isinstance(second, ConnectFailed)
    assert (first.acted, second.acted) == (Acted.MAYBE, Acted.NO)

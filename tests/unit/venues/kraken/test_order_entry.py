from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import pytest

from account_rig import WALL_NS, AccountRig, virtual
from kraken_frames import instrument
from leadline.clock import NS_PER_S
from leadline.core.breaker import BreakerState
from leadline.core.session import Send
from leadline.core.venue_time import VenueTime
from leadline.errors import (
    Acted,
    AuthError,
    CheckFailed,
    ConnectFailed,
    ConnectionLost,
    ProtocolError,
    RateLimited,
    Refused,
    Rejected,
    UnknownSymbol,
    VenueDown,
)
from leadline.model.market import Side
from leadline.model.order import (
    Amendment,
    ConditionalClose,
    Order,
    OrderKey,
    OrderKind,
    OrderRequest,
    OrderState,
)
from leadline.net.http import Purpose, Response
from leadline.venues.kraken.account_session import KrakenAccountSession
from leadline.venues.kraken.limits import Tier
from leadline.venues.kraken.order_entry import KrakenOrderEntry
from leadline.venues.kraken.order_lookup import OrderLookup
from leadline.venues.ports import Action, Path, Placed, Placement
from private_frames import USDT, balances, executions, no, rest_order, yes

REQUEST = OrderRequest(
    symbol="BTC/USD",
    side=Side.BUY,
    kind=OrderKind.LIMIT,
    qty=Decimal("0.01"),
    limit_price=Decimal("60000.0"),
)
DEADLINE_NS = WALL_NS + 2 * NS_PER_S
KEY = OrderKey("OA", "ours-1")
ORDER = Order(
    client_id="ours-1",
    symbol="BTC/USD",
    side=Side.BUY,
    kind=OrderKind.LIMIT,
    state=OrderState.WORKING,
    order_id="OA",
)
KEY_BY_NAME = OrderKey(client_id="ours-1")


def placement(name: str = "ours-1", request: OrderRequest = REQUEST) -> Placement:
    return Placement(name, None, request, DEADLINE_NS)


def asking(
    ask: Callable[[AccountRig], Coroutine[Any, Any, Any]],
    answer: Callable[[dict[str, Any]], dict[str, Any]],
) -> tuple[dict[str, Any], Any]:
    """The request that asking put on the stream, and what the asker got for this answer."""
    told: list[Any] = []

    @virtual
    async def work() -> None:
        rig = AccountRig()
        await rig.live()
        task = asyncio.create_task(ask(rig))
        (request,) = await rig.asked()
        rig.hear(answer(request))
        told.extend((request, (await asyncio.gather(task, return_exceptions=True))[0]))
        assert rig.venue.asked == []

    work()
    return told[0], told[1]


async def live() -> AccountRig:
    rig = AccountRig()
    await rig.live()
    return rig


def test_an_order_leaves_on_the_stream_with_its_name_and_deadline() -> None:
    request, placed = asking(
        lambda rig: rig.account.place(placement(), Path.STREAM), lambda asked: yes(asked, {"order_id": "OA"})
    )
    assert placed == Placed("OA")
    assert request["method"] == "add_order"
    params = request["params"]
    assert (params["cl_ord_id"], params["limit_price"], params["order_qty"]) == (
        "ours-1",
        Decimal("60000.0"),
        Decimal("0.01"),
    )
    assert params["deadline"].endswith("Z")


def test_a_refused_order_raises_the_refusal_and_nothing_is_sent_again() -> None:
    _, error = asking(
        lambda rig: rig.account.place(placement(), Path.STREAM),
        lambda asked: no(asked, "EOrder:Insufficient funds"),
    )
    assert isinstance(error, Rejected)
    assert error.acted is Acted.NO


def test_an_unclear_refusal_leaves_open_whether_the_order_was_placed() -> None:
    for answer in ("EService:Busy", "EGeneral:Internal error"):
        _, error = asking(
            lambda rig: rig.account.place(placement(), Path.STREAM),
            lambda asked, answer=answer: no(asked, answer),
        )
        assert isinstance(error, VenueDown)
        assert error.acted is Acted.MAYBE


def test_an_acknowledgement_that_cannot_be_read_leaves_it_open_too() -> None:
    _, error = asking(lambda rig: rig.account.place(placement(), Path.STREAM), lambda asked: yes(asked, []))
    assert isinstance(error, ProtocolError)
    assert error.acted is Acted.MAYBE


@virtual
async def test_an_unanswered_order_goes_neither_again_nor_by_the_other_path() -> None:
    rig = await live()
    with pytest.raises(ConnectionLost) as caught:
        await rig.account.place(placement(), Path.STREAM)
    assert caught.value.acted is Acted.MAYBE
    assert len([one for one in rig.sent if one["method"] == "add_order"]) == 1
    assert rig.venue.asked == []


@virtual
async def test_without_a_stream_nothing_leaves_on_it() -> None:
    rig = AccountRig()
    assert not rig.account.can_stream()
    with pytest.raises(ConnectFailed) as caught:
        await rig.account.place(placement(), Path.STREAM)
    assert caught.value.acted is Acted.NO


@virtual
async def test_an_order_goes_by_rest_when_it_is_told_to() -> None:
    rig = AccountRig()
    rig.venue.reply("AddOrder", {"descr": {"order": "…"}, "txid": ["OA"]})
    assert await rig.account.place(placement(), Path.REST) == Placed("OA")
    (name, fields) = rig.venue.asked[0]
    assert (name, fields["pair"], fields["cl_ord_id"], fields["price"]) == (
        "AddOrder",
        "XXBTZUSD",
        "ours-1",
        "60000.0",
    )
    assert rig.http.counts == {Purpose.ORDER: 1}


@virtual
async def test_a_placement_that_waits_for_its_turn_by_rest_can_be_taken_back() -> None:
    rig = AccountRig()
    rig.venue.reply("AddOrder", {"descr": {"order": "…"}, "txid": ["OA"]})
    first, second = (
        asyncio.ensure_future(rig.account.place(placement(name), Path.REST)) for name in ("ours-1", "ours-2")
    )
    await asyncio.sleep(0.05)
    assert not rig.account.take_back("ours-1")
    assert rig.account.take_back("ours-2")
    assert await first == Placed("OA")
    with pytest.raises(Refused, match="taken back"):
        await second
    assert [fields["cl_ord_id"] for _, fields in rig.venue.asked] == ["ours-1"]
    assert not rig.account.take_back("ours-1")
    assert rig.breaker.state(rig.clock.mono_ns()) is BreakerState.CLOSED


@virtual
async def test_by_rest_a_lost_answer_a_bad_gateway_and_nonsense_leave_it_open() -> None:
    for reply in (ConnectionLost("reset"), Response(520, (), b""), Response(200, (), b"<html>")):
        rig = AccountRig()
        rig.venue.reply("AddOrder", reply)
        with pytest.raises((ConnectionLost, VenueDown, ProtocolError)) as caught:
            await rig.account.place(placement(), Path.REST)
        assert caught.value.acted is Acted.MAYBE  # type: ignore[attr-defined]
        assert len(rig.venue.asked) == 1


@virtual
async def test_a_symbol_that_rest_has_no_name_for_is_refused_before_sending() -> None:
    rig = AccountRig()
    from_nowhere = placement(request=_with_symbol("ETH/USD"))
    with pytest.raises(UnknownSymbol):
        await rig.account.place(from_nowhere, Path.REST)
    assert rig.venue.asked == []


@virtual
async def test_a_symbol_only_the_stream_has_listed_does_not_go_by_rest() -> None:
    rig = AccountRig()
    rig.symbols.update([instrument("ETH/USD")])
    with pytest.raises(UnknownSymbol):
        await rig.account.place(placement(request=_with_symbol("ETH/USD")), Path.REST)


@virtual
async def test_before_there_is_a_session_nothing_can_be_streamed() -> None:
    rig = AccountRig()
    lookup = OrderLookup(rig.rest, rig.venue, rig.symbols, rig.clock, VenueTime())
    entry = KrakenOrderEntry(rig.rest, lookup, VenueTime(), rig.symbols, rig.limits, rig.clock)
    assert not entry.can_stream()
    with pytest.raises(ConnectFailed):
        await entry.cancel_all(Path.STREAM)


@virtual
async def test_a_limit_of_the_whole_account_leaves_the_pairs_counter_alone() -> None:
    rig = AccountRig()
    rig.venue.reply("AddOrder", "EAPI:Rate limit exceeded")
    with pytest.raises(RateLimited):
        await rig.account.place(placement(), Path.REST)
    assert rig.account.charge("BTC/USD", Action.ADD) == 0


@virtual
async def test_the_tier_of_the_stream_sets_the_counters() -> None:
    rig = AccountRig()
    await rig.account.authorise(rig.session)
    rig.session.opened(rig.clock.mono_ns())
    rig.poke()
    rig.hear(yes(rig.sent[0], {"channel": "executions", "maxratecount": 125}))
    assert rig.limits.tier is Tier.INTERMEDIATE


@virtual
async def test_a_deadline_has_passed_only_when_the_venues_clock_certainly_has() -> None:
    rig = AccountRig()
    assert not rig.account.passed(0, 0.0)
    await rig.live()
    now_ns = rig.account.venue_ns()
    assert not rig.account.passed(now_ns, 0.0)
    assert not rig.account.passed(now_ns - NS_PER_S, 1.0)
    await asyncio.sleep(1.1)
    assert rig.account.passed(now_ns, 1.0)


@virtual
async def test_what_became_of_an_order_is_asked_of_rest() -> None:
    rig = AccountRig()
    rig.venue.reply("OpenOrders", {"open": {"OA": rest_order()}})
    assert [report.order_id for report in await rig.account.find(KEY_BY_NAME, WALL_NS)] == ["OA"]


def _with_symbol(symbol: str) -> OrderRequest:
    return OrderRequest(
        symbol=symbol, side=Side.BUY, kind=OrderKind.MARKET, qty=Decimal(1), deadline_s=REQUEST.deadline_s
    )


@virtual
async def test_the_order_counter_of_a_pair_delays_that_pair_only() -> None:
    rig = await live()
    task = asyncio.create_task(rig.account.place(placement(), Path.STREAM))
    (request,) = await rig.asked()
    rig.hear(no(request, "EOrder:Rate limit exceeded"))
    with pytest.raises(RateLimited):
        await task
    assert rig.account.charge("BTC/USD", Action.ADD) > 0
    assert rig.account.charge("ETH/USD", Action.ADD) == 0
    assert rig.account.charge("BTC/USD", Action.CANCEL) == 0


@virtual
async def test_a_cancel_is_never_kept_waiting_and_always_counted() -> None:
    rig = AccountRig()
    for _ in range(20):
        assert rig.account.charge("BTC/USD", Action.CANCEL) == 0
    assert rig.limits.level("BTC/USD", rig.clock.mono_ns()) == pytest.approx(160)
    assert rig.account.charge("BTC/USD", Action.ADD) > 100


@virtual
async def test_an_order_is_charged_by_its_age_at_the_venue_not_by_when_we_heard_of_it() -> None:
    rig = AccountRig()
    rig.account._venue_time.sample(0, 60_000_000, 5 * NS_PER_S, 5 * NS_PER_S)
    just_before = rig.clock.mono_ns() - 5 * NS_PER_S + 50_000_000
    rig.account.charge("BTC/USD", Action.CANCEL, touched_ns=just_before)
    assert rig.limits.level("BTC/USD", rig.clock.mono_ns()) == pytest.approx(6)


def test_a_batch_is_accepted_and_refused_row_by_row() -> None:
    rows = [{"order_id": "OA"}, {"error": "EOrder:Insufficient funds"}]
    request, (first, second) = asking(
        lambda rig: rig.account.place_batch([placement("a"), placement("b")], Path.STREAM),
        lambda asked: yes(asked, rows),
    )
    assert [one["cl_ord_id"] for one in request["params"]["orders"]] == ["a", "b"]
    assert first == Placed("OA")
    assert isinstance(second, Rejected)


def test_a_batch_of_one_goes_as_an_order() -> None:
    request, (error,) = asking(
        lambda rig: rig.account.place_batch([placement()], Path.STREAM),
        lambda asked: no(asked, "EOrder:Insufficient funds"),
    )
    assert request["method"] == "add_order"
    assert isinstance(error, Rejected)


@virtual
async def test_a_batch_goes_by_rest_when_it_is_told_to() -> None:
    rig = AccountRig()
    rig.venue.reply("AddOrderBatch", {"orders": [{"txid": "OA"}, {"error": "EOrder:Insufficient funds"}]})
    first, second = await rig.account.place_batch([placement("a"), placement("b")], Path.REST)
    assert first == Placed("OA")
    assert isinstance(second, Rejected)


@virtual
async def test_a_batch_of_two_symbols_is_refused_before_sending() -> None:
    rig = await live()
    with pytest.raises(CheckFailed):
        await rig.account.place_batch([placement("a"), placement("b", _with_symbol("ETH/USD"))], Path.STREAM)
    assert rig.sent == []


def test_a_replacement_names_the_old_order_and_its_own_userref() -> None:
    new = Placement("ours-2", 77, REQUEST, DEADLINE_NS)
    request, placed = asking(
        lambda rig: rig.account.replace("OA", new, Path.STREAM),
        lambda asked: yes(asked, {"order_id": "OB", "original_order_id": "OA"}),
    )
    assert placed == Placed("OB")
    assert (request["method"], request["params"]["order_id"], request["params"]["order_userref"]) == (
        "edit_order",
        "OA",
        77,
    )


def test_an_amendment_names_the_order_and_what_changes() -> None:
    request, told = asking(
        lambda rig: rig.account.amend(
            ORDER, Amendment(limit_price=Decimal("61000.0")), DEADLINE_NS, Path.STREAM
        ),
        lambda asked: yes(asked, {"amend_id": "TA"}),
    )
    assert told is None
    assert (request["method"], request["params"]["order_id"]) == ("amend_order", "OA")
    assert request["params"]["limit_price"] == Decimal("61000.0")


@virtual
async def test_replacements_and_amendments_go_by_rest_when_told_to() -> None:
    rig = AccountRig()
    rig.venue.reply("EditOrder", {"status": "ok", "txid": "OB", "originaltxid": "OA"})
    rig.venue.reply("AmendOrder", {"amend_id": "TA"})
    assert await rig.account.replace("OA", Placement("x", 7, REQUEST, DEADLINE_NS), Path.REST) == Placed("OB")
    await rig.account.amend(ORDER, Amendment(qty=Decimal(2)), DEADLINE_NS, Path.REST)
    assert rig.venue.names() == ["EditOrder", "AmendOrder"]


@virtual
async def test_several_cancels_leave_in_one_request_and_failures_are_found_by_elimination() -> None:
    rig = await live()
    keys = [OrderKey("OA"), OrderKey("OB"), OrderKey(client_id="c")]
    task = asyncio.create_task(rig.account.cancel(keys, Path.STREAM))
    (request,) = await rig.asked()
    assert (request["params"]["order_id"], request["params"]["cl_ord_id"]) == (["OA", "OB"], ["c"])
    rig.hear(
        yes(request, {"cl_ord_id": "c"}),
        no(request, "EOrder:Unknown order"),
        yes(request, {"order_id": "OA"}),
    )
    first, second, third = await task
    assert (first, third) == (None, None)
    assert isinstance(second, Rejected)


@virtual
async def test_cancels_that_the_order_counter_refuses_leave_as_a_batch_which_it_takes() -> None:
    rig = await live()
    task = asyncio.create_task(rig.account.cancel([OrderKey("OA"), OrderKey("OB")], Path.STREAM))
    (request,) = await rig.asked()
    rig.hear(*[no(request, "EOrder:Rate limit exceeded")] * 2)
    (_, batch) = await rig.asked(2)
    assert (batch["method"], batch["params"]["orders"]) == ("batch_cancel", ["OA", "OB"])
    rig.hear({"method": "batch_cancel", "orders_cancelled": 2, "req_id": batch["req_id"], "success": True})
    assert await task == [None, None]


def test_one_cancel_that_the_order_counter_refuses_stays_refused() -> None:
    _, (error,) = asking(
        lambda rig: rig.account.cancel([KEY], Path.STREAM),
        lambda asked: no(asked, "EOrder:Rate limit exceeded"),
    )
    assert isinstance(error, RateLimited)


@virtual
async def test_by_rest_known_ids_are_cancelled_together_and_the_others_one_by_one() -> None:
    rig = AccountRig()
    rig.venue.reply("CancelOrderBatch", {"count": 2})
    rig.venue.reply("CancelOrder", {"count": 1}, "EOrder:Unknown order")
    keys = [OrderKey("OA"), OrderKey(client_id="c"), OrderKey("OB"), OrderKey(userref=7)]
    outcomes = await rig.account.cancel(keys, Path.REST)
    assert outcomes[:3] == [None, None, None]
    assert isinstance(outcomes[3], Rejected)
    assert rig.venue.asked == [
        ("CancelOrderBatch", {"orders": ["OA", "OB"]}),
        ("CancelOrder", {"cl_ord_id": "c"}),
        ("CancelOrder", {"txid": "7"}),
    ]
    assert rig.http.counts == {Purpose.CANCEL: 3}


@virtual
async def test_by_rest_every_cancel_is_sent_whatever_becomes_of_one() -> None:
    rig = AccountRig()
    rig.venue.reply("CancelOrderBatch", {"count": 2})
    rig.venue.reply("CancelOrder", ConnectFailed("no way"), {"count": 1})
    keys = [OrderKey("OA"), OrderKey(client_id="c"), OrderKey("OB"), OrderKey(userref=7)]
    with pytest.raises(ConnectFailed) as failed:
        await rig.account.cancel(keys, Path.REST)
    assert failed.value.acted is Acted.MAYBE
    assert rig.venue.names() == ["CancelOrderBatch", "CancelOrder", "CancelOrder"]


@virtual
async def test_where_the_batch_after_the_counter_cannot_leave_the_cancels_before_it_did() -> None:
    rig = await live()
    task = asyncio.create_task(rig.account.cancel([OrderKey("OA"), OrderKey("OB")], Path.STREAM))
    (request,) = await rig.asked()
    rig.hear(*[no(request, "EOrder:Rate limit exceeded")] * 2)
    rig.session.closed("cut", rig.clock.mono_ns())
    with pytest.raises(ConnectFailed) as failed:
        await task
    assert failed.value.acted is Acted.MAYBE


@virtual
async def test_a_batch_of_cancels_that_took_fewer_does_not_say_which() -> None:
    rig = AccountRig()
    rig.venue.reply("CancelOrderBatch", {"count": 1}, "EOrder:Unknown order")
    keys = [OrderKey("OA"), OrderKey("OB")]
    assert [error and error.acted for error in await rig.account.cancel(keys, Path.REST)] == [Acted.MAYBE] * 2
    assert [error and error.acted for error in await rig.account.cancel(keys, Path.REST)] == [Acted.NO] * 2


@virtual
async def test_a_cancel_that_took_no_order_is_a_refusal() -> None:
    rig = AccountRig()
    rig.venue.reply("CancelOrder", {"count": 0})
    (error,) = await rig.account.cancel([KEY], Path.REST)
    assert isinstance(error, Rejected)
    assert error.acted is Acted.NO


def test_everything_is_cancelled_and_counted() -> None:
    request, count = asking(
        lambda rig: rig.account.cancel_all(Path.STREAM), lambda asked: yes(asked, {"count": 3})
    )
    assert (request["method"], count) == ("cancel_all", 3)


@virtual
async def test_a_cancel_of_everything_is_counted_for_every_pair_that_was_traded() -> None:
    rig = AccountRig()
    rig.venue.reply("CancelAll", {"count": 0})
    rig.venue.reply("CancelAllOrdersAfter", {"currentTime": "x"})
    rig.account.charge("BTC/USD", Action.ADD)
    await rig.account.cancel_all(Path.REST)
    before = rig.limits.level("BTC/USD", rig.clock.mono_ns())
    await rig.account.dead_man(60, (), Path.REST)
    assert before == pytest.approx(1.9, abs=0.11)
    assert rig.limits.level("BTC/USD", rig.clock.mono_ns()) > before
    assert rig.limits.level("ETH/USD", rig.clock.mono_ns()) == 0


def test_the_dead_man_switch_is_set_in_seconds() -> None:
    request, told = asking(
        lambda rig: rig.account.dead_man(60, (), Path.STREAM), lambda asked: yes(asked, {"currentTime": "x"})
    )
    assert (request["method"], request["params"]["timeout"], told) == ("cancel_all_orders_after", 60, None)


@virtual
async def test_cancels_and_the_dead_man_switch_pass_an_open_breaker_by_rest() -> None:
    rig = AccountRig()
    rig.breaker.limited(None, "for the test", rig.clock.mono_ns())
    rig.venue.reply("CancelAll", {"count": 4})
    rig.venue.reply("CancelAllOrdersAfter", {"currentTime": "x", "triggerTime": "0"})
    assert await rig.account.cancel_all(Path.REST) == 4
    await rig.account.dead_man(0, (), Path.REST)
    assert rig.venue.asked[-1] == ("CancelAllOrdersAfter", {"timeout": "0"})


@virtual
async def test_an_order_is_held_against_instrument_and_rules_before_anything_is_sent() -> None:
    rig = AccountRig()
    rig.account.check(REQUEST)
    with pytest.raises(CheckFailed):
        rig.account.check(_with_qty("0.000000001"))
    with pytest.raises(UnknownSymbol):
        rig.account.check(_with_symbol("NO/PE"))
    rig.account.check_amendment(ORDER, Amendment(limit_price=Decimal("61000.0")))
    with pytest.raises(CheckFailed):
        rig.account.check_amendment(ORDER, Amendment(limit_price=Decimal("61000.01")))
    assert rig.venue.asked == rig.sent == []


def _with_qty(qty: str) -> OrderRequest:
    return OrderRequest(
        symbol="BTC/USD",
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        qty=Decimal(qty),
        limit_price=Decimal("60000.0"),
    )


@virtual
async def test_a_conditional_close_needs_a_userref() -> None:
    rig = AccountRig()
    assert not rig.account.needs_userref(REQUEST)
    close = ConditionalClose(OrderKind.LIMIT, limit_price=Decimal("70000.0"))
    with_close = OrderRequest(
        symbol="BTC/USD", side=Side.BUY, kind=OrderKind.MARKET, qty=Decimal(1), close=close
    )
    assert rig.account.needs_userref(with_close)


@virtual
async def test_the_venues_clock_is_the_answers_and_a_stepped_wall_clock_changes_nothing() -> None:
    rig = AccountRig()
    assert rig.account.venue_ns() == WALL_NS
    await rig.live()
    before_ns = rig.account.venue_ns()
    rig.clock.step_wall(-3600)
    assert rig.account.venue_ns() == before_ns


def test_a_cancel_whose_credential_is_refused_is_no_refusal_of_the_cancel() -> None:
    _, told = asking(
        lambda rig: rig.account.cancel([KEY], Path.STREAM),
        lambda asked: no(asked, "ESession:Invalid session"),
    )
    assert isinstance(told, AuthError)


@virtual
async def test_a_venue_that_fails_on_the_stream_opens_the_breaker_and_a_mode_of_its_market_does_not() -> None:
    for text, opens in (
        ("EService:Market in cancel_only mode", False),
        ("EOrder:Insufficient funds", False),
        ("EService:Busy", True),
    ):
        rig = await live()
        for number in range(3):
            task = asyncio.create_task(rig.account.place(placement(f"ours-{number}"), Path.STREAM))
            rig.hear(no((await rig.asked(number + 1))[-1], text))
            await asyncio.gather(task, return_exceptions=True)
        state = rig.breaker.state(rig.clock.mono_ns())
        assert (state is BreakerState.OPEN) is opens


@virtual
async def test_a_request_waits_for_its_answer_where_it_left_and_the_next_leaves_on_the_new_carrier() -> None:
    rig = await live()
    first = asyncio.create_task(rig.account.place(placement("ours-1"), Path.STREAM))
    await rig.asked()
    other = SecondLine(rig)
    await other.live()
    rig.account.carry(other.session)
    second = asyncio.create_task(rig.account.place(placement("ours-2"), Path.STREAM))
    await asyncio.sleep(0.01)

    assert (rig.session.outstanding, other.session.outstanding) == (1, 1)
    rig.session.closed("cut", rig.clock.mono_ns())
    with pytest.raises(ConnectionLost, match="cut"):
        await first
    assert rig.account.can_stream()
    [asked] = other.sent
    other.hear(yes(asked, {"order_id": "OB", "cl_ord_id": "ours-2"}))
    assert (await second).order_id == "OB"
    assert [one["params"]["cl_ord_id"] for one in (*rig.sent, *other.sent)] == ["ours-1", "ours-2"]


class SecondLine:
    """Another line of the account of a rig."""

    def __init__(self, rig: AccountRig) -> None:
        self._rig = rig
        self.sent: list[dict[str, Any]] = []
        session = rig.account.session(lambda news, now_ns: None)
        assert isinstance(session, KrakenAccountSession)
        self.session = session
        session.poke = self._poke

    def _poke(self) -> None:
        self.sent += [
            json.loads(output.text) for output in self.session.outputs() if isinstance(output, Send)
        ]

    def hear(self, *frames: str | dict[str, Any]) -> None:
        for frame in frames:
            text = json.dumps(frame) if isinstance(frame, dict) else frame
            self.session.received(text.encode(), self._rig.clock.mono_ns())

    async def live(self) -> None:
        """With a token of its own, and both snapshots."""
        await self._rig.account.authorise(self.session)
        self.session.opened(self._rig.clock.mono_ns())
        self._poke()
        self.hear(*(yes(request) for request in self.sent))
        self.hear(executions(1, kind="snapshot"), balances(1, USDT, kind="snapshot"))
        self._poke()
        self.sent.clear()

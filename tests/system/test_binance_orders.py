"""Orders of a desk at an emulated Binance: placed once, known for what they are, all of them cancelled."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any, Self

import pytest

from binance_stage import BTC, Stage
from leadline.core.session import Send
from leadline.emulator.binance.api_connection import ApiConnection
from leadline.emulator.binance.targets import API
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.wire import Close, Frame
from leadline.engine.protection import ProtectionAnswered, ProtectionMissing, ProtectionPolicy
from leadline.errors import CheckFailed
from leadline.model.market import Side
from leadline.model.order import (
    Amendment,
    Order,
    OrderKind,
    OrderRequest,
    OrderState,
    PositionSide,
    PriceMatch,
    TimeInForce,
    Trigger,
)
from leadline.venues.binance.ws_api import WsApiSession

ETH = "ETH/USDT:USDT"


class OrderStage(Stage):
    """The stage with a connection of the WebSocket API, which `api` False leaves out."""

    def __init__(self, *, api: bool = True, rate: float = 50.0, **desk: Any) -> None:
        super().__init__(rate=rate, **desk)
        self._wants_api = api
        session = self.account.request_session()
        assert isinstance(session, WsApiSession)
        self.api = session
        self._api_line: ApiConnection | None = None

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.api.poke = self._drain
        if self._wants_api:
            self.connect_api()
        await self.done(self.desk.ready(15))
        return self

    def connect_api(self) -> None:
        connection = self.exchange.connect(self.clock.wall_ns(), API)
        assert isinstance(connection, ApiConnection)
        self._api_line = connection
        self.api.opened(self.clock.mono_ns())
        self._drain()

    def _drain(self) -> None:
        for output in self.api.outputs():
            if isinstance(output, Send) and self._api_line is not None:
                self._api_line.received(output.text, self.clock.wall_ns())

    async def passing(self, seconds: float, step_s: float = 0.02) -> None:
        for _ in range(max(1, round(seconds / step_s))):
            await super().passing(step_s, step_s)
            self._pump_api()
            for _ in range(8):
                await asyncio.sleep(0)

    def _pump_api(self) -> None:
        wake_ns = self.api.wake_at()
        if wake_ns is not None and self.clock.mono_ns() >= wake_ns:
            self.api.woke(self.clock.mono_ns())
            self._drain()
        if self._api_line is None:
            return
        for output in self._api_line.outputs():
            if isinstance(output, Frame):
                self.api.received(output.text.encode(), self.clock.mono_ns())
            elif isinstance(output, Close):
                self._api_line = None
                self.api.closed("cut", self.clock.mono_ns())

    # --- what is true at the venue ---

    def open_ids(self) -> set[str]:
        """Client ids of everything that is open, orders with a trigger too."""
        plain = {order.ticket.client_id for order in self.truth.open_orders.values()}
        return plain | {algo.client_id for algo in self.truth.open_algos.values()}

    def placed(self, client_id: str) -> int:
        """How many orders the venue has ever made of one name."""
        plain = [order.ticket.client_id for order in self.truth.orders.values()]
        waiting = [algo.client_id for algo in self.truth.algo_orders.values()]
        return (plain + waiting).count(client_id)

    def last(self) -> Decimal:
        answer = self.exchange.request("GET", "/fapi/v1/ticker/price", "symbol=BTCUSDT", self.clock.wall_ns())
        assert not isinstance(answer, RefusedConnect)
        return Decimal(json.loads(answer.body)["price"])

    # --- what we do ---

    def resting(self, symbol: str = BTC, side: Side = Side.BUY, **changed: Any) -> OrderRequest:
        """A limit order that does not trade soon."""
        price = Decimal("55000.0") if symbol == BTC else Decimal("2900.00")
        wanted = {"kind": OrderKind.LIMIT, "qty": Decimal("0.030"), "limit_price": price}
        return OrderRequest(**({"symbol": symbol, "side": side} | wanted | changed))

    def stop(self, symbol: str = BTC, **changed: Any) -> OrderRequest:
        price = Decimal("50000.0") if symbol == BTC else Decimal("2000.00")
        wanted = {"kind": OrderKind.STOP_LOSS, "qty": Decimal("0.030"), "trigger": Trigger(price)}
        return OrderRequest(**({"symbol": symbol, "side": Side.SELL} | wanted | changed))

    async def submit(self, request: OrderRequest) -> Order:
        order: Order = await self.done(self.desk.orders.submit(request))
        await self.passing(0.3)
        told = self.desk.orders.get(order.client_id)
        assert told is not None
        return told

    async def resolved(self, client_id: str, within_s: float = 8.0) -> Order:
        for _ in range(round(within_s / 0.2)):
            told = self.desk.orders.get(client_id)
            assert told is not None
            if told.state is not OrderState.UNKNOWN:
                return told
            await self.passing(0.2)
        raise AssertionError(f"{client_id} is still UNKNOWN: {told}")


@pytest.mark.parametrize("api", [True, False])
async def test_an_order_is_placed_changed_and_cancelled_on_either_way(api: bool) -> None:
    async with OrderStage(api=api) as stage:
        assert stage.account.can_stream() is api
        order = await stage.submit(stage.resting())
        assert (order.state, stage.open_ids()) == (OrderState.WORKING, {order.client_id})
        await stage.done(stage.desk.orders.amend(order.client_id, Amendment(limit_price=Decimal("54000.0"))))
        await stage.passing(0.3)
        (true,) = stage.truth.open_orders.values()
        told = stage.desk.orders.get(order.client_id)
        assert told is not None
        assert told.limit_price == Decimal("54000.0")
        assert stage.exchange.trading.terms("BTCUSDT").price_value(true.price or 0) == Decimal("54000")
        await stage.done(stage.desk.orders.cancel(order.client_id))
        await stage.passing(0.3)
        told = stage.desk.orders.get(order.client_id)
        assert told is not None
        assert (told.state, stage.open_ids()) == (OrderState.CANCELED, set())


TROUBLES = ["unknown", "timeout", "unavailable", "internal", "throttled"]


@pytest.mark.parametrize("api", [True, False])
@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_of_every_failure_at_the_gate_the_truth_is_found_and_nothing_is_sent_twice(
    trouble: str, accepted: bool, api: bool
) -> None:
    async with OrderStage(api=api) as stage:
        fault = {"kind": "BACKEND", "trouble": trouble, "accepted": accepted, "count": 1}
        stage.exchange.inject(fault, stage.clock.wall_ns())
        order = await stage.done(stage.desk.orders.submit(stage.resting()))
        told = await stage.resolved(order.client_id)
        there = stage.placed(order.client_id)
        assert there == (1 if accepted and trouble in ("unknown", "timeout") else 0)
        assert told.state is (OrderState.WORKING if there else OrderState.REJECTED)
        assert stage.open_ids() == ({order.client_id} if there else set())


@pytest.mark.parametrize("api", [True, False])
async def test_an_order_too_late_for_the_matching_engine_is_timed_anew_and_placed_once(api: bool) -> None:
    async with OrderStage(api=api) as stage:
        stage.exchange.inject({"kind": "BACKEND", "trouble": "late", "count": 1}, stage.clock.wall_ns())
        order = await stage.done(stage.desk.orders.submit(stage.resting()))
        told = await stage.resolved(order.client_id)
        assert (told.state, stage.placed(order.client_id)) == (OrderState.WORKING, 1)


@pytest.mark.parametrize("api", [True, False])
async def test_an_answer_that_is_lost_leaves_one_order_that_is_found(api: bool) -> None:
    async with OrderStage(api=api) as stage:
        where = {"method": "order.place"} if api else {"path": "order"}
        fault = {"kind": "ACCEPT_THEN_DROP", "count": 1, **where}
        stage.exchange.inject(fault, stage.clock.wall_ns())
        order = await stage.done(stage.desk.orders.submit(stage.resting()))
        told = await stage.resolved(order.client_id)
        assert (told.state, stage.placed(order.client_id)) == (OrderState.WORKING, 1)


async def test_cancelling_everything_means_every_order_of_every_symbol() -> None:
    async with OrderStage() as stage:
        for request in (stage.resting(), stage.resting(ETH), stage.stop(), stage.stop(ETH)):
            assert (await stage.submit(request)).state is OrderState.WORKING
        assert len(stage.open_ids()) == 4
        assert await stage.done(stage.desk.orders.cancel_all()) == 4
        await stage.passing(1)
        assert stage.open_ids() == set()
        assert stage.desk.orders.open() == []


async def test_a_waiting_order_is_cancelled_in_its_own_id_space() -> None:
    async with OrderStage(rate=0.0) as stage:
        waiting = await stage.submit(stage.stop())
        assert waiting.order_id is not None
        assert waiting.order_id.startswith("algo:")
        (outcome,) = await stage.done(stage.desk.orders.cancel(waiting.client_id))
        assert outcome.error is None
        await stage.passing(0.3)
        assert stage.open_ids() == set()


async def test_an_order_that_was_triggered_and_rests_is_cancelled_under_the_name_it_has_for_us() -> None:
    async with OrderStage(rate=300.0) as stage:
        near = Trigger(Decimal(round(stage.last())) + 2)
        order = await stage.submit(
            stage.resting(kind=OrderKind.STOP_LOSS_LIMIT, trigger=near, limit_price=Decimal("55000.0"))
        )
        for _ in range(600):
            if stage.truth.open_orders:
                break
            await stage.passing(0.2)
        assert stage.truth.open_orders, "the price never came to the trigger"
        (outcome,) = await stage.done(stage.desk.orders.cancel(order.client_id))
        assert outcome.error is None
        await stage.passing(1)
        told = stage.desk.orders.get(order.client_id)
        assert told is not None
        assert (told.state, stage.truth.open_orders) == (OrderState.CANCELED, {})


@pytest.mark.parametrize("api", [True, False])
async def test_a_batch_of_five_is_five_orders_each_with_its_own_fate(api: bool) -> None:
    async with OrderStage(api=api) as stage:
        requests = [stage.resting(limit_price=Decimal(55_000 - number * 100)) for number in range(4)]
        requests.append(stage.resting(limit_price=stage.last() * 1 + 500, post_only=True))  # would cross
        requests[-1] = stage.resting(limit_price=Decimal(round(stage.last())) + 500, post_only=True)
        orders = await stage.done(stage.desk.orders.batch(requests))
        await stage.passing(0.5)
        states = [stage.desk.orders.get(order.client_id) for order in orders]
        assert [order.state for order in states if order is not None] == [
            *[OrderState.WORKING] * 4, OrderState.REJECTED,
        ]  # fmt: skip
        assert len(stage.open_ids()) == 4


@pytest.mark.parametrize("api", [True, False])
async def test_a_post_only_order_that_a_change_would_make_cross_is_known_to_be_over(api: bool) -> None:
    async with OrderStage(api=api) as stage:
        order = await stage.submit(stage.resting(post_only=True))
        cross = Amendment(limit_price=Decimal(round(stage.last())) + 500)
        changed = await stage.done(stage.desk.orders.amend(order.client_id, cross))
        assert changed.limit_price == order.limit_price
        await stage.passing(2)
        told = stage.desk.orders.get(order.client_id)
        assert told is not None
        assert (told.state, told.limit_price) == (OrderState.CANCELED, order.limit_price)
        assert told.amending is None
        assert stage.open_ids() == set()


async def test_what_crosses_and_must_not_is_refused_and_was_never_there() -> None:
    async with OrderStage() as stage:
        cross = Decimal(round(stage.last())) + 500
        maker = await stage.submit(stage.resting(limit_price=cross, post_only=True))
        assert (maker.state, maker.reason[:5]) == (OrderState.REJECTED, "-5022")
        whole = await stage.submit(stage.resting(time_in_force=TimeInForce.FOK, qty=Decimal("0.005")))
        assert (whole.state, whole.reason[:5]) == (OrderState.REJECTED, "-5021")


async def test_times_and_matched_prices_are_as_asked_for() -> None:
    async with OrderStage() as stage:
        expires_ns = (stage.account.venue_ns() // 10**9 + 700) * 10**9
        dated = await stage.submit(stage.resting(time_in_force=TimeInForce.GTD, expires_ns=expires_ns))
        assert dated.state is OrderState.WORKING
        queued = await stage.submit(stage.resting(limit_price=None, price_match=PriceMatch.QUEUE_20))
        assert queued.state is OrderState.WORKING
        assert queued.limit_price is not None


async def test_in_hedge_mode_every_order_names_its_position() -> None:
    async with OrderStage() as stage:
        await stage.done(stage.account.set_hedge(True))
        await stage.done(stage.account.set_hedge(True))  # already so is done
        await stage.passing(1)
        with pytest.raises(CheckFailed, match="hedge"):
            await stage.submit(stage.resting())
        order = await stage.submit(stage.resting(position_side=PositionSide.LONG))
        assert order.state is OrderState.WORKING
        opened = await stage.submit(
            OrderRequest(
                symbol=BTC,
                side=Side.BUY,
                kind=OrderKind.MARKET,
                qty=Decimal("0.010"),
                position_side=PositionSide.LONG,
            )
        )
        assert opened.state is OrderState.FILLED
        guard = await stage.submit(stage.stop(position_side=PositionSide.LONG, qty=None, close_position=True))
        assert guard.state is OrderState.WORKING


async def test_a_protective_order_that_is_refused_closes_the_position_within_a_second() -> None:
    async with OrderStage(protection=ProtectionPolicy.CLOSE) as stage:
        market = OrderRequest(symbol=BTC, side=Side.BUY, kind=OrderKind.MARKET, qty=Decimal("0.010"))
        assert (await stage.submit(market)).state is OrderState.FILLED
        await stage.passing(2)
        above = Trigger(Decimal(round(stage.last())) + 1_000)
        refused = await stage.submit(stage.stop(trigger=above, qty=Decimal("0.010"), reduce_only=True))
        assert (refused.state, refused.reason[:5]) == (OrderState.REJECTED, "-2021")
        await stage.passing(0.7)
        assert [type(event) for event in stage.desk.log.recent if "Protection" in type(event).__name__] == [
            ProtectionMissing, ProtectionAnswered,
        ]  # fmt: skip
        assert stage.position() == 0


@pytest.mark.parametrize("api", [True, False])
async def test_what_the_venue_cuts_of_a_reduce_only_order_is_no_part_of_it_here_either(api: bool) -> None:
    async with OrderStage(api=api) as stage:
        opened = OrderRequest(symbol=BTC, side=Side.BUY, kind=OrderKind.MARKET, qty=Decimal("0.010"))
        assert (await stage.submit(opened)).state is OrderState.FILLED
        closing = stage.resting(side=Side.SELL, limit_price=Decimal("66000.0"), reduce_only=True)
        told = await stage.submit(closing)
        (true,) = stage.truth.open_orders.values()
        assert (told.state, told.qty) == (OrderState.WORKING, Decimal("0.010"))
        assert stage.exchange.trading.terms("BTCUSDT").qty_value(true.qty) == told.qty


async def test_the_switch_cancels_everything_of_a_symbol_when_we_fall_silent() -> None:
    async with OrderStage(dead_man_s=10) as stage:
        await stage.submit(stage.resting())
        await stage.passing(2)
        assert set(stage.truth.countdowns) == {"BTCUSDT"}
        stage.reachable = False
        stage.cut()
        await stage.passing(12, 0.1)
        assert stage.open_ids() == set()


async def test_a_hundred_orders_a_second_leave_at_once_and_then_at_four_fifths_of_the_venues_rate() -> None:
    async with OrderStage(rate=0.0) as stage:
        while stage.clock.wall_ns() // 10**9 % 10 != 1:  # early in a window of ten seconds
            await stage.passing(0.1)
        requests = [stage.resting(BTC if number % 2 else ETH) for number in range(260)]
        asked = [asyncio.ensure_future(stage.desk.orders.submit(one)) for one in requests[:100]]
        await stage.passing(1)
        assert all(one.done() for one in asked)
        assert len(stage.open_ids()) == 100
        asked += [asyncio.ensure_future(stage.desk.orders.submit(one)) for one in requests[100:]]
        await stage.passing(3)
        assert len(stage.open_ids()) <= 240
        await stage.passing(6, 0.1)
        orders = await stage.done(asyncio.gather(*asked))
        await stage.passing(1)
        assert len(stage.open_ids()) == 260
        assert {order.state for order in orders} == {OrderState.WORKING}

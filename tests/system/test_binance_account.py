"""A desk on an emulated Binance account: what it knows in the end is what is true at the venue."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from random import Random

import pytest

from binance_stage import BTC, Stage
from leadline.core.account_session import AccountGap
from leadline.core.session import LineUp
from leadline.emulator.fault_board import RefusedConnect
from leadline.engine.configuration import WATCH_S, ExpectedConfiguration
from leadline.engine.desk import UNEXPLAINED_S
from leadline.errors import Held
from leadline.model.market import Side
from leadline.model.order import Order, OrderKind, OrderRequest, OrderState, Provenance, Trigger
from leadline.venues.binance.auth import Credentials, Signer

Trouble = Callable[[Stage], Awaitable[None]]


def market(side: Side, qty: str = "0.010") -> OrderRequest:
    return OrderRequest(symbol=BTC, side=side, kind=OrderKind.MARKET, qty=Decimal(qty))


def price(stage: Stage) -> Decimal:
    answer = stage.exchange.request("GET", "/fapi/v1/ticker/price", "symbol=BTCUSDT", stage.clock.wall_ns())
    assert not isinstance(answer, RefusedConnect)
    return Decimal(json.loads(answer.body)["price"])


async def trade(stage: Stage, chance: Random, orders: int) -> None:
    """Market orders, limit orders and stops close to the price, on either side."""
    for _ in range(orders):
        side, kind = chance.choice((Side.BUY, Side.SELL)), chance.random()
        near = price(stage) + (3 if side is Side.BUY else -3)
        request = market(side, f"0.0{chance.randint(10, 60)}")
        if kind > 0.75:
            request = OrderRequest(
                symbol=BTC, side=side, kind=OrderKind.STOP_LOSS, qty=Decimal("0.010"), trigger=Trigger(near)
            )
        elif kind > 0.5:
            request = OrderRequest(
                symbol=BTC, side=side, kind=OrderKind.LIMIT, qty=Decimal("0.020"), limit_price=near
            )
        await stage.done(stage.desk.orders.submit(request))
        await stage.passing(chance.random())


async def settled(stage: Stage, within_s: float = 5.0) -> None:
    """Wait until we know every fill, the wallet and the position to the last digit."""
    for _ in range(round(within_s / 0.1)):
        ours = [fill.exec_id for fill in stage.our_fills()]
        wallet, position = await stage.our_wallet(), await stage.our_position()
        assert len(ours) == len(set(ours)), "a fill was counted twice"
        if set(ours) == stage.fills() and (wallet, position) == (stage.wallet(), stage.position()):
            return
        await stage.passing(0.1)
    assert set(ours) == stage.fills()
    assert (wallet, position) == (stage.wallet(), stage.position())


async def nothing(stage: Stage) -> None:
    """All is well."""


async def a_cut(stage: Stage) -> None:
    stage.cut()


async def an_expiry_with_notice(stage: Stage) -> None:
    stage.exchange.trading.expire_listen_keys(stage.clock.wall_ns(), silent=False)


async def an_expiry_without_notice(stage: Stage) -> None:
    stage.exchange.trading.expire_listen_keys(stage.clock.wall_ns(), silent=True)


TROUBLES = (nothing, a_cut, an_expiry_with_notice, an_expiry_without_notice)


@pytest.mark.parametrize("lines", [1, 2])
@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.__name__)
async def test_every_fill_is_counted_once_and_wallet_and_position_are_exact(
    trouble: Trouble, lines: int
) -> None:
    chance = Random(7)
    async with Stage(rate=200, lines=lines) as stage:
        await stage.done(stage.desk.ready(15))
        await trade(stage, chance, 4)
        await trouble(stage)
        await trade(stage, chance, 5)
        await settled(stage, 10)
        assert stage.fills()
        assert {order.provenance for order in stage.desk.orders.orders()} == {Provenance.OURS}
        assert (stage.desk.balances.drifts, stage.desk.positions.drifts) == (0, 0)


@pytest.mark.parametrize("trouble", TROUBLES[2:], ids=lambda trouble: trouble.__name__)
async def test_after_an_expiry_the_stream_is_live_again_within_five_seconds_and_the_hole_is_told_first(
    trouble: Trouble,
) -> None:
    async with Stage(rate=50) as stage:
        await stage.done(stage.desk.ready(15))
        await stage.passing(3)
        stage.desk.log.recent.clear()
        await trouble(stage)
        await stage.passing(6)
        kinds = [type(event) for event in stage.desk.log.recent]
        assert kinds.index(AccountGap) < kinds.index(LineUp)
        assert stage.desk.streaming
        order = await stage.done(stage.desk.orders.submit(market(Side.BUY)))
        await stage.passing(0.2)
        told = stage.desk.orders.get(order.client_id)
        assert told is not None
        assert told.state is OrderState.FILLED


async def test_an_outage_of_everything_loses_no_fill() -> None:
    async with Stage(rate=200) as stage:
        await stage.done(stage.desk.ready(15))
        bid = price(stage) - 1
        for step in range(3):
            request = OrderRequest(
                symbol=BTC, side=Side.BUY, kind=OrderKind.LIMIT, qty=Decimal("0.010"), limit_price=bid - step
            )
            await stage.done(stage.desk.orders.submit(request))
        stage.reachable = False
        stage.cut()
        await stage.passing(20)
        assert not any(order.state.final for order in stage.desk.orders.orders() if not order.fills)
        stage.reachable = True
        await stage.done(stage.desk.ready(30), 40)
        await settled(stage)


async def test_a_triggered_stop_stays_one_order_from_its_placement_to_its_last_fill() -> None:
    async with Stage(rate=200) as stage:
        await stage.done(stage.desk.ready(15))
        request = OrderRequest(
            symbol=BTC,
            side=Side.SELL,
            kind=OrderKind.STOP_LOSS,
            qty=Decimal("0.010"),
            trigger=Trigger(price(stage) - Decimal("0.1")),
        )
        order = await stage.done(stage.desk.orders.submit(request))
        for _ in range(60):
            await stage.passing(0.5)
            told = stage.desk.orders.get(order.client_id)
            if told is not None and told.state.final:
                break
        assert told is not None
        assert (told.state, told.filled_qty) == (OrderState.FILLED, Decimal("0.010"))
        assert told.order_id is not None
        assert told.order_id.startswith("algo:")
        assert len(stage.desk.orders.orders()) == 1


async def test_a_liquidation_is_adopted_and_says_what_it_was() -> None:
    async with Stage(rate=50) as stage:
        await stage.done(stage.desk.ready(15))
        await stage.done(stage.desk.orders.submit(market(Side.BUY, "0.500")))
        await stage.passing(1)
        stage.truth.wallets["USDT"] = 50 * 10**8
        await stage.passing(10)
        (forced,) = [each for each in stage.desk.orders.orders() if each.provenance is Provenance.ADOPTED]
        assert forced.state is OrderState.FILLED
        assert "liquidation" in forced.reason
        assert stage.position() == await stage.our_position() == 0


async def test_a_mode_flipped_at_the_venue_is_noticed_and_holds_orders() -> None:
    async with Stage(rate=10, expected=ExpectedConfiguration(hedge=False)) as stage:
        await stage.done(stage.desk.ready(15))
        await stage.done(stage.desk.orders.submit(market(Side.BUY)))
        await stage.done(stage.desk.orders.submit(market(Side.SELL)))
        stage.truth.hedge = True
        await stage.passing(WATCH_S + 1, step_s=0.25)
        with pytest.raises(Held, match="one-way mode is expected"):
            await stage.done(stage.desk.orders.submit(market(Side.BUY)))


async def test_an_idle_account_keeps_its_key_for_hours() -> None:
    async with Stage() as stage:
        await stage.done(stage.desk.ready(15))
        created = stage.account.key.renewed
        stage.desk.log.recent.clear()
        await stage.passing(2 * 3600, step_s=0.5)
        assert stage.desk.streaming
        assert stage.account.key.renewed == created
        assert not any(isinstance(event, AccountGap) for event in stage.desk.log.recent)


FORCED = {
    "liquidation": {"kind": "FORCE_CLOSE", "cause": "liquidation"},
    "liquidation told hollow first": {"kind": "FORCE_CLOSE", "cause": "liquidation", "hollow": True},
    "auto-deleveraging": {"kind": "FORCE_CLOSE", "cause": "adl"},
    "auto-deleveraging of a part": {"kind": "FORCE_CLOSE", "cause": "adl", "part": 0.5},
    "settlement": {"kind": "DELIST", "after_s": 1.0},
}


@pytest.mark.parametrize("cause", FORCED)
async def test_what_the_venue_closes_itself_is_known_to_the_last_digit(cause: str) -> None:
    async with Stage(rate=50) as stage:
        await stage.done(stage.desk.ready(15))
        await stage.done(stage.desk.orders.submit(market(Side.BUY, "0.500")))
        await stage.passing(1)
        resting = OrderRequest(
            symbol=BTC,
            side=Side.BUY,
            kind=OrderKind.LIMIT,
            qty=Decimal("0.010"),
            limit_price=price(stage) - 900,
        )
        await stage.done(stage.desk.orders.submit(resting))
        stage.exchange.inject({"symbol": BTC, **FORCED[cause]}, stage.clock.wall_ns())
        await stage.passing(3)
        if "auto" in cause:  # the queue may reach an account again, under the same name
            stage.exchange.inject({"symbol": BTC, **FORCED[cause]}, stage.clock.wall_ns())
        await settled(stage, 10)
        assert stage.position() == (Decimal("0.125") if "part" in cause else 0)
        forced = [each for each in stage.desk.orders.orders() if each.provenance is Provenance.ADOPTED]
        matched = [each for each in forced if each.fills]
        assert len(matched) == (2 if "part" in cause else 1)
        assert all(each.state is OrderState.FILLED for each in forced)
        assert all(cause.partition(" ")[0] in each.reason for each in forced)
        assert (stage.desk.balances.drifts, stage.desk.positions.drifts) == (0, 0)


@pytest.mark.parametrize("cause", FORCED)
async def test_what_it_closes_while_nobody_hears_is_told_when_the_stream_is_back(cause: str) -> None:
    async with Stage(rate=50) as stage:
        await stage.done(stage.desk.ready(15))
        await stage.done(stage.desk.orders.submit(market(Side.BUY, "0.500")))
        await stage.passing(1)
        stage.reachable = False
        stage.cut()
        stage.exchange.inject({"symbol": BTC, **FORCED[cause]}, stage.clock.wall_ns())
        await stage.passing(3)
        stage.reachable = True
        await stage.done(stage.desk.ready(30), 40)
        await settled(stage, 10)
        assert stage.position() == (Decimal("0.250") if "part" in cause else 0)
        (forced,) = [each for each in stage.desk.orders.orders() if each.provenance is Provenance.ADOPTED]
        assert forced.state is OrderState.FILLED
        assert cause.partition(" ")[0] in forced.reason


def another_hand(stage: Stage, side: Side, qty: str) -> None:
    """Somebody else trades at the same account."""
    now_ns = stage.clock.wall_ns()
    order = {"symbol": "BTCUSDT", "side": side.name, "type": "MARKET", "quantity": qty}
    signer = Signer(Credentials(stage.truth.api_key, stage.truth.secret))
    query = signer.query([*order.items(), ("timestamp", str(now_ns // 1_000_000))])
    answer = stage.exchange.request("POST", "/fapi/v1/order", query, now_ns, signer.headers)
    assert not isinstance(answer, RefusedConnect)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("away_s", [1.0, 20.0])
async def test_what_a_stop_and_another_hand_did_while_nobody_heard_is_told_as_of_two_orders(
    away_s: float,
) -> None:
    async with Stage(rate=200) as stage:
        await stage.done(stage.desk.ready(15))
        stop = OrderRequest(
            symbol=BTC,
            side=Side.SELL,
            kind=OrderKind.STOP_LOSS,
            qty=Decimal("0.010"),
            trigger=Trigger(price(stage) - Decimal("0.1")),
        )
        placed = await stage.done(stage.desk.orders.submit(stop))
        stage.reachable = False
        stage.cut()
        another_hand(stage, Side.SELL, "0.020")
        for _ in range(600):
            await stage.passing(0.1)
            if len({trade.order_id for trade in stage.truth.trades}) == 2:
                break
        await stage.passing(away_s)
        stage.reachable = True
        await stage.done(stage.desk.ready(30), 40)
        await settled(stage, 15)
        known = {order.provenance: order for order in stage.desk.orders.orders()}
        assert len(stage.desk.orders.orders()) == 2
        assert known[Provenance.OURS].client_id == placed.client_id
        assert known[Provenance.OURS].filled_qty == Decimal("0.010")
        assert known[Provenance.ADOPTED].filled_qty == Decimal("0.020")


async def test_opening_a_desk_lists_all_orders_at_its_start_and_when_its_stream_stands() -> None:
    """Forty of the weight each, in either id space (dossier §3.4)."""
    async with Stage(rate=10) as stage:
        await stage.done(stage.desk.ready(15))
        await stage.passing(3)
        assert stage.desk.reconciliations == 2
        assert stage.asked.count("/fapi/v1/openOrders") == 2
        assert stage.asked.count("/fapi/v1/openAlgoOrders") == 2


def known(stage: Stage, client_id: str) -> Order:
    order = stage.desk.orders.get(client_id)
    assert order is not None
    return order


async def test_a_fill_that_a_stream_leaves_out_is_known_soon_because_its_position_has_moved() -> None:
    async with Stage(rate=200) as stage:
        await stage.done(stage.desk.ready(15))
        await stage.passing(10)
        near = OrderRequest(
            symbol=BTC,
            side=Side.BUY,
            kind=OrderKind.LIMIT,
            qty=Decimal("0.010"),
            limit_price=price(stage) - Decimal(70),
        )
        resting = await stage.done(stage.desk.orders.submit(near))
        await stage.passing(1)
        assert known(stage, resting.client_id).state is OrderState.WORKING
        stage.exchange.inject(
            {"kind": "DROP", "channel": "executions", "for_s": 600, "count": 1000}, stage.clock.wall_ns()
        )
        for _ in range(600):
            await stage.passing(0.1)
            if stage.fills():
                break
        assert known(stage, resting.client_id).filled_qty == 0

        await settled(stage, 3 * UNEXPLAINED_S)
        assert known(stage, resting.client_id).filled_qty > 0

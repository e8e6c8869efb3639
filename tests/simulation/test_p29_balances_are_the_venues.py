"""Earn transfers mid-session, fees in either currency, dust: what is tradable is exact to the last digit."""

from __future__ import annotations

from decimal import Decimal

from account_stage import AccountStage, Trader, buy, perform, sell
from leadline.engine.balances import BalanceDrift, Booked
from leadline.model.account import Balance
from leadline.model.order import FeeIn, OrderState
from leadline.model.reading import Source


async def owned(trader: Trader, asset: str, source: Source | None = None) -> Balance:
    return (await trader.does(trader.desk.balances.get(asset, source))).value


async def settled(stage: AccountStage) -> None:
    """The news of what has just happened has come, and it agrees with the venue."""
    await stage.until(stage.now_s + 0.5)
    assert await stage.balance_differences() == []


def test_what_moves_to_earn_is_owned_and_not_tradable_on_both_paths() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        stage.transfer("BTC", "7.25")
        await settled(stage)
        for source in (Source.STREAM, Source.REST):
            btc = await owned(trader, "BTC", source)
            assert (btc.total, btc.tradable, btc.earn) == (Decimal(10), Decimal("2.75"), Decimal("7.25"))

        stage.transfer("BTC", "0.25", to_earn=False)
        await settled(stage)
        btc = await owned(trader, "BTC")
        assert (btc.total, btc.tradable, btc.earn) == (Decimal(10), Decimal(3), Decimal(7))
        assert await trader.does(trader.desk.reconcile())
        assert trader.desk.balances.drifts == 0

    perform(scene)


def test_orders_sized_by_what_is_tradable_are_taken_and_by_the_total_refused() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        stage.transfer("BTC", "4.5")
        await settled(stage)
        btc = await owned(trader, "BTC")

        by_total = await trader.submit(sell(f"{btc.total}", "63400.0"))
        by_tradable = await trader.submit(sell(f"{btc.tradable}", "63400.0"))
        assert (by_total.state, by_total.reason) == (OrderState.REJECTED, "EOrder:Insufficient funds")
        assert by_tradable.state is OrderState.WORKING
        held = await owned(trader, "BTC", Source.REST)
        assert (held.held, held.available) == (Decimal("5.5"), Decimal(0))

    perform(scene)


def test_after_every_event_opening_and_bookings_are_the_venues_balance_to_the_last_digit() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        opening = {asset: row["spot"] for asset, row in stage.truth.balances().items()}
        requests = [
            (buy("0.12345678", "63379.3"), "0.00000333"),
            (sell("0.03333333", "63391.7"), "0.01234567"),
            (buy("0.07", "63380.1", fee_in=FeeIn.BASE), "0.03000001"),
            (sell("0.05", "63392.9", fee_in=FeeIn.BASE), "0.04999999"),
        ]
        for number, (request, part) in enumerate(requests):
            order = await trader.submit(request)
            await settled(stage)
            stage.fill(order.client_id, part)
            await settled(stage)
            stage.transfer("BTC", f"0.{number + 1}0000001", to_earn=number != 2)
            await settled(stage)
            stage.fill(order.client_id)
            await settled(stage)

        spot: dict[str, Decimal] = dict(opening)
        for _, booked in trader.heard(Booked):
            entry = booked.entry
            if entry.wallet is None or entry.wallet.kind.value == "spot":
                spot[entry.asset] += entry.amount - entry.fee
        assert spot == {asset: row["spot"] for asset, row in stage.truth.balances().items()}
        assert trader.desk.balances.drifts == 0
        assert stage.differences() == []
        charged = {fill["fee_asset"] for fill in stage.truth.fills()}
        assert charged == {"USD", "BTC"}

    perform(scene)


def test_dust_left_behind_is_told_to_its_last_digit() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        stage.transfer("BTC", "9.9999999999")
        await settled(stage)
        stage.transfer("ETH", "99.99999999")
        await settled(stage)

        assert (await owned(trader, "BTC")).tradable == Decimal("0.0000000001")
        assert (await owned(trader, "ETH", Source.REST)).tradable == Decimal("0.00000001")
        assert await trader.does(trader.desk.reconcile())

    perform(scene)


def test_a_balance_that_no_booking_explains_is_told_with_its_delta() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        stage.truth.account.balances["BTC", "spot/main"] += 12_345  # nobody is told
        stage.transfer("BTC", "1")
        await stage.until(stage.now_s + 0.5)

        ((_, drift),) = trader.heard(BalanceDrift)
        assert (drift.drift.asset, drift.drift.delta) == ("BTC", Decimal("0.0000012345"))
        assert trader.desk.balances.drifts == 1
        assert await stage.balance_differences() == []

    perform(scene)


def test_a_lost_booking_is_a_hole_and_not_a_drift() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        order = await trader.submit(buy("0.1"))
        await stage.until(stage.now_s + 1)
        stage.fault(kind="DROP", channel="balances", count=1)
        stage.fill(order.client_id, "0.01")
        stage.fill(order.client_id, "0.02")
        await stage.until(stage.now_s + 5)

        assert await stage.balance_differences() == []
        assert trader.heard(BalanceDrift) == []

    perform(scene)

"""Old positions, foreign trades, dust, an untimely snapshot: adopted, counted once, or told and held."""

from __future__ import annotations

import random
from decimal import Decimal

from account_stage import BTC, ETH, AccountStage, buy, perform, refused, sell
from leadline.clock import ManualClock
from leadline.emulator.orders import Ticket
from leadline.engine.account_events import Mismatch, Reconciled
from leadline.engine.blotter import Blotter
from leadline.engine.order_news import OrderEvent, OrderNews
from leadline.engine.records import Intent, OpeningBalance, Reported
from leadline.errors import CheckFailed, Held
from leadline.model.order import OrderReport, OrderState, Provenance
from leadline.venues.memory_orders import MemoryOrders
from leadline.venues.ports import Placement

FORTY_DAYS_S = 40 * 86_400.0
INTERLEAVINGS = 10_000
SETTLED_S = 15.0


async def forget(stage: AccountStage) -> None:
    """The program ends and its journal is gone: the next one knows of nothing."""
    await stage.stop()
    stage.trader.journal.path.unlink()


def test_a_position_of_forty_days_ago_is_adopted_as_an_opening_balance_and_not_as_trades() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        filled = await trader.submit(buy("0.5"))
        await stage.until(stage.now_s + 1)
        stage.fill(filled.client_id)
        standing = await trader.submit(buy("0.1", "60000.0"))
        await stage.until(stage.now_s + 1)
        await forget(stage)
        await stage.until(stage.now_s + FORTY_DAYS_S)

        trader = await stage.start()
        await stage.until(stage.now_s + SETTLED_S)

        (adopted,) = trader.orders.orders()
        assert (adopted.order_id, adopted.provenance) == (standing.order_id, Provenance.ADOPTED)
        assert adopted.fills == ()
        assert trader.orders.counts.fills == 0
        opening = {one.asset: one.qty for one in trader.journal.records() if isinstance(one, OpeningBalance)}
        assert opening == {asset: row["spot"] for asset, row in stage.truth.balances().items()}
        assert trader.orders.halts() == {}
        assert await stage.balance_differences() == []

    perform(scene)


def test_a_snapshot_between_a_fill_and_its_news_never_counts_twice_in_ten_thousand_interleavings() -> None:
    rng = random.Random(11)
    for _ in range(INTERLEAVINGS):
        _interleaved(rng)


def _interleaved(rng: random.Random) -> None:
    """An order filled in parts; the stream tells late and twice, look-ups answer from any moment before."""
    clock = ManualClock()
    venue = MemoryOrders(lambda: clock.mono_ns())
    told: list[OrderNews] = []
    blotter = Blotter(clock, lambda record: None, told.append)
    request = buy("0.04")
    blotter.decided(
        Intent(at_ns=0, client_id="ours", userref=None, requested=request, sent=request, deadline_ns=10**9)
    )
    order = venue.place(Placement("ours", None, request, 10**9))
    answers: list[tuple[int, list[OrderReport]]] = []
    stream: list[OrderReport] = []
    parts = 4
    while parts or answers or stream or venue.outbox:
        clock.advance(0.5)
        match rng.randrange(5):
            case 0 if parts:
                venue.fill(order, Decimal("0.01"), Decimal("63380.0"))
                parts -= 1
            case 1 if parts:
                answers.append((clock.mono_ns(), order.described()))
            case 2:
                stream += venue.deliver()
            case 3 if stream:
                report = stream.pop(0)
                blotter.reported([report] * rng.choice((1, 1, 2)), clock.mono_ns())
            case 4 if answers:
                asked_ns, reports = answers.pop(rng.randrange(len(answers)))
                blotter.reported(reports, clock.mono_ns(), asked_ns)
    known = blotter.get("ours")
    assert known is not None
    assert known.state is OrderState.FILLED
    assert sorted(fill.exec_id for fill in known.fills) == [fill.exec_id for fill in order.fills]
    counted = [one.fill.exec_id for one in told if isinstance(one, OrderEvent) and one.fill is not None]
    assert len(counted) == len(set(counted)) == blotter.counts.fills == len(order.fills)


def test_the_rest_snapshot_in_that_moment_halts_nothing_and_drifts_nothing() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        order = await trader.submit(buy("0.1"))
        for number in range(40):
            await stage.until(stage.now_s + 15)
            reconciling = trader.does(trader.desk.reconcile())
            await stage.clock.sleep(0.005 * number)
            stage.fault(kind="SHUFFLE", channel="all", delay_s=2.0, count=4)
            stage.fill(order.client_id, "0.001")
            assert await reconciling
        await stage.until(stage.now_s + SETTLED_S)

        assert trader.heard(Mismatch) == []
        assert trader.desk.balances.drifts == 0
        assert trader.orders.halts() == {}
        assert stage.differences() == []
        assert await stage.balance_differences() == []

    perform(scene)


def test_a_trade_of_another_client_is_adopted_with_its_fills() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        ours = await trader.submit(buy("0.01"))
        for offline in (False, True):
            by_hand = Ticket(BTC, "sell", "limit", qty=5_000_000, limit_price=634_000 - offline)
            if offline:
                stage.fault(kind="REFUSE", for_s=10)
                stage.cut()
            other = stage.exchange.trading.add(stage.truth.account, by_hand, stage.network.venue_ns)
            stage.network.step()
            await stage.until(stage.now_s + 1)
            stage.fill(other.order_id, "0.02")
            await stage.until(stage.now_s + 20)

            known = trader.orders.get(other.order_id)
            assert (known.provenance, known.filled_qty) == (Provenance.ADOPTED, Decimal("0.02"))
        assert trader.orders.get(ours.client_id).state is OrderState.WORKING
        assert stage.differences() == []
        assert await stage.balance_differences() == []
        assert trader.orders.halts() == {}

    perform(scene)


def test_dust_that_no_order_can_sell_is_owned_and_stops_nothing() -> None:
    async def scene(stage: AccountStage) -> None:
        dust = Decimal("0.0000000001")
        stage.truth.account.balances["BTC", "spot/main"] = 1
        trader = await stage.start()
        balance = (await trader.does(trader.desk.balances.get("BTC"))).value

        assert (balance.total, balance.tradable) == (dust, dust)
        assert isinstance(await refused(trader.submit(sell(str(dust)))), CheckFailed)
        assert (await trader.submit(buy("0.01"))).state is OrderState.WORKING
        assert await trader.does(trader.desk.reconcile())
        assert trader.orders.halts() == {}

    perform(scene)


def test_what_still_differs_after_three_rounds_is_told_once_with_both_values_and_halts_that_symbol() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        order = await trader.submit(buy("0.01"))
        await stage.until(stage.now_s + 10)
        stage.fault(kind="REPLY", path="/OpenOrders", body='{"error":[],"result":{"open":{}}}')
        stage.fault(kind="REPLY", path="/QueryOrders", body='{"error":[],"result":{}}')
        asked_s = stage.now_s
        for _ in range(2):
            assert not await trader.does(trader.desk.reconcile())

        assert len(stage.rest("OpenOrders", asked_s)) == 2 * 3
        ((_, mismatch),) = trader.heard(Mismatch)
        assert mismatch.symbol == BTC
        assert order.order_id in mismatch.ours
        assert mismatch.theirs == "not among the open orders"
        assert isinstance(await refused(trader.submit(buy("0.01"))), Held)
        assert (await trader.submit(buy("0.1", "3000.00", ETH))).state is OrderState.WORKING

        stage.heal()
        await stage.until(stage.now_s + SETTLED_S)
        assert await trader.does(trader.desk.reconcile())
        assert trader.orders.halts() == {}
        assert (await trader.submit(buy("0.01"))).state is OrderState.WORKING
        assert trader.heard(Reconciled)
        assert not [
            record
            for record in trader.journal.records()
            if isinstance(record, Reported) and record.report.fill is not None
        ]

    perform(scene)

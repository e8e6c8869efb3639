from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from leadline.app.access import open_access, open_errands, order_desk, wire_form
from leadline.app.config import Settings
from leadline.app.opening import address_of, open_system
from leadline.clock import SystemClock
from leadline.errors import CheckFailed, ConfigError, JournalBusy
from leadline.model.order import OrderKind, OrderState
from leadline.venues.ports import Path as Way
from served_account import far_bid, served_account
from served_binance import served_binance

Told = list[str]


async def test_an_order_is_followed_until_the_venue_has_spoken(tmp_path: Path) -> None:
    async with served_account(tmp_path) as venue, order_desk(venue.settings, "main") as desk:
        resting = await desk.place(far_bid())
        at_market = await desk.place(far_bid(limit_price=None, kind=OrderKind.MARKET))
        refused = await desk.place(far_bid(qty=Decimal(5000)))

    assert resting.state is OrderState.WORKING
    assert (at_market.state, at_market.filled_qty) == (OrderState.FILLED, Decimal("0.01"))
    assert refused.state is OrderState.REJECTED
    assert "Insufficient funds" in refused.reason


async def test_an_order_goes_by_rest_when_the_stream_is_not_there(tmp_path: Path) -> None:
    async with served_account(tmp_path) as venue:
        venue.inject(kind="REFUSE", route="ws")
        async with order_desk(venue.settings, "main") as desk:
            order = await desk.place(far_bid())

    assert order.state is OrderState.WORKING


async def test_one_order_never_cancels_others_on_its_way_out(tmp_path: Path) -> None:
    async with served_account(tmp_path) as venue:
        careful = replace(venue.settings.accounts[0], cancel_on_exit=True, dead_man_s=60)
        settings = replace(venue.settings, accounts=(careful,))
        async with order_desk(settings, "main") as desk:
            await desk.place(far_bid())
        async with open_errands(settings, "main", emergency=True, tell=print) as errands:
            orders, way = await errands.open_orders()

    assert (len(orders), way) == (1, Way.REST)


async def test_everything_but_a_new_order_works_beside_a_program_that_trades(tmp_path: Path) -> None:
    told: Told = []
    async with served_account(tmp_path) as venue, open_system(venue.settings, account="main") as system:
        await system.ready()
        order = await system.orders.submit(far_bid())
        async with open_errands(venue.settings, "main", emergency=False, tell=told.append) as errands:
            snapshot, way = await errands.balances()
            listed, _ = await errands.open_orders()
            assert order.order_id is not None
            (result,) = await errands.cancel([order.order_id])
        with pytest.raises(JournalBusy, match="work beside it"):
            async with order_desk(venue.settings, "main"):
                raise AssertionError("entered")

    assert (way, told) == (Way.STREAM, [])
    assert {"BTC", "USD"} <= {balance.asset for balance in snapshot.balances}
    assert [one.order_id for one in listed] == [order.order_id]
    assert (result.ok, result.path) == (True, Way.STREAM)


async def test_a_stream_that_cannot_be_reached_is_told_and_rest_taken(tmp_path: Path) -> None:
    told: Told = []
    async with served_account(tmp_path) as venue:
        async with order_desk(venue.settings, "main") as desk:
            placed = await desk.place(far_bid())
        venue.inject(kind="REFUSE", route="ws")
        async with open_errands(venue.settings, "main", emergency=False, tell=told.append) as errands:
            listed, way = await errands.open_orders()
            count, _ = await errands.cancel_all()

    assert (way, count, [one.order_id for one in listed]) == (Way.REST, 1, [placed.order_id])
    assert len(told) == 1
    assert "going by REST" in told[0]


async def test_cancels_work_where_the_keys_files_cannot_be_used_and_orders_do_not(tmp_path: Path) -> None:
    told: Told = []
    async with served_account(tmp_path / "good") as venue:
        async with order_desk(venue.settings, "main") as desk:
            await desk.place(far_bid())
        (tmp_path / "bad" / "kraken").mkdir(parents=True)
        (tmp_path / "bad" / "kraken" / "keys").write_text("in the way")
        broken = replace(venue.settings, state_dir=tmp_path / "bad")
        async with open_errands(broken, "main", emergency=True, tell=told.append) as errands:
            count, _ = await errands.cancel_all()
        with pytest.raises(ConfigError):
            async with order_desk(broken, "main"):
                raise AssertionError("entered")

    assert count == 1
    assert told[0].endswith("; going on without it")


async def test_what_will_be_sent_is_shown_name_by_name(tmp_path: Path) -> None:
    async with served_account(tmp_path) as venue:
        rows = dict(await wire_form(venue.settings, "main", far_bid()))
        with pytest.raises(CheckFailed, match="limit_price"):
            await wire_form(venue.settings, "main", far_bid(limit_price=Decimal("0.01234")))

    assert (rows["symbol"], rows["side"], rows["order_type"]) == ('"BTC/USD"', '"buy"', '"limit"')
    assert Decimal(rows["order_qty"]) == Decimal("0.01")
    assert "cl_ord_id" not in rows


async def test_an_account_that_is_not_set_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no account is set"):
        async with open_access(Settings(state_dir=tmp_path / "s"), "main"):
            raise AssertionError("entered")

    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("symbol", ["BTC/USD", "XBTUSD", "XXBTZUSD"])
async def test_an_order_may_name_its_symbol_in_any_spelling(tmp_path: Path, symbol: str) -> None:
    async with served_account(tmp_path) as venue:
        rows = dict(await wire_form(venue.settings, "main", replace(far_bid(), symbol=symbol)))
        async with order_desk(venue.settings, "main") as desk:
            order = await desk.place(replace(far_bid(), symbol=symbol))

    assert (rows["symbol"], order.symbol, order.state) == ('"BTC/USD"', "BTC/USD", OrderState.WORKING)


@pytest.mark.parametrize(
    ("errand", "most"),
    [("balances", 10), ("open_orders", 90), ("cancel", 10), ("cancel_all", 170)],
    ids=lambda value: str(value),
)
async def test_an_errand_costs_no_more_than_its_own_requests_where_the_stream_tells_no_snapshot(
    tmp_path: Path, errand: str, most: int
) -> None:
    told: Told = []
    async with served_binance(tmp_path) as venue:
        async with order_desk(venue.settings, "main") as desk:
            placed = await desk.place(replace(far_bid(), symbol="BTC/USDT:USDT", limit_price=Decimal(60_000)))
        before = venue.exchange.weights.used(SystemClock().wall_ns())
        async with open_errands(venue.settings, "main", emergency=False, tell=told.append) as errands:
            done = {
                "balances": errands.balances,
                "open_orders": errands.open_orders,
                "cancel": lambda: errands.cancel([placed.order_id or ""]),
                "cancel_all": errands.cancel_all,
            }
            found = await done[errand]()
        weight = venue.exchange.weights.used(SystemClock().wall_ns()) - before

    ways = [one.path for one in found] if isinstance(found, list) else [found[1]]
    assert (ways, told) == ([Way.REST], [])
    assert weight <= most


async def test_an_emergency_cancels_all_though_the_budget_of_the_address_is_spent(tmp_path: Path) -> None:
    told: Told = []
    async with served_binance(tmp_path) as venue:
        async with order_desk(venue.settings, "main") as desk:
            await desk.place(replace(far_bid(), symbol="BTC/USDT:USDT", limit_price=Decimal(60_000)))
        async with open_errands(venue.settings, "main", emergency=True, tell=told.append) as errands:
            weight = address_of(venue.settings).budget.weight
            while weight.take(10, SystemClock().mono_ns()) == 0:
                pass
            count, _ = await errands.cancel_all()

    assert (count, told) == (1, [])


@pytest.mark.parametrize("slip", ["BTCUSDT:1", "algo:1", "NOPEUSDT:1"])
async def test_an_id_that_no_order_ever_had_is_not_told_as_cancelled(tmp_path: Path, slip: str) -> None:
    async with (
        served_binance(tmp_path) as venue,
        open_errands(venue.settings, "main", emergency=False, tell=print) as errands,
    ):
        (result,) = await errands.cancel([slip])

    assert (result.ok, result.state) == (False, None)
    assert result.error is not None

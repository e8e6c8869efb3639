from __future__ import annotations

import asyncio
import logging
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from leadline.app.access import open_access
from leadline.app.opening import open_system
from leadline.app.settings import LineSettings
from leadline.clock import SystemClock
from leadline.core.breaker import BreakerState
from leadline.engine.configuration import ExpectedConfiguration
from leadline.errors import (
    BreakerOpen,
    CheckFailed,
    ConfigError,
    ConnectFailed,
    Held,
    JournalBusy,
    Stale,
)
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest, OrderState
from leadline.net.http import Purpose
from leadline.venues.kraken.auth import Credentials
from leadline.venues.kraken.kit import KrakenKey
from served_account import far_bid, served_account
from served_binance import served_binance


async def test_a_system_with_an_account_places_and_follows_an_order(tmp_path: Path) -> None:
    async with served_account(tmp_path) as venue, open_system(venue.settings, account="main") as system:
        await system.ready()
        order = await system.orders.submit(far_bid())

        assert order.state is OrderState.WORKING
        assert [one.order_id for one in system.orders.open()] == [order.order_id]
        balance = await system.balances.get("BTC")
        assert balance.value.total > 0
        await system.orders.cancel_all()


async def test_an_account_has_as_many_private_lines_as_are_set_and_says_whether_one_may_go(
    tmp_path: Path,
) -> None:
    async with served_account(tmp_path) as venue:
        settings = replace(venue.settings, lines=LineSettings(private=2))
        system = open_system(settings, account="main")
        assert system.account is not None
        assert system.account.may_rotate() is None
        async with system:
            await system.ready()
            assert [line.number for line in system.desk.lines.lines] == [1, 2]
            assert system.account.may_rotate() is None
            placing = asyncio.ensure_future(system.orders.submit(far_bid()))
            while not system.orders.unknown():
                await system.clock.sleep(0)
            assert "is UNKNOWN" in (system.account.may_rotate() or "")
            await placing
            await system.orders.cancel_all()


async def test_an_order_is_known_to_the_next_system_on_the_same_journal(tmp_path: Path) -> None:
    async with served_account(tmp_path) as venue:
        async with open_system(venue.settings, account="main") as system:
            await system.ready()
            placed = await system.orders.submit(far_bid())
        async with open_system(venue.settings, account="main") as system:
            await system.ready()
            found = system.orders.get(placed.client_id)

    assert found is not None
    assert (found.order_id, found.state) == (placed.order_id, OrderState.WORKING)


async def test_a_second_system_on_the_same_account_is_refused_by_name_and_cure(tmp_path: Path) -> None:
    async with served_account(tmp_path) as venue, open_system(venue.settings, account="main"):
        with pytest.raises(JournalBusy, match=r"orders\.sqlite is used by process \d+; stop it"):
            async with open_system(venue.settings, account="main"):
                raise AssertionError("entered")


async def test_cancel_on_exit_leaves_nothing_on_the_book(tmp_path: Path) -> None:
    async with served_account(tmp_path) as venue:
        careful = replace(venue.settings.accounts[0], cancel_on_exit=True)
        async with open_system(replace(venue.settings, accounts=(careful,)), account="main") as system:
            await system.ready()
            await system.orders.submit(far_bid())
        async with open_system(venue.settings, account="main") as system:
            await system.ready()

            assert system.orders.open() == []


async def test_without_an_account_orders_say_how_to_get_one(tmp_path: Path) -> None:
    async with served_account(tmp_path) as venue, open_system(venue.settings) as system:
        for what in ("orders", "balances", "desk"):
            with pytest.raises(ConfigError, match='open it with account="main"'):
                getattr(system, what)


async def test_an_account_that_is_not_set_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    async with served_account(tmp_path) as venue:
        with pytest.raises(ConfigError, match="there is no account 'second'; there are main at Kraken"):
            open_system(venue.settings, account="second")


async def test_a_key_that_may_not_stream_is_said_at_once(tmp_path: Path) -> None:
    async with served_account(tmp_path) as venue:
        known = venue.settings.accounts[0]
        unknown = replace(known, key=KrakenKey(Credentials("A" * 56, known.key.credentials.secret)))
        async with open_system(replace(venue.settings, accounts=(unknown,)), account="main") as system:
            with pytest.raises(ConnectFailed, match="the key may not open the stream: EAPI:Invalid key"):
                await system.ready(20)


async def test_what_keeps_the_account_from_being_ready_is_told(tmp_path: Path) -> None:
    async with served_account(tmp_path) as venue:
        venue.inject(kind="REFUSE", route="ws")
        async with open_system(venue.settings, account="main") as system:
            with pytest.raises(Stale, match="cannot reach 127"):
                await system.ready(1)


async def test_a_breaker_that_was_open_is_open_after_a_restart_and_holds_orders(tmp_path: Path) -> None:
    async with served_account(tmp_path) as venue:
        async with open_access(venue.settings, "main") as access:
            breaker, clock = access.ports.breaker, SystemClock()
            breaker.force(BreakerState.OPEN, "by hand")
            await access.market.load()
            await access.ports.account.fetch_token()
            assert breaker.state(clock.mono_ns()) is BreakerState.OPEN
        async with open_system(venue.settings, account="main") as system:
            await system.ready()
            with pytest.raises(BreakerOpen, match="held open: by hand"):
                await system.orders.submit(far_bid())


async def test_it_can_be_left_while_it_connects(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with served_account(tmp_path) as venue:
        with caplog.at_level(logging.ERROR, "leadline"):
            for _ in range(3):
                async with open_system(venue.settings, account="main"):
                    await asyncio.sleep(0)

    assert caplog.text == ""


async def test_requests_leave_on_a_connection_of_their_own_where_the_venue_has_one(tmp_path: Path) -> None:
    async with served_binance(tmp_path) as venue, open_system(venue.settings, account="main") as system:
        await system.ready()
        assert system.account is not None
        async with asyncio.timeout(5):
            while not system.account.account.can_stream():  # noqa: ASYNC110 - a state, not an event
                await asyncio.sleep(0.01)
        order = await system.orders.submit(
            OrderRequest(
                symbol="BTC/USDT:USDT", side=Side.BUY, kind=OrderKind.LIMIT, qty=Decimal("0.010"),
                limit_price=Decimal(50_000),
            )
        )  # fmt: skip
        asked = [one for one in system.account.audit.operations if one.purpose is Purpose.ORDER]

        assert order.state is OrderState.WORKING
        assert [one.path for one in asked] == ["stream"]
        assert system.account.level3 is None
        with pytest.raises(CheckFailed, match="binance streams no single orders"):
            system.level3("BTCUSDT")


async def test_an_account_that_is_not_as_expected_places_nothing(tmp_path: Path) -> None:
    async with served_binance(tmp_path) as venue:
        strict = replace(venue.settings.accounts[0], expected=ExpectedConfiguration(hedge=True))
        async with open_system(replace(venue.settings, accounts=(strict,)), account="main") as system:
            await system.ready()
            with pytest.raises(Held, match="the account is in one-way mode, and hedge mode is expected"):
                await system.orders.submit(
                    OrderRequest(
                        symbol="BTC/USDT:USDT", side=Side.BUY, kind=OrderKind.MARKET, qty=Decimal("0.010")
                    )
                )

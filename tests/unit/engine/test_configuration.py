"""How the account trades contracts, held against what is expected."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from deskrig import DeskRig, buy
from leadline.clock import NS_PER_S, ManualClock
from leadline.core.account_session import ConfigurationReported
from leadline.engine.alarm import Spawn
from leadline.engine.configuration import (
    RETRY_S,
    WATCH_S,
    Configuration,
    ConfigurationChanged,
    ExpectedConfiguration,
)
from leadline.errors import CheckFailed, ConnectFailed, Held
from leadline.model.account import AccountConfiguration, MarginMode, SymbolConfiguration
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest, PositionSide
from leadline.net.http import Purpose
from leadline.venues.memory_account import MemoryAccount

BTC = "BTC/USDT:USDT"
CROSS_5 = SymbolConfiguration(BTC, 5, MarginMode.CROSS)
ONE_WAY = AccountConfiguration(False, False, True, (CROSS_5,))
HEDGE = replace(ONE_WAY, hedge=True)


def order(side: Side = Side.BUY, **more: Any) -> OrderRequest:
    return OrderRequest(symbol=BTC, side=side, kind=OrderKind.MARKET, qty=Decimal(1), **more)


class Rig:
    """A configuration nobody runs, unless the test does."""

    venue_type = MemoryAccount

    def __init__(self, told: AccountConfiguration | None = ONE_WAY, **expected: Any) -> None:
        self.clock = ManualClock(mono_ns=1_000 * NS_PER_S)
        self.venue = self.venue_type(self.clock, ["BTC/USD"])
        self.venue.configuration = told
        self.events: list[ConfigurationChanged] = []
        self.freed = 0
        self.configuration = Configuration(
            self.venue,
            self.clock,
            ExpectedConfiguration(**expected),
            self.events.append,
            self._free,
            self._spawn,
        )

    def _free(self) -> None:
        self.freed += 1

    _spawn: Spawn = staticmethod(asyncio.create_task)  # type: ignore[assignment]

    async def read(self) -> Configuration:
        await self.configuration.read()
        return self.configuration

    async def passing(self, seconds: float) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        self.clock.advance(seconds)
        for _ in range(20):
            await asyncio.sleep(0)


def test_nothing_expected_and_nothing_known_lets_everything_pass() -> None:
    Rig().configuration.check(order())


def test_while_it_is_not_known_no_order_leaves_where_something_is_expected() -> None:
    rig = Rig(hedge=False)
    with pytest.raises(Held, match="not known yet"):
        rig.configuration.check(order())


async def test_an_account_as_expected_trades() -> None:
    configuration = await Rig(
        hedge=False, multi_assets=False, margin_mode=MarginMode.CROSS, leverage=5
    ).read()
    configuration.check(order())
    assert configuration.problems == ()


@pytest.mark.parametrize(
    ("expected", "cure"),
    [
        ({"hedge": True}, r"set_hedge\(True\)"),
        ({"multi_assets": True}, "multi_assets"),
        ({"margin_mode": MarginMode.ISOLATED}, "set_margin_mode"),
        ({"leverage": 3}, "set_leverage.*3"),
    ],
)
async def test_each_mismatch_is_refused_with_an_explanation_and_its_cure(
    expected: dict[str, Any], cure: str
) -> None:
    configuration = await Rig(**expected).read()
    with pytest.raises(Held, match=cure):
        configuration.check(order())


async def test_what_reduces_passes_unless_long_and_short_are_not_kept_as_expected() -> None:
    configuration = await Rig(leverage=3, multi_assets=True).read()
    configuration.check(order(Side.SELL, reduce_only=True))
    configuration = await Rig(hedge=True).read()
    with pytest.raises(Held, match="hedge"):
        configuration.check(order(Side.SELL, reduce_only=True))


@pytest.mark.parametrize(
    ("told", "side", "position_side", "reduce_only"),
    [
        (ONE_WAY, Side.BUY, PositionSide.LONG, False),
        (HEDGE, Side.BUY, PositionSide.NET, False),
        (HEDGE, Side.BUY, PositionSide.LONG, True),
        (HEDGE, Side.SELL, PositionSide.SHORT, True),
    ],
)
async def test_a_wrong_position_side_for_the_mode_is_refused_before_it_is_sent(
    told: AccountConfiguration, side: Side, position_side: PositionSide, reduce_only: bool
) -> None:
    configuration = await Rig(told).read()
    with pytest.raises(CheckFailed, match=BTC):
        configuration.check(order(side, position_side=position_side, reduce_only=reduce_only))


async def test_a_right_position_side_passes() -> None:
    configuration = await Rig(HEDGE).read()
    configuration.check(order(Side.SELL, position_side=PositionSide.LONG, reduce_only=True))
    configuration.check(order(Side.SELL, position_side=PositionSide.SHORT))


async def test_an_account_that_must_not_trade_opens_nothing() -> None:
    configuration = await Rig(replace(ONE_WAY, can_trade=False)).read()
    with pytest.raises(Held, match="does not let"):
        configuration.check(order())
    configuration.check(order(Side.SELL, reduce_only=True))


async def test_a_symbol_that_is_not_known_is_read_before_its_first_order() -> None:
    rig = Rig(replace(ONE_WAY, symbols=()), leverage=5)
    task = asyncio.create_task(rig.configuration.run())
    await rig.passing(0)
    with pytest.raises(Held, match="being read"):
        rig.configuration.check(order())
    rig.venue.configuration = ONE_WAY
    await rig.passing(0)
    rig.configuration.check(order())
    task.cancel()


async def test_a_change_while_running_is_told_and_holds_and_the_cure_frees(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig(hedge=False)
    configuration = await rig.read()
    with caplog.at_level(logging.ERROR, "leadline"):
        configuration.receive(ConfigurationReported(HEDGE))
    assert len(caplog.records) == 1
    assert rig.events[-1].before == ONE_WAY
    assert len(rig.events[-1].problems) == 1
    with pytest.raises(Held):
        configuration.check(order())
    freed = rig.freed
    configuration.receive(ConfigurationReported(ONE_WAY))
    assert rig.freed == freed + 1
    configuration.check(order())


async def test_the_same_again_is_no_change() -> None:
    rig = Rig()
    configuration = await rig.read()
    configuration.receive(ConfigurationReported(ONE_WAY))
    await configuration.read()
    assert len(rig.events) == 1


async def test_a_symbol_told_of_for_the_first_time_is_no_change() -> None:
    rig = Rig(replace(ONE_WAY, symbols=()))
    configuration = await rig.read()
    configuration.receive(ConfigurationReported(ONE_WAY))
    assert (len(rig.events), configuration.of(BTC)) == (1, CROSS_5)
    other = replace(CROSS_5, leverage=9)
    configuration.receive(ConfigurationReported(replace(ONE_WAY, symbols=(other,))))
    assert len(rig.events) == 2


async def test_it_is_read_again_and_again_because_no_event_tells_the_position_mode() -> None:
    rig = Rig(hedge=False)
    task = asyncio.create_task(rig.configuration.run())
    await rig.passing(0)
    rig.configuration.check(order())
    rig.venue.configuration = HEDGE
    await rig.passing(WATCH_S)
    with pytest.raises(Held, match="hedge mode"):
        rig.configuration.check(order())
    task.cancel()


async def test_a_read_that_fails_is_said_once_and_tried_again_soon(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(hedge=False)
    rig.venue.failing = ConnectFailed("no way")
    task = asyncio.create_task(rig.configuration.run())
    with caplog.at_level(logging.WARNING, "leadline"):
        for _ in range(3):
            await rig.passing(RETRY_S)
    assert len(caplog.records) == 1
    rig.venue.failing = None
    await rig.passing(RETRY_S)
    rig.configuration.check(order())
    task.cancel()


async def test_a_venue_without_contracts_is_asked_once() -> None:
    rig = Rig(None)
    await rig.configuration.run()
    assert rig.configuration.known is None
    rig.configuration.check(order())


async def test_what_a_program_sets_is_known_at_once_and_frees_what_waited_for_it() -> None:
    rig = Rig(HEDGE, leverage=3, margin_mode=MarginMode.ISOLATED, hedge=False)
    configuration = await rig.read()
    assert await configuration.set_leverage(BTC, 3) == 3
    await configuration.set_margin_mode(BTC, MarginMode.ISOLATED)
    freed = rig.freed
    with pytest.raises(Held):
        configuration.check(order())
    await configuration.set_hedge(False)
    configuration.check(order())
    assert rig.freed > freed
    assert configuration.of(BTC) == SymbolConfiguration(BTC, 3, MarginMode.ISOLATED)


async def test_leverage_and_margin_mode_of_a_symbol_are_known() -> None:
    configuration = await Rig().read()
    assert configuration.of(BTC) == CROSS_5
    assert configuration.of("ETH/USDT:USDT") is None


class Sparing(MemoryAccount):
    """Tells of the symbols that it is asked for, and of no others."""

    async def fetch_configuration(
        self, symbols: Sequence[str], purpose: Purpose
    ) -> AccountConfiguration | None:
        told = await super().fetch_configuration(symbols, purpose)
        asked = [each for each in (told.symbols if told else ()) if each.symbol in symbols]
        return told and replace(told, symbols=tuple(asked))


class SparingRig(Rig):
    venue_type = Sparing


async def test_a_symbol_that_is_known_is_read_again_though_no_order_was_for_it() -> None:
    rig = SparingRig()
    rig.configuration.receive(ConfigurationReported(ONE_WAY))
    rig.venue.configuration = replace(ONE_WAY, symbols=(replace(CROSS_5, leverage=20),))
    told = (await rig.read()).of(BTC)

    assert told is not None
    assert told.leverage == 20
    assert [event.before for event in rig.events] == [None, ONE_WAY]


async def test_a_desk_refuses_its_first_order_where_the_account_is_not_as_expected() -> None:
    clock = ManualClock(mono_ns=1_000 * NS_PER_S)
    venue = MemoryAccount(clock, ["BTC/USD"])
    venue.configuration = HEDGE
    async with DeskRig(clock=clock, venue=venue, expected=ExpectedConfiguration(hedge=False)) as rig:
        await rig.connect()
        with pytest.raises(Held, match="one-way mode is expected"):
            await rig.desk.orders.submit(buy())
        assert venue.sent == []
        venue.configuration = ONE_WAY
        await rig.desk.configuration.read(purpose=Purpose.ACCOUNT)
        await rig.desk.orders.submit(buy())
        assert len(venue.sent) == 1


async def test_an_order_that_may_wait_leaves_once_the_account_is_as_expected() -> None:
    clock = ManualClock(mono_ns=1_000 * NS_PER_S)
    venue = MemoryAccount(clock, ["BTC/USD"])
    venue.configuration = HEDGE
    async with DeskRig(clock=clock, venue=venue, expected=ExpectedConfiguration(hedge=False)) as rig:
        await rig.connect()
        waiting = asyncio.ensure_future(rig.desk.orders.submit(buy(), wait_s=30))
        await rig.passing(1)
        assert venue.sent == []
        rig.desk.receive(ConfigurationReported(ONE_WAY), clock.mono_ns())
        await rig.passing(1)
        await waiting
        assert len(venue.sent) == 1

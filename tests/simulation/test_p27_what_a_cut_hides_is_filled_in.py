"""Forty-five seconds without a connection across the turn of a minute: trades filled in, bars corrected."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from leadline.clock import NS_PER_S
from leadline.core.session import LineUp
from leadline.emulator import tape
from leadline.model.market import Bar, Channel, Gap, GapCause
from leadline.model.reading import Reading, Source
from scenario import BTC, BTC_PAIR, ONE_WAY_S, Everything, Scenario, each, perform
from stage import START_NS

CUT_S, OUT_S = 75.0, 45.0
TURN_S = 100.0
"""A minute begins here: the stage's time begins twenty seconds into one."""
END_S = 230.0
BUSY = replace(BTC_PAIR, weight=1.0)
RATE = 40.0
FIRST_DATA_S = 0.5
"""From an upgrade to the snapshot of what was subscribed on it."""


@pytest.mark.parametrize("lines", [1, 2])
def test_trades_of_an_outage_are_filled_in_by_id_in_order_and_marked(lines: int) -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(each([BTC], Channel.TRADES), lines=lines) as client:
            reader = Everything(world, client.feed.every_trade(BTC))
            _cut(world)
            await world.until(END_S)
            await reader.stop()

            trades = [(at_s, reading.value) for at_s, reading in reader.items if isinstance(reading, Reading)]
            known = [trade for _, trade in trades]
            hidden = _printed(world, CUT_S, CUT_S + OUT_S)
            assert len(hidden) > 300
            assert len({one.time_ns for one in hidden}) < len(hidden)
            ids = [trade.trade_id for trade in known]
            assert len(ids) == len(set(ids))
            assert sorted(ids) == list(range(min(ids), max(ids) + 1))
            filled = [trade.trade_id for trade in known if trade.backfilled]
            assert filled == sorted(filled)
            assert {one.trade_id for one in hidden} <= set(filled)
            up_s, _ = client.told(LineUp)[lines]
            assert len(filled) <= len(_printed(world, CUT_S - ONE_WAY_S, up_s + FIRST_DATA_S))
            truth = {one.trade_id: one for one in world.exchange.market.listings[BTC].tape.trades}
            for trade in known:
                if trade.trade_id in truth:
                    assert trade.price == _scaled(truth[trade.trade_id].price, BUSY.price_precision)
                    assert trade.qty == _scaled(truth[trade.trade_id].qty, BUSY.qty_precision)
            verified = {r.verified for _, r in reader.items if isinstance(r, Reading) and r.value.backfilled}
            assert verified == {False}
            gaps = reader.of(Gap)
            assert gaps[0].cause is GapCause.DISCONNECTED
            assert (gaps[-1].filled, gaps[-1].suspected) == (True, False)
            assert client.feed.stats.gaps.unfilled == 0

    perform(scene, [BUSY], rate=RATE)


def test_bars_hurt_by_an_outage_are_incomplete_until_rest_has_corrected_them() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(each([BTC], Channel.BARS)) as client:
            reader = Everything(world, client.feed.every_bar(BTC))
            _cut(world)
            await world.until(END_S)
            await reader.stop()

            told = [(at_s, item) for at_s, item in reader.items if isinstance(item, Reading)]
            truth = {bar.begin_s: bar for bar in world.exchange.market.listings[BTC].tape.minutes}
            complete = [(at_s, reading) for at_s, reading in told if reading.value.complete]
            for _, reading in complete:
                assert _like(reading.value, truth[reading.value.begin_ns // NS_PER_S])
                assert reading.value.trades > 0
            hurt = {(START_NS // NS_PER_S) + begin_s for begin_s in (TURN_S - 60, TURN_S)}
            for begin_s in hurt:
                of_minute = [(s, r.value) for s, r in told if r.value.begin_ns == begin_s * NS_PER_S]
                states = [bar.complete for _, bar in of_minute]
                assert states == [False] * (len(states) - 1) + [True]
                assert of_minute[-1][0] >= begin_s + 60 - START_NS // NS_PER_S
            corrected = [r.source for _, r in complete if r.value.begin_ns // NS_PER_S in hurt]
            assert corrected == [Source.REST, Source.REST]
            gap = reader.of(Gap)[-1]
            assert (gap.cause, gap.filled) == (GapCause.DISCONNECTED, True)

    perform(scene, [BUSY], rate=RATE)


def test_a_minute_in_which_nothing_traded_is_never_made_up() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(each([BTC], Channel.BARS)) as client:
            reader = Everything(world, client.feed.every_bar(BTC))
            _cut(world)
            world.at(130, kind="STATUS", symbol=BTC, mode="cancel_only", for_s=240)
            await world.until(450)
            await reader.stop()

            bars = reader.of(Reading)
            traded = {bar.begin_s for bar in world.exchange.market.listings[BTC].tape.minutes}
            assert {reading.value.begin_ns // NS_PER_S for reading in bars} <= traded
            assert all(reading.value.trades > 0 for reading in bars)
            assert len(traded) <= 11  # of thirteen minutes

    perform(scene, [BUSY], rate=20)


def test_what_rest_does_not_tell_either_is_recorded_with_its_span_and_number() -> None:
    async def scene(world: Scenario) -> None:
        async with world.client(each([BTC], Channel.TRADES)) as client:
            reader = Everything(world, client.feed.every_trade(BTC))
            _cut(world)
            world.at(CUT_S, kind="REPLY", path="Trades", status=500)
            await world.until(END_S)
            await reader.stop()

            ids = [reading.value.trade_id for reading in reader.of(Reading)]
            missing = sorted(set(range(min(ids), max(ids) + 1)) - set(ids))
            printed = {one.trade_id: one for one in world.exchange.market.listings[BTC].tape.trades}
            assert len(missing) > 200
            (gap,) = client.feed.gaps
            assert gap.missing == len(missing)
            assert (gap.filled, gap.suspected, gap.channel) == (False, False, Channel.TRADES)
            assert gap.until_ns is not None
            assert gap.from_ns <= printed[missing[0]].time_ns
            assert gap.until_ns >= printed[missing[-1]].time_ns // 1000 * 1000
            assert gap.until_ns - gap.from_ns < (OUT_S + 32) * NS_PER_S
            assert client.feed.stats.gaps.unfilled == 1
            assert reader.of(Gap)[-1] == gap
            assert not [reading for reading in reader.of(Reading) if reading.value.backfilled]

    perform(scene, [BUSY], rate=RATE)


def _cut(world: Scenario) -> None:
    world.at(CUT_S, kind="REFUSE", status=503, for_s=OUT_S)
    world.at(CUT_S, kind="CLOSE", code=1006)


def _printed(world: Scenario, from_s: float, until_s: float) -> list[tape.Trade]:
    """What the venue's tape has of a span."""
    begin_ns, end_ns = (START_NS + round(at_s * NS_PER_S) for at_s in (from_s, until_s))
    return [t for t in world.exchange.market.listings[BTC].tape.trades if begin_ns < t.time_ns < end_ns]


def _scaled(units: int, precision: int) -> Decimal:
    return Decimal(units).scaleb(-precision)


def _like(bar: Bar, truth: tape.Bar) -> bool:
    prices = (bar.open, bar.high, bar.low, bar.close)
    true = tuple(
        _scaled(price, BUSY.price_precision) for price in (truth.open, truth.high, truth.low, truth.close)
    )
    same_volume = bar.volume == _scaled(truth.volume, BUSY.qty_precision)
    return prices == true and same_volume and bar.trades == truth.count

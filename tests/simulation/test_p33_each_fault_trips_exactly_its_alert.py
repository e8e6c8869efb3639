"""Every alert that comes along: its own fault trips it within a second of the state being known, no other.

The webhook is told each change and each end once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from account_stage import BTC, ETH, AccountStage, buy, perform
from alarmed import Alarmed, alarmed
from leadline.app.alert_rules import built_in_rules
from leadline.app.system import Keep
from leadline.clock import NS_PER_S
from leadline.core.breaker import BreakerState
from leadline.emulator.matching import ASK, BID, Order
from leadline.engine.checkpoint_files import MemoryCheckpoints
from leadline.engine.readers import LOSSLESS_BOUND
from leadline.engine.spread import AWAY_NS
from leadline.engine.topic_state import State
from leadline.errors import Error
from leadline.model.level import Level
from leadline.model.market import Channel, VenueMode
from leadline.model.reading import Source
from scenario import each

CALM_S = 45.0
MENDED_S = 900.0
RULES = {rule.name: rule for rule in built_in_rules()}
NO_TRADES = '{"error":[],"result":{"BTC/USD":[],"last":"0"}}'

Act = Callable[[AccountStage, Alarmed], Awaitable[None]]


@dataclass(frozen=True)
class Case:
    """A rule, what breaks, how the system itself shows it, and what ends it."""

    rule: str
    act: Act
    known: Callable[[Alarmed], bool]
    within_s: float = 30.0
    parts: dict[str, Any] = field(default_factory=dict)
    mend: Act | None = None


def faults(*many: dict[str, Any]) -> Act:
    async def act(stage: AccountStage, seen: Alarmed) -> None:
        for fault in many:
            stage.fault(**fault)

    return act


def state_of(seen: Alarmed, channel: Channel, symbol: str) -> State:
    return next(
        topic.state
        for topic in seen.system.feed.stats.topics
        if (topic.subscription.channel, topic.subscription.symbol) == (channel, symbol)
    )


def counted(seen: Alarmed, name: str, **labels: str) -> float:
    """The sum of a metric's samples that bear these labels."""
    return sum(
        sample.value
        for sample in seen.metrics.samples()
        if sample.name == name and labels.items() <= dict(sample.labels).items()
    )


async def holds_bars(stage: AccountStage, seen: Alarmed, **fault: str) -> None:
    stage.fault(channel="ohlc", symbol=ETH, **fault)
    seen.let_go = seen.system.feed.hold(Channel.BARS, ETH, 60)


async def let_go(stage: AccountStage, seen: Alarmed) -> None:
    stage.heal()
    seen.let_go()


async def healed(stage: AccountStage, seen: Alarmed) -> None:
    stage.heal()


async def fails_privately(stage: AccountStage, seen: Alarmed) -> None:
    stage.fault(kind="REPLY", path="/BalanceEx", status=503, for_s=60)
    for _ in range(3):
        with pytest.raises(Error):
            await stage.trader.does(stage.trader.desk.balances.get("BTC", Source.REST))


async def is_not_answered(stage: AccountStage, seen: Alarmed) -> None:
    stage.fault(kind="ACCEPT_THEN_DROP", method="add_order", count=1)
    stage.fault(kind="STALL", channel="executions", for_s=7)
    for path in ("/OpenOrders", "/QueryOrders", "/ClosedOrders"):
        stage.fault(kind="REPLY", path=path, body='{"error":["EGeneral:Invalid arguments"]}', for_s=8)
    seen.order = stage.trader.does(stage.trader.orders.submit(buy("0.01")))


async def differs(stage: AccountStage, seen: Alarmed) -> None:
    await stage.trader.submit(buy("0.01", "50000.0"))
    await stage.clock.sleep(10)
    stage.fault(kind="REPLY", path="/OpenOrders", body='{"error":[],"result":{"open":{}}}')
    stage.fault(kind="REPLY", path="/QueryOrders", body='{"error":[],"result":{}}')
    assert not await stage.trader.does(stage.trader.desk.reconcile())
    stage.heal()


async def is_resumed(stage: AccountStage, seen: Alarmed) -> None:
    stage.trader.orders.resume(BTC, "looked at")


async def stops_reading(stage: AccountStage, seen: Alarmed) -> None:
    """One reader takes the first trade and no other."""
    trades = seen.system.feed.every_trade(BTC)
    first = asyncio.ensure_future(anext(trades))
    await stage.clock.sleep(0.1)
    for _ in range(LOSSLESS_BOUND // 500 + 2):
        _burst(stage, 500)
        await stage.clock.sleep(0.1)
    await first
    seen.let_go = trades.aclose


def _burst(stage: AccountStage, trades: int) -> None:
    market, now_ns = stage.exchange.market, stage.network.venue_ns
    best = market.listings[BTC].book.best(ASK)
    assert best is not None
    for _ in range(trades):
        market.submit(BTC, Order(market.new_order_id(), ASK, best[0] - 1, 10_000), now_ns)
    market.submit(BTC, Order(market.new_order_id(), BID, best[0] - 1, trades * 10_000), now_ns, market=True)
    stage.network.step()


async def reads_on(stage: AccountStage, seen: Alarmed) -> None:
    await seen.let_go()


async def breaks_again_and_again(stage: AccountStage, seen: Alarmed) -> None:
    for _ in range(4):
        stage.fault(kind="CLOSE", line="ws_public")
        await stage.clock.sleep(100)


async def blocks(stage: AccountStage, seen: Alarmed) -> None:
    stage.loop.block(0.5)


async def asks_rest(stage: AccountStage, seen: Alarmed) -> None:
    for _ in range(25):
        await seen.system.feed.ticker(BTC, source=Source.REST)
        await stage.clock.sleep(1.5)


async def reads_streams(stage: AccountStage, seen: Alarmed) -> None:
    seen.system.feed.on_book(BTC, lambda reading: None)


async def skips_trades(stage: AccountStage, seen: Alarmed) -> None:
    stage.fault(kind="REPLY", path="/Trades", body=NO_TRADES)
    stage.fault(kind="DROP", channel="trade", symbol=BTC, count=1)
    _burst(stage, 3)
    _burst(stage, 3)


async def fills_the_disk(stage: AccountStage, seen: Alarmed) -> None:
    DISK.failing = OSError(28, "No space left on device")


async def frees_the_disk(stage: AccountStage, seen: Alarmed) -> None:
    DISK.failing = None


async def steps_the_clock(stage: AccountStage, seen: Alarmed) -> None:
    stage.clock.step_wall(-20.0)


async def steps_it_back(stage: AccountStage, seen: Alarmed) -> None:
    stage.clock.step_wall(20.0)


DISK = MemoryCheckpoints()

CASES = [
    Case(
        "VenueUnreachable",
        faults({"kind": "CLOSE"}, {"kind": "REFUSE", "route": "all", "for_s": 60}),
        lambda seen: seen.system.level is Level.OUTAGE,
    ),
    Case(
        "LineDown",
        faults({"kind": "CLOSE"}, {"kind": "REFUSE", "for_s": 25}),
        lambda seen: not seen.system.lines.connected,
    ),
    Case(
        "LineSilent",
        faults({"kind": "HALF_OPEN", "for_s": 30}),
        lambda seen: any(line.silent_s > 3 for line in seen.system.lines.lines),
    ),
    Case(
        "LineUnsteady",
        breaks_again_and_again,
        lambda seen: seen.system.lines.connects > 4,
        within_s=600,
    ),
    Case(
        "StreamWithoutData",
        lambda stage, seen: holds_bars(stage, seen, kind="ACK_NO_DATA"),
        lambda seen: state_of(seen, Channel.BARS, ETH) is State.ACKED_NO_DATA,
        mend=healed,
    ),
    Case(
        "StreamSilent",
        faults({"kind": "STALL", "channel": "ticker", "symbol": ETH, "for_s": 60}),
        lambda seen: state_of(seen, Channel.TICKER, ETH) in (State.LOST, State.ACKED_NO_DATA),
        within_s=60,
    ),
    Case(
        "SubscriptionRefused",
        lambda stage, seen: holds_bars(stage, seen, kind="SUB_REJECT"),
        lambda seen: state_of(seen, Channel.BARS, ETH) is State.REFUSED,
        mend=let_go,
    ),
    Case(
        "BookWrong",
        faults({"kind": "CORRUPT", "channel": "book", "symbol": BTC}),
        lambda seen: seen.system.lines.book_messages.wrong > 0,
    ),
    Case(
        "SourcesDisagree",
        faults({"kind": "SKEW", "factor": "1.08", "symbol": BTC, "for_s": 90}),
        lambda seen: bool(seen.system.feed.validator.open),
        within_s=90,
    ),
    Case(
        "RestFails",
        faults({"kind": "REFUSE", "route": "rest", "for_s": 60}),
        lambda seen: seen.system.market.reach.failures > 2,
        within_s=60,
    ),
    Case(
        "RestLimited",
        faults({"kind": "RATE", "per_s": 0.05, "for_s": 60}),
        lambda seen: seen.system.market.reach.limited,
        within_s=60,
    ),
    Case(
        "VenueLimits",
        faults({"kind": "STATUS", "mode": "post_only", "for_s": 40}),
        lambda seen: seen.system.tallies.mode is VenueMode.POST_ONLY,
    ),
    Case(
        "BreakerOpen",
        fails_privately,
        lambda seen: seen.breaker is BreakerState.OPEN,
    ),
    Case(
        "AccountStreamLost",
        faults({"kind": "TOKEN_INVALID", "for_s": 40}, {"kind": "CLOSE", "line": "ws_private"}),
        lambda seen: seen.system.desk.lines.connected and not seen.system.desk.streaming,
    ),
    Case(
        "OrderUnconfirmed",
        is_not_answered,
        lambda seen: bool(seen.system.orders.unknown()),
    ),
    Case(
        "AccountMismatch",
        differs,
        lambda seen: bool(seen.system.orders.halts()),
        mend=is_resumed,
    ),
    Case(
        "ReaderTooSlow",
        stops_reading,
        lambda seen: seen.system.tallies.overflows > 0,
        mend=reads_on,
    ),
    Case("LoopBlocked", blocks, lambda seen: seen.system.feed.loop_watch.count > 0),
    Case("StreamShareLow", asks_rest, lambda seen: seen.system.feed.shares.low, mend=reads_streams),
    Case(
        "HoleUnfillable",
        skips_trades,
        lambda seen: seen.system.feed.stats.gaps.unfilled > 0,
        within_s=180,
        mend=healed,
    ),
    Case(
        "MessageNotUnderstood",
        faults({"kind": "CORRUPT", "channel": "trade"}),
        lambda seen: seen.system.feed.stats.frames_skipped > 0,
    ),
    Case(
        "StateNotSaved",
        fills_the_disk,
        lambda seen: seen.system.checkpoints is not None and seen.system.checkpoints.failing,
        parts={"keep": Keep(DISK, period_s=5.0)},
        mend=frees_the_disk,
    ),
    Case(
        "ClockOff",
        steps_the_clock,
        lambda seen: counted(seen, "leadline_clock_offset_seconds") > 5,
        within_s=120,
        mend=steps_it_back,
    ),
]


def test_every_rule_that_comes_along_has_its_fault_here() -> None:
    assert [case.rule for case in CASES] == list(RULES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_fault_trips_its_alert_at_once_and_no_other(case: Case) -> None:
    async def scene(stage: AccountStage) -> None:
        stage.parts = {
            "required": each([BTC, ETH], Channel.TICKER, Channel.BOOK, Channel.TRADES),
            **case.parts,
        }
        trader = await stage.start()
        async with alarmed(stage, trader.system) as seen:
            await stage.clock.sleep(CALM_S)
            assert seen.changes == []
            known = asyncio.ensure_future(seen.holds(lambda: case.known(seen), case.within_s))
            await case.act(stage, seen)
            known_s = await known
            for_s = RULES[case.rule].for_ns / NS_PER_S
            await seen.holds(lambda: case.rule in seen.fired, for_s + 2)
            assert 0 <= seen.fired_s(case.rule) - known_s <= for_s + 1.1
            if case.mend is not None:
                await stage.clock.sleep(5)
                await case.mend(stage, seen)
            await seen.holds(lambda: not seen.alerts.firing(), MENDED_S)
            await stage.clock.sleep(CALM_S)

            assert set(seen.fired) == {case.rule}
            alerts = {event.alert for _, event in seen.changes}
            once = {(alert, state): 1 for alert in alerts for state in ("firing", "resolved")}
            assert Counter(seen.address.told) == once
            assert seen.webhook.delivered == len(once)

    perform(scene, rate=20)


def test_what_one_of_two_lines_carried_alone_is_lost_with_it_then_moved_and_no_stream_is_blamed() -> None:
    async def scene(stage: AccountStage) -> None:
        stage.parts = {
            "required": each([BTC, ETH], Channel.TICKER, Channel.BOOK), "lines": 2, "redundant": False
        }  # fmt: skip
        trader = await stage.start()
        async with alarmed(stage, trader.system) as seen:
            await stage.clock.sleep(CALM_S)
            stage.fault(kind="REFUSE", for_s=25)
            stage.fault(kind="CLOSE", line="ws_public", only="oldest")
            await stage.clock.sleep(AWAY_NS / NS_PER_S / 2)
            assert counted(seen, "leadline_streams", state="lost_with_line") == 2
            await stage.clock.sleep(20)
            assert counted(seen, "leadline_streams", state="lost_with_line") == 0
            assert seen.alerts.firing() == ["LineDown (line 1, route public)"]
            await stage.clock.sleep(60)
            assert seen.fired == ["LineDown"]

    perform(scene, rate=20)

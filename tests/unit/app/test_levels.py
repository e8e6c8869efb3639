from __future__ import annotations

from account_stage import AccountStage, buy, perform
from account_stage import refused as refusal
from leadline.core.level import Deed
from leadline.errors import Held
from leadline.model.level import Level
from leadline.model.market import Channel, Subscription
from leadline.model.order import OrderState
from leadline.net.http import Purpose
from stage import Stage, play

TICKER = Subscription(Channel.TICKER, "BTC/USD")
BOOK = Subscription(Channel.BOOK, "XBT/USD", 10)


def test_required_streams_under_any_spelling_decide_the_level() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system([TICKER, BOOK]) as system:
            assert system.levels.level is Level.EMERGENCY_ONLY
            await system.ready()
            await stage.clock.sleep(1)
            assert system.levels.level is Level.FULL
            stage.inject(kind="REFUSE", route="ws")
            stage.inject(kind="CLOSE")
            await stage.clock.sleep(1)
            assert system.levels.level is Level.EMERGENCY_ONLY
            assert "none of 2 required streams is live" in system.levels.reasons[0]

    play(scene)


def test_background_checks_rest_while_the_level_does_not_permit_them() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system([TICKER]) as system:
            await system.ready()
            await stage.clock.sleep(1)
            assert system.feed.validator.permitted()
            system.levels.force(Level.EMERGENCY_ONLY, 600)
            assert not system.feed.validator.permitted()
            before = system.feed.validator.counts.requests
            await stage.clock.sleep(500)
            assert system.feed.validator.counts.requests == before

    play(scene)


def test_an_account_without_required_streams_trades_while_it_is_known_and_without_books() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        await stage.until(stage.now_s + 1)
        levels = trader.system.levels
        assert levels.level is Level.FULL
        stage.fault(kind="REFUSE", route="ws")
        stage.fault(kind="CLOSE")
        await stage.until(stage.now_s + 1)
        assert levels.level is Level.DEGRADED
        assert (await trader.submit(buy())).state is OrderState.WORKING

    perform(scene)


def test_an_account_that_nobody_can_tell_of_is_not_traded_on_and_reads_that_can_wait_are_held() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        await stage.until(stage.now_s + 1)
        stage.unreachable(600)
        await stage.until(stage.now_s + 30)
        assert trader.system.levels.level is Level.OUTAGE
        assert isinstance(await refusal(trader.submit(buy())), Held)
        history = await refusal(trader.account.account.fetch_ledger(0, Purpose.HISTORY))
        assert "the service level is OUTAGE" in str(history)

    perform(scene)


def test_a_forced_level_is_taken_up_from_the_journal() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        trader.system.levels.force(Level.EMERGENCY_ONLY, 600, "over night")
        await stage.until(stage.now_s + 5)
        await stage.stop()
        trader = await stage.start()
        assert trader.system.levels.level is Level.EMERGENCY_ONLY
        assert not trader.system.levels.permits(Deed.INCREASE)
        await stage.until(stage.now_s + 600)
        assert trader.system.levels.level is Level.FULL

    perform(scene)

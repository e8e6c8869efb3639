from __future__ import annotations

from pathlib import Path

import msgspec

from leadline.app.measured import memory_mb, report_of, status_of
from leadline.app.opening import open_system
from leadline.app.settings import Settings
from leadline.app.start import Phase, Start
from leadline.app.system import System
from leadline.clock import SystemClock
from leadline.engine.topic_state import State
from leadline.model.market import Channel, Subscription, VenueMode, VenueStatus
from leadline.venues.kraken.venue import Endpoints
from served_account import far_bid, served_account
from stage import Stage, play

BOTH = (Channel.TICKER, Channel.BOOK)
BOOK = Subscription(Channel.BOOK, "BTC/USD", 10)


def opened(settings: Settings, start: Start, account: str | None = None) -> System:
    return open_system(
        settings,
        ["BTC/USD"],
        channels=BOTH,
        account=account,
        checkpoint_s=30.0,
        lines=2,
        reached=start.reached,
    )


async def test_a_running_system_is_told_part_by_part(tmp_path: Path) -> None:
    async with served_account(tmp_path) as venue:
        start = Start(SystemClock())
        async with opened(venue.settings, start, "main") as system:
            await system.ready()
            order = await system.orders.submit(far_bid())
            await system.feed.ticker("BTC/USD")

            told = report_of(system, venue.settings, start, "")
            await system.orders.cancel(order.client_id)

    assert (told.venue, told.emulated, told.not_ready) == ("kraken", False, "")
    assert list(told.started) == [Phase.REFERENCE, Phase.STATE]
    assert told.level is not None
    assert told.level.name in ("FULL", "DEGRADED")
    assert [(line.route, line.state.number) for line in told.lines] == [
        ("public", 1), ("public", 2), ("private", 1),
    ]  # fmt: skip
    assert all(line.state.connected for line in told.lines)
    assert (told.streams.wanted, told.streams.receiving) == (2, 2)
    assert told.streams.by_state == {State.LIVE: 2}
    assert told.readings.stream >= 1
    assert [budget.name for budget in told.budgets] == [
        "public requests", "connects", "private requests", "fullest order counter",
    ]  # fmt: skip
    assert all(0 <= budget.spent <= budget.limit for budget in told.budgets)
    assert told.budgets[1].spent >= 3
    assert told.account is not None
    assert (told.account.name, told.account.ready, told.account.breaker) == ("main", True, "closed")
    assert (told.account.orders.open, sum(told.account.by_state.values())) == (1, 1)
    assert told.account.assets is not None
    assert told.account.assets > 5
    assert told.checkpoints is not None
    assert msgspec.json.decode(msgspec.json.encode(told))["streams"]["by_state"] == {"live": 2}


def test_a_system_that_has_not_started_yet_is_told_as_far_as_it_is() -> None:
    start, settings = Start(SystemClock()), Settings(Endpoints(rest="http://127.0.0.1:1"))

    told = report_of(opened(settings, start), settings, start, "it is starting")

    assert (told.level, told.account, told.started) == (None, None, {})
    assert told.not_ready == "it is starting"
    assert (told.streams.wanted, told.gaps.total) == (0, 0)


def test_streams_in_trouble_are_told_with_the_reason() -> None:
    async def scene(stage: Stage) -> None:
        settings, start = Settings(), Start(stage.clock)
        stage.inject(kind="STALL", channel="book", for_s=3600)
        async with stage.system([BOOK]) as system:
            await stage.clock.sleep(30)

            told = report_of(system, settings, start, "")

        assert told.streams.receiving == 0
        assert [(one.stream, bool(one.reason)) for one in told.streams.troubled] == [
            ("book BTC/USD depth 10", True)
        ]

    play(scene)


def test_the_status_has_what_the_venue_said_last() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system() as system:
            told = status_of(system, VenueStatus(VenueMode.POST_ONLY, "post_only"), "")
            assert (told.mode, told.text, told.account, told.breaker) == (
                "post_only", "post_only", None, None,
            )  # fmt: skip
            assert status_of(system, None, "").mode is None

    play(scene)


def test_resident_memory_is_that_of_a_process_and_not_of_a_machine() -> None:
    used_mb = memory_mb()

    assert used_mb is not None
    assert 20 < used_mb < 4000

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from free_port import free_port
from heard import Heard
from leadline.app.config import parse_all, parse_settings
from leadline.app.control import AskReport, AskStatus, ForceLevel, ReleaseLevel, asked_of
from leadline.app.run import Running, StandIn, forget, run_all
from leadline.app.settings import AlertSettings, LineSettings, MarketSettings, MetricsSettings, Settings
from leadline.clock import SystemClock
from leadline.errors import CheckFailed, ConfigError
from leadline.model.market import Channel
from leadline.venues.kraken.venue import Endpoints
from served import served

LATE = "not ready in time; going on"
MARKET = MarketSettings(("BTC/USD", "ETH/USD"), (Channel.TICKER, Channel.BOOK))
PHASES = ["reference data", "state", "stream", "subscriptions", "monitoring", "ready"]


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[tuple[Running, Heard]]:
    """The long-lived process inside this one, for the length of the block."""
    heard = Heard()
    found = Running(settings, SystemClock(), heard)
    async with StandIn(SystemClock(), heard) as stand_in:
        task = asyncio.create_task(found.run(stand_in))
        try:
            yield found, heard
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                async with asyncio.timeout(5):
                    await task


async def asked(settings: Settings, request: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(bytes(await asked_of(settings.control_path, request)))
    return answer


async def test_it_starts_in_order_and_tells_each_phase_once(tmp_path: Path) -> None:
    async with served() as venue:
        settings = replace(venue.settings, market=MARKET, state_dir=tmp_path)
        async with running(settings) as (_, heard):
            await heard.says("reached: ready")

            told = [words.removeprefix("reached: ") for words in heard.words if "reached: " in words]
            assert told == PHASES
            report = await asked(settings, AskReport())
            status = await asked(settings, AskStatus())

    assert list(report["started"]) == PHASES
    assert (report["not_ready"], report["streams"]["receiving"]) == ("", 4)
    assert (status["mode"], status["not_ready"]) == ("online", "")
    assert heard.words[-1] == "stopping"


async def test_what_is_not_there_in_time_is_told_and_used_when_it_comes(tmp_path: Path) -> None:
    async with served() as venue:
        venue.inject(kind="REFUSE", route="all", for_s=3600)
        settings = replace(venue.settings, market=MARKET, state_dir=tmp_path, ready_s=0.3)
        async with running(settings) as (_, heard):
            await heard.says(LATE)
            reason = heard.of(LATE)["reason"]
            assert reason.startswith("no reference data: ")
            assert (await asked(settings, AskStatus()))["not_ready"].startswith("no reference data: ")

            venue.exchange.end_faults(venue.exchange.next_event_at())
            await heard.says("ready after all")

    assert heard.lines[heard.words.index(LATE)][0] == "warning"
    assert heard.lines[heard.words.index("ready after all")][0] == "warning"


async def test_a_stream_that_does_not_come_is_named(tmp_path: Path) -> None:
    async with served() as venue:
        venue.inject(kind="STALL", channel="book", symbol="ETH/USD", for_s=3600)
        settings = replace(venue.settings, market=MARKET, state_dir=tmp_path, ready_s=1.0)
        async with running(settings) as (_, heard):
            await heard.says(LATE)

    assert "book ETH/USD" in heard.of(LATE)["reason"]


async def test_every_symbol_that_the_venue_does_not_have_is_told_and_nothing_runs(tmp_path: Path) -> None:
    async with served() as venue:
        market = MarketSettings(("BTC/USD", "BTC/UDS", "NOPE/USD"))
        settings = replace(venue.settings, market=market, state_dir=tmp_path)

        with pytest.raises(ConfigError) as caught:
            await run_all([settings], SystemClock(), Heard())

    first, second = caught.value.problems
    assert first.startswith("venues.kraken.symbols: unknown symbol 'BTC/UDS'; did you mean ")
    assert second.startswith("venues.kraken.symbols: unknown symbol 'NOPE/USD'")


async def test_the_local_exchange_stands_in_with_an_account_and_leaves_nothing(tmp_path: Path) -> None:
    text = f"emulator: {{port: {free_port()}}}\nstate_dir: {tmp_path}\n"
    settings = parse_settings(text + "venues: {kraken: {symbols: [BTC/USD]}}", "f.yaml", {})
    for _ in range(2):
        async with running(settings) as (_, heard):
            await heard.says("reached: ready")
            report = await asked(settings, AskReport())

            assert (report["emulated"], report["account"]["name"]) == (True, "main")
            assert report["account"]["assets"] > 0
        assert "checkpoint restored" not in heard.words


def test_what_a_venue_has_been_told_is_never_forgotten(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="a venue's own state is never removed"):
        forget(Settings(state_dir=tmp_path))


def test_settings_with_nothing_to_do_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"kraken\.symbols: name at least one symbol, or an account"):
        Running(Settings(Endpoints()), SystemClock(), Heard())


async def test_two_with_the_same_state_folder_are_one_too_many(tmp_path: Path) -> None:
    async with served() as venue:
        settings = replace(venue.settings, market=MARKET, state_dir=tmp_path)
        async with running(settings) as (_, heard):
            await heard.says("reached: reference data")

            with pytest.raises(ConfigError, match="runs with this state folder already"):
                await run_all([settings], SystemClock(), Heard())


async def test_what_the_settings_say_is_what_runs(tmp_path: Path) -> None:
    async with served() as venue:
        settings = replace(
            venue.settings,
            market=MarketSettings(("XBT/USD",), (Channel.TICKER,), critical=("XBT/USD",)),
            lines=LineSettings(3, True),
            stream_share=0.75,
            metrics=MetricsSettings(free_port()),
            alerts=AlertSettings(),
            state_dir=tmp_path,
        )
        async with running(settings) as (found, heard):
            await heard.says("reached: ready")
            feed = found.system.feed

            assert (feed.shares.wanted, feed.validator.critical) == (0.75, {"BTC/USD"})
            assert len((await asked(settings, AskReport()))["lines"]) == 3
            assert heard.of("metrics are shown")["address"].endswith("/metrics")


async def test_a_level_can_be_held_once_it_has_started_and_not_before(tmp_path: Path) -> None:
    async with served() as venue:
        venue.inject(kind="REFUSE", route="all", for_s=3600)
        settings = replace(venue.settings, market=MARKET, state_dir=tmp_path)
        async with running(settings) as (_, heard):
            await heard.says("starting")
            with pytest.raises(CheckFailed, match=r"it has no level yet, .*; try again when it has started"):
                await asked_of(settings.control_path, ForceLevel("DEGRADED", 60))

            venue.exchange.end_faults(venue.exchange.next_event_at())
            await heard.says("reached: ready")
            held = await asked(settings, ForceLevel("DEGRADED", 60))
            released = await asked(settings, ReleaseLevel())

    assert (held["level"]["name"], held["level"]["forced"]) == ("DEGRADED", True)
    assert not released["level"]["forced"]


async def test_two_venues_run_in_one_process_and_are_asked_each_for_itself(tmp_path: Path) -> None:
    text = (
        f"emulator: {{port: {free_port()}, rate: 30}}\nstate_dir: {tmp_path}\n"
        "venues: {kraken: {symbols: [BTC/USD]}, binance: {symbols: [BTCUSDT], depth: 20}}"
    )
    every, heard = parse_all(text, "f.yaml", {}), Heard()
    task = asyncio.create_task(run_all(every, SystemClock(), heard))
    try:
        await heard.says("reached: ready", times=2)
        reports = [await asked(settings, AskReport()) for settings in every]
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert [report["venue"] for report in reports] == ["kraken", "binance"]
    assert all(report["account"]["name"] == "main" for report in reports)
    assert [line["route"] for line in reports[1]["lines"]] == ["public", "market", "private"]
    assert heard.words.count("the emulator stands in for the venue: all is invented") == 1


async def test_one_venue_that_cannot_run_ends_the_other(tmp_path: Path) -> None:
    text = (
        f"emulator: {{port: {free_port()}, rate: 0, account: none}}\nstate_dir: {tmp_path}\n"
        "venues: {kraken: {symbols: [BTC/USD]}, binance: {symbols: [NOPEUSDT]}}"
    )

    with pytest.raises(ConfigError, match=r"venues\.binance\.symbols: unknown symbol 'NOPEUSDT'"):
        async with asyncio.timeout(20):
            await run_all(parse_all(text, "f.yaml", {}), SystemClock(), Heard())

"""Whole processes at a local Binance: killed, sent away, kept from trading, led to the wrong environment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import binance_program
from binance_verbs import BTC, written
from commands import leadline
from emulated import QUIET
from leadline.clock import NS_PER_S
from leadline.emulator.binance import truth
from leadline.emulator.binance.contracts import DEMO_CONTRACTS
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.exchange import Exchange
from leadline.emulator.serve import serve
from spawned import line, spawned
from trading_venue import LeapClock

TIMEOUT_S = 60


@dataclass(frozen=True)
class Venue:
    """Where it listens, what it knows, and a clock that leaps."""

    exchange: BinanceExchange
    told: dict[str, Any]
    clock: LeapClock
    folder: Path

    def file(self, credentials: dict[str, Any] | None = None, **venue: Any) -> Path:
        """A settings file that leads there."""
        key = {**self.told["credentials"], **(credentials or {})}
        return written(self.folder, {**self.told, "credentials": key, **venue})

    def leap(self, by_s: float) -> None:
        """Let so much time pass there at once."""
        self.clock.leap(by_s)
        self.exchange.advance(self.clock.wall_ns())

    def statuses(self) -> list[str]:
        self.exchange.advance(self.clock.wall_ns())
        return [
            one["status"] for one in truth.orders(self.exchange.trading.demo, self.exchange.market.listings)
        ]


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[Venue]:
    clock = LeapClock()
    start_ns = clock.wall_ns()
    exchange = BinanceExchange(
        start_ns=start_ns, seed=1, rate=10, contracts=DEMO_CONTRACTS[:2], history_minutes=5
    )
    kraken = Exchange(start_ns=start_ns, seed=1, rate=0, pairs=(QUIET,), history_minutes=0)
    async with serve(kraken, clock, binance=exchange) as endpoints:
        yield Venue(exchange, endpoints.as_json()["binance"], clock, tmp_path)


@asynccontextmanager
async def trading(venue: Venue) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that has placed two orders with the switch armed."""
    file = venue.file({"dead_man_s": TIMEOUT_S})
    async with spawned(binance_program, file) as process:
        assert await line(process) == "placed"
        yield process


async def test_p35_after_a_kill_the_venue_cancels_what_rests_within_the_time_out(venue: Venue) -> None:
    async with trading(venue) as process:
        process.kill()
        await process.wait()
    due_ns = venue.exchange.trading.demo.countdowns["BTCUSDT"]
    left_s = (due_ns - venue.clock.wall_ns()) / NS_PER_S
    assert 0 < left_s <= TIMEOUT_S

    venue.leap(left_s - 2)
    assert venue.statuses() == ["NEW", "NEW"]
    venue.leap(3)
    assert venue.statuses()[0] == "CANCELED"


async def test_p35_a_clean_end_takes_the_switch_off_and_leaves_the_orders(venue: Venue) -> None:
    async with trading(venue) as process:
        assert "BTCUSDT" in venue.exchange.trading.demo.countdowns
        await process.communicate(b"")
        assert process.returncode == 0

    assert venue.exchange.trading.demo.countdowns == {}
    venue.leap(10 * TIMEOUT_S)
    assert venue.statuses() == ["NEW", "NEW"]


async def test_p44_an_account_in_another_mode_than_the_file_expects_places_nothing(venue: Venue) -> None:
    venue.exchange.trading.demo.hedge = True
    file = venue.file(expect={"hedge": False})

    done = await asyncio.to_thread(
        leadline, "order", "buy", BTC, "0.010", "--limit", "61000", "--yes", "--config", file
    )

    assert (done.code, done.out) == (1, "")
    assert "one-way mode is expected" in done.err
    assert venue.statuses() == []


async def examined(file: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """What the doctor finds, by name."""
    done = await asyncio.to_thread(leadline, "doctor", "--json", "--config", file)
    return done.code, {check["name"]: check for check in json.loads(done.out)["checks"]}


async def test_the_testnet_is_one_word_in_the_file_and_the_same_verbs_work_there(venue: Venue) -> None:
    file = venue.file(environment="testnet")

    code, checks = await examined(file)
    assert (code, checks["account main"]["ok"]) == (0, True)
    placed = await asyncio.to_thread(
        leadline, "order", "buy", BTC, "0.010", "--limit", "61000", "--yes", "--json", "--config", file
    )
    assert json.loads(placed.out)["order"]["state"] == "working"
    assert venue.statuses() == ["NEW"]


@pytest.mark.parametrize(("environment", "other"), [("testnet", "production"), ("production", "testnet")])
async def test_a_key_of_the_other_environment_is_found_by_the_doctor(
    venue: Venue, environment: str, other: str
) -> None:
    file = venue.file({"api_key": "x" * 64, "api_secret": "y" * 64}, environment=environment)

    code, checks = await examined(file)

    assert code == 1
    assert not checks["account main"]["ok"]
    advice = checks["account main"]["advice"]
    assert f"was it made for the {other}?" in advice
    assert f"environment: {other}" in advice
    assert "y" * 64 not in json.dumps(checks)


async def test_addresses_of_one_environment_with_the_word_for_the_other_are_refused(venue: Venue) -> None:
    file = written(
        venue.folder,
        {
            "environment": "testnet",
            "endpoints": {"rest": "https://fapi.binance.com"},
            "credentials": {"api_key": "x" * 64, "api_secret": "y" * 64},
        },
    )

    done = await asyncio.to_thread(leadline, "run", "--check", file)

    assert done.code == 1
    assert "environment" in done.err + done.out
    assert "production" in done.err + done.out

"""`leadline demo` as a user starts it: a process, real sockets, any folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from leadline.clock import NS_PER_S, SystemClock
from leadline.demo.local_venue import LocalVenue
from leadline.demo.observed import SeenTrade
from leadline.demo.script import PERPETUALS, SYMBOLS

COMMAND = (sys.executable, "-c", "from leadline.cli.main import main; main()", "demo")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a trap: a module of a name that the library needs."""
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')\n")
    return tmp_path


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    return subprocess.Popen(
        (*COMMAND, *arguments),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_both_venues_stand_side_by_side_with_the_price_between_them(folder: Path) -> None:
    with started(folder, "--seconds", "8", "--json") as demo:
        said, progress = demo.communicate(timeout=30)

    assert demo.returncode == 0, progress
    result = json.loads(said)
    rows = [(row["venue"], row["symbol"]) for row in result["symbols"]]
    assert rows[:8] == [("kraken", symbol) for symbol in SYMBOLS]
    assert rows[8:] == [("binance", symbol) for symbol in PERPETUALS]
    kraken, binance = result["venues"]
    assert [kraken["venue"], binance["venue"]] == ["kraken", "binance"]
    assert kraken["frames"] == result["frames"] and kraken["levels_seen"] == result["levels_seen"]
    assert binance["frames"] > binance["books"]["updates"] > binance["books"]["proven"] > 0
    assert (binance["books"]["wrong"], binance["books"]["rebuilt"]) == (1, 1)
    between = result["between"]
    first, second = map(Decimal, between["mids"])
    assert between["symbols"] == ["BTC/USD", "BTC/USDT:USDT"]
    assert Decimal(between["difference"]) == second - first
    assert between["least_bp"] <= between["apart_bp"] <= between["most_bp"]
    assert between["agreement"] == "agreed"


def numbers(row: dict[str, Any], *names: str) -> bool:
    return all(isinstance(row[name], int | float) for name in names)


def test_eight_seconds_of_faults_leave_nothing_wrong(folder: Path) -> None:
    clock = SystemClock()
    begun_ns = clock.mono_ns()
    with started(folder, "--seconds", "8", "--json") as demo:
        said, progress = demo.communicate(timeout=30)

    assert (demo.returncode, clock.mono_ns() - begun_ns < 15 * NS_PER_S) == (0, True), progress
    result = json.loads(said)
    assert list(result) == [
        "seconds", "frames", "books", "faults", "failover", "readings", "gaps", "latency_us", "levels_seen",
        "switches", "symbols", "divergences", "venues", "between",
    ]  # fmt: skip
    assert list(result["books"]) == ["updates", "checksum_ok", "checksum_bad", "resyncs", "served_wrong"]
    assert result["books"]["served_wrong"] == 0 < result["books"]["checksum_bad"]
    assert len({row["kind"] for row in result["faults"]}) >= 3
    assert all(row["recovered_ms"] is not None for row in result["faults"])
    assert all("reason" in row or numbers(row, "detected_ms") for row in result["faults"])
    assert numbers(result["failover"], "count", "max_ms", "answer_ms_max")
    assert numbers(result["readings"], "stream", "rest", "cache")
    assert 0 < result["latency_us"]["p50"] <= result["latency_us"]["p99"]
    assert result["frames"] > result["books"]["updates"] > 0
    assert "CORRUPT" in progress
    assert result["levels_seen"][0] == "FULL"
    assert result["switches"]["count"] > 0
    assert list(result["symbols"][0]) == ["symbol", "source", "confidence", "level", "venue"]
    assert "a part of the walk" in progress


@pytest.mark.skipif(sys.platform == "win32", reason="a signal is sent")
def test_ctrl_c_ends_it_with_what_has_been_measured_so_far(folder: Path) -> None:
    clock = SystemClock()
    with started(folder, "--seconds", "60", "--json") as demo:
        assert demo.stderr is not None
        while "CORRUPT" not in demo.stderr.readline():
            assert demo.poll() is None
        begun_ns = clock.mono_ns()
        demo.send_signal(signal.SIGINT)
        said, progress = demo.communicate(timeout=10)

    assert clock.mono_ns() - begun_ns < 5 * NS_PER_S
    assert demo.returncode == 130, progress
    result = json.loads(said)
    assert result["faults"][0]["kind"] == "CORRUPT"
    assert 0 < result["seconds"] < 30


@pytest.mark.skipif(sys.platform == "win32", reason="a signal is sent")
def test_ctrl_c_before_anything_is_live_is_a_quiet_end(folder: Path) -> None:
    with started(folder) as demo:
        demo.send_signal(signal.SIGTERM)
        said, progress = demo.communicate(timeout=10)

    assert demo.returncode in (130, -signal.SIGTERM)
    assert "Traceback" not in said + progress


def test_in_a_pipe_it_speaks_in_plain_lines(folder: Path) -> None:
    with started(folder, "--seconds", "5", "--seed", "2") as demo:
        said, progress = demo.communicate(timeout=30)

    assert demo.returncode == 0, progress
    assert "\x1b" not in said
    assert "not one was wrong" in said and "Every book is live at the end" in said


async def test_the_local_venue_knows_what_was_never_true() -> None:
    async with LocalVenue(1, SystemClock()) as venue:
        venue.saw(SeenTrade("BTC/USD", 1, Decimal(1), Decimal(1), True))
        await venue.submit()

        assert (venue.verdicts.compared, venue.verdicts.wrong) == (1, 1)
        assert "trade_id=1" in venue.verdicts.first_wrong


async def test_the_local_venue_takes_faults_and_ends_them() -> None:
    async with LocalVenue(1, SystemClock()) as venue:
        first = await venue.inject({"kind": "STALL"})
        second = await venue.inject({"kind": "REFUSE"})

        assert await venue.active_faults() == {first, second}
        await venue.end_fault(first)
        assert await venue.active_faults() == {second}
        await venue.end_faults()
        assert await venue.active_faults() == set()

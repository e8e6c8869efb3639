"""`leadline run` asked to stop in every phase: gone within five seconds, with 0, and quietly."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands import LEAVE_S, PATIENCE_S, begun, leadline, stop

NOISE = ("Traceback", "never retrieved", "was destroyed", "never awaited", "Unclosed")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Venue:
    """A local Kraken in a process of its own, and a settings file that leads to it."""

    config: Path
    control: str

    def inject(self, **fault: Any) -> None:
        self._ask("POST", "faults", json.dumps({"venue": "kraken", **fault}).encode())

    def faults(self) -> Any:
        return self._ask("GET", "faults")

    def mend(self) -> None:
        self._ask("DELETE", "faults")

    def orders(self) -> Any:
        return self._ask("GET", "truth/orders")

    def set(self, **changes: Any) -> None:
        """Change settings of the venue in the file."""
        settings = yaml.safe_load(self.config.read_text())
        settings["venues"]["kraken"] |= changes
        self.config.write_text(yaml.safe_dump(settings))

    def _ask(self, method: str, what: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(f"{self.control}/{what}", body, method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    with begun("emulate", "--json", "--rate", "60") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        market = {"symbols": ["BTC/USD", "ETH/USD"], "lines": {"count": 2, "private": 2}, "account": "main"}
        settings = {
            "venues": {"kraken": told["kraken"] | market},
            "state_dir": str(tmp_path / "state"),
            "log": {"format": "json"},
        }
        config = tmp_path / "leadline.yaml"
        config.write_text(yaml.safe_dump(settings))
        yield Venue(config, told["control"])


def says(process: subprocess.Popen[str], words: str) -> dict[str, Any]:
    """The next line of the log with these words in it."""
    assert process.stderr is not None
    for text in process.stderr:
        line: dict[str, Any] = json.loads(text)
        if words in line["event"]:
            return line
    raise AssertionError(f"it ended without saying {words!r}")


def stopped_well(process: subprocess.Popen[str], number: int) -> None:
    done = stop(process, number)

    assert (done.code, done.out) == (0, "")
    assert done.took_s < LEAVE_S
    assert not [noise for noise in NOISE if noise in done.err]
    assert all(json.loads(line)["level"] in ("debug", "info", "warning") for line in done.err.splitlines())


@contextmanager
def black_hole() -> Iterator[socket.socket]:
    """A port of this machine that takes a connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE_S)
        yield listening


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("address", ["rest", "ws_public", "ws_private"])
def test_while_the_other_side_says_nothing(venue: Venue, address: str, number: int) -> None:
    with black_hole() as listening:
        scheme = "http" if address == "rest" else "ws"
        endpoints = yaml.safe_load(venue.config.read_text())["venues"]["kraken"]["endpoints"]
        venue.set(endpoints=endpoints | {address: f"{scheme}://127.0.0.1:{listening.getsockname()[1]}"})
        with begun("run", venue.config) as process:
            connection, _ = listening.accept()
            with connection:
                assert connection.recv(1)
                stopped_well(process, number)


@pytest.mark.parametrize("number", SIGNALS)
def test_before_there_is_reference_data(venue: Venue, number: int) -> None:
    venue.inject(kind="REFUSE", route="rest", status=503)
    with begun("run", venue.config) as process:
        says(process, "no reference data yet")
        stopped_well(process, number)


@pytest.mark.parametrize("number", SIGNALS)
def test_while_it_is_subscribing(venue: Venue, number: int) -> None:
    venue.inject(kind="STALL")
    with begun("run", venue.config) as process:
        says(process, "reached: subscriptions")
        stopped_well(process, number)


@pytest.mark.parametrize("number", SIGNALS)
def test_while_it_waits_to_try_again(venue: Venue, number: int) -> None:
    venue.inject(kind="REFUSE", count=4, status=503)
    venue.inject(kind="REFUSE", status=503)
    with begun("run", venue.config) as process:
        while any(one["kind"] == "REFUSE" and one["left"] is not None for one in venue.faults()):
            assert process.poll() is None
        stopped_well(process, number)


@pytest.mark.parametrize("number", SIGNALS)
def test_when_it_is_ready(venue: Venue, number: int) -> None:
    with begun("run", venue.config) as process:
        says(process, "reached: ready")
        stopped_well(process, number)


@pytest.mark.parametrize("number", SIGNALS)
def test_when_the_lines_have_gone_silent(venue: Venue, number: int) -> None:
    with begun("run", venue.config) as process:
        says(process, "reached: ready")
        venue.inject(kind="HALF_OPEN")
        stopped_well(process, number)


@pytest.mark.parametrize("number", SIGNALS)
def test_while_nobody_knows_what_became_of_an_order_and_the_next_run_finds_out(
    venue: Venue, number: int
) -> None:
    venue.inject(kind="REFUSE", route="ws", status=503)
    venue.inject(kind="REPLY", path="AddOrder", delay_s=60)
    arguments = ("buy", "BTC/USD", "0.01", "--limit", "30000", "--yes", "--config", venue.config)
    with begun("order", *arguments) as placing:
        while not venue.orders():
            assert placing.poll() is None
        placing.kill()
    venue.inject(kind="REPLY", path="Orders", delay_s=60)
    with begun("run", venue.config) as process:
        says(process, "reached: state")
        assert account(venue)["orders"]["unconfirmed"] == 1
        stopped_well(process, number)

    venue.mend()
    with begun("run", venue.config) as process:
        says(process, "reached: ready")
        while account(venue)["orders"]["unconfirmed"]:
            assert process.poll() is None
        assert account(venue)["orders"]["open"] == 1
        stopped_well(process, number)


def account(venue: Venue) -> dict[str, Any]:
    """The account as the running system reports it."""
    found: dict[str, Any] = leadline("report", "--config", venue.config, "--json").rows[0]["account"]
    return found

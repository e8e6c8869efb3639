"""`leadline watch` asked to stop in every state it can hang in: gone within five seconds, and quietly."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands import LEAVE_S, PATIENCE_S, Emulator, begun, emulator, stop

NOISE = ("Traceback", "never retrieved", "was destroyed", "never awaited", "Unclosed")


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Emulator]:
    with emulator(tmp_path) as running:
        yield running


def control(venue: Emulator, method: str, **fault: Any) -> Any:
    body = json.dumps({"venue": "kraken", **fault}).encode() if fault else None
    request = urllib.request.Request(f"{venue.control}/faults", body, method=method)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def until_used_up(venue: Emulator, kind: str, process: subprocess.Popen[str]) -> None:
    """Return when a counted fault of this kind has done all it was to do."""
    while any(one["kind"] == kind and one["left"] is not None for one in control(venue, "GET")):
        assert process.poll() is None


@contextmanager
def black_hole() -> Iterator[socket.socket]:
    """A port of this machine that takes a connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE_S)
        yield listening


def watching(config: Path) -> Any:
    arguments = ("BTC/USD", "ETH/USD", "--channels", "ticker,book,trades,bars", "--config", config, "--json")
    return begun("watch", "kraken", *arguments)


def stopped_well(process: subprocess.Popen[str], number: int) -> None:
    done = stop(process, number)

    assert done.code == 0
    assert done.took_s < LEAVE_S
    assert not [noise for noise in NOISE if noise in done.err]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("endpoint", ["rest", "ws_public"])
def test_a_signal_ends_watch_while_the_other_side_says_nothing(
    venue: Emulator, endpoint: str, number: int
) -> None:
    with black_hole() as listening:
        port = listening.getsockname()[1]
        settings = yaml.safe_load(venue.config.read_text())
        scheme = "http" if endpoint == "rest" else "ws"
        settings["venues"]["kraken"]["endpoints"][endpoint] = f"{scheme}://127.0.0.1:{port}"
        venue.config.write_text(yaml.safe_dump(settings))
        with watching(venue.config) as process:
            connection, _ = listening.accept()
            with connection:
                assert connection.recv(1)
                stopped_well(process, number)


def subscribing(venue: Emulator, process: subprocess.Popen[str]) -> None:
    until_used_up(venue, "DROP", process)


def streaming(venue: Emulator, process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline()


def stalled(venue: Emulator, process: subprocess.Popen[str]) -> None:
    streaming(venue, process)
    control(venue, "POST", kind="HALF_OPEN")


def backing_off(venue: Emulator, process: subprocess.Popen[str]) -> None:
    until_used_up(venue, "REFUSE", process)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("state", "faults"),
    [
        (subscribing, [{"kind": "STALL"}, {"kind": "DROP", "channel": "book", "count": 2}]),
        (streaming, []),
        (stalled, []),
        (backing_off, [{"kind": "REFUSE", "count": 2}, {"kind": "REFUSE", "status": 503}]),
    ],
)
def test_a_signal_ends_watch_in_every_state(
    venue: Emulator,
    state: Callable[[Emulator, subprocess.Popen[str]], None],
    faults: list[dict[str, Any]],
    number: int,
) -> None:
    for fault in faults:
        control(venue, "POST", **fault)
    with watching(venue.config) as process:
        state(venue, process)
        stopped_well(process, number)

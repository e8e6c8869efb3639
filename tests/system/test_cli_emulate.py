"""`leadline emulate` as a process."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from commands import begun, emulator, leadline, stop


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_its_first_line_says_where_it_listens_and_a_signal_ends_it(number: int) -> None:
    with begun("emulate", "--json") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        done = stop(process, number)

    assert list(told) == ["kraken", "binance", "control", "credentials"]
    assert list(told["kraken"]) == ["endpoints", "credentials"]
    assert set(told["kraken"]["endpoints"]) == {"ws_public", "ws_private", "ws_level3", "rest"}
    assert list(told["binance"]) == ["endpoints", "credentials"]
    assert set(told["binance"]["endpoints"]) == {"rest", "ws_public", "ws_market", "ws_private", "ws_api"}
    assert list(told["binance"]["credentials"]) == ["api_key", "api_secret"]
    assert list(told["credentials"]) == ["api_key", "private_key"]
    assert told["kraken"]["credentials"] == told["credentials"]
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_port_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    with emulator(tmp_path) as running:
        done = leadline("emulate", "--port", running.port, "--json")

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: cannot listen on 127.0.0.1 port {running.port}")
    assert done.err.count("\n") == 1


def test_without_json_it_tells_how_to_use_it() -> None:
    with begun("emulate") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "Local exchanges are running; stop them with Ctrl-C.\n"
        assert stop(process).code == 0

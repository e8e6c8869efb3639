from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from leadline.app.recording import Tap, describe
from leadline.app.replay import replay
from leadline.app.system import System
from leadline.cli.main import cli
from leadline.cli.record import keep_recording
from leadline.errors import ConnectFailed, RecordingError
from leadline.model.market import Channel, Subscription
from leadline.net.capture import Meta
from stage import Stage, play

REQUIRED = [Subscription(Channel.BOOK, "BTC/USD", 10), Subscription(Channel.TRADES, "BTC/USD")]


def taped(stage: Stage, path: Path) -> tuple[System, Tap]:
    def meta() -> Meta:
        return describe(system.market, ["BTC/USD"], 10)

    tap = Tap(path, stage.clock, meta)
    system = stage.system(REQUIRED, through=lambda socket: tap(socket, "ws://stage/v2"))
    return system, tap


def test_what_is_recorded_replays_and_every_checksum_holds(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        system, tap = taped(stage, tmp_path / "r.jsonl.gz")
        with tap:
            await keep_recording(system, tap, 30)

    play(scene)

    report = replay(tmp_path / "r.jsonl.gz", {})
    assert report.good
    assert report.books["BTC/USD"].checksum_ok > 20
    assert report.trades > 5
    assert 20 < report.seconds < 30


def test_a_reconnect_is_in_the_recording(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.inject(kind="CLOSE", after_s=10, count=1)
        system, tap = taped(stage, tmp_path / "r.jsonl")
        with tap:
            await keep_recording(system, tap, 30)

    play(scene)

    report = replay(tmp_path / "r.jsonl", {})
    assert (report.good, report.gaps >= 1) == (True, True)


def test_a_line_that_is_over_ends_the_recording_with_its_error(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.inject(kind="REFUSE", route="ws", status=403)
        system, tap = taped(stage, tmp_path / "r.jsonl")
        with tap, pytest.raises(ConnectFailed):
            await keep_recording(system, tap, None)

    play(scene)


def test_nothing_in_time_is_said_and_leaves_no_file(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.inject(kind="REFUSE", route="all")
        system, tap = taped(stage, tmp_path / "r.jsonl")
        with tap, pytest.raises(RecordingError, match="nothing came within 5 s"):
            await keep_recording(system, tap, 5)

    play(scene)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_recording_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text(json.dumps({"meta": {}}))
    done = CliRunner().invoke(cli, ["record", "kraken", "BTC/USD", "--out", str(tmp_path / "r.jsonl")])

    assert (done.exit_code, done.stdout) == (1, "")
    assert "exists already" in done.stderr

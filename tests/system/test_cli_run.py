"""`leadline run`, `report`, `status` and `level` as processes, on the local exchange that the file embeds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from commands import LEAVE_S, begun, leadline, stop
from free_port import free_port
from leadline.app.embedded import demo_account
from leadline.app.settings import EmulatorSettings
from leadline.venues.kraken.kit import KRAKEN

SHIPPED = Path(__file__).resolve().parents[2] / "leadline.yaml"
PHASES = ["reference data", "state", "stream", "subscriptions", "monitoring", "ready"]


class Run:
    """A `leadline run` with a state folder of its own."""

    def __init__(self, process: subprocess.Popen[str], config: Path) -> None:
        self.process = process
        self.config = config
        self.lines: list[dict[str, Any]] = []

    def says(self, words: str) -> dict[str, Any]:
        """The next line of the log with these words."""
        assert self.process.stderr is not None
        for text in self.process.stderr:
            self.lines.append(json.loads(text))
            if self.lines[-1]["event"] == words:
                return self.lines[-1]
        raise AssertionError(f"it ended without saying {words!r}: {self.lines}")

    def line(self, words: str) -> dict[str, Any]:
        """The first line so far with these words."""
        return next(line for line in self.lines if line["event"] == words)

    def tell(self, *arguments: object) -> dict[str, Any]:
        """The JSON that another verb prints about it."""
        done = leadline(*arguments, "--config", self.config, "--json")
        assert done.code == 0, done.err
        [row] = done.rows
        return row


def shipped(folder: Path, **changes: str) -> Path:
    """The file that comes along, with ports and a folder of the test's own, and a log for programs."""
    text = SHIPPED.read_text()
    ports = {"9465": str(free_port()), "9464": str(free_port())}
    lines = {"# state_dir: ~/leadline": f"state_dir: {folder}/state", "format: console": "format: json"}
    for before, after in {**ports, **lines, **changes}.items():
        assert before in text
        text = text.replace(before, after)
    config = folder / "leadline.yaml"
    config.write_text(text)
    return config


@contextmanager
def run(config: Path) -> Iterator[Run]:
    with begun("run", config) as process:
        yield Run(process, config)


def test_the_file_that_comes_along_runs_as_it_stands_and_explains_itself(tmp_path: Path) -> None:
    with run(shipped(tmp_path)) as running:
        running.says("reached: ready")
        told = [line["event"] for line in running.lines]
        assert [words.removeprefix("reached: ") for words in told if "reached: " in words] == PHASES
        report = running.tell("report")
        status = running.tell("status")
        words = leadline("report", "--config", running.config)
        done = stop(running.process, signal.SIGTERM)

    assert (report["emulated"], report["not_ready"], report["account"]["name"]) == (True, "", "main")
    assert report["streams"]["receiving"] == report["streams"]["wanted"] == 16
    assert [line["route"] for line in report["lines"]] == ["public", "public", "private"]
    assert (status["running"], status["mode"]) == (True, "online")
    assert "streams: 16 of 16 receiving" in words.out
    assert (done.code, done.out) == (0, "")
    assert json.loads(done.err.splitlines()[-1])["event"] == "stopping"


def test_the_level_is_held_for_a_while_and_released(tmp_path: Path) -> None:
    with run(shipped(tmp_path)) as running:
        running.says("reached: ready")
        forced = running.tell("level", "force", "DEGRADED", "--for", "10m")
        status = running.tell("status")
        words = leadline("status", "--config", running.config)
        released = running.tell("level", "release")

    assert (forced["name"], forced["forced"]) == ("DEGRADED", True)
    assert status["level"] == forced
    assert "level DEGRADED (held by an operator)" in words.out
    assert not released["forced"]


def test_no_secret_is_in_anything_it_says_at_its_most_talkative(tmp_path: Path) -> None:
    hook = "http://127.0.0.1:9/T0K3N-of-the-hook"
    wrong = {"level: info": "level: debug", "  # webhook: https://example.com/hook ": f"  webhook: {hook} "}
    config = shipped(tmp_path, **wrong)
    with run(config) as running:
        running.says("reached: ready")
        leadline("order", "buy", "BTC/USD", "0.01", "--limit", "30000", "--yes", "--config", config)
        said = [leadline(*verb, "--config", config) for verb in (("report",), ("status",), ("balance",))]
        address = running.line("metrics are shown")["address"]
        page = urllib.request.urlopen(address, timeout=5).read().decode()
        done = stop(running.process)

    texts = [
        done.err,
        page,
        *(json.dumps(line) for line in running.lines),
        *(one.out + one.err for one in said),
    ]
    texts += [file.read_text(errors="replace") for file in tmp_path.rglob("*") if file.is_file()]
    keys = demo_account(EmulatorSettings(), KRAKEN).key.credentials
    hidden = (keys.api_key, keys.secret, hook)
    texts.remove(config.read_text())  # there the hook was written by hand
    assert [secret for secret in hidden if secret in "".join(texts)] == []
    assert done.code == 0


def test_where_nothing_runs_that_is_said(tmp_path: Path) -> None:
    config = shipped(tmp_path)

    report = leadline("report", "--config", config, "--json")
    level = leadline("level", "release", "--config", config)

    assert (report.code, report.out, level.code) == (1, "", 1)
    assert "nothing is running that listens at" in report.err
    assert "nothing is running that listens at" in level.err


def test_a_second_run_on_the_same_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with run(shipped(tmp_path)) as running:
        running.says("reached: ready")
        second = leadline("run", running.config)
        again = running.tell("report")

    assert second.code == 1
    assert f"process {running.process.pid} runs with this state folder already" in second.err
    assert again["pid"] == running.process.pid


def test_what_a_killed_process_left_does_not_stop_the_next(tmp_path: Path) -> None:
    config = shipped(tmp_path)
    with run(config) as running:
        running.says("reached: ready")
        running.process.send_signal(signal.SIGKILL)
        running.process.wait(LEAVE_S)
        assert (tmp_path / "state" / "control" / "socket").exists()

    with run(config) as running:
        running.says("reached: ready")
        assert running.tell("report")["pid"] == running.process.pid


def test_a_check_explains_the_file_and_runs_nothing(tmp_path: Path) -> None:
    config = shipped(tmp_path)

    done = leadline("run", config, "--check")
    row = leadline("run", config, "--check", "--json").rows[0]

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{config} is right. It means:\n  Venue: a local exchange on port")
    assert (row["ok"], row["problems"]) == (True, [])
    assert row["explained"][-1] == "Symbols: the venue knows all 4."
    left = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert {path.parent.name for path in left} <= {"addresses"}, "nothing but what its requests have cost"


@pytest.mark.parametrize("flags", [["--check"], []])
def test_all_problems_are_told_at_once_and_nothing_runs(tmp_path: Path, flags: list[str]) -> None:
    config = shipped(
        tmp_path, **{"depth: 10": "depth: 11", "level: info": "level: loud", "seed: 1": "seeed: 1"}
    )

    done = leadline("run", config, *flags)

    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[0] == f"error: {config}: 3 problems:"
    assert [line.strip().split(":")[0] for line in done.err.splitlines()[1:]] == [
        "emulator.seeed", "venues.kraken.depth", "log.level",
    ]  # fmt: skip


def test_a_symbol_the_venue_does_not_have_is_a_problem_of_the_check_and_of_the_run(tmp_path: Path) -> None:
    config = shipped(tmp_path, **{"[BTC/USD, ETH/USD, SOL/USD, DOGE/USD]": "[BTC/USD, ETH/UDS]"})

    checked, row = leadline("run", config, "--check"), leadline("run", config, "--check", "--json").rows[0]
    tried = leadline("run", config)

    assert (checked.code, tried.code, row["ok"]) == (1, 1, False)
    for text in (checked.err, tried.err, row["problems"][0]):
        assert "venues.kraken.symbols: unknown symbol 'ETH/UDS'; did you mean" in text


def test_nobody_else_can_enter_the_folder_of_the_control_socket(tmp_path: Path) -> None:
    with run(shipped(tmp_path)) as running:
        running.says("reached: reference data")
        folder = tmp_path / "state" / "control"

        assert (folder.stat().st_mode & 0o777, (folder / "socket").stat().st_mode & 0o777) == (0o700, 0o600)
        assert folder.stat().st_uid == os.getuid()

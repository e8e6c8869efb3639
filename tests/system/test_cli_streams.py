"""Verbs that stream, as processes against a local Kraken that is one, too."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands import COMMAND, Emulator, begun, emulator, in_terminal, leadline, stop

ALL = "ticker,book,trades,bars"


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with emulator(tmp_path_factory.mktemp("venue")) as running:
        yield running


def inject(venue: Emulator, **fault: Any) -> None:
    body = json.dumps({"venue": "kraken", **fault}).encode()
    request = urllib.request.Request(f"{venue.control}/faults", body, method="POST")
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 200


def numbers(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [found for part in value.values() for found in numbers(part)]
    if isinstance(value, list):
        return [found for part in value for found in numbers(part)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def test_watch_prints_one_json_object_for_each_event(venue: Emulator) -> None:
    done = leadline(
        "watch",
        "kraken",
        "BTC/USD",
        "ETH/USD",
        "--channels",
        ALL,
        "--seconds",
        3,
        "--config",
        venue.config,
        "--json",
    )

    assert (done.code, done.err) == (0, "")
    assert all(
        list(row) == ["kind", "symbol", "source", "verified", "venue_time", "age_ms", "value"]
        for row in done.rows
    )
    seen = {(row["kind"], row["symbol"]) for row in done.rows}
    assert seen == {(kind, symbol) for kind in ALL.split(",") for symbol in ("BTC/USD", "ETH/USD")}
    assert all(numbers(row["value"]) == [] for row in done.rows)
    assert 2.5 < done.took_s < 8


def test_watch_without_json_is_words_for_people(venue: Emulator) -> None:
    done = leadline("watch", "kraken", "XBT/USD", "--seconds", 2, "--config", venue.config)

    assert done.code == 0
    assert "BTC/USD  book    bid " in done.out
    assert "(stream, verified, " in done.out


def test_watch_in_a_terminal_is_a_live_table(venue: Emulator) -> None:
    done = in_terminal("watch", "kraken", "BTC/USD", "--config", venue.config, until="✓ top 10")

    assert done.code == 0
    assert "● connected" in done.out
    assert "Traceback" not in done.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("verb", [("watch",), ("record", "--out")])
def test_a_signal_ends_a_stream_well(
    venue: Emulator, tmp_path: Path, verb: tuple[str, ...], number: int
) -> None:
    out = tmp_path / "r.jsonl.gz"
    more = [verb[1], out] if len(verb) > 1 else []
    with begun(verb[0], "kraken", "BTC/USD", *more, "--config", venue.config, "--json") as process:
        _until_it_streams(process, out if more else None)
        done = stop(process, number)

    assert (done.code, done.err) == (0, "")
    if more:
        assert leadline("replay", out, "--json").rows[0]["books"]["BTC/USD"]["checksum_bad"] == 0


def _until_it_streams(process: subprocess.Popen[str], out: Path | None) -> None:
    if out is None:
        assert process.stdout is not None
        process.stdout.readline()
        return
    while not out.exists() or out.stat().st_size < 300:
        assert process.poll() is None


@pytest.mark.parametrize("delay_s", [0.1, 0.2, 0.3, 0.4, 0.6])  # earlier the interpreter itself hears it
def test_ctrl_c_at_any_moment_of_the_start_is_quiet(venue: Emulator, delay_s: float) -> None:
    with begun("watch", "kraken", "BTC/USD", "--config", venue.config, "--json") as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(delay_s)
        done = stop(process)

    assert done.took_s < 5
    assert "never" not in done.err
    assert "destroyed" not in done.err
    if done.code == 0:
        assert "Traceback" not in done.err


def test_a_venue_that_is_not_there_is_said_and_waited_for(tmp_path: Path) -> None:
    config = tmp_path / "dead.yaml"
    config.write_text(
        "venues: {kraken: {endpoints: {rest: 'http://127.0.0.1:1', ws_public: 'ws://127.0.0.1:1'}}}"
    )
    with begun("watch", "kraken", "BTC/USD", "--config", config, "--json") as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        done = stop(process)

    assert first.startswith("warning: no reference data yet: cannot reach 127.0.0.1")
    assert (done.code, done.out) == (0, "")
    assert "Traceback" not in done.err


def test_a_reader_that_has_seen_enough_is_no_error(venue: Emulator) -> None:
    with begun("watch", "kraken", "BTC/USD", "--config", venue.config, "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 0
        assert process.stderr.read() == ""
        process.stdout = None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full, a disk that is always full, is absent")
def test_no_room_for_its_output_is_one_line_on_stderr(venue: Emulator) -> None:
    watch = ["watch", "kraken", "BTC/USD", "--config", str(venue.config), "--json"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*COMMAND, *watch], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: cannot write what there is to say: No space left")


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_it_runs_on_with_its_output_closed(venue: Emulator, closed: str) -> None:
    line = shlex.join([*COMMAND, "doctor", "--config", str(venue.config), "--json"])
    done = subprocess.run(["sh", "-c", f"{line} {closed}"], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_pipe_does_not_keep_it_from_leaving(venue: Emulator) -> None:
    with begun(
        "watch", "kraken", "BTC/USD", "ETH/USD", "SOL/USD", "--config", venue.config, "--json"
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        _until_it_hangs(process.pid)
        process.send_signal(signal.SIGTERM)

        assert process.wait(5) == 0


def _until_it_hangs(pid: int) -> None:
    """Return when the process waits for its reader."""
    while "pipe" not in Path(f"/proc/{pid}/wchan").read_text() and "pipe" not in _syscall(pid):
        pass


def _syscall(pid: int) -> str:
    """`pipe` where the process is inside write(1, …), by its number on x86-64 and arm64."""
    fields = Path(f"/proc/{pid}/syscall").read_text().split()
    return "pipe" if fields[0] in ("1", "64") and fields[1] == "0x1" else ""


def test_faults_show_in_what_watch_says(venue: Emulator) -> None:
    with begun(
        "watch", "kraken", "DOGE/USD", "--channels", "book", "--config", venue.config, "--json"
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        inject(venue, kind="CORRUPT", channel="book", symbol="DOGE/USD")
        causes = set()
        while "dropped" not in causes:
            row = json.loads(process.stdout.readline())
            if row["kind"] == "gap":
                causes.add(row["value"]["cause"])
        row = {"kind": "gap"}
        while row["kind"] != "book" or not row["verified"]:
            row = json.loads(process.stdout.readline())


def test_what_is_recorded_replays_to_the_same_state_twice(venue: Emulator, tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl.gz"
    recorded = leadline(
        "record",
        "kraken",
        "BTC/USD",
        "PEPE/USD",
        "--out",
        out,
        "--seconds",
        3,
        "--config",
        venue.config,
        "--json",
    )
    assert (recorded.code, recorded.err) == (0, "")
    assert recorded.rows[0]["records"] > 20

    first, second = (leadline("replay", out, "--json") for _ in range(2))

    assert (first.code, first.err) == (0, "")
    assert first.out == second.out
    books = first.rows[0]["books"]
    assert set(books) == {"BTC/USD", "PEPE/USD"}
    assert all(book["checksum_ok"] > 0 and book["checksum_bad"] == 0 for book in books.values())
    assert first.rows[0]["trades"] > 0


def test_a_full_disk_is_said_and_what_was_written_replays(venue: Emulator, tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl.gz"
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000)); "
        "from leadline.cli.main import main; main()"
    )
    arguments = ["record", "kraken", "BTC/USD", "ETH/USD", "--out", str(out), "--config", str(venue.config)]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 1
    assert "error: recording to" in done.stderr
    assert "what is in this one can be replayed" in done.stderr
    assert "Traceback" not in done.stderr
    replayed = leadline("replay", out, "--json")
    assert replayed.code == 0
    assert replayed.rows[0]["frames"] > 10
    assert replayed.rows[0]["skipped"][-1]["why"]


def test_an_unknown_symbol_suggests_the_nearest(venue: Emulator) -> None:
    done = leadline("watch", "kraken", "BTC/USDD", "--config", venue.config, "--json")

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: unknown symbol 'BTC/USDD'; did you mean BTC/USD")


def test_an_unsupported_depth_lists_the_valid_ones(venue: Emulator) -> None:
    done = leadline("watch", "kraken", "BTC/USD", "--depth", 11, "--config", venue.config, "--json")

    assert (done.code, done.out) == (1, "")
    assert done.err == "error: book depth 11 is not supported; valid: 10, 25, 100, 500, 1000\n"


def test_plain_text_to_another_machine_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "plain.yaml"
    config.write_text("venues: {kraken: {endpoints: {ws_public: 'ws://ws.kraken.com/v2'}}}")
    done = leadline("watch", "kraken", "BTC/USD", "--config", config, "--json")

    assert (done.code, done.out) == (1, "")
    assert "venues.kraken.endpoints.ws_public" in done.err
    assert "unencrypted; use wss://" in done.err


def test_the_module_is_the_command() -> None:
    assert COMMAND[-2:] == ["-m", "leadline"]
    done = leadline("--version")

    assert done.code == 0
    assert done.out.startswith("leadline, version ")

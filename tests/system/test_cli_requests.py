"""Verbs that ask and answer, as processes against a local Kraken that is one, too."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import Emulator, emulator, in_terminal, leadline
from kraken_frames import BookFeed
from recordings import Recording


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with emulator(tmp_path_factory.mktemp("venue")) as running:
        yield running


def test_history_writes_csv(venue: Emulator, tmp_path: Path) -> None:
    out = tmp_path / "h.csv"
    done = leadline(
        "history",
        "kraken",
        "BTC/USD",
        "ETH/USD",
        "--interval",
        5,
        "--hours",
        3,
        "--out",
        out,
        "--config",
        venue.config,
    )

    assert (done.code, done.err) == (0, "")
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert {row["symbol"] for row in rows} == {"BTC/USD", "ETH/USD"}
    assert 36 <= sum(row["symbol"] == "BTC/USD" for row in rows) <= 38
    assert f"written to {out}" in done.out


def test_history_writes_json_lines_and_sums_up_as_json(venue: Emulator, tmp_path: Path) -> None:
    out = tmp_path / "h.jsonl"
    done = leadline(
        "history", "kraken", "BTC/USD", "--hours", 1, "--out", out, "--config", venue.config, "--json"
    )

    bars = [json.loads(line) for line in out.read_text().splitlines()]
    (series,) = done.rows[0]["series"]
    assert (done.code, series["bars"]) == (0, len(bars))
    assert (series["symbol"], series["interval_s"], series["error"]) == ("BTC/USD", 300, None)
    assert bars[0]["open"].replace(".", "").isdigit()


def test_history_beyond_the_venues_memory_says_what_is_missing(venue: Emulator, tmp_path: Path) -> None:
    out = tmp_path / "h.csv"
    done = leadline(
        "history", "kraken", "BTC/USD", "--interval", 1, "--hours", 24, "--out", out, "--config", venue.config
    )

    assert done.code == 0
    assert "keeps only the newest 720 candles" in done.err


def test_history_shows_progress_in_a_terminal(venue: Emulator, tmp_path: Path) -> None:
    done = in_terminal(
        "history", "kraken", "BTC/USD", "--out", tmp_path / "h.csv", "--config", venue.config, until="never"
    )

    assert done.code == 0
    assert "candles" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["BTC/USDD", "--out", "h.csv"], "did you mean BTC/USD"),
        (["BTC/USD", "--out", "h.txt"], "end the name in .csv or .jsonl"),
        (["BTC/USD", "--out", "nowhere/h.csv"], "No such file or directory"),
        (["BTC/USD", "--interval", "7", "--out", "h.csv"], "kraken has no candles of 420 s"),
    ],
)
def test_history_that_cannot_be_is_one_line_and_no_file(
    venue: Emulator, tmp_path: Path, arguments: list[str], message: str
) -> None:
    arguments[-1] = str(tmp_path / arguments[-1])
    done = leadline("history", "kraken", *arguments, "--config", venue.config)

    assert (done.code, done.out) == (1, "")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_instruments_are_found_by_any_name(venue: Emulator) -> None:
    done = leadline("instruments", "kraken", "XXBTZUSD", "--config", venue.config, "--json")

    assert done.code == 0
    assert [row["symbol"] for row in done.rows] == ["BTC/USD"]
    assert (done.rows[0]["tick"], done.rows[0]["price_precision"]) == ("0.1", 1)
    assert "BTC/EUR" in leadline("instruments", "kraken", "btc", "--config", venue.config).out


def test_an_instrument_that_is_not_there_is_exit_1(venue: Emulator) -> None:
    done = leadline("instruments", "kraken", "nothing like it", "--config", venue.config, "--json")

    assert (done.code, done.out) == (1, "")
    assert "has no instrument like 'nothing like it'" in done.err


def test_doctor_finds_everything_well(venue: Emulator) -> None:
    done = leadline("doctor", "--config", venue.config, "--json")

    assert (done.code, done.err) == (0, "")
    assert done.rows[0]["ok"] is True
    assert len(done.rows[0]["checks"]) == 6


def test_doctor_names_a_proxy_without_its_password(tmp_path: Path) -> None:
    env = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    done = leadline("doctor", "--json", env=env | {"https_proxy": "http://me:secret@127.0.0.1:1"})

    found = {check["name"]: check for check in done.rows[0]["checks"]}
    assert done.code == 1
    assert "through the proxy http://127.0.0.1:1" in found["way to api.kraken.com"]["found"]
    assert "secret" not in done.out + done.err
    assert found["REST"]["ok"] is False


def test_a_terminal_without_signs_beyond_ascii_gets_question_marks(tmp_path: Path) -> None:
    recording = Recording(depth=10, price_precision=1, qty_precision=8)
    recording.rx(BookFeed().snapshot())
    file = recording.write(tmp_path / "r.jsonl")
    done = leadline("replay", file, env={**os.environ, "PYTHONIOENCODING": "ascii"})

    assert (done.code, done.err) == (0, "")
    assert "every checksum holds (1)" in done.out
    assert " ? " in done.out  # in place of the dash that means no bad one

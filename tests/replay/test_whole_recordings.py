"""Every recording as `leadline replay` reads it: as it stands, v1 and v2, with nothing told beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadline.app.replay import ReplayReport, replay
from vectors import VECTORS, needs_vectors

pytestmark = needs_vectors
WS = VECTORS / "kraken" / "ws"
CAPTURES = sorted(WS.glob("*.capture.jsonl*"))
LEGACY = "legacy_v1_20210405_10pairs.capture.jsonl.gz"
TRANSCODED = "transcoded_v1_to_v2shape_20210405_10pairs.capture.jsonl.gz"


def replayed(name: str) -> ReplayReport:
    return replay(WS / name, {})


def proven(report: ReplayReport) -> int:
    return sum(book.checksum_ok for book in report.books.values())


@pytest.mark.parametrize(
    ("name", "checksums", "unchecked"),
    [
        ("book_btcusd_d10_20260719_A3.capture.jsonl", 1254, 0),
        ("book_btcusd_d10_20230730_pks.capture.jsonl", 510, 0),
        ("book_btcusd_d10_20260824_tickvault.capture.jsonl", 4, 0),
        ("book_btcusd_d25_20260802_crossbook.capture.jsonl", 4, 0),
        ("book_btcusd_d10_20260812_ccxt.capture.jsonl", 2, 0),
        ("book_dogeusdt_d10_20261006_thin_then_deep_ccxt.capture.jsonl", 3, 1),
    ],
)
def test_every_checksum_of_a_book_capture_holds(name: str, checksums: int, unchecked: int) -> None:
    report = replayed(name)

    (book,) = report.books.values()
    assert (book.checksum_ok, book.unchecked, book.checksum_bad, book.unsynced) == (
        checksums,
        unchecked,
        0,
        0,
    )
    assert (report.good, report.skipped, book.first_bad_n) == (True, (), None)


def test_every_checksum_of_the_v1_session_holds() -> None:
    report = replayed(LEGACY)

    assert (proven(report), report.good, len(report.books)) == (14_496, True, 10)
    assert [book.unchecked for book in report.books.values()] == [1] * 10  # v1 snapshots carry none
    assert (report.trades, report.tickers) == (28, 22)


def test_the_transcode_of_the_v1_session_ends_in_the_same_books() -> None:
    report, legacy = replayed(TRANSCODED), replayed(LEGACY)

    assert (proven(report), report.good) == (14_496 + 10, True)
    alike = set(report.books) & set(legacy.books)
    assert len(alike) == 7  # the others are named XBT there and BTC here
    for symbol in alike:
        assert report.books[symbol].state_hash == legacy.books[symbol].state_hash


def test_frames_quoted_one_by_one_replay_too() -> None:
    report = replayed("control_frames_20260816.capture.jsonl")

    assert (report.books["BTC/USD"].unsynced, report.books["BTC/USD"].updates, report.good) == (1, 1, True)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name.partition(".")[0])
def test_a_second_replay_says_the_same(path: Path) -> None:
    assert replay(path, {}) == replay(path, {})

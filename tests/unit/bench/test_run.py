"""A file of frames is measured as it is told to be, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_frames import BookFeed
from leadline.bench.run import frames_of
from leadline.clock import SystemClock
from leadline.errors import RecordingError, UnknownSymbol


def written(folder: Path, *frames: str) -> Path:
    path = folder / "frames.txt"
    path.write_text("\n".join(frames))
    return path


async def measured(path: Path) -> dict[str, dict[str, float]]:
    return await frames_of(path, SystemClock(), lambda what: None)


async def test_frames_of_a_file_are_paced_beside_decoding_alone(tmp_path: Path) -> None:
    book = BookFeed()
    updates = [book.update(bids=[("99.0", f"{n}.00000000")]) for n in range(2, 5)]
    report = await measured(written(tmp_path, BookFeed().snapshot(), *updates))

    assert set(report) == {"frames"}
    assert set(report["frames"]) == {"us", "yardstick_us", "ratio", "messages_s"}


async def test_updates_without_a_snapshot_are_not_measured_because_nothing_of_them_is_proven(
    tmp_path: Path,
) -> None:
    book = BookFeed()
    book.snapshot()

    with pytest.raises(
        RecordingError, match=r"no snapshot before the first update of BTC/USD, .*put the snap"
    ):
        await measured(written(tmp_path, book.update(bids=[("99.0", "2.00000000")]), book.snapshot()))


async def test_a_book_of_an_unknown_instrument_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownSymbol, match="'NIL/USD'"):
        await measured(written(tmp_path, BookFeed("NIL/USD").snapshot()))


@pytest.mark.parametrize(
    ("text", "why"), [("", "holds no frames"), ("\x00\n{}", "holds no ticker, book, trade or ohlc frames")]
)
async def test_what_holds_no_frames_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(RecordingError, match=why):
        await measured(written(tmp_path, text))

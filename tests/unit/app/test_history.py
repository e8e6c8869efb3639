"""Files of candles: whole or not there, digits untouched."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from leadline.app.history import bar_file
from leadline.clock import NS_PER_S
from leadline.errors import ConfigError, RecordingError
from leadline.model.market import Bar

BEGIN_NS = 1_700_000_040 * NS_PER_S


def bar(complete: bool = True, interval_s: int = 60) -> Bar:
    return Bar(
        "BTC/USD",
        interval_s,
        BEGIN_NS,
        Decimal("1.10"),
        Decimal("2.0"),
        Decimal("0.5"),
        Decimal("1E-8"),
        Decimal("0E-8"),
        Decimal("1.23"),
        1,
        complete,
    )


def test_csv_has_a_heading_and_exact_digits(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    with bar_file(path) as write:
        write([bar()])
        write([bar(complete=False)])
    assert path.read_text() == (
        "symbol,interval_s,begin,open,high,low,close,volume,vwap,trades,complete\n"
        "BTC/USD,60,2023-11-14T22:14:00Z,1.10,2.0,0.5,0.00000001,0.00000000,1.23,1,true\n"
        "BTC/USD,60,2023-11-14T22:14:00Z,1.10,2.0,0.5,0.00000001,0.00000000,1.23,1,false\n"
    )


def test_json_lines_keep_numbers_as_texts(tmp_path: Path) -> None:
    path = tmp_path / "bars.JSONL"
    with bar_file(path) as write:
        write([bar(interval_s=1), bar(complete=False)])
    first, second = map(json.loads, path.read_text().splitlines())
    assert (first["open"], first["volume"], first["trades"]) == ("1.10", "0.00000000", 1)
    assert (first["interval_s"], first["complete"], second["complete"]) == (1, True, False)


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    with bar_file(path) as write:
        write([bar()])
        assert not path.exists()
        assert (tmp_path / "bars.csv.part").exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["bars.csv"]


def test_what_was_there_stays_when_writing_is_broken_off(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt), bar_file(path) as write:
        write([bar()])
        raise KeyboardInterrupt
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["bars.csv"]


@pytest.mark.parametrize("name", ["bars.xls", "bars"])
def test_an_unknown_ending_names_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"\.csv or \.jsonl"), bar_file(tmp_path / name):
        raise AssertionError("nothing may be fetched for a file that cannot be written")


def test_a_place_that_cannot_be_written_is_found_before_anything_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file"), bar_file(tmp_path / "none" / "bars.csv"):
        raise AssertionError("nothing may be fetched for a file that cannot be written")


def test_a_full_disk_is_a_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / "bars.csv.part").symlink_to(full)
    with pytest.raises(RecordingError, match="No space left"), bar_file(tmp_path / "bars.csv") as write:
        write([bar()])
    assert list(tmp_path.iterdir()) == []

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from binance_depth import DepthVenue
from kraken_frames import BookFeed
from leadline.cli.main import cli
from recordings import Recording


def recording(path: Path, *, good: bool = True, precision: bool = True) -> Path:
    feed = BookFeed()
    made = Recording(depth=10, **({"price_precision": 1, "qty_precision": 8} if precision else {}))
    made.rx(feed.snapshot(), feed.update() if good else feed.wrong_update())
    return made.write(path)


def replay(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["replay", *map(str, arguments)])


def test_one_file_is_one_object(tmp_path: Path) -> None:
    done = replay(recording(tmp_path / "a.jsonl"), "--json")

    report = json.loads(done.stdout)
    assert done.exit_code == 0
    assert list(report) == ["frames", "skipped", "seconds", "books", "trades", "tickers", "bars", "gaps"]
    book = report["books"]["BTC/USD"]
    assert list(book) == [
        "updates", "checksum_ok", "checksum_bad", "unsynced", "unchecked", "first_bad_n", "state_hash",
    ]  # fmt: skip
    assert (report["frames"], book["updates"], book["first_bad_n"]) == (2, 2, None)


def test_several_files_are_named_and_each_is_its_own_run(tmp_path: Path) -> None:
    files = [recording(tmp_path / name) for name in ("a.jsonl", "b.jsonl")]
    done = replay(*files, "--json")

    reports = json.loads(done.stdout)["files"]
    assert list(reports) == list(map(str, files))
    assert all(report["books"]["BTC/USD"]["updates"] == 2 for report in reports.values())


def test_a_bad_checksum_is_exit_1(tmp_path: Path) -> None:
    done = replay(recording(tmp_path / "a.jsonl", good=False), "--json")

    assert done.exit_code == 1
    assert json.loads(done.stdout)["books"]["BTC/USD"]["first_bad_n"] == 2
    assert "1 checksums are bad, 1 hold" in replay(tmp_path / "a.jsonl").stdout


def test_decimals_can_be_given(tmp_path: Path) -> None:
    file = recording(tmp_path / "a.jsonl", precision=False)

    refused = replay(file, "--json")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "pass --precision BTC/USD=P,Q" in refused.stderr
    assert replay(file, "--precision", "BTC/USD=1,8").exit_code == 0


def test_one_file_that_is_none_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    good = recording(tmp_path / "a.jsonl")
    done = replay(tmp_path / "notes.txt", good, "--json")

    assert done.exit_code == 1
    assert list(json.loads(done.stdout)["files"]) == [str(good)]
    assert done.stderr.startswith(f"error: {tmp_path}/notes.txt is not a recording")


def test_words_name_books_skipped_lines_and_the_verdict(tmp_path: Path) -> None:
    feed = BookFeed()
    made = Recording(depth=10, price_precision=1, qty_precision=8)
    made.rx(feed.snapshot())
    for _ in range(7):
        made.garbage("?")
    done = replay(made.write(tmp_path / "a.jsonl"))

    assert done.exit_code == 0
    assert "1 frames over 0.0 s" in done.stdout
    assert "BTC/USD" in done.stdout
    assert "line 3 skipped: not JSON" in done.stdout
    assert "and 2 more lines skipped" in done.stdout
    assert "every checksum holds (1)" in done.stdout


def test_a_recording_without_books_has_nothing_to_prove(tmp_path: Path) -> None:
    made = Recording()
    made.rx('{"channel":"heartbeat"}')

    assert "no checksum to prove" in replay(made.write(tmp_path / "a.jsonl")).stdout


def binance_recording(path: Path, *, good: bool = True) -> Path:
    venue, made = DepthVenue(), Recording(venue="binance-usdm")
    snapshot = venue.snapshot()
    body = {"lastUpdateId": snapshot.last_update_id, "bids": snapshot.bids, "asks": snapshot.asks}
    made.add("rest", body, url="/fapi/v1/depth?symbol=BTCUSDT&limit=1000")
    made.rx(venue.frame({1000: "2.000"}))
    if not good:
        venue.frame()
    made.rx(venue.frame({1000: "3.000"}))
    return made.write(path)


def test_a_chain_of_updates_is_told_with_counts_of_its_own(tmp_path: Path) -> None:
    done = replay(binance_recording(tmp_path / "a.jsonl"), "--json")

    book = json.loads(done.stdout)["books"]["BTCUSDT"]
    assert done.exit_code == 0
    assert list(book) == [
        "updates", "applied", "stale", "bridges", "breaks", "first_break_n", "bbo_compared", "bbo_equal",
        "state_hash",
    ]  # fmt: skip
    assert (book["updates"], book["applied"], book["bridges"], book["first_break_n"]) == (2, 2, 1, None)


def test_a_broken_chain_is_exit_1_and_told_in_words(tmp_path: Path) -> None:
    done = replay(binance_recording(tmp_path / "a.jsonl", good=False))

    assert done.exit_code == 1
    assert "1 updates are bad, 1 hold" in done.stdout
    assert "n 3" in done.stdout
    assert "every update holds (2)" in replay(binance_recording(tmp_path / "b.jsonl")).stdout

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_frames import BookFeed, instrument, instrument_frame
from leadline.app.replay import replay
from leadline.errors import ConfigError, RecordingError
from leadline.net.capture import Precision
from recordings import Recording

DECIMALS = {"price_precision": 1, "qty_precision": 8}
GIVEN = {"BTC/USD": Precision(1, 8)}


def trade(*numbers: int) -> str:
    rows = ",".join(
        f'{{"symbol":"BTC/USD","side":"buy","price":100.0,"qty":1.0,"ord_type":"limit","trade_id":{number},'
        f'"timestamp":"2026-08-02T03:35:{number % 60:02}.000000Z"}}'
        for number in numbers
    )
    return f'{{"channel":"trade","type":"update","data":[{rows}]}}'


def test_bad_checksums_are_counted_until_the_next_snapshot(tmp_path: Path) -> None:
    feed = BookFeed()
    recording = Recording(depth=10, **DECIMALS)
    recording.rx(feed.snapshot(), feed.update(bids=[("100.5", "1.00000000")]))
    (bad,) = recording.rx(feed.wrong_update())
    recording.rx(feed.update(), feed.update(), feed.snapshot())
    recording.rx(feed.unchecked_update([("99.5", "1.00000000")]), feed.wrong_update())

    report = replay(recording.write(tmp_path / "r.jsonl"), {})

    book = report.books["BTC/USD"]
    assert (book.checksum_ok, book.checksum_bad, book.unsynced, book.unchecked) == (3, 2, 2, 1)
    assert book.updates == 8 == report.frames
    assert book.first_bad_n == bad
    assert not report.good


def test_the_hash_depends_on_the_final_book_alone(tmp_path: Path) -> None:
    feed = BookFeed()
    short = Recording(depth=10, **DECIMALS)
    short.rx(feed.snapshot())
    long = Recording(depth=10, **DECIMALS)
    long.rx(feed.snapshot(), feed.update(bids=[("100.5", "1.00000000")]), feed.snapshot())

    hashes = {
        replay(recording.write(tmp_path / "r.jsonl"), {}).books["BTC/USD"].state_hash
        for recording in (short, long)
    }

    assert len(hashes) == 1


def test_what_was_sent_is_not_fed_but_tells_the_depth(tmp_path: Path) -> None:
    feed = BookFeed(depth=25)
    recording = Recording(**DECIMALS)
    request = {"method": "subscribe", "params": {"channel": "book", "symbol": ["BTC/USD"], "depth": 25}}
    recording.add("tx", request)
    recording.rx(feed.snapshot(levels=30), feed.update(bids=[("99.5", "1.00000000")]))

    report = replay(recording.write(tmp_path / "r.jsonl"), {})

    assert (report.frames, report.good) == (2, True)


def test_an_acknowledgement_tells_the_depth(tmp_path: Path) -> None:
    feed = BookFeed(depth=25)
    recording = Recording(depth=10, **DECIMALS)
    result = {"channel": "book", "depth": 25, "snapshot": True, "symbol": "BTC/USD"}
    recording.rx({"method": "subscribe", "result": result, "success": True, "req_id": 3})
    recording.rx(
        feed.snapshot(levels=25), feed.update(asks=[("101.0", "0.00000000"), ("200.0", "1.00000000")])
    )
    recording.rx(feed.update(bids=[(f"{100 - n}.0", "0.00000000") for n in range(16)]))

    report = replay(recording.write(tmp_path / "r.jsonl"), {})

    assert (report.books["BTC/USD"].checksum_ok, report.good) == (3, True)


def test_where_nothing_tells_the_depth_the_snapshot_does(tmp_path: Path) -> None:
    feed = BookFeed(depth=25)
    recording = Recording(**DECIMALS)
    recording.rx(
        feed.snapshot(levels=25), feed.update(bids=[(f"{100 - n}.0", "0.00000000") for n in range(16)])
    )

    assert replay(recording.write(tmp_path / "r.jsonl"), {}).good


def test_decimals_come_from_whoever_says_them(tmp_path: Path) -> None:
    feed = BookFeed()
    precision = {"BTC/USD": DECIMALS}
    metas = [
        DECIMALS,
        {"precisions": precision},
        {"instruments": precision},
        {"symbols": ["BTC/USD"], **DECIMALS},
    ]
    for meta in metas:
        recording = Recording(**meta)
        recording.rx(feed.snapshot())
        assert replay(recording.write(tmp_path / "r.jsonl"), {}).books["BTC/USD"].checksum_ok == 1

    silent = Recording()
    silent.rx(feed.snapshot())
    assert replay(silent.write(tmp_path / "r.jsonl"), GIVEN).books["BTC/USD"].checksum_ok == 1


def test_an_instrument_frame_tells_decimals_wherever_it_stands(tmp_path: Path) -> None:
    feed = BookFeed()
    recording = Recording()
    recording.rx(feed.snapshot(), instrument_frame(instrument(), kind="snapshot"), feed.update())

    assert replay(recording.write(tmp_path / "r.jsonl"), {}).books["BTC/USD"].checksum_ok == 2


def test_a_book_without_known_decimals_is_an_error_that_names_the_cure(tmp_path: Path) -> None:
    recording = Recording()
    recording.rx(BookFeed().snapshot())

    with pytest.raises(ConfigError, match=r"pass --precision BTC/USD=P,Q"):
        replay(recording.write(tmp_path / "r.jsonl"), {})


def test_decimals_that_cannot_be_are_refused(tmp_path: Path) -> None:
    recording = Recording(price_precision=21, qty_precision=8)
    recording.rx(BookFeed().snapshot())

    with pytest.raises(ConfigError, match="cannot have 21 decimals"):
        replay(recording.write(tmp_path / "r.jsonl"), {})


def test_bad_lines_are_named_and_skipped(tmp_path: Path) -> None:
    feed = BookFeed()
    recording = Recording(depth=10, **DECIMALS)
    lines = [recording.garbage("{"), recording.garbage('{"dir":"sideways","raw":""}')]
    recording.rx(feed.snapshot(), "not json", '{"channel":"surprise"}')
    lines += [5, 6]

    report = replay(recording.write(tmp_path / "r.jsonl"), {})

    assert [skipped.line for skipped in report.skipped] == lines
    assert all(skipped.why for skipped in report.skipped)
    assert (report.frames, report.good) == (3, True)


def test_answers_to_requests_are_not_bad_lines(tmp_path: Path) -> None:
    recording = Recording()
    recording.rx(
        {"error": "Currency pair not supported X/Y", "method": "subscribe", "req_id": 1, "success": False},
        {"method": "pong", "req_id": 2},
        '{"channel":"heartbeat"}',
    )

    report = replay(recording.write(tmp_path / "r.jsonl"), {})

    assert (report.frames, report.skipped) == (3, ())


def test_trades_count_once_and_skipped_ids_are_gaps(tmp_path: Path) -> None:
    recording = Recording()
    recording.rx(trade(1, 2), trade(2, 3), trade(7), trade(9))

    report = replay(recording.write(tmp_path / "r.jsonl"), {})

    assert (report.trades, report.gaps) == (5, 2)


def test_a_trade_that_comes_late_closes_its_gap(tmp_path: Path) -> None:
    recording = Recording()
    recording.rx(trade(1), trade(3), trade(2))

    report = replay(recording.write(tmp_path / "r.jsonl"), {})

    assert (report.trades, report.gaps) == (3, 0)


def test_a_new_connection_is_a_gap_and_forgets_the_books(tmp_path: Path) -> None:
    feed = BookFeed()
    recording = Recording(depth=10, **DECIMALS)
    recording.add("connect", "wss://venue/v2")
    recording.rx(feed.snapshot())
    recording.add("connect", "wss://venue/v2")
    recording.rx(feed.update(), feed.snapshot())

    report = replay(recording.write(tmp_path / "r.jsonl"), {})

    book = report.books["BTC/USD"]
    assert (report.gaps, book.checksum_ok, book.unsynced) == (1, 2, 1)


@pytest.mark.parametrize(
    ("clock", "first", "last", "seconds"),
    [
        ("t = unix seconds at the capturing host", "1700000000.25", "1700000002.5", 2.25),
        ("t = unix nanoseconds at the recording host", "1700000000250000000", "1700000002500000000", 2.25),
        ("", None, None, 0.0),
    ],
)
def test_the_span_is_the_recorders_own(
    tmp_path: Path, clock: str, first: str | None, last: str | None, seconds: float
) -> None:
    recording = Recording(clock=clock)
    for t in (first, last):
        recording.add("rx", '{"channel":"heartbeat"}', t)

    assert replay(recording.write(tmp_path / "r.jsonl"), {}).seconds == seconds


def test_without_a_recorders_clock_the_venues_tells_the_span(tmp_path: Path) -> None:
    recording = Recording()
    recording.rx(trade(1), trade(11))

    assert replay(recording.write(tmp_path / "r.jsonl"), {}).seconds == 10.0


def test_v1_frames_are_recognised_by_their_shape(tmp_path: Path) -> None:
    recording = Recording()
    recording.rx('{"event":"systemStatus","status":"online","version":"1.8.3"}')
    recording.rx(
        '[1,{"as":[["101.0","1.00000000","1.0"]],"bs":[["100.0","1.00000000","1.0"]]},"book-10","XBT/USD"]'
    )

    report = replay(recording.write(tmp_path / "r.jsonl"), {})

    assert report.books["BTC/USD"].unchecked == 1


def test_what_is_no_recording_or_of_another_venue_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(RecordingError, match="is not a recording"):
        replay(tmp_path / "notes.txt", {})
    (tmp_path / "other.jsonl").write_text('{"meta":{"venue":"nowhere"}}\n')
    with pytest.raises(RecordingError, match="a recording of 'nowhere', not of kraken"):
        replay(tmp_path / "other.jsonl", {})


def test_a_recording_of_nothing_is_a_report_of_nothing(tmp_path: Path) -> None:
    report = replay(Recording().write(tmp_path / "r.jsonl"), {})

    assert (report.frames, report.books, report.seconds, report.good) == (0, {}, 0.0, True)

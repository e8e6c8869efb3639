from __future__ import annotations

from pathlib import Path

import pytest

from binance_depth import DepthVenue, framed
from leadline.app.replay import ReplayReport, replay
from leadline.net.capture import Precision, read_recording
from leadline.venues.binance.players import ChainReport, decimals
from recordings import Recording

ADDRESS = "https://example.test/fapi/v1/depth?symbol=BTCUSDT&limit=1000"


class Session:
    """A recording of one book, written as it would have been received."""

    def __init__(self) -> None:
        self.venue = DepthVenue()
        self.recording = Recording(venue="binance-usdm")

    def tell(self, **bids: str) -> int:
        changes = {int(price[1:]): qty for price, qty in bids.items()}
        (number,) = self.recording.rx(self.venue.frame(changes))
        return number

    def fetch(self) -> int:
        snapshot = self.venue.snapshot()
        body = {"lastUpdateId": snapshot.last_update_id, "bids": snapshot.bids, "asks": snapshot.asks}
        return self.recording.add("rest", body, url=ADDRESS)

    def best(self, bid: str = "100.0", qty: str = "1.000") -> int:
        data = {"e": "bookTicker", "u": self.venue.sent, "s": "BTCUSDT", "b": bid, "B": qty, "T": 1, "E": 2}
        (number,) = self.recording.rx(framed("btcusdt@bookTicker", **data, a="100.1", A="1.000"))
        return number

    def play(self, folder: Path) -> tuple[ReplayReport, ChainReport]:
        report = replay(self.recording.write(folder / "r.jsonl"), {})
        book = report.books["BTCUSDT"]
        assert isinstance(book, ChainReport)
        return report, book


def test_a_snapshot_is_joined_wherever_it_was_recorded(tmp_path: Path) -> None:
    for order in ("first", "between"):
        made = Session()
        if order == "first":
            made.fetch()
        made.tell(p1000="2.000")
        if order == "between":
            made.fetch()
        made.tell(p1000="3.000")

        report, book = made.play(tmp_path)

        assert (book.updates, book.applied, book.stale, book.bridges, book.breaks) == (2, 2, 0, 1, 0)
        assert not any(each.wrong for each in report.books.values()) and report.good


def test_a_missing_message_shows_at_the_next_one(tmp_path: Path) -> None:
    made = Session()
    made.tell()
    made.fetch()
    made.venue.frame()
    broken = made.tell()
    made.venue.frame()
    made.tell()

    report, book = made.play(tmp_path)

    assert (book.breaks, book.first_break_n, book.applied) == (2, broken, 1)
    assert not report.good


def test_a_later_snapshot_brings_a_broken_book_back(tmp_path: Path) -> None:
    made = Session()
    made.tell()
    made.fetch()
    made.venue.frame()
    made.tell()
    made.fetch()
    made.tell(p1000="9.000")
    made.best(qty="9.000")

    _, book = made.play(tmp_path)

    assert (book.bridges, book.breaks, book.bbo_compared, book.bbo_equal) == (2, 1, 1, 1)


def test_best_prices_are_compared_at_the_same_id_whichever_comes_first(tmp_path: Path) -> None:
    made = Session()
    made.tell()
    made.fetch()
    frame = made.venue.frame({1000: "4.000"})
    made.best(qty="4.000")
    made.recording.rx(frame)
    made.tell(p1000="5.000")
    made.best(qty="5.000")
    made.tell(p1000="6.000")
    made.best(qty="7.000")

    report, book = made.play(tmp_path)

    assert (book.bbo_compared, book.bbo_equal, book.breaks) == (3, 2, 0)
    assert not report.good


def test_a_changed_quantity_that_crosses_the_book_is_a_break_where_it_stands(tmp_path: Path) -> None:
    made = Session()
    made.tell()
    made.fetch()
    crossed = made.tell(p1001="1.000")

    _, book = made.play(tmp_path)

    assert (book.breaks, book.first_break_n) == (1, crossed)


def test_a_new_connection_begins_the_books_of_its_own_address_anew(tmp_path: Path) -> None:
    made = Session()
    made.recording.add("connect", "wss://example.test/public/stream")
    made.tell()
    made.fetch()
    made.recording.add("connect", "wss://example.test/market/stream")
    made.tell()
    made.recording.add("connect", "wss://example.test/public/stream")
    made.venue.frame()
    made.tell()
    made.fetch()
    made.tell()

    report, book = made.play(tmp_path)

    assert (book.breaks, book.bridges, report.gaps) == (0, 2, 1)


def test_every_kind_is_counted_and_what_is_not_understood_is_named(tmp_path: Path) -> None:
    made = Session()
    candle = {"t": 60000, "i": "1m", "o": "1", "c": "1", "h": "1", "l": "1", "v": "1", "n": 1, "q": "1"}
    made.best()
    made.recording.rx(
        framed("btcusdt@aggTrade", e="aggTrade", s="BTCUSDT", a=1, p="1", q="1", T=1, m=True),
        framed("btcusdt@aggTrade", e="aggTrade", s="BTCUSDT", a=3, p="1", q="1", T=1, m=True),
        framed("btcusdt@kline_1m", e="kline", s="BTCUSDT", k=candle),
        framed("btcusdt@kline_1M", e="kline", s="BTCUSDT", k=candle | {"i": "1M"}),
        framed("btcusdt@trade", e="trade", s="BTCUSDT"),
        '{"result":null,"id":1}',
    )
    made.recording.rx("hello")
    made.recording.rx(framed("btcusdt@bookTicker", e="bookTicker"))
    made.recording.add("rest", {"serverTime": 1})

    report = replay(made.recording.write(tmp_path / "r.jsonl"), {})

    assert (report.tickers, report.trades, report.bars, report.gaps) == (1, 2, 1, 1)
    assert len(report.skipped) == 2
    assert report.good


@pytest.mark.parametrize("given", [{}, {"BTCUSDT": Precision(2, 4)}])
def test_decimals_are_as_given_or_as_the_frames_have_them(
    tmp_path: Path, given: dict[str, Precision]
) -> None:
    made = Session()
    made.tell()
    made.fetch()
    made.tell(p1000="0.0005")
    path = made.recording.write(tmp_path / "r.jsonl")

    book = replay(path, given).books["BTCUSDT"]

    assert decimals(read_recording(path)) == {"BTCUSDT": Precision(1, 4)}
    assert book.wrong == 0

"""Kraken's frozen v1 frames, as recorded."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from leadline.core.book import Book
from leadline.errors import ProtocolError
from leadline.model.market import Side, Ticker, TradeBatch, VenueMode, VenueStatus
from leadline.venues.kraken.legacy import LegacyBook, decode, is_legacy
from vectors import VECTORS, needs_vectors, records

CAPTURE = VECTORS / "kraken" / "ws" / "legacy_v1_20210405_10pairs.capture.jsonl.gz"

SNAPSHOT = (
    b'[320,{"as":[["5.10","1.000","1617666423.606671"],["5.20","2.000","1617666423.7"]],'
    b'"bs":[["5.00","3.000","1617666420.1"]]},"book-10","XBT/USD"]'
)


def book(frame: bytes) -> LegacyBook:
    decoded = decode(frame)
    assert isinstance(decoded, LegacyBook)
    return decoded


def test_a_snapshot_has_both_sides_and_no_checksum() -> None:
    snapshot = book(SNAPSHOT)
    assert (snapshot.symbol, snapshot.depth, snapshot.snapshot, snapshot.checksum) == (
        "BTC/USD",
        10,
        True,
        None,
    )
    assert snapshot.precisions() == (2, 3)
    assert snapshot.changes(2, 3) == ([(500, 3000)], [(510, 1000), (520, 2000)])
    assert snapshot.venue_time == "2021-04-05T23:47:03.7Z"


def test_an_update_may_carry_one_side() -> None:
    update = book(b'[320,{"b":[["5.00","0.000","1617666423.6"]],"c":"226497374"},"book-10","XBT/USD"]')
    assert (update.snapshot, update.checksum) == (False, 226497374)
    assert update.changes(2, 3) == ([(500, 0)], [])


def test_both_payloads_of_one_frame_are_one_change() -> None:
    frame = (
        b'[320,{"a":[["5.10","0.000","1.0"],["5.30","4.000","1.0","r"]]},'
        b'{"b":[["5.05","1.000","2.0"]],"c":"7"},"book-10","XBT/USD"]'
    )
    update = book(frame)
    assert update.checksum == 7
    assert update.changes(2, 3) == ([(505, 1000)], [(510, 0), (530, 4000)])
    assert [level.mark for level in update.asks] == ["", "r"]


def test_an_empty_snapshot_knows_no_precision_and_no_time() -> None:
    empty = book(b'[320,{"as":[],"bs":[]},"book-10","XBT/USD"]')
    assert empty.snapshot
    assert (empty.precisions(), empty.venue_time) == (None, None)


def test_a_text_with_other_decimals_is_refused_because_the_checksum_is_over_texts() -> None:
    with pytest.raises(ProtocolError, match="other decimals"):
        book(SNAPSHOT).changes(3, 3)


def test_trades_have_no_id() -> None:
    frame = (
        b'[1,[["5.1","0.2","1617666423.123456","s","l",""],["5.2","0.3","1617666424.0","b","m",""]],'
        b'"trade","XDG/USD"]'
    )
    batch = decode(frame)
    assert isinstance(batch, TradeBatch)
    assert (batch.symbol, [trade.side for trade in batch.trades]) == ("DOGE/USD", [Side.SELL, Side.BUY])
    assert (batch.trades[0].trade_id, batch.trades[0].qty) == (None, Decimal("0.2"))
    assert batch.trades[0].venue_time == "2021-04-05T23:47:03.123456Z"


def test_a_ticker_knows_its_change_from_the_price_24_hours_ago() -> None:
    frame = (
        b'[1,{"a":["6.2",93,"93.7"],"b":["6.1",586,"586.0"],"c":["6.0","1.5"],"v":["1","2"],"p":["3","4"],'
        b'"t":[1,2],"l":["5","5.5"],"h":["7","7.5"],"o":["6.3","8.0"]},"ticker","XBT/USD"]'
    )
    ticker = decode(frame)
    assert isinstance(ticker, Ticker)
    assert (ticker.bid, ticker.bid_qty, ticker.ask, ticker.ask_qty) == (
        Decimal("6.1"),
        Decimal("586.0"),
        Decimal("6.2"),
        Decimal("93.7"),
    )
    assert (ticker.last, ticker.volume, ticker.vwap, ticker.low, ticker.high) == (
        Decimal("6.0"),
        Decimal(2),
        Decimal(4),
        Decimal("5.5"),
        Decimal("7.5"),
    )
    assert (ticker.change, ticker.change_pct) == (Decimal("-2.0"), Decimal("-25.00"))


def test_a_ticker_of_a_pair_that_never_traded_has_no_percentage() -> None:
    frame = (
        b'[1,{"a":["1",1,"1"],"b":["1",1,"1"],"c":["0","0"],"v":["0","0"],"p":["0","0"],'
        b'"t":[0,0],"l":["0","0"],"h":["0","0"],"o":["0","0"]},"ticker","XBT/USD"]'
    )
    ticker = decode(frame)
    assert isinstance(ticker, Ticker)
    assert ticker.change_pct is None


def test_control_frames_say_nothing_but_the_status() -> None:
    assert decode(b'{"event":"heartbeat"}') is None
    assert decode(b'[1,["1","2"],"spread","XBT/USD"]') is None
    status = decode(b'{"connectionID":17413893361151983591,"event":"systemStatus","status":"online"}')
    assert status == VenueStatus(VenueMode.ONLINE, "online")


@pytest.mark.parametrize("frame", [SNAPSHOT, b' {"event":"heartbeat"}', b"[]"])
def test_a_v1_frame_is_told_from_others(frame: bytes) -> None:
    assert is_legacy(frame)


@pytest.mark.parametrize(
    "frame", [b'{"channel":"heartbeat"}', b'{"method":"pong"}', b"nonsense", b'{"event":1}']
)
def test_other_frames_are_not_taken_for_v1(frame: bytes) -> None:
    assert not is_legacy(frame)
    with pytest.raises(ProtocolError) as failure:
        decode(frame)
    assert failure.value.frame == frame


@pytest.mark.parametrize(
    "frame",
    [
        b"[1]",
        b'[1,{},"book-ten","XBT/USD"]',
        b'[1,{"b":[["1.0"]],"c":"1"},"book-10","XBT/USD"]',
        b'[1,{"b":[],"c":"x"},"book-10","XBT/USD"]',
        b'[1,[["1","1","1.0","?","m",""]],"trade","XBT/USD"]',
        b'[1,{"a":[]},"ticker","XBT/USD"]',
    ],
)
def test_a_frame_that_breaks_the_rules_is_kept(frame: bytes) -> None:
    with pytest.raises(ProtocolError) as failure:
        decode(frame)
    assert failure.value.frame == frame


@needs_vectors
def test_every_checksum_of_the_recorded_session_verifies() -> None:
    books: dict[str, Book] = {}
    verdicts: Counter[bool] = Counter()
    kinds: Counter[str] = Counter()
    for record in records(CAPTURE):
        if record.get("dir") != "rx":
            continue
        frame = record["raw"].encode()
        assert is_legacy(frame)
        decoded = decode(frame)
        kinds[type(decoded).__name__] += 1
        if not isinstance(decoded, LegacyBook):
            continue
        if decoded.snapshot:
            precisions = decoded.precisions()
            assert precisions is not None
            books[decoded.symbol] = Book(decoded.symbol, decoded.depth, *precisions)
        held = books[decoded.symbol]
        checksum = held.apply(*decoded.changes(held.price_precision, held.qty_precision))
        if decoded.checksum is not None:
            verdicts[checksum == decoded.checksum] += 1
    assert verdicts == {True: 14496}
    assert len(books) == 10
    assert kinds == {"LegacyBook": 14506, "Ticker": 22, "TradeBatch": 12, "NoneType": 387, "VenueStatus": 3}

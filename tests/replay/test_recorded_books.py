"""Every recorded Kraken book through the session: each checksum the venue sent, and none bad."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kraken_frames import instrument
from leadline.core.book import Book, BookCounts
from leadline.model.instrument import Instrument, to_units
from leadline.model.market import Channel, Subscription
from leadline.venues.kraken.session import KrakenSession
from vectors import VECTORS, needs_vectors, records

pytestmark = needs_vectors
WS = VECTORS / "kraken" / "ws"


def replayed(path: Path) -> tuple[KrakenSession, dict[str, BookCounts]]:
    meta, *frames = records(path)
    known = known_instruments(meta["meta"])
    session = KrakenSession(lambda news, now_ns: None, known.get)
    for symbol in known:
        session.want(Subscription(Channel.BOOK, symbol, meta["meta"]["depth"]), 0)
    session.opened(0)
    for record in frames:
        if record["dir"] == "rx":
            session.received(record["raw"].encode(), 0)
    return session, session.book_counts()


def known_instruments(meta: dict[str, Any]) -> dict[str, Instrument]:
    precisions = meta.get("precisions") or dict.fromkeys(meta["symbols"], meta)
    return {
        symbol: instrument(symbol, each["price_precision"], each["qty_precision"])
        for symbol, each in precisions.items()
    }


@pytest.mark.parametrize(
    ("name", "proven", "unchecked"),
    [
        ("book_btcusd_d10_20260719_A3", 1254, 0),
        ("book_btcusd_d10_20230730_pks", 510, 0),
        ("book_btcusd_d10_20260824_tickvault", 4, 0),
        ("book_btcusd_d25_20260802_crossbook", 4, 0),
        ("book_btcusd_d10_20260812_ccxt", 2, 0),
        ("book_dogeusdt_d10_20261006_thin_then_deep_ccxt", 3, 1),
    ],
)
def test_every_checksum_of_a_recorded_session_agrees(name: str, proven: int, unchecked: int) -> None:
    session, counts = replayed(WS / f"{name}.capture.jsonl")

    assert list(counts.values()) == [BookCounts(proven=proven, unchecked=unchecked)]
    assert session.skipped_count == 0


def test_every_checksum_of_ten_pairs_with_ten_precisions_agrees() -> None:
    path = WS / "transcoded_v1_to_v2shape_20210405_10pairs.capture.jsonl.gz"
    origins = [record.get("checksum_origin") for record in records(path)]

    _, counts = replayed(path)

    assert origins.count("venue") == 14_496
    assert sum(one.proven for one in counts.values()) == origins.count("venue") + origins.count("computed")
    assert sum(one.updates - one.proven for one in counts.values()) == 0
    assert len(counts) == 10


def test_every_recorded_ladder_has_the_checksum_the_venue_sent_for_it() -> None:
    agreed = 0
    for record in records(WS / "book_checksum_ladders.jsonl"):
        sides = [[tuple(level) for level in record[side]] for side in ("bids_wire", "asks_wire")]
        prices, qtys = record["price_precision"], record["qty_precision"]
        book = Book("BTC/USD", 10, prices, qtys)
        units = [
            [(to_units(Decimal(price), prices), to_units(Decimal(qty), qtys)) for price, qty in side]
            for side in sides
        ]
        assert book.load(units[0], units[1]) == int(record["checksum"]), json.dumps(record)[:200]
        agreed += 1
    assert agreed == 121


def test_a_replay_ends_in_the_same_state_every_time() -> None:
    path = WS / "book_btcusd_d10_20260719_A3.capture.jsonl"
    hashes = set()
    for _ in range(2):
        stream = replayed(path)[0].book("BTC/USD")
        assert stream is not None
        hashes.add(stream.view.state_hash())

    assert len(hashes) == 1


def test_one_recorded_frame_taken_away_is_noticed_and_only_the_next_snapshot_heals_it() -> None:
    meta, *frames = records(WS / "book_btcusd_d10_20260719_A3.capture.jsonl")
    session = KrakenSession(lambda news, now_ns: None, known_instruments(meta["meta"]).get)
    session.want(Subscription(Channel.BOOK, "BTC/USD", 10), 0)
    session.opened(0)
    raws = [record["raw"] for record in frames]
    book_frames = [raw for raw in raws if raw.startswith('{"channel":"book"')]
    for raw in (*book_frames[:100], *book_frames[101:200], *book_frames[:50]):
        session.received(raw.encode(), 0)

    counts = session.book_counts()["BTC/USD"]
    assert (counts.proven, counts.wrong, counts.unsynced) == (150, 1, 98)

"""All that was recorded of Binance's streams: messages chained, snapshots joined, every frame read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from binance_depth import Table
from leadline.app.replay import replay
from leadline.core.session import FrameSkipped, News
from leadline.model.market import Channel, Liquidation, Subscription
from leadline.venues.binance import requests, wire
from leadline.venues.binance.players import ChainReport
from leadline.venues.binance.session import BinanceSession
from leadline.venues.binance.snapshots import Snapshots
from leadline.venues.binance.stream_names import ALL
from vectors import VECTORS, needs_vectors, records

pytestmark = needs_vectors

FOLDER = VECTORS / "binance" / "ws"

SESSIONS = {
    "usdm_20210405_5sym.capture.jsonl.gz": (4423, 5, 215),
    "usdm_20210417_4sym.capture.jsonl.gz": (1016, 4, 86),
    "usdm_btcusdt_20240808_full.capture.jsonl.gz": (6551, 1, 629),
    "usdm_btcusdt_20240808_slice2000.capture.jsonl": (169, 1, 16),
    "usdm_prod_20260927_btc_eth.capture.jsonl": (4, 0, 0),
}
"""Messages of books, snapshots joined, and best prices told at the id of a message (counted by others)."""


def chains(path: Path) -> list[ChainReport]:
    report = replay(path, {})
    assert report.skipped == ()
    assert report.good
    books = list(report.books.values())
    assert all(isinstance(book, ChainReport) for book in books)
    return [book for book in books if isinstance(book, ChainReport)]


@pytest.mark.parametrize("name", SESSIONS)
def test_every_message_is_chained_every_snapshot_joined_and_every_best_price_equal(name: str) -> None:
    books = chains(FOLDER / name)
    updates, bridges, compared = SESSIONS[name]

    assert sum(book.updates for book in books) == updates
    assert sum(book.bridges for book in books) == bridges
    assert sum(book.bbo_compared for book in books) == compared
    assert sum(book.bbo_equal for book in books) == compared
    assert sum(book.breaks for book in books) == 0
    if bridges:
        assert sum(book.applied + book.stale for book in books) == updates


def lines(name: str) -> list[dict[str, Any]]:
    return list(records(FOLDER / name))


def written(folder: Path, entries: list[dict[str, Any]]) -> Path:
    path = folder / "changed.jsonl"
    path.write_text("\n".join(json.dumps(entry) for entry in entries) + "\n")
    return path


def depth_lines(entries: list[dict[str, Any]]) -> list[int]:
    """Where messages of the book are that come after its snapshot has been joined."""
    rest = next(at for at, entry in enumerate(entries) if entry.get("dir") == "rest")
    return [
        at for at, entry in enumerate(entries) if at > rest + 100 and '"depthUpdate"' in entry.get("raw", "")
    ]


SLICE = "usdm_btcusdt_20240808_slice2000.capture.jsonl"


@pytest.mark.parametrize("which", [0, 7, 40, 100])
def test_a_message_taken_out_shows_at_the_next(tmp_path: Path, which: int) -> None:
    entries = lines(SLICE)
    depths = depth_lines(entries)
    following = entries[depths[which + 1]]["n"]
    del entries[depths[which]]

    (book,) = replay(written(tmp_path, entries), {}).books.values()

    assert isinstance(book, ChainReport)
    assert (book.breaks, book.first_break_n) == (1, following)


@pytest.mark.parametrize("change", ["twice", "swapped", "renamed"])
def test_what_is_told_twice_out_of_order_or_after_another_shows_where_it_stands(
    tmp_path: Path, change: str
) -> None:
    entries = lines(SLICE)
    one, other = depth_lines(entries)[3:5]
    if change == "twice":
        shown = {**entries[one], "n": -1}
        entries.insert(one + 1, shown)
    elif change == "swapped":
        entries[one], entries[other] = entries[other], entries[one]
        shown = entries[one]
    else:
        shown = entries[one]
        data = json.loads(shown["raw"])
        data["data"]["pu"] += 1
        shown["raw"] = json.dumps(data)

    report = replay(written(tmp_path, entries), {})

    (book,) = report.books.values()
    assert isinstance(book, ChainReport)
    assert book.first_break_n == shown["n"]
    assert not report.good


def test_a_quantity_changed_at_the_top_shows_in_the_best_prices(tmp_path: Path) -> None:
    entries = lines(SLICE)
    for at in depth_lines(entries)[:60]:
        data = json.loads(entries[at]["raw"])
        data["data"]["b"] = [[price, "123.456"] for price, qty in data["data"]["b"]]
        entries[at]["raw"] = json.dumps(data)

    report = replay(written(tmp_path, entries), {})

    assert not report.good


def fixtures() -> list[tuple[str, str]]:
    """Documented and captured market frames, by kind; requests and what concerns an account are others'."""
    found = []
    for path in sorted(FOLDER.glob("*.fixtures.jsonl")) if VECTORS.is_dir() else []:
        for entry in records(path):
            kind = entry.get("kind", "")
            if kind.split("(")[0] in READ:
                found.append((kind, entry["raw"]))
    return found


READ = {
    "24hrTicker": wire.WireStats,
    "aggTrade": wire.WireAggTrade,
    "bookTicker": wire.WireBookTicker,
    "depthUpdate": wire.WireDepth,
    "forceOrder": wire.WireForceOrder,
    "kline": wire.WireKline,
    "markPriceUpdate": wire.WireMark,
    "contractInfo": wire.WireContract,
    "ack": requests.Reply,
}

TORN = '[["7403.89"]]'
"""Levels of one element, as one generated example has them; the venue never sent such."""


@pytest.mark.parametrize(("kind", "raw"), fixtures())
def test_every_documented_market_frame_is_read(kind: str, raw: str) -> None:
    if TORN in raw.replace(" ", ""):
        pytest.skip("levels without a quantity")
    if kind == "aggTrade" and '"a":' not in raw:
        pytest.skip("from 2019, when trades had no number")
    frame = raw.encode()
    told: object
    if kind == "ack":
        told = requests.decode_reply(frame)
    elif "stream" in msgspec.json.decode(frame):
        told = wire.decode(frame).data
    else:
        told = wire.decode_event(frame)

    assert type(told) is READ[kind.split("(")[0]]


def test_every_frame_of_today_is_told_with_its_undocumented_fields_and_foreign_letters() -> None:
    told: list[News] = []
    table = Table("BTC/USDT:USDT", "ETH/USDT:USDT", "牛来/USDT:USDT")
    session = BinanceSession(lambda news, now_ns: told.append(news), "market", table, Snapshots())
    for symbol in ("BTC/USDT:USDT", "ETH/USDT:USDT"):
        for channel, param in (
            (Channel.TICKER, 0), (Channel.BOOK, 100), (Channel.TRADES, 0), (Channel.BARS, 60),
            (Channel.MARK, 0),
        ):  # fmt: skip
            session.want(Subscription(channel, symbol, param), 0)
    session.want(Subscription(Channel.LIQUIDATIONS, ALL), 0)
    session.opened(0)

    for entry in records(FOLDER / "usdm_prod_20260927_btc_eth.capture.jsonl"):
        if entry.get("dir") == "rx":
            session.received(entry["raw"].encode(), 0)

    assert not [one for one in told if isinstance(one, FrameSkipped)]
    assert "牛来/USDT:USDT" in {one.symbol for one in told if isinstance(one, Liquidation)}

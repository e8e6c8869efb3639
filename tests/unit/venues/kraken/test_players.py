from __future__ import annotations

from zlib import crc32

import pytest

from kraken_frames import BookFeed
from leadline.errors import ConfigError
from leadline.net.capture import Direction, Precision, Record
from leadline.venues.kraken.players import LegacyPlayer, StreamPlayer
from leadline.venues.players import Player, Tally

SNAPSHOT = '[1,{"as":[["101.0","1.00000000","2.0"]],"bs":[["100.0","1.00000000","1.0"]]},"book-10","XBT/USD"]'


def update(checksum: int | None, price: str = "101.0") -> str:
    proof = "" if checksum is None else f',"c":"{checksum}"'
    return f'[1,{{"a":[["{price}","2.00000000","3.0"]]{proof}}},"book-10","XBT/USD"]'


RIGHT = update(crc32(b"1010" + b"200000000" + b"1000" + b"100000000"))


def feed(player: Player, *frames: str) -> None:
    for number, frame in enumerate(frames, 1):
        player.received(Record(number + 1, number, None, Direction.RX, frame.encode()))


def legacy(known: Precision | None = None) -> tuple[LegacyPlayer, Tally]:
    tally = Tally()
    return LegacyPlayer(tally, lambda symbol: known), tally


def test_v1_numbers_carry_their_own_decimals() -> None:
    player, _ = legacy()
    feed(player, SNAPSHOT, RIGHT)

    book = player.books()["BTC/USD"]
    assert (book.updates, book.checksum_ok, book.unchecked, book.first_bad_n) == (2, 1, 1, None)


def test_a_wrong_v1_checksum_empties_the_book_until_the_next_snapshot() -> None:
    player, _ = legacy()
    feed(player, SNAPSHOT, update(7), RIGHT, SNAPSHOT, RIGHT)

    book = player.books()["BTC/USD"]
    assert (book.checksum_ok, book.checksum_bad, book.unsynced, book.unchecked) == (1, 1, 1, 2)
    assert book.first_bad_n == 2


def test_a_v1_update_without_a_checksum_is_unchecked() -> None:
    player, _ = legacy()
    feed(player, SNAPSHOT, update(None))

    assert player.books()["BTC/USD"].unchecked == 2


def test_a_v1_number_of_other_decimals_is_a_wrong_book() -> None:
    player, _ = legacy(Precision(3, 8))
    feed(player, SNAPSHOT)

    assert player.books()["BTC/USD"].checksum_bad == 1


def test_an_empty_v1_book_without_known_decimals_is_an_error() -> None:
    player, _ = legacy()
    with pytest.raises(ConfigError, match="--precision BTC/USD=P,Q"):
        feed(player, '[1,{"as":[],"bs":[]},"book-10","XBT/USD"]')


def test_a_new_connection_forgets_v1_books_and_is_counted() -> None:
    player, tally = legacy()
    player.connected(Record(1, 1, None, Direction.CONNECT, b""))
    feed(player, SNAPSHOT)
    player.connected(Record(1, 1, None, Direction.CONNECT, b""))
    player.sent(Record(1, 1, None, Direction.TX, b'{"event":"subscribe"}'))
    feed(player, RIGHT)

    assert (tally.disconnects, player.books()["BTC/USD"].unsynced) == (1, 1)


def test_v1_trades_and_tickers_are_counted_and_nonsense_named() -> None:
    player, tally = legacy()
    both = '["100.0","1.00000000"]'
    three = '["100.0",1,"1.00000000"]'
    feed(
        player,
        '[1,[["100.0","1.00000000","1.0","b","l",""]],"trade","XBT/USD"]',
        f'[1,{{"a":{three},"b":{three},"c":{both},"v":{both},"p":{both},"l":{both},"h":{both},"o":{both}}},'
        '"ticker","XBT/USD"]',
        '{"event":"heartbeat"}',
        "nonsense",
    )

    assert (tally.trades, tally.tickers) == (1, 1)
    assert [skipped.line for skipped in tally.skipped] == [5]


def test_v2_tickers_and_bars_are_counted() -> None:
    tally = Tally()
    player = StreamPlayer(tally, lambda symbol: None, None)
    numbers = ",".join(
        f'"{name}":1.0'
        for name in (
            "bid",
            "bid_qty",
            "ask",
            "ask_qty",
            "last",
            "volume",
            "vwap",
            "low",
            "high",
            "change",
            "change_pct",
        )
    )
    prices = ",".join(f'"{name}":1.0' for name in ("open", "high", "low", "close", "volume", "vwap"))
    begin = '"interval_begin":"2026-08-02T03:35:00.000000000Z"'
    bar = f'{{"symbol":"BTC/USD",{prices},"trades":1,"interval":1,{begin}}}'
    feed(
        player,
        f'{{"channel":"ticker","type":"snapshot","data":[{{"symbol":"BTC/USD",{numbers}}}]}}',
        f'{{"channel":"ohlc","type":"snapshot","data":[{bar},{bar}]}}',
    )

    assert (tally.tickers, tally.bars, tally.skipped) == (1, 2, [])


def test_a_book_whose_numbers_are_texts_is_named_and_skipped() -> None:
    tally = Tally()
    player = StreamPlayer(tally, lambda symbol: Precision(1, 8), 10)
    frame = BookFeed().snapshot().replace("100.0", '"redacted"')
    feed(player, frame)

    assert [skipped.line for skipped in tally.skipped] == [2]


def test_updates_that_no_snapshot_precedes_are_unsynced_and_need_no_decimals() -> None:
    player = StreamPlayer(Tally(), lambda symbol: None, 10)
    book = BookFeed()
    book.snapshot()
    feed(player, book.update(bids=[("100.0", "2.00000000")]), book.update(bids=[("100.0", "3.00000000")]))

    report = player.books()["BTC/USD"]
    assert (report.updates, report.unsynced, report.first_bad_n) == (2, 2, None)
    with pytest.raises(ConfigError, match="--precision BTC/USD=P,Q"):
        feed(player, book.snapshot())

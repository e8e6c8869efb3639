"""A file of Binance frames is measured with its snapshot, or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leadline.bench.binance_file import ENDLESS, Session, is_binance
from leadline.bench.binance_frames import REST
from leadline.bench.run import frames_of
from leadline.clock import SystemClock
from leadline.errors import RecordingError
from leadline.model.market import Channel, Subscription

BOOK = b'{"lastUpdateId":10,"E":1,"T":1,"bids":[["99.50","1.000"]],"asks":[["100.50","2.000"]]}'
OTHER_BOOK = b'{"lastUpdateId":10,"E":1,"T":1,"bids":[["7.1","1"]],"asks":[["7.2","2"]]}'


def diff(previous: int, last: int, symbol: str = "BTCUSDT", price: str = "99.40") -> str:
    return json.dumps(
        {
            "e": "depthUpdate", "E": 2, "T": 2, "s": symbol, "U": previous + 1, "u": last, "pu": previous,
            "b": [[price, "3"]], "a": [],
        }
    )  # fmt: skip


def wrapped(event: str, name: str = "btcusdt@depth@0ms") -> bytes:
    return f'{{"stream":"{name}","data":{event}}}'.encode()


async def measured(folder: Path, *frames: bytes) -> dict[str, dict[str, float]]:
    path = folder / "frames.txt"
    path.write_bytes(b"\n".join(frames))
    return await frames_of(path, SystemClock(), lambda what: None)


@pytest.mark.parametrize("wrap", [wrapped, str.encode])
async def test_a_session_with_its_snapshot_first_is_paced(tmp_path: Path, wrap: object) -> None:
    assert callable(wrap)
    report = await measured(tmp_path, BOOK, *(wrap(diff(last - 1, last)) for last in range(8, 15)))

    assert set(report["frames"]) == {"us", "yardstick_us", "ratio", "messages_s"}


@pytest.mark.parametrize(
    "frames",
    [
        [wrapped(diff(8, 9)), wrapped(diff(9, 11))],  # no snapshot
        [BOOK, wrapped(diff(9, 11)), wrapped(diff(12, 13))],  # a message is missing
        [BOOK, wrapped(diff(11, 12)), wrapped(diff(12, 13))],  # the snapshot is too old
    ],
)
async def test_what_proves_nothing_is_refused(tmp_path: Path, frames: list[bytes]) -> None:
    with pytest.raises(RecordingError, match=r"BTC/USDT:USDT .* put the book by REST first"):
        await measured(tmp_path, *frames)


async def test_a_file_about_nothing_we_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no frames of a stream that is read here"):
        await measured(tmp_path, wrapped('{"e":"trade","s":"BTCUSDT"}', "btcusdt@trade"))


def test_snapshots_go_to_the_books_whose_prices_they_have() -> None:
    session = Session(
        [
            OTHER_BOOK,
            BOOK,
            wrapped(diff(9, 11, price="99.50")),
            wrapped(diff(9, 11, symbol="ADAUSDC", price="7.1"), "adausdc@depth@100ms"),
        ]
    )
    heard = session.heard()

    assert [each.text for each in heard if each.route == REST] == [BOOK, OTHER_BOOK]
    assert [each.route for each in heard] == ["public", REST, "public", REST]
    assert {each.limit for each in heard if each.route == REST} == {ENDLESS}
    assert [(one.unified, one.price_decimals) for one in session.contracts()] == [
        ("BTC/USDT:USDT", 2),
        ("ADA/USDC:USDC", 1),
    ]


def test_streams_are_subscribed_by_what_the_file_has_of_them() -> None:
    session = Session(
        [
            wrapped(diff(1, 2), "btcusdt@depth10@500ms"),
            b'{"e":"kline","s":"BTCUSDT","k":{"i":"5m"}}',
            b'{"e":"kline","s":"BTCUSDT","k":{"i":"1M"}}',
            b'{"e":"forceOrder","o":{"s":"ETHUSDT"}}',
            b"nonsense",
        ]
    )

    assert list(session.wanted) == [
        Subscription(Channel.TOP, "BTCUSDT", 10),
        Subscription(Channel.BARS, "BTCUSDT", 300),
        Subscription(Channel.LIQUIDATIONS, "ETHUSDT"),
    ]
    assert len(session.heard()) == 5
    assert session.heard()[0].text.startswith(b'{"stream":"btcusdt@depth10@100ms",')


def test_a_recorded_session_is_read_as_the_venues_own() -> None:
    assert is_binance([BOOK])
    assert is_binance([wrapped("{}")])
    assert not is_binance([b'{"channel":"book"}'])

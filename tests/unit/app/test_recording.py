from __future__ import annotations

from pathlib import Path

import pytest

from leadline.app.recording import Tap, describe
from leadline.clock import ManualClock
from leadline.core.limits import DecayingCounter
from leadline.errors import RecordingError, UnknownSymbol
from leadline.net.capture import Direction, Meta, Precision, Record, read_recording
from leadline.net.http import MemoryHttp, Request, Response
from leadline.net.websocket import memory_pair
from leadline.venues.kraken.venue import Kraken

PAIRS = (
    b'{"error":[],"result":{"XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT/USD","base":"XXBT","quote":"ZUSD",'
    b'"pair_decimals":1,"lot_decimals":8,"tick_size":"0.1","ordermin":"0.00005","costmin":"0.5","status":"online"}}}'
)


def meta() -> Meta:
    return Meta("kraken", "ws v2", symbols=("BTC/USD",), instruments={"BTC/USD": Precision(1, 8)})


async def test_every_socket_goes_into_one_recording(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl.gz"
    with Tap(file, ManualClock(), meta) as tap:
        for frame in ("one", "two"):
            near, far = memory_pair()
            socket = tap(near, "ws://127.0.0.1/v2")
            await far.send(frame)
            assert await socket.receive() == frame.encode()
        assert tap.records == 4

    recording = read_recording(file)
    assert recording.meta.precision("BTC/USD") == Precision(1, 8)
    records = [record for record in recording if isinstance(record, Record)]
    assert [record.direction for record in records] == [Direction.CONNECT, Direction.RX] * 2
    assert [record.raw for record in records if record.direction is Direction.RX] == [b"one", b"two"]


def test_nothing_is_written_before_the_first_connection(tmp_path: Path) -> None:
    with Tap(tmp_path / "out.jsonl", ManualClock(), meta) as tap:
        assert tap.records == 0

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_made_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "there.jsonl").write_text("x")
    with pytest.raises(RecordingError, match="exists already"):
        Tap(tmp_path / "there.jsonl", ManualClock(), meta)
    with pytest.raises(RecordingError, match="exists already"):
        Tap(tmp_path, ManualClock(), meta)
    with pytest.raises(RecordingError, match="there is no folder"):
        Tap(tmp_path / "no" / "out.jsonl", ManualClock(), meta)


async def test_the_first_line_names_the_decimals_of_what_is_recorded() -> None:
    clock = ManualClock()

    def answer(request: Request) -> Response:
        return Response(200, (), PAIRS)

    market = Kraken(MemoryHttp(answer, clock, DecayingCounter(10, 1)), clock)
    await market.load()

    found = describe(market, ["XBT/USD"], 25)

    assert (found.venue, found.symbols, found.depth) == ("kraken", ("BTC/USD",), 25)
    assert found.instruments == {"BTC/USD": Precision(1, 8)}
    with pytest.raises(UnknownSymbol):
        describe(market, ["NO/PE"], 10)

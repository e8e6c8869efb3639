from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path

import pytest

from leadline.clock import ManualClock
from leadline.core.limits import DecayingCounter
from leadline.errors import RecordingError
from leadline.net.capture import (
    RECORDS_PER_FLUSH,
    BadLine,
    Direction,
    Meta,
    Precision,
    Record,
    RecordedHttp,
    RecordedSocket,
    Recorder,
    masked,
    read_recording,
)
from leadline.net.http import MemoryHttp, Purpose, Request, Response
from leadline.net.websocket import memory_pair
from vectors import VECTORS, needs_vectors

META = Meta("kraken", api="ws v2", symbols=("BTC/USD",), instruments={"BTC/USD": Precision(1, 8)})
NAMES = ["session.jsonl", "session.jsonl.gz"]


def records(path: Path) -> list[Record]:
    return [entry for entry in read_recording(path) if isinstance(entry, Record)]


def bad_lines(path: Path) -> list[BadLine]:
    return [entry for entry in read_recording(path) if isinstance(entry, BadLine)]


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(('{"meta":{"venue":"kraken"}}', *lines)) + "\n")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_what_is_recorded_is_read_back_byte_for_byte(tmp_path: Path, name: str) -> None:
    clock = ManualClock(wall_ns=1_790_000_000_123_456_789)
    frames = [b'{"price":0.10}', b"\xff not UTF-8 \xc3", "ü\u2028\x00\n".encode(), b""]
    with Recorder(tmp_path / name, META, clock) as recorder:
        for frame in frames:
            recorder.record(Direction.RX, frame)
        recorder.record(Direction.TX, '{"method":"subscribe"}')

    recording = read_recording(tmp_path / name)
    entries = list(recording)

    assert (recording.meta.venue, recording.meta.instruments) == ("kraken", META.instruments)
    assert [entry.raw for entry in entries if isinstance(entry, Record)] == [
        *frames,
        b'{"method":"subscribe"}',
    ]
    assert entries[0] == Record(2, 1, 1_790_000_000_123_456_789, Direction.RX, frames[0])
    assert entries[-1] == Record(6, 5, 1_790_000_000_123_456_789, Direction.TX, b'{"method":"subscribe"}')


def test_a_recording_has_the_keys_and_forms_that_other_readers_expect(tmp_path: Path) -> None:
    clock = ManualClock(wall_ns=1_790_000_000_000_000_001)
    with Recorder(tmp_path / "a.jsonl", META, clock) as recorder:
        recorder.record(Direction.RX, b'{"a":1.50}')

    first, second = (tmp_path / "a.jsonl").read_text().splitlines()

    assert json.loads(first)["meta"] == {
        "venue": "kraken",
        "api": "ws v2",
        "clock": "t = unix nanoseconds at the recording host",
        "symbols": ["BTC/USD"],
        "instruments": {"BTC/USD": {"price_precision": 1, "qty_precision": 8}},
    }
    assert second == '{"n":1,"t":"1790000000000000001","dir":"rx","raw":"{\\"a\\":1.50}"}'


def test_a_gzip_recording_is_ordinary_gzip(tmp_path: Path) -> None:
    with Recorder(tmp_path / "a.jsonl.gz", META, ManualClock()) as recorder:
        recorder.record(Direction.RX, b"{}")
        recorder.flush()
        recorder.record(Direction.RX, b"{}")

    with gzip.open(tmp_path / "a.jsonl.gz", "rt") as lines:
        assert len(lines.readlines()) == 3


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_that_was_killed_keeps_what_was_flushed(tmp_path: Path, name: str) -> None:
    clock, path = ManualClock(), tmp_path / name
    recorder = Recorder(path, META, clock)
    for _ in range(RECORDS_PER_FLUSH + 3):
        recorder.record(Direction.RX, b"x")
    assert len(records(path)) == RECORDS_PER_FLUSH

    clock.advance(1)
    recorder.record(Direction.RX, b"x")
    assert len(records(path)) == RECORDS_PER_FLUSH + 4
    torn = [BadLine(RECORDS_PER_FLUSH + 6, "the file was not closed; its end may be missing")]
    assert bad_lines(path) == (torn if name.endswith(".gz") else [])

    recorder.close()
    recorder.close()
    assert bad_lines(path) == []


def test_a_torn_gzip_gives_every_whole_line_before_the_tear(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    with Recorder(path, META, ManualClock()) as recorder:
        for number in range(1000):
            recorder.record(Direction.RX, f"frame {number * number * 7919}")
    whole = path.read_bytes()

    for cut in range(len(whole) // 4, len(whole), len(whole) // 7):
        path.write_bytes(whole[:cut])
        found = records(path)
        assert [record.raw for record in found] == [
            f"frame {n * n * 7919}".encode() for n in range(len(found))
        ]
        (bad,) = bad_lines(path)
        assert bad.line == len(found) + 2
        assert "end" in bad.why
        assert len(found) >= (cut / len(whole) - 0.1) * 1000


def test_damage_inside_a_gzip_is_named_where_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    with Recorder(path, META, ManualClock()) as recorder:
        for number in range(1000):
            recorder.record(Direction.RX, f"frame {number * number * 7919}")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = b"\xff" * 200
    path.write_bytes(data)

    bad = bad_lines(path)

    assert "damaged" in bad[-1].why
    assert 200 < len(records(path)) < 1000


def test_gzip_files_put_end_to_end_are_read_on(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    lines = ['{"meta":{"venue":"kraken"}}\n', '{"n":1,"t":null,"dir":"rx","raw":"a"}\n']
    path.write_bytes(b"".join(gzip.compress(line.encode()) for line in lines))

    assert [record.raw for record in records(path)] == [b"a"]
    assert bad_lines(path) == []


def test_a_plain_file_torn_inside_its_last_line_says_so(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"n":1,"t":null,"dir":"rx","raw":"a"}')
    path.write_text(path.read_text() + '{"n":2,"t":null,"dir":"r')

    assert [record.line for record in records(path)] == [2]
    assert bad_lines(path) == [BadLine(3, "the file ends in the middle of this line")]


def test_a_last_line_without_its_newline_is_a_line(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"n":1,"t":null,"dir":"rx","raw":"a"}')
    path.write_text(path.read_text().rstrip("\n"))

    assert [record.raw for record in records(path)] == [b"a"]
    assert bad_lines(path) == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nonsense", "not JSON"),
        ("[1]", "not an object"),
        ('{"n":1,"t":null,"dir":"sideways","raw":"a"}', "dir is 'sideways'"),
        ('{"n":1,"t":null,"dir":["rx"],"raw":"a"}', "dir is"),
        ('{"n":1,"t":null,"raw":"a"}', "dir is None"),
        ('{"n":1,"t":null,"dir":"rx"}', "raw is not a text"),
        ('{"n":1,"t":null,"dir":"rx","raw":{"a":1}}', "raw is not a text"),
        ('{"n":1,"t":null,"dir":"rx","raw":"\\ud800"}', "half a character"),
        ('{"n":1,"t":"yesterday","dir":"rx","raw":"a"}', "t is 'yesterday'"),
        ('{"n":1,"t":"NaN","dir":"rx","raw":"a"}', "t is 'NaN'"),
        ('{"n":1,"t":"1e999999","dir":"rx","raw":"a"}', "t is '1e999999'"),
        ('{"n":1,"t":12,"dir":"rx","raw":"a"}', "t is 12"),
    ],
)
def test_a_bad_line_is_named_and_the_rest_is_read(tmp_path: Path, line: str, why: str) -> None:
    path = written(tmp_path / "a.jsonl", line, "", '{"n":2,"t":null,"dir":"rx","raw":"good"}')

    (bad,) = bad_lines(path)

    assert bad.line == 2
    assert why in bad.why
    assert [(record.line, record.raw) for record in records(path)] == [(4, b"good")]


def test_times_are_read_as_the_recording_says_they_are(tmp_path: Path) -> None:
    line = '{"n":1,"t":"1617666423.122873","dir":"rx","raw":"a"}'
    assert records(written(tmp_path / "a.jsonl", line))[0].t_ns == 1_617_666_423_122_873_000

    (tmp_path / "b.jsonl").write_text(
        '{"meta":{"venue":"kraken","clock":"t = local unix nanoseconds"}}\n'
        '{"n":1,"t":"1617666423122873001","dir":"rx","raw":"a"}\n'
    )
    assert records(tmp_path / "b.jsonl")[0].t_ns == 1_617_666_423_122_873_001


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a recording\n",
        b'{"n":1}\n',
        b'{"meta":{}}\n',
        b"\x00\xff\xfe\n",
        b"[]",
        b'{"meta":{"venue":"kr',
    ],
)
def test_a_file_that_is_not_a_recording_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)

    with pytest.raises(RecordingError, match=r"a\.jsonl is not a recording"):
        read_recording(path)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file"):
        read_recording(tmp_path / "absent.jsonl")
    with pytest.raises(RecordingError, match="Is a directory"):
        read_recording(tmp_path)


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"cannot record to .*No such file"):
        Recorder(tmp_path / "absent" / "a.jsonl", META, ManualClock())


def test_an_earlier_recording_is_never_overwritten_but_an_empty_file_is_used(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.touch()
    with Recorder(path, META, ManualClock()):
        pass

    with pytest.raises(RecordingError, match="exists already"):
        Recorder(path, META, ManualClock())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full, a disk that is always full, is absent")
def test_a_full_disk_is_named_with_the_cure() -> None:
    with pytest.raises(RecordingError, match=r"/dev/full stopped .*No space left.*make room"):
        Recorder(Path("/dev/full"), META, ManualClock())


def test_a_disk_that_fills_up_leaves_a_readable_file_and_stops_the_recorder(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="file size limits need the resource module")
    signal = pytest.importorskip("signal")
    path, clock = tmp_path / "a.jsonl", ManualClock()
    before, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        recorder = Recorder(path, META, clock)
        with pytest.raises(RecordingError, match="what is in this one can be replayed"):
            for _ in range(1000):
                recorder.record(Direction.RX, b"x" * 90)
        with pytest.raises(RecordingError):
            recorder.record(Direction.RX, b"x")
        recorder.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)

    assert path.stat().st_size == 10_000
    assert len(records(path)) > 60
    assert [bad.why for bad in bad_lines(path)] == ["the file ends in the middle of this line"]


async def test_a_recorded_socket_keeps_both_directions_and_each_connection(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    near, far = memory_pair()
    with Recorder(path, META, ManualClock()) as recorder:
        socket = RecordedSocket(near, recorder, "wss://venue.example/v2")
        await socket.send("question")
        await far.send("answer")
        assert await socket.receive() == b"answer"
        await socket.close()
        await asyncio.sleep(0)

    assert near.closed
    assert [(record.direction, record.raw) for record in records(path)] == [
        (Direction.CONNECT, b"wss://venue.example/v2"),
        (Direction.TX, b"question"),
        (Direction.RX, b"answer"),
    ]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ('{"e":"{\\"token\\":\\"cana/+=\\",\\"x\\":1}"}', '{"e":"{\\"token\\":\\"***\\",\\"x\\":1}"}'),
        ('{"result":{"token":"cana', '{"result":{"token":"***"'),
        ('{"error":"bad: {\\"token\\":\\"cana', '{"error":"bad: {\\"token\\":\\"***'),
        ('{"tokens":"many","token":1}', '{"tokens":"many","token":1}'),
    ],
)  # fmt: skip
def test_a_token_is_masked_in_an_echo_and_in_a_torn_message_too(said: str, kept: str) -> None:
    assert masked(said) == kept


async def test_a_token_is_in_no_recording_whichever_way_it_went(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    near, far = memory_pair()
    with Recorder(path, META, ManualClock()) as recorder:
        socket = RecordedSocket(near, recorder, "wss://venue.example/v2")
        await socket.send('{"params":{"token":"cana\\/ry\\"+x","qty":1},"req_id":1}')
        await far.send('{"result":{"token" : "canary"}}')
        await socket.receive()
        recorder.record(Direction.REST, '{"result":{"token":"canary","expires":900}}')
    assert [record.raw for record in records(path)][1:] == [
        b'{"params":{"token":"***","qty":1},"req_id":1}',
        b'{"result":{"token" : "***"}}',
        b'{"result":{"token":"***","expires":900}}',
    ]


def test_precisions_are_found_wherever_a_recording_states_them() -> None:
    assert META.precision("BTC/USD") == Precision(1, 8)
    assert META.precision("ETH/USD") is None
    assert Meta("kraken", precisions={"A/B": Precision(2, 3)}).precision("A/B") == Precision(2, 3)
    alone = Meta("kraken", symbols=("A/B",), price_precision=4, qty_precision=5)
    assert alone.precision("A/B") == Precision(4, 5)
    assert alone.precision("C/D") is None


CAPTURES = sorted(VECTORS.rglob("*.capture.jsonl*"))


@needs_vectors
def test_every_stored_capture_is_read_whole() -> None:
    assert len(CAPTURES) >= 12
    for path in CAPTURES:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        entries = list(read_recording(path))
        assert len(entries) == len(data.splitlines()) - 1, path
        assert all(isinstance(entry, Record) for entry in entries), path


async def test_first_values_by_rest_are_recorded_with_what_they_were_asked_from(tmp_path: Path) -> None:
    def answer(request: Request) -> Response:
        return Response(200 if request.path == "/depth" else 418, (), b'{"bids":[]}')

    file = tmp_path / "r.jsonl"
    recorders: list[Recorder] = []
    clock = ManualClock()
    http = RecordedHttp(
        MemoryHttp(answer, clock, DecayingCounter(10, 1)), lambda: recorders[0] if recorders else None
    )

    async def ask(request: Request, purpose: Purpose) -> None:
        clock.advance(1.0)
        async with asyncio.timeout(1):
            await http.send(request, purpose)

    depth = Request("GET", "/depth", (("symbol", "币安USDT"), ("limit", "5")))
    await ask(depth, Purpose.SNAPSHOT)
    with Recorder(file, Meta("binance"), clock) as recorder:
        recorders.append(recorder)
        await ask(depth, Purpose.SNAPSHOT)
        await ask(depth, Purpose.CROSS_CHECK)
        await ask(Request("GET", "/other"), Purpose.SNAPSHOT)

    (record,) = read_recording(file)
    assert isinstance(record, Record)
    assert (record.direction, record.raw) == (Direction.REST, b'{"bids":[]}')
    assert record.url == "/depth?symbol=%E5%B8%81%E5%AE%89USDT&limit=5"

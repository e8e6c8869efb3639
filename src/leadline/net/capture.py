"""Recordings: frames verbatim, with time and direction, to disk and back; nothing here decodes a frame.

The first line is `{"meta": {...}}`, every other one a record `{"n", "t", "dir", "raw"}`, in plain text or
gzip. What has been written stays readable whatever happens afterwards.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from leadline.clock import NS_PER_S, Clock
from leadline.errors import RecordingError
from leadline.net.departures import Priority
from leadline.net.http import Http, Purpose, Request, Response, query_text
from leadline.net.websocket import Socket

GZIP = 31  # zlib's number for a gzip wrapper
GZIP_MAGIC = b"\x1f\x8b"
RECORDS_PER_FLUSH = 50
FLUSH_EVERY_NS = NS_PER_S
MAX_LINE_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 64 * 1024

OUR_CLOCK = "t = unix nanoseconds at the recording host"


_TOKEN = re.compile(r'("token"\s*:\s*")(?:[^"\\]|\\.)*(?:"|\Z)')
_QUOTED_TOKEN = re.compile(r'(\\+"token\\+"\s*:\s*\\+")(?:(?!\\+").)*', re.DOTALL)
"""In a message that is quoted inside another, as an error that echoes what it was sent."""


def masked(text: str) -> str:
    """A message without the value of a `token`, quoted and torn ones too; any other stays as it is."""
    if "token" not in text:
        return text
    return _QUOTED_TOKEN.sub(r"\1***", _TOKEN.sub(r'\1***"', text))


class Direction(Enum):
    """Which way a record went, or what else it is."""

    RX = "rx"
    TX = "tx"
    REST = "rest"
    CONNECT = "connect"
    FRAGMENT = "fragment"


class Precision(msgspec.Struct, frozen=True):
    """Decimals of an instrument's prices and quantities."""

    price_precision: int
    qty_precision: int


class Meta(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the first line of a recording says about the rest."""

    venue: str
    api: str = ""
    clock: str = ""
    symbols: tuple[str, ...] = ()
    depth: int | None = None
    price_precision: int | None = None
    qty_precision: int | None = None
    precisions: dict[str, Precision] = {}
    instruments: dict[str, Precision] = {}

    def precision(self, symbol: str) -> Precision | None:
        """The decimals of a symbol, where the recording states them up front."""
        named = self.instruments.get(symbol) or self.precisions.get(symbol)
        if named is not None:
            return named
        if self.price_precision is None or self.qty_precision is None:
            return None
        if self.symbols and symbol not in self.symbols:
            return None
        return Precision(self.price_precision, self.qty_precision)


class _FirstLine(msgspec.Struct):
    meta: Meta


@dataclass(frozen=True, slots=True)
class Record:
    """One message as it travelled; `t_ns` is Unix time at the recording host, None where it was not noted.

    `url` is what an answer by REST was asked from, and where a connection goes; empty where it was not noted.
    """

    line: int
    n: int | None
    t_ns: int | None
    direction: Direction
    raw: bytes
    url: str = ""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that could not be read, or (at the end) the mark of a torn file."""

    line: int
    why: str


class Recorder:
    """Writes one recording; gzip where the name ends in `.gz`.

    Every 50 records or every second it writes out what it has, as whole lines that can be read back even if
    nothing follows. Raises RecordingError when the file cannot be made or written on.
    """

    def __init__(self, path: Path, meta: Meta, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._deflate = zlib.compressobj(wbits=GZIP) if path.suffix == ".gz" else None
        self._lines: list[bytes] = []
        self._flushed_ns = clock.mono_ns()
        self.records = 0
        self._failure: RecordingError | None = None
        self._file: BinaryIO | None = self._open()
        first = _FirstLine(msgspec.structs.replace(meta, clock=OUR_CLOCK))
        self._lines.append(msgspec.json.encode(first) + b"\n")
        self.flush()

    def _open(self) -> BinaryIO:
        try:
            if self._path.is_file() and self._path.stat().st_size > 0:
                raise RecordingError(f"{self._path} exists already; remove it or record under another name")
            return self._path.open("wb", buffering=0)
        except OSError as error:
            raise RecordingError(f"cannot record to {self._path}: {error.strerror}") from error

    def record(self, direction: Direction, frame: bytes | str, url: str = "") -> None:
        """Keep one message, verbatim but for a token that would open the account's stream.

        `url` is for answers by REST: what they were asked from.
        """
        if self._failure is not None:
            raise self._failure
        # What is not UTF-8 travels as lone surrogates, and comes back as the bytes it was.
        text = frame if isinstance(frame, str) else frame.decode(errors="surrogateescape")
        self.records += 1
        at, raw = str(self._clock.wall_ns()), masked(text)
        entry = {"n": self.records, "t": at, "dir": direction.value, "raw": raw} | (
            {"url": url} if url else {}
        )
        self._lines.append(json.dumps(entry, separators=(",", ":")).encode() + b"\n")
        now_ns = self._clock.mono_ns()
        if len(self._lines) >= RECORDS_PER_FLUSH or now_ns - self._flushed_ns >= FLUSH_EVERY_NS:
            self.flush()

    def flush(self) -> None:
        """Write out what is waiting."""
        data = b"".join(self._lines)
        self._lines.clear()
        self._flushed_ns = self._clock.mono_ns()
        if self._deflate is not None:
            data = self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._write(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the recording; doing so twice is harmless."""
        if self._file is None:
            return
        self.flush()
        if self._deflate is not None:
            self._write(self._deflate.flush(zlib.Z_FINISH))
        self._file.close()
        self._file = None

    def _write(self, data: bytes) -> None:
        assert self._file is not None, "recorded after close"
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self._file.close()
            self._file = None
            self._failure = RecordingError(
                f"recording to {self._path} stopped after about {self.records} records: {error.strerror}; "
                "make room and record to a new file, what is in this one can be replayed"
            )
            raise self._failure from error


class RecordedSocket:
    """A socket whose every message is recorded, both ways, before anybody else sees it."""

    def __init__(self, socket: Socket, recorder: Recorder, url: str) -> None:
        self._socket = socket
        self._recorder = recorder
        recorder.record(Direction.CONNECT, url)

    async def receive(self) -> bytes:
        frame = await self._socket.receive()
        self._recorder.record(Direction.RX, frame)
        return frame

    async def send(self, text: str) -> None:
        self._recorder.record(Direction.TX, text)
        await self._socket.send(text)

    async def close(self) -> None:
        await self._socket.close()


class RecordedHttp:
    """An Http whose first values are recorded: what a book is built from belongs to its recording.

    `recorder` is asked for with every answer; there may be none yet.
    """

    def __init__(self, http: Http, recorder: Callable[[], Recorder | None]) -> None:
        self._http = http
        self._recorder = recorder
        self.reach = http.reach

    async def send(
        self, request: Request, purpose: Purpose, priority: Priority = Priority.NORMAL
    ) -> Response:
        """What the port behind it answers, and raises."""
        response = await self._http.send(request, purpose, priority)
        recorder = self._recorder()
        if recorder is not None and purpose is Purpose.SNAPSHOT and response.status == HTTPStatus.OK:
            url = f"{request.path}?{query_text(request.query)}" if request.query else request.path
            recorder.record(Direction.REST, response.body, url)
        return response

    def exceeded(self) -> None:
        """Tells the port behind it."""
        self._http.exceeded()


class Recording:
    """A recording on disk; made by `read_recording`. Iterate it for records and bad lines, in file order."""

    def __init__(self, path: Path, meta: Meta) -> None:
        self.path = path
        self.meta = meta

    def __iter__(self) -> Iterator[Record | BadLine]:
        nanoseconds = "nanosecond" in self.meta.clock
        for number, line in enumerate(_lines(self.path), 1):
            if isinstance(line, _Torn):
                yield BadLine(number, line.why)
            elif number > 1 and line.strip():
                yield _record(number, line, nanoseconds)


def read_recording(path: Path) -> Recording:
    """Open a recording by its first line; raises RecordingError when it is none."""
    try:
        first = next(_lines(path), b"")
    except OSError as error:
        raise RecordingError(f"cannot read {path}: {error.strerror}") from error
    what = f"{path} is not a recording"
    if isinstance(first, _Torn):
        raise RecordingError(f"{what}: {first.why}")
    if not first:
        raise RecordingError(f"{what}: it is empty")
    try:
        return Recording(path, msgspec.json.decode(first, type=_FirstLine).meta)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordingError(f'{what}: its first line is not {{"meta": {{"venue": …}}}} ({error})') from error


@dataclass(frozen=True, slots=True)
class _Torn:
    why: str


def _lines(path: Path) -> Iterator[bytes | _Torn]:
    """The whole lines of a plain or gzip file, then what is wrong with its end, if anything."""
    rest = b""
    why = ""
    with path.open("rb") as file:
        chunks = _inflated(file) if file.read(2) == GZIP_MAGIC else _plain(file)
        for chunk in chunks:
            if isinstance(chunk, _Torn):
                why = chunk.why
                break
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
            if len(rest) > MAX_LINE_BYTES:
                yield _Torn(f"a line of more than {MAX_LINE_BYTES} bytes; the rest is not read")
                return
    if rest and not why and _is_json(rest):
        yield rest
    elif rest:
        yield _Torn(f"the file ends in the middle of this line{why and f' ({why})'}")
    elif why:
        yield _Torn(why)


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True


def _plain(file: BinaryIO) -> Iterator[bytes | _Torn]:
    file.seek(0)
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def _inflated(file: BinaryIO) -> Iterator[bytes | _Torn]:
    file.seek(0)
    inflate = zlib.decompressobj(wbits=GZIP)
    while True:
        compressed = inflate.unused_data or file.read(CHUNK_BYTES)
        if not compressed:
            break
        if inflate.eof:
            inflate = zlib.decompressobj(wbits=GZIP)
        before = inflate.copy()
        try:
            yield inflate.decompress(compressed)
        except zlib.error as error:
            yield _until_damage(before, compressed)
            yield _Torn(f"the compressed data is damaged from here on: {error}")
            return
    if not inflate.eof:
        yield _Torn("the file was not closed; its end may be missing")


def _until_damage(inflate: zlib._Decompress, compressed: bytes) -> bytes:
    """What can still be read of a damaged chunk, which zlib otherwise gives whole or not at all."""
    parts = []
    try:
        for byte in compressed:
            parts.append(inflate.decompress(bytes((byte,))))
    except zlib.error:
        pass
    return b"".join(parts)


def _record(number: int, line: bytes, nanoseconds: bool) -> Record | BadLine:
    try:
        entry = json.loads(line)
    except ValueError as error:
        return BadLine(number, f"not JSON: {error}")
    if not isinstance(entry, dict):
        return BadLine(number, "not a record: not an object")
    try:
        direction = Direction(entry.get("dir"))
    except ValueError:
        return BadLine(number, f"not a record: dir is {entry.get('dir')!r}")
    text = entry.get("raw", "" if direction is Direction.CONNECT else None)
    if not isinstance(text, str):
        return BadLine(number, "not a record: raw is not a text")
    n, t = entry.get("n"), entry.get("t")
    try:
        t_ns = None if t is None else _unix_ns(t, nanoseconds)
        raw = text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return BadLine(number, "not a record: raw holds half a character")
    except (AttributeError, TypeError, ValueError):
        return BadLine(number, f"not a record: t is {t!r}")
    url = entry.get("url", text if direction is Direction.CONNECT else "")
    return Record(
        number, n if isinstance(n, int) else None, t_ns, direction, raw, url if isinstance(url, str) else ""
    )


def _unix_ns(text: str, nanoseconds: bool) -> int:
    if nanoseconds:
        return int(text)
    seconds, _, fraction = text.partition(".")
    return int(seconds) * NS_PER_S + int(fraction[:9].ljust(9, "0"))

"""What is kept of a run for the next one, as bytes that know whether they are whole.

Rule: a checkpoint is taken up whole or not at all; one digit changed on the disk and it is named as damaged.
"""

from __future__ import annotations

import hashlib
from typing import TypeVar

import msgspec
from msgspec import Struct

from leadline.model.account import Balance
from leadline.model.compact import CompactBook
from leadline.model.market import Bar, Ticker
from leadline.model.order import Order

VERSION = 1
"""Raised whenever what is kept changes its form; an older form is then read by its own rules."""

_MAGIC = b"leadline checkpoint "
_LONGEST_HEADER = 256


class Damaged(Exception):
    """These bytes are no checkpoint that can be trusted; the text says why."""


class OtherVersion(Damaged):
    """These bytes are whole, and of a form that this program does not read."""

    def __init__(self, version: int) -> None:
        super().__init__(f"it is of version {version}, this program reads version {VERSION}")
        self.version = version


class KeptTicker(Struct, frozen=True, array_like=True):
    """A ticker and when it was received, in Unix nanoseconds."""

    at_ns: int
    ticker: Ticker


class KeptBook(Struct, frozen=True, array_like=True):
    """The top of a book and when it was received, in Unix nanoseconds."""

    at_ns: int
    book: CompactBook


class KeptBar(Struct, frozen=True, array_like=True):
    """The newest bar of an interval and when it was received, in Unix nanoseconds."""

    at_ns: int
    bar: Bar


class MarketCheckpoint(Struct, frozen=True, tag="market"):
    """The market as it was last known; all times are Unix nanoseconds."""

    at_ns: int
    venue: str
    tickers: tuple[KeptTicker, ...] = ()
    books: tuple[KeptBook, ...] = ()
    bars: tuple[KeptBar, ...] = ()


class AccountCheckpoint(Struct, frozen=True, tag="account"):
    """An account as it was last known: its live orders and its balances.

    `balances_at_ns` is when the venue last vouched for the balances, None where they were not known.
    """

    at_ns: int
    venue: str
    account: str
    orders: tuple[Order, ...] = ()
    balances: tuple[Balance, ...] = ()
    balances_at_ns: int | None = None


Checkpoint = MarketCheckpoint | AccountCheckpoint
C = TypeVar("C", MarketCheckpoint, AccountCheckpoint)

_encoder = msgspec.msgpack.Encoder()


def encode(checkpoint: Checkpoint) -> bytes:
    """The bytes of a checkpoint: a line with version, length and digest, then the content."""
    content = _encoder.encode(checkpoint)
    return _MAGIC + f"{VERSION} {len(content)} {_digest(VERSION, content)}\n".encode() + content


def decode(blob: bytes, kind: type[C]) -> C:
    """The checkpoint of these bytes; raises Damaged with the reason, OtherVersion where they are whole."""
    head, newline, content = blob.partition(b"\n")
    if not newline or len(head) > _LONGEST_HEADER or not head.startswith(_MAGIC):
        raise Damaged("it does not begin as a checkpoint does")
    fields = head[len(_MAGIC) :].split(b" ")
    if len(fields) != 3 or not fields[0].isdigit() or not fields[1].isdigit():
        raise Damaged("its first line is not readable")
    if int(fields[1]) != len(content):
        raise Damaged(f"it has {len(content)} bytes where {int(fields[1])} were written")
    version = int(fields[0])
    if _digest(version, content).encode() != fields[2]:
        raise Damaged("its content is not what was written: the checksum differs")
    if version != VERSION:
        raise OtherVersion(version)
    try:
        return msgspec.msgpack.decode(content, type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise Damaged(f"its content is of another form: {error}") from error


def _digest(version: int, content: bytes) -> str:
    return hashlib.sha256(b"%d " % version + content).hexdigest()

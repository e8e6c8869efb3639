"""The frames of the private stream: bytes to typed events, and what they say of positions and margin.

Rule: an event is known by its own `e`, never by the name of its stream, and a field that is missing, null or
new spoils nothing that is there (dossier §12).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal, Protocol

import msgspec
from msgspec import Raw, Struct

from leadline.model.account import MarginMode, Position
from leadline.model.instrument import Instrument
from leadline.model.order import PositionSide

NOT_UNDERSTOOD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, ArithmeticError)
"""What decoding raises for bytes that are no such event."""

MS = 1_000_000
"""Nanoseconds of a millisecond, in which the venue tells its times."""

SideText = Literal["BUY", "SELL"]

POSITION_SIDES = {"BOTH": PositionSide.NET, "LONG": PositionSide.LONG, "SHORT": PositionSide.SHORT}
POSITION_SIDE_TEXTS = {side: text for text, side in POSITION_SIDES.items()}
MARGIN_MODES = {
    "cross": MarginMode.CROSS,
    "crossed": MarginMode.CROSS,
    "isolated": MarginMode.ISOLATED,
}


class Names(Protocol):
    """Knows instruments by the venue's own spelling; a symbol table does."""

    def of_wire(self, wire: str) -> Instrument | None:
        """The instrument of `BTCUSDT`; None for one that is not listed."""


def symbol_of(wire: str, names: Names) -> str:
    """Our symbol of the venue's; one that is not listed (any more) keeps the venue's name."""
    instrument = names.of_wire(wire)
    return wire if instrument is None else instrument.symbol


def number(text: str | None) -> Decimal | None:
    """A number the venue wrote; None for null and an empty text, ValueError for what is no finite one."""
    if not text:
        return None
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError(f"{text} is no number of a market")
    return value


def positive(text: str | None) -> Decimal | None:
    """A quantity or price; None where the venue writes 0 for none. ValueError for a negative one."""
    value = number(text)
    if value is not None and value < 0:
        raise ValueError(f"{text} is no quantity or price")
    return value or None


def margin_mode(text: str | None) -> MarginMode | None:
    """How a position is margined, in any of the venue's spellings."""
    return MARGIN_MODES.get((text or "").lower())


# Orders


class OrderEvent(Struct):
    """The `o` of ORDER_TRADE_UPDATE (dossier §12.4)."""

    s: str
    S: SideText
    o: str
    x: str
    X: str
    i: int
    T: int
    c: str | None = None
    ps: str | None = None
    q: str | None = None
    p: str | None = None
    sp: str | None = None
    l: str | None = None  # noqa: E741
    z: str | None = None
    L: str | None = None
    N: str | None = None
    n: str | None = None
    t: int | None = None
    m: bool | None = None
    er: str | None = None


class OrderUpdate(Struct, tag_field="e", tag="ORDER_TRADE_UPDATE"):
    E: int
    T: int
    o: OrderEvent


class AlgoEvent(Struct):
    """The `o` of ALGO_UPDATE (dossier §12.7); `ai` is the order it has placed, `aq` what that has filled."""

    aid: int
    s: str
    S: SideText
    o: str
    X: str
    caid: str | None = None
    ps: str | None = None
    q: str | None = None
    p: str | None = None
    tp: str | None = None
    ai: str | int | None = None
    aq: str | None = None
    rm: str | None = None


class AlgoUpdate(Struct, tag_field="e", tag="ALGO_UPDATE"):
    E: int
    T: int
    o: AlgoEvent


class TradeLite(Struct, tag_field="e", tag="TRADE_LITE"):
    """The early copy of a match, without fee: ORDER_TRADE_UPDATE tells the same one (dossier §12.6)."""

    s: str
    t: int
    E: int = 0


# The account


class BalanceRow(Struct):
    """`wb` is the wallet's balance, `bc` what of the change is neither profit nor fee."""

    a: str
    wb: str
    cw: str | None = None
    bc: str | None = None


class PositionRow(Struct):
    s: str
    pa: str
    ps: str | None = None
    ep: str | None = None
    bep: str | None = None
    cr: str | None = None
    up: str | None = None
    mt: str | None = None
    iw: str | None = None
    ma: str | None = None


class AccountChange(Struct):
    """`S` is the symbol of a funding (dossier §12.5)."""

    m: str
    S: str | None = None
    B: list[BalanceRow] = []
    P: list[PositionRow] = []


class AccountUpdate(Struct, tag_field="e", tag="ACCOUNT_UPDATE"):
    E: int
    T: int
    a: AccountChange


class LeverageChange(Struct):
    s: str
    l: int  # noqa: E741


class AssetModeChange(Struct):
    j: bool


class ConfigUpdate(Struct, tag_field="e", tag="ACCOUNT_CONFIG_UPDATE"):
    E: int
    ac: LeverageChange | None = None
    ai: AssetModeChange | None = None


class CalledRow(Struct):
    s: str
    pa: str
    ps: str | None = None
    mt: str | None = None
    iw: str | None = None
    mp: str | None = None
    up: str | None = None
    mm: str | None = None


class MarginCall(Struct, tag_field="e", tag="MARGIN_CALL"):
    E: int
    p: list[CalledRow] = []


class KeyExpired(Struct, tag_field="e", tag="listenKeyExpired"):
    """The stream tells nothing any more, and stays open (dossier §12.2)."""

    E: int


class Unknown(Struct):
    """An event of a kind this version has no use for."""

    e: str


class Answer(Struct):
    """The answer to a control message; `error` is a text where the venue refused it."""

    id: int | None
    result: list[str] | None = None
    error: str = ""


Event = (
    OrderUpdate | AlgoUpdate | TradeLite | AccountUpdate | ConfigUpdate | MarginCall | KeyExpired | Unknown
)

_KNOWN = OrderUpdate | AlgoUpdate | TradeLite | AccountUpdate | ConfigUpdate | MarginCall | KeyExpired
_events: msgspec.json.Decoder[_KNOWN] = msgspec.json.Decoder(_KNOWN)
_NAMES = frozenset(
    {
        *("ORDER_TRADE_UPDATE", "ALGO_UPDATE", "TRADE_LITE", "ACCOUNT_UPDATE"),
        *("ACCOUNT_CONFIG_UPDATE", "MARGIN_CALL", "listenKeyExpired"),
    }
)


class _Frame(Struct):
    """Any frame: wrapped, bare, or an answer."""

    data: Raw = Raw(b"")
    e: str | None = None
    id: int | None = None
    result: Raw = Raw(b"")
    error: Raw = Raw(b"")


class _Named(Struct):
    e: str


_frames: msgspec.json.Decoder[_Frame] = msgspec.json.Decoder(_Frame)
_named: msgspec.json.Decoder[_Named] = msgspec.json.Decoder(_Named)


def decode(frame: bytes) -> Event | Answer:
    """A frame of the private connection, wrapped or bare; raises one of `NOT_UNDERSTOOD`."""
    outer = _frames.decode(frame)
    if data := bytes(outer.data):
        return _event(data)
    if outer.e is not None:
        return _event(frame)
    if error := bytes(outer.error):
        return Answer(outer.id, error=error.decode())
    if outer.id is None:
        raise ValueError("neither an event nor an answer")
    return Answer(outer.id, _listed(outer.result))


def _event(data: bytes) -> Event:
    name = _named.decode(data).e
    return _events.decode(data) if name in _NAMES else Unknown(name)


def _listed(result: Raw) -> list[str] | None:
    """The streams that an answer lists; None for any other answer."""
    if not bytes(result).startswith(b"["):
        return None
    return msgspec.json.decode(result, type=list[str])


def masked(text: bytes, secret: str) -> bytes:
    """A text without the credential."""
    return text.replace(secret.encode(), b"***") if secret else text


# To values


def total(amounts: Iterable[str | None]) -> Decimal:
    """The sum of numbers the venue wrote."""
    return sum((number(amount) or Decimal(0) for amount in amounts), Decimal(0))


def position(row: PositionRow, at_ms: int, names: Names) -> Position:
    """A position as ACCOUNT_UPDATE tells it; `isolated_margin` is its own wallet, 0 where it has none."""
    qty = number(row.pa)
    if qty is None:
        raise ValueError(f"a position of {row.s} without its amount")
    return Position(
        symbol=symbol_of(row.s, names),
        qty=qty,
        side=POSITION_SIDES[row.ps or "BOTH"],
        entry_price=number(row.ep),
        break_even_price=number(row.bep),
        unrealised=number(row.up),
        realised=number(row.cr),
        margin_mode=margin_mode(row.mt),
        isolated_margin=number(row.iw),
        settle=row.ma,
        venue_ns=at_ms * MS,
    )


def called(row: CalledRow, at_ms: int, names: Names) -> Position:
    """A position as MARGIN_CALL tells it."""
    return Position(
        symbol=symbol_of(row.s, names),
        qty=number(row.pa) or Decimal(0),
        side=POSITION_SIDES[row.ps or "BOTH"],
        mark_price=number(row.mp),
        unrealised=number(row.up),
        margin_mode=margin_mode(row.mt),
        isolated_margin=number(row.iw),
        margin=number(row.mm),
        venue_ns=at_ms * MS,
    )

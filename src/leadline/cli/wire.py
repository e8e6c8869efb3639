"""What `--json` prints for one event: every number of a value is a text, because prices are not floats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from leadline.clock import NS_PER_MS, NS_PER_S
from leadline.core.book import BookView
from leadline.model.market import (
    Bar,
    DayStats,
    FrozenBook,
    Gap,
    Level,
    Liquidation,
    MarkPrice,
    Ticker,
    Trade,
)
from leadline.model.reading import Reading

Value = Ticker | Trade | Bar | BookView | FrozenBook | MarkPrice | DayStats | Liquidation


def event(kind: str, symbol: str, reading: Reading[Any]) -> bytes:
    """One reading as a line of JSON, without its end."""
    value = reading.value
    row = {
        "kind": kind,
        "symbol": symbol,
        "source": reading.source.value,
        "verified": reading.verified,
        "venue_time": venue_time(value),
        "age_ms": round(reading.age_s * 1000, 3),
        "value": _value(value),
    }
    return msgspec.json.encode(row)


def gap(found: Gap) -> bytes:
    """One hole in a stream as a line of JSON; it has no source, and its age is nothing one could measure."""
    row = {
        "kind": "gap",
        "symbol": found.symbol,
        "source": None,
        "verified": False,
        "venue_time": None,
        "age_ms": None,
        "value": {
            "channel": found.channel.value,
            "cause": found.cause.value,
            "from": utc(found.from_ns),
            "until": None if found.until_ns is None else utc(found.until_ns),
            "missing": None if found.missing is None else str(found.missing),
            "filled": found.filled,
            "suspected": found.suspected,
        },
    }
    return msgspec.json.encode(row)


def venue_time(value: Value) -> str | None:
    """The venue's own time of a value as RFC 3339 text; of a bar, when it begins."""
    if isinstance(value, Bar):
        return utc(value.begin_ns)
    if isinstance(value.venue_time, int):
        return utc(value.venue_time * NS_PER_MS)
    return value.venue_time


def utc(moment_ns: int) -> str:
    """Unix nanoseconds as RFC 3339 text with nine decimals."""
    whole, fraction_ns = divmod(moment_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{fraction_ns:09d}Z"


def plain(number: Decimal) -> str:
    """A number with the venue's own digits and never an exponent."""
    return format(number, "f")


def optional(number: Decimal | None) -> str | None:
    """The same of a number that may be missing."""
    return None if number is None else plain(number)


def first_and_all(rows: Mapping[str, Any]) -> Any:
    """Of one venue its own row; of several that of the first, as if it was alone, and all by name."""
    first = next(iter(rows.values()))
    return first if len(rows) == 1 else (first or {}) | {"venues": rows}


def _value(value: Value) -> dict[str, Any]:
    match value:
        case BookView():
            sides = {"bids": _levels(value.bids(value.depth)), "asks": _levels(value.asks(value.depth))}
            return sides | {"depth": str(value.depth), "verified_depth": str(value.verified_depth)}
        case FrozenBook():
            return {"bids": _levels(value.bids), "asks": _levels(value.asks)}
        case Bar():
            fields = msgspec.structs.asdict(value)
            fields["begin"] = utc(fields.pop("begin_ns"))
        case MarkPrice():
            fields = msgspec.structs.asdict(value)
            settled_ns = fields.pop("next_funding_ns")
            fields["next_funding"] = None if settled_ns is None else utc(settled_ns)
        case _:
            fields = msgspec.structs.asdict(value)
    del fields["symbol"]
    return {name: _text(part) for name, part in fields.items() if name != "venue_time"}


def _text(part: Any) -> Any:
    match part:
        case Decimal():
            return plain(part)
        case bool() | None:
            return part
        case int():
            return str(part)
        case str():
            return part
    return part.value


def _levels(levels: Iterable[Level]) -> list[tuple[str, str]]:
    return [(plain(level.price), plain(level.qty)) for level in levels]

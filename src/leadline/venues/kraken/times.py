"""Kraken's Unix seconds as exact integers and texts; a float never holds a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from leadline.clock import NS_PER_S

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def seconds_to_ns(seconds: Decimal) -> int:
    """Unix nanoseconds of Unix seconds with any number of decimals; digits beyond the ninth are cut off."""
    return int(seconds.scaleb(9))


def seconds_to_text(seconds: Decimal) -> str:
    """RFC 3339 UTC text of Unix seconds, with the decimals they came with (at most nine)."""
    exponent = seconds.as_tuple().exponent
    decimals = min(9, max(0, -exponent)) if isinstance(exponent, int) else 0
    return ns_to_text(seconds_to_ns(seconds), decimals)


def ns_to_text(unix_ns: int, decimals: int) -> str:
    """RFC 3339 UTC text of Unix nanoseconds with so many decimals of a second, the rest cut off."""
    whole, fraction_ns = divmod(unix_ns, NS_PER_S)
    moment = (_EPOCH + timedelta(seconds=whole)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{fraction_ns:09d}"[: len(moment) + 1 + decimals].rstrip(".") + "Z"

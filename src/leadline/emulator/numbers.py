"""The venue's own way of writing numbers and times; a scaled integer is never turned into a float here.

Written apart from the client's conversions on purpose: a misreading on one side must show on the other.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

NS_PER_S = 1_000_000_000


def fixed(scaled: int, decimals: int) -> str:
    """The text of `scaled` × 10^-`decimals`, all decimals kept (dossier §16)."""
    if scaled < 0:
        return "-" + fixed(-scaled, decimals)
    digits = str(scaled)
    if decimals == 0:
        return digits
    if len(digits) <= decimals:
        digits = digits.zfill(decimals + 1)
    return f"{digits[:-decimals]}.{digits[-decimals:]}"


def rescaled(scaled: int, decimals: int, wanted: int) -> int:
    """`scaled` moved from `decimals` to `wanted` decimals, rounded half away from zero."""
    if wanted >= decimals:
        return int(scaled * 10 ** (wanted - decimals))
    return ratio(scaled, 10 ** (decimals - wanted))


def multiplied(text: str, factor: Decimal | None) -> str:
    """A decimal text times a factor, with the decimals it had, rounded half up; None leaves it alone."""
    if factor is None:
        return text
    number = Decimal(text)
    return format((number * factor).quantize(number, rounding=ROUND_HALF_UP), "f")


def ratio(numerator: int, denominator: int) -> int:
    """The quotient rounded half away from zero."""
    if numerator < 0:
        return -ratio(-numerator, denominator)
    return (2 * numerator + denominator) // (2 * denominator)


def shortest(scaled: int, decimals: int) -> str:
    """Reference data as the newest recorded instrument frame has them: `0.1`, `5e-05`, `1e-08`.

    Scaled values here have few digits (increments and minimums), so a double prints them exactly.
    """
    return repr(scaled / 10**decimals)


@lru_cache(maxsize=256)
def _second(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def stamp(unix_ns: int) -> str:
    """RFC 3339 with six decimals, the form of most frames (dossier §1)."""
    unix_s, rest = divmod(unix_ns, NS_PER_S)
    return f"{_second(unix_s)}.{rest // 1000:06d}Z"


def stamp_fine(unix_ns: int) -> str:
    """RFC 3339 with nine decimals, the form of `interval_begin` and the ohlc envelope."""
    unix_s, rest = divmod(unix_ns, NS_PER_S)
    return f"{_second(unix_s)}.{rest:09d}Z"


def stamp_second(unix_ns: int) -> str:
    """RFC 3339 in whole seconds, the form of REST SystemStatus."""
    return f"{_second(unix_ns // NS_PER_S)}Z"

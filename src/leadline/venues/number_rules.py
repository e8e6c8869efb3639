"""What any venue asks of the numbers of an order, and how a failure is told.

Rule: nothing is rounded silently; each failure names the field, the value, the rule and what would pass.
"""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction

from leadline.errors import CheckFailed

MOST_DIGITS = 30
"""Digits before or after the point that any price or quantity can have."""


def check_positive(field: str, value: Decimal) -> None:
    """That it is a plain number above 0; raises CheckFailed."""
    check_digits(field, value)
    if value <= 0:
        raise failed(field, value, "it must be above 0", "give a positive number")


def check_digits(field: str, value: Decimal) -> None:
    """That it is a plain decimal number of a size that can be meant; raises CheckFailed."""
    if not isinstance(value, Decimal):
        raise failed(field, value, "it is no Decimal", f"give Decimal({str(value)!r})")
    if not value.is_finite():
        raise failed(field, value, "it is no number", "give a finite one")
    digits = value.as_tuple()
    assert isinstance(digits.exponent, int)
    if len(digits.digits) > 2 * MOST_DIGITS or digits.exponent < -MOST_DIGITS:
        raise failed(field, f"of {len(digits.digits)} digits", "it is over-precise", "round it yourself")
    if digits.exponent + len(digits.digits) > MOST_DIGITS:
        raise failed(field, value, "it is beyond any market", "give a smaller one")
    if digits.exponent > 0:
        meant = f"Decimal({format(value, 'f')!r})"
        raise failed(field, value, "it is in scientific notation", f"give {meant} if that is meant")


def check_step(
    field: str, value: Decimal, step: Decimal, least: Decimal, rule: str, origin: Decimal = Decimal(0)
) -> None:
    """That the value is whole steps from the origin; the nearest two are named, none below `least`.

    Raises CheckFailed.
    """
    steps = (Fraction(value) - Fraction(origin)) / Fraction(step)
    if steps.denominator == 1:
        return
    below, above = math.floor(steps), math.floor(steps) + 1
    lowest = math.ceil((Fraction(least) - Fraction(origin)) / Fraction(step))
    near = [count for count in (below, above) if count >= lowest]
    cure = " or ".join(times(count, step, origin) for count in near or [lowest])
    raise failed(field, value, rule, f"give {cure}")


def times(count: int, step: Decimal, origin: Decimal = Decimal(0)) -> str:
    """So many steps from the origin, exactly, as a text."""
    with localcontext(prec=4 * MOST_DIGITS):
        return plain(origin + count * step)


def plain(value: Decimal) -> str:
    """The number without an exponent."""
    return format(value, "f")


def failed(field: str, value: object, rule: str, cure: str) -> CheckFailed:
    """The failure of one field: what it is, what rule it breaks, what would pass."""
    shown = f"{value:f}" if isinstance(value, Decimal) and value.is_finite() and _short(value) else str(value)
    return CheckFailed(f"{field} {shown}: {rule}; {cure}")


def _short(value: Decimal) -> bool:
    return abs(value.adjusted()) <= MOST_DIGITS

"""One tradable thing at one venue, and the exact way between its numbers and integers.

A price is a whole number of units of 10^-price_precision, a quantity of 10^-qty_precision; anything else is
refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum


class InstrumentStatus(Enum):
    """What a venue lets one do with an instrument (Kraken: dossier §5.5)."""

    ONLINE = "online"
    CANCEL_ONLY = "cancel_only"
    POST_ONLY = "post_only"
    LIMIT_ONLY = "limit_only"
    REDUCE_ONLY = "reduce_only"
    MAINTENANCE = "maintenance"
    DELISTED = "delisted"
    WORK_IN_PROGRESS = "work_in_progress"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> InstrumentStatus:
        """A status this version does not know is UNKNOWN, never a guess."""
        return cls.UNKNOWN


@dataclass(frozen=True, slots=True)
class Instrument:
    """Symbol in CCXT's unified form, decimals, tick (price step), lot (quantity step) and minimums.

    The fields at the end are None where the source does not say: decimals of a cost, whether there is margin,
    whether an index price can set orders off.
    """

    venue: str
    symbol: str
    base: str
    quote: str
    price_precision: int
    qty_precision: int
    tick: Decimal
    lot: Decimal
    qty_min: Decimal
    cost_min: Decimal
    status: InstrumentStatus = InstrumentStatus.ONLINE
    cost_precision: int | None = None
    marginable: bool | None = None
    has_index: bool | None = None
    settle: str | None = None
    """The asset a contract is settled in; None for what is delivered at once (spot)."""
    expires_ns: int | None = None
    """Unix time at which a contract ends; None for what does not."""

    def price_units(self, price: Decimal) -> int:
        """The price as an integer of 10^-price_precision; ValueError when it has more decimals."""
        return to_units(price, self.price_precision)

    def qty_units(self, qty: Decimal) -> int:
        """The quantity as an integer of 10^-qty_precision; ValueError when it has more decimals."""
        return to_units(qty, self.qty_precision)


_MOST_DIGITS = 400
"""More than a float holds; beyond it an exponent of a few bytes would cost gigabytes."""


def to_units(number: Decimal, precision: int) -> int:
    """The exact integer `number` × 10^precision; ValueError when it is not whole, not finite or absurd."""
    if not number.is_finite() or number.adjusted() > _MOST_DIGITS:
        raise ValueError(f"{number} is not a number to count in")
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    shift = exponent + precision
    whole = int("".join(map(str, digits)) or "0")
    if shift >= 0:
        whole *= int(10**shift)
    elif -shift > len(digits):  # less than one unit: 1E-999999999 is not worth its power of ten
        if whole:
            raise ValueError(f"{number} has more than {precision} decimals")
    else:
        whole, rest = divmod(whole, int(10**-shift))
        if rest:
            raise ValueError(f"{number} has more than {precision} decimals")
    return -whole if sign else whole


def from_units(units: int, precision: int) -> Decimal:
    """The decimal `units` × 10^-precision, exact at any size, with its trailing zeros."""
    return Decimal(f"{units}E{-precision}")

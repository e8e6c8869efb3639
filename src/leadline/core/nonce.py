"""Numbers for signed requests, each larger than every one before it (dossier §13.2).

Rule: the clock may lift the next number, nothing ever lowers it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from leadline.errors import ConfigError

MOST_NONCE = 2**63 - 1
"""The largest we give: the venue takes 64 bits without a sign, SQLite keeps one."""


class Scale(Enum):
    """What one step of the nonce means; a key can go from the first to the second and never back."""

    MICROSECONDS = 1_000
    NANOSECONDS = 1

    def of(self, wall_ns: int) -> int:
        """The nonce that Unix time gives."""
        return wall_ns // self.value


Floor = int | Scale
"""Where to go once when the key turns out to have been used with a larger nonce: above a number, or to
nanoseconds."""


@dataclass(frozen=True, slots=True)
class Nonces:
    """The nonces of one key so far: the last one given, and the scale of the next."""

    last: int = 0
    scale: Scale = Scale.MICROSECONDS

    def next(self, wall_ns: int) -> Nonces:
        """With one more given, which is the new `last`; a clock that has stepped back changes nothing."""
        return Nonces(max(self.last + 1, self.scale.of(wall_ns)), self.scale)

    def moved(self, floor: Floor) -> Nonces:
        """Above a floor; the same as before where it is there already."""
        if isinstance(floor, Scale):
            return self if self.scale is floor else Nonces(self.last, floor)
        return Nonces(max(self.last, floor), self.scale)


def nonce_floor(text: str) -> Floor:
    """The setting `nonce_floor`: `nanoseconds`, or a number. Raises ConfigError."""
    if text == "nanoseconds":
        return Scale.NANOSECONDS
    if re.fullmatch(r"[0-9]{1,19}", text) and 0 < int(text) < MOST_NONCE:
        return int(text)
    raise ConfigError(f"nonce_floor: it is neither nanoseconds nor a number from 1 to {MOST_NONCE - 1}")

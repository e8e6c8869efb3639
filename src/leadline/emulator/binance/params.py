"""The parameters of one request, and the refusals for what is missing or malformed (dossier §2, §14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from leadline.emulator.binance.errors import Refused, refused

_DECIMAL = re.compile(r"\d{1,20}(\.\d{1,20})?")
_INTEGER = re.compile(r"\d{1,19}")
_SIGNED_DECIMAL = re.compile(r"-?\d{1,20}(\.\d{1,20})?")


class Params:
    """Texts by name, as sent."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def check(self, mandatory: tuple[str, ...]) -> None:
        """Refuse what is empty, then what is missing."""
        for name, value in self.values.items():
            if not value:
                raise refused(-1105, name)
        for name in mandatory:
            if name not in self.values:
                raise refused(-1102, name)

    def text(self, name: str, default: str = "") -> str:
        """A text, or the default."""
        return self.values.get(name, default)

    def needed(self, name: str) -> str:
        """A text that must be there."""
        if name not in self.values:
            raise refused(-1102, name)
        return self.values[name]

    def integer(self, name: str, default: int | None = None) -> int | None:
        """A whole number."""
        text = self.values.get(name)
        if text is None:
            return default
        if not _INTEGER.fullmatch(text):
            raise refused(-1100, name)
        return int(text)

    def whole(self, name: str) -> int:
        """A whole number that must be there."""
        self.needed(name)
        return self.integer(name) or 0

    def decimal(self, name: str) -> Decimal | None:
        """A decimal number without a sign."""
        text = self.values.get(name)
        if text is None:
            return None
        if not _DECIMAL.fullmatch(text):
            raise _malformed(name, text)
        return Decimal(text)

    def flag(self, name: str, invalid: Refused | None = None) -> bool:
        """`true` or `false`, in either case as clients write it; false where it is missing."""
        text = self.values.get(name, "false").lower()
        if text not in ("true", "false"):
            raise invalid or refused(-1130, name)
        return text == "true"

    def choice(self, name: str, values: tuple[str, ...], invalid: Refused, default: str = "") -> str:
        """One of some words."""
        text = self.values.get(name, default)
        if text not in values:
            raise invalid
        return text


def _malformed(name: str, text: str) -> Refused:
    try:
        Decimal(text)
    except InvalidOperation:
        return refused(-1100, name)
    # assumed: a number in a form the venue does not read, such as a negative one
    return refused(-1130, name) if _SIGNED_DECIMAL.fullmatch(text) else refused(-1100, name)

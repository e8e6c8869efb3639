"""Reads the parameters of a private request one by one: strict types, known names, each in the venue's words.

Rule kept: a number is a JSON number and becomes an exact `Decimal`; a text that looks like one is refused
(dossier §10, §11).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from leadline.emulator.kraken.requests import Refusal, unsupported
from leadline.emulator.numbers import NS_PER_S

Word = TypeVar("Word", bound=str)


def invalid(detail: str) -> Refusal:
    """An argument of the right type that makes no sense; the venue appends a detail (dossier §15)."""
    return Refusal(f"EGeneral:Invalid arguments:{detail}")


class Params:
    """The parameters of one request (or of one object inside it), read by name."""

    def __init__(self, fields: dict[str, Any], method: str, known: Collection[str]) -> None:
        """Raises `Refusal` at the first name that is not among `known`."""
        for name in fields:
            if name not in known:
                raise Refusal(unsupported(name, method))
        self.method = method
        self._fields = fields

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def names(self, among: Collection[str]) -> list[str]:
        """Those of `among` that were sent, in the order of `among`."""
        return [name for name in among if name in self._fields]

    def number(self, name: str) -> Decimal | None:
        """An exact number; None where it was not sent."""
        if name not in self._fields:
            return None
        value = self._fields[name]
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise _mistyped(name, "number_float")
        return Decimal(value)

    def integer(self, name: str) -> int | None:
        """A whole number; None where it was not sent."""
        if name not in self._fields:
            return None
        value = self._fields[name]
        if isinstance(value, bool) or not isinstance(value, int):
            raise _mistyped(name, "number_integer")
        return value

    def text(self, name: str) -> str | None:
        """A text; None where it was not sent."""
        if name not in self._fields:
            return None
        value = self._fields[name]
        if not isinstance(value, str):
            raise _mistyped(name, "string")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """true or false; the default where it was not sent."""
        value = self._fields.get(name, default)
        if not isinstance(value, bool):
            raise _mistyped(name, "boolean")
        return value

    def choice(self, name: str, among: tuple[Word, ...], default: Word | None = None) -> Word:
        """One of some words; raises `Refusal` for another, and where none was sent and none is usual."""
        value = self.text(name)
        found = default if value is None else next((one for one in among if one == value), None)
        if found is None:
            raise invalid(name)
        return found

    def listed(self, name: str) -> list[Any]:
        """An array, empty where it was not sent."""
        value = self._fields.get(name, [])
        if not isinstance(value, list):
            raise _mistyped(name, "array")
        return value

    def texts(self, name: str) -> list[str]:
        """An array of texts, empty where it was not sent."""
        values = self.listed(name)
        if not all(isinstance(one, str) for one in values):
            raise _mistyped(name, "string")
        return values

    def integers(self, name: str) -> list[int]:
        """An array of whole numbers, empty where it was not sent."""
        values = self.listed(name)
        if not all(isinstance(one, int) and not isinstance(one, bool) for one in values):
            raise _mistyped(name, "number_integer")
        return values

    def objects(self, name: str, known: Collection[str]) -> list[Params]:
        """An array of objects with names of their own."""
        values = self.listed(name)
        if not all(isinstance(one, dict) for one in values):
            raise _mistyped(name, "object")
        return [Params(one, self.method, known) for one in values]

    def nested(self, name: str, known: Collection[str]) -> Params | None:
        """An object inside, with names of its own."""
        if name not in self._fields:
            return None
        value = self._fields[name]
        if not isinstance(value, dict):
            raise _mistyped(name, "object")
        return Params(value, self.method, known)

    def moment_ns(self, name: str) -> int | None:
        """An RFC 3339 time as Unix nanoseconds; fractions finer than a microsecond are cut."""
        value = self.text(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise invalid(name) from error
        if moment.tzinfo is None:
            raise invalid(name)
        whole = moment.replace(microsecond=0)
        return round(whole.timestamp()) * NS_PER_S + moment.microsecond * 1_000

    def required(self, *names: str) -> None:
        """Raises `Refusal` naming the first that was not sent."""
        for name in names:
            if name not in self._fields:
                raise invalid(name)


def _mistyped(name: str, kind: str) -> Refusal:
    # assumed: only number_float was recorded; the other types are worded after it
    article = "an" if kind[0] in "ao" else "a"
    return Refusal(f"{name.capitalize()} field must be {article} {kind}")

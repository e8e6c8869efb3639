"""The parameters of a private REST request, read alike from a urlencoded form and from JSON (dossier §13).

Every value is kept as the text it came as; a number is never turned into a float.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from leadline.emulator.orders import Refused

LONGEST_NUMBER = 40
_TRUE = ("true", "1")
_FALSE = ("false", "0", "")


class Form:
    """What was asked for, by name; the questions raise `orders.Refused` where a value cannot be read."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def __contains__(self, name: str) -> bool:
        return self._fields.get(name) not in (None, "")

    def text(self, name: str, default: str = "") -> str:
        """A plain value; absent, null and empty are the default."""
        value = self._fields.get(name)
        if value in (None, ""):
            return default
        if isinstance(value, bool):
            return "true" if value else "false"
        if not isinstance(value, str):
            raise _invalid(name)
        return value

    def needed(self, name: str) -> str:
        """A plain value that must be there."""
        text = self.text(name)
        if not text:
            raise _invalid(name)
        return text

    def choice(self, name: str, values: tuple[str, ...], default: str = "") -> str:
        """One of some words; without a default it must be there."""
        text = self.text(name, default)
        if text not in values:
            raise _invalid(name)
        return text

    def flag(self, name: str, default: bool = False) -> bool:
        text = self.text(name, "true" if default else "false").lower()
        if text not in _TRUE + _FALSE:
            raise _invalid(name)
        return text in _TRUE

    def integer(self, name: str, default: int = 0) -> int:
        text = self.text(name, str(default))
        if not text.removeprefix("-").isdecimal() or len(text) > LONGEST_NUMBER:
            raise _invalid(name)
        return int(text)

    def words(self, name: str) -> list[str]:
        """A list: JSON, `name[]=…` or one text parted by commas."""
        value = self._fields.get(name)
        if value in (None, ""):
            return []
        if isinstance(value, str):
            return [part.strip() for part in value.split(",")]
        parts = list(value.values()) if isinstance(value, dict) else value
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise _invalid(name)
        return parts

    def inner(self, name: str) -> Form | None:
        """A nested object: JSON or `name[…]=…`."""
        value = self._fields.get(name)
        if value in (None, ""):
            return None
        if not isinstance(value, dict):
            raise _invalid(name)
        return Form(value)

    def rows(self, name: str) -> list[Form]:
        """A list of objects: JSON or `name[0][…]=…`."""
        value = self._fields.get(name)
        rows = list(value.values()) if isinstance(value, dict) else value
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise _invalid(name)
        return [Form(row) for row in rows]


def parsed(body: bytes, content_type: str) -> Form:
    """The form in a request's body; raises `orders.Refused` where it is none."""
    try:
        text = body.decode()
        if content_type.startswith("application/json"):
            fields = json.loads(text, parse_float=str, parse_int=str)
        else:
            fields = _unfolded(parse_qsl(text, keep_blank_values=True))
    except ValueError as error:
        raise Refused("EAPI:Bad request") from error
    if not isinstance(fields, dict):
        raise Refused("EAPI:Bad request")
    return Form(fields)


def _unfolded(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """`a[b]=1` and `a[]=1` as nested objects; the keys of a list are its numbers."""
    fields: dict[str, Any] = {}
    for name, value in pairs:
        node = fields
        *outer, last = name.replace("]", "").split("[")
        for part in outer:
            node = node.setdefault(part or str(len(node)), {})
            if not isinstance(node, dict):
                raise _invalid(name)
        node[last or str(len(node))] = value
    return fields


def _invalid(name: str) -> Refused:
    return Refused(f"EGeneral:Invalid arguments:{name}")

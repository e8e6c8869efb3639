"""Fits what YAML has read, texts and lists and names, into Structs; what does not fit is a problem each.

Rule: only what the file may say is walked through: an alias that stands for billions of texts is not.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable
from difflib import get_close_matches
from types import UnionType
from typing import Any

import msgspec
from msgspec import Struct

from leadline.app.problems import Problems

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
"""What is printed of a file as a name; anything else may be a key in the wrong place, and is not."""

_WORDS: dict[object, str] = {dict: "settings by name", list: "a list", str: "a text"}
_TRUTHS = {"true": True, "false": False}


def fitted(tree: object, kind: type[Struct], problems: Problems) -> Any:
    """The whole file as a Struct, all of whose fields have defaults; what did not fit has its default."""
    value = _struct(tree if tree is not None else {}, kind, "", problems)
    return kind() if value is _MISFIT else value


def _fit(node: object, kind: Any, path: str, problems: Problems) -> Any:
    """A value of the kind, or _MISFIT."""
    if isinstance(kind, UnionType):  # a part that may be left out
        kind = typing.get_args(kind)[0]
    origin = typing.get_origin(kind)
    if origin is dict:
        return _by_name(node, typing.get_args(kind)[1], path, problems)
    if origin is tuple:
        return _listed(node, typing.get_args(kind)[0], path, problems)
    if issubclass(kind, Struct):
        return _struct(node, kind, path, problems)
    return _scalar(node, kind, path, problems)


_MISFIT = object()


def _struct(node: object, kind: type[Struct], path: str, problems: Problems) -> Any:
    if node == "":  # nothing below the name, or everything there commented out
        node = {}
    if not isinstance(node, dict):
        return _misfit(dict, node, path, problems)
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    values = {}
    for name, below in node.items():
        if name not in fields:
            problems.add(
                _joined(path, name if NAME.fullmatch(name) else "(not shown)"), _unknown(name, fields)
            )
            continue
        value = _fit(below, fields[name], _joined(path, name), problems)
        if value is not _MISFIT:
            values[name] = value
    return kind(**values)


def _by_name(node: object, kind: Any, path: str, problems: Problems) -> Any:
    if not isinstance(node, dict):
        return _misfit(dict, node, path, problems)
    values = {}
    for name, below in node.items():
        place = _joined(path, name if NAME.fullmatch(name) else "(not shown)")
        value = _fit(below, kind, place, problems)
        if value is not _MISFIT:
            values[name] = value
    return values


def _listed(node: object, kind: Any, path: str, problems: Problems) -> Any:
    if not isinstance(node, list):
        return _misfit(list, node, path, problems)
    values = [_fit(below, kind, f"{path}[{number}]", problems) for number, below in enumerate(node)]
    return tuple(value for value in values if value is not _MISFIT)


def _scalar(node: object, kind: type, path: str, problems: Problems) -> Any:
    if not isinstance(node, str):
        return _misfit(str, node, path, problems)
    read, wanted = _READ[kind]
    try:
        return read(node)
    except (ValueError, KeyError):
        problems.add(path, f"expected {wanted}, found a text")
        return _MISFIT


def _whole(text: str) -> int:
    if not re.fullmatch(r"-?\d{1,9}", text):
        raise ValueError
    return int(text)


def _number(text: str) -> float:
    if not re.fullmatch(r"-?\d{1,9}(\.\d{1,9})?", text):
        raise ValueError
    return float(text)


_READ: dict[object, tuple[Callable[[str], Any], str]] = {
    str: (str, "a text"),
    int: (_whole, "a whole number"),
    float: (_number, "a number"),
    bool: (lambda text: _TRUTHS[text.lower()], "true or false"),
}


def _misfit(wanted: type, node: object, path: str, problems: Problems) -> Any:
    found = _WORDS.get(type(node), "something else")
    problems.add(path or "the file", f"expected {_WORDS[wanted]}, found {found}")
    return _MISFIT


def _unknown(name: str, fields: dict[str, Any]) -> str:
    near = get_close_matches(name, fields, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"there is no such setting; valid here: {', '.join(fields)}{hint}"


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name

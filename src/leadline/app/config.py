"""Settings from a YAML file: every scalar is read as text, then checked into frozen values.

Nothing is guessed: an unknown name, a missing variable or an unusable address is an error that says where it
is and what to do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from leadline.errors import ConfigError
from leadline.net.endpoint import endpoint
from leadline.venues.kraken.venue import Endpoints

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_MESSAGE = re.compile(r"^(?P<what>.*?) - at `\$?(?P<path>.*)`$", re.DOTALL)
_SCHEMES = {"ws_public": "wss", "ws_private": "wss", "ws_level3": "wss", "rest": "https"}


class _Addresses(Struct, frozen=True, forbid_unknown_fields=True):
    """What the file says of addresses; the others are the venue's own."""

    ws_public: str | None = None
    ws_private: str | None = None
    ws_level3: str | None = None
    rest: str | None = None


class _Venue(Struct, frozen=True, forbid_unknown_fields=True):
    endpoints: _Addresses = _Addresses()


class _Venues(Struct, frozen=True, forbid_unknown_fields=True):
    kraken: _Venue = _Venue()


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    venues: _Venues = _Venues()


class Settings(Struct, frozen=True):
    """Everything that can be set; the defaults are the venues' own."""

    kraken: Endpoints = Endpoints()


def load_settings(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from a file; raises ConfigError naming the file, the path in it and the cure."""
    name = os.fsencode(path).decode(errors="replace")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot read {name}: {why}") from error
    return parse_settings(text, name, environment)


def parse_settings(text: str, name: str, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from YAML text; `name` is what errors call the file."""
    try:
        # BaseLoader builds texts, lists and dicts only: no value is turned into something nobody wrote
        tree = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError as error:
        raise ConfigError(f"{name} is not YAML: {_yaml_problem(error)}") from error
    except RecursionError:
        raise ConfigError(f"{name} is not YAML that can be read: it is nested too deeply") from None
    try:
        # before variables are filled in: an alias that stands for billions of texts is never walked through
        file = msgspec.convert(tree if tree not in (None, "") else {}, _File, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {_problem(str(error))}") from error
    return Settings(_endpoints(file.venues.kraken.endpoints, name, environment))


def _endpoints(given: _Addresses, name: str, environment: Mapping[str, str]) -> Endpoints:
    changes: dict[str, str] = {}
    for field, scheme in _SCHEMES.items():
        text = getattr(given, field)
        if text is None:
            continue
        try:
            changes[field] = _filled_in(text, environment)
            endpoint(changes[field], scheme)
        except ConfigError as error:
            raise ConfigError(f"{name}: venues.kraken.endpoints.{field}: {error}") from error
    return replace(Endpoints(), **changes)


def _filled_in(text: str, environment: Mapping[str, str]) -> str:
    """The text with each `${VAR}` replaced; raises ConfigError for a variable that is not there."""

    def value_of(match: re.Match[str]) -> str:
        variable = match.group(1)
        if variable not in environment:
            raise ConfigError(
                f"the environment has no variable {variable!r}; "
                f"set it (export {variable}=…) or write the value into the file"
            )
        return environment[variable]

    return _VARIABLE.sub(value_of, text)


def _problem(message: str) -> str:
    """msgspec's message with the path first: `venues.kraken: unknown setting 'keys'`."""
    found = _MESSAGE.match(message)
    what, path = (found["what"], found["path"].lstrip(".")) if found else (message, "")
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", what)
    if unknown:
        name = ".".join(filter(None, (path, unknown[1])))
        return f"{name}: there is no such setting; valid here: {_valid(path)}"
    kind = re.fullmatch(r"Expected `(.*)`, got `(.*)`", what)
    if kind:
        wanted, given = (_WORDS.get(word.split(" | ")[0], word) for word in kind.groups())
        what = f"expected {wanted}, found {given}"
    return f"{path or 'the file'}: {what}"


_WORDS = {"object": "settings by name", "str": "a text", "array": "a list"}


def _valid(path: str) -> str:
    """Names that may stand at a path of the file."""
    kind: Any = _File
    for part in filter(None, path.split(".")):
        kind = next(field.type for field in msgspec.structs.fields(kind) if field.name == part)
    return ", ".join(field.name for field in msgspec.structs.fields(kind))


def _yaml_problem(error: yaml.YAMLError) -> str:
    """The parser's complaint in one line, with the place."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)

"""Settings from a YAML file: every scalar is read as text, then checked into frozen values.

Nothing is guessed: an unknown name, a missing variable or an unusable address is an error that says where it
is and what to do.
"""

from __future__ import annotations

import os
import re
import sys
import typing
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import UnionType
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from leadline.app.account_settings import (
    MAIN,
    AccountSettings,
    RawAccount,
    account_named,
    account_settings,
    environment_account,
    is_account_name,
    one_key_each,
)
from leadline.errors import ConfigError
from leadline.net.endpoint import endpoint
from leadline.venues.kraken.venue import Endpoints

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
"""What is printed of a file as a name; anything else may be a key in the wrong place, and is not."""
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
    credentials: RawAccount | None = None
    accounts: dict[str, RawAccount] = {}


class _Venues(Struct, frozen=True, forbid_unknown_fields=True):
    kraken: _Venue = _Venue()


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    venues: _Venues = _Venues()
    state_dir: str | None = None


class Settings(Struct, frozen=True):
    """Everything that can be set; the defaults are the venues' own, and no account."""

    kraken: Endpoints = Endpoints()
    accounts: tuple[AccountSettings, ...] = ()
    state_dir: Path | None = None
    """Where journals and key states are kept; None means the place the platform has for such files."""

    def account(self, name: str = MAIN) -> AccountSettings:
        """The account of that name; raises ConfigError with the names there are, or how to set one."""
        return account_named(self.accounts, name)


def settings_of(config: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from a file where there is one, else the defaults with the account of the environment.

    Raises ConfigError for a file, or for KRAKEN_API_KEY and KRAKEN_PRIVATE_KEY, that cannot be used.
    """
    if config is not None:
        return load_settings(config, environment)
    return Settings(accounts=environment_account(environment))


def state_home(environment: Mapping[str, str] = os.environ) -> Path:
    """The user's directory for what programs must remember, by the customs of the platform."""
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "leadline"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "leadline"
    return Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "leadline"


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
        # from None: the parser's own message shows the line, perhaps with a key in it
        raise ConfigError(f"{name} is not YAML: {_yaml_problem(error)}") from None
    except RecursionError:
        raise ConfigError(f"{name} is not YAML that can be read: it is nested too deeply") from None
    try:
        # before variables are filled in: an alias that stands for billions of texts is never walked through
        file = msgspec.convert(tree if tree not in (None, "") else {}, _File, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {_problem(str(error))}") from None
    kraken = file.venues.kraken
    return Settings(
        _endpoints(kraken.endpoints, name, environment),
        _accounts(kraken, name, environment),
        _state_dir(file.state_dir, name, environment),
    )


def _accounts(venue: _Venue, name: str, environment: Mapping[str, str]) -> tuple[AccountSettings, ...]:
    def filled_in(text: str) -> str:
        return _filled_in(text, environment)

    where = f"{name}: venues.kraken"
    found = []
    if venue.credentials is not None:
        if MAIN in venue.accounts:
            raise ConfigError(f"{where}.accounts.{MAIN}: credentials is this account already; leave one out")
        found.append(account_settings(MAIN, venue.credentials, f"{where}.credentials", filled_in))
    for account, raw in venue.accounts.items():
        place = f"{where}.accounts.{account}" if is_account_name(account) else f"{where}.accounts"
        found.append(account_settings(account, raw, place, filled_in))
    one_key_each(found, where)
    return tuple(found)


def _state_dir(text: str | None, name: str, environment: Mapping[str, str]) -> Path | None:
    if text is None:
        return None
    try:
        path = Path(_filled_in(text, environment)).expanduser()
    except (ConfigError, RuntimeError) as error:
        raise ConfigError(f"{name}: state_dir: {error}") from error
    if not path.is_absolute():
        raise ConfigError(f"{name}: state_dir: {text!r} depends on where one stands; begin it with / or ~")
    return path


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
        if not _NAME.fullmatch(variable):
            raise ConfigError("between ${ and } stands the name of a variable, and not a value")
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
        last = unknown[1] if _NAME.fullmatch(unknown[1]) else "(not shown)"
        name = ".".join(filter(None, (path, last)))
        return f"{name}: there is no such setting; valid here: {_valid(path)}"
    kind = re.fullmatch(r"Expected `(.*)`, got `(.*)`", what)
    if kind:
        wanted, given = (_WORDS.get(word.split(" | ")[0], word) for word in kind.groups())
        what = f"expected {wanted}, found {given}"
    return f"{path or 'the file'}: {what}"


_WORDS = {
    "object": "settings by name",
    "str": "a text",
    "array": "a list",
    "int": "a whole number",
    "bool": "true or false",
}


def _valid(path: str) -> str:
    """Names that may stand at a path of the file."""
    kind: Any = _File
    for part in filter(None, path.replace("[...]", "").split(".")):
        kind = next(field.type for field in msgspec.structs.fields(kind) if field.name == part)
        if isinstance(kind, UnionType):  # a part that may be left out
            kind = typing.get_args(kind)[0]
        if typing.get_origin(kind) is dict:  # parts by a name of the user's own
            kind = typing.get_args(kind)[1]
    return ", ".join(field.name for field in msgspec.structs.fields(kind))


def _yaml_problem(error: yaml.YAMLError) -> str:
    """The parser's complaint in one line, with the place."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)

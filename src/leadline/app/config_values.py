"""Single values of a settings file, each held against what is possible.

Rule: what is not possible is a problem with its path and cure, and has its default in the result.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from leadline.app.config_tree import NAME
from leadline.app.durations import seconds, span
from leadline.app.problems import Problems, shown
from leadline.errors import ConfigError

_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def filled_in(text: str, environment: Mapping[str, str]) -> str:
    """The text with each `${VAR}` replaced; raises ConfigError for a variable that is not there."""

    def value_of(match: re.Match[str]) -> str:
        variable = match.group(1)
        if not NAME.fullmatch(variable):
            raise ConfigError("between ${ and } stands the name of a variable, and not a value")
        if variable not in environment:
            raise ConfigError(
                f"the environment has no variable {variable!r}; "
                f"set it (export {variable}=…) or write the value into the file"
            )
        return environment[variable]

    return _VARIABLE.sub(value_of, text)


def span_of(text: str | None, standard_s: float, path: str, problems: Problems, *, least_s: float) -> float:
    """A span of time with its unit, in seconds."""
    if text is None:
        return standard_s
    with problems.at(path):
        found_s = seconds(text)
        if found_s < least_s:
            raise ConfigError(f"{shown(text)} is too short; write {span(least_s)} or more")
        return found_s
    return standard_s


def within(value: int | None, standard: int, least: int, most: int, path: str, problems: Problems) -> int:
    """A whole number between two bounds."""
    if value is None:
        return standard
    if not least <= value <= most:
        problems.add(path, f"{value} is not possible; write {least} to {most}")
        return standard
    return value


def port_of(value: int | None, standard: int, path: str, problems: Problems) -> int:
    """A port that needs no privileges."""
    return within(value, standard, 1024, 65535, path, problems)


def share_of(text: str | None, standard: float, path: str, problems: Problems) -> float:
    """A share of one, or so many per cent."""
    if text is None:
        return standard
    try:
        share = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        problems.add(path, f"{shown(text)} is no share; write 0.95, or 95%")
        return standard
    return share


def no_such(name: str, known: Iterable[str], what: str) -> str:
    """That there is nothing of this name, what there is, and what may have been meant."""
    known = list(known)
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"there is no {what} {shown(name)}; there are {', '.join(known)}{hint}"

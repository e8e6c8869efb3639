"""Settings from a YAML file: every scalar is read as text, then checked into frozen values.

Nothing is guessed: an unknown name, a missing variable or an unusable address is an error that says where it
is and what to do, and one error tells all of them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from leadline.app.account_settings import environment_account
from leadline.app.config_check import settings_from, state_dir
from leadline.app.config_file import RawFile
from leadline.app.config_tree import NAME, fitted
from leadline.app.problems import Problems
from leadline.app.settings import Settings as Settings
from leadline.app.settings import control_path_in
from leadline.app.settings import state_home as state_home
from leadline.errors import ConfigError


def settings_of(config: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from a file where there is one, else the defaults with the account of the environment.

    Raises ConfigError for a file, or for KRAKEN_API_KEY and KRAKEN_PRIVATE_KEY, that cannot be used.
    """
    if config is not None:
        return load_settings(config, environment)
    return Settings(accounts=environment_account(environment))


def load_settings(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from a file; raises ConfigError naming the file, each path in it and the cure."""
    return parse_settings(_text(path), _name(path), environment)


def control_path(config: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """The control socket of the `leadline run` of a file, or of one without a state folder of its own.

    Only the state folder is looked at: who asks a running system need not have its keys. Raises ConfigError.
    """
    if config is None:
        return control_path_in(state_home(environment))
    name, problems = _name(config), Problems()
    file: RawFile = fitted(_tree(_text(config), name, Problems()), RawFile, Problems())
    state = state_dir(file.state_dir, environment, problems)
    problems.check(name)
    return control_path_in(state or state_home(environment))


def parse_settings(text: str, name: str, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from YAML text; `name` is what errors call the file. Raises ConfigError with all problems."""
    problems = Problems()
    # before variables are filled in: an alias that stands for billions of texts is never walked through
    file: RawFile = fitted(_tree(text, name, problems), RawFile, problems)
    settings = settings_from(file, problems, environment)
    problems.check(name)
    return settings


def _name(path: Path) -> str:
    return os.fsencode(path).decode(errors="replace")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot read {_name(path)}: {why}") from error


class _Loader(yaml.BaseLoader):
    """Builds texts, lists and dicts only: no value is turned into something nobody wrote.

    `twice` collects names that stand in one place more than once, with their lines; the last would win.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.twice: list[tuple[str, int]] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names: set[Any] = set()
        for key, _ in node.value:
            if not isinstance(key.value, str):
                continue
            if key.value in names:
                self.twice.append((key.value, key.start_mark.line + 1))
            names.add(key.value)
        return super().construct_mapping(node, deep)


def _tree(text: str, name: str, problems: Problems) -> Any:
    try:
        loader = _Loader(text)
        tree = loader.get_single_data()
    except yaml.YAMLError as error:
        # from None: the parser's own message shows the line, perhaps with a key in it
        raise ConfigError(f"{name} is not YAML: {_yaml_problem(error)}") from None
    except RecursionError:
        raise ConfigError(f"{name} is not YAML that can be read: it is nested too deeply") from None
    for twice, line in loader.twice:
        told = twice if NAME.fullmatch(twice) else "(not shown)"
        problems.add(told, f"it stands there twice, again in line {line}; leave one of them out")
    return tree


def _yaml_problem(error: yaml.YAMLError) -> str:
    """The parser's complaint in one line, with the place."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)

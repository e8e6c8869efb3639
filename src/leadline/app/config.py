"""Settings from a YAML file: every scalar is read as text, then checked into frozen values.

Nothing is guessed: an unknown name, a missing variable or an unusable address is an error that says where it
is and what to do, and one error tells all of them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from msgspec.structs import replace

from leadline.app.account_settings import environment_account, no_account
from leadline.app.config_check import settings_from, state_dir
from leadline.app.config_file import RawFile
from leadline.app.config_tree import NAME, fitted
from leadline.app.problems import Problems
from leadline.app.settings import Settings as Settings
from leadline.app.settings import control_path_in
from leadline.app.settings import state_home as state_home
from leadline.errors import ConfigError
from leadline.venues.catalogue import VENUES, AnyKit


def settings_of(
    config: Path | None,
    venue: str | None = None,
    environment: Mapping[str, str] = os.environ,
    *,
    with_account: bool = False,
    contracts: bool = False,
) -> Settings:
    """The settings of one venue, from a file where there is one, else its defaults.

    Without a file the account is that of the environment's variables, looked for only `with_account`. Where
    no `venue` is named it is the one there is, of those that have `contracts` where they are needed. Raises
    ConfigError where a file has none or more than one.
    """
    if config is None and venue is not None:
        return _of_environment(VENUES[venue], environment if with_account else {})
    every = settings_of_all(config, environment if with_account or config is not None else {})
    if venue is not None:
        of_venue = [one for one in every if one.venue == venue]
        return of_venue[0] if of_venue else _beside(every[0], VENUES[venue])
    found = _trading(every, contracts)
    return found[0] if config is None else _only(found, "both are in the file")


def settings_of_all(config: Path | None, environment: Mapping[str, str] = os.environ) -> tuple[Settings, ...]:
    """The settings of every venue of a file; without one, of all there are, with what variables name."""
    return of_environment(environment) if config is None else load_all(config, environment)


def settings_with(
    config: Path | None,
    account: str,
    venue: str | None = None,
    environment: Mapping[str, str] = os.environ,
    *,
    contracts: bool = False,
) -> tuple[Settings, ...]:
    """The settings of every venue that has an account of this name; raises ConfigError where none has.

    With `contracts` they are of venues that have those.
    """
    if venue is not None:
        every: Sequence[Settings] = [settings_of(config, venue, environment, with_account=True)]
    else:
        every = _trading(settings_of_all(config, environment), contracts)
    found = tuple(one for one in every if any(each.name == account for each in one.accounts))
    if not found:
        raise no_account(account, [(one.kit, one.accounts) for one in every])
    return found


def settings_of_account(
    config: Path | None,
    account: str,
    venue: str | None = None,
    environment: Mapping[str, str] = os.environ,
    *,
    contracts: bool = False,
) -> Settings:
    """The settings of the one venue that has an account of this name; raises ConfigError where several do."""
    found = settings_with(config, account, venue, environment, contracts=contracts)
    return _only(found, "both have an account")


def of_environment(environment: Mapping[str, str] = os.environ) -> tuple[Settings, ...]:
    """The defaults of every venue, each with the account of the environment's variables, if any."""
    return tuple(_of_environment(kit, environment) for kit in VENUES.values())


def _of_environment(kit: AnyKit, environment: Mapping[str, str]) -> Settings:
    where, accounts = environment_account(kit, environment)
    return Settings(kit.endpoints(where), accounts, venue=kit.name, environment=where)


def _beside(other: Settings, kit: AnyKit) -> Settings:
    """Settings of a venue that a file does not name: its own, with what the file says of all."""
    environment = kit.environments[0]
    return Settings(
        kit.endpoints(environment),
        state_dir=other.state_dir,
        log=other.log,
        venue=kit.name,
        environment=environment,
    )


def _trading(every: Sequence[Settings], contracts: bool) -> Sequence[Settings]:
    """Those of venues with contracts where such a one is needed."""
    found = [one for one in every if one.kit.contracts or not contracts]
    if not found:
        names = " or ".join(kit.name for kit in VENUES.values() if kit.contracts)
        raise ConfigError(f"the file names no venue with contracts; write venues.{names} into it")
    return found


def _only(found: Sequence[Settings], what: str) -> Settings:
    if len(found) > 1:
        names = " and ".join(one.venue for one in found)
        raise ConfigError(f"{names}: {what}; say which is meant, such as --venue {found[0].venue}")
    return found[0]


def load_settings(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from a file that names one venue; raises ConfigError with each path in it and the cure."""
    return parse_settings(_text(path), _name(path), environment)


def load_all(path: Path, environment: Mapping[str, str] = os.environ) -> tuple[Settings, ...]:
    """Settings from a file, of each venue in it; raises ConfigError as `load_settings` does."""
    return parse_all(_text(path), _name(path), environment)


def control_paths(
    config: Path | None, venue: str | None = None, environment: Mapping[str, str] = os.environ
) -> tuple[Path, ...]:
    """Where the `leadline run` of a file is asked, or one without a state folder of its own.

    The first of its venues has a socket that is always named alike, each further one its own; with a `venue`
    it is the one that this may have. Only the state folder is looked at: who asks a running system need not
    have its keys. Raises ConfigError.
    """
    state = _state_of(config, environment)
    own = [control_path_in(state, name) for name in VENUES if venue in (None, name)]
    there = [path for path in own if path.exists()]
    return tuple(there if there and venue is not None else [control_path_in(state), *there])


def _state_of(config: Path | None, environment: Mapping[str, str]) -> Path:
    state = None
    if config is not None:
        name, problems = _name(config), Problems()
        file: RawFile = fitted(_tree(_text(config), name, Problems()), RawFile, Problems())
        state = state_dir(file.state_dir, environment, problems)
        problems.check(name)
    return state or state_home(environment)


def parse_settings(text: str, name: str, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from YAML text of one venue; `name` is what errors call the file. Raises ConfigError."""
    found = parse_all(text, name, environment)
    if len(found) > 1:
        names = " and ".join(one.venue for one in found)
        raise ConfigError(f"{name} has {names}: name the one that is meant, and the file as `config`")
    return found[0]


def parse_all(text: str, name: str, environment: Mapping[str, str] = os.environ) -> tuple[Settings, ...]:
    """Settings of each venue in YAML text; raises ConfigError with all problems."""
    problems = Problems()
    # before variables are filled in: an alias that stands for billions of texts is never walked through
    file: RawFile = fitted(_tree(text, name, problems), RawFile, problems)
    settings = settings_from(file, problems, environment)
    problems.check(name)
    return tuple(_further(one, number) if number else one for number, one in enumerate(settings))


def _further(settings: Settings, number: int) -> Settings:
    """Settings of a venue that is not the first of its file: where it is asked is a place of its own."""
    metrics = settings.metrics
    if metrics is not None:
        port, emulator = metrics.port + number, settings.emulator
        passed_over = emulator is not None and metrics.port < emulator.port <= port
        metrics = replace(metrics, port=port + passed_over)
    return replace(settings, control=settings.venue, metrics=metrics)


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

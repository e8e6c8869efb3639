"""Makes settings of what a file says: every value is held against what is possible, then against the others.

Rule: nothing is guessed and nothing silently corrected; what cannot be is a problem with its path and cure.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from yarl import URL

from leadline.app.account_settings import (
    MAIN,
    AccountSettings,
    account_named,
    account_settings,
    is_account_name,
    one_key_each,
)
from leadline.app.alert_rules import load_rules
from leadline.app.config_file import (
    RawAddresses,
    RawAlerts,
    RawEmulator,
    RawFile,
    RawLines,
    RawLog,
    RawMetrics,
    RawVenue,
)
from leadline.app.config_tree import NAME
from leadline.app.durations import seconds, span
from leadline.app.embedded import demo_account, embedded_endpoints
from leadline.app.problems import Problems, shown
from leadline.app.settings import (
    EMULATED,
    HOUR_S,
    AlertSettings,
    EmulatorSettings,
    LineSettings,
    LogFormat,
    LogSettings,
    MarketSettings,
    MetricsSettings,
    Settings,
    state_home,
)
from leadline.engine.lines import HANDOVER_S
from leadline.errors import ConfigError
from leadline.model.market import Channel
from leadline.net.endpoint import endpoint, is_loopback
from leadline.venues.kraken.venue import LIMITS, Endpoints

MOST_LINES = 3
MOST_PRIVATE = 2
LEAST_ROTATION_S = 2 * HANDOVER_S
"""A younger line may take one hand-over to become whole, and the venue counts connects (dossier §3.5)."""

STREAMED = (Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.BARS)
LOG_LEVELS = ("debug", "info", "warning", "error")
NEVER, NONE, BUILTIN, DEMO = "never", "none", "builtin", "demo"

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_SCHEMES = {"ws_public": "wss", "ws_private": "wss", "ws_level3": "wss", "rest": "https"}
_SYMBOL = re.compile(r"[A-Za-z0-9.]{1,20}([/:-][A-Za-z0-9.]{1,20})?")
_KRAKEN = "venues.kraken"

T = TypeVar("T")
Fill = Callable[[str], str]


def settings_from(file: RawFile, problems: Problems, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a file; what is wrong goes to `problems`, and has its default in the result."""

    def fill(text: str) -> str:
        return filled_in(text, environment)

    raw = file.venues.kraken
    state = state_dir(file.state_dir, environment, problems)
    emulator = _emulator(file.emulator, raw, problems)
    if emulator is None:
        kraken, accounts = _endpoints(raw.endpoints, fill, problems), _accounts(raw, fill, problems)
        trade_on = _trade_on(raw.account, accounts, problems)
    else:
        kraken, accounts = embedded_endpoints(emulator), (demo_account(emulator),)
        trade_on = MAIN if emulator.account else None
        state = (state or state_home(environment)) / EMULATED  # no invented orders among real ones
    settings = Settings(
        kraken,
        accounts,
        state,
        _market(raw, problems),
        trade_on,
        _lines(raw.lines, problems),
        _span(file.ready_within, 60.0, "ready_within", problems, least_s=1.0),
        _share(file.reads.stream_share, problems),
        _span(file.checkpoints.every, 30.0, "checkpoints.every", problems, least_s=1.0),
        _metrics(file.metrics, problems),
        _alerts(file.alerts, fill, problems),
        _log(file.log, problems),
        emulator,
    )
    _together(settings, problems)
    return settings


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


# --- the venue ---


def _endpoints(given: RawAddresses | None, fill: Fill, problems: Problems) -> Endpoints:
    changes: dict[str, str] = {}
    for field, scheme in _SCHEMES.items():
        text = getattr(given, field, None)
        if text is None:
            continue
        with problems.at(f"{_KRAKEN}.endpoints.{field}"):
            address = fill(text)
            try:
                endpoint(address, scheme)
            except ConfigError:
                if address == text:
                    raise
                form = f"{scheme}://host/path, without a password"  # and not what it is: it may be a key
                raise ConfigError(
                    f"with its variables filled in it is no address of the form {form}"
                ) from None
            changes[field] = address
    return replace(Endpoints(), **changes)


def _accounts(venue: RawVenue, fill: Fill, problems: Problems) -> tuple[AccountSettings, ...]:
    found = []
    if venue.credentials is not None:
        if MAIN in venue.accounts:
            problems.add(f"{_KRAKEN}.accounts.{MAIN}", "credentials is this account already; leave one out")
        with problems.at(""):
            found.append(account_settings(MAIN, venue.credentials, f"{_KRAKEN}.credentials", fill))
    for account, raw in venue.accounts.items():
        place = f"{_KRAKEN}.accounts.{account}" if is_account_name(account) else f"{_KRAKEN}.accounts"
        with problems.at(""):
            found.append(account_settings(account, raw, place, fill))
    with problems.at(""):
        one_key_each(found, _KRAKEN)
    return tuple(found)


def _trade_on(name: str | None, accounts: tuple[AccountSettings, ...], problems: Problems) -> str | None:
    if name is None or name == NONE:
        return None
    if not accounts and not problems:
        key = "api_key: ${KRAKEN_API_KEY} and private_key: ${KRAKEN_PRIVATE_KEY}"
        problems.add(f"{_KRAKEN}.account", f"none is set; write credentials with {key}, or account: none")
    elif not problems:  # an account that has problems of its own is not missing
        with problems.at(f"{_KRAKEN}.account"):
            account_named(accounts, name if is_account_name(name) else "(not shown)")
    return name


def _market(raw: RawVenue, problems: Problems) -> MarketSettings:
    symbols = _symbols(raw.symbols, f"{_KRAKEN}.symbols", problems)
    critical = _symbols(raw.critical, f"{_KRAKEN}.critical", problems)
    for symbol in critical:
        if symbol not in symbols:
            problems.add(
                f"{_KRAKEN}.critical", f"{symbol} is not among symbols; add it there, or leave it out here"
            )
    depth, interval_s = 10 if raw.depth is None else raw.depth, 60.0
    if depth not in LIMITS.book_depths:
        problems.add(f"{_KRAKEN}.depth", f"{depth} is none of {_either(map(str, LIMITS.book_depths))}")
    if raw.bars_interval is not None:
        with problems.at(f"{_KRAKEN}.bars_interval"):
            interval_s = seconds(raw.bars_interval)
            if interval_s not in LIMITS.bar_intervals_s:
                there = _either(map(span, LIMITS.bar_intervals_s))
                raise ConfigError(f"{shown(raw.bars_interval)} is none of {there}")
    channels = _channels(raw.channels, problems)
    return MarketSettings(symbols, channels, depth, round(interval_s), critical)


def _symbols(names: tuple[str, ...], path: str, problems: Problems) -> tuple[str, ...]:
    """Names that could be a venue's; whether they are, only its reference data can tell."""
    for name in names:
        if not _SYMBOL.fullmatch(name):
            problems.add(path, f"{shown(name)} has not the form of a symbol, such as BTC/USD")
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.add(path, f"{shown(name)} stands there more than once; leave it once")
    return tuple(name for name in dict.fromkeys(names) if _SYMBOL.fullmatch(name))


def _channels(names: tuple[str, ...] | None, problems: Problems) -> tuple[Channel, ...]:
    if names is None:
        return MarketSettings().channels
    known = {channel.value: channel for channel in STREAMED}
    path = f"{_KRAKEN}.channels"
    if not names:
        problems.add(path, f"name at least one of {_either(known)}, or leave it out")
    for name in names:
        if name not in known:
            problems.add(path, _no_such(name, known, "channel"))
    return tuple(known[name] for name in dict.fromkeys(names) if name in known)


def _lines(raw: RawLines, problems: Problems) -> LineSettings:
    path, standard = f"{_KRAKEN}.lines", LineSettings()
    count = _within(raw.count, standard.count, 1, MOST_LINES, f"{path}.count", problems)
    private = _within(raw.private, standard.private, 1, MOST_PRIVATE, f"{path}.private", problems)
    redundant = count > 1 if raw.redundant is None else raw.redundant
    if redundant and count == 1:
        problems.add(f"{path}.redundant", "one line has no second; write count: 2, or redundant: false")
    rotate_s = standard.rotate_after_s
    if raw.rotate_after == NEVER:
        rotate_s = None
    elif raw.rotate_after is not None:
        rotate_s = _span(
            raw.rotate_after, 23 * HOUR_S, f"{path}.rotate_after", problems, least_s=LEAST_ROTATION_S
        )
    return LineSettings(count, redundant, rotate_s, private)


# --- the rest ---


def state_dir(text: str | None, environment: Mapping[str, str], problems: Problems) -> Path | None:
    """The state folder that a file names."""
    if text is None:
        return None
    with problems.at("state_dir"):
        try:
            path = Path(filled_in(text, environment)).expanduser()
        except RuntimeError as error:
            raise ConfigError(str(error)) from error
        if not path.is_absolute():
            raise ConfigError(f"{shown(text)} depends on where one stands; begin it with / or ~")
        return path
    return None


def _emulator(raw: RawEmulator | None, venue: RawVenue, problems: Problems) -> EmulatorSettings | None:
    if raw is None:
        return None
    standard = EmulatorSettings()
    if venue.endpoints is not None:
        problems.add("emulator", "it takes the place of venues.kraken.endpoints; leave one of the two out")
    if raw.account not in (DEMO, NONE):
        problems.add("emulator.account", f"{shown(raw.account)} is neither {DEMO} nor {NONE}")
    rate = standard.rate if raw.rate is None else raw.rate
    if not 0 <= rate <= 5000:
        problems.add("emulator.rate", f"{rate:g} is not between 0 and 5000 market events a second")
    seed = standard.seed if raw.seed is None else raw.seed
    port = _port(raw.port, standard.port, "emulator.port", problems)
    return EmulatorSettings(port, rate, seed, raw.account == DEMO)


def _share(text: str | None, problems: Problems) -> float:
    if text is None:
        return 0.95
    percent = text.endswith("%")
    try:
        share = float(text.rstrip("%")) / (100 if percent else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        problems.add("reads.stream_share", f"{shown(text)} is no share; write 0.95, or 95%")
        return 0.95
    return share


def _metrics(raw: RawMetrics | None, problems: Problems) -> MetricsSettings | None:
    if raw is None:
        return None
    standard = MetricsSettings()
    port = _port(raw.port, standard.port, "metrics.port", problems)
    symbols = _within(raw.symbols, standard.symbols, 0, 1000, "metrics.symbols", problems)
    return MetricsSettings(port, symbols)


def _alerts(raw: RawAlerts | None, fill: Fill, problems: Problems) -> AlertSettings | None:
    if raw is None:
        return None
    rules = None
    if raw.rules != BUILTIN:
        with problems.at("alerts.rules"):
            rules = Path(fill(raw.rules)).expanduser()
            if not rules.is_file():
                builtin = f"write {BUILTIN} for the rules that come along"
                raise ConfigError(f"{shown(raw.rules)} is no file; {builtin}")
            load_rules(rules)
    webhook = None
    if raw.webhook is not None:
        with problems.at("alerts.webhook"):
            webhook = _webhook(fill(raw.webhook))
    return AlertSettings(rules, webhook)


def _webhook(text: str) -> str:
    """The address as it is; it is in no message, for whoever knows it may write to it."""
    try:
        address = URL(text)
    except ValueError:
        address = URL()
    plain = address.scheme == "http" and is_loopback(address)
    if not address.host or not (address.scheme == "https" or plain):
        raise ConfigError("it is no address of the form https://host/path; http:// is for this machine only")
    return text


def _log(raw: RawLog, problems: Problems) -> LogSettings:
    standard = LogSettings()
    level, form = raw.level or standard.level, raw.format or standard.format.value
    if level not in LOG_LEVELS:
        problems.add("log.level", _no_such(level, LOG_LEVELS, "level"))
        level = standard.level
    formats = {one.value: one for one in LogFormat}
    if form not in formats:
        problems.add("log.format", _no_such(form, formats, "format"))
    return LogSettings(level, formats.get(form, standard.format))


def _together(settings: Settings, problems: Problems) -> None:
    """What is possible alone and not together."""
    metrics, emulator = settings.metrics, settings.emulator
    if metrics is not None and emulator is not None and metrics.port == emulator.port:
        problems.add("metrics.port", f"{metrics.port} is the emulator's port too; give each its own")
    rotate_s = settings.lines.rotate_after_s
    if rotate_s is not None and rotate_s < settings.ready_s:
        told = f"a line replaced after {span(rotate_s)} may go before it is ready ({span(settings.ready_s)})"
        problems.add(f"{_KRAKEN}.lines.rotate_after", f"{told}; make it longer than ready_within")


# --- values ---


def _span(text: str | None, standard_s: float, path: str, problems: Problems, *, least_s: float) -> float:
    if text is None:
        return standard_s
    with problems.at(path):
        found_s = seconds(text)
        if found_s < least_s:
            raise ConfigError(f"{shown(text)} is too short; write {span(least_s)} or more")
        return found_s
    return standard_s


def _within(value: int | None, standard: int, least: int, most: int, path: str, problems: Problems) -> int:
    if value is None:
        return standard
    if not least <= value <= most:
        problems.add(path, f"{value} is not possible; write {least} to {most}")
        return standard
    return value


def _port(value: int | None, standard: int, path: str, problems: Problems) -> int:
    return _within(value, standard, 1024, 65535, path, problems)


def _no_such(name: str, known: Iterable[str], what: str) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"there is no {what} {shown(name)}; there are {', '.join(known)}{hint}"


def _either(names: Iterable[str]) -> str:
    return ", ".join(names)

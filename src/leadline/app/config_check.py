"""Makes settings of what a file says, one for each venue in it: every value is held against what is possible,
then against the others.

Rule: nothing is guessed and nothing silently corrected; what cannot be is a problem with its path and cure.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace
from yarl import URL

from leadline.app.account_settings import MAIN
from leadline.app.alert_rules import load_rules
from leadline.app.config_file import RawAlerts, RawEmulator, RawFile, RawLog, RawMetrics, RawVenue
from leadline.app.config_values import filled_in, no_such, port_of, share_of, span_of, within
from leadline.app.config_venue import NONE, VenueReader
from leadline.app.durations import span
from leadline.app.embedded import demo_account, embedded_endpoints
from leadline.app.problems import Problems, shown
from leadline.app.settings import (
    EMULATED,
    AlertSettings,
    EmulatorSettings,
    LogFormat,
    LogSettings,
    MetricsSettings,
    Settings,
    state_home,
)
from leadline.errors import ConfigError
from leadline.net.endpoint import is_loopback
from leadline.venues.catalogue import VENUES, AnyKit
from leadline.venues.kit import Fill

LOG_LEVELS = ("debug", "info", "warning", "error")
BUILTIN, DEMO = "builtin", "demo"


def settings_from(
    file: RawFile, problems: Problems, environment: Mapping[str, str] = os.environ
) -> tuple[Settings, ...]:
    """The settings of each venue that a file names, of the default one where it names none.

    What is wrong goes to `problems`, and has its default in the result.
    """

    def fill(text: str) -> str:
        return filled_in(text, environment)

    state, emulator = state_dir(file.state_dir, environment, problems), _emulator(file.emulator, problems)
    if emulator is not None:
        state = (state or state_home(environment)) / EMULATED  # no invented orders among real ones
    common = Settings(state_dir=state, emulator=emulator)
    every = [_of_venue(VENUES[name], raw, common, fill, problems) for name, raw in file.named().items()]
    shared = _shared(file, fill, problems)
    found = tuple(
        replace(
            one,
            ready_s=shared.ready_s,
            stream_share=shared.stream_share,
            checkpoint_s=shared.checkpoint_s,
            metrics=shared.metrics,
            alerts=shared.alerts,
            log=shared.log,
        )
        for one in every
    )
    for settings in found:
        _together(settings, problems)
    return found


def _of_venue(kit: AnyKit, raw: RawVenue, common: Settings, fill: Fill, problems: Problems) -> Settings:
    """What is of one venue, in the place of what stands for it."""
    reader, emulator = VenueReader(kit, raw, fill, problems), common.emulator
    environment = reader.environment()
    if emulator is None:
        endpoints, accounts = reader.endpoints(environment), reader.accounts(environment)
        trade_on = reader.trade_on(accounts, environment)
    else:
        if raw.endpoints is not None:
            what = f"it takes the place of venues.{kit.name}.endpoints; leave one of the two out"
            problems.add("emulator", what)
        environment = kit.environments[0]
        endpoints, accounts = embedded_endpoints(emulator, kit), reader.guarded([demo_account(emulator, kit)])
        trade_on = MAIN if emulator.account else None
    return replace(
        common,
        venue=kit.name,
        environment=environment,
        endpoints=endpoints,
        accounts=accounts,
        market=reader.market(),
        trade_on=trade_on,
        lines=reader.lines(),
    )


def _shared(file: RawFile, fill: Fill, problems: Problems) -> Settings:
    """What is not of one venue."""
    return Settings(
        ready_s=span_of(file.ready_within, 60.0, "ready_within", problems, least_s=1.0),
        stream_share=share_of(file.reads.stream_share, 0.95, "reads.stream_share", problems),
        checkpoint_s=span_of(file.checkpoints.every, 30.0, "checkpoints.every", problems, least_s=1.0),
        metrics=_metrics(file.metrics, problems),
        alerts=_alerts(file.alerts, fill, problems),
        log=_log(file.log, problems),
    )


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


def _emulator(raw: RawEmulator | None, problems: Problems) -> EmulatorSettings | None:
    if raw is None:
        return None
    standard = EmulatorSettings()
    if raw.account not in (DEMO, NONE):
        problems.add("emulator.account", f"{shown(raw.account)} is neither {DEMO} nor {NONE}")
    rate = standard.rate if raw.rate is None else raw.rate
    if not 0 <= rate <= 5000:
        problems.add("emulator.rate", f"{rate:g} is not between 0 and 5000 market events a second")
    seed = standard.seed if raw.seed is None else raw.seed
    port = port_of(raw.port, standard.port, "emulator.port", problems)
    return EmulatorSettings(port, rate, seed, raw.account == DEMO)


def _metrics(raw: RawMetrics | None, problems: Problems) -> MetricsSettings | None:
    if raw is None:
        return None
    standard = MetricsSettings()
    port = port_of(raw.port, standard.port, "metrics.port", problems)
    symbols = within(raw.symbols, standard.symbols, 0, 1000, "metrics.symbols", problems)
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
        problems.add("log.level", no_such(level, LOG_LEVELS, "level"))
        level = standard.level
    formats = {one.value: one for one in LogFormat}
    if form not in formats:
        problems.add("log.format", no_such(form, formats, "format"))
    return LogSettings(level, formats.get(form, standard.format))


def _together(settings: Settings, problems: Problems) -> None:
    """What is possible alone and not together."""
    metrics, emulator = settings.metrics, settings.emulator
    if metrics is not None and emulator is not None and metrics.port == emulator.port:
        problems.add("metrics.port", f"{metrics.port} is the emulator's port too; give each its own")
    rotate_s = settings.lines.rotate_after_s
    if rotate_s is not None and rotate_s < settings.ready_s:
        told = f"a line replaced after {span(rotate_s)} may go before it is ready ({span(settings.ready_s)})"
        path = f"venues.{settings.venue}.lines.rotate_after"
        problems.add(path, f"{told}; make it longer than ready_within")

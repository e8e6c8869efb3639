"""What a user can set, as frozen values in SI units; the defaults are what a library user gets.

Rule: nothing is here that nobody reads.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from msgspec import Struct, field

from leadline.app.account_settings import MAIN, AccountSettings, account_named
from leadline.model.market import Channel
from leadline.venues.catalogue import DEFAULT, VENUES, AnyKit
from leadline.venues.kit import Endpoints

HOUR_S = 3600.0
EMULATED = "emulator"
"""The folder of what is kept of an emulated venue, in the state folder."""

CONTROL = "socket"


class MarketSettings(Struct, frozen=True):
    """The streams that must be live for `ready`, and which of them are checked most often."""

    symbols: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = (Channel.TICKER, Channel.BOOK)
    depth: int = 10
    interval_s: int = 60
    critical: tuple[str, ...] = ()


class LineSettings(Struct, frozen=True):
    """How many connections carry the public and the private streams.

    With `redundant` every public stream is on every line, else each is on one. A line older than
    `rotate_after_s` is replaced by a new one before it is closed; None leaves it alone.
    """

    count: int = 1
    redundant: bool = False
    rotate_after_s: float | None = 23 * HOUR_S
    private: int = 1


class MetricsSettings(Struct, frozen=True):
    """The Prometheus page, on loopback alone; beyond `symbols` names the rest are summed up as one."""

    port: int = 9464
    symbols: int = 50


class AlertSettings(Struct, frozen=True):
    """Which rules are watched, those that come along where no file is named, and who is told."""

    rules: Path | None = None
    webhook: str | None = None

    def __repr__(self) -> str:  # the address of a webhook is all that one needs to write to it
        return f"AlertSettings(rules={self.rules!r}, webhook={None if self.webhook is None else '***'})"


class LogFormat(Enum):
    CONSOLE = "console"
    JSON = "json"


class LogSettings(Struct, frozen=True):
    """What is logged: `level` is debug, info, warning or error."""

    level: str = "info"
    format: LogFormat = LogFormat.CONSOLE


class EmulatorSettings(Struct, frozen=True):
    """A local exchange inside `leadline run`, in the venue's place; `account` opens its demo account."""

    port: int = 9465
    rate: float = 60.0
    seed: int = 1
    account: bool = True


class Settings(Struct, frozen=True):
    """Everything that can be set of one system, which has one venue; the defaults are the venue's own, and no
    account.

    `trade_on` names the account that `leadline run` opens. `ready_s` is how long it may take to become ready
    before it says why not. `stream_share` is the part of reads that shall come from streams. `checkpoint_s`
    says how often market state is written down. `venue` is a name of the catalogue, `environment` one of the
    venue's.
    """

    endpoints: Endpoints = field(default_factory=lambda: DEFAULT.endpoints(DEFAULT.environments[0]))
    accounts: tuple[AccountSettings, ...] = ()
    state_dir: Path | None = None
    """Where journals and key states are kept; None means the place the platform has for such files."""
    market: MarketSettings = MarketSettings()
    trade_on: str | None = None
    lines: LineSettings = LineSettings()
    ready_s: float = 60.0
    stream_share: float = 0.95
    checkpoint_s: float = 30.0
    metrics: MetricsSettings | None = None
    alerts: AlertSettings | None = None
    log: LogSettings = LogSettings()
    emulator: EmulatorSettings | None = None
    venue: str = DEFAULT.name
    environment: str = DEFAULT.environments[0]
    control: str = CONTROL
    """The name of the control socket, the venue's where it is not the only or first one of a file."""

    @property
    def kit(self) -> AnyKit:
        """The venue's names, addresses and makers."""
        return VENUES[self.venue]

    def account(self, name: str = MAIN) -> AccountSettings:
        """The account of that name; raises ConfigError with the names there are, or how to set one."""
        return account_named(self.accounts, name, self.kit)

    @property
    def home(self) -> Path:
        """Where everything is kept."""
        return self.state_dir or state_home()

    @property
    def folder(self) -> Path:
        """Where what belongs to the venue is kept, that of another environment apart."""
        real = self.environment == self.kit.environments[0]
        return self.home / (self.venue if real else f"{self.venue}-{self.environment}")

    @property
    def control_path(self) -> Path:
        """The control socket of the `leadline run` of these settings."""
        # one for the emulator and the venue: `leadline report` without a file finds either
        return control_path_in(self.home.parent if self.emulator else self.home, self.control)


def control_path_in(state: Path, name: str = CONTROL) -> Path:
    """Where in a state folder a control socket is, in a folder that only its user can enter."""
    return state / "control" / name


def state_home(environment: Mapping[str, str] = os.environ) -> Path:
    """The user's directory for what programs must remember, by the customs of the platform."""
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "leadline"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "leadline"
    return Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "leadline"

"""What a settings file may say, name by name, as the file has it: texts and lists, nothing read yet."""

from __future__ import annotations

from msgspec import Struct

from leadline.app.account_settings import RawAccount


class RawAddresses(Struct, frozen=True):
    """What the file says of addresses; the others are the venue's own."""

    ws_public: str | None = None
    ws_private: str | None = None
    ws_level3: str | None = None
    rest: str | None = None


class RawLines(Struct, frozen=True):
    count: int | None = None
    redundant: bool | None = None
    rotate_after: str | None = None
    private: int | None = None


class RawVenue(Struct, frozen=True):
    endpoints: RawAddresses | None = None
    credentials: RawAccount | None = None
    accounts: dict[str, RawAccount] = {}
    symbols: tuple[str, ...] = ()
    channels: tuple[str, ...] | None = None
    depth: int | None = None
    bars_interval: str | None = None
    critical: tuple[str, ...] = ()
    account: str | None = None
    lines: RawLines = RawLines()


class RawVenues(Struct, frozen=True):
    kraken: RawVenue = RawVenue()


class RawReads(Struct, frozen=True):
    stream_share: str | None = None


class RawCheckpoints(Struct, frozen=True):
    every: str | None = None


class RawMetrics(Struct, frozen=True):
    port: int | None = None
    symbols: int | None = None


class RawAlerts(Struct, frozen=True):
    rules: str = "builtin"
    webhook: str | None = None

    def __repr__(self) -> str:
        return "RawAlerts(***)"


class RawLog(Struct, frozen=True):
    level: str | None = None
    format: str | None = None


class RawEmulator(Struct, frozen=True):
    port: int | None = None
    rate: float | None = None
    seed: int | None = None
    account: str = "demo"


class RawFile(Struct, frozen=True):
    venues: RawVenues = RawVenues()
    state_dir: str | None = None
    ready_within: str | None = None
    reads: RawReads = RawReads()
    checkpoints: RawCheckpoints = RawCheckpoints()
    metrics: RawMetrics | None = None
    alerts: RawAlerts | None = None
    log: RawLog = RawLog()
    emulator: RawEmulator | None = None

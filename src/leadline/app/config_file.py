"""What a settings file may say, name by name, as the file has it: texts and lists, nothing read yet.

What it may say of a venue's addresses and accounts, each venue's kit knows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import GenericAlias
from typing import TYPE_CHECKING, Any

from msgspec import Struct, defstruct

from leadline.venues.catalogue import DEFAULT, VENUES, AnyKit
from leadline.venues.kit import RawAccount


class RawLines(Struct, frozen=True):
    count: int | None = None
    redundant: bool | None = None
    rotate_after: str | None = None
    private: int | None = None


class RawExpected(Struct, frozen=True):
    """How the account is expected to trade contracts; what is left out is not looked at."""

    hedge: bool | None = None
    multi_assets: bool | None = None
    margin_mode: str | None = None
    leverage: int | None = None


class RawVenue(Struct, frozen=True):
    """What may be said of every venue."""

    symbols: tuple[str, ...] = ()
    channels: tuple[str, ...] | None = None
    depth: int | None = None
    bars_interval: str | None = None
    critical: tuple[str, ...] = ()
    account: str | None = None
    lines: RawLines = RawLines()

    if TYPE_CHECKING:  # in what is made of it below, for the venues that have such a thing
        endpoints: Struct | None = None
        credentials: RawAccount | None = None
        accounts: Mapping[str, RawAccount] = {}
        environment: str | None = None
        expect: RawExpected | None = None
        protection: str | None = None


def _of(kit: AnyKit) -> Any:
    """What may be said of this venue, a kind of RawVenue."""
    own = dataclasses.fields(kit.endpoints(kit.environments[0]))
    addresses = defstruct("RawAddresses", [(one.name, str | None, None) for one in own], frozen=True)
    fields: list[Any] = [
        ("endpoints", addresses | None, None),
        ("credentials", kit.raw_account | None, None),
        ("accounts", GenericAlias(dict, (str, kit.raw_account)), {}),
    ]
    if len(kit.environments) > 1:
        fields.append(("environment", str | None, None))
    if kit.contracts:
        fields += [("expect", RawExpected | None, None), ("protection", str | None, None)]
    return defstruct("RawVenue", fields, bases=(RawVenue,), frozen=True)


_FORMS = {name: _of(kit) for name, kit in VENUES.items()}
_NAMED: list[Any] = [(name, form | None, None) for name, form in _FORMS.items()]
RawVenues = defstruct("RawVenues", _NAMED, frozen=True)
"""Venues by name; None where the file does not name one."""


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
    venues: RawVenues = RawVenues()  # type: ignore[valid-type]
    state_dir: str | None = None
    ready_within: str | None = None
    reads: RawReads = RawReads()
    checkpoints: RawCheckpoints = RawCheckpoints()
    metrics: RawMetrics | None = None
    alerts: RawAlerts | None = None
    log: RawLog = RawLog()
    emulator: RawEmulator | None = None

    def named(self) -> dict[str, RawVenue]:
        """What is said of each venue that is named; of the default one where none is."""
        found = {name: getattr(self.venues, name) for name in VENUES}
        named = {name: raw for name, raw in found.items() if raw is not None}
        return named or {DEFAULT.name: _FORMS[DEFAULT.name]()}

"""Makes settings of what a file says of one venue: where it is, whose account, which streams on which lines.

Rule: nothing is guessed and nothing silently corrected; what cannot be is a problem with its path and cure.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from msgspec.structs import replace

from leadline.app.account_settings import (
    MAIN,
    AccountSettings,
    account_named,
    account_settings,
    is_account_name,
    one_key_each,
)
from leadline.app.config_file import RawExpected, RawLines, RawVenue
from leadline.app.config_values import no_such, span_of, within
from leadline.app.durations import seconds, span
from leadline.app.problems import Problems, shown
from leadline.app.settings import HOUR_S, LineSettings, MarketSettings
from leadline.engine.configuration import ExpectedConfiguration
from leadline.engine.lines import HANDOVER_S
from leadline.engine.protection import ProtectionPolicy
from leadline.errors import ConfigError
from leadline.model.account import MarginMode
from leadline.model.market import Channel
from leadline.net.endpoint import endpoint
from leadline.venues.catalogue import AnyKit
from leadline.venues.kit import Endpoints, Fill

MOST_LINES = 3
MOST_PRIVATE = 2
LEAST_ROTATION_S = 2 * HANDOVER_S
"""A younger line may take one hand-over to become whole, and venues count connects."""

MOST_LEVERAGE = 125
"""No venue allows more for any contract; what it allows for one, it says itself."""

NEVER, NONE = "never", "none"

_SYMBOL = re.compile(r"[\w.]{1,24}([/:_-][\w.]{1,20}){0,3}")


class VenueReader:
    """What a file says of one venue; `fill` puts variables into a text."""

    def __init__(self, kit: AnyKit, raw: RawVenue, fill: Fill, problems: Problems) -> None:
        self._kit = kit
        self._raw = raw
        self._fill = fill
        self._problems = problems
        self._path = f"venues.{kit.name}"

    def environment(self) -> str:
        """Where the venue is used."""
        there = self._kit.environments
        named = getattr(self._raw, "environment", None) or there[0]
        if named not in there:
            self._problems.add(f"{self._path}.environment", no_such(named, there, "environment"))
            return there[0]
        return named

    def endpoints(self, environment: str) -> Endpoints:
        """Its addresses, those of the file in place of its own."""
        own: Endpoints = self._kit.endpoints(environment)
        changes: dict[str, str] = {}
        for field in dataclasses.fields(own):  # type: ignore[arg-type]
            text = getattr(self._raw.endpoints, field.name, None)
            if text is not None:
                with self._problems.at(f"{self._path}.endpoints.{field.name}"):
                    changes[field.name] = self._address(text, "https" if field.name == "rest" else "wss")
        found: Endpoints = dataclasses.replace(own, **changes)  # type: ignore[type-var]
        if wrong := self._kit.wrong_place(found, environment):
            self._problems.add(f"{self._path}.environment", wrong)
        return found

    def _address(self, text: str, scheme: str) -> str:
        address = self._fill(text)
        try:
            endpoint(address, scheme)
        except ConfigError:
            if address == text:
                raise
            form = f"{scheme}://host/path, without a password"  # and not what it is: it may be a key
            raise ConfigError(f"with its variables filled in it is no address of the form {form}") from None
        return address

    def accounts(self, environment: str) -> tuple[AccountSettings, ...]:
        """All accounts; every value of them is checked."""
        raw, path, found = self._raw, self._path, []
        given = []
        if raw.credentials is not None:
            given.append((MAIN, raw.credentials, f"{path}.credentials"))
            if MAIN in raw.accounts:
                self._problems.add(
                    f"{path}.accounts.{MAIN}", "credentials is this account already; leave one out"
                )
        for name, account in raw.accounts.items():
            place = f"{path}.accounts.{name}" if is_account_name(name) else f"{path}.accounts"
            given.append((name, account, place))
        for name, account, place in given:
            with self._problems.at(""):
                found.append(account_settings(name, account, place, self._fill, self._kit, environment))
        with self._problems.at(""):
            one_key_each(found, path)
        return self.guarded(found)

    def guarded(self, accounts: Iterable[AccountSettings]) -> tuple[AccountSettings, ...]:
        """The accounts, each with what is expected of it and what protects its positions."""
        expected, protection = self._expected(), self._protection()
        return tuple(replace(account, expected=expected, protection=protection) for account in accounts)

    def _protection(self) -> ProtectionPolicy:
        """What follows where an order that guards a position is missing."""
        known = {one.value: one for one in ProtectionPolicy}
        named = getattr(self._raw, "protection", None) or ProtectionPolicy.NONE.value
        if named not in known:
            self._problems.add(f"{self._path}.protection", no_such(named, known, "policy"))
        return known.get(named, ProtectionPolicy.NONE)

    def _expected(self) -> ExpectedConfiguration:
        """How every account of the venue must be configured for orders to leave."""
        raw: RawExpected | None = getattr(self._raw, "expect", None)
        if raw is None:
            return ExpectedConfiguration()
        path, mode = f"{self._path}.expect", None
        if raw.margin_mode is not None:
            known = {one.value: one for one in MarginMode}
            mode = known.get(raw.margin_mode)
            if mode is None:
                self._problems.add(f"{path}.margin_mode", no_such(raw.margin_mode, known, "margin mode"))
        leverage = raw.leverage
        if leverage is not None:
            leverage = within(leverage, 1, 1, MOST_LEVERAGE, f"{path}.leverage", self._problems)
        return ExpectedConfiguration(raw.hedge, raw.multi_assets, mode, leverage)

    def trade_on(self, accounts: tuple[AccountSettings, ...], environment: str) -> str | None:
        """The account that `leadline run` opens."""
        name, problems, path = self._raw.account, self._problems, f"{self._path}.account"
        if name is None or name == NONE:
            return None
        if not accounts and not problems:
            variables = [one for one in self._kit.variables if one.environment == environment]
            key = " and ".join(f"{one.field}: ${{{one.name}}}" for one in variables)
            problems.add(path, f"none is set; write credentials with {key}, or account: none")
        elif not problems:  # an account that has problems of its own is not missing
            with problems.at(path):
                account_named(accounts, name if is_account_name(name) else "(not shown)", self._kit)
        return name

    def market(self) -> MarketSettings:
        """The streams that must be live."""
        raw, problems, limits = self._raw, self._problems, self._kit.limits
        symbols = self._symbols(raw.symbols, f"{self._path}.symbols")
        critical = self._symbols(raw.critical, f"{self._path}.critical")
        for symbol in critical:
            if symbol not in symbols:
                what = f"{symbol} is not among symbols; add it there, or leave it out here"
                problems.add(f"{self._path}.critical", what)
        depth, interval_s = MarketSettings().depth if raw.depth is None else raw.depth, 60.0
        if depth not in limits.book_depths:
            problems.add(f"{self._path}.depth", f"{depth} is none of {_either(map(str, limits.book_depths))}")
        if raw.bars_interval is not None:
            with problems.at(f"{self._path}.bars_interval"):
                interval_s = seconds(raw.bars_interval)
                if interval_s not in limits.bar_intervals_s:
                    there = _either(map(span, limits.bar_intervals_s))
                    raise ConfigError(f"{shown(raw.bars_interval)} is none of {there}")
        return MarketSettings(symbols, self._channels(), depth, round(interval_s), critical)

    def _symbols(self, names: tuple[str, ...], path: str) -> tuple[str, ...]:
        """Names that could be a venue's; whether they are, only its reference data can tell."""
        for name in names:
            if not _SYMBOL.fullmatch(name):
                what = f"{shown(name)} has not the form of a symbol, such as {self._kit.example}"
                self._problems.add(path, what)
        for name in sorted({name for name in names if names.count(name) > 1}):
            self._problems.add(path, f"{shown(name)} stands there more than once; leave it once")
        return tuple(name for name in dict.fromkeys(names) if _SYMBOL.fullmatch(name))

    def _channels(self) -> tuple[Channel, ...]:
        names, path = self._raw.channels, f"{self._path}.channels"
        if names is None:
            return MarketSettings().channels
        known = {channel.value: channel for channel in Channel if channel in self._kit.limits.channels}
        if not names:
            self._problems.add(path, f"name at least one of {_either(known)}, or leave it out")
        for name in names:
            if name not in known:
                self._problems.add(path, no_such(name, known, "channel"))
        return tuple(known[name] for name in dict.fromkeys(names) if name in known)

    def lines(self) -> LineSettings:
        """How many connections, and how long each is kept."""
        raw: RawLines = self._raw.lines
        path, problems, standard = f"{self._path}.lines", self._problems, LineSettings()
        count = within(raw.count, standard.count, 1, MOST_LINES, f"{path}.count", problems)
        private = within(raw.private, standard.private, 1, MOST_PRIVATE, f"{path}.private", problems)
        redundant = count > 1 if raw.redundant is None else raw.redundant
        if redundant and count == 1:
            problems.add(f"{path}.redundant", "one line has no second; write count: 2, or redundant: false")
        rotate_s = self._rotation(raw.rotate_after, f"{path}.rotate_after", standard.rotate_after_s)
        return LineSettings(count, redundant, rotate_s, private)

    def _rotation(self, text: str | None, path: str, standard_s: float | None) -> float | None:
        """After how long a line is replaced, which is before the venue would end it."""
        if text is None:
            return standard_s
        rotate_s = None
        if text != NEVER:
            rotate_s = span_of(text, 23 * HOUR_S, path, self._problems, least_s=LEAST_ROTATION_S)
        life_s = self._kit.connection_life_s
        if life_s is not None and (rotate_s is None or rotate_s > life_s - LEAST_ROTATION_S):
            most = span(life_s - HOUR_S)
            what = f"{self._kit.title} itself ends every connection after {span(life_s)}"
            self._problems.add(path, f"{what}; write {most} or less, or leave it out for {most}")
        return rotate_s


def _either(names: Iterable[str]) -> str:
    return ", ".join(names)

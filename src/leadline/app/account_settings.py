"""What can be set of one account: its key, and how orders on it are guarded.

Rule: what is wrong with a key is told without a character of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from leadline.app.problems import Problems
from leadline.engine.configuration import ExpectedConfiguration
from leadline.engine.protection import ProtectionPolicy
from leadline.errors import ConfigError
from leadline.net.sqlite_key_state import fingerprint
from leadline.venues.catalogue import AnyKit
from leadline.venues.kit import Fill, Key, RawAccount, Variable

MAIN = "main"
"""The account of `credentials`, and of the environment."""

LEAST_DEAD_MAN_S = 15
MOST_DEAD_MAN_S = 86_399
"""Kraken's dossier §10.6; below a quarter of a minute one slow answer would strike."""

MOST_ORDERS_PER_S = 1000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


class AccountSettings(Struct, frozen=True):
    """One account.

    `dead_man_s` 0 leaves the venue's dead-man switch alone: an armed one cancels orders of other programs and
    of people too, so it is never armed unasked. `formerly` is the fingerprint of the key that this one
    replaced. Beyond `orders_per_s` a program has run wild: nothing is placed any more until a person says so;
    None counts nothing. No order leaves while the account is not configured as `expected`;
    `protection` is what follows where an order that guards a position is missing.
    """

    name: str
    key: Key
    dead_man_s: int = 0
    cancel_on_exit: bool = False
    formerly: str | None = None
    orders_per_s: float | None = None
    expected: ExpectedConfiguration = ExpectedConfiguration()
    protection: ProtectionPolicy = ProtectionPolicy.NONE

    @property
    def fingerprint(self) -> str:
        """Tells keys apart and gives nothing of them away."""
        return fingerprint(self.key.api_key)


def account_settings(
    name: str, raw: RawAccount, where: str, fill: Fill, kit: AnyKit, environment: str
) -> AccountSettings:
    """An account of the file, every value checked; raises ConfigError with all problems, place and cure."""
    problems = Problems()
    if not is_account_name(name):
        problems.add(where, "an account is named by up to 40 letters, digits, - and _, as a file would be")
        problems.check()
    with problems.at(where):
        key = kit.key(raw, fill, environment)
    with problems.at(where):
        _check_dead_man(raw.dead_man_s)
    with problems.at(where):
        _check_rate(raw.orders_per_s)
    problems.check()
    return AccountSettings(name, key, raw.dead_man_s, raw.cancel_on_exit, raw.formerly, raw.orders_per_s)


def is_account_name(name: str) -> bool:
    """Whether an account can be called so; what cannot be a name may be a key, and is not printed."""
    return _NAME.fullmatch(name) is not None


def environment_account(kit: AnyKit, variables: Mapping[str, str]) -> tuple[str, tuple[AccountSettings, ...]]:
    """The account `main` of a venue that the process' variables name, if any, and where it trades.

    Raises ConfigError where a part of a key is missing, and where keys of two environments are set: which of
    them is meant, one of which has real money, is not guessed.
    """
    found = []
    for environment in kit.environments:
        names = [one for one in kit.variables if one.environment == environment]
        given = {one.field: variables[one.name] for one in names if variables.get(one.name)}
        if given:
            _check_whole(names, variables)
            raw = msgspec.convert(given, kit.raw_account)
            account = account_settings(MAIN, raw, "the environment", lambda text: text, kit, environment)
            found.append((environment, account))
    if len(found) > 1:
        raise ConfigError(
            f"the environment has keys for {' and '.join(where for where, _ in found)} of {kit.title}; unset "
            f"those that are not meant, or write venues.{kit.name} into a settings file"
        )
    if not found:
        return kit.environments[0], ()
    [(environment, account)] = found
    return environment, (account,)


def _check_whole(names: Sequence[Variable], variables: Mapping[str, str]) -> None:
    there = [one.name for one in names if variables.get(one.name)]
    for one in names:
        if one.name not in there:
            raise ConfigError(f"the environment has {there[0]} and no {one.name}; set both, or neither")


def account_named(accounts: Sequence[AccountSettings], name: str, kit: AnyKit) -> AccountSettings:
    """The account of that name; raises ConfigError with the cure."""
    for account in accounts:
        if account.name == name:
            return account
    raise no_account(name, [(kit, accounts)])


def no_account(name: str, places: Sequence[tuple[AnyKit, Sequence[AccountSettings]]]) -> ConfigError:
    """That none of these venues has an account of that name, with the cure."""
    there = [
        f"{', '.join(account.name for account in accounts)} at {kit.title}"
        for kit, accounts in places
        if accounts
    ]
    if there:
        return ConfigError(f"there is no account {name!r}; there are {' and '.join(there)}")
    keys = [
        (kit, [one for one in kit.variables if one.environment == kit.environments[0]]) for kit, _ in places
    ]
    variables = ", or ".join(" and ".join(one.name for one in key) for _, key in keys)
    fields = ", or ".join(
        f"venues.{kit.name}.credentials with {' and '.join(one.field for one in key)}" for kit, key in keys
    )
    in_file = f"with a settings file, write {fields} into it"
    return ConfigError(f"no account is set; put {variables} into the environment, or, {in_file}")


def one_key_each(accounts: Sequence[AccountSettings], where: str) -> None:
    """Raise ConfigError where two accounts have one key: their journals would not know of each other."""
    owners: dict[str, str] = {}
    for account in accounts:
        other = owners.setdefault(account.fingerprint, account.name)
        if other != account.name:
            raise ConfigError(
                f"{where}: accounts {other} and {account.name} have the same key; leave one out"
            )


def _check_rate(per_s: float | None) -> None:
    if per_s is not None and not 0 < per_s <= MOST_ORDERS_PER_S:
        raise ConfigError(
            f"orders_per_s: {per_s:g} is not possible; leave it out for no limit, else more than 0 and at "
            f"most {MOST_ORDERS_PER_S} (several times what the program is meant to place)"
        )


def _check_dead_man(timeout_s: int) -> None:
    if timeout_s and not LEAST_DEAD_MAN_S <= timeout_s <= MOST_DEAD_MAN_S:
        raise ConfigError(
            f"dead_man_s: {timeout_s} is not possible; 0 leaves the switch alone, else "
            f"{LEAST_DEAD_MAN_S} to {MOST_DEAD_MAN_S} (60 is usual)"
        )

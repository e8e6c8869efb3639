"""What can be set of one account: its key, and how orders on it are guarded.

Rule: what is wrong with a key is told without a character of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from leadline.app.problems import Problems
from leadline.core.nonce import Floor, nonce_floor
from leadline.errors import ConfigError
from leadline.net.sqlite_key_state import fingerprint
from leadline.venues.kraken.auth import Credentials, Signer
from leadline.venues.kraken.limits import Tier

MAIN = "main"
"""The account of `credentials`, and of the environment."""

API_KEY, PRIVATE_KEY = "KRAKEN_API_KEY", "KRAKEN_PRIVATE_KEY"

LEAST_DEAD_MAN_S = 15
MOST_DEAD_MAN_S = 86_399
"""Dossier §10.6; below a quarter of a minute one slow answer would strike."""

MOST_ORDERS_PER_S = 1000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_TIERS = {tier.name.lower(): tier for tier in Tier}


class RawAccount(Struct, frozen=True):
    """An account as the file has it."""

    api_key: str | None = None
    private_key: str | None = None
    otp: str | None = None
    nonce_floor: str | None = None
    formerly: str | None = None
    tier: str = "intermediate"
    dead_man_s: int = 0
    cancel_on_exit: bool = False
    orders_per_s: float | None = None

    def __repr__(self) -> str:
        return "RawAccount(***)"


class AccountSettings(Struct, frozen=True):
    """One account.

    `tier` is a first guess that the venue corrects. `dead_man_s` 0 leaves the dead-man switch alone: an armed
    one cancels every order of the account, those of other programs and of people too, so it is never armed
    unasked. `formerly` is the fingerprint of the key that this one replaced. Beyond `orders_per_s` a program
    has run wild: nothing is placed any more until a person says so; None counts nothing.
    """

    name: str
    credentials: Credentials
    tier: Tier = Tier.INTERMEDIATE
    dead_man_s: int = 0
    cancel_on_exit: bool = False
    nonce_floor: Floor | None = None
    formerly: str | None = None
    orders_per_s: float | None = None

    @property
    def fingerprint(self) -> str:
        """Tells keys apart and gives nothing of them away."""
        return fingerprint(self.credentials.api_key)


def account_settings(
    name: str, raw: RawAccount, where: str, filled_in: Callable[[str], str]
) -> AccountSettings:
    """An account of the file, every value checked; raises ConfigError with all problems, place and cure."""
    problems = Problems()
    if not is_account_name(name):
        problems.add(where, "an account is named by up to 40 letters, digits, - and _, as a file would be")
        problems.check()
    with problems.at(where):
        api_key = filled_in(_required(raw.api_key, "api_key", API_KEY))
    with problems.at(where):
        private_key = filled_in(_required(raw.private_key, "private_key", PRIVATE_KEY))
    otp, tier, dead_man_s, floor = None, Tier.INTERMEDIATE, 0, None
    with problems.at(where):
        otp = None if raw.otp is None else filled_in(raw.otp)
    with problems.at(where):
        tier = _tier(raw.tier)
    with problems.at(where):
        dead_man_s = _dead_man_s(raw.dead_man_s)
    with problems.at(where):
        _check_rate(raw.orders_per_s)
    with problems.at(where):
        floor = None if raw.nonce_floor is None else nonce_floor(raw.nonce_floor)
    problems.check()
    with problems.at(where):
        credentials = Credentials(api_key, private_key, otp)
        Signer(credentials)  # refuses a key that cannot be one
    problems.check()
    return AccountSettings(
        name, credentials, tier, dead_man_s, raw.cancel_on_exit, floor, raw.formerly, raw.orders_per_s
    )


def is_account_name(name: str) -> bool:
    """Whether an account can be called so; what cannot be a name may be a key, and is not printed."""
    return _NAME.fullmatch(name) is not None


def environment_account(environment: Mapping[str, str]) -> tuple[AccountSettings, ...]:
    """The account `main` of KRAKEN_API_KEY and KRAKEN_PRIVATE_KEY, where either is set."""
    key, private = environment.get(API_KEY), environment.get(PRIVATE_KEY)
    if not key and not private:
        return ()
    for name, value, other in ((API_KEY, key, PRIVATE_KEY), (PRIVATE_KEY, private, API_KEY)):
        if not value:
            raise ConfigError(f"the environment has {other} and no {name}; set both, or neither")
    raw = RawAccount(key, private)
    return (account_settings(MAIN, raw, "the environment", lambda text: text),)


def account_named(accounts: Sequence[AccountSettings], name: str) -> AccountSettings:
    """The account of that name; raises ConfigError with the cure."""
    for account in accounts:
        if account.name == name:
            return account
    if accounts:
        there = ", ".join(account.name for account in accounts)
        raise ConfigError(f"there is no account {name!r}; there are {there}")
    raise ConfigError(
        f"no account is set; put {API_KEY} and {PRIVATE_KEY} into the environment, or write "
        "venues.kraken.credentials with api_key and private_key into the settings file"
    )


def one_key_each(accounts: Sequence[AccountSettings], where: str) -> None:
    """Raise ConfigError where two accounts have one key: their journals would not know of each other."""
    owners: dict[str, str] = {}
    for account in accounts:
        other = owners.setdefault(account.fingerprint, account.name)
        if other != account.name:
            raise ConfigError(
                f"{where}: accounts {other} and {account.name} have the same key; leave one out"
            )


def _required(text: str | None, field: str, variable: str) -> str:
    if text is None:
        raise ConfigError(f"missing {field}; write {field}: ${{{variable}}} and set that variable")
    return text


def _tier(text: str) -> Tier:
    if text not in _TIERS:
        raise ConfigError(f"tier: it is none of {', '.join(_TIERS)}")
    return _TIERS[text]


def _check_rate(per_s: float | None) -> None:
    if per_s is not None and not 0 < per_s <= MOST_ORDERS_PER_S:
        raise ConfigError(
            f"orders_per_s: {per_s:g} is not possible; leave it out for no limit, else more than 0 and at "
            f"most {MOST_ORDERS_PER_S} (several times what the program is meant to place)"
        )


def _dead_man_s(timeout_s: int) -> int:
    if timeout_s and not LEAST_DEAD_MAN_S <= timeout_s <= MOST_DEAD_MAN_S:
        raise ConfigError(
            f"dead_man_s: {timeout_s} is not possible; 0 leaves the switch alone, else "
            f"{LEAST_DEAD_MAN_S} to {MOST_DEAD_MAN_S} (60 is usual)"
        )
    return timeout_s

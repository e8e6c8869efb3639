"""What can be set of one account: its key, and how orders on it are guarded.

Rule: what is wrong with a key is told without a character of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

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

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_TIERS = {tier.name.lower(): tier for tier in Tier}


class RawAccount(Struct, frozen=True, forbid_unknown_fields=True):
    """An account as the file has it."""

    api_key: str | None = None
    private_key: str | None = None
    otp: str | None = None
    nonce_floor: str | None = None
    formerly: str | None = None
    tier: str = "intermediate"
    dead_man_s: int = 0
    cancel_on_exit: bool = False

    def __repr__(self) -> str:
        return "RawAccount(***)"


class AccountSettings(Struct, frozen=True):
    """One account.

    `tier` is a first guess that the venue corrects. `dead_man_s` 0 leaves the dead-man switch alone: an armed
    one cancels every order of the account, those of other programs and of people too, so it is never armed
    unasked. `formerly` is the fingerprint of the key that this one replaced.
    """

    name: str
    credentials: Credentials
    tier: Tier = Tier.INTERMEDIATE
    dead_man_s: int = 0
    cancel_on_exit: bool = False
    nonce_floor: Floor | None = None
    formerly: str | None = None

    @property
    def fingerprint(self) -> str:
        """Tells keys apart and gives nothing of them away."""
        return fingerprint(self.credentials.api_key)


def account_settings(
    name: str, raw: RawAccount, where: str, filled_in: Callable[[str], str]
) -> AccountSettings:
    """An account of the file, every value checked; raises ConfigError naming the place and the cure."""
    if not is_account_name(name):
        raise ConfigError(
            f"{where}: an account is named by up to 40 letters, digits, - and _, as a file would be"
        )
    try:
        account = AccountSettings(
            name,
            Credentials(
                filled_in(_required(raw.api_key, "api_key", API_KEY)),
                filled_in(_required(raw.private_key, "private_key", PRIVATE_KEY)),
                None if raw.otp is None else filled_in(raw.otp),
            ),
            _tier(raw.tier),
            _dead_man_s(raw.dead_man_s),
            raw.cancel_on_exit,
            None if raw.nonce_floor is None else nonce_floor(raw.nonce_floor),
            raw.formerly,
        )
        Signer(account.credentials)  # refuses a key that cannot be one
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    return account


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


def _dead_man_s(timeout_s: int) -> int:
    if timeout_s and not LEAST_DEAD_MAN_S <= timeout_s <= MOST_DEAD_MAN_S:
        raise ConfigError(
            f"dead_man_s: {timeout_s} is not possible; 0 leaves the switch alone, else "
            f"{LEAST_DEAD_MAN_S} to {MOST_DEAD_MAN_S} (60 is usual)"
        )
    return timeout_s

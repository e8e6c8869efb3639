"""listenKeys: one an account, good for an hour from its last renewal (dossier §9, §12.2)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.agenda import Agenda
from leadline.emulator.binance.errors import refused
from leadline.emulator.numbers import NS_PER_S

LIFE_NS = 3_600 * NS_PER_S
LENGTH = 64
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(slots=True)
class ListenKey:
    """The key an account has now."""

    text: str
    account: Account
    expires_ns: int


class ListenKeys:
    """The keys in force. `expired` is called with each that runs out."""

    def __init__(self, agenda: Agenda, rng: random.Random, expired: Callable[[ListenKey, int], None]) -> None:
        self._agenda = agenda
        self._rng = rng
        self._expired = expired
        self._by_account: dict[str, ListenKey] = {}

    def start(self, account: Account, now_ns: int) -> str:
        """A new key, or the one in force, extended."""
        one = self._by_account.get(account.api_key)
        if one is None:
            one = ListenKey("".join(self._rng.choices(_ALPHABET, k=LENGTH)), account, 0)
            self._by_account[account.api_key] = one
        self._extend(one, now_ns)
        return one.text

    def renew(self, account: Account, now_ns: int) -> str:
        """The key, extended; raises -1125 where there is none."""
        one = self._by_account.get(account.api_key)
        if one is None:
            raise refused(-1125)
        self._extend(one, now_ns)
        return one.text

    def stop(self, account: Account) -> None:
        """Void the key without a notice, for every process that shares it."""
        self._by_account.pop(account.api_key, None)

    def of(self, account: Account) -> ListenKey | None:
        """The key of an account."""
        return self._by_account.get(account.api_key)

    def expire_all(self, now_ns: int, *, silent: bool) -> None:
        """End every key now."""
        for one in list(self._by_account.values()):
            del self._by_account[one.account.api_key]
            if not silent:
                self._expired(one, now_ns)

    def _extend(self, one: ListenKey, now_ns: int) -> None:
        one.expires_ns = now_ns + LIFE_NS
        self._agenda.at(one.expires_ns, lambda at_ns: self._ran_out(one, at_ns))

    def _ran_out(self, one: ListenKey, now_ns: int) -> None:
        if self._by_account.get(one.account.api_key) is one and one.expires_ns <= now_ns:
            del self._by_account[one.account.api_key]
            self._expired(one, now_ns)

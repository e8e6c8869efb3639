"""Who may ask: API keys, signatures, nonces, and the tokens of the WebSocket side (dossier §8, §13).

A nonce is taken when it has passed, whatever becomes of the request after it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from leadline.emulator.accounts import Account
from leadline.emulator.fault_board import FaultBoard
from leadline.emulator.kraken.form import Form
from leadline.emulator.numbers import NS_PER_S
from leadline.emulator.orders import Refused

TOKEN_LIFE_S = 900
# assumed: the venue says "many" and "about 15 minutes"
LOCKOUT_NONCES = 20
LOCKOUT_WINDOW_NS = 60 * NS_PER_S
LOCKOUT_NS = 900 * NS_PER_S
MOST_NONCE = 2**64 - 1
LONGEST_NONCE = 20


@dataclass(slots=True)
class KeyState:
    """What the venue remembers of one key."""

    nonce: int = -1
    """The highest that passed."""
    window: int = 0
    """How far below the highest a nonce may lie."""
    refused: int = 0
    """How many nonces were refused, ever."""
    recent_ns: deque[int] = field(default_factory=deque)
    locked_until_ns: int = 0


class Gate:
    """Lets requests in to the account whose key signed them."""

    def __init__(self, accounts: Mapping[str, Account], board: FaultBoard) -> None:
        self._accounts = accounts
        self._board = board
        self._keys: dict[str, KeyState] = {}

    def key(self, api_key: str) -> KeyState:
        """What is remembered of a key."""
        return self._keys.setdefault(api_key, KeyState())

    def admit(
        self, path: str, headers: Iterable[tuple[str, str]], body: bytes, form: Form, now_ns: int
    ) -> Account:
        """The account a signed request acts for; raises `orders.Refused` with the venue's text."""
        named = {name.lower(): value for name, value in headers}
        account = self._accounts.get(named.get("api-key", ""))
        if account is None:
            raise Refused("EAPI:Invalid key")
        state = self.key(account.api_key)
        if now_ns < state.locked_until_ns:
            raise Refused("EGeneral:Temporary lockout")
        nonce = form.text("nonce")
        expected = signature(account.secret, path, nonce, body)
        if not hmac.compare_digest(expected.encode(), named.get("api-sign", "").encode()):
            raise Refused("EAPI:Invalid signature")
        self._take(state, nonce, now_ns)
        return account

    def _take(self, state: KeyState, nonce: str, now_ns: int) -> None:
        window = 0 if self._board.nonce_strict() else state.window
        value = int(nonce) if nonce.isdecimal() and len(nonce) <= LONGEST_NONCE else -1
        # assumed: inside a window even one that was used before passes, which is why the dossier warns of it
        least = state.nonce + 1 if window == 0 else max(0, state.nonce - window)
        if not least <= value <= MOST_NONCE:
            self._count(state, now_ns)
            raise Refused("EAPI:Invalid nonce")
        state.nonce = max(state.nonce, value)

    @staticmethod
    def _count(state: KeyState, now_ns: int) -> None:
        state.refused += 1
        state.recent_ns.append(now_ns)
        while state.recent_ns[0] <= now_ns - LOCKOUT_WINDOW_NS:
            state.recent_ns.popleft()
        if len(state.recent_ns) >= LOCKOUT_NONCES:
            state.locked_until_ns = now_ns + LOCKOUT_NS
            state.recent_ns.clear()


def signature(secret: str, path: str, nonce: str, body: bytes) -> str:
    """The API-Sign of a request (dossier §13.1); `secret` is base64."""
    message = path.encode() + hashlib.sha256(nonce.encode() + body).digest()
    return base64.b64encode(hmac.digest(base64.b64decode(secret), message, "sha512")).decode()


@dataclass(slots=True)
class _Token:
    account: Account
    expires_ns: int
    holders: int = 0
    """Connections on which it opened a private subscription; while there is one it does not expire."""


class Tokens:
    """WebSocket tokens: 15 minutes unused, then void (dossier §8)."""

    def __init__(self, rng: random.Random) -> None:
        self._random = rng
        self._tokens: dict[str, _Token] = {}

    def issue(self, account: Account, now_ns: int) -> str:
        """A new token of an account."""
        self._tokens = {text: one for text, one in self._tokens.items() if self._valid(one, now_ns)}
        text = base64.b64encode(self._random.randbytes(32)).decode().rstrip("=")
        self._tokens[text] = _Token(account, now_ns + TOKEN_LIFE_S * NS_PER_S)
        return text

    def account(self, token: str, now_ns: int) -> Account | None:
        """Whose token it is, None where it is unknown or void."""
        one = self._tokens.get(token)
        return one.account if one is not None and self._valid(one, now_ns) else None

    def used(self, token: str, now_ns: int) -> None:
        """A connection opened its first private subscription with it."""
        if self.account(token, now_ns) is not None:
            self._tokens[token].holders += 1

    def released(self, token: str, now_ns: int) -> None:
        """A connection that had used it is over, or has no private subscription any more."""
        one = self._tokens.get(token)
        if one is not None and one.holders:
            one.holders -= 1
            one.expires_ns = max(one.expires_ns, now_ns + TOKEN_LIFE_S * NS_PER_S)

    @staticmethod
    def _valid(one: _Token, now_ns: int) -> bool:
        return one.holders > 0 or now_ns < one.expires_ns

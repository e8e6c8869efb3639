"""Signs requests with an API key (dossier §2.3, §13): the bytes signed are the bytes sent.

Rule: neither key nor secret is in any text that this module makes; what is malformed is told without it.
"""

from __future__ import annotations

import hmac
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leadline.errors import ConfigError
from leadline.net.http import query_text

KEY_CHARACTERS = 64
"""assumed: as long as every HMAC key and secret that Binance hands out."""

_KEY_ALPHABET = frozenset(string.ascii_letters + string.digits)
_CURE = "copy it whole from the page where Binance showed it, or make a new key there"
_KEY = "API key (BINANCE_API_KEY, venues.binance.credentials.api_key)"
_SECRET_KEY = "secret key (BINANCE_API_SECRET, venues.binance.credentials.api_secret)"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Credentials:
    """One HMAC key of Binance."""

    api_key: str
    api_secret: str

    def __repr__(self) -> str:
        return "Credentials(api_key=***, api_secret=***)"


class Signer:
    """Signs what a key asks for.

    Raises ConfigError, before anything is sent, for a key or secret that cannot be an HMAC one of Binance.
    """

    def __init__(self, credentials: Credentials) -> None:
        _check(_KEY, credentials.api_key)
        _check(_SECRET_KEY, credentials.api_secret)
        self._api_key = credentials.api_key
        self._secret = credentials.api_secret.encode()

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What names the key on REST; enough by itself for a listen key (§2.2)."""
        return (("X-MBX-APIKEY", self._api_key),)

    @property
    def api_key(self) -> str:
        """The key as the WebSocket API wants it among the parameters."""
        return self._api_key

    def query(self, params: Sequence[tuple[str, str]]) -> str:
        """The parameters percent-encoded, their signature last, for a query string or a form body."""
        text = query_text(params)
        return f"{text}{'&' if text else ''}signature={self.sign(text)}"

    def ws(self, params: Mapping[str, str | int]) -> dict[str, str | int]:
        """The parameters of the WebSocket API with key and signature: over all, sorted, unencoded (§13)."""
        named = self.ws_keyed(params)
        text = "&".join(f"{name}={named[name]}" for name in sorted(named))
        return {**named, "signature": self.sign(text)}

    def ws_keyed(self, params: Mapping[str, str | int]) -> dict[str, str | int]:
        """The same with the key alone."""
        return {**params, "apiKey": self._api_key}

    def sign(self, payload: str) -> str:
        """The HMAC-SHA256 of a payload in hexadecimal."""
        return hmac.digest(self._secret, payload.encode(), "sha256").hex()


def _check(what: str, text: str) -> None:
    if not text.strip():
        raise ConfigError(f"the Binance {what} is empty: set it, or leave out the account")
    kind = _pem_kind(text)
    if kind:
        raise ConfigError(
            f"the Binance {what} is {kind}: Leadline signs with HMAC keys; make a system-generated (HMAC) key"
            " at Binance and give its API key and secret key"
        )
    if any(character.isspace() for character in text):
        raise ConfigError(f"the Binance {what} has white space in it (a line break, perhaps): {_CURE}")
    if not _KEY_ALPHABET.issuperset(text):
        raise ConfigError(f"the Binance {what} has characters that no HMAC key has: {_CURE}")
    if len(text) != KEY_CHARACTERS:
        raise ConfigError(
            f"the Binance {what} has {len(text)} characters instead of {KEY_CHARACTERS}: {_CURE}"
        )


# The heads of PKCS#8 and SubjectPublicKeyInfo, in base64 as they stand in a file without its first line.
_ED25519_HEADS = ("MC4CAQAwBQYDK2Vw", "MCowBQYDK2Vw", "MFECAQEwBQYDK2Vw")
_RSA_HEADS = ("MIIE", "MIIJ", "MIIC", "MIIB", "MIGf", "MIIG", "MIIF", "MIIS")


def _pem_kind(text: str) -> str:
    """What a key of another kind is called; empty for what is none."""
    body = "".join(line for line in text.split() if not line.startswith("-----"))
    body = body.partition("KEY-----")[2] or body
    if "BEGIN RSA" in text:
        return "an RSA key"
    if body.startswith(_ED25519_HEADS):
        return "an Ed25519 key"
    pem = "-----BEGIN" in text
    if body.startswith(_RSA_HEADS) and (pem or len(body) > 2 * KEY_CHARACTERS):
        return "an RSA key"
    return "a PEM file" if pem else ""

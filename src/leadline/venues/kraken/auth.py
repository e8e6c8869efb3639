"""Signs requests with an API key (dossier §13.1): the bytes signed are the bytes sent.

Rule: neither key nor secret is in any text that this module makes; what is malformed is told without it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import string
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from leadline.errors import ConfigError
from leadline.net.http import Request
from leadline.net.keyed_http import Call
from leadline.venues.kraken.rest_private import PATH, PrivateEndpoint

API_KEY_CHARACTERS = 56
"""assumed: as long as every key that Kraken hands out."""
SECRET_BYTES = 64

_CURE = "copy it whole from the page where Kraken showed it, or make a new key there"
_KEY_ALPHABET = frozenset(string.ascii_letters + string.digits + "+/=")

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Credentials:
    """One API key of Kraken; `otp` is the password of a key with two-factor login (dossier §13.3)."""

    api_key: str
    secret: str
    otp: str | None = None

    def __repr__(self) -> str:
        return f"Credentials(api_key=***, secret=***, otp={'None' if self.otp is None else '***'})"


class Signer:
    """Makes signed requests of private endpoints.

    Raises ConfigError, before anything is sent, for a key or secret that cannot be one of Kraken's.
    """

    def __init__(self, credentials: Credentials) -> None:
        _check_api_key(credentials.api_key)
        self._credentials = credentials
        self._secret = _secret_bytes(credentials.secret)
        if credentials.otp is not None:
            _check_text("one-time password (otp)", credentials.otp)

    def call(self, endpoint: PrivateEndpoint[Any]) -> Call:
        """The request of an endpoint, to be sealed with its nonce at the moment of leaving."""
        return Call(
            name=endpoint.name,
            cost=endpoint.cost,
            seal=lambda nonce: self._seal(endpoint, nonce),
            masked=endpoint.masked,
        )

    def _seal(self, endpoint: PrivateEndpoint[Any], nonce: int) -> Request:
        path = PATH + endpoint.name
        body = self._body(endpoint, nonce).encode()
        headers = (
            ("API-Key", self._credentials.api_key),
            ("API-Sign", self.sign(path, nonce, body)),
            ("Content-Type", JSON if endpoint.nested else FORM),
        )
        return Request("POST", path, headers=headers, body=body, cost=endpoint.cost)

    def _body(self, endpoint: PrivateEndpoint[Any], nonce: int) -> str:
        fields = [("nonce", str(nonce)), *endpoint.fields]
        if self._credentials.otp is not None:
            fields.append(("otp", self._credentials.otp))
        if not endpoint.nested:
            return urlencode(fields)
        members = [(name, json.dumps(value)) for name, value in fields] + list(endpoint.nested)
        return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in members) + "}"

    def sign(self, path: str, nonce: int, body: bytes) -> str:
        """The API-Sign of a request with this path and exactly these bytes as its body."""
        message = path.encode() + hashlib.sha256(str(nonce).encode() + body).digest()
        return base64.b64encode(hmac.digest(self._secret, message, "sha512")).decode()


def _check_api_key(api_key: str) -> None:
    what = "API key (KRAKEN_API_KEY, venues.kraken.credentials.api_key)"
    _check_text(what, api_key)
    if not _KEY_ALPHABET.issuperset(api_key):
        raise ConfigError(f"the Kraken {what} has characters that no key has: {_CURE}")
    if len(api_key) != API_KEY_CHARACTERS:
        raise ConfigError(
            f"the Kraken {what} has {len(api_key)} characters instead of {API_KEY_CHARACTERS}: {_CURE}"
        )


def _secret_bytes(secret: str) -> bytes:
    what = "private key (KRAKEN_PRIVATE_KEY, venues.kraken.credentials.private_key)"
    _check_text(what, secret)
    try:
        key = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        key = None
    if key is None:
        raise ConfigError(f"the Kraken {what} is not base64: {_CURE}")
    if len(key) != SECRET_BYTES:
        raise ConfigError(f"the Kraken {what} holds {len(key)} bytes instead of {SECRET_BYTES}: {_CURE}")
    return key


def _check_text(what: str, text: str) -> None:
    if not text:
        raise ConfigError(f"the Kraken {what} is empty: set it, or leave out the account")
    if any(character.isspace() for character in text):
        raise ConfigError(f"the Kraken {what} has white space in it (a line break, perhaps): {_CURE}")

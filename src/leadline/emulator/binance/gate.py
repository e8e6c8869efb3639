"""Who may ask: API keys, timestamps and signatures of REST and WebSocket API requests (dossier §2, §13)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.errors import Refused, refused
from leadline.emulator.binance.params import Params

KEY_FORM = re.compile(r"[A-Za-z0-9]{64}")
AHEAD_MS = 1_000
RECV_WINDOW_MS, MOST_RECV_WINDOW_MS = 5_000, 60_000
NS_PER_MS = 1_000_000
TOO_EARLY = "Timestamp for this request was 1000ms ahead of the server's time."


class Gate:
    """Lets requests in to the account whose key they name."""

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = accounts

    def keyed(self, api_key: str | None) -> Account:
        """The account of a key; raises -2014 for what is none, -2015 for an unknown one."""
        if not api_key or not KEY_FORM.fullmatch(api_key):
            raise refused(-2014)
        account = self._accounts.get(api_key)
        if account is None:
            raise refused(-2015)
        return account

    @staticmethod
    def check_time(params: Params, now_ns: int) -> None:
        """Whether the timestamp lies within the window (§2.5); raises -1021."""
        sent_ms = params.whole("timestamp")
        window_ms = params.integer("recvWindow", RECV_WINDOW_MS) or 0
        if not 0 < window_ms <= MOST_RECV_WINDOW_MS:
            raise refused(-1130, "recvWindow")
        now_ms = now_ns // NS_PER_MS
        if sent_ms >= now_ms + AHEAD_MS:
            raise Refused(-1021, TOO_EARLY)
        if now_ms - sent_ms > window_ms:
            raise refused(-1021)

    @staticmethod
    def check_signature(account: Account, payload: str, given: str) -> None:
        """Whether the account's secret signed the payload; hex in either case."""
        if not hmac.compare_digest(signature(account.secret, payload).encode(), given.lower().encode()):
            raise refused(-1022)


def signature(secret: str, payload: str) -> str:
    """HMAC-SHA256 in hex (§2.3)."""
    return hmac.digest(secret.encode(), payload.encode(), "sha256").hex()


def rest_params(query: str, body: str) -> Params:
    """The parameters of a REST request; of a name in both parts the query's counts (§2.1)."""
    parts = [parse_qsl(text, keep_blank_values=True) for text in (body, query)]
    for part in parts:
        if len({name for name, _ in part}) < len(part):
            raise refused(-1101)
    return Params({name: value for part in parts for name, value in part})


def rest_payload(query: str, body: str) -> str:
    """What a REST signature covers: both parts as sent, without the signature, nothing between them."""
    return "".join(
        "&".join(one for one in text.split("&") if not one.startswith("signature=")) for text in (query, body)
    )


def ws_payload(params: Params) -> str:
    """What a WebSocket API signature covers: all but itself, sorted by name, not percent-encoded (§13)."""
    return "&".join(f"{name}={params.values[name]}" for name in sorted(params.values) if name != "signature")

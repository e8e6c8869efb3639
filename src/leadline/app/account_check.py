"""Looks at an account's key as the product uses it: signature, nonce, permissions, and the journal's state.

Rule: it only reads; what a key may do is found out by asking what it may see.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from leadline.app.access import open_access
from leadline.app.config import Settings
from leadline.app.finding import Finding
from leadline.errors import AuthError, Error
from leadline.net.http import Purpose
from leadline.venues.kraken.account import KrakenAccount

_WIDEN = "give the key this permission on the venue's page for API keys, or make a new one"
_MEANINGS = (
    ("EAPI:Invalid key", "the venue does not know the key: check KRAKEN_API_KEY, or api_key"),
    ("EAPI:Invalid signature", "the private key does not belong to this API key: copy both again"),
    (
        "EAPI:Invalid nonce",
        "another program uses the key with larger nonces: give each program a key of its own",
    ),
    ("EGeneral:Temporary lockout", "too many refused requests: wait a quarter of an hour"),
)


async def examine_account(settings: Settings, account: str) -> list[Finding]:
    """The key, then each permission it needs; where the key itself is refused nothing else is asked."""
    name = f"account {account}"
    try:
        async with open_access(settings, account) as access:
            await access.market.load()
            return await _permissions(name, access.ports.account)
    except Error as error:
        return [Finding(name, False, str(error), advice(error))]


async def _permissions(name: str, account: KrakenAccount) -> list[Finding]:
    asked: list[tuple[str, Callable[[], Awaitable[object]]]] = [
        ("query funds", lambda: account.fetch_balances(Purpose.DIAGNOSIS)),
        ("query open orders", lambda: account.fetch_open_orders(Purpose.DIAGNOSIS)),
        ("open the stream", account.fetch_token),
    ]
    findings, allowed = [], []
    for what, ask in asked:
        try:
            await ask()
            allowed.append(what)
        except AuthError as error:
            if not error.text.startswith("EGeneral:Permission denied"):
                raise
            findings.append(Finding(f"{name}: {what}", False, f"the key may not: {error}", _WIDEN))
    told = (
        f"signature and nonce are accepted; the key may {', '.join(allowed) or 'nothing of what is needed'}"
    )
    return [Finding(name, bool(allowed), told, "" if allowed else _WIDEN), *findings]


def advice(error: Error) -> str:
    """What to do about an error of a key."""
    for text, cure in _MEANINGS:
        if str(error).startswith(text):
            return cure
    return "see the message; nothing was changed"

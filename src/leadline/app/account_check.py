"""Looks at an account's key as the product uses it: signature, permissions, how the account trades.

Rule: it only reads; what a key may do is found out by asking what it may see.
"""

from __future__ import annotations

from leadline.app.access import open_access
from leadline.app.config import Settings
from leadline.app.finding import Finding
from leadline.errors import AuthError, Error
from leadline.model.account import AccountConfiguration
from leadline.net.http import Purpose
from leadline.venues.kit import Keyed

_WIDEN = "give the key this permission on the venue's page for API keys, or make a new one"


async def examine_account(settings: Settings, account: str) -> list[Finding]:
    """The key, then each permission it needs; where the key itself is refused nothing else is asked."""
    name = f"account {account}"
    try:
        async with open_access(settings, account) as access:
            await access.market.load()
            found = await _permissions(name, settings, access.ports)
            if all(finding.ok for finding in found):
                found += await _configuration(name, access.ports)
            return found
    except Error as error:
        return [Finding(name, False, str(error), settings.kit.advice(error, settings.environment))]


async def _permissions(name: str, settings: Settings, ports: Keyed) -> list[Finding]:
    findings, allowed = [], []
    for permission in settings.kit.permissions(ports):
        try:
            await permission.ask()
            allowed.append(permission.what)
        except AuthError as error:
            if not settings.kit.lacks_permission(error):
                raise
            findings.append(Finding(f"{name}: {permission.what}", False, f"the key may not: {error}", _WIDEN))
    told = f"it is accepted; the key may {', '.join(allowed) or 'nothing of what is needed'}"
    return [Finding(name, bool(allowed), told, "" if allowed else _WIDEN), *findings]


async def _configuration(name: str, ports: Keyed) -> list[Finding]:
    """How the account trades contracts, where the venue has them."""
    found = await ports.account.fetch_configuration((), Purpose.DIAGNOSIS)
    if found is None:
        return []
    cure = "" if found.can_trade else "allow futures trading for the account on the venue's own pages"
    return [Finding(f"{name}: configuration", found.can_trade, configuration_words(found), cure)]


def configuration_words(found: AccountConfiguration) -> str:
    """How an account trades contracts, in words."""
    mode = "hedge mode, long and short apart" if found.hedge else "one-way mode"
    margin = "margin shared between assets" if found.multi_assets else "margin of each asset by itself"
    return f"{mode}; {margin}; {'may' if found.can_trade else 'may not'} trade"

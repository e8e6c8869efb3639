"""The keys of the demo accounts, known before any exchange runs: the same seed, the same key."""

from __future__ import annotations

from collections.abc import Mapping

from leadline.emulator.accounts import DEMO, Account
from leadline.emulator.binance.accounts import opened
from leadline.emulator.market import chance


def demo_keys(seed: int) -> Mapping[str, Mapping[str, str]]:
    """By venue, each part of the key by its name in a settings file."""
    kraken = Account(DEMO, chance(seed, "account", DEMO), "intermediate", {})
    binance = opened(seed, DEMO, {})
    return {
        "kraken": {"api_key": kraken.api_key, "private_key": kraken.secret},
        "binance": {"api_key": binance.api_key, "api_secret": binance.secret},
    }

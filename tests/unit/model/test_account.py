"""What an account owns, as values."""

from __future__ import annotations

from decimal import Decimal

from leadline.model.account import Balance, Wallet, WalletKind

MAIN = Wallet(WalletKind.SPOT, "main", Decimal("1.5"))
FLEXIBLE = Wallet(WalletKind.EARN, "flexible", Decimal("0.25"))
BONDED = Wallet(WalletKind.EARN, "bonded", Decimal("0.25"))


def test_earn_wallets_are_owned_and_not_tradable() -> None:
    balance = Balance("BTC", (MAIN, FLEXIBLE, BONDED))
    assert (balance.total, balance.tradable, balance.earn) == (
        Decimal("2.00"),
        Decimal("1.5"),
        Decimal("0.50"),
    )


def test_what_is_available_is_not_guessed_where_the_holds_are_not_known() -> None:
    assert Balance("BTC", (MAIN,)).available is None
    assert Balance("BTC", (MAIN, FLEXIBLE), Decimal("0.5")).available == Decimal("1.0")

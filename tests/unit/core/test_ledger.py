"""What an account owns, kept by its bookings."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from leadline.core.ledger import KEPT_IDS, Ledger
from leadline.model.account import Balance, BalancesSnapshot, LedgerEntry, Wallet, WalletKind


def snapshot(**main: str) -> BalancesSnapshot:
    return BalancesSnapshot(
        tuple(
            Balance(asset, (Wallet(WalletKind.SPOT, "main", Decimal(qty)),), Decimal(0))
            for asset, qty in main.items()
        )
    )


def entry(
    number: int, asset: str, amount: str, balance: str, fee: str = "0", kind: WalletKind = WalletKind.SPOT
) -> LedgerEntry:
    name = "main" if kind is WalletKind.SPOT else "flexible"
    return LedgerEntry(
        ledger_id=f"L{number}",
        ref_id="T1",
        kind="trade",
        asset=asset,
        wallet=Wallet(kind, name, Decimal(balance)),
        amount=Decimal(amount),
        fee=Decimal(fee),
        balance=Decimal(balance),
    )


def test_a_booking_that_explains_its_balance_is_no_drift() -> None:
    ledger = Ledger()
    ledger.open(snapshot(USD="100.0000"))
    assert ledger.book(entry(1, "USD", "-19.9743", "79.9758", fee="0.0499")) is None
    assert ledger.balance("USD").tradable == Decimal("79.9758")


def test_a_booking_that_does_not_explain_its_balance_is_a_drift_and_the_venues_balance_is_kept() -> None:
    ledger = Ledger()
    ledger.open(snapshot(USD="100"))
    drift = ledger.book(entry(1, "USD", "-10", "89"))
    assert drift is not None
    assert (drift.asset, drift.ours, drift.theirs, drift.delta) == (
        "USD",
        Decimal(90),
        Decimal(89),
        Decimal(-1),
    )
    assert "L1" in drift.why
    assert ledger.balance("USD").total == Decimal(89)


def test_a_booking_told_twice_counts_once() -> None:
    ledger = Ledger()
    ledger.open(snapshot(BTC="1"))
    booking = entry(1, "BTC", "0.5", "1.5")
    assert ledger.book(booking) is None
    assert ledger.book(booking) is None
    assert ledger.balance("BTC").total == Decimal("1.5")
    assert ledger.repeated == 1


def test_the_first_booking_of_an_asset_never_owned_starts_from_nothing() -> None:
    ledger = Ledger()
    ledger.open(snapshot(USD="1"))
    assert ledger.book(entry(1, "BTC", "0.25", "0.25")) is None
    assert ledger.balances().keys() == {"BTC", "USD"}


def test_what_goes_to_an_earn_wallet_is_owned_and_not_tradable() -> None:
    ledger = Ledger()
    ledger.open(snapshot(BTC="2"))
    assert ledger.book(entry(1, "BTC", "-0.5", "1.5")) is None
    assert ledger.book(entry(2, "BTC", "0.5", "0.5", kind=WalletKind.EARN)) is None
    balance = ledger.balance("BTC")
    assert (balance.total, balance.tradable, balance.earn) == (Decimal(2), Decimal("1.5"), Decimal("0.5"))


def test_a_snapshot_after_a_hole_tells_what_was_missed() -> None:
    ledger = Ledger()
    assert ledger.open(snapshot(USD="100")) == []
    (drift,) = ledger.open(snapshot(USD="80"))
    assert (drift.ours, drift.theirs) == (Decimal(100), Decimal(80))
    assert ledger.balance("USD").total == Decimal(80)


def test_another_view_agrees_whatever_the_venue_calls_the_wallets_there() -> None:
    ledger = Ledger()
    flexible = Wallet(WalletKind.EARN, "flexible", Decimal(3))
    ledger.open(BalancesSnapshot((Balance("DOT", (flexible,)),)))
    suffixed = Wallet(WalletKind.EARN, "DOT.F", Decimal("3.0000"))
    assert ledger.compare(BalancesSnapshot((Balance("DOT", (suffixed,)),))) == []


def test_an_asset_the_other_view_lacks_is_a_difference_unless_it_is_nothing() -> None:
    ledger = Ledger()
    ledger.open(snapshot(USD="5", BTC="0"))
    (drift,) = ledger.compare(snapshot())
    assert (drift.asset, drift.theirs) == ("USD", Decimal(0))


def test_holds_are_known_until_a_booking_changes_the_asset() -> None:
    ledger = Ledger()
    held = Balance("USD", (Wallet(WalletKind.SPOT, "main", Decimal(10)),), Decimal(4))
    ledger.open(BalancesSnapshot((held,)))
    assert ledger.balance("USD").available == Decimal(6)
    ledger.book(entry(1, "USD", "-1", "9"))
    assert ledger.balance("USD").available is None


def test_a_booking_without_a_wallet_is_of_the_spot_wallet() -> None:
    ledger = Ledger()
    ledger.open(snapshot(USD="1"))
    plain = LedgerEntry(
        ledger_id="L9",
        ref_id="",
        kind="deposit",
        asset="USD",
        wallet=None,
        amount=Decimal(2),
        fee=Decimal(0),
        balance=Decimal(3),
    )
    assert ledger.book(plain) is None
    assert ledger.balance("USD").tradable == Decimal(3)


def test_a_booking_that_names_no_balance_leads_to_what_it_explains() -> None:
    ledger = Ledger()
    ledger.open(snapshot(USD="1"))
    assert ledger.book(replace(entry(1, "USD", "2", "0"), balance=None)) is None
    assert ledger.balance("USD").total == Decimal(3)


def test_remembered_bookings_are_bounded() -> None:
    ledger = Ledger()
    ledger.open(snapshot(USD="0"))
    for number in range(KEPT_IDS + 2):
        ledger.book(entry(number, "USD", "1", str(number + 1)))
    assert ledger.book(entry(KEPT_IDS + 1, "USD", "1", "0")) is None
    assert ledger.repeated == 1

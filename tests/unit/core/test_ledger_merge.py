from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from leadline.core.account_session import BalancesReported, LedgerReported
from leadline.core.ledger import KEPT_IDS
from leadline.core.ledger_merge import SETTLE_NS, Bookkeeping, LedgerMerge
from leadline.model.account import Balance, BalancesSnapshot, LedgerEntry, Wallet, WalletKind

START = 1000


def stands(after: int, asked_ns: int = 0) -> BalancesReported:
    """The account after so many bookings of −1."""
    wallet = Wallet(WalletKind.SPOT, "main", Decimal(START - after))
    return BalancesReported(BalancesSnapshot((Balance("USD", (wallet,), None),)), asked_ns)


def booked(*numbers: int) -> LedgerReported:
    return LedgerReported(
        tuple(
            LedgerEntry(
                ledger_id=f"L{number}",
                ref_id="",
                kind="trade",
                asset="USD",
                wallet=Wallet(WalletKind.SPOT, "main", Decimal(START - number)),
                amount=Decimal(-1),
                fee=Decimal(0),
                balance=Decimal(START - number),
            )
            for number in numbers
        )
    )


def numbers(told: Iterable[Bookkeeping]) -> list[str]:
    return [entry.ledger_id for one in told if isinstance(one, LedgerReported) for entry in one.entries]


def two(after: int = 0, joined_after: int = 0) -> LedgerMerge:
    """The base "a" with its snapshot after so many bookings, and "b" that has joined it."""
    merge = LedgerMerge()
    merge.snapshot("a", stands(after), 0)
    merge.snapshot("b", stands(joined_after), 0)
    return merge


def test_a_line_that_is_alone_is_told_as_it_is() -> None:
    merge = LedgerMerge()

    assert merge.booked("a", booked(1), 0) == []
    assert merge.snapshot("a", stands(1), 0) == [stands(1)]
    assert merge.booked("a", booked(2), 0) == [booked(2)]
    assert merge.booked("a", booked(2), 0) == []
    assert merge.lost("a", 0) == []
    assert not merge.whole
    assert merge.snapshot("a", stands(5), 0) == [stands(5)]


def test_a_snapshot_beside_the_base_is_kept_to_itself() -> None:
    merge = LedgerMerge()
    merge.snapshot("a", stands(0), 0)

    assert merge.snapshot("b", stands(3), 0) == []


def test_both_in_step_the_first_to_tell_a_booking_is_heard() -> None:
    merge = two()
    merge.booked("a", booked(1), 0)
    assert merge.booked("b", booked(1), 0) == []

    assert merge.booked("b", booked(2, 3), 0) == [booked(2), booked(3)]
    assert merge.booked("a", booked(2, 3, 4), 0) == [booked(4)]


def test_a_line_whose_snapshot_is_ahead_waits_until_the_base_has_told_as_much() -> None:
    merge = two(joined_after=3)

    assert merge.booked("b", booked(4, 5), 0) == []
    assert merge.booked("a", booked(1, 2, 3), 0) == [booked(1), booked(2), booked(3)]
    assert numbers(merge.booked("a", booked(4), 0)) == ["L4", "L5"]


def test_a_new_base_that_lacks_nothing_takes_its_place_at_once() -> None:
    merge = two()
    merge.booked("a", booked(1), 0)
    merge.booked("b", booked(1), 0)

    assert merge.lost("a", 0) == [stands(1)]
    assert merge.whole


def test_a_new_base_ahead_of_what_was_told_tells_its_state_and_then_what_it_kept_back() -> None:
    merge = two(joined_after=3)
    merge.booked("b", booked(4), 0)

    assert merge.lost("a", 0) == [stands(3), booked(4)]


def test_a_new_base_that_lags_takes_its_place_when_it_has_repeated_what_was_told() -> None:
    merge = two()
    merge.booked("a", booked(1, 2), 0)

    assert merge.lost("a", 0) == []
    assert merge.booked("b", booked(1), 0) == []
    assert merge.booked("b", booked(2), 0) == [stands(2)]
    assert merge.booked("b", booked(3), 0) == [booked(3)]


def test_a_new_base_that_tells_something_new_has_nothing_left_to_repeat() -> None:
    merge = LedgerMerge()
    merge.snapshot("a", stands(0), 0)
    merge.booked("a", booked(1), 5)
    merge.snapshot("b", stands(2, asked_ns=4), 6)  # it contains the booking told since it was asked for

    assert merge.lost("a", 7) == []
    assert merge.booked("b", booked(3), 8) == [stands(2), booked(3)]


def test_a_new_base_that_stays_silent_takes_its_place_after_a_while() -> None:
    merge = LedgerMerge()
    merge.snapshot("a", stands(0), 0)
    merge.booked("a", booked(1), 5)
    merge.snapshot("b", stands(2, asked_ns=4), 6)
    merge.lost("a", 7)

    assert merge.due(7 + SETTLE_NS - 1) == []
    assert merge.due(7 + SETTLE_NS) == [stands(2)]
    assert merge.due(8 + SETTLE_NS) == []


def test_a_base_that_took_its_place_too_early_is_told_anew_with_each_booking_it_catches_up() -> None:
    merge = two()
    merge.booked("a", booked(1, 2), 0)
    merge.lost("a", 0)

    assert merge.due(SETTLE_NS) == [stands(0)]
    assert merge.booked("b", booked(1), SETTLE_NS) == [stands(1)]
    assert merge.booked("b", booked(2), SETTLE_NS) == [stands(2)]
    assert merge.booked("b", booked(3), SETTLE_NS) == [booked(3)]


def test_what_was_told_before_a_line_asked_is_in_its_snapshot() -> None:
    merge = LedgerMerge()
    merge.snapshot("a", stands(0), 0)
    merge.booked("a", booked(1), 1)
    merge.snapshot("b", stands(1, asked_ns=2), 3)

    assert merge.lost("a", 4) == [stands(1)]


def test_the_loss_of_a_line_that_is_not_the_base_changes_nothing() -> None:
    merge = two()

    assert merge.lost("b", 0) == []
    assert merge.booked("a", booked(1), 0) == [booked(1)]


def test_the_base_that_subscribes_anew_hands_its_place_on() -> None:
    merge = two()

    assert merge.snapshot("a", stands(0), 0) == [stands(0)]
    assert merge.booked("b", booked(1), 0) == [booked(1)]
    assert merge.booked("a", booked(1), 0) == []


def test_a_line_that_nobody_catches_up_with_becomes_the_base() -> None:
    merge = two(joined_after=1)

    told = merge.booked("b", booked(*range(2, KEPT_IDS + 3)), 0)
    assert told[0] == stands(1)
    assert len(numbers(told)) == KEPT_IDS + 1
    assert merge.booked("b", booked(KEPT_IDS + 3), 0) == [booked(KEPT_IDS + 3)]


def test_a_line_whose_snapshot_is_the_older_one_takes_the_place_once_it_has_had_time_to_catch_up() -> None:
    merge = LedgerMerge()
    merge.snapshot("a", stands(2, asked_ns=5), 5)
    merge.snapshot("b", stands(0, asked_ns=3), 6)

    assert merge.lost("a", 10) == []
    assert merge.booked("b", booked(1), 11) == []
    assert merge.booked("b", booked(2, 3), 12) == []
    assert merge.due(10 + SETTLE_NS - 1) == []
    assert merge.due(10 + SETTLE_NS) == [stands(0), booked(1, 2, 3)]
    assert merge.booked("b", booked(4), 20 + SETTLE_NS) == [booked(4)]

"""Balances and positions of one connection."""

from __future__ import annotations

from decimal import Decimal

import pytest

from binance_private import BTC, T0, account, contracts, held
from leadline.core.ledger import Ledger
from leadline.model.account import (
    AccountConfiguration,
    BalancesSnapshot,
    MarginMode,
    Position,
    SymbolConfiguration,
)
from leadline.model.order import PositionSide
from leadline.venues.binance import user_events
from leadline.venues.binance.holdings import AssetHeld, Changes, Holdings
from leadline.venues.binance.user_events import MS, AccountUpdate

NAMES = contracts()


def update(frame: bytes) -> AccountUpdate:
    event = user_events.decode(frame)
    assert isinstance(event, AccountUpdate)
    return event


def opened(*assets: AssetHeld, positions: tuple[Position, ...] = ()) -> tuple[Holdings, BalancesSnapshot]:
    holdings = Holdings(NAMES)
    return holdings, holdings.open(assets, positions, 0)[0]


def usdt(qty: str, at: int = 0) -> AssetHeld:
    return AssetHeld("USDT", Decimal(qty), T0 + at)


def at_rest(qty: str, at: int = 0) -> Position:
    return Position(symbol=BTC, qty=Decimal(qty), venue_ns=(T0 + at) * MS)


def test_every_change_of_a_balance_is_a_booking_by_exactly_the_difference() -> None:
    holdings, balances = opened(usdt("100.00000000"))
    ledger = Ledger()
    ledger.open(balances)
    for at, qty in enumerate(["99.98200001", "104.10000000", "104.09999999", "-3.5"], 1):
        (entry,) = holdings.changed(update(account(USDT=qty, at=at)), 0).entries
        assert ledger.book(entry) is None
        assert entry.balance == Decimal(qty)
        assert ledger.balance("USDT").total == Decimal(qty)


def test_several_events_of_one_moment_are_each_a_booking() -> None:
    holdings, _ = opened(usdt("100"))
    entries = [
        entry
        for qty in ("99", "98", "97")
        for entry in holdings.changed(update(account(USDT=qty, at=5)), 0).entries
    ]
    assert [entry.amount for entry in entries] == [Decimal(-1)] * 3
    assert len({entry.ledger_id for entry in entries}) == 3


def test_an_event_that_the_snapshot_contains_is_no_booking() -> None:
    holdings, _ = opened(usdt("97", at=5))
    for at, qty in ((4, "99"), (5, "98"), (5, "97")):
        assert holdings.changed(update(account(USDT=qty, at=at)), 0) == Changes((), ())
    (entry,) = holdings.changed(update(account(USDT="96", at=6)), 0).entries
    assert entry.amount == Decimal(-1)


def test_an_event_newer_than_the_snapshot_counts_although_it_came_before() -> None:
    holdings = Holdings(NAMES)
    assert holdings.changed(update(account(held("0.5"), USDT="90", at=9)), 10).entries == ()
    balances, positions = holdings.open((usdt("100", at=5),), (at_rest("0.1", at=5),), 5)
    assert [balance.total for balance in balances.balances] == [Decimal(90)]
    assert [position.qty for position in positions] == [Decimal("0.5")]


def test_an_asset_never_told_before_begins_at_nothing() -> None:
    holdings, _ = opened(usdt("100"))
    (entry,) = holdings.changed(update(account(BNB="0.25", at=1)), 0).entries
    assert (entry.asset, entry.amount, entry.kind) == ("BNB", Decimal("0.25"), "ORDER")


def test_a_snapshot_closes_positions_that_it_leaves_out_but_not_those_told_since() -> None:
    holdings, _ = opened(positions=(at_rest("0.1"),))
    holdings.changed(update(account(held("2", s="ETHUSDT"), at=9)), 50)
    _, positions = holdings.open((), (), 40)
    assert [position.symbol for position in positions] == ["ETH/USDT:USDT"]


def test_a_position_that_is_closed_is_told_with_quantity_zero() -> None:
    holdings, _ = opened(positions=(at_rest("0.1"),))
    (closed,) = holdings.changed(update(account(held("0"), at=1)), 0).positions
    assert closed.qty == 0
    _, positions = holdings.open((), (at_rest("0.1"),), 0)
    assert positions == ()


def test_long_and_short_are_two_positions() -> None:
    holdings, _ = opened()
    told = holdings.changed(update(account(held("1", ps="LONG"), held("-2", ps="SHORT"), at=1)), 0).positions
    assert [(each.side, each.qty) for each in told] == [
        (PositionSide.LONG, Decimal(1)),
        (PositionSide.SHORT, Decimal(-2)),
    ]


@pytest.mark.parametrize(("hedge", "side", "wrong"), [
    (False, "BOTH", False), (False, "LONG", True), (True, "BOTH", True), (True, "SHORT", False),
])  # fmt: skip
def test_a_position_of_the_other_mode_contradicts_the_configuration(
    hedge: bool, side: str, wrong: bool
) -> None:
    changes = opened()[0].changed(update(account(held("1", ps=side), at=1)), 0)
    assert changes.contradicts(AccountConfiguration(hedge, False, True)) is wrong


def test_a_position_margined_otherwise_contradicts_the_configuration() -> None:
    changes = opened()[0].changed(update(account(held("1", mt="isolated"), at=1)), 0)
    symbols = (SymbolConfiguration(BTC, 5, MarginMode.CROSS),)
    assert changes.contradicts(AccountConfiguration(False, False, True, symbols))


def test_an_event_with_a_row_that_cannot_be_read_changes_nothing() -> None:
    holdings, _ = opened(usdt("100"))
    with pytest.raises(ArithmeticError):
        holdings.changed(update(account(held("much"), USDT="99", at=1)), 0)
    (entry,) = holdings.changed(update(account(USDT="98", at=2)), 0).entries
    assert entry.amount == Decimal(-2)


def test_another_connection_begins_anew() -> None:
    holdings, _ = opened(usdt("100", at=5))
    holdings.forget()
    balances, _ = holdings.open((usdt("7", at=1),), (), 0)
    assert [balance.total for balance in balances.balances] == [Decimal(7)]


def test_a_funding_names_its_symbol() -> None:
    holdings, _ = opened(usdt("100"))
    event = update(account(m="FUNDING_FEE", USDT="99.5", at=1))
    event.a.S = "BTCUSDT"
    (entry,) = holdings.changed(event, 0).entries
    assert (entry.kind, entry.subtype, entry.amount) == ("FUNDING_FEE", "BTCUSDT", Decimal("-0.5"))

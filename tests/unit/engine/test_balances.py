"""Balances: the stream while it flows, else REST; each with its source and age."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from deskrig import owned
from leadline.clock import ManualClock
from leadline.core.account_session import BalancesReported, LedgerReported
from leadline.engine.balances import BalanceDrift, BalanceEvent, Balances, Booked
from leadline.errors import VenueDown
from leadline.model.account import BalancesSnapshot, LedgerEntry, Wallet, WalletKind
from leadline.model.reading import Source
from leadline.net.http import Purpose
from leadline.venues.memory_account import MemoryAccount


def booking(number: int, amount: str, balance: str) -> LedgerEntry:
    return LedgerEntry(
        ledger_id=f"L{number}",
        ref_id="T1",
        kind="trade",
        asset="USD",
        wallet=Wallet(WalletKind.SPOT, "main", Decimal(balance)),
        amount=Decimal(amount),
        fee=Decimal(0),
        balance=Decimal(balance),
    )


class Counted(MemoryAccount):
    """A venue that counts how often its balances are fetched."""

    fetched = 0

    async def fetch_balances(self, purpose: Purpose) -> BalancesSnapshot:
        self.fetched += 1
        await asyncio.sleep(0)
        return await super().fetch_balances(purpose)


class Rig:
    def __init__(self) -> None:
        self.clock = ManualClock(mono_ns=1)
        self.venue = Counted(self.clock, ["BTC/USD"])
        self.venue.balances = owned(USD="7")
        self.alive_ns: int | None = 1
        self.told: list[BalanceEvent] = []
        self.balances = Balances(self.venue, self.clock, lambda: self.alive_ns, self.told.append)

    def stream(self, **qty: str) -> None:
        self.balances.receive(BalancesReported(owned(**qty)), self.clock.mono_ns())


async def test_while_the_stream_flows_balances_come_from_it_and_nothing_is_asked() -> None:
    rig = Rig()
    rig.stream(USD="100", BTC="2")
    reading = await rig.balances.get("USD")
    assert (reading.value.total, reading.source, reading.verified) == (Decimal(100), Source.STREAM, True)
    assert rig.venue.fetched == 0


async def test_a_booking_changes_the_balance_and_is_told() -> None:
    rig = Rig()
    rig.stream(USD="100")
    rig.balances.receive(LedgerReported((booking(1, "-40", "60"),)), 5)
    assert (await rig.balances.get("USD")).value.total == Decimal(60)
    assert [type(event) for event in rig.told] == [Booked]
    assert rig.balances.booked_ns == 5


async def test_a_booking_that_does_not_add_up_is_told_with_its_delta() -> None:
    rig = Rig()
    rig.stream(USD="100")
    rig.balances.receive(LedgerReported((booking(1, "-40", "59"),)), 5)
    (_, drift) = rig.told
    assert isinstance(drift, BalanceDrift)
    assert drift.drift.delta == Decimal(-1)
    assert rig.balances.drifts == 1


async def test_a_repeated_booking_is_told_once() -> None:
    rig = Rig()
    rig.stream(USD="100")
    for _ in range(3):
        rig.balances.receive(LedgerReported((booking(1, "-40", "60"),)), 5)
    assert len(rig.told) == 1


async def test_without_the_stream_rest_answers_and_its_answer_is_kept_for_half_a_minute() -> None:
    rig = Rig()
    rig.alive_ns = None
    first = await rig.balances.get("USD")
    rig.clock.advance(29)
    second = await rig.balances.get("USD")
    assert (first.value.total, first.source, second.source) == (Decimal(7), Source.REST, Source.CACHE)
    assert second.age_s == pytest.approx(29)
    rig.clock.advance(2)
    assert (await rig.balances.get("USD")).source is Source.REST
    assert rig.venue.fetched == 2


async def test_a_source_can_be_forced() -> None:
    rig = Rig()
    rig.stream(USD="100")
    assert (await rig.balances.get("USD", Source.REST)).value.total == Decimal(7)


async def test_a_hole_in_the_stream_ends_its_word_until_the_next_snapshot() -> None:
    rig = Rig()
    rig.stream(USD="100")
    rig.balances.lost()
    rig.balances.receive(LedgerReported((booking(1, "-40", "60"),)), 5)
    assert rig.told == []
    assert (await rig.balances.get("USD")).source is Source.REST
    rig.stream(USD="60")
    assert (await rig.balances.get("USD")).value.total == Decimal(60)


async def test_all_who_ask_at_once_share_one_request() -> None:
    rig = Rig()
    rig.alive_ns = None
    await asyncio.gather(*(rig.balances.fetch(Purpose.ACCOUNT) for _ in range(5)))
    assert rig.venue.fetched == 1


async def test_a_failed_request_fails_for_each_who_asked() -> None:
    rig = Rig()
    rig.alive_ns = None
    rig.venue.failing = VenueDown("EService:Busy")
    outcomes = await asyncio.gather(rig.balances.all(), rig.balances.all(), return_exceptions=True)
    assert all(isinstance(outcome, VenueDown) for outcome in outcomes)


async def test_an_asset_never_owned_is_nothing_rather_than_an_error() -> None:
    rig = Rig()
    rig.stream(USD="100")
    balance = (await rig.balances.get("DOGE")).value
    assert (balance.total, balance.tradable, balance.earn) == (0, 0, 0)


async def test_differences_are_none_while_the_stream_has_said_nothing() -> None:
    rig = Rig()
    assert rig.balances.differences(owned(USD="7")) == []
    rig.stream(USD="100")
    assert [drift.asset for drift in rig.balances.differences(owned(USD="7"))] == ["USD"]


async def test_an_asset_whose_two_names_may_differ_is_not_called_a_difference() -> None:
    rig = Rig()
    rig.venue.unlisted = {"FEE", "KFEE"}
    rig.stream(USD="7", FEE="3")

    assert rig.balances.differences(owned(USD="7", KFEE="3")) == []
    assert [drift.asset for drift in rig.balances.differences(owned(USD="8", KFEE="3"))] == ["USD"]


class Failing(Counted):
    """A venue that fails now and then, a moment after it was asked."""

    outcomes: tuple[bool, ...] = ()

    async def fetch_balances(self, purpose: Purpose) -> BalancesSnapshot:
        failing, *rest = self.outcomes
        self.outcomes = tuple(rest)
        await asyncio.sleep(0)
        if failing:
            raise VenueDown("EService:Busy")
        return await super().fetch_balances(purpose)


async def test_who_shares_a_request_that_fails_is_not_given_an_older_answer_for_a_new_one() -> None:
    rig = Rig()
    venue = Failing(rig.clock, ["BTC/USD"])
    balances = Balances(venue, rig.clock, lambda: None, rig.told.append)
    venue.outcomes = (False, True, False)
    venue.balances = owned(USD="7")
    await balances.fetch(Purpose.ACCOUNT)
    venue.balances = owned(USD="8")

    failed, told = await asyncio.gather(
        balances.fetch(Purpose.ACCOUNT), balances.fetch(Purpose.ACCOUNT), return_exceptions=True
    )

    assert isinstance(failed, VenueDown)
    assert not isinstance(told, BaseException)
    assert told[0] == owned(USD="8")

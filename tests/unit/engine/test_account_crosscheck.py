from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec.structs import replace

from deskrig import DeskRig, buy, owned
from leadline.clock import NS_PER_S, ManualClock
from leadline.core.account_session import LedgerReported
from leadline.engine.account_crosscheck import LONGEST_S, SHORTEST_S, Kind
from leadline.engine.account_events import Mismatch
from leadline.engine.balances import BalanceDrift
from leadline.engine.events import Diverged, Reconverged
from leadline.engine.halts import ACCOUNT_CHECK
from leadline.errors import Held, Throttled
from leadline.model.account import Balance, BalancesSnapshot, LedgerEntry, Wallet, WalletKind
from leadline.model.market import Side
from leadline.model.order import OrderReport, OrderState
from leadline.model.reading import UNVALIDATED, Source
from leadline.net.http import Purpose
from leadline.venues.memory_account import MemoryAccount

BTC, ETH = "BTC/USD", "ETH/USD"


class TwoFaced(MemoryAccount):
    """A venue whose REST may tell another story than its stream."""

    told: BalancesSnapshot | None = None
    hiding = False
    asked: list[tuple[str, Purpose]]

    def __init__(self, clock: ManualClock, symbols: Sequence[str]) -> None:
        super().__init__(clock, symbols)
        self.asked = []

    async def fetch_balances(self, purpose: Purpose) -> BalancesSnapshot:
        self.asked.append(("balances", purpose))
        return self.told or await super().fetch_balances(purpose)

    async def fetch_open_orders(self, purpose: Purpose) -> Sequence[OrderReport]:
        self.asked.append(("orders", purpose))
        return () if self.hiding else await super().fetch_open_orders(purpose)


def make() -> tuple[DeskRig, TwoFaced]:
    clock = ManualClock(mono_ns=1_000 * NS_PER_S)
    venue = TwoFaced(clock, [BTC, ETH])
    venue.balances = owned(USD="1000", BTC="2")
    return DeskRig(clock=clock, venue=venue), venue


def booking(number: int, amount: str, balance: str) -> LedgerReported:
    entry = LedgerEntry(
        ledger_id=f"L{number}",
        ref_id=f"R{number}",
        kind="trade",
        asset="USD",
        wallet=None,
        amount=Decimal(amount),
        fee=Decimal(0),
        balance=Decimal(balance),
    )
    return LedgerReported((entry,))


def looks(venue: TwoFaced) -> list[str]:
    return [what for what, purpose in venue.asked if purpose is Purpose.CROSS_CHECK]


async def test_agreement_raises_the_confidence_of_every_balance_read() -> None:
    rig, venue = make()
    async with rig:
        await rig.connect()
        before = await rig.desk.balances.get("USD")
        await rig.passing(400)
        stream = await rig.desk.balances.get("USD")
        rest = await rig.desk.balances.get("USD", Source.REST)

        assert before.confidence == UNVALIDATED
        assert stream.source is Source.STREAM
        assert stream.confidence == rest.confidence > UNVALIDATED
        assert rig.desk.crosscheck.confidence(Kind.ORDERS) > UNVALIDATED
        assert rig.desk.crosscheck.counts.agreed == len(looks(venue)) >= 4
        assert rig.desk.crosscheck.open == ()


async def test_looks_become_rarer_with_confidence_and_less_rare_with_live_orders() -> None:
    rig, _ = make()
    async with rig:
        await rig.connect()
        first_s = rig.desk.crosscheck.interval_s(Kind.BALANCES)
        await rig.passing(600)
        sure_s = rig.desk.crosscheck.interval_s(Kind.BALANCES)
        await rig.desk.orders.submit(buy())
        await rig.deliver()
        busy_s = rig.desk.crosscheck.interval_s(Kind.BALANCES)

        assert first_s == SHORTEST_S
        assert SHORTEST_S < sure_s <= LONGEST_S
        assert busy_s == pytest.approx(sure_s / 2, rel=0.01)


async def test_a_balance_that_differs_twice_is_told_with_both_sides_and_subscribed_anew() -> None:
    rig, venue = make()
    async with rig:
        await rig.connect()
        await rig.passing(1)
        venue.told = owned(USD="999.5", BTC="2")
        assert not rig.desk.crosscheck.suspects
        await rig.passing(66)
        assert rig.told(Diverged) == []
        assert rig.desk.crosscheck.suspects
        assert rig.desk.crosscheck.confidence(Kind.BALANCES) < UNVALIDATED
        await rig.passing(30)

        assert rig.told(Diverged) == [Diverged("balance", "USD", "spot", "1000", "999.5", "", None)]
        (evidence,) = rig.desk.crosscheck.divergences
        assert evidence.relative == Decimal("0.0005")
        assert [standing.divergence for standing in rig.desk.crosscheck.open] == [evidence]
        assert rig.session.resubscribed == ["stream and REST differ: spot of USD"]
        assert rig.desk.orders.halts() == {}


async def test_a_balance_of_futures_that_differs_is_in_doubt_as_well() -> None:
    clock = ManualClock(mono_ns=1_000 * NS_PER_S)
    venue = TwoFaced(clock, ["BTC/USDT:USDT"])
    rig = DeskRig(clock=clock, venue=venue)
    wallet = Wallet(WalletKind.FUTURES, "futures", Decimal(100))
    venue.balances = venue.told = BalancesSnapshot((Balance("USDT", (wallet,)),))
    async with rig:
        await rig.connect()
        await rig.passing(1)
        venue.told = BalancesSnapshot((Balance("USDT", (replace(wallet, qty=Decimal(99)),)),))
        await rig.passing(130)
        assert [event.what for event in rig.told(Diverged)] == ["futures"]
        with pytest.raises(Held, match="in doubt"):
            await rig.desk.orders.submit(buy("BTC/USDT:USDT"))


async def test_a_balance_that_differs_holds_what_adds_exposure_wherever_its_asset_trades() -> None:
    rig, venue = make()
    async with rig:
        await rig.connect()
        await rig.passing(1)
        venue.told = owned(USD="1000", BTC="1.5")
        await rig.passing(66)
        await rig.desk.orders.submit(buy())  # differed once: nothing follows yet
        await rig.deliver()
        await rig.passing(60)
        assert [one.symbol for one in rig.told(Diverged) if isinstance(one, Diverged)] == ["BTC"]

        with pytest.raises(Held, match=r"BTC: stream and REST differ: 2, REST 1\.5"):
            await rig.desk.orders.submit(buy())
        await rig.desk.orders.submit(buy(ETH))
        await rig.desk.orders.submit(replace(buy(), side=Side.SELL))
        await rig.deliver()
        waiting = asyncio.ensure_future(rig.desk.orders.submit(buy(), wait_s=300.0))
        venue.told = None
        await rig.passing(120)

        assert rig.told(Reconverged)
        assert (await waiting).state is not OrderState.REJECTED
        await rig.desk.orders.submit(buy())


async def test_an_earn_wallet_that_differs_is_told_and_holds_nothing() -> None:
    rig, venue = make()
    async with rig:
        await rig.connect()
        await rig.passing(1)
        earned = Wallet(WalletKind.EARN, "bonded", Decimal(3))
        more = Balance("BTC", (*owned(BTC="2").balances[0].wallets, earned), Decimal(0))
        venue.told = BalancesSnapshot((*owned(USD="1000").balances, more))
        await rig.passing(110)

        assert [one.what for one in rig.told(Diverged) if isinstance(one, Diverged)] == ["earn"]
        await rig.desk.orders.submit(buy())


async def test_sources_that_agree_three_times_have_reconverged() -> None:
    rig, venue = make()
    async with rig:
        await rig.connect()
        await rig.passing(1)
        venue.told = owned(USD="999.5", BTC="2")
        await rig.passing(110)
        assert rig.desk.crosscheck.open
        venue.told = None
        await rig.passing(110)

        (ended,) = rig.told(Reconverged)
        assert isinstance(ended, Reconverged)
        assert (ended.channel, ended.symbol) == ("balance", "USD")
        assert rig.desk.crosscheck.open == ()


async def test_a_booking_on_its_way_is_no_difference() -> None:
    rig, venue = make()
    async with rig:
        await rig.connect()
        await rig.passing(29)
        balance = 1000
        for number in range(60):  # each is on the stream at once, and at REST half a second later
            balance -= 1
            rig.session.say(booking(number, "-1", str(balance)), rig.clock.mono_ns())
            await rig.passing(0.5)
            venue.balances = owned(USD=str(balance), BTC="2")
            await rig.passing(1)

        assert looks(venue).count("balances") == 0
        assert rig.told(Diverged) == rig.told(BalanceDrift) == []
        await rig.passing(20)
        assert looks(venue).count("balances") == 1
        assert rig.desk.crosscheck.counts.contradicted == 0


async def test_a_booking_that_comes_while_rest_is_asked_makes_the_look_void() -> None:
    rig, venue = make()
    async with rig:
        await rig.connect()
        venue.told = owned(USD="900", BTC="2")
        while not looks(venue):
            await rig.passing(0.5)
        rig.session.say(booking(1, "-100", "900"), rig.clock.mono_ns())
        await rig.passing(60)

        assert rig.desk.crosscheck.counts.unsettled >= 1
        assert rig.desk.crosscheck.counts.contradicted == 0


async def test_an_order_that_rest_does_not_list_halts_its_symbol_until_it_does() -> None:
    rig, venue = make()
    async with rig:
        await rig.connect()
        await rig.desk.orders.submit(buy())
        await rig.deliver()
        venue.hiding = True
        await rig.passing(110)

        (told,) = rig.told(Diverged)
        assert isinstance(told, Diverged)
        assert (told.channel, told.symbol, told.theirs) == ("orders", BTC, "not among the open orders")
        assert list(rig.desk.orders.halts(ACCOUNT_CHECK)) == [BTC]
        assert rig.session.resubscribed
        with pytest.raises(Held, match="stream and REST differ"):
            await rig.desk.orders.submit(buy())
        venue.hiding = False
        await rig.passing(110)

        assert rig.desk.orders.halts(ACCOUNT_CHECK) == {}
        assert rig.told(Mismatch) == []
        await rig.desk.orders.submit(buy())


async def test_an_order_just_placed_is_no_difference() -> None:
    rig, venue = make()
    async with rig:
        await rig.connect()
        venue.hiding = True
        await rig.passing(29)
        for _ in range(20):
            await rig.desk.orders.submit(buy())
            await rig.deliver()
            await rig.passing(2)

        assert rig.told(Diverged) == []
        assert rig.desk.crosscheck.counts.contradicted == 0


async def test_nothing_is_compared_while_the_stream_is_lost() -> None:
    rig, venue = make()
    async with rig:
        await rig.connect()
        await rig.passing(1)
        await rig.cut()
        await rig.passing(200)

        assert looks(venue) == []


async def test_a_venue_that_cannot_be_asked_decides_nothing() -> None:
    rig, venue = make()
    async with rig:
        await rig.connect()
        await rig.passing(5)
        venue.failing = Throttled("no room", 1.0)
        await rig.passing(100)
        counts = rig.desk.crosscheck.counts

        assert counts.undecided == counts.checks > 0
        assert (await rig.desk.balances.get("USD")).confidence == UNVALIDATED


async def test_looks_at_an_account_are_few() -> None:
    rig, venue = make()
    async with rig:
        await rig.connect()
        await rig.desk.orders.submit(buy())
        await rig.deliver()
        venue.told = owned(USD="1", BTC="2")
        venue.hiding = True
        await rig.passing(600, step_s=1.0)

        assert len(looks(venue)) <= 600 / 9

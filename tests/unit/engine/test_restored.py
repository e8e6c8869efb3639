from __future__ import annotations

from decimal import Decimal

import pytest

from feedrig import BTC, running, settle
from leadline.clock import NS_PER_S, ManualClock
from leadline.engine.checkpoint import AccountCheckpoint, KeptBook, KeptTicker, MarketCheckpoint
from leadline.engine.restored import RestoredAccount, restored
from leadline.errors import ConnectionLost, Stale
from leadline.model.account import Balance
from leadline.model.compact import CompactBook
from leadline.model.market import Channel, Subscription
from leadline.model.reading import Source


async def test_a_restored_ticker_is_never_given_to_who_did_not_ask_for_it() -> None:
    async with running(connected=False) as rig:
        rig.market.failing = ConnectionLost("down")
        at_ns = rig.clock.wall_ns() - 40 * NS_PER_S
        kept = MarketCheckpoint(at_ns, "kraken", (KeptTicker(at_ns, rig.ticker("7")),))
        rig.feed.state.restored_market.take_up(kept)

        with pytest.raises(Stale):
            await rig.feed.ticker(BTC)
        old = await rig.feed.ticker(BTC, stale_ok=True)
        forced = await rig.feed.ticker(BTC, source=Source.CHECKPOINT)

        for reading in (old, forced):
            assert (reading.source, reading.verified, reading.bound_s) == (Source.CHECKPOINT, False, 0.0)
            assert reading.value.last == Decimal(7)
            assert reading.age_s == pytest.approx(40, abs=1)


async def test_the_venues_first_word_ends_what_was_restored() -> None:
    async with running() as rig:
        market = rig.feed.state.restored_market
        now_ns = rig.clock.wall_ns()
        book = CompactBook(BTC, 2, 4, ((9900, 1),), ((10100, 1),))
        market.take_up(
            MarketCheckpoint(
                now_ns, "kraken", (KeptTicker(now_ns, rig.ticker("7")),), (KeptBook(now_ns, book),)
            )
        )
        rig.feed.hold(Channel.TICKER, BTC)
        rig.feed.hold(Channel.BOOK, BTC, 10)
        assert len(market) == 2
        rig.say(rig.ticker("8"))
        assert market.get(Subscription(Channel.TICKER, BTC)) is None
        rig.say_book()
        await settle()

        assert len(market) == 0
        assert (await rig.feed.ticker(BTC)).source is Source.STREAM


async def test_a_restored_book_has_its_levels_and_no_proof() -> None:
    async with running(connected=False) as rig:
        rig.market.failing = ConnectionLost("down")
        kept = KeptBook(rig.clock.wall_ns(), CompactBook(BTC, 2, 4, ((9900, 10000),), ((10100, 20000),)))
        rig.feed.state.restored_market.take_up(MarketCheckpoint(0, "kraken", (), (kept,)))

        reading = await rig.feed.book(BTC, stale_ok=True)

        assert reading.value.freeze(1).bids[0].price == Decimal("99.00")
        assert not reading.verified


def test_a_clock_set_back_makes_a_restored_value_older_and_never_younger() -> None:
    clock = ManualClock(mono_ns=5 * NS_PER_S)
    reading = restored("x", clock.wall_ns() + 3600 * NS_PER_S, clock)

    assert reading.age_s > 3600


def test_an_account_is_restored_until_the_venue_confirms() -> None:
    clock = ManualClock(mono_ns=5 * NS_PER_S)
    account = RestoredAccount(clock)
    balance = Balance("USD", (), None)
    account.take_up(AccountCheckpoint(0, "kraken", "main", (), (balance,), clock.wall_ns()))

    assert account.balances is not None
    assert (account.balances.value, account.balances.source) == ({"USD": balance}, Source.CHECKPOINT)
    account.confirmed()
    assert (account.orders, account.balances) == ((), None)


def test_balances_that_were_never_known_are_not_restored_as_none_owned() -> None:
    account = RestoredAccount(ManualClock())
    account.take_up(AccountCheckpoint(0, "kraken", "main"))

    assert account.balances is None

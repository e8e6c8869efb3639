from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from deskrig import DeskRig, buy, owned
from feedrig import BTC, Rig, running, settle
from leadline.clock import ManualClock
from leadline.engine.checkpoint import AccountCheckpoint, MarketCheckpoint, decode, encode
from leadline.engine.checkpoint_files import CheckpointFiles, CheckpointStore, Found, MemoryCheckpoints
from leadline.engine.checkpoints import Checkpoints
from leadline.engine.events import CheckpointDamaged, CheckpointNotSaved, CheckpointRestored, Event
from leadline.engine.shelf import Shelf
from leadline.engine.state import State
from leadline.engine.topics import Desk
from leadline.model.market import Channel


class Told:
    """Checkpoints of one state, and what they have told."""

    def __init__(
        self,
        state: State,
        clock: ManualClock,
        market: CheckpointStore | None = None,
        account: CheckpointStore | None = None,
    ) -> None:
        self.events: list[Event] = []
        self.market = market or MemoryCheckpoints()
        self.account = account
        self.checkpoints = Checkpoints(
            state,
            clock,
            self.events.append,
            venue="kraken",
            market=self.market,
            account=account,
            account_name="main",
        )


@asynccontextmanager
async def kept(told: Told) -> AsyncIterator[None]:
    task = asyncio.ensure_future(told.checkpoints.run())
    await settle()
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def market_in(store: CheckpointStore) -> MarketCheckpoint:
    return decode(store.found()[0].blob, MarketCheckpoint)


def streaming(rig: Rig) -> None:
    rig.feed.hold(Channel.TICKER, BTC)
    rig.feed.hold(Channel.BOOK, BTC, 10)
    rig.say(rig.ticker("7"))
    rig.say_book()


async def test_the_market_is_kept_every_half_minute() -> None:
    async with running() as rig:
        streaming(rig)
        told = Told(rig.feed.state, rig.clock)
        async with kept(told):
            await rig.passes(29)
            assert told.market.found() == []
            await rig.passes(2)

            checkpoint = market_in(told.market)
            assert checkpoint.tickers[0].ticker.last == Decimal(7)
            assert checkpoint.books[0].book.bids == ((9900, 10000),)
            assert told.checkpoints.saved == 1


async def test_a_run_takes_up_what_the_one_before_kept_and_says_so() -> None:
    store = MemoryCheckpoints()
    async with running() as rig:
        streaming(rig)
        await Told(rig.feed.state, rig.clock, store).checkpoints.save()
    async with running(connected=False) as rig:
        told = Told(rig.feed.state, rig.clock, store)
        told.checkpoints.restore()

        assert len(rig.feed.state.restored_market) == 2
        (event,) = told.events
        assert isinstance(event, CheckpointRestored)
        assert (event.path, event.instruments) == ("checkpoint 1", 2)


async def test_what_was_restored_and_never_confirmed_keeps_its_age_in_the_next_checkpoint() -> None:
    store = MemoryCheckpoints()
    async with running() as rig:
        streaming(rig)
        await Told(rig.feed.state, rig.clock, store).checkpoints.save()
        received_ns = market_in(store).tickers[0].at_ns
    async with running(connected=False) as rig:
        rig.clock.advance(600)
        told = Told(rig.feed.state, rig.clock, store)
        told.checkpoints.restore()
        rig.feed.hold(Channel.TICKER, BTC)
        await told.checkpoints.save()

        assert market_in(store).tickers[0].at_ns == received_ns


async def test_a_damaged_checkpoint_is_told_set_aside_and_the_one_before_it_taken(tmp_path: Path) -> None:
    store = CheckpointFiles(tmp_path / "market.checkpoint")
    async with running() as rig:
        streaming(rig)
        told = Told(rig.feed.state, rig.clock, store)
        await told.checkpoints.save()
        rig.say(rig.ticker("8"))
        await told.checkpoints.save()
    newest = tmp_path / "market.checkpoint"
    newest.write_bytes(newest.read_bytes()[:-3] + b"???")
    async with running(connected=False) as rig:
        told = Told(rig.feed.state, rig.clock, store)
        told.checkpoints.restore()

        damaged, restored = told.events
        assert isinstance(damaged, CheckpointDamaged)
        assert (damaged.path, damaged.used_instead) == (str(newest), f"{newest}.1")
        assert "checksum" in damaged.why
        assert isinstance(restored, CheckpointRestored)
        reading = await rig.feed.ticker(BTC, stale_ok=True)
        assert reading.value.last == Decimal(7)
        assert (tmp_path / "market.checkpoint.damaged").exists()


async def test_where_none_is_good_the_run_begins_without_and_says_so() -> None:
    store = MemoryCheckpoints([Found("a", b"nonsense"), Found("b", b"")])
    async with running(connected=False) as rig:
        told = Told(rig.feed.state, rig.clock, store)
        told.checkpoints.restore()

        assert [(type(event), event.used_instead) for event in told.events] == [  # type: ignore[union-attr]
            (CheckpointDamaged, ""),
            (CheckpointDamaged, ""),
        ]
        assert len(rig.feed.state.restored_market) == 0


async def test_a_checkpoint_of_another_account_is_not_taken_up() -> None:
    other = Found("other", encode(AccountCheckpoint(0, "kraken", "second")))
    async with running(connected=False) as rig:
        told = Told(rig.feed.state, rig.clock, account=MemoryCheckpoints([other]))
        told.checkpoints.restore()

        (event,) = told.events
        assert isinstance(event, CheckpointDamaged)
        assert "of the account 'second'" in event.why


async def test_a_full_disk_is_told_once_and_its_end_too() -> None:
    store = MemoryCheckpoints()
    async with running() as rig:
        streaming(rig)
        told = Told(rig.feed.state, rig.clock, store)
        store.failing = OSError(28, "No space left on device")
        await told.checkpoints.save()
        await told.checkpoints.save()
        store.failing = None
        await told.checkpoints.save()

        first, last = told.events
        assert isinstance(first, CheckpointNotSaved)
        assert isinstance(last, CheckpointNotSaved)
        assert (first.why, last.why) == ("No space left on device", "")


async def test_orders_and_balances_are_kept_at_once_and_only_after_the_venue_has_confirmed_them() -> None:
    async with DeskRig() as rig:
        state = State(Shelf(Desk(rig.clock)), Desk(rig.clock), rig.clock)
        state.follow(rig.desk)
        store = MemoryCheckpoints()
        told = Told(state, rig.clock, account=store)
        async with kept(told):
            rig.venue.balances = owned(USD="100")
            await told.checkpoints.save()
            assert store.found() == []  # not confirmed: what an earlier run knew is not written over
            await rig.connect()
            await rig.passing(3)
            assert state.reconciled
            order = await rig.desk.orders.submit(buy())
            await rig.passing(0.3, step_s=0.1)

            account = decode(store.found()[0].blob, AccountCheckpoint)
            assert [each.client_id for each in account.orders] == [order.client_id]
            assert account.balances[0].total == Decimal(100)
            assert account.balances_at_ns is not None


async def test_reconciliation_ends_what_was_restored_of_the_account() -> None:
    async with DeskRig() as rig:
        state = State(Shelf(Desk(rig.clock)), Desk(rig.clock), rig.clock)
        state.follow(rig.desk)
        balances = owned(USD="3").balances
        kept_ = AccountCheckpoint(0, "kraken", "main", (), balances, rig.clock.wall_ns())
        told = Told(state, rig.clock, account=MemoryCheckpoints([Found("a", encode(kept_))]))
        told.checkpoints.restore()
        assert state.restored_account.balances is not None
        assert not state.restored_account.balances.verified
        await rig.connect()
        await rig.passing(3)

        assert state.restored_account.balances is None

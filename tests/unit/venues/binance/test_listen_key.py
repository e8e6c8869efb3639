"""The key of the private streams."""

from __future__ import annotations

import asyncio
import logging

import pytest

from leadline.clock import NS_PER_S, ManualClock
from leadline.errors import ConnectFailed, ConnectionLost, Error, VenueDown
from leadline.venues.binance.listen_key import KEEP_ALIVE_S, QUIET_S, RETRY_S, KeyForgotten, ListenKey


class Rig:
    """A key over a venue that does as told; `answers` are what the proofs meet, then the key itself."""

    def __init__(self) -> None:
        self.clock = ManualClock(mono_ns=1_000 * NS_PER_S)
        self.venue_key = "key-1"
        self.created = 0
        self.proofs = 0
        self.failing: Error | None = None
        self.forgotten = False
        self.heard_ns: int | None = None
        self.slow: asyncio.Event | None = None
        self.changes: list[tuple[str, int, str]] = []
        self.doubts: list[str] = []
        self.second: Error | None = ConnectFailed("there is no other way")
        self.asked_otherwise = 0
        self.key = ListenKey(
            self._create,
            (self._prove, self._prove_otherwise),
            lambda: self.heard_ns,
            lambda *told: self.changes.append(told),
            self.doubts.append,
            self.clock,
        )

    async def _create(self) -> str:
        self.created += 1
        if self.slow is not None:
            await self.slow.wait()
        if self.failing is not None:
            raise self.failing
        self.forgotten = False
        return self.venue_key

    async def _prove(self) -> str:
        self.proofs += 1
        if self.failing is not None:
            raise self.failing
        if self.forgotten:
            raise KeyForgotten
        return self.venue_key

    async def _prove_otherwise(self) -> str:
        self.asked_otherwise += 1
        if self.second is not None:
            raise self.second
        if self.forgotten:
            raise KeyForgotten
        return self.venue_key

    async def passing(self, seconds: float, *, busy: bool = False) -> None:
        """Let time pass; a busy stream has news all the time."""
        for _ in range(round(seconds)):
            self.clock.advance(1)
            if busy:
                self.heard_ns = self.clock.mono_ns()
            for _ in range(10):
                await asyncio.sleep(0)

    async def kept(self) -> asyncio.Task[None]:
        await self.key.get()
        self.heard_ns = self.clock.mono_ns()
        task = asyncio.create_task(self.key.keep())
        await asyncio.sleep(0)
        return task


async def test_whoever_asks_at_once_shares_one_request() -> None:
    rig = Rig()
    rig.slow = asyncio.Event()
    asked = [asyncio.create_task(rig.key.get()) for _ in range(3)]
    await asyncio.sleep(0)
    rig.slow.set()
    assert await asyncio.gather(*asked) == ["key-1"] * 3
    assert rig.created == 1


async def test_a_failure_is_told_to_all_who_waited() -> None:
    rig = Rig()
    rig.slow, rig.failing = asyncio.Event(), VenueDown("no")
    asked = [asyncio.create_task(rig.key.get()) for _ in range(2)]
    await asyncio.sleep(0)
    rig.slow.set()
    for each in asked:
        with pytest.raises(VenueDown):
            await each


async def test_a_key_proven_just_now_is_taken_without_asking() -> None:
    rig = Rig()
    await rig.key.get()
    await rig.key.get()
    assert rig.created == 1
    rig.clock.advance(60)
    await rig.key.get()
    assert rig.created == 2
    assert rig.changes == []


async def test_a_refused_key_is_never_taken_again() -> None:
    rig = Rig()
    assert await rig.key.get() == "key-1"
    rig.venue_key = "key-2"
    assert await rig.key.get("key-1") == "key-2"
    assert [change[0] for change in rig.changes] == ["key-2"]
    assert await rig.key.get("key-1") == "key-2"
    assert (rig.created, rig.key.renewed) == (2, 1)


async def test_whoever_waited_for_a_key_it_has_refused_asks_itself() -> None:
    rig = Rig()
    rig.slow = asyncio.Event()
    first = asyncio.create_task(rig.key.get())
    await asyncio.sleep(0)
    second = asyncio.create_task(rig.key.get("key-1"))
    await asyncio.sleep(0)
    rig.slow.set()
    assert await first == "key-1"
    rig.venue_key = "key-2"
    assert await second == "key-2"


async def test_it_is_kept_alive_long_before_it_would_be_forgotten() -> None:
    rig = Rig()
    keeping = await rig.kept()
    await rig.passing(KEEP_ALIVE_S - 5, busy=True)
    assert rig.proofs == 0
    await rig.passing(10, busy=True)
    assert rig.proofs == 1
    keeping.cancel()


async def test_a_silent_stream_has_its_key_proven_within_seconds() -> None:
    rig = Rig()
    keeping = await rig.kept()
    await rig.passing(QUIET_S + 1)
    assert rig.proofs == 1
    keeping.cancel()


async def test_a_key_that_expired_unnoticed_is_replaced_and_said_since_when() -> None:
    rig = Rig()
    keeping = await rig.kept()
    proven_ns = rig.clock.mono_ns()
    rig.forgotten, rig.venue_key = True, "key-2"
    await rig.passing(QUIET_S + 1)
    assert [(key, since_ns) for key, since_ns, _ in rig.changes] == [("key-2", proven_ns)]
    keeping.cancel()


async def test_a_key_that_another_program_has_replaced_is_noticed() -> None:
    rig = Rig()
    keeping = await rig.kept()
    rig.venue_key = "key-of-another"
    await rig.passing(QUIET_S + 1)
    assert rig.changes[0][0] == "key-of-another"
    assert await rig.key.get() == "key-of-another"
    keeping.cancel()


async def test_a_proof_that_fails_is_logged_the_first_time_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig()
    keeping = await rig.kept()
    rig.failing = ConnectionLost("no answer")
    with caplog.at_level(logging.WARNING, "leadline"):
        await rig.passing(QUIET_S + 1)
        assert [str(rig.failing), str(rig.second)] == [record.args[0] for record in caplog.records]
        await rig.passing(32)
    assert len(caplog.records) == 2
    assert rig.key.failures == 6
    rig.failing = None
    before = rig.proofs
    await rig.passing(16)
    assert rig.proofs > before
    assert rig.changes == []
    keeping.cancel()


async def test_a_key_that_nobody_proves_is_doubted_at_once_until_it_is_proven() -> None:
    rig = Rig()
    keeping = await rig.kept()
    rig.failing = ConnectionLost("no answer")
    assert rig.key.doubted_ns is None
    await rig.passing(QUIET_S + 1)
    assert rig.key.doubted_ns is not None
    assert rig.doubts == ["there is no other way"]
    await rig.passing(32)
    assert len(rig.doubts) == 1
    rig.failing = None
    await rig.passing(16)
    assert rig.key.doubted_ns is None
    keeping.cancel()


async def test_one_doubted_again_after_news_is_told_again() -> None:
    rig = Rig()
    keeping = await rig.kept()
    rig.failing = ConnectionLost("no answer")
    await rig.passing(QUIET_S + 1)
    await rig.passing(1, busy=True)
    await rig.passing(32)
    assert len(rig.doubts) == 2
    keeping.cancel()


async def test_a_proof_that_fails_while_there_is_news_leaves_no_doubt_before_that_ends() -> None:
    rig = Rig()
    keeping = await rig.kept()
    rig.failing = ConnectionLost("no answer")
    await rig.passing(KEEP_ALIVE_S + 40, busy=True)
    assert rig.proofs >= 3
    assert rig.doubts == []
    await rig.passing(RETRY_S + QUIET_S + 1)
    assert len(rig.doubts) == 1
    keeping.cancel()


async def test_one_way_that_fails_leaves_no_doubt_where_another_proves_it() -> None:
    rig = Rig()
    keeping = await rig.kept()
    rig.failing, rig.second = ConnectionLost("no answer"), None
    await rig.passing(60)
    assert rig.asked_otherwise >= 10
    assert rig.doubts == []
    assert rig.key.doubted_ns is None
    keeping.cancel()


async def test_a_forgotten_key_is_doubted_until_another_one_is_there() -> None:
    rig = Rig()
    keeping = await rig.kept()
    rig.forgotten, rig.slow = True, asyncio.Event()
    await rig.passing(QUIET_S + 1)
    assert rig.key.doubted_ns is not None
    rig.venue_key = "key-2"
    rig.slow.set()
    await rig.passing(1)
    assert rig.key.doubted_ns is None
    assert [change[0] for change in rig.changes] == ["key-2"]
    keeping.cancel()


async def test_a_quiet_minute_costs_no_more_than_fifteen_proofs() -> None:
    rig = Rig()
    keeping = await rig.kept()
    await rig.passing(600)
    assert 100 <= rig.proofs <= 150
    assert rig.asked_otherwise == 0
    keeping.cancel()


async def test_without_a_line_nothing_is_asked() -> None:
    rig = Rig()
    keeping = await rig.kept()
    rig.heard_ns = None
    await rig.passing(60)
    assert rig.proofs == 0
    keeping.cancel()


async def test_its_text_shows_no_key() -> None:
    rig = Rig()
    await rig.key.get()
    assert "key-1" not in repr(rig.key)

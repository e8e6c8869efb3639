"""Each plant has the one fault it is named for."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from journal_records import OWNER, intent
from leadline.net.key_state import MemoryKey, MemoryKeyState
from leadline.simulation.loop import LoopClock, VirtualLoop
from leadline.simulation.order_plants import LATE_S, ClockNonce, JournalAfterSend, SequenceGapIgnored
from leadline.simulation.plants import NOTHING, PLANTS

HOUR_NS = 3600 * 10**9
NOW_NS = 1_790_000_000 * 10**9


def test_every_plant_changes_something() -> None:
    assert {name for name, plant in PLANTS.items() if plant == NOTHING} == set()
    assert PLANTS["sequence-gap-ignored"].account is SequenceGapIgnored


@pytest.mark.parametrize(("kind", "goes_back"), [(MemoryKeyState, False), (ClockNonce, True)])
async def test_a_nonce_of_the_clock_goes_back_with_it(kind: type[MemoryKeyState], goes_back: bool) -> None:
    state = kind(MemoryKey())
    first = await state.next_nonce(NOW_NS)

    assert (await state.next_nonce(NOW_NS - HOUR_NS) < first) is goes_back


def test_a_late_journal_says_done_before_it_is(tmp_path: Path) -> None:
    loop = VirtualLoop()
    clock = LoopClock(loop, NOW_NS)

    async def work() -> None:
        path = tmp_path / "orders.sqlite"
        async with JournalAfterSend(path, OWNER, clock, random.Random(1), lambda record: None) as journal:
            await journal.write(intent("one"))
            assert list(journal.records()) == []
            await clock.sleep(2 * LATE_S)
            assert len(journal.records()) == 1

    loop.run_until_complete(work())
    loop.close()

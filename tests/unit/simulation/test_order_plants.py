"""Each plant has the one fault it is named for."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from account_rig import WALL_NS, AccountRig, virtual
from journal_records import OWNER, intent
from leadline.model.order import OrderKey
from leadline.net.key_state import MemoryKey, MemoryKeyState
from leadline.simulation.loop import LoopClock, VirtualLoop
from leadline.simulation.order_plants import (
    LATE_S,
    PATIENCE_S,
    ClockNonce,
    JournalAfterSend,
    SequenceGapIgnored,
    UnknownByTimer,
)
from leadline.simulation.plants import NOTHING, PLANTS
from private_frames import rest_order

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


@virtual
async def test_an_order_that_is_not_found_in_time_is_called_unknown_whatever_the_clock_says() -> None:
    rig = AccountRig()
    impatient = UnknownByTimer(rig.rest, rig.venue, rig.symbols, rig.limits, rig.clock)
    rig.venue.reply("OpenOrders", {"open": {"OA": rest_order()}})
    assert len(await impatient.find(OrderKey(client_id="ours-1"), WALL_NS)) == 1

    rig.venue.answer_s = 2 * PATIENCE_S
    left: list[bool] = []
    assert not await impatient.find(OrderKey(client_id="ours-1"), WALL_NS, (), lambda: left.append(True))
    assert left
    assert len(await rig.account.find(OrderKey(client_id="ours-1"), WALL_NS)) == 1
    assert impatient.passed(WALL_NS + HOUR_NS, 0.0)
    assert not rig.account.passed(WALL_NS + HOUR_NS, 0.0)

"""A simulated disk keeps what was acknowledged, and of the rest whatever it likes."""

from __future__ import annotations

import random
from pathlib import Path

from journal_records import OWNER, intent
from leadline.engine.records import AnyRecord
from leadline.simulation.journal import COMMIT_S, SimulatedJournal
from leadline.simulation.loop import LoopClock, VirtualLoop

START_NS = 1_790_000_000 * 10**9


class Rig:
    """A loop, and journals on its time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loop = VirtualLoop()
        self.clock = LoopClock(self.loop, START_NS)
        self.durable: list[AnyRecord] = []

    def journal(self, name: str, luck: random.Random | None = None) -> SimulatedJournal:
        path = self.folder / name
        return SimulatedJournal(path, OWNER, self.clock, luck or random.Random(1), self.durable.append)


class Greedy(random.Random):
    """Takes back as much as may be taken."""

    def randint(self, a: int, b: int) -> int:
        return a


def test_a_commit_takes_its_time_and_then_the_record_is_durable(tmp_path: Path) -> None:
    rig = Rig(tmp_path)

    async def work() -> None:
        async with rig.journal("a.sqlite") as journal:
            before_s = rig.loop.time()
            record = intent("one")
            await journal.write(record)
            assert COMMIT_S[0] <= rig.loop.time() - before_s <= COMMIT_S[1]
            assert rig.durable == [record]
            assert list(journal.records()) == [record]

    rig.loop.run_until_complete(work())
    rig.loop.close()


def test_death_never_takes_back_what_was_acknowledged_and_may_take_all_behind_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path)

    async def work() -> None:
        journal = rig.journal("a.sqlite", Greedy(1))
        async with journal:
            await journal.write(intent("kept"))
            journal.note(intent("taken back"))
            journal.abandon(tmp_path / "b.sqlite")
        async with rig.journal("b.sqlite") as heir:
            assert [record.client_id for record in heir.records()] == ["kept"]  # type: ignore[union-attr]

    rig.loop.run_until_complete(work())
    rig.loop.close()


def test_a_log_cut_at_any_byte_opens_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path)

    async def work() -> None:
        for number in range(30):
            journal = rig.journal(f"{number}.sqlite", random.Random(number))
            async with journal:
                await journal.write(intent("kept"))
                for name in ("first", "second", "third"):
                    journal.note(intent(name))
                journal.abandon(tmp_path / f"{number}-heir.sqlite")
            async with rig.journal(f"{number}-heir.sqlite") as heir:
                names = [record.client_id for record in heir.records()]  # type: ignore[union-attr]
                assert names == ["kept", "first", "second", "third"][: len(names)]
                assert names
                await heir.write(intent("new"))

    rig.loop.run_until_complete(work())
    rig.loop.close()

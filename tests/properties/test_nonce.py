"""Whatever processes start, die and read which clock: no nonce is ever given twice, or after a larger one."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import integers, sampled_from

from leadline.core.nonce import Nonces, Scale
from leadline.net.sqlite_key_state import NonceFile

START_NS = 1_790_000_000 * 10**9


class Programs(RuleBasedStateMachine):
    """Programs with one key on one machine, whose Unix time steps and whose power is cut."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.boots = 0
        self.file = self.folder / "0.nonce"
        self.running: list[NonceFile] = []
        self.wall_ns = START_NS
        self.given: list[int] = []

    @rule()
    @precondition(lambda self: len(self.running) < 4)
    def start(self) -> None:
        self.running.append(NonceFile(self.file))

    @rule(number=integers(0, 3), count=integers(1, 5))
    @precondition(lambda self: self.running)
    def give(self, number: int, count: int) -> None:
        program = self.running[number % len(self.running)]
        for _ in range(count):
            self.given.append(program.next(self.wall_ns))
        assert all(one.last() == self.given[-1] for one in self.running)

    @rule(number=integers(0, 3))
    @precondition(lambda self: self.running)
    def stop(self, number: int) -> None:
        self.running.pop(number % len(self.running)).close()

    @rule(number=integers(0, 3))
    @precondition(lambda self: self.running)
    def kill(self, number: int) -> None:
        self.running.pop(number % len(self.running)).disconnect()

    @rule()
    @precondition(lambda self: self.running)
    def cut_the_power(self) -> None:
        """All programs die, and of the file only what was written to the disk itself is left."""
        self.boots += 1
        after = self.folder / f"{self.boots}.nonce"
        shutil.copy(self.file, after)
        for program in self.running:
            program.disconnect()
        self.running.clear()
        self.file = after

    @rule(floor=sampled_from([Scale.NANOSECONDS, START_NS // 500]))
    @precondition(lambda self: self.running)
    def move(self, floor: Scale | int) -> None:
        self.running[0].move(floor)

    @rule(step_s=sampled_from([-3600, -1, 0, 1, 3600]), pause_ns=integers(0, 10**9))
    def time_passes(self, step_s: int, pause_ns: int) -> None:
        self.wall_ns += step_s * 10**9 + pause_ns

    @invariant()
    def nonces_increase(self) -> None:
        assert self.given[-12:] == sorted(set(self.given[-12:]))

    def teardown(self) -> None:
        for program in self.running:
            program.disconnect()
        with suppress(OSError):
            shutil.rmtree(self.folder)
        assert self.given == sorted(set(self.given))


Programs.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestPrograms = Programs.TestCase


def test_the_rule_itself_is_that_the_next_is_larger() -> None:
    nonces = Nonces()
    for wall_ns in (START_NS, START_NS, 0, START_NS // 2, START_NS + 1, START_NS):
        following = nonces.next(wall_ns)
        assert following.last > nonces.last
        nonces = following

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leadline.clock import ManualClock, SystemClock
from leadline.net.turn_file import TurnFile

HOLDER = """
import asyncio, sys
from pathlib import Path
from leadline.clock import SystemClock
from leadline.net.turn_file import TurnFile
turn = TurnFile(Path(sys.argv[1]), SystemClock())
print(asyncio.run(turn.take(0)), flush=True)
sys.stdin.readline()
"""


@contextmanager
def holder(path: Path) -> Iterator[None]:
    """Another process has the turn; at the end it is killed."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield
        process.kill()
        process.wait()


async def test_one_has_the_turn_and_the_next_gets_it_when_it_is_given(tmp_path: Path) -> None:
    one, other = (TurnFile(tmp_path / "turn", SystemClock()) for _ in range(2))

    assert await one.take(0)
    assert await one.take(0)
    assert not await other.take(0)
    assert not await other.take(0.005)
    one.give()
    assert await other.take(0.005)
    assert not await one.take(0)
    one.close()
    other.close()


async def test_closing_gives_the_turn(tmp_path: Path) -> None:
    one, other = (TurnFile(tmp_path / "turn", SystemClock()) for _ in range(2))
    await one.take(0)
    one.close()

    assert await other.take(0)
    other.close()


async def test_the_turn_of_a_killed_process_is_free(tmp_path: Path) -> None:
    turn = TurnFile(tmp_path / "turn", SystemClock())
    with holder(tmp_path / "turn"):
        assert not await turn.take(0)

    assert await turn.take(0)
    turn.close()


async def test_who_has_had_it_long_without_a_break_leaves_others_time(tmp_path: Path) -> None:
    clock = ManualClock(mono_ns=10**12)
    turn = TurnFile(tmp_path / "turn", clock)
    rests = []
    for _ in range(60):
        taking = turn.take(1)
        try:
            taking.send(None)
        except StopIteration:
            rests.append(False)
            clock.advance(0.02)
            turn.give()
        else:
            rests.append(True)
            taking.close()
    turn.close()

    assert 3 <= sum(rests) <= 6


def test_the_file_is_its_owners(tmp_path: Path) -> None:
    TurnFile(tmp_path / "turn", SystemClock()).close()

    assert stat.S_IMODE((tmp_path / "turn").stat().st_mode) == 0o600

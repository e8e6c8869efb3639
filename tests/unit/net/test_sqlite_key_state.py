from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from leadline.clock import SystemClock
from leadline.core.limits import SharedBudget, Standing
from leadline.core.nonce import MOST_NONCE, Scale
from leadline.errors import ConfigError
from leadline.net.sqlite_key_state import SqliteKeyState, fingerprint

KEY = "Sd98l/Xur5w9OXvWZ06eLwxTsioLYDGS4y5GytE7gEiQ5LECMbcA2rRE"
NOW_NS = 1_790_000_000 * 10**9
NOW_US = NOW_NS // 1000
HOUR_NS = 3600 * 10**9

DYING = """
import asyncio, os, signal, sys
from pathlib import Path
from leadline.clock import SystemClock
from leadline.core.limits import SharedBudget, Standing
from leadline.net.sqlite_key_state import SqliteKeyState

async def main():
    async with SqliteKeyState(Path(sys.argv[1]), sys.argv[2], SystemClock()) as state:
        for _ in range(50):
            nonce = await state.next_nonce(int(sys.argv[3]))
        assert await state.take_turn(0)
        SharedBudget(state.cell("rest", Standing), 15, 0.000001).spend(10, 0)
        print(nonce, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


CROWDED = """
import asyncio, resource, sys
from pathlib import Path
from leadline.clock import SystemClock
from leadline.core.limits import SharedBudget, Standing
from leadline.net.sqlite_key_state import SqliteKeyState

async def main():
    folder, start_ns = Path(sys.argv[1]), int(sys.argv[3])
    async with SqliteKeyState(folder, sys.argv[2], SystemClock()) as state:
        budget = SharedBudget(state.cell("rest", Standing), 15, 0.000001)
        budget.spend(1, 0)
        nonces = [await state.next_nonce(start_ns + second * 10**9) for second in range(3)]
        largest = max(file.stat().st_size for file in folder.glob("*.nonce*"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
        nonces += [await state.next_nonce(start_ns) for _ in range(100)]
        budget.spend(1, 0)
        assert nonces == sorted(set(nonces)), nonces
        print(nonces[-1], flush=True)

asyncio.run(main())
"""


UNWRITABLE = """
import asyncio, resource, sys
from pathlib import Path
from leadline.clock import SystemClock
from leadline.errors import ConfigError
from leadline.net.sqlite_key_state import SqliteKeyState

async def main():
    state = SqliteKeyState(Path(sys.argv[1]), sys.argv[2], SystemClock())
    await state.__aenter__()
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        await state.next_nonce(int(sys.argv[3]))
    except ConfigError as error:
        print(int("make room on its disk" in str(error)))

asyncio.run(main())
"""


def state_of(folder: Path, api_key: str = KEY) -> SqliteKeyState:
    return SqliteKeyState(folder, api_key, SystemClock())


def last_nonce_of(program: str, folder: Path) -> int:
    """What a process printed before its end."""
    command = [sys.executable, "-c", program, str(folder), KEY, str(NOW_NS)]
    return int(subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=30).stdout)


def without_its_log(file: Path) -> None:
    for log in file.parent.glob(f"{file.name}-*"):
        log.unlink()


def nonce_file(folder: Path) -> Path:
    return folder / f"key-{fingerprint(KEY)}.nonce"


async def some_nonces(folder: Path, count: int = 3, wall_ns: int = NOW_NS) -> list[int]:
    async with state_of(folder) as state:
        return [await state.next_nonce(wall_ns) for _ in range(count)]


async def test_nonces_increase_across_users_and_restarts(tmp_path: Path) -> None:
    async with state_of(tmp_path) as one, state_of(tmp_path) as other:
        given = [await user.next_nonce(NOW_NS) for user in (one, other, one, other)]
        assert one.last_nonce() == other.last_nonce() == given[-1]
    given += await some_nonces(tmp_path, wall_ns=NOW_NS - HOUR_NS)

    assert given == sorted(set(given))
    assert given[0] >= NOW_US


async def test_clean_restarts_do_not_run_ahead_of_the_clock(tmp_path: Path) -> None:
    for _ in range(5):
        last = await some_nonces(tmp_path)

    assert last[-1] == NOW_US + 14


async def test_many_coroutines_get_different_nonces(tmp_path: Path) -> None:
    async with state_of(tmp_path) as state:
        given = await asyncio.gather(*(state.next_nonce(NOW_NS) for _ in range(200)))

    assert given == sorted(set(given))


async def test_a_killed_process_leaves_its_nonces_its_budgets_and_a_free_turn(tmp_path: Path) -> None:
    last = last_nonce_of(DYING, tmp_path)
    async with state_of(tmp_path) as state:
        assert await state.take_turn(0)
        assert await state.next_nonce(NOW_NS - HOUR_NS) > last >= NOW_US + 49
        assert SharedBudget(state.cell("rest", Standing), 15, 0.000001).read(0).level(0) == pytest.approx(10)


async def test_on_a_full_disk_there_are_still_nonces_for_cancels(tmp_path: Path) -> None:
    last = last_nonce_of(CROWDED, tmp_path)

    assert (await some_nonces(tmp_path))[0] > last


async def test_a_disk_that_takes_nothing_is_named_as_the_cause(tmp_path: Path) -> None:
    assert last_nonce_of(UNWRITABLE, tmp_path) == 1


async def test_what_a_power_cut_takes_back_is_above_the_mark_on_the_disk(tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    cut.mkdir()
    async with state_of(tmp_path / "live") as state:
        await state.next_nonce(NOW_NS)
        for file in (tmp_path / "live").glob("*.nonce"):  # the log of what came after is lost
            shutil.copy(file, cut)
        last = [await state.next_nonce(NOW_NS) for _ in range(100)][-1]

    assert (await some_nonces(cut))[0] > last


async def test_a_move_to_nanoseconds_is_for_good(tmp_path: Path) -> None:
    async with state_of(tmp_path) as state:
        await state.next_nonce(NOW_NS)
        await state.move_nonce(Scale.NANOSECONDS)
        await state.move_nonce(Scale.NANOSECONDS)

    assert (await some_nonces(tmp_path))[0] == NOW_NS


async def test_a_move_above_a_number_is_for_good(tmp_path: Path) -> None:
    async with state_of(tmp_path) as state:
        await state.move_nonce(10**17)

    assert await some_nonces(tmp_path, count=1) == [10**17 + 1]


async def test_when_no_larger_nonce_is_left_it_says_so(tmp_path: Path) -> None:
    async with state_of(tmp_path) as state:
        with pytest.raises(ConfigError, match="new API key"):
            await state.move_nonce(MOST_NONCE - 1)
        assert await state.next_nonce(NOW_NS) == NOW_US


async def test_the_files_are_their_owners_and_do_not_tell_the_key(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    async with state_of(folder) as state:
        await state.next_nonce(NOW_NS)
        SharedBudget(state.cell("rest", Standing), 15, 0.33).spend(1, 0)
        files = list(folder.iterdir())
        assert {path.suffix for path in files} >= {".nonce", ".budgets", ".turn", ".nonce-wal"}
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert not any(KEY.encode() in path.read_bytes() or KEY[:8] in path.name for path in files)


async def test_files_that_others_could_read_are_closed_to_them(tmp_path: Path) -> None:
    await some_nonces(tmp_path)
    nonce_file(tmp_path).chmod(0o644)
    await some_nonces(tmp_path)

    assert stat.S_IMODE(nonce_file(tmp_path).stat().st_mode) == 0o600


async def test_two_keys_have_nothing_in_common(tmp_path: Path) -> None:
    async with state_of(tmp_path) as one, state_of(tmp_path, "another key") as other:
        assert await one.next_nonce(NOW_NS) == await other.next_nonce(NOW_NS)
        assert await one.take_turn(0)
        assert await other.take_turn(0)


async def test_users_of_a_budget_spend_from_one_counter(tmp_path: Path) -> None:
    async with state_of(tmp_path) as one, state_of(tmp_path) as other:
        ours = SharedBudget(one.cell("rest", Standing), 15, 0.5)
        theirs = SharedBudget(other.cell("rest", Standing), 15, 0.5)
        assert ours.take(10, 0) == 0
        assert theirs.take(6, 0) == pytest.approx(2)
        theirs.exceeded(0)
        assert ours.read(0).level(0) == pytest.approx(15)
        assert SharedBudget(other.cell("orders BTC/USD", Standing), 60, 1).take(6, 0) == 0


async def test_a_budget_that_cannot_be_written_is_counted_by_each_alone(tmp_path: Path) -> None:
    async with state_of(tmp_path) as state:
        budget = SharedBudget(state.cell("rest", Standing), 15, 0.5)
        budget.spend(5, 0)
        with closing(sqlite3.connect(tmp_path / f"key-{fingerprint(KEY)}.budgets")) as blocker:
            blocker.execute("BEGIN IMMEDIATE")
            assert budget.take(6, 0) == 0
            assert budget.read(0).level(0) == pytest.approx(11)
        budget.spend(1, 0)
        assert SharedBudget(state.cell("rest", Standing), 15, 0.5).read(0).level(0) == pytest.approx(12)


async def test_the_breaker_is_kept(tmp_path: Path) -> None:
    async with state_of(tmp_path) as state:
        assert await state.load_breaker() is None
        await state.save_breaker(b"one")
        await state.save_breaker(b"two")
    async with state_of(tmp_path) as state:
        assert await state.load_breaker() == b"two"


@pytest.mark.parametrize("suffix", ["nonce", "budgets"])
@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"not a database, but long enough to be one" * 20])
async def test_a_damaged_file_is_named_with_the_cure(tmp_path: Path, suffix: str, content: bytes) -> None:
    await some_nonces(tmp_path)
    path = nonce_file(tmp_path).with_suffix(f".{suffix}")
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"{path}.*(nonce_floor|delete it)"):
        await some_nonces(tmp_path)


async def test_no_damaged_byte_leads_to_a_lower_nonce(tmp_path: Path) -> None:
    last = (await some_nonces(tmp_path))[-1]
    whole = nonce_file(tmp_path).read_bytes()
    rng = random.Random(9)
    refused = 0
    for place in [*range(100), *rng.sample(range(len(whole)), 150), *_places(whole, b"MICROSECONDS")]:
        damaged = bytearray(whole)
        damaged[place] ^= rng.randrange(1, 256)
        nonce_file(tmp_path).write_bytes(damaged)
        try:
            assert (await some_nonces(tmp_path, 1, NOW_NS - HOUR_NS))[0] > last
        except ConfigError as error:
            assert str(nonce_file(tmp_path)) in str(error)
            refused += 1
        without_its_log(nonce_file(tmp_path))

    assert refused > 20


def _places(whole: bytes, text: bytes) -> range:
    """Where the row of nonces stands: the numbers before the scale, and the sum after it."""
    at = whole.index(text)
    return range(at - 24, at + len(text) + 8)


async def test_a_file_of_somebody_else_or_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    await some_nonces(tmp_path)
    with closing(sqlite3.connect(nonce_file(tmp_path))) as file:
        file.execute("PRAGMA user_version=2")
    with pytest.raises(ConfigError, match="newer version"):
        await some_nonces(tmp_path)
    with closing(sqlite3.connect(nonce_file(tmp_path))) as file:
        file.execute("PRAGMA application_id=1")
    with pytest.raises(ConfigError, match="not a file of this program"):
        await some_nonces(tmp_path)


async def test_nonces_that_are_missing_are_not_begun_anew(tmp_path: Path) -> None:
    await some_nonces(tmp_path)
    with closing(sqlite3.connect(nonce_file(tmp_path))) as file:
        file.execute("DELETE FROM nonce")
        file.commit()
    with pytest.raises(ConfigError, match="nonces are missing"):
        await some_nonces(tmp_path)


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=str(tmp_path / "file")):
        await some_nonces(tmp_path / "file")


async def test_a_budget_that_cannot_even_be_read_is_counted_on_and_stops_nobody(tmp_path: Path) -> None:
    async with state_of(tmp_path) as state:
        budget = SharedBudget(state.cell("rest", Standing), 15, 0.5)
        budget.spend(5, 0)
        with closing(sqlite3.connect(tmp_path / f"key-{fingerprint(KEY)}.budgets")) as other:
            other.execute("ALTER TABLE cell RENAME TO gone")
        assert budget.read(0).level(0) == pytest.approx(5)
        assert budget.take(6, 0) == 0
        assert budget.read(0).level(0) == pytest.approx(11)
        assert budget.take(6, 0) > 0

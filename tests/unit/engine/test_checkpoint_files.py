from __future__ import annotations

import asyncio
import stat
import threading
from pathlib import Path

import pytest

from leadline.engine.checkpoint_files import CheckpointFiles, MemoryCheckpoints


def blobs(store: CheckpointFiles | MemoryCheckpoints) -> list[bytes]:
    return [found.blob for found in store.found()]


async def test_the_newest_three_are_kept_newest_first(tmp_path: Path) -> None:
    for store in (CheckpointFiles(tmp_path / "kraken" / "market.checkpoint"), MemoryCheckpoints()):
        assert store.found() == []
        for number in range(5):
            await store.save(lambda number=number: b"%d" % number)  # type: ignore[misc]
        assert blobs(store) == [b"4", b"3", b"2"]


async def test_files_and_folder_are_the_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "kraken" / "main.checkpoint"
    await CheckpointFiles(path).save(lambda: b"1")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["main.checkpoint"]


async def test_what_could_not_be_written_leaves_the_last_one_whole(tmp_path: Path) -> None:
    store = CheckpointFiles(tmp_path / "market.checkpoint")
    await store.save(lambda: b"1")

    def fails() -> bytes:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        await store.save(fails)
    assert blobs(store) == [b"1"]


async def test_a_crash_between_two_renames_loses_nothing(tmp_path: Path) -> None:
    store = CheckpointFiles(tmp_path / "market.checkpoint")
    await store.save(lambda: b"1")
    (tmp_path / "market.checkpoint").replace(tmp_path / "market.checkpoint.1")

    assert blobs(store) == [b"1"]
    await store.save(lambda: b"2")
    assert blobs(store) == [b"2", b"1"]


async def test_what_is_set_aside_is_neither_read_nor_written_over(tmp_path: Path) -> None:
    store = CheckpointFiles(tmp_path / "market.checkpoint")
    await store.save(lambda: b"newer form")
    store.set_aside(store.found()[0].name, "version-9")
    await store.save(lambda: b"1")

    assert blobs(store) == [b"1"]
    assert (tmp_path / "market.checkpoint.version-9").read_bytes() == b"newer form"


async def test_encoding_and_writing_do_not_run_on_the_event_loops_thread(tmp_path: Path) -> None:
    threads: list[threading.Thread] = []

    def encode() -> bytes:
        threads.append(threading.current_thread())
        return b"1"

    await CheckpointFiles(tmp_path / "market.checkpoint").save(encode)
    assert threads[0] is not threading.main_thread()


async def test_the_memory_stands_in_for_a_full_disk() -> None:
    store = MemoryCheckpoints()
    store.failing = OSError(28, "No space left on device")
    with pytest.raises(OSError, match="No space"):
        await store.save(lambda: b"1")
    store.failing = None
    await store.save(lambda: b"1")
    store.set_aside(store.found()[0].name, "damaged")
    assert (store.found(), [found.blob for found in store.aside]) == ([], [b"1"])


async def test_one_save_ends_before_the_next_begins(tmp_path: Path) -> None:
    files, both = CheckpointFiles(tmp_path / "main.checkpoint"), threading.Barrier(2)
    met: list[bool] = []

    def encode() -> bytes:
        try:
            both.wait(timeout=0.2)
        except threading.BrokenBarrierError:
            return b"alone"
        met.append(True)
        return b"together"

    await asyncio.gather(files.save(encode), files.save(encode))

    assert met == []
    assert blobs(files) == [b"alone", b"alone"]

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from leadline.engine.file_lock import FileLock, Locked


def test_only_one_holds_it_and_the_other_learns_who(tmp_path: Path) -> None:
    held = FileLock(tmp_path / "a.lock")
    with pytest.raises(Locked) as caught:
        FileLock(tmp_path / "a.lock")
    assert caught.value.pid == os.getpid()

    held.release()
    held.release()
    FileLock(tmp_path / "a.lock").release()


def test_it_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    program = (
        "import sys, signal; from pathlib import Path; from leadline.engine.file_lock import FileLock\n"
        "held = FileLock(Path(sys.argv[1])); print('held', flush=True); signal.pause()"
    )
    path = tmp_path / "a.lock"
    with subprocess.Popen(
        [sys.executable, "-c", program, path], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(Locked) as caught:
            FileLock(path)
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    assert caught.value.pid == process.pid
    FileLock(path).release()


def test_a_file_that_cannot_be_made_is_said_by_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileLock(tmp_path / "absent" / "a.lock")


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    FileLock(tmp_path / "a.lock").release()

    assert (tmp_path / "a.lock").stat().st_mode & 0o777 == 0o600

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading

import click
import pytest

from leadline.cli.runner import run


def test_the_result_comes_back() -> None:
    async def work() -> int:
        return 7

    assert run(work()) == 7


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_work_after_its_own_cleaning_up(number: int) -> None:
    cleaned = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    before = signal.getsignal(number)
    with pytest.raises(click.exceptions.Exit) as caught:
        run(work(), stopped=0)

    assert (caught.value.exit_code, cleaned) == (0, [True])
    assert signal.getsignal(number) is before
    assert not any(
        isinstance(thread, threading.Timer) and not thread.finished.is_set()
        for thread in threading.enumerate()
    )


def test_work_that_was_to_be_finished_says_that_it_was_not() -> None:
    async def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()

    with pytest.raises(click.exceptions.Exit) as caught:
        run(work())

    assert caught.value.exit_code == 130


def test_a_failure_in_a_task_comes_out_bare() -> None:
    async def fail() -> None:
        raise LookupError("inside")

    async def work() -> None:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(fail())

    with pytest.raises(LookupError, match="inside"):
        run(work())


def test_a_cancellation_of_its_own_is_no_signal() -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run(work())


def test_warnings_are_lines_on_stderr_and_errors_are_left_to_the_verb(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def work() -> None:
        logging.getLogger("leadline").warning("trying again in %d s", 3)
        logging.getLogger("leadline").error("over")

    run(work())

    assert capsys.readouterr().err == "warning: trying again in 3 s\n"


def test_it_does_not_wait_for_a_thread_that_hangs() -> None:
    release = threading.Event()

    async def work() -> None:
        asyncio.get_running_loop().run_in_executor(None, release.wait)
        await asyncio.sleep(0)

    run(work())  # would never return if it waited
    release.set()


def test_who_keeps_a_log_of_his_own_has_no_warnings_on_stderr_beside_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def work() -> None:
        logging.getLogger("leadline").warning("told elsewhere")

    run(work(), warnings=False)

    assert capsys.readouterr().err == ""

"""Runs a verb's coroutine until it is done or asked to stop.

SIGINT and SIGTERM cancel it, at any moment, and whatever it hangs in: four seconds later the process is gone.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import Any, TypeVar

import click

from leadline.cli import INTERRUPTED

T = TypeVar("T")

LAST_RESORT_S = 4.0


def run(work: Coroutine[Any, Any, T], *, stopped: int = INTERRUPTED, warnings: bool = True) -> T:
    """The coroutine's result, or its first failure bare of groups; after a signal, exit with `stopped`.

    Without `warnings` whoever calls has seen to the log himself.
    """
    shown = _warnings() if warnings else nullcontext()
    with _last_resort(stopped) as arm, asyncio.Runner() as runner, shown:
        try:
            return runner.run(_until_stopped(work, stopped, arm))
        except BaseExceptionGroup as failures:
            raise _first(failures) from None
        finally:
            # closing the loop would wait for its threads, and one may hang in a name look-up
            runner.get_loop().set_default_executor(ThreadPoolExecutor())


async def _until_stopped(work: Coroutine[Any, Any, T], stopped: int, arm: Callable[[], None]) -> T:
    asked = False
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    assert task is not None

    def stop() -> None:
        nonlocal asked
        asked = True
        task.cancel()

    def on_signal(number: int, frame: FrameType | None) -> None:
        arm()
        loop.call_soon_threadsafe(stop)

    with _signals(on_signal):
        try:
            return await work
        except asyncio.CancelledError:
            if asked:
                raise click.exceptions.Exit(stopped) from None
            raise


@contextmanager
def _last_resort(code: int) -> Iterator[Callable[[], None]]:
    """A thread that ends the process if the block lasts on after a call: the loop may hang in a write."""
    timers: list[threading.Timer] = []

    def arm() -> None:
        timer = threading.Timer(LAST_RESORT_S, os._exit, [code])
        timer.daemon = True
        timer.start()
        timers.append(timer)

    try:
        yield arm
    finally:
        for timer in timers:
            timer.cancel()


@contextmanager
def _signals(on_signal: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle the two signals as the system delivers them, which also works while the loop does not run."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, on_signal) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


class _ToStderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"{record.levelname.lower()}: {record.getMessage()}", err=True)


@contextmanager
def _warnings() -> Iterator[None]:
    """Warnings of ours as one line each on stderr; what ends a verb is said by its error."""
    handler = _ToStderr()
    handler.addFilter(lambda record: record.levelno == logging.WARNING)
    logger = logging.getLogger("leadline")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

"""Runs a verb's coroutine until it is done or asked to stop.

SIGINT and SIGTERM cancel it, at any moment, and whatever it hangs in: four seconds later the process is gone.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

import click

T = TypeVar("T")

LAST_RESORT_S = 4.0


INTERRUPTED = 130


def run(work: Coroutine[Any, Any, T], *, stopped: int = INTERRUPTED) -> T:
    """The coroutine's result, or its first failure bare of groups; after a signal, exit with `stopped`."""
    with asyncio.Runner() as runner, _warnings():
        loop = runner.get_loop()
        try:
            return runner.run(_until_stopped(work, stopped))
        except BaseExceptionGroup as failures:
            raise _first(failures) from None
        finally:
            # closing the loop would wait for its threads, and one may hang in a name look-up
            loop.set_default_executor(ThreadPoolExecutor())


async def _until_stopped(work: Coroutine[Any, Any, T], exit_code: int) -> T:
    asked = False
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    assert task is not None

    def stop() -> None:
        nonlocal asked
        asked = True
        task.cancel()

    def on_signal(number: int, frame: FrameType | None) -> None:
        # also runs while the loop hangs in a write to a full pipe, where only the timer helps
        timer = threading.Timer(LAST_RESORT_S, os._exit, [exit_code])
        timer.daemon = True
        timer.start()
        loop.call_soon_threadsafe(stop)

    with _signals(on_signal):
        try:
            return await work
        except asyncio.CancelledError:
            if asked:
                raise click.exceptions.Exit(exit_code) from None
            raise


@contextmanager
def _signals(on_signal: Any) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
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

"""The tasks of one owner."""

from __future__ import annotations

import asyncio

import pytest

from leadline.engine.tasks import Tasks


async def forever(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("ended")


async def test_leaving_cancels_every_task_and_waits_for_its_end() -> None:
    tasks, ended = Tasks(), list[str]()
    await tasks.enter()
    task = tasks.spawn(forever(ended))
    assert task is not None
    await asyncio.sleep(0)
    await tasks.leave(None, None, None)
    assert ended == ["ended"]
    assert task.cancelled()


async def test_outside_its_owners_block_nothing_is_begun() -> None:
    tasks, ended = Tasks(), list[str]()
    assert tasks.spawn(forever(ended)) is None
    assert not tasks.entered
    await tasks.enter()
    assert tasks.entered
    await tasks.leave(None, None, None)
    assert tasks.spawn(forever(ended)) is None
    assert ended == []


async def test_a_task_that_fails_ends_its_owner() -> None:
    async def fails() -> None:
        raise ValueError("a bug")

    tasks = Tasks()

    async def owner() -> None:
        await tasks.enter()
        tasks.spawn(fails())
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            await tasks.leave(asyncio.CancelledError, error, error.__traceback__)

    with pytest.raises(ExceptionGroup, match="unhandled"):
        await owner()

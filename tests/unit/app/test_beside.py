from __future__ import annotations

import asyncio

import pytest

from leadline.app.beside import beside


async def test_work_ends_with_the_block() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with beside(work):
        await asyncio.sleep(0)

    assert ended.is_set()


async def test_what_work_raises_comes_out_as_it_is() -> None:
    async def work() -> None:
        raise LookupError("of mine")

    with pytest.raises(LookupError, match="of mine"):
        async with beside(work):
            await asyncio.Event().wait()


async def test_what_the_block_raises_comes_out_as_it_is() -> None:
    with pytest.raises(LookupError, match="of the block"):
        async with beside(asyncio.Event().wait):  # type: ignore[arg-type]
            raise LookupError("of the block")

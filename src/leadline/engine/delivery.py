"""How values reach the program: as an asynchronous iterator, one by one, filtered, or in batches.

No value is lost by a cancelled wait; a plain iterator ends with it and lets its stream go, a batch goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Generic, TypeVar

from leadline.errors import Error

T = TypeVar("T")

Next = Callable[[], Awaitable[T]]
Begun = tuple[Next[T], Callable[[], None]]
"""What waits for the next value, and what lets the stream go."""


class Stream(AsyncGenerator[T, None]):
    """An iterator that begins with its first `anext`, as a generator does.

    It ends with `aclose`, an error, a cancelled `anext`, or when it is forgotten.
    """

    def __init__(self, begin: Callable[[], Begun[T]]) -> None:
        self._begin: Callable[[], Begun[T]] | None = begin
        self._next: Next[T] | None = None
        self._stop: Callable[[], None] | None = None
        self._waiting = False

    async def __anext__(self) -> T:
        try:
            return await self.wait()
        except asyncio.CancelledError:  # by whom never comes back, as a rule; `batched` does
            self.release()
            raise

    async def wait(self) -> T:
        """As `anext`, but the iterator survives a cancelled wait."""
        if self._begin is not None:
            begin, self._begin = self._begin, None
            self._next, self._stop = begin()
        if self._next is None:
            raise StopAsyncIteration
        if self._waiting:
            raise RuntimeError("this iterator is being read by somebody else")
        self._waiting = True
        try:
            return await self._next()
        except (Error, StopAsyncIteration):
            self.release()
            raise
        finally:
            self._waiting = False

    async def asend(self, value: None) -> T:
        """As `anext`: nothing can be sent to what only tells."""
        return await self.__anext__()

    async def athrow(
        self,
        kind: type[BaseException] | BaseException,
        value: BaseException | object = None,
        trace: TracebackType | None = None,
    ) -> T:
        """End the iterator with this exception."""
        self.release()
        raise kind

    async def aclose(self) -> None:
        """Let the stream go."""
        self.release()

    def __del__(self) -> None:
        self.release()

    def release(self) -> None:
        """Let the stream go, at once."""
        self._begin = self._next = None
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()


class Batched(AsyncIterator[list[T]], Generic[T]):
    """What `batched` returns: lists of at least one value."""

    def __init__(self, stream: AsyncIterator[T], size: int, wait_s: float) -> None:
        self._wait = _wait_of(stream)
        self._release = _release_of(stream)
        self._size = size
        self._wait_s = wait_s
        self._batch: list[T] = []
        self._end: Error | StopAsyncIteration | None = None

    async def __anext__(self) -> list[T]:
        if not self._batch and self._end is None:
            await self._take()
        if self._batch and self._end is None:
            try:
                async with asyncio.timeout(self._wait_s):
                    while len(self._batch) < self._size and self._end is None:
                        await self._take()
            except TimeoutError:
                pass
        if not self._batch and self._end is not None:
            end, self._end = self._end, StopAsyncIteration()
            raise end
        batch, self._batch = self._batch, []
        return batch

    async def aclose(self) -> None:
        """Let the stream beneath go, and what was not handed out."""
        self._batch.clear()
        self._end = StopAsyncIteration()
        self._release()

    async def _take(self) -> None:
        try:
            self._batch.append(await self._wait())
        except (Error, StopAsyncIteration) as end:  # told once what came before it has been handed out
            self._end = end


def batched(stream: AsyncIterator[T], size: int = 100, wait_s: float = 0.1) -> Batched[T]:
    """The values of a stream in lists: up to `size`, or what has come `wait_s` after the first of them.

    Never an empty list. The stream's end or error comes after the last list. For iterators of Leadline:
    others may lose a value, or end, when a wait is cancelled. Raises ValueError for a size below 1.
    """
    if size < 1:
        raise ValueError(f"a batch holds at least one value, not {size}")
    return Batched(stream, size, wait_s)


def only(stream: AsyncIterator[T], wanted: Callable[[T], bool]) -> AsyncGenerator[T, None]:
    """Those of a stream's values that are wanted; a Gap is handed to `wanted` like any other value."""

    wait = _wait_of(stream)

    async def next_wanted() -> T:
        while True:
            item = await wait()
            if wanted(item):
                return item

    return Stream(lambda: (next_wanted, _release_of(stream)))


def _wait_of(stream: AsyncIterator[T]) -> Next[T]:
    return stream.wait if isinstance(stream, Stream) else stream.__anext__


def _release_of(stream: AsyncIterator[T]) -> Callable[[], None]:
    return stream.release if isinstance(stream, Stream) else _nothing


def _nothing() -> None:
    """An iterator of somebody else's is theirs to close."""

"""What the soak counts with; the whole of it runs in `tests/system/test_soak.py`."""

from __future__ import annotations

from leadline.bench.soaking import CountedSocket
from leadline.net.websocket import memory_pair


async def test_every_message_is_counted_once_it_is_there() -> None:
    ours, theirs = memory_pair()
    count: list[int] = []
    counted = CountedSocket(ours, lambda: count.append(1))

    await theirs.send("one")
    await theirs.send("two")

    assert (await counted.receive(), await counted.receive()) == (b"one", b"two")
    assert len(count) == 2
    await counted.close()

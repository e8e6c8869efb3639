from __future__ import annotations

import asyncio
import time

import pytest

from account_rig import blockable
from leadline.net.pulse import Pulse
from leadline.simulation.loop import VirtualLoop


async def test_a_free_loop_is_never_late() -> None:
    late: list[float] = []
    pulse = Pulse(0.005, 0.5, late.append)
    pulse.start()
    await asyncio.sleep(0.05)

    assert pulse.blocked_ago_s(10.0) is None
    assert late == []
    pulse.stop()


async def test_a_block_is_known_at_its_end_even_before_the_beat_and_for_as_long_as_one_asks_about() -> None:
    late: list[float] = []
    pulse = Pulse(0.005, 0.05, late.append)
    pulse.start()
    await asyncio.sleep(0.01)
    time.sleep(0.2)  # noqa: ASYNC251
    at_once = pulse.blocked_ago_s(0.0)
    told_before = list(late)
    await asyncio.sleep(0.02)
    later = pulse.blocked_ago_s(1.0)

    assert told_before == []
    assert at_once is not None and at_once >= 0.2
    assert later is not None and later > at_once
    assert pulse.blocked_ago_s(0.0) is None
    assert len(late) == 1
    assert late[0] >= 0.19
    pulse.stop()


@blockable
async def test_a_silence_counts_up_to_the_moment_before_a_block_until_the_buffers_were_read(
    loop: VirtualLoop,
) -> None:
    pulse = Pulse(0.1, 0.25)
    pulse.start()
    await asyncio.sleep(1.0)
    free_ns = loop.now_ns
    assert pulse.heard_ns(free_ns, 0.25) == free_ns
    loop.block(3.0)

    assert pulse.heard_ns(loop.now_ns, 0.25) == pytest.approx(free_ns, abs=1e8)
    await asyncio.sleep(0.2)
    assert pulse.heard_ns(loop.now_ns, 0.25) == pytest.approx(free_ns, abs=1e8)
    await asyncio.sleep(0.3)
    assert pulse.heard_ns(loop.now_ns, 0.25) == loop.now_ns
    pulse.stop()


async def test_a_stopped_pulse_knows_nothing() -> None:
    pulse = Pulse(0.001, 0.01)
    assert pulse.blocked_ago_s(1.0) is None
    pulse.start()
    pulse.stop()
    time.sleep(0.05)  # noqa: ASYNC251

    assert pulse.blocked_ago_s(1.0) is None

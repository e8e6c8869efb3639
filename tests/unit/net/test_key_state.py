from __future__ import annotations

import asyncio

import pytest

from leadline.core.limits import SharedBudget, Standing
from leadline.core.nonce import Nonces, Scale
from leadline.net.key_state import MemoryKey, MemoryKeyState

NOW_NS = 1_790_000_000 * 10**9
NOW_US = NOW_NS // 1000


async def test_users_share_the_nonces_and_their_move() -> None:
    key = MemoryKey()
    one, other = MemoryKeyState(key), MemoryKeyState(key)

    assert [await user.next_nonce(NOW_NS) for user in (one, other, one)] == [NOW_US, NOW_US + 1, NOW_US + 2]
    assert other.last_nonce() == NOW_US + 2
    await one.move_nonce(Scale.NANOSECONDS)
    assert await other.next_nonce(NOW_NS) == NOW_NS


async def test_a_key_may_begin_where_another_left_off() -> None:
    assert await MemoryKeyState(MemoryKey(Nonces(NOW_US + 5))).next_nonce(NOW_NS) == NOW_US + 6


async def test_the_turn_goes_to_who_has_waited_longest() -> None:
    key = MemoryKey()
    users = [MemoryKeyState(key) for _ in range(3)]
    assert await users[0].take_turn(0)
    assert await users[0].take_turn(0)
    waiting = [asyncio.create_task(user.take_turn(10)) for user in users[1:]]
    await asyncio.sleep(0)
    assert not await users[1].take_turn(0)

    users[0].give_turn()
    assert await waiting[0]
    assert not waiting[1].done()
    users[0].give_turn()
    assert key.holder is users[1]
    users[1].give_turn()
    assert await waiting[1]


async def test_patience_ends_and_leaves_no_trace() -> None:
    key = MemoryKey()
    one, other = MemoryKeyState(key), MemoryKeyState(key)
    await one.take_turn(0)

    assert not await other.take_turn(0.001)
    one.give_turn()
    assert key.holder is None


async def test_who_is_called_and_gives_up_at_that_moment_passes_the_turn_on() -> None:
    key = MemoryKey()
    one, other = MemoryKeyState(key), MemoryKeyState(key)
    await one.take_turn(0)
    waiting = asyncio.create_task(other.take_turn(10))
    await asyncio.sleep(0)
    one.give_turn()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert key.holder is None


async def test_the_turn_of_the_dead_is_free_and_so_is_their_place_in_the_queue() -> None:
    key = MemoryKey()
    one, dead, last = (MemoryKeyState(key) for _ in range(3))
    await one.take_turn(0)
    waiting = [asyncio.create_task(user.take_turn(10)) for user in (dead, last)]
    await asyncio.sleep(0)
    dead.died()
    one.died()

    assert await waiting[1]
    assert key.holder is last
    waiting[0].cancel()


async def test_a_budget_is_one_for_all_who_name_it() -> None:
    key = MemoryKey()
    one = SharedBudget(MemoryKeyState(key).cell("rest", Standing), 15, 0.5)
    other = SharedBudget(MemoryKeyState(key).cell("rest", Standing), 15, 0.5)
    one.spend(10, 0)

    assert other.take(6, 0) == pytest.approx(2)
    assert SharedBudget(MemoryKeyState(key).cell("orders BTC/USD", Standing), 60, 1).take(6, 0) == 0


async def test_the_breaker_is_kept_for_the_next_user() -> None:
    key = MemoryKey()
    assert await MemoryKeyState(key).load_breaker() is None
    await MemoryKeyState(key).save_breaker(b"state")

    assert await MemoryKeyState(key).load_breaker() == b"state"

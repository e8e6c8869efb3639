from __future__ import annotations

from collections.abc import Callable

import pytest

from leadline.clock import NS_PER_S
from leadline.venues.binance.snapshots import DepthSnapshot, Snapshots, Wish, decode_depth, limit_for
from leadline.venues.binance.wire import NOT_UNDERSTOOD

EMPTY = DepthSnapshot(7, [], [])


class Taker:
    poke: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self) -> None:
        self.taken: list[tuple[str, DepthSnapshot]] = []
        self.pokes = 0
        self.poke = self._poke

    def _poke(self) -> None:
        self.pokes += 1

    def snapshot(self, symbol: str, snapshot: DepthSnapshot, now_ns: int) -> None:
        self.taken.append((symbol, snapshot))


def never(symbol: str) -> bool:
    return False


def test_one_fetch_serves_all_who_wait_and_pokes_them() -> None:
    snapshots, one, other = Snapshots(), Taker(), Taker()
    snapshots.want("BTC", 100, one)
    wish = snapshots.next(0, never)
    snapshots.want("BTC", 100, other)

    assert wish == Wish("BTC", 500)
    assert snapshots.next(0, never) is None
    snapshots.fetched(wish, EMPTY, 1)

    assert one.taken == other.taken == [("BTC", EMPTY)]
    assert (one.pokes, other.pokes, len(snapshots), snapshots.wake_at()) == (1, 1, 0, None)


def test_what_is_being_fetched_is_told_as_it_was_asked_for_until_it_has_come_or_failed() -> None:
    snapshots, shallow, deep = Snapshots(), Taker(), Taker()
    assert snapshots.under_way("BTC") is None
    snapshots.want("BTC", 100, shallow)
    assert snapshots.under_way("BTC") is None, "nobody serves it yet"
    wish = snapshots.next(0, never)
    snapshots.want("BTC", 1000, deep)
    assert wish is not None
    assert snapshots.under_way("BTC") == wish == Wish("BTC", 500)
    snapshots.failed(wish, 1)
    assert snapshots.under_way("BTC") is None
    again = snapshots.next(10**9, never)
    assert again == snapshots.under_way("BTC") == Wish("BTC", 1000)
    snapshots.fetched(again, EMPTY, 2)
    assert snapshots.under_way("BTC") is None


def test_the_urgent_come_first_and_then_who_has_waited_longest() -> None:
    snapshots, taker = Snapshots(), Taker()
    for due_ns, symbol in enumerate(("A", "B", "C")):
        snapshots.want(symbol, 10, taker, due_ns)

    order = [snapshots.next(9, lambda symbol: symbol == "C") for _ in range(4)]

    assert [wish and wish.symbol for wish in order] == ["C", "A", "B", None]


def test_who_needs_more_levels_than_were_fetched_waits_for_the_next() -> None:
    snapshots, shallow, deep = Snapshots(), Taker(), Taker()
    snapshots.want("BTC", 100, shallow)
    wish = snapshots.next(0, never)
    assert wish is not None
    snapshots.want("BTC", 1000, deep)

    snapshots.fetched(wish, EMPTY, 1)

    assert (len(shallow.taken), len(deep.taken)) == (1, 0)
    assert snapshots.next(1, never) == Wish("BTC", 1000)


def test_a_failed_fetch_is_tried_again_later_and_later_up_to_fifteen_seconds() -> None:
    snapshots, now_ns, delays = Snapshots(), 0, []
    snapshots.want("BTC", 10, Taker())
    for _ in range(9):
        wish = snapshots.next(now_ns, never)
        assert wish is not None
        snapshots.failed(wish, now_ns)
        due_ns = snapshots.wake_at()
        assert due_ns is not None
        assert snapshots.next(due_ns - 1, never) is None
        delays.append((due_ns - now_ns) / NS_PER_S)
        now_ns = due_ns

    assert delays == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]


def test_one_that_found_no_room_in_the_budget_is_due_when_there_is_and_has_not_failed() -> None:
    snapshots = Snapshots()
    snapshots.want("A", 100, Taker())
    wish = snapshots.next(0, never)
    assert wish is not None

    snapshots.failed(wish, 0, 7 * NS_PER_S)

    assert (snapshots.next(7 * NS_PER_S - 1, never), snapshots.wake_at()) == (None, 7 * NS_PER_S)
    assert snapshots.next(7 * NS_PER_S, never) == wish
    snapshots.failed(wish, 7 * NS_PER_S)
    assert snapshots.wake_at() == 7 * NS_PER_S + NS_PER_S // 4


def test_a_wish_made_again_does_not_shorten_the_wait_after_a_failure() -> None:
    snapshots = Snapshots()
    snapshots.want("BTC", 10, Taker())
    wish = snapshots.next(0, never)
    assert wish is not None
    snapshots.failed(wish, 0)

    snapshots.want("BTC", 10, Taker())

    assert snapshots.next(1, never) is None


def test_what_nobody_waits_for_any_more_is_not_fetched() -> None:
    snapshots, taker = Snapshots(), Taker()
    snapshots.want("BTC", 10, taker)
    snapshots.unwant("BTC", taker)
    assert (snapshots.next(0, never), len(snapshots), snapshots.wanted("BTC")) == (None, 0, False)

    snapshots.want("BTC", 10, taker)
    wish = snapshots.next(0, never)
    assert wish is not None
    snapshots.unwant("BTC", taker)
    snapshots.failed(wish, 0)
    snapshots.fetched(wish, EMPTY, 0)

    assert (taker.taken, len(snapshots)) == ([], 0)


def test_whoever_serves_hears_of_a_wish_and_of_when_it_is_due() -> None:
    snapshots, calls = Snapshots(), []
    snapshots.changed = lambda: calls.append(1)

    snapshots.want("BTC", 10, Taker(), due_ns=5)

    assert (calls, snapshots.next(4, never), snapshots.wake_at()) == ([1], None, 5)


def test_an_answer_keeps_the_digits_of_the_wire() -> None:
    body = b'{"lastUpdateId":9,"E":2,"T":1,"bids":[["4.00000000","431.00000000"]],"asks":[],"new":1}'

    assert decode_depth(body, 500) == DepthSnapshot(9, [("4.00000000", "431.00000000")], [], 1, 500)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"code":-1121,"msg":"Invalid symbol."}', b"\xff"])
def test_what_is_no_snapshot_is_refused(body: bytes) -> None:
    with pytest.raises(NOT_UNDERSTOOD):
        decode_depth(body)


def test_a_book_of_as_many_levels_as_a_shallow_snapshot_has_asks_for_a_deep_one() -> None:
    assert [limit_for(depth) for depth in (5, 100, 500, 1000)] == [500, 500, 1000, 1000]

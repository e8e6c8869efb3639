from __future__ import annotations

from leadline.emulator.limits import ConnectBudget, TokenBucket

S = 10**9


def test_a_bucket_gives_its_burst_then_its_rate() -> None:
    bucket = TokenBucket(2.0, 3, 0)
    assert [bucket.take(0) for _ in range(4)] == [True, True, True, False]
    assert bucket.take(S // 2)
    assert not bucket.take(S // 2)


def test_one_request_may_count_for_several() -> None:
    bucket = TokenBucket(10.0, 10, 0)
    assert bucket.take(0, 8)
    assert not bucket.take(0, 3)
    assert bucket.take(0, 2)


def test_the_151st_connect_within_ten_minutes_bans_for_ten_minutes() -> None:
    budget = ConnectBudget()
    assert all(budget.take(number * S) for number in range(150))
    assert not budget.take(150 * S)
    assert budget.banned_until_ns == 750 * S
    assert not budget.take(749 * S)
    assert budget.take(751 * S)


def test_connects_older_than_ten_minutes_do_not_count() -> None:
    budget = ConnectBudget()
    assert all(budget.take(number * 5 * S) for number in range(400))

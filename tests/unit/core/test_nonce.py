from __future__ import annotations

import pytest

from leadline.core.nonce import MOST_NONCE, Nonces, Scale, nonce_floor
from leadline.errors import ConfigError

NOW_NS = 1_790_000_000_123_456_789
NOW_US = 1_790_000_000_123_456
HOUR_NS = 3600 * 10**9


def test_a_nonce_is_unix_time_in_microseconds() -> None:
    assert Nonces().next(NOW_NS).last == NOW_US


def test_within_one_microsecond_nonces_still_differ() -> None:
    first = Nonces().next(NOW_NS)

    assert first.next(NOW_NS).last == NOW_US + 1
    assert first.next(NOW_NS).next(NOW_NS).last == NOW_US + 2


def test_a_clock_an_hour_back_goes_on_from_the_last_nonce() -> None:
    assert Nonces(NOW_US).next(NOW_NS - HOUR_NS).last == NOW_US + 1


def test_a_move_to_nanoseconds_lifts_the_next_nonce_and_is_made_once() -> None:
    moved = Nonces(NOW_US).moved(Scale.NANOSECONDS)

    assert moved.next(NOW_NS).last == NOW_NS
    assert moved.moved(Scale.NANOSECONDS) == moved


def test_a_move_above_a_number_never_goes_down() -> None:
    assert Nonces(NOW_US).moved(NOW_US + 5).next(0).last == NOW_US + 6
    assert Nonces(NOW_US).moved(5) == Nonces(NOW_US)


@pytest.mark.parametrize(
    ("text", "floor"), [("nanoseconds", Scale.NANOSECONDS), ("17", 17), (str(MOST_NONCE - 1), MOST_NONCE - 1)]
)
def test_a_floor_is_read_from_settings(text: str, floor: object) -> None:
    assert nonce_floor(text) == floor


@pytest.mark.parametrize("text", ["", "0", "-1", "1e18", "milliseconds", str(MOST_NONCE), "9" * 30, "１７"])
def test_what_is_no_floor_is_refused_with_the_cure(text: str) -> None:
    with pytest.raises(ConfigError, match="neither nanoseconds nor a number from 1 to"):
        nonce_floor(text)

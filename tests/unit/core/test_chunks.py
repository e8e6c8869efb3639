"""A long list in parts."""

from __future__ import annotations

from leadline.core.chunks import chunks, even_chunks


def test_every_item_comes_once_in_order_and_no_part_is_too_long() -> None:
    assert [list(part) for part in chunks([1, 2, 3, 4, 5], 2)] == [[1, 2], [3, 4], [5]]
    assert list(chunks([], 3)) == []


def test_even_parts_hold_every_item_once_in_order_and_differ_by_one_at_most() -> None:
    assert even_chunks([1, 2, 3], 3) == [[1, 2, 3]]
    assert even_chunks([1, 2, 3, 4], 3) == [[1, 2], [3, 4]]
    assert even_chunks([1, 2, 3, 4, 5, 6, 7], 3) == [[1, 2, 3], [4, 5], [6, 7]]

"""A long list in parts."""

from __future__ import annotations

from leadline.core.chunks import chunks


def test_every_item_comes_once_in_order_and_no_part_is_too_long() -> None:
    assert [list(part) for part in chunks([1, 2, 3, 4, 5], 2)] == [[1, 2], [3, 4], [5]]
    assert list(chunks([], 3)) == []

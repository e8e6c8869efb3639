from __future__ import annotations

from msgspec import Struct

from leadline.core.cells import MemoryCells


class Count(Struct, frozen=True):
    made: int


def one_more(kept: Count | None) -> tuple[Count, str]:
    count = Count(1 if kept is None else kept.made + 1)
    return count, f"number {count.made}"


def test_all_users_of_a_name_change_one_value_and_are_told_what_the_change_tells() -> None:
    cells = MemoryCells()
    ours, theirs = cells.cell("count", Count), cells.cell("count", Count)

    assert ours.kept() is None
    assert [ours.change(one_more), theirs.change(one_more)] == ["number 1", "number 2"]
    assert ours.kept() == Count(2)


def test_names_have_nothing_in_common() -> None:
    cells = MemoryCells()
    cells.cell("count", Count).change(one_more)

    assert cells.cell("another", Count).kept() is None

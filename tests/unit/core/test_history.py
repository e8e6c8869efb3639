from __future__ import annotations

from leadline.core.history import KEPT_CHANGES, History


def test_what_falls_out_of_the_ring_is_counted() -> None:
    history: History[int] = History(kept=3)
    numbers = [history.add(each) for each in range(5)]

    assert numbers == [0, 1, 2, 3, 4]
    assert list(history) == [2, 3, 4]
    assert (history.count, history.forgotten, len(history)) == (5, 2, 3)


def test_ten_thousand_changes_are_kept() -> None:
    history: History[int] = History()
    for each in range(KEPT_CHANGES + 1):
        history.add(each)

    assert len(history) == 10_000
    assert next(iter(history)) == 1


def test_a_reader_goes_on_from_the_number_it_knows() -> None:
    history: History[str] = History(kept=3)
    for each in "abcde":
        history.add(each)

    assert history.since(4) == ("e",)
    assert history.since(5) == ()
    assert history.since(0) == ("c", "d", "e")


def test_changes_may_come_while_they_are_read() -> None:
    history: History[int] = History(kept=3)
    history.add(1)
    for each in history:
        history.add(each + 1)

    assert list(history) == [1, 2]

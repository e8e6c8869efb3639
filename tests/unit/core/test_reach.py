from __future__ import annotations

from leadline.core.reach import Reach


def test_failures_count_in_a_row_until_an_answer_comes() -> None:
    reach = Reach()
    assert (reach.failures, reach.heard_ns) == (0, None)
    reach.failed(1)
    reach.failed(2)
    assert (reach.failures, reach.heard_ns) == (2, 2)
    reach.answered(3)
    assert (reach.failures, reach.heard_ns) == (0, 3)


def test_being_told_that_we_ask_too_much_is_an_answer_and_holds_until_the_next() -> None:
    reach = Reach()
    reach.failed(1)
    reach.exceeded(2)
    assert (reach.failures, reach.limited) == (0, True)
    reach.failed(3)
    assert reach.limited
    reach.answered(4)
    assert not reach.limited

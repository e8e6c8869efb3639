from __future__ import annotations

from leadline.core.echo import NEAR_NS, PATIENCE_NS, Echo

S = 1_000_000_000


def test_after_a_block_all_is_as_old_as_it_until_a_ping_is_answered_soon() -> None:
    echo = Echo()
    young = echo.behind_ns
    must_ping = echo.held_up(10 * S)
    echo.sent(40 * S)
    behind = echo.behind_ns

    assert (young, must_ping, behind) == (None, True, 10 * S)
    assert echo.answered(40 * S + NEAR_NS) is False
    assert echo.behind_ns is None


def test_a_late_answer_moves_the_bound_to_its_ping_and_asks_for_another() -> None:
    echo = Echo()
    echo.held_up(10 * S)
    echo.sent(40 * S)

    assert echo.answered(43 * S) is True
    assert echo.behind_ns == 40 * S


def test_the_answer_to_a_ping_before_the_block_does_not_end_it() -> None:
    echo = Echo()
    echo.sent(9 * S)
    echo.held_up(10 * S)
    echo.sent(40 * S)

    assert echo.answered(40 * S) is False  # one is under way already
    assert echo.behind_ns == 10 * S
    echo.answered(40 * S + 1)
    assert echo.behind_ns is None


def test_a_routine_ping_that_is_answered_late_shows_a_reader_that_has_fallen_behind() -> None:
    echo = Echo()
    echo.sent(0)

    assert echo.answered(2 * S) is True
    assert echo.behind_ns == 0


def test_a_second_block_needs_no_second_ping() -> None:
    echo = Echo()
    echo.held_up(10 * S)
    echo.sent(20 * S)

    assert echo.held_up(30 * S) is False
    assert echo.behind_ns == 10 * S


def test_a_ping_that_is_never_answered_makes_a_reader_that_is_behind_leave() -> None:
    echo = Echo()
    echo.sent(0)
    assert echo.due_ns() is None
    echo.held_up(0)
    echo.sent(10 * S)

    assert echo.due_ns() == 10 * S + PATIENCE_NS


def test_an_answer_to_nothing_changes_nothing() -> None:
    echo = Echo()
    echo.held_up(10 * S)

    assert echo.answered(11 * S) is False
    assert echo.behind_ns == 10 * S

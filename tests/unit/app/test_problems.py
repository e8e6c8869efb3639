from __future__ import annotations

import pytest

from leadline.app.problems import MOST_PROBLEMS, Problems, shown
from leadline.errors import ConfigError


def test_nothing_wrong_raises_nothing() -> None:
    problems = Problems()

    problems.check("f.yaml")

    assert not problems


def test_a_single_problem_is_one_line_with_the_file_before_it() -> None:
    problems = Problems()
    problems.add("a.b", "is wrong; make it right")

    with pytest.raises(ConfigError) as caught:
        problems.check("f.yaml")

    assert str(caught.value) == "f.yaml: a.b: is wrong; make it right"
    assert caught.value.problems == ("a.b: is wrong; make it right",)


def test_several_are_told_in_the_order_of_finding_and_each_once() -> None:
    problems = Problems()
    for path in ("b", "a", "b"):
        problems.add(path, "wrong")

    with pytest.raises(ConfigError) as caught:
        problems.check("f.yaml")

    assert str(caught.value) == "f.yaml: 2 problems:\n  b: wrong\n  a: wrong"
    assert caught.value.problems == ("b: wrong", "a: wrong")


def test_what_a_block_raises_is_a_problem_at_its_path_and_the_next_block_runs() -> None:
    problems, reached = Problems(), []

    with problems.at("first"):
        raise ConfigError("no")
    with problems.at("second"):
        reached.append(True)

    assert reached
    with pytest.raises(ConfigError, match=r"^first: no$"):
        problems.check()


def test_several_problems_in_one_error_stay_several() -> None:
    problems = Problems()

    with problems.at("account"):
        raise ConfigError("2 problems", problems=["no key", "no secret"])

    with pytest.raises(ConfigError) as caught:
        problems.check()
    assert caught.value.problems == ("account: no key", "account: no secret")


def test_beyond_a_bound_they_are_only_counted() -> None:
    problems = Problems()
    for number in range(MOST_PROBLEMS + 7):
        problems.add(f"a{number}", "wrong")

    with pytest.raises(ConfigError) as caught:
        problems.check("f.yaml")

    assert len(caught.value.problems) == MOST_PROBLEMS + 1
    assert caught.value.problems[-1] == "and 7 more"
    assert str(caught.value).startswith(f"f.yaml: {MOST_PROBLEMS + 7} problems:")


@pytest.mark.parametrize(
    ("text", "told"),
    [("BTC/USD", "'BTC/USD'"), ("", "''"), ("x" * 41, "(not shown)"), ("a=b", "(not shown)")],
)
def test_what_may_be_a_key_in_the_wrong_place_is_not_shown(text: str, told: str) -> None:
    assert shown(text) == told

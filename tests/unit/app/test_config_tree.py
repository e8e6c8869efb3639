from __future__ import annotations

from typing import Any

import pytest
from msgspec import Struct

from leadline.app.config_tree import fitted
from leadline.app.problems import Problems
from leadline.errors import ConfigError


class Part(Struct, frozen=True):
    word: str | None = None
    count: int = 1
    share: float = 0.5
    on: bool = False


class File(Struct, frozen=True):
    part: Part = Part()
    parts: dict[str, Part] = {}
    words: tuple[str, ...] = ()
    maybe: Part | None = None


def fit(tree: object) -> tuple[Any, tuple[str, ...]]:
    problems = Problems()
    value = fitted(tree, File, problems)
    try:
        problems.check()
    except ConfigError as error:
        return value, error.problems
    return value, ()


def test_texts_become_what_their_field_is() -> None:
    tree = {"part": {"word": "x", "count": "7", "share": "0.25", "on": "True"}, "words": ["a", "b"]}

    assert fit(tree) == (File(Part("x", 7, 0.25, True), words=("a", "b")), ())


@pytest.mark.parametrize("tree", [None, {}, "", {"part": ""}, {"parts": {}}, {"words": []}])
def test_what_is_left_out_has_its_default(tree: object) -> None:
    assert fit(tree) == (File(), ())


def test_a_part_that_may_be_left_out_is_there_once_it_is_named() -> None:
    assert fit({"maybe": ""}) == (File(maybe=Part()), ())


def test_every_misfit_is_told_and_the_rest_is_taken() -> None:
    tree = {
        "part": {"count": "many", "share": "half", "on": "perhaps", "word": ["x"], "colour": "red"},
        "parts": [],
        "words": ["a", {"b": "c"}],
        "wrods": [],
    }

    value, problems = fit(tree)

    assert value == File(words=("a",))
    assert problems == (
        "part.count: expected a whole number, found a text",
        "part.share: expected a number, found a text",
        "part.on: expected true or false, found a text",
        "part.word: expected a text, found a list",
        "part.colour: there is no such setting; valid here: word, count, share, on",
        "parts: expected settings by name, found a list",
        "words[1]: expected a text, found settings by name",
        "wrods: there is no such setting; valid here: part, parts, words, maybe; did you mean words?",
    )


@pytest.mark.parametrize("text", ["1.5", "0x10", "1e3", "1_000", "", "9" * 10, "nan"])
def test_what_is_no_whole_number_is_none(text: str) -> None:
    assert fit({"part": {"count": text}})[1] == ("part.count: expected a whole number, found a text",)


@pytest.mark.parametrize("tree", ["text", ["list"]])
def test_a_file_of_another_kind_is_told_once(tree: object) -> None:
    value, problems = fit(tree)

    assert value == File()
    assert len(problems) == 1
    assert problems[0].startswith("the file: expected settings by name, found a")


def test_a_name_that_may_be_a_key_in_the_wrong_place_is_not_told() -> None:
    key = "K" * 56

    problems = [*fit({key: "x"})[1], *fit({"parts": {key: {"colour": "red"}}})[1]]

    assert len(problems) == 2
    assert not [one for one in problems if key in one]

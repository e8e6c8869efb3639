from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from leadline.cli.options import STREAMED, Amount, read_channels, read_since, shown
from leadline.model.market import Channel

OPTION = click.Option(["--channels"])
CONTEXT = click.Context(click.Command("watch"))


def test_channels_are_read_in_the_order_given_and_each_once() -> None:
    read = read_channels(CONTEXT, OPTION, "book, ticker,book")

    assert read == (Channel.BOOK, Channel.TICKER)


def test_all_that_is_streamed_can_be_named() -> None:
    names = ",".join(channel.value for channel in STREAMED)

    assert read_channels(CONTEXT, OPTION, names) == STREAMED


def test_an_unknown_channel_is_refused_with_the_known_ones() -> None:
    with pytest.raises(click.BadParameter, match="no channel 'books'; there are ticker, book, trades, bars"):
        read_channels(CONTEXT, OPTION, "books")


def test_naming_none_is_refused() -> None:
    with pytest.raises(click.BadParameter, match="name at least one"):
        read_channels(CONTEXT, OPTION, "")


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999"])
def test_an_amount_is_a_number_one_can_count_to(text: str) -> None:
    with pytest.raises(click.BadParameter, match=f"{text} is not a number one can count to"):
        Amount().convert(text, OPTION, CONTEXT)


def test_an_amount_keeps_its_bounds() -> None:
    assert Amount(min=0, min_open=True).convert("0.5", OPTION, CONTEXT) == 0.5
    with pytest.raises(click.BadParameter, match="not in the range"):
        Amount(min=0, min_open=True).convert("0", OPTION, CONTEXT)


def test_a_file_name_that_is_no_text_is_shown_with_marks_for_what_cannot_be() -> None:
    name = shown(Path(os.fsdecode(b"r\xff.jsonl")))

    assert name == "r\ufffd.jsonl"
    assert name.encode() == b"r\xef\xbf\xbd.jsonl"


@pytest.mark.parametrize(
    ("text", "expected_ns"),
    [
        ("1970-01-02", 86_400 * 10**9),
        ("1970-01-01T00:00:01", 10**9),
        ("1970-01-01T01:00:01+01:00", 10**9),
        ("2026-11-21T07:20:38.194252Z", 1_795_245_638_194_252_000),
    ],
)
def test_a_moment_is_utc_unless_it_says_otherwise_and_keeps_every_digit(text: str, expected_ns: int) -> None:
    assert read_since(CONTEXT, OPTION, text) == expected_ns


def test_what_is_no_moment_is_refused_with_an_example() -> None:
    assert read_since(CONTEXT, OPTION, None) is None
    with pytest.raises(click.BadParameter, match="'yesterday' is no time such as 2026-01-31"):
        read_since(CONTEXT, OPTION, "yesterday")

from __future__ import annotations

import click
import pytest

from leadline.cli.options import STREAMED, read_channels
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

from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.model.market import (
    Bar,
    Channel,
    FrozenBook,
    Side,
    Subscription,
    Ticker,
    Trade,
    parse_time_ns,
)

ONE = Decimal(1)
TIME = "2023-09-25T09:04:31.742599Z"
TIME_NS = 1695632671_742599000


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        (TIME, TIME_NS),
        ("2023-09-25T09:04:31Z", 1695632671_000000000),
        ("2023-09-25T09:04:31.123456789Z", 1695632671_123456789),
        ("2023-09-25T09:04:31.1Z", 1695632671_100000000),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
    ],
)
def test_a_time_is_read_to_the_nanosecond_with_any_number_of_digits(text: str, ns: int) -> None:
    assert parse_time_ns(text) == ns


@pytest.mark.parametrize(
    "text",
    [None, "", "yesterday", "2023-09-25T09:04:31.x", "2023-09-25T09:04:31+02:00", "2023-13-01T00:00:00Z"],
)
def test_what_is_no_utc_time_is_none(text: str | None) -> None:
    assert parse_time_ns(text) is None


def test_values_know_their_venue_time() -> None:
    ticker = Ticker("BTC/USD", *[ONE] * 9, venue_time=TIME)
    trade = Trade("BTC/USD", Side.BUY, ONE, ONE, 1, TIME)
    book = FrozenBook("BTC/USD", (), (), TIME)

    assert ticker.venue_ns == trade.venue_ns == book.venue_ns == TIME_NS


def test_a_bar_ends_an_interval_after_it_begins() -> None:
    bar = Bar("BTC/USD", 300, 1_000, ONE, ONE, ONE, ONE, ONE, ONE, 1)

    assert (bar.venue_ns, bar.end_ns) == (1_000, 300_000_001_000)


def test_a_subscription_reads_as_people_would_say_it() -> None:
    assert str(Subscription(Channel.BOOK, "BTC/USD", 100)) == "book BTC/USD depth 100"
    assert str(Subscription(Channel.BARS, "BTC/USD", 60)) == "bars BTC/USD 60 s"
    assert str(Subscription(Channel.TICKER, "BTC/USD")) == "ticker BTC/USD"

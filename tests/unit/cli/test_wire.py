from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from leadline.cli import wire
from leadline.clock import NS_PER_S, ManualClock
from leadline.core.book import Book
from leadline.model.market import (
    Bar,
    Channel,
    FrozenBook,
    Gap,
    GapCause,
    Level,
    MarkPrice,
    Side,
    Ticker,
    Trade,
)
from leadline.model.reading import Reading, Source


def read(kind: str, value: Any, *, verified: bool = False) -> dict[str, Any]:
    clock = ManualClock(mono_ns=10 * NS_PER_S)
    reading = Reading(value, Source.STREAM, clock.mono_ns(), clock, verified, 5.0)
    clock.advance(0.25)
    row: dict[str, Any] = json.loads(wire.event(kind, "BTC/USD", reading))
    return row


def numbers(value: Any) -> list[Any]:
    """Every JSON number in a value."""
    if isinstance(value, dict):
        return [found for part in value.values() for found in numbers(part)]
    if isinstance(value, list):
        return [found for part in value for found in numbers(part)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def test_a_ticker_keeps_its_digits() -> None:
    one = Decimal("0.00000001")
    row = read(
        "ticker",
        Ticker("BTC/USD", one, one, one, one, one, one, one, one, one, None, None, "2026-01-01T00:00:00Z"),
    )

    assert list(row) == ["kind", "symbol", "source", "verified", "venue_time", "age_ms", "value"]
    assert (row["kind"], row["source"], row["verified"], row["age_ms"]) == ("ticker", "stream", False, 250.0)
    assert row["venue_time"] == "2026-01-01T00:00:00Z"
    assert row["value"]["bid"] == "0.00000001"
    assert row["value"]["change"] is None
    assert "symbol" not in row["value"]
    assert "venue_time" not in row["value"]
    assert numbers(row["value"]) == []


def test_a_book_is_its_levels_best_first() -> None:
    book = Book("BTC/USD", 10, 1, 8)
    book.load([(1000, 5), (999, 7)], [(1001, 100_000_000)])
    row = read("book", book.view, verified=True)

    assert row["verified"] is True
    assert row["value"]["bids"] == [["100.0", "0.00000005"], ["99.9", "0.00000007"]]
    assert row["value"]["asks"] == [["100.1", "1.00000000"]]
    assert (row["value"]["depth"], row["value"]["verified_depth"]) == ("10", "10")
    assert numbers(row["value"]) == []


def test_a_trade_has_its_side_and_its_id_as_texts() -> None:
    row = read("trades", Trade("BTC/USD", Side.SELL, Decimal("1.0"), Decimal(2), 2**60, "t"))

    assert row["value"] == {
        "side": "sell",
        "price": "1.0",
        "qty": "2",
        "trade_id": str(2**60),
        "backfilled": False,
    }


def test_a_bar_is_timed_by_its_beginning() -> None:
    price = Decimal("1E+1")
    row = read("bars", Bar("BTC/USD", 60, 120 * NS_PER_S, price, price, price, price, price, price, 3))

    assert row["venue_time"] == row["value"]["begin"] == "1970-01-01T00:02:00.000000000Z"
    assert (row["value"]["open"], row["value"]["trades"], row["value"]["complete"]) == ("10", "3", False)
    assert numbers(row["value"]) == []


def test_a_gap_has_the_same_keys_and_its_span() -> None:
    row = json.loads(wire.gap(Gap(Channel.TRADES, "BTC/USD", GapCause.SKIPPED, 0, NS_PER_S, 3, filled=True)))

    assert list(row) == ["kind", "symbol", "source", "verified", "venue_time", "age_ms", "value"]
    assert (row["kind"], row["source"], row["verified"], row["age_ms"]) == ("gap", None, False, None)
    assert row["value"] == {
        "channel": "trades",
        "cause": "skipped",
        "from": "1970-01-01T00:00:00.000000000Z",
        "until": "1970-01-01T00:00:01.000000000Z",
        "missing": "3",
        "filled": True,
        "suspected": False,
    }


def test_an_open_gap_has_no_end_and_counts_nothing() -> None:
    row = json.loads(wire.gap(Gap(Channel.BOOK, "BTC/USD", GapCause.DISCONNECTED, 0)))

    assert (row["value"]["until"], row["value"]["missing"]) == (None, None)


MS = 1_790_000_000_123
FUNDING_NS = 1_790_000_000 * NS_PER_S


def test_a_time_in_milliseconds_is_told_as_every_other_time() -> None:
    row = read("trades", Trade("BTC/USDT:USDT", Side.BUY, Decimal("1.0"), Decimal(2), 7, MS))

    assert row["venue_time"] == "2026-09-21T14:13:20.123000000Z"
    assert row["value"]["trade_id"] == "7"


def test_a_mark_price_has_its_funding_and_when_it_is_due() -> None:
    one = Decimal("0.00010000")
    row = read("mark", MarkPrice("BTC/USDT:USDT", one, None, one, FUNDING_NS, None, MS))

    assert row["value"] == {
        "mark": "0.00010000", "index": None, "funding_rate": "0.00010000", "settle_estimate": None,
        "next_funding": "2026-09-21T14:13:20.000000000Z",
    }  # fmt: skip
    assert read("mark", MarkPrice("BTC/USDT:USDT", one, one, None, None))["value"]["next_funding"] is None


def test_the_top_of_a_book_is_its_levels() -> None:
    level = Level(Decimal("1.50"), Decimal("0.010"))
    row = read("top", FrozenBook("BTC/USDT:USDT", (level,), (), MS))

    assert row["value"] == {"bids": [["1.50", "0.010"]], "asks": []}

from __future__ import annotations

import pytest

from leadline.app.config import parse_settings
from leadline.cli.emulate import words
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.exchange import Exchange
from leadline.emulator.serve import Endpoints


def told() -> str:
    venues = {"kraken": Exchange(start_ns=0, rate=0), "binance": BinanceExchange(start_ns=0, rate=0)}
    return words(Endpoints("127.0.0.1:8080", {name: venue.doors for name, venue in venues.items()}))


@pytest.mark.parametrize(("venue", "title"), [("kraken", "Kraken"), ("binance", "Binance USDⓈ-M Futures")])
def test_the_words_hold_a_settings_file_of_each_venue_that_can_be_used(venue: str, title: str) -> None:
    text = told()

    begin = text.index("venues:", text.index(f"As a file for --config, {title}:"))
    settings = parse_settings(text[begin : text.index("\n\n", begin)], "pasted", {})

    assert (settings.venue, settings.endpoints.rest) == (venue, "http://127.0.0.1:8080")
    assert settings.account().key.api_key in text


def test_the_words_say_how_to_break_something_and_what_is_true() -> None:
    text = told()

    assert "http://127.0.0.1:8080/control/faults" in text
    assert "/truth/book?symbol=BTC/USD" in text

from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.demo.incidents import Incident
from leadline.demo.result import PriceReport
from leadline.demo.script import COMPARED, CORRUPT, DUP
from leadline.demo.standing import Standing
from leadline.demo.words import duration, news_line, price_line, progress, span_us, standing_lines
from leadline.engine.events import Diverged, LevelChanged, Reconverged
from leadline.model.level import Level
from leadline.model.reading import Source

S = 10**9
MS = 10**6


@pytest.mark.parametrize(
    ("milliseconds", "words"), [(0.4, "0 ms"), (12.3, "12 ms"), (999, "999 ms"), (1500, "1.5 s")]
)
def test_a_duration_is_said_as_a_person_would(milliseconds: float, words: str) -> None:
    assert duration(milliseconds) == words


@pytest.mark.parametrize(("microseconds", "words"), [(17.4, "17 µs"), (12_083, "12 ms"), (1.8e6, "1.8 s")])
def test_a_latency_is_said_in_the_unit_it_is_read_in(microseconds: float, words: str) -> None:
    assert span_us(microseconds) == words


def test_a_fault_is_told_three_times() -> None:
    incident = Incident(CORRUPT, S)
    head = f"   3.2 s  CORRUPT      {CORRUPT.what}"

    assert progress(incident, 3.21) == head
    incident.detected_ns = S + 14 * MS
    assert progress(incident, 3.21) == f"{head}: noticed after 14 ms"
    incident.recovered_ns = S + 270 * MS
    assert progress(incident, 3.21) == f"{head}: all verified and live 270 ms after it"


def test_a_harmless_fault_says_why() -> None:
    assert progress(Incident(DUP, S, recovered_ns=2 * S), 1).endswith(f"{DUP.what}: {DUP.harmless}")


def test_a_level_is_told_with_its_meaning_and_its_reasons() -> None:
    change = LevelChanged(Level.OUTAGE, Level.FULL, ("no line has stood for 1.2 s", "and REST fails"))

    assert news_line(change, "kraken", 9.4) == (
        "   9.4 s  kraken OUTAGE, was FULL: no path reaches the venue "
        "(no line has stood for 1.2 s; and REST fails)"
    )
    assert news_line(LevelChanged(Level.FULL, Level.OUTAGE, ()), "binance", 12.0).endswith(
        "binance FULL, was OUTAGE: all as wanted"
    )


def test_a_divergence_is_told_with_both_sides_and_its_name() -> None:
    found = Diverged("ticker", "DOT/USD", "bid", "4.1", "41", "theirs is 10 × ours, 3 times", Source.REST)

    assert news_line(found, "kraken", 1) == (
        "   1.0 s  DOT/USD: bid 4.1 on the stream, 41 by REST: theirs is 10 × ours, 3 times"
    )
    assert "agree again, after 33 s" in news_line(Reconverged("ticker", "DOT/USD", 33.2), "kraken", 1)


def test_prices_that_lie_apart_between_venues_are_told_as_such() -> None:
    found = Diverged("price", "BTC/USD", "mid against binance BTC/USDT:USDT", "100", "109", "", None)

    assert news_line(found, "kraken", 1) == (
        "   1.0 s  BTC/USD: 100 at kraken, 109 elsewhere (mid against binance BTC/USDT:USDT)"
    )
    assert "the venues agree again, after 3 s" in news_line(Reconverged("price", "BTC/USD", 3), "kraken", 1)


def test_the_price_between_two_venues_is_told_with_its_bounds() -> None:
    price = PriceReport(
        COMPARED, (Decimal(63000), Decimal("63012.6")), Decimal("12.6"), 2.0, -1.5, 3.0, "agreed"
    )

    assert price_line(price) == ("BTC/USD 63,000.00, BTC/USDT:USDT 63,012.60: +12.60, +2.0 bp (-1.5 to +3.0)")


def test_with_one_price_alone_there_is_nothing_to_compare() -> None:
    price = PriceReport(COMPARED, (None, Decimal("63012.6")), None, None, -1.5, 3.0, "unvalidated")

    assert price_line(price) == "BTC/USD not live, BTC/USDT:USDT 63,012.60: nothing to compare"


def test_four_symbols_stand_on_a_line_each_with_source_confidence_and_level() -> None:
    symbols = [f"S{number}/USD" for number in range(5)]
    first, second = standing_lines(
        [Standing(symbol, Source.STREAM, 0.5, Level.FULL, "kraken") for symbol in symbols[:4]]
        + [Standing(symbols[4], None, 0.1, Level.OUTAGE, "kraken")]
    )

    assert first.strip() == " · ".join(f"{symbol} stream 0.50 FULL" for symbol in symbols[:4])
    assert second.strip() == "S4/USD no source 0.10 OUTAGE"

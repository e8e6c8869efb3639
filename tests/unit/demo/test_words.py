from __future__ import annotations

import pytest

from leadline.demo.incidents import Incident
from leadline.demo.script import CORRUPT, DUP
from leadline.demo.standing import Standing
from leadline.demo.words import duration, news_line, progress, standing_lines
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

    assert news_line(change, 9.4) == (
        "   9.4 s  OUTAGE, was FULL: no path reaches the venue (no line has stood for 1.2 s; and REST fails)"
    )
    assert news_line(LevelChanged(Level.FULL, Level.OUTAGE, ()), 12.0).endswith(
        "FULL, was OUTAGE: all as wanted"
    )


def test_a_divergence_is_told_with_both_sides_and_its_name() -> None:
    found = Diverged("ticker", "DOT/USD", "bid", "4.1", "41", "theirs is 10 × ours, 3 times", Source.REST)

    assert news_line(found, 1) == (
        "   1.0 s  DOT/USD: bid 4.1 on the stream, 41 by REST: theirs is 10 × ours, 3 times"
    )
    assert "agree again, after 33 s" in news_line(Reconverged("ticker", "DOT/USD", 33.2), 1)


def test_four_symbols_stand_on_a_line_each_with_source_confidence_and_level() -> None:
    symbols = [f"S{number}/USD" for number in range(5)]
    first, second = standing_lines(
        [Standing(symbol, Source.STREAM, 0.5, Level.FULL) for symbol in symbols[:4]]
        + [Standing(symbols[4], None, 0.1, Level.OUTAGE)]
    )

    assert first.strip() == " · ".join(f"{symbol} stream 0.50 FULL" for symbol in symbols[:4])
    assert second.strip() == "S4/USD no source 0.10 OUTAGE"

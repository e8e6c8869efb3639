from __future__ import annotations

import pytest

from leadline.demo.incidents import Incident
from leadline.demo.script import CORRUPT, DUP
from leadline.demo.words import duration, progress

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

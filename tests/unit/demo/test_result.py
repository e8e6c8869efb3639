from __future__ import annotations

import msgspec

from leadline.demo.result import FaultReport, Latency, latency_of


def test_the_percentiles_are_of_what_was_measured() -> None:
    assert latency_of([1000 * number for number in range(1, 101)]) == Latency(51.0, 100.0)
    assert latency_of([2500]) == Latency(2.5, 2.5)


def test_without_measurements_there_are_no_percentiles() -> None:
    assert latency_of([]) == Latency(None, None)


def test_a_reason_is_written_only_where_nothing_was_noticed() -> None:
    noticed = FaultReport("CLOSE", 1.5, 20.0)
    harmless = FaultReport("DUP", None, 20.0, "known by its id")

    assert msgspec.json.encode(noticed) == b'{"kind":"CLOSE","detected_ms":1.5,"recovered_ms":20.0}'
    assert msgspec.json.decode(msgspec.json.encode(harmless)) == {
        "kind": "DUP",
        "detected_ms": None,
        "recovered_ms": 20.0,
        "reason": "known by its id",
    }

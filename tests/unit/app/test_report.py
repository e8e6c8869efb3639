from __future__ import annotations

import msgspec

from leadline.app.report import LevelReport, Report, Status
from reports import report


def test_a_report_is_the_same_after_its_way_through_the_socket() -> None:
    told = report()

    assert msgspec.json.decode(msgspec.json.encode(told), type=Report) == told


def test_its_names_are_those_of_the_venues_words() -> None:
    row = msgspec.json.decode(msgspec.json.encode(report()))

    assert row["started"] == {"reference data": 0.2, "ready": 1.5}
    assert row["streams"]["by_state"] == {"live": 8}
    assert row["account"]["by_state"] == {"working": 2}


def test_a_status_is_the_same_after_its_way_through_the_socket() -> None:
    told = Status("kraken", None, "", None, None, LevelReport("FULL", ("a",), True), "starting")

    assert msgspec.json.decode(msgspec.json.encode(told), type=Status) == told

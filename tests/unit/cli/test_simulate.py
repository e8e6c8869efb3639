from __future__ import annotations

import json

from click.testing import CliRunner

from leadline.cli.simulate import command

KEYS = [
    "seeds",
    "virtual_hours",
    "faults",
    "books_compared",
    "trades",
    "served_wrong",
    "stale_as_fresh",
    "gaps_unexplained",
    "round_trip_ms",
    "violations",
]
OF_THE_ACCOUNT = [
    "orders",
    "fills",
    "restarts",
    "lost",
    "duplicated",
    "misjudged",
    "fills_missed",
    "fills_doubled",
    "unresolved",
    "nonce_refused",
    "limit_refused",
]


def test_a_clean_run_is_one_object_of_integers() -> None:
    result = CliRunner().invoke(command, ["--seeds", "2", "--minutes", "2", "--jobs", "1", "--json"])

    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert list(told)[: len(KEYS)] == KEYS
    assert (told["seeds"], told["virtual_hours"], told["violations"]) == (2, 0.067, [])
    assert 20 <= told["round_trip_ms"]["p50"] <= 300 < told["round_trip_ms"]["p99"] <= 2000
    assert told["levels_seen"][:3] == ["FULL", "DEGRADED", "EMERGENCY_ONLY"]
    assert list(told["failover_ms"]) == ["p50", "p99", "max"]
    assert (told["false_alarms"], told["missed_divergences"]) == (0, 0)
    no_counts = ("virtual_hours", "round_trip_ms", "violations", "levels_seen", "failover_ms")
    assert all(type(value) is int for key, value in told.items() if key not in no_counts)
    assert told.keys() >= set(OF_THE_ACCOUNT)
    assert told["orders"] > told["fills"] > 0
    assert [told[kind] for kind in OF_THE_ACCOUNT[3:]] == [0] * 8


def test_a_violation_is_exit_1_with_the_command_that_shows_it_again() -> None:
    arguments = ["--seeds", "1", "--first-seed", "4", "--minutes", "2", "--plant", "stale-as-fresh"]
    as_json = CliRunner().invoke(command, [*arguments, "--json"])
    in_words = CliRunner().invoke(command, arguments)

    assert (as_json.exit_code, in_words.exit_code) == (1, 1)
    first = json.loads(as_json.stdout)["violations"][0]
    assert set(first) == {"seed", "at_s", "kind", "symbol", "seen", "true", "command"}
    assert first["command"] == f"leadline simulate {' '.join(arguments)}"
    assert first["command"] in in_words.stdout


def test_unknown_plants_and_too_short_runs_are_wrong_use() -> None:
    assert CliRunner().invoke(command, ["--seeds", "1", "--plant", "weeds"]).exit_code == 2
    assert CliRunner().invoke(command, ["--seeds", "1", "--minutes", "1"]).exit_code == 2


def test_a_venue_is_chosen_and_a_bug_of_another_venue_is_refused_with_the_cure() -> None:
    arguments = ["--seeds", "1", "--minutes", "2", "--jobs", "1", "--json"]
    there = CliRunner().invoke(command, [*arguments, "--venue", "binance"])
    refused = CliRunner().invoke(command, [*arguments, "--plant", "pu-unchecked"])

    assert there.exit_code == 0
    told = json.loads(there.stdout)
    assert (told["seeds"], told["virtual_hours"], told["violations"]) == (1, 0.033, [])
    assert refused.exit_code == 2
    assert "--venue binance" in refused.output

from __future__ import annotations

from collections import Counter

from leadline.simulation.report import KEPT_VIOLATIONS, Findings, Report


def test_a_finding_says_when_what_and_how_to_see_it_again() -> None:
    findings = Findings(7, "leadline simulate --first-seed 7")
    findings.add("served_wrong", "BTC/USD", 1, 2, 1_500_000_000)

    [one] = findings.violations
    assert (one.seed, one.at_s, one.symbol, one.seen, one.true) == (7, 1.5, "BTC/USD", "1", "2")
    assert one.command == "leadline simulate --first-seed 7"


def test_findings_are_bounded_and_their_counts_are_not() -> None:
    findings = Findings(1, "again")
    for _ in range(KEPT_VIOLATIONS + 5):
        findings.add("served_wrong", "", "", "", 0)

    assert len(findings.violations) == KEPT_VIOLATIONS
    assert findings.kinds["served_wrong"] == KEPT_VIOLATIONS + 5


def test_levels_are_kept_in_their_order_and_failovers_and_differences_add_up() -> None:
    total = Report()
    total.add(Report(levels_seen=["OUTAGE", "FULL"], failover_ms=Counter({0: 2}), differences=1))
    total.add(Report(levels_seen=["DEGRADED", "FULL"], failover_ms=Counter({0: 1, 7: 1}), differences=2))

    assert total.levels_seen == ["FULL", "DEGRADED", "OUTAGE"]
    assert (total.failover_ms, total.differences) == (Counter({0: 3, 7: 1}), 3)


def test_reports_add_up() -> None:
    total = Report()
    total.add(Report(seeds=1, faults=2, round_trip_ms=Counter({5: 1}), trace="a"))
    total.add(Report(seeds=1, faults=3, kinds=Counter({"not_live": 1}), round_trip_ms=Counter({5: 2})))

    assert (total.seeds, total.faults, total.round_trip_ms) == (2, 5, Counter({5: 3}))
    assert not total.clean and Report().clean

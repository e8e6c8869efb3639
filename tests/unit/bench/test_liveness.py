"""The comparison says the same every time, and what the documentation claims of it."""

from __future__ import annotations

import pytest

from leadline.bench.liveness import FEEDS, FIGURES, LEARNED, TIME_OUTS_S, Judged, as_report, compare

FIXED = tuple(f"{bound_s:.0f} s" for bound_s in TIME_OUTS_S)


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    return compare()


def of(judged: list[Judged], rule: str) -> list[Judged]:
    return [one for one in judged if one.rule == rule]


def test_every_rule_is_judged_over_every_feed(judged: list[Judged]) -> None:
    names = [(one.feed, one.rule) for one in judged]

    assert names == [(feed.name, rule) for feed in FEEDS for rule in (LEARNED, *FIXED)]


def test_the_same_seed_gives_the_same_figures_and_another_does_not() -> None:
    bursty = [feed for feed in FEEDS if feed.name == "bursty"]

    assert compare(7, bursty) == compare(7, bursty)
    assert compare(7, bursty) != compare(8, bursty)


@pytest.mark.parametrize("rule", FIXED)
def test_no_time_out_is_as_good_as_the_learned_bound_in_both_ways(judged: list[Judged], rule: str) -> None:
    for learned, fixed in zip(of(judged, LEARNED), of(judged, rule), strict=True):
        earlier = learned.dead_p50_s < fixed.dead_p50_s and learned.dead_p99_s < fixed.dead_p99_s
        fewer = learned.questions_h < fixed.questions_h and learned.alarms_h < fixed.alarms_h
        assert earlier or fewer


def test_a_busy_stream_is_found_dead_before_every_time_out_and_never_asked_about_in_vain(
    judged: list[Judged],
) -> None:
    learned, *fixed = [one for one in judged if one.feed == "busy"]

    assert (learned.questions_h, learned.alarms_h) == (0, 0)
    assert all(learned.dead_p99_s < one.dead_p50_s for one in fixed)
    assert learned.failing_p50_s < 0


def test_no_feed_costs_the_learned_bound_more_than_a_dozen_questions_an_hour(judged: list[Judged]) -> None:
    assert all(one.questions_h < 12 for one in of(judged, LEARNED))
    for rule in FIXED[:2]:
        assert max(one.questions_h for one in of(judged, rule)) > 200


def test_every_death_is_found_within_the_longest_bound(judged: list[Judged]) -> None:
    assert all(one.dead_p99_s <= 60 for one in judged)


def test_the_report_names_every_figure_by_feed_and_rule(judged: list[Judged]) -> None:
    report = as_report(judged)

    assert list(report) == ["silence_busy", "silence_bursty", "silence_day_and_night", "silence_quiet"]
    assert len(report["silence_bursty"]) == len(FIGURES) * (1 + len(FIXED))
    (learned,) = [one for one in of(judged, LEARNED) if one.feed == "bursty"]
    assert report["silence_bursty"]["learned_questions_h"] == learned.questions_h
    assert "10s_dead_p99_s" in report["silence_bursty"]

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from leadline.core.confidence import HALF_LIFE_S, MOST_WEIGHT, WITHIN_TOLERANCE, Confidence
from leadline.model.reading import UNVALIDATED

S = 1_000_000_000

evidence = st.lists(
    st.tuples(st.integers(0, 3600 * S), st.sampled_from([0.0, WITHIN_TOLERANCE, 1.0])), max_size=40
)
"""Steps of time, and the weight of an agreement at each; 0 is a disagreement."""

_ROUNDING = 1e-12


def after(history: Sequence[tuple[int, float]], later_ns: int = 0) -> float:
    confidence, now_ns = Confidence(), 0
    for step_ns, weight in history:
        now_ns += step_ns
        if weight:
            confidence.agreed(now_ns, weight)
        else:
            confidence.disagreed(now_ns)
    return confidence.score(now_ns + later_ns)


def test_without_evidence_nothing_is_known() -> None:
    assert Confidence().score(10**18) == UNVALIDATED == 0.5


def test_agreement_after_agreement_goes_towards_one() -> None:
    scores = [after([(60 * S, 1.0)] * times) for times in range(30)]

    assert scores == sorted(scores)
    assert scores[0] == 0.5
    assert scores[3] > 0.75
    assert scores[-1] > 0.9


def test_one_disagreement_outweighs_ten_agreements() -> None:
    agreements = [(S, 1.0)] * 10

    assert after(agreements) > 0.9
    assert after([*agreements, (S, 0.0)]) < 0.5
    assert after([(S, 0.0)] * 5) < 0.1


def test_a_few_agreements_after_a_disagreement_are_believed_again() -> None:
    assert after([(S, 0.0), *[(S, 1.0)] * 3]) > 0.5


def test_without_new_evidence_the_score_goes_back_to_unknown() -> None:
    sure, doubtful = [(S, 1.0)] * 20, [(S, 0.0)] * 5

    assert abs(after(sure, 40 * round(HALF_LIFE_S) * S) - UNVALIDATED) < 1e-9
    assert abs(after(doubtful, 40 * round(HALF_LIFE_S) * S) - UNVALIDATED) < 1e-9
    assert after(sure, 0) > after(sure, round(HALF_LIFE_S) * S) > UNVALIDATED
    assert after(doubtful, 0) < after(doubtful, round(HALF_LIFE_S) * S) < UNVALIDATED


def test_a_clock_that_goes_back_changes_nothing() -> None:
    confidence = Confidence()
    confidence.agreed(100 * S)

    assert confidence.score(0) == confidence.score(100 * S)


@given(evidence)
def test_the_score_stays_between_its_ends(history: list[tuple[int, float]]) -> None:
    assert 0 < after(history) < 1


def test_the_weights_are_bounded() -> None:
    assert after([(0, 1.0)] * 10_000) == (1 + MOST_WEIGHT) / (2 + MOST_WEIGHT)
    assert 1 / (2 + MOST_WEIGHT) <= after([(0, 0.0)] * 10_000) < 1 / MOST_WEIGHT


@given(evidence, st.data(), st.sampled_from([WITHIN_TOLERANCE, 1.0]))
def test_another_agreement_never_lowers_the_score(
    history: list[tuple[int, float]], data: st.DataObject, weight: float
) -> None:
    at = data.draw(st.integers(0, len(history)))
    more = [*history[:at], (0, weight), *history[at:]]

    assert after(more) >= after(history) - _ROUNDING


@given(evidence, st.data())
def test_another_disagreement_never_raises_the_score(
    history: list[tuple[int, float]], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(history)))
    more = [*history[:at], (0, 0.0), *history[at:]]

    assert after(more) <= after(history) + _ROUNDING


@given(evidence, st.data())
def test_an_agreement_in_the_place_of_a_disagreement_never_lowers_the_score(
    history: list[tuple[int, float]], data: st.DataObject
) -> None:
    if history:
        at = data.draw(st.integers(0, len(history) - 1))
        better = [*history[:at], (history[at][0], 1.0), *history[at + 1 :]]

        assert after(better) >= after(history) - _ROUNDING


@given(st.lists(st.sampled_from([0.0, 1.0]), max_size=20))
def test_of_the_same_evidence_what_came_last_weighs_most(weights: list[float]) -> None:
    def scored(order: list[float]) -> float:
        return after([(S, weight) for weight in order])

    assert scored(sorted(weights, reverse=True)) <= scored(weights) + _ROUNDING
    assert scored(weights) <= scored(sorted(weights)) + _ROUNDING


@given(evidence, st.integers(0, 3600 * S))
def test_time_alone_moves_the_score_towards_unknown_only(
    history: list[tuple[int, float]], later_ns: int
) -> None:
    now, later = after(history), after(history, later_ns)

    assert abs(later - UNVALIDATED) <= abs(now - UNVALIDATED) + _ROUNDING
    assert (later - UNVALIDATED) * (now - UNVALIDATED) >= -_ROUNDING

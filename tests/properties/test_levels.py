"""The service level over every observation there can be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from leadline.core.breaker import BreakerState
from leadline.core.level import PERMITS, AccountView, Deed, Hysteresis, Observation, judge
from leadline.model.level import Level
from leadline.model.market import VenueMode

S = 1_000_000_000
MODES = (
    VenueMode.ONLINE,
    VenueMode.POST_ONLY,
    VenueMode.LIMIT_ONLY,
    VenueMode.CANCEL_ONLY,
    VenueMode.MAINTENANCE,
)
BREAKERS = (BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN)


@st.composite
def observations(draw: st.DrawFn, required: int | None = None) -> Observation:
    wanted = draw(st.integers(0, 5)) if required is None else required
    live = draw(st.integers(0, wanted))
    return Observation(
        required=wanted,
        live=live,
        by_rest=draw(st.integers(0, wanted - live)),
        account=draw(st.sampled_from(AccountView)),
        account_lost_s=draw(st.floats(0, 100)),
        lines_down_s=draw(st.none() | st.floats(0, 100)),
        public_failures=draw(st.integers(0, 4)),
        public_limited=draw(st.booleans()),
        private_failures=draw(st.integers(0, 4)),
        breaker=draw(st.sampled_from(BREAKERS)),
        mode=draw(st.sampled_from(MODES)),
        divergences=draw(st.integers(0, 3)),
        clock_offset_s=draw(st.floats(-10, 10)),
    )


@st.composite
def worsened(draw: st.DrawFn, seen: Observation) -> Observation:
    """The same, worse or equal in each respect."""
    live = draw(st.integers(0, seen.live))
    account = seen.account
    if account is not AccountView.NONE:  # an account is there or it is not
        account = draw(st.sampled_from([view for view in AccountView if view >= account]))
    down = draw(st.just(seen.lines_down_s) | st.floats(seen.lines_down_s or 0.0, 200))
    return replace(
        seen,
        live=live,
        by_rest=min(seen.by_rest, seen.required - live),
        account=account,
        lines_down_s=down,
        public_failures=seen.public_failures + draw(st.integers(0, 3)),
        public_limited=seen.public_limited or draw(st.booleans()),
        private_failures=seen.private_failures + draw(st.integers(0, 3)),
        breaker=draw(st.sampled_from(BREAKERS[BREAKERS.index(seen.breaker) :])),
        mode=draw(st.sampled_from(MODES[MODES.index(seen.mode) :])),
        divergences=seen.divergences + draw(st.integers(0, 3)),
        clock_offset_s=seen.clock_offset_s * draw(st.floats(1, 3)),
    )


@given(st.data())
def test_a_worse_observation_never_gives_a_better_level(data: st.DataObject) -> None:
    seen = data.draw(observations())
    worse = data.draw(worsened(seen))

    assert judge(worse).level >= judge(seen).level
    assert PERMITS[judge(worse).level] <= PERMITS[judge(seen).level]


@given(observations())
def test_a_level_is_not_full_exactly_where_there_are_reasons(seen: Observation) -> None:
    verdict = judge(seen)

    assert bool(verdict.reasons) == (verdict.level is not Level.FULL)


@given(st.lists(st.tuples(observations(required=3), st.floats(0.1, 30)), min_size=1, max_size=30))
def test_the_level_to_act_on_is_never_better_than_what_is_seen(
    looks: list[tuple[Observation, float]],
) -> None:
    hysteresis, now_ns = Hysteresis(), 0
    for seen, pause_s in looks:
        verdict = hysteresis.judge(seen, now_ns)
        assert verdict.level >= judge(seen).level
        assert bool(verdict.reasons) == (verdict.level is not Level.FULL)
        now_ns += round(pause_s * S)


@given(st.lists(st.tuples(observations(required=3), st.floats(0.1, 30)), max_size=20))
def test_whatever_was_seen_all_is_well_two_minutes_after_it_is(
    looks: list[tuple[Observation, float]],
) -> None:
    hysteresis, now_ns = Hysteresis(), 0
    well = Observation(required=3, live=3, account=AccountView.READY)
    for seen, pause_s in looks:
        hysteresis.judge(seen, now_ns)
        now_ns += round(pause_s * S)
    hysteresis.judge(well, now_ns)

    assert hysteresis.judge(well, now_ns + 120 * S).level is Level.FULL


@given(observations())
def test_a_cancel_is_always_permitted(seen: Observation) -> None:
    assert Deed.CANCEL in PERMITS[judge(seen).level]

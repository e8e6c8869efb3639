from __future__ import annotations

import pytest
from msgspec.structs import replace

from leadline.core.advice import ENOUGH_READS, Figures, Odd, Slow, recommendations

WELL = Figures(
    seen_s=3600,
    stream_reads=9_600,
    rest_reads=300,
    cache_reads=100,
    lines=1,
    line_losses=2,
    clock_offset_s=0.02,
    slow=(Slow("strategy", worst_ms=12.0),),
    blocked_ms=20.0,
    budget_share=0.5,
    rest_p99_s=0.3,
)


def said(figures: Figures) -> dict[str, str]:
    return dict(recommendations(figures))


def changed(**figures: object) -> Figures:
    return replace(WELL, **figures)


def test_nothing_is_said_when_all_is_well() -> None:
    assert said(WELL) == {}
    assert said(Figures(seen_s=0.0)) == {}


@pytest.mark.parametrize(
    ("figures", "kind", "number", "cure"),
    [
        (
            changed(odd=(Odd("ticker", "BTC/USD", "theirs is 0.01 × ours"),)),
            "divergence",
            "0.01",
            "do not trade it",
        ),
        (changed(unfilled_gaps=3), "unfilled gaps", "3 holes", "leave those spans out"),
        (changed(breaker_trips=2), "breaker", "2 times", "leadline status"),
        (changed(unsaved=True), "checkpoints", "cannot be written", "free space"),
        (
            changed(blocked_ms=30_000.0, blocked_by="strategy"),
            "blocked loop",
            "strategy held up the event loop for 30000 ms",
            "thread",
        ),
        (changed(slow=(Slow("writer", 3.0, dropped=250),)), "slow reader", "250 values", "newest value"),
        (changed(slow=(Slow("writer", 180.0),)), "slow reader", "180 ms", "others wait"),
        (changed(line_losses=9), "unsteady line", "9 times in 60 min", "count: 2"),
        (changed(lines=2, switches=9), "switches", "9 times in 60 min", "nothing was lost"),
        (changed(stream_reads=800, rest_reads=100), "stream share", "80.0% of 1000 reads", "feed.hold"),
        (changed(rest_reads=300, cache_reads=10, stream_reads=9_999), "cache", "300 of 310", "ask together"),
        (changed(throttled=4), "budget", "4 REST requests", "ask less often"),
        (changed(budget_share=0.93), "budget", "93%", "spread history"),
        (changed(rest_p99_s=3.25), "slow REST", "3.2 s", "second line"),
        (changed(clock_offset_s=2.5), "clock", "2.5 s behind", "NTP"),
        (changed(clock_offset_s=-2.5), "clock", "2.5 s ahead of", "NTP"),
        (changed(refused=("ticker NIL/USD",)), "refused", "ticker NIL/USD", "configuration"),
        (changed(orders_delayed=7), "order counter", "7 orders", "amend instead"),
    ],
)
def test_each_trouble_is_said_alone_with_its_number_and_its_cure(
    figures: Figures, kind: str, number: str, cure: str
) -> None:
    found = said(figures)

    assert list(found) == [kind]
    assert number in found[kind]
    assert cure in found[kind]


def test_a_share_of_few_reads_means_nothing() -> None:
    few = Figures(seen_s=60, stream_reads=0, rest_reads=ENOUGH_READS - 1, cache_reads=0)

    assert said(few) == {}


def test_one_loss_in_the_first_minute_is_no_unsteady_line() -> None:
    assert said(Figures(seen_s=5, line_losses=2)) == {}


def test_several_of_a_kind_are_counted_and_one_is_named() -> None:
    two = changed(
        refused=("ticker NIL/USD", "book NIL/USD"), odd=(Odd("book", "A/B", "x"), Odd("book", "C/D", "y"))
    )

    assert "ticker NIL/USD and 1 more" in said(two)["refused"]
    assert "(and 1 more)" in said(two)["divergence"]

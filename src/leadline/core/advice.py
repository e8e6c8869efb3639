"""Recommendations in plain words, each with the number that led to it; nothing at all when all is well.

Rule: a sentence says what was measured, over which time, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct

ENOUGH_READS = 100
"""A share of fewer reads than this means nothing."""

MANY_LOSSES_PER_H = 6.0
MANY_SWITCHES_PER_H = 6.0
CLOCK_OFFSET_S = 1.0
SLOW_MS = 100.0
BLOCKED_MS = 100.0
BUDGET_SHARE = 0.8
SLOW_REST_S = 2.0
FEW_CACHED = 0.2

_HOUR_S = 3600.0
_SOME = 3  # fewer than this are chance, whatever rate they make


class Slow(Struct, frozen=True):
    """A reader that held others up or fell behind: the longest call, and what was dropped for it."""

    name: str
    worst_ms: float = 0.0
    dropped: int = 0


class Odd(Struct, frozen=True):
    """A difference between sources that recurs: of which symbol, and what kind it is."""

    channel: str
    symbol: str
    pattern: str


class Figures(Struct, frozen=True, kw_only=True):
    """What has been measured over the last `seen_s`; what is not known is None."""

    seen_s: float
    stream_reads: int = 0
    rest_reads: int = 0
    cache_reads: int = 0
    wanted_share: float = 0.95
    lines: int = 1
    line_losses: int = 0
    switches: int = 0
    clock_offset_s: float | None = None
    slow: tuple[Slow, ...] = ()
    blocked_ms: float = 0.0
    blocked_by: str = ""
    budget_share: float = 0.0
    """The largest share of the public request budget that was spent at one time."""
    throttled: int = 0
    rest_p99_s: float | None = None
    unfilled_gaps: int = 0
    odd: tuple[Odd, ...] = ()
    refused: tuple[str, ...] = ()
    breaker_trips: int = 0
    orders_delayed: int = 0
    """Orders that waited for room in the venue's order counter."""
    unsaved: bool = False
    """Whether checkpoints cannot be written."""


class Recommendation(NamedTuple):
    """A short name, and what a person should know and do."""

    kind: str
    text: str


def recommendations(figures: Figures) -> list[Recommendation]:
    """Everything worth saying about these figures, the most harmful first."""
    found = []
    for kind, rule in _RULES:
        text = rule(figures)
        if text is not None:
            found.append(Recommendation(kind, text))
    return found


def _often(count: int, seen_s: float, per_h: float) -> bool:
    return count >= _SOME and count * _HOUR_S >= per_h * seen_s


def _odd(figures: Figures) -> str | None:
    if not figures.odd:
        return None
    first = figures.odd[0]
    more = f" (and {len(figures.odd) - 1} more)" if len(figures.odd) > 1 else ""
    return (
        f"stream and REST keep differing on the {first.channel} of {first.symbol}: {first.pattern}{more};"
        " do not trade it before you know which is right, and tell the venue"
    )


def _unfilled(figures: Figures) -> str | None:
    if not figures.unfilled_gaps:
        return None
    return (
        f"{figures.unfilled_gaps} holes in trades or bars could not be filled by REST;"
        " leave those spans out of what you compute from them"
    )


def _breaker(figures: Figures) -> str | None:
    if not figures.breaker_trips:
        return None
    return (
        f"the breaker has opened {figures.breaker_trips} times; `leadline status` says why, and orders wait"
        " for 300 s each time"
    )


def _unsaved(figures: Figures) -> str | None:
    if not figures.unsaved:
        return None
    return "checkpoints cannot be written: free space in the state folder, or the next start knows nothing"


def _blocked(figures: Figures) -> str | None:
    if figures.blocked_ms < BLOCKED_MS:
        return None
    who = figures.blocked_by or "code in the event loop"
    return (
        f"{who} held up the event loop for {figures.blocked_ms:.0f} ms: nothing was received meanwhile;"
        " make it a coroutine, or hand its work to a thread"
    )


def _slow(figures: Figures) -> str | None:
    worst = max(figures.slow, key=lambda each: (each.dropped, each.worst_ms), default=None)
    if worst is None:
        return None
    if worst.dropped:
        return (
            f"{worst.name} fell so far behind that {worst.dropped} values were dropped for it;"
            " read the newest value instead of every one, or do less per value"
        )
    if worst.worst_ms < SLOW_MS:
        return None
    return f"{worst.name} took up to {worst.worst_ms:.0f} ms for one value; others wait that long behind it"


def _losses(figures: Figures) -> str | None:
    if figures.lines > 1 or not _often(figures.line_losses, figures.seen_s, MANY_LOSSES_PER_H):
        return None
    return (
        f"the connection broke {figures.line_losses} times in {_span(figures.seen_s)};"
        " set `lines: {count: 2}` so that a second one takes over without a gap, and look at the network"
    )


def _switches(figures: Figures) -> str | None:
    if figures.lines < 2 or not _often(figures.switches, figures.seen_s, MANY_SWITCHES_PER_H):
        return None
    return (
        f"readers were moved between lines {figures.switches} times in {_span(figures.seen_s)}:"
        " nothing was lost, and the network or the venue is unsteady"
    )


def _share(figures: Figures) -> str | None:
    reads = figures.stream_reads + figures.rest_reads + figures.cache_reads
    if reads < ENOUGH_READS:
        return None
    share = figures.stream_reads / reads
    if share >= figures.wanted_share:
        return None
    return (
        f"only {share:.1%} of {reads} reads in {_span(figures.seen_s)} came from the stream"
        f" ({figures.wanted_share:.0%} are wanted): hold what you read often (feed.hold), and see which"
        " streams are not live"
    )


def _cached(figures: Figures) -> str | None:
    asked = figures.rest_reads + figures.cache_reads
    if asked < ENOUGH_READS or figures.cache_reads / asked >= FEW_CACHED:
        return None
    return (
        f"{figures.rest_reads} of {asked} reads that the stream could not answer went to REST, and"
        f" {figures.cache_reads / asked:.0%} were answered from the cache: ask together what you ask often"
    )


def _budget(figures: Figures) -> str | None:
    if figures.throttled:
        return (
            f"{figures.throttled} REST requests found no room in the budget; ask less often, fewer pairs at"
            " once, or at another time than history is fetched"
        )
    if figures.budget_share < BUDGET_SHARE:
        return None
    return (
        f"up to {figures.budget_share:.0%} of the REST budget was spent at one time: an outage would find"
        " little left; spread history and your own requests"
    )


def _rest(figures: Figures) -> str | None:
    if figures.rest_p99_s is None or figures.rest_p99_s < SLOW_REST_S:
        return None
    return (
        f"one REST answer in a hundred took {figures.rest_p99_s:.1f} s or more: a failover to REST would be"
        " as slow; a second line avoids it"
    )


def _clock(figures: Figures) -> str | None:
    offset_s = figures.clock_offset_s
    if offset_s is None or abs(offset_s) < CLOCK_OFFSET_S:
        return None
    side = "behind" if offset_s > 0 else "ahead of"
    return f"this machine's clock is {abs(offset_s):.1f} s {side} the venue's: run a time service (NTP)"


def _refused(figures: Figures) -> str | None:
    if not figures.refused:
        return None
    more = f" and {len(figures.refused) - 1} more" if len(figures.refused) > 1 else ""
    return f"the venue refuses {figures.refused[0]}{more}: take it out of the configuration"


def _orders(figures: Figures) -> str | None:
    if not figures.orders_delayed:
        return None
    return (
        f"{figures.orders_delayed} orders waited for room in the venue's order counter: let them rest longer"
        " before they are cancelled, amend instead, or ask for a higher tier"
    )


def _span(seconds: float) -> str:
    if seconds < 2 * _HOUR_S:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / _HOUR_S:.0f} h"


_RULES: tuple[tuple[str, Callable[[Figures], str | None]], ...] = (
    ("divergence", _odd),
    ("unfilled gaps", _unfilled),
    ("breaker", _breaker),
    ("checkpoints", _unsaved),
    ("blocked loop", _blocked),
    ("slow reader", _slow),
    ("unsteady line", _losses),
    ("switches", _switches),
    ("stream share", _share),
    ("cache", _cached),
    ("budget", _budget),
    ("slow REST", _rest),
    ("clock", _clock),
    ("refused", _refused),
    ("order counter", _orders),
)

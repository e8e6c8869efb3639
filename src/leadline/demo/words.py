"""The demo in plain words: one line for each thing that happens, and an honest summary at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from leadline.demo.incidents import Incident
from leadline.demo.result import PriceReport, Result
from leadline.demo.script import WHOLE_SCRIPT_S
from leadline.demo.side import Side
from leadline.demo.standing import Standing
from leadline.engine.between import CHANNEL
from leadline.engine.events import Diverged, LevelChanged, Reconverged
from leadline.model.level import Level

if TYPE_CHECKING:
    from leadline.demo.run import Demo


MEANING = {
    Level.FULL: "all as wanted",
    Level.DEGRADED: "something is replaced or in doubt, and named",
    Level.EMERGENCY_ONLY: "not to be traded on: cancels and look-ups only",
    Level.OUTAGE: "no path reaches the venue",
}
_IN_A_LINE = 4

Announced = LevelChanged | Diverged | Reconverged
"""Events that are told as they are."""


def duration(milliseconds: float) -> str:
    """A time span as a person would say it."""
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def span_us(microseconds: float) -> str:
    """The same of what mostly takes less than a millisecond."""
    return f"{microseconds:.0f} µs" if microseconds < 1000 else duration(microseconds / 1000)


def opening(demo: Demo) -> Iterator[str]:
    """What is about to happen."""
    yield (
        f"a local Kraken and a local Binance (seed {demo.seed}) at {demo.venue.address}: "
        "real sockets, no keys, nothing leaves this machine"
    )
    live = " and ".join(
        f"{len(side.symbols)} of {side.name} over {len(side.system.lines.lines)} lines" for side in demo.sides
    )
    yield f"instruments live and verified: {live}; {demo.seconds:.0f} s of faults begin"
    if demo.seconds < WHOLE_SCRIPT_S:
        yield f"a part of the walk: all faults and service levels take {WHOLE_SCRIPT_S:.0f} s"


def progress(incident: Incident, elapsed_s: float) -> str:
    """What has just become known of a fault."""
    step = incident.step
    head = f"{elapsed_s:6.1f} s  {step.kind:<11}  {step.what}"
    if incident.recovered_ms is not None:
        return f"{head}: {recovery(incident)}"
    if incident.detected_ms is not None:
        return f"{head}: noticed after {duration(incident.detected_ms)}"
    return head


def recovery(incident: Incident) -> str:
    """How a fault ended."""
    assert incident.recovered_ms is not None
    if incident.without_effect:
        return incident.reason
    return f"all verified and live {duration(incident.recovered_ms)} after it"


def news_line(event: Announced, venue: str, elapsed_s: float) -> str:
    """The new service level, what that means, and why; or what two sources make of one value."""
    match event:
        case LevelChanged():
            reasons = f" ({'; '.join(event.reasons)})" if event.reasons else ""
            changed = f"{event.level.name}, was {event.previous.name}"
            words = f"{venue} {changed}: {MEANING[event.level]}{reasons}"
        case Diverged(channel=channel) if channel == CHANNEL:
            words = f"{event.symbol}: {event.ours} at {venue}, {event.theirs} elsewhere ({event.what})"
        case Diverged():
            words = difference(event.symbol, event.what, event.ours, event.theirs, event.pattern)
        case Reconverged(channel=channel) if channel == CHANNEL:
            words = f"{event.symbol}: the venues agree again, after {event.lasted_s:.0f} s"
        case Reconverged():
            words = f"{event.symbol}: stream and REST agree again, after {event.lasted_s:.0f} s"
    return f"{elapsed_s:6.1f} s  {words}"


def difference(symbol: str, what: str, ours: str, theirs: str, pattern: str) -> str:
    """Both sides of a divergence, and its name if it has one."""
    named = f": {pattern}" if pattern else ""
    return f"{symbol}: {what} {ours} on the stream, {theirs} by REST{named}"


def price_line(price: PriceReport) -> str:
    """Both prices, what lies between them, and between which bounds that was so far."""
    prices = ", ".join(
        f"{symbol} {'not live' if mid is None else f'{mid:,.2f}'}"
        for symbol, mid in zip(price.symbols, price.mids, strict=True)
    )
    if price.difference is None or price.apart_bp is None:
        return f"{prices}: nothing to compare"
    line = f"{prices}: {price.difference:+,.2f}, {price.apart_bp:+.1f} bp"
    return f"{line} ({price.least_bp:+.1f} to {price.most_bp:+.1f})"


def standing_lines(standings: Sequence[Standing]) -> Iterator[str]:
    """Source, confidence and level of every symbol, some to a line."""
    told = []
    for one in standings:
        source = "no source" if one.source is None else one.source.value
        told.append(f"{one.symbol} {source} {one.confidence:.2f} {one.level.name}")
    for first in range(0, len(told), _IN_A_LINE):
        yield f"          {' · '.join(told[first : first + _IN_A_LINE])}"


def summary(demo: Demo, result: Result) -> Iterator[str]:
    """What was done, what was noticed, what was never served wrong, and what was slow."""
    if demo.interrupted:
        yield f"Interrupted after {result.seconds:.1f} s; this is what had happened by then."
    yield _noticed(demo)
    yield _judged(demo, result)
    yield _books(demo, result)
    yield _elsewhere(demo, result)
    yield _levels(demo)
    yield _second(demo, result)
    yield from _apart(result)
    yield from _slow(demo, result)


def _noticed(demo: Demo) -> str:
    incidents = demo.incidents.all
    if not incidents:
        return "No fault was put on the venue."
    kinds = sorted({one.step.kind for one in incidents})
    harmful = [one for one in incidents if not one.without_effect]
    noticed = sum(one.detected_ms is not None for one in harmful)
    recovered = sum(one.recovered_ms is not None for one in incidents)
    harmless = len(incidents) - len(harmful)
    unharmed = f" {harmless} could do no harm and did none." if harmless else ""
    return (
        f"{len(incidents)} faults of {len(kinds)} kinds: {noticed} of {len(harmful)} that a client can "
        f"notice were noticed, {recovered} of {len(incidents)} were over at the end.{unharmed}"
    )


def _judged(demo: Demo, result: Result) -> str:
    verdicts = demo.venue.verdicts
    unjudged = f" ({demo.venue.unjudged} came too fast to be judged)" if demo.venue.unjudged else ""
    judged = (
        f"{verdicts.compared:,} values that readers got were held against the venue's history{unjudged}: "
    )
    if not verdicts.wrong:
        return judged + "not one was wrong."
    return judged + f"{verdicts.wrong:,} WERE WRONG, first {verdicts.first_wrong}"


def _books(demo: Demo, result: Result) -> str:
    books = result.books
    ending = "Every book is live" if demo.books_live else "Not every book is live"
    return (
        f"{books.updates:,} book messages: {books.checksum_ok:,} proven by Kraken's checksum, "
        f"{books.checksum_bad} failed it; {books.resyncs} times a book was emptied and rebuilt. "
        f"{ending} at the end."
    )


def _elsewhere(demo: Demo, result: Result) -> str:
    readings, failover = result.readings, result.failover
    refused = demo.first.readers.stale_refusals
    told = f" {refused} awaited reads were told that nothing fresh was to be had." if refused else ""
    return (
        f"{readings.stream:,} readings from the stream, {readings.rest:,} from REST and {readings.cache:,} "
        f"from cache, each marked so, after {failover.count} failovers to REST and {result.switches.count} "
        f"switches of line; {result.gaps} gaps recorded.{told}"
    )


def levels_spent(side: Side, elapsed_s: float) -> str:
    """The service levels so far, best first, each with its time."""
    spent_s = dict.fromkeys(side.levels_seen, 0.0)
    level, since_s = side.began_at, 0.0
    for at_s, change in side.changes:
        spent_s[level] += at_s - since_s
        level, since_s = change.level, at_s
    spent_s[level] += max(0.0, elapsed_s - since_s)
    return ", ".join(f"{level.name} for {passed_s:.0f} s" for level, passed_s in spent_s.items())


def _levels(demo: Demo) -> str:
    side, spent = demo.first, levels_spent(demo.first, demo.elapsed_s)
    at_end = side.level_at_end.name
    missing = [level.name for level in Level if level not in side.levels_seen]
    if not missing:
        return f"All four service levels: {spent}; {at_end} at the end."
    cure = f" (all of them take {WHOLE_SCRIPT_S:.0f} s)" if demo.seconds < WHOLE_SCRIPT_S else ""
    unseen = f"not seen: {', '.join(missing)}{cure}"
    return f"Service levels: {spent}; {unseen}. {at_end} at the end."


def _second(demo: Demo, result: Result) -> str:
    """How it went where nearly nothing was done."""
    side, report = demo.second, result.venues[1]
    books = report.books
    return (
        f"Binance meanwhile: {levels_spent(side, demo.elapsed_s)}; {books.updates:,} book messages, "
        f"{books.proven:,} proven by the chain of changes, {books.wrong} broke it; "
        f"{books.rebuilt} times a book was emptied and rebuilt."
    )


def _apart(result: Result) -> Iterator[str]:
    price = result.between
    if price.least_bp is not None and price.most_bp is not None:
        one, other = price.symbols
        yield (
            f"{other} at Binance stood between {price.least_bp:+.1f} and {price.most_bp:+.1f} basis points "
            f"of {one} at Kraken: two markets of the emulators, each with its own crowd."
        )


def _slow(demo: Demo, result: Result) -> Iterator[str]:
    slowest = max(demo.incidents.all, key=lambda one: one.recovered_ms or 0, default=None)
    if slowest is not None and slowest.recovered_ms is not None:
        took = duration(slowest.recovered_ms)
        yield f"Slowest to recover: {slowest.step.kind}, {took} ({slowest.step.what})."
    for one in demo.incidents.all:
        if one.recovered_ms is None:
            yield f"Not over when the demo ended: {one.step.kind} ({one.step.what})."
    latency = result.latency_us
    if latency.p50 is not None and latency.p99 is not None:
        yield (
            f"From a frame's receipt to its first subscriber, checksum verified between: half within "
            f"{span_us(latency.p50)}, 99 % within {span_us(latency.p99)}."
        )
    if result.failover.count:
        yield (
            f"From noticing a loss to the request in its place: at most {duration(result.failover.max_ms)}; "
            f"its answer took at most {duration(result.failover.answer_ms_max)}."
        )

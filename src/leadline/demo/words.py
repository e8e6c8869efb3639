"""The demo in plain words: one line for each thing that happens, and an honest summary at the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from leadline.demo.incidents import Incident
from leadline.demo.result import Result

if TYPE_CHECKING:
    from leadline.demo.run import Demo


def duration(milliseconds: float) -> str:
    """A time span as a person would say it."""
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def opening(demo: Demo) -> Iterator[str]:
    """What is about to happen."""
    yield (
        f"a local Kraken (seed {demo.seed}) at {demo.venue.address}: "
        "real sockets, no keys, nothing leaves this machine"
    )
    yield f"{len(demo.readers.rows)} instruments live and verified; {demo.seconds:.0f} s of faults begin"


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


def summary(demo: Demo, result: Result) -> Iterator[str]:
    """What was done, what was noticed, what was never served wrong, and what was slow."""
    if demo.interrupted:
        yield f"Interrupted after {result.seconds:.1f} s; this is what had happened by then."
    yield _noticed(demo)
    yield _judged(demo, result)
    yield _books(demo, result)
    yield _elsewhere(demo, result)
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
    refused = demo.readers.stale_refusals
    told = f" {refused} awaited reads were told that nothing fresh was to be had." if refused else ""
    return (
        f"{readings.stream:,} readings from the stream, {readings.rest:,} from REST and {readings.cache:,} "
        f"from cache, each marked so, after {failover.count} failovers; {result.gaps} gaps recorded.{told}"
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
            f"{latency.p50:.0f} µs, 99 % within {latency.p99:.0f} µs."
        )
    if result.failover.count:
        yield (
            f"From noticing a loss to the request in its place: at most {duration(result.failover.max_ms)}; "
            f"its answer took at most {duration(result.failover.answer_ms_max)}."
        )

"""How a stream stands: one word, and the reason where nothing is received, by what its topic knows."""

from __future__ import annotations

from enum import Enum
from typing import Any

from msgspec import Struct

from leadline.clock import NS_PER_S
from leadline.engine.topics import Topic
from leadline.model.market import Subscription
from leadline.model.reading import Source


class State(Enum):
    """How a wanted stream stands. LIVE, QUIET and HELD receive; every other state carries its reason."""

    WANTED = "wanted"  # not acknowledged (yet, or not connected)
    ACKED_NO_DATA = "acked_no_data"  # the venue said yes and has sent nothing since
    ACKED_QUIET = "acked_quiet"  # the same, and REST has shown again that nothing has happened since
    LIVE = "live"
    QUIET = "quiet"  # silent, and REST agrees that nothing happens
    SUSPECT = "suspect"  # silent beyond its bound, REST has not answered yet
    HELD = "held"  # runs again after many losses, but must prove itself first
    QUARANTINED = "quarantined"  # other sources agree against it
    LOST = "lost"  # was live, is not
    REFUSED = "refused"


RECEIVING = frozenset({State.LIVE, State.QUIET, State.HELD})


class TopicState(Struct, frozen=True):
    """One topic at one moment; `reason` is empty exactly when data is being received.

    A silence as long as the present one is to be expected once in 10^`suspicion` seconds.
    """

    subscription: Subscription
    state: State
    reason: str
    source: Source | None
    readers: int
    updates: int
    last_age_s: float | None
    bound_s: float
    suspicion: float = 0.0


def state_of(topic: Topic[Any], now_ns: int, line: str) -> TopicState:
    """How a topic stands; `line` says why nothing can come, or is empty."""
    state, reason = _judged(topic, now_ns, line)
    cadence = topic.cadence
    return TopicState(
        topic.subscription,
        state,
        reason,
        topic.source,
        len(topic.readers),
        cadence.count,
        None if cadence.last_ns is None else (now_ns - cadence.last_ns) / NS_PER_S,
        cadence.vouched_bound_s(),
        cadence.suspicion(now_ns) if topic.live else 0.0,
    )


def _judged(topic: Topic[Any], now_ns: int, line: str) -> tuple[State, str]:
    if topic.refused is not None:
        return State.REFUSED, topic.refused.text
    if topic.quarantined is not None:
        return State.QUARANTINED, topic.quarantined
    if topic.received and not topic.live:
        return State.HELD, ""
    if topic.live:
        if not topic.fresh(now_ns):
            silent_s = topic.cadence.silent_ns(now_ns) / NS_PER_S
            return State.SUSPECT, f"silent for {silent_s:.1f} s, not confirmed by REST"
        return (State.QUIET if topic.cadence.quiet(now_ns) else State.LIVE), ""
    if topic.confirmed_ns is not None:
        where = f" by route {topic.route}" if topic.route else ""
        said = f"acknowledged{where} {(now_ns - topic.confirmed_ns) / NS_PER_S:.1f} s ago"
        if topic.still:
            return State.ACKED_QUIET, f"{said}, and REST tells of no change since"
        return State.ACKED_NO_DATA, f"{said}, no data since"
    if topic.loss is not None:
        return State.LOST, topic.loss.reason
    return State.WANTED, line or "not acknowledged yet"

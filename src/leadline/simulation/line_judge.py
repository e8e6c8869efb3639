"""Whether readers lose a stream although another connection of the client had it whole.

Rule: a connection has a stream whole while data of it has come since it was last asked for there, the
connection is heard, and no fault keeps anything of the stream back.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from leadline.clock import NS_PER_S
from leadline.engine.events import Event
from leadline.model.market import Channel, Gap, GapCause
from leadline.simulation.evidence import CHANNELS
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.network import Arrival
from leadline.simulation.report import BROKEN_WHILE_WHOLE, Findings
from leadline.simulation.strikes import Event as Striking
from leadline.simulation.strikes import Strike

HEARD_NS = 3 * NS_PER_S
"""A connection that was silent for longer may be dead without anybody knowing yet."""

AFTERMATH_S = 15.0
_LOSING = frozenset({"STALL", "DROP", "REORDER", "CORRUPT", "ACK_NO_DATA", "HALF_OPEN", "INSTRUMENT"})
_ASKED = re.compile(r'"method":"(?:un)?subscribe","params":\{"channel":"(\w+)"')

_Stream = tuple[Channel, str]


@dataclass(slots=True)
class Flow:
    """Data of a stream on one connection, since it was last asked for there."""

    first: Arrival
    newest: Arrival


class _Link:
    """One connection as the client has heard it."""

    def __init__(self) -> None:
        self.heard_ns = 0
        self.flowing: dict[_Stream, Flow] = {}

    def asked(self, channel: Channel) -> None:
        """The client asks for streams of this channel, or for no more of them."""
        self.flowing = {stream: flow for stream, flow in self.flowing.items() if stream[0] is not channel}


class LineJudge:
    """The public connections of one run, over all lives of its client."""

    channels: Mapping[str, Channel] = CHANNELS

    def __init__(self, loop: VirtualLoop, findings: Findings) -> None:
        self._loop = loop
        self._findings = findings
        self._links: dict[int, _Link] = {}
        self._doubtful_until_ns = 0

    def struck(self, strike: Strike) -> None:
        """A fault begins."""
        losing = strike.fields.get("kind") in _LOSING
        if losing or strike.event in (Striking.BLACK_HOLE, Striking.BLOCK):
            until_ns = self._loop.now_ns + round((strike.lasts_s + AFTERMATH_S) * NS_PER_S)
            self._doubtful_until_ns = max(self._doubtful_until_ns, until_ns)

    def arrived(self, arrival: Arrival) -> None:
        """A frame has reached the client."""
        link = self._links.setdefault(arrival.link, _Link())
        link.heard_ns = arrival.at_ns
        channel = self.channels.get(arrival.frame.channel)
        if channel is not None and arrival.frame.kind in ("snapshot", "update"):
            flow = link.flowing.setdefault((channel, arrival.frame.symbol), Flow(arrival, arrival))
            flow.newest = arrival

    def asked(self, number: int, text: str) -> None:
        """A text of the client leaves on a connection."""
        if number in self._links:
            for channel in self.named(text):
                self._links[number].asked(channel)

    def named(self, text: str) -> Collection[Channel]:
        """The channels of which a text begins or ends streams."""
        found = _ASKED.search(text)
        return [CHANNELS[found[1]]] if found is not None and found[1] in CHANNELS else []

    def whole(self, channel: Channel, flow: Flow) -> bool:
        """Whether this data makes the stream whole: here whatever came first was all there is."""
        return True

    def gone(self, number: int) -> None:
        """The client has left a connection, or lost it."""
        self._links.pop(number, None)

    def heard(self, event: Event) -> None:
        """An event of the client's feed."""
        now_ns = self._loop.now_ns
        if not isinstance(event, Gap) or event.until_ns is not None or now_ns < self._doubtful_until_ns:
            return
        if event.cause is not GapCause.DISCONNECTED:
            return
        stream = (event.channel, event.symbol)
        for number, link in self._links.items():
            flow = link.flowing.get(stream)
            if flow is not None and now_ns - link.heard_ns < HEARD_NS and self.whole(stream[0], flow):
                true = f"connection {number} had it whole"
                self._findings.add(BROKEN_WHILE_WHOLE, event.symbol, event, true, now_ns)
                return

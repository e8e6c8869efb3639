"""Whatever is dropped, doubled or swapped on the private stream: every fill is told, and it recovers."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_frames import HEARTBEAT
from leadline.clock import NS_PER_S
from leadline.core.account_session import AccountNews, OrdersReported, OrdersSnapshot
from leadline.core.session import Reconnect, Send
from leadline.core.venue_time import VenueTime
from leadline.venues.kraken.account_session import KrakenAccountSession
from private_frames import NEW, TRADE, balances, executions, row, yes

LATENCY_NS = NS_PER_S // 20


class Venue:
    """The other side: numbers its messages from each snapshot on, and tells all fills in a snapshot."""

    def __init__(self) -> None:
        self.fills: list[str] = []
        self.sequence = 0
        self.subscribed = False

    def answer(self, request: dict[str, Any]) -> list[str]:
        """What it says to a request."""
        channel = request.get("params", {}).get("channel")
        said = [json.dumps(yes(request, {"channel": channel}))]
        if request["method"] == "unsubscribe" and channel == "executions":
            self.subscribed = False
        elif request["method"] == "subscribe" and channel == "executions":
            self.subscribed, self.sequence = True, 1
            said.append(executions(1, *(row(TRADE, exec_id=one) for one in self.fills), kind="snapshot"))
        elif request["method"] == "subscribe":
            said.append(balances(1, kind="snapshot"))
        return said

    def happens(self, fill: bool) -> list[str]:
        """A fill, or some other news, as it is told."""
        if fill:
            self.fills.append(f"T{len(self.fills)}")
        if not self.subscribed:
            return []
        self.sequence += 1
        return [executions(self.sequence, row(TRADE, exec_id=self.fills[-1]) if fill else NEW)]


class World:
    """One session and the venue, with a network that does to each message what the test says."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.told: set[str] = set()
        self.arrived: set[str] = set()
        self.venue = Venue()
        self.session = KrakenAccountSession(self._emit, VenueTime(), lambda threshold: None)
        self.open()

    def _emit(self, news: AccountNews, now_ns: int) -> None:
        if isinstance(news, OrdersReported | OrdersSnapshot):
            self.told |= {report.fill.exec_id for report in news.reports if report.fill}

    def open(self) -> None:
        self.session.authorise("token", self.now_ns)
        self.session.opened(self.now_ns)
        self.carry()

    def carry(self) -> None:
        """Take what the session wants sent to the venue, and the answers back."""
        while outputs := self.session.outputs():
            for output in outputs:
                if isinstance(output, Reconnect):
                    self.session.closed(output.reason, self.now_ns)
                    self.venue.subscribed = False
                    self.open()
                    return
                assert isinstance(output, Send)
                self.now_ns += LATENCY_NS
                for text in self.venue.answer(json.loads(output.text)):
                    self.session.received(text.encode(), self.now_ns)

    def arrive(self, *texts: str) -> None:
        """Messages arrive before anything the session has to say about them reaches the venue."""
        for text in texts:
            self.arrived |= {one["exec_id"] for one in json.loads(text)["data"] if "exec_id" in one}
            self.session.received(text.encode(), self.now_ns)
        self.carry()

    def second(self) -> None:
        """A second passes, with a heartbeat at its end."""
        self.now_ns += NS_PER_S
        wake_ns = self.session.wake_at()
        if wake_ns is not None and wake_ns <= self.now_ns:
            self.session.woke(self.now_ns)
        self.session.received(HEARTBEAT.encode(), self.now_ns)
        self.carry()


fates = st.sampled_from(["arrives", "arrives", "arrives", "lost", "twice", "late"])


@settings(max_examples=200)
@given(st.lists(st.tuples(st.booleans(), fates, st.integers(0, 2)), max_size=40))
def test_every_fill_that_arrives_is_told_and_every_fill_in_the_end(
    happenings: list[tuple[bool, str, int]],
) -> None:
    world = World()
    late: list[str] = []
    for fill, fate, seconds in happenings:
        for text in world.venue.happens(fill):
            if fate == "late":
                late.append(text)
                continue
            times = {"arrives": 1, "lost": 0, "twice": 2}[fate]
            world.arrive(*[text] * times, *late)
            late.clear()
        assert world.arrived <= world.told
        for _ in range(seconds):
            world.second()
    for text in world.venue.happens(fill=False):  # the next message shows what was missed
        world.arrive(text, *late)
    for _ in range(40):
        world.second()
    assert world.told == set(world.venue.fills)
    assert world.session.ready(world.now_ns)

"""Whether the client finds what REST tells wrongly of its account, and finds nothing where REST is right.

Rule: only while all is quiet can anything be said; what then stands for longer than the announced interval,
and the second look that confirms it, must be told.
"""

from __future__ import annotations

from collections.abc import Callable

from leadline.clock import NS_PER_S
from leadline.engine.account_crosscheck import DOUBTED_S, SETTLE_S, Kind
from leadline.engine.events import Diverged
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.report import FALSE_ALARM, MISSED_DIVERGENCE, Findings
from leadline.simulation.strikes import Event, Strike

SLACK_S = 15.0
"""Beyond the interval: round trips, waiting for all to settle, and looks that news has made void."""

CLEARING_S = 20.0
REMEMBERED_S = 180.0
_CHANNELS = {Kind.BALANCES.value, Kind.ORDERS.value}

Interval = Callable[[Kind], float | None]
"""The announced interval of a kind; None while the client does not watch it."""


class AccountDifferenceJudge:
    """The differences that REST tells of one account, at most one at a time.

    `resting` says whether the venue has an open order of it that REST could keep silent about.
    """

    def __init__(self, resting: Callable[[], bool], loop: VirtualLoop, findings: Findings) -> None:
        self._resting = resting
        self._loop = loop
        self._findings = findings
        self._kind: Kind | None = None
        self._begun_ns = self._end_ns = -round(REMEMBERED_S * NS_PER_S)
        self._since_ns = 0
        self._disturbed_until_ns = 0
        self._interval_s = 0.0
        self._told = self._judged = False
        self.differences = 0
        """Differences that stood long enough to be found."""

    def born(self) -> None:
        """A life of the client begins; what the one before had told is not known to it."""
        self._told = False
        self._disturbed(0.0)

    def struck(self, strike: Strike) -> None:
        """A fault begins."""
        if strike.fields.get("kind") != "MISSTATE":
            if strike.event is not Event.CLOCK_STEP:
                self._disturbed(strike.lasts_s + CLEARING_S)
            return
        self._kind = Kind.ORDERS if "hide_order" in strike.fields else Kind.BALANCES
        self._begun_ns = self._since_ns = self._loop.now_ns
        self._end_ns = self._begun_ns + round(strike.lasts_s * NS_PER_S)
        self._interval_s, self._told, self._judged = 0.0, False, False

    def heard(self, event: object) -> None:
        """An event of the client's account."""
        if not isinstance(event, Diverged) or event.channel not in _CHANNELS:
            return
        now_ns = self._loop.now_ns
        planted = self._kind is not None and event.channel == self._kind.value
        if planted and now_ns <= self._end_ns + round(REMEMBERED_S * NS_PER_S):
            self._told = True
        elif now_ns > self._disturbed_until_ns:
            self._findings.add(FALSE_ALARM, event.symbol, event, "both tell the same", now_ns)

    def look(self, interval_s: Interval, happened_ns: int) -> None:
        """Once a second; `happened_ns` is when anything last happened to the account."""
        now_ns, kind = self._loop.now_ns, self._kind
        if kind is None or now_ns > self._end_ns or self._judged:
            return
        announced_s = interval_s(kind)
        visible = kind is Kind.BALANCES or self._resting()
        if announced_s is None or not visible or now_ns < self._disturbed_until_ns:
            self._since_ns, self._interval_s = now_ns, 0.0
            return
        self._since_ns = max(self._since_ns, happened_ns)
        self._interval_s = max(self._interval_s, announced_s)
        stood_s = (now_ns - self._since_ns) / NS_PER_S
        if stood_s <= self._interval_s + DOUBTED_S + 4 * SETTLE_S + SLACK_S:
            return
        self._judged = True
        self.differences += 1
        if not self._told:
            seen = f"{kind.value} told wrongly since {self._begun_ns / NS_PER_S:.1f} s"
            true = f"looked at every {self._interval_s:.1f} s, quiet for {stood_s:.1f} s"
            self._findings.add(MISSED_DIVERGENCE, "", seen, true, now_ns)

    def _disturbed(self, for_s: float) -> None:
        until_ns = self._loop.now_ns + round(for_s * NS_PER_S)
        self._disturbed_until_ns = max(self._disturbed_until_ns, until_ns)
        self._since_ns, self._interval_s = self._loop.now_ns, 0.0

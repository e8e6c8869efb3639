"""What is judged of a reader's whole time: every trade once or in a recorded hole, every bar as it ended.

A hole explains what is missing only in its last state, with the right span and the right count.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from leadline.clock import NS_PER_S
from leadline.model.market import Bar, Channel, Gap, Trade
from leadline.simulation.report import GAP_UNEXPLAINED, SERVED_WRONG, Findings
from leadline.simulation.truth import MINUTE_S, Print, SymbolTruth, minute_of

SETTLED_NS = 8 * NS_PER_S
"""What happened so shortly before the end may still be under way."""

BAR_SETTLED_NS = 45 * NS_PER_S
"""A bar that ended so shortly before the end may still be awaited: several answers of REST can be lost."""


@dataclass
class TradeAudit:
    """One lossless reader of trades, from when it began."""

    symbol: str
    began_ns: int
    stormy: bool = False
    """Whether it began in bad weather: what was lost before the first trade it got, nobody could notice."""
    delivered: Counter[int] = field(default_factory=Counter)
    gaps: dict[int, Gap] = field(default_factory=dict)

    def take(self, item: Trade | Gap) -> None:
        """The reader was given this."""
        if isinstance(item, Gap):
            self.gaps[item.from_ns] = item
        elif item.trade_id is not None:
            self.delivered[item.trade_id] += 1

    def close(self, truth: SymbolTruth, ended_ns: int, findings: Findings, now_ns: int) -> None:
        """Judge it; times are the venue's."""
        self.once(findings, now_ns)
        first = min(self.delivered, default=0) if self.stormy else 0
        expected = [
            trade
            for trade in truth.prints.values()
            if self.began_ns < trade.time_ns < ended_ns - SETTLED_NS and trade.trade_id >= first
        ]
        missing = [trade for trade in expected if trade.trade_id not in self.delivered]
        holes = [gap for gap in self.gaps.values() if not gap.filled and gap.missing]
        unexplained = [trade for trade in missing if not any(_covers(gap, trade) for gap in holes)]
        if unexplained:
            seen = f"{len(unexplained)} trades missing without a gap"
            findings.add(GAP_UNEXPLAINED, self.symbol, seen, unexplained[0], now_ns)
        for gap in holes:
            self._count(gap, missing, findings, now_ns)

    def once(self, findings: Findings, now_ns: int) -> None:
        """All that can be asked of a reader that was killed: nothing came twice."""
        twice = sorted(number for number, times in self.delivered.items() if times > 1)
        if twice:
            findings.add(SERVED_WRONG, self.symbol, f"trades {twice[:5]} twice", "each once", now_ns)

    def _count(self, gap: Gap, missing: list[Print], findings: Findings, now_ns: int) -> None:
        true = sum(_covers(gap, trade) for trade in missing)
        if gap.from_ns >= self.began_ns and gap.missing != true:
            findings.add(GAP_UNEXPLAINED, self.symbol, gap, f"{true} trades are missing there", now_ns)


@dataclass
class BarAudit:
    """One lossless reader of minute bars, from when it began."""

    symbol: str
    began_ns: int
    complete: set[int] = field(default_factory=set)
    gaps: dict[int, Gap] = field(default_factory=dict)

    def take(self, item: Bar | Gap) -> None:
        """The reader was given this."""
        if isinstance(item, Gap):
            self.gaps[item.from_ns] = item
        elif item.complete:
            self.complete.add(item.begin_ns)

    def close(self, truth: SymbolTruth, ended_ns: int, findings: Findings, now_ns: int) -> None:
        """Judge it: every minute that traded was told as complete, or lies in a hole that is not filled."""
        first_s = minute_of(self.began_ns) + MINUTE_S
        last_s = minute_of(ended_ns - BAR_SETTLED_NS) - MINUTE_S
        for begin_s in truth.candles:
            if first_s <= begin_s <= last_s and begin_s * NS_PER_S not in self.complete:
                begin_ns, end_ns = begin_s * NS_PER_S, (begin_s + MINUTE_S) * NS_PER_S
                hurt = any(_touches(gap, begin_ns, end_ns) for gap in self.gaps.values())
                if not hurt:
                    findings.add(GAP_UNEXPLAINED, self.symbol, f"no complete bar at {begin_s}", "", now_ns)


def _covers(gap: Gap, trade: Print) -> bool:
    if gap.channel is not Channel.TRADES or gap.until_ns is None:
        return False
    # trades of one moment share their time: the hole's edges are trades that came
    return gap.from_ns - 1000 <= trade.time_ns <= gap.until_ns + 1000


def _touches(gap: Gap, begin_ns: int, end_ns: int) -> bool:
    open_end = gap.until_ns is None
    return not gap.filled and gap.from_ns < end_ns and (open_end or (gap.until_ns or 0) > begin_ns)

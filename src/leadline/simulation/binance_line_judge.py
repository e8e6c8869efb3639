"""Whether readers of Binance lose a stream although another connection had it whole.

A book there is whole once a snapshot of REST has been joined to the messages of that connection.
"""

from __future__ import annotations

from collections.abc import Collection

from leadline.model.market import Channel
from leadline.simulation.binance_evidence import BINANCE_CHANNELS, BinanceEvidence, previous_id, update_id
from leadline.simulation.line_judge import Flow, LineJudge
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.report import Findings

_WORDS = {"@bookTicker": Channel.TICKER, "@depth": Channel.BOOK, "@aggTrade": Channel.TRADES,
          "@kline": Channel.BARS, "@markPrice": Channel.MARK, "@ticker": Channel.STATS,
          "@forceOrder": Channel.LIQUIDATIONS}  # fmt: skip


class BinanceLineJudge(LineJudge):
    """The public connections of both routes."""

    channels = BINANCE_CHANNELS

    def __init__(self, evidence: BinanceEvidence, loop: VirtualLoop, findings: Findings) -> None:
        super().__init__(loop, findings)
        self._evidence = evidence

    def named(self, text: str) -> Collection[Channel]:
        return [channel for word, channel in _WORDS.items() if word in text]

    def whole(self, channel: Channel, flow: Flow) -> bool:
        if channel is not Channel.BOOK:
            return True
        since_id, until_id = previous_id(flow.first.frame), update_id(flow.newest.frame)
        known = self._evidence.snapshots_since(flow.first.frame.symbol, flow.first.at_ns)
        return any(since_id <= reached <= until_id for reached in known)

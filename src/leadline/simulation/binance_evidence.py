"""What really reached a client of Binance and when; symbols are the unified ones."""

from __future__ import annotations

import re
from collections.abc import Mapping

from leadline.clock import NS_PER_MS
from leadline.emulator.wire import Frame
from leadline.model.market import Channel
from leadline.simulation.evidence import ALL, CHANNELS, Evidence, Key
from leadline.simulation.http import Answered

BINANCE_CHANNELS: Mapping[str, Channel] = CHANNELS | {
    "top": Channel.TOP,
    "mark": Channel.MARK,
    "stats": Channel.STATS,
    "liquidations": Channel.LIQUIDATIONS,
}
_ENDPOINTS = {
    "/fapi/v1/ticker/bookTicker": Channel.TICKER,
    "/fapi/v1/depth": Channel.BOOK,
    "/fapi/v1/aggTrades": Channel.TRADES,
    "/fapi/v1/klines": Channel.BARS,
    "/fapi/v1/premiumIndex": Channel.MARK,
    "/fapi/v1/ticker/24hr": Channel.STATS,
}
_TOLD_MS = re.compile(r'"E":(\d+)')
_UPDATE_ID = re.compile(r'"u":(\d+)')
_PREVIOUS_ID = re.compile(r'"pu":(\d+)')
_SNAPSHOT_ID = re.compile(rb'"lastUpdateId":(\d+)')

WIDE = 500
"""Levels a side of the smallest snapshot that a book is begun from; what stands in for one has fewer."""


class BinanceEvidence(Evidence):
    """Frames and answers of Binance."""

    channels = BINANCE_CHANNELS

    def made_ns(self, frame: Frame) -> int:
        found = _TOLD_MS.search(frame.text)
        return int(found[1]) * NS_PER_MS if found is not None else 0

    def intact(self, symbol: str) -> bool:
        """True: the chain of ids proves every level that is handed out."""
        return True

    def too_many(self, answered: Answered) -> bool:
        """False: whose doing a refusal is, the world of the run knows."""
        return False

    def newest_ns(self, channel: Channel, symbol: str) -> int | None:
        """When data last arrived; a snapshot proves a book as well as a message does."""
        came = [super().newest_ns(channel, symbol)]
        if channel is Channel.BOOK:
            came += [max(self._answers.get((channel, symbol), {}), default=None)]
        return max((one for one in came if one is not None), default=None)

    def about(self, answered: Answered) -> Key | None:
        channel = _ENDPOINTS.get(answered.path)
        if channel is None:
            return None
        wire = answered.query.get("symbol")
        return channel, ALL if wire is None else self.names[wire]

    def snapshots_at(self, symbol: str, at_ns: int) -> list[tuple[int, int]]:
        """When each snapshot that came then was made, in loop time, and the id that it reaches."""
        found = []
        for answer in self.answers_at(Channel.BOOK, symbol, at_ns):
            told = _SNAPSHOT_ID.search(answer.body[:100])
            if told is not None:
                found.append((answer.made_ns, int(told[1])))
        return found

    def snapshots_since(self, symbol: str, at_ns: int) -> list[int]:
        """The ids that those snapshots reach which came then or later and can begin a book."""
        answers = self._answers.get((Channel.BOOK, symbol), {}).values()
        wide = (one for one in answers if one.at_ns >= at_ns and int(one.query["limit"]) >= WIDE)
        told = (_SNAPSHOT_ID.search(one.body[:100]) for one in wide)
        return [int(one[1]) for one in told if one is not None]

    def ids_until(self, symbol: str, at_ns: int) -> set[int]:
        """The ids that messages of a book had reached which came until then."""
        frames = self._frames.get((Channel.BOOK, symbol), {})
        return {update_id(frame) for time_ns, told in frames.items() if time_ns <= at_ns for frame in told}


def update_id(frame: Frame) -> int:
    """The id of the last change in a message; -1 where it has none."""
    found = _UPDATE_ID.search(frame.text)
    return int(found[1]) if found is not None else -1


def previous_id(frame: Frame) -> int:
    """The id of the message before; -1 where it has none."""
    found = _PREVIOUS_ID.search(frame.text)
    return int(found[1]) if found is not None else -1

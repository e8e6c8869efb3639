"""Liquidations of one instrument: rare, told nowhere else, and every one counts.

Rule: silence says nothing here; an acknowledged stream on a line that stands counts as running.
"""

from __future__ import annotations

from leadline.engine.topics import Topic
from leadline.model.market import Liquidation


class LiquidationTopic(Topic[Liquidation]):
    """A topic that is in use from its acknowledgement on, whether or not anything happens."""

    replaceable = False
    speaks = False

    def confirmed(self, now_ns: int) -> None:
        """The venue streams it: from here on nothing is missing."""
        super().confirmed(now_ns)
        if not self.live:
            self._returned(now_ns)

    def fresh(self, now_ns: int) -> bool:
        """Whether the stream is in use; its line's life is another's concern."""
        return self.live

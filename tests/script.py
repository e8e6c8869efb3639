"""The playbook: feed frames and times to a session and expect its outputs and its news, in order.

`wait` lets time pass as a connection does: it calls `woke` whenever the session asks for it, and fails when
the session asks for the same moment again.
"""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar

from leadline.clock import NS_PER_S
from leadline.core.session import Emit, MarketSession, News, Output, Send

S = TypeVar("S", bound=MarketSession)


class Script(Generic[S]):
    """One session, its clock in seconds, and what it has said since last asked."""

    def __init__(self) -> None:
        self.session: S
        self.now_s = 0.0
        self._news: list[News] = []

    @property
    def now_ns(self) -> int:
        return round(self.now_s * NS_PER_S)

    @property
    def emit(self) -> Emit:
        """What to build the session with."""
        return self._take

    def _take(self, news: News, now_ns: int) -> None:
        assert now_ns == self.now_ns
        self._news.append(news)

    def open(self) -> None:
        self.session.opened(self.now_ns)

    def close(self, reason: str = "cut") -> None:
        self.session.closed(reason, self.now_ns)

    def hear(self, *frames: str | bytes | dict[str, Any]) -> None:
        """The venue says this now."""
        for frame in frames:
            if isinstance(frame, dict):
                frame = json.dumps(frame)
            self.session.received(frame if isinstance(frame, bytes) else frame.encode(), self.now_ns)

    def wait(self, seconds: float) -> list[Output]:
        """Let time pass in silence; returns the outputs in order."""
        until_ns = self.now_ns + round(seconds * NS_PER_S)
        outputs = list(self.session.outputs())
        while (wake_ns := self.session.wake_at()) is not None and wake_ns <= until_ns:
            self.now_s = max(self.now_ns, wake_ns) / NS_PER_S
            self.session.woke(self.now_ns)
            outputs += self.session.outputs()
            again_ns = self.session.wake_at()
            assert again_ns is None or again_ns > self.now_ns, "a session that asks for the past never sleeps"
        self.now_s = until_ns / NS_PER_S
        return outputs

    def sent(self) -> list[dict[str, Any]]:
        """The requests to be sent now; nothing else may be wanted."""
        return requests_in(self.session.outputs())

    def wait_and_sent(self, seconds: float) -> list[dict[str, Any]]:
        """The requests sent while time passed; nothing else may have been wanted."""
        return requests_in(self.wait(seconds))

    def news(self, *kinds: type) -> list[News]:
        """What was emitted since last asked, of these kinds where any are named."""
        news, self._news = self._news, []
        return [one for one in news if not kinds or isinstance(one, kinds)]


def requests_in(outputs: list[Output]) -> list[dict[str, Any]]:
    requests = []
    for output in outputs:
        assert isinstance(output, Send), output
        requests.append(json.loads(output.text))
    return requests

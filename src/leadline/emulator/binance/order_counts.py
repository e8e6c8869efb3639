"""How many orders an account has sent: 300 in ten seconds, 1200 in a minute, in fixed UTC windows (§3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from leadline.emulator.binance.errors import refused
from leadline.emulator.numbers import NS_PER_S


@dataclass(slots=True)
class Window:
    """One fixed window of UTC time."""

    span_s: int
    limit: int
    text: str
    number: int = -1
    count: int = 0

    def used(self, now_ns: int) -> int:
        """The count of the window that time falls into."""
        number = now_ns // (self.span_s * NS_PER_S)
        if number != self.number:
            self.number, self.count = number, 0
        return self.count


class OrderCounts:
    """Both windows of one account."""

    def __init__(self) -> None:
        self.seconds = Window(10, 300, "300 orders per TEN_SECONDS")
        self.minute = Window(60, 1_200, "1200 orders per MINUTE")

    def charge(self, seconds: int, minute: int, now_ns: int) -> None:
        """Count orders; raises `errors.Refused` -1015 where they do not fit, counting nothing."""
        for window, cost in ((self.seconds, seconds), (self.minute, minute)):
            if window.used(now_ns) + cost > window.limit:
                raise refused(-1015, window.text)
        self.seconds.count += seconds
        self.minute.count += minute

    def headers(self, now_ns: int) -> tuple[tuple[str, str], ...]:
        """What answers to orders say of the counts."""
        return (
            ("x-mbx-order-count-10s", str(self.seconds.used(now_ns))),
            ("x-mbx-order-count-1m", str(self.minute.used(now_ns))),
        )

    def rows(self, now_ns: int) -> list[dict[str, Any]]:
        """The same as entries of `rateLimits` in the WebSocket API."""
        windows = (self.seconds, self.minute)
        return [
            {**limit, "count": window.used(now_ns)}
            for limit, window in zip(self.limits(), windows, strict=True)
        ]

    def limits(self) -> list[dict[str, Any]]:
        """What the account may send."""
        return [
            {**limit, "limit": window.limit}
            for limit, window in zip(ORDER_LIMITS, (self.seconds, self.minute), strict=True)
        ]


ORDER_LIMITS: list[dict[str, Any]] = [
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
    {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1_200},
]

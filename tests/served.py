"""A local Kraken on real sockets, for what is about sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from leadline.app.config import Settings
from leadline.clock import NS_PER_S, SystemClock
from leadline.emulator.exchange import Exchange
from leadline.emulator.serve import serve
from leadline.venues.kraken.venue import Endpoints


@dataclass(frozen=True)
class Served:
    """Where it listens, and the way to break it."""

    exchange: Exchange
    settings: Settings
    start_ns: int
    clock: SystemClock

    def inject(self, **fault: Any) -> None:
        """Break something, now."""
        self.exchange.inject({"venue": "kraken", **fault}, self.exchange.next_event_at())

    def yaml(self) -> str:
        """Its addresses as a settings file."""
        found = self.settings.endpoints
        names = ("ws_public", "ws_private", "ws_level3", "rest")
        lines = "".join(f"      {name}: {getattr(found, name)}\n" for name in names)
        return "venues:\n  kraken:\n    endpoints:\n" + lines


@asynccontextmanager
async def served(*, ahead_s: int = 0, rate: float = 50.0) -> AsyncIterator[Served]:
    """A local Kraken whose clock is so many seconds ahead of ours."""
    clock = SystemClock()
    ahead = _Ahead(ahead_s)
    start_ns = ahead.wall_ns()
    exchange = Exchange(start_ns=start_ns, seed=1, rate=rate, history_minutes=200)
    async with serve(exchange, ahead) as endpoints:
        settings = Settings(Endpoints(**endpoints.as_json()["kraken"]["endpoints"]))
        yield Served(exchange, settings, start_ns, clock)


class _Ahead(SystemClock):
    """The machine's clock, so many seconds ahead."""

    def __init__(self, ahead_s: int) -> None:
        self._ahead_ns = ahead_s * NS_PER_S

    def wall_ns(self) -> int:  # type: ignore[override]
        return SystemClock.wall_ns() + self._ahead_ns

"""A session of an account whose venue says what it is told to say."""

from __future__ import annotations

from collections.abc import Callable

from leadline.core.account_session import (
    AccountDoubted,
    AccountGap,
    AccountNews,
    BalancesReported,
    EmitAccount,
    OrdersSnapshot,
)
from leadline.core.session import LineDown, LineUp, Output

_SILENT_NS = 5_000_000_000


class MemoryAccountSession:
    """News comes by `say`; what was asked of the venue stands in `resubscribed`.

    It is ready while it stands; with `from_snapshots` only once both have been said.
    """

    changed = False  # it never has anything to send, nor a time to wake

    def __init__(self, emit: EmitAccount, *, from_snapshots: bool = False) -> None:
        self.poke: Callable[[], None] = lambda: None
        self.outstanding = 0
        self._emit = emit
        self._from_snapshots = from_snapshots
        self._standing = False
        self._awaited: set[type] = set()
        self._doubted = False
        self.last_frame_ns = 0
        self.last_data_ns: int | None = None
        self.retry_floor_s = 0.0
        self.resubscribed: list[str] = []

    def opened(self, now_ns: int) -> None:
        self._standing = True
        self._awaited = {OrdersSnapshot, BalancesReported} if self._from_snapshots else set()
        self.last_frame_ns = now_ns
        self._emit(LineUp(), now_ns)

    def received(self, frame: bytes, now_ns: int) -> None:
        """Any frame is a sign of life and says nothing."""
        self.last_frame_ns = now_ns

    def held_up(self, since_ns: int, now_ns: int) -> None:
        """What is said here is heard at once."""

    def woke(self, now_ns: int) -> None:
        """Nothing is ever waited for."""

    def closed(self, reason: str, now_ns: int) -> None:
        self._standing = False
        self._emit(LineDown(reason), now_ns)

    def outputs(self) -> list[Output]:
        return []

    def wake_at(self) -> int | None:
        return None

    def ready(self, now_ns: int) -> bool:
        fresh = now_ns - self.last_frame_ns <= _SILENT_NS
        return self._standing and not self._awaited and not self._doubted and fresh

    def resubscribe(self, reason: str, now_ns: int) -> None:
        self.resubscribed.append(reason)

    def say(self, news: AccountNews, now_ns: int) -> None:
        """The venue says this on the stream."""
        self.last_frame_ns = self.last_data_ns = now_ns
        self._awaited.discard(type(news))
        self._doubted = isinstance(news, AccountDoubted)
        if isinstance(news, AccountGap):
            self._awaited.add(BalancesReported if news.channel == "balances" else OrdersSnapshot)
        self._emit(news, now_ns)

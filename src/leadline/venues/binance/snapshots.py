"""Whose book waits for a snapshot by REST: wishes by symbol, one fetch for all who wait, the urgent first.

Rule: a symbol is fetched once at a time, and a fetch that fails is tried again later and later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from msgspec import Struct

from leadline.clock import NS_PER_S

SHALLOW, DEEP = 500, 1000
"""The two sizes that are asked for: levels a side, of weight 10 and 20 (dossier §3.4)."""

BACKOFF_S = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""How long after a failure the next try may leave."""


class DepthSnapshot(Struct, frozen=True):
    """A book as REST tells it: price and quantity in the wire's digits, best first.

    `limit` is how many levels a side were asked for, 0 where that is not known: a side with fewer is whole.
    """

    last_update_id: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    venue_ms: int | None = None
    limit: int = 0


class _WireDepth(Struct, rename={"last_update_id": "lastUpdateId", "venue_ms": "T"}):
    last_update_id: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    venue_ms: int | None = None


_depths = msgspec.json.Decoder(_WireDepth)


def decode_depth(body: bytes, limit: int = 0) -> DepthSnapshot:
    """An answer of `GET /fapi/v1/depth`; raises one of `wire.NOT_UNDERSTOOD` for what is none."""
    wire = _depths.decode(body)
    return DepthSnapshot(wire.last_update_id, wire.bids, wire.asks, wire.venue_ms, limit)


class Taker(Protocol):
    """Who takes snapshots: a session with books to build."""

    def snapshot(self, symbol: str, snapshot: DepthSnapshot, now_ns: int) -> None:
        """The snapshot that was wished for; whether it fits is the taker's to find out."""

    @property
    def poke(self) -> Callable[[], None]:
        """Carries out what the taker wants done now; called after every snapshot."""


class Wish(Struct, frozen=True):
    """One snapshot to fetch: `limit` levels a side."""

    symbol: str
    limit: int


@dataclass(slots=True)
class _Open:
    """What is wished for one symbol."""

    takers: dict[int, tuple[Taker, int]] = field(default_factory=dict)
    """By identity: who takes it, and how many levels it needs."""
    due_ns: int = 0
    failures: int = 0
    fetching: Wish | None = None
    """What has been asked for, or waits for its turn to be."""


def limit_for(depth: int) -> int:
    """How many levels to ask for so that a book of this depth stays certain for a while.

    Of as many as are wanted one is gone with the next message, so more are asked for.
    """
    return SHALLOW if depth < SHALLOW else DEEP


class Snapshots:
    """The wishes of all sessions of a venue; times are monotonic nanoseconds.

    Whoever serves takes `next`, fetches, and tells `fetched` or `failed`; it sets `changed` to hear of
    wishes made in between.
    """

    def __init__(self) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._open: dict[str, _Open] = {}

    def want(self, symbol: str, depth: int, taker: Taker, due_ns: int = 0) -> None:
        """Wish for a snapshot, not to be fetched before `due_ns`; one fetch serves all takers of a symbol."""
        wish = self._open.setdefault(symbol, _Open(due_ns=due_ns))
        wish.takers[id(taker)] = (taker, depth)
        if not wish.failures:
            wish.due_ns = min(wish.due_ns, due_ns)
        self.changed()

    def unwant(self, symbol: str, taker: Taker) -> None:
        """The taker has no use for it any more."""
        wish = self._open.get(symbol)
        if wish is not None:
            wish.takers.pop(id(taker), None)
            if not wish.takers and not wish.fetching:
                del self._open[symbol]

    def wanted(self, symbol: str) -> bool:
        """Whether anybody waits for a snapshot of this symbol."""
        return symbol in self._open and bool(self._open[symbol].takers)

    def __len__(self) -> int:
        return len(self._open)

    def next(self, now_ns: int, urgent: Callable[[str], bool]) -> Wish | None:
        """The wish to serve now, the urgent first, then who has waited longest; None while none is due."""
        due = [(not urgent(symbol), wish.due_ns, symbol) for symbol, wish in self._open.items()
               if wish.takers and not wish.fetching and wish.due_ns <= now_ns]  # fmt: skip
        if not due:
            return None
        symbol = min(due)[2]
        wish = self._open[symbol]
        wish.fetching = Wish(symbol, max(limit_for(depth) for _, depth in wish.takers.values()))
        return wish.fetching

    def under_way(self, symbol: str) -> Wish | None:
        """What is being fetched for a symbol; None where nothing is."""
        wish = self._open.get(symbol)
        return None if wish is None else wish.fetching

    def fetched(self, wish: Wish, snapshot: DepthSnapshot, now_ns: int) -> None:
        """A snapshot has come: everybody who waits for it takes it, who needs more levels waits on."""
        held = self._open.pop(wish.symbol, None)
        if held is None:
            return
        deeper = {key: (taker, depth) for key, (taker, depth) in held.takers.items()
                  if limit_for(depth) > wish.limit}  # fmt: skip
        if deeper:
            self._open[wish.symbol] = _Open(deeper, now_ns)
        for key, (taker, _) in held.takers.items():
            if key not in deeper:
                taker.snapshot(wish.symbol, snapshot, now_ns)
                taker.poke()

    def failed(self, wish: Wish, now_ns: int, due_ns: int | None = None) -> None:
        """The fetch failed: it is tried again, the later the more often it has failed in a row.

        With `due_ns` it was never sent: it is due then, when our own budget has room, and has not failed.
        """
        held = self._open.get(wish.symbol)
        if held is None:
            return
        held.fetching = None
        if not held.takers:
            del self._open[wish.symbol]
            return
        if due_ns is not None:
            held.due_ns = due_ns
            return
        held.due_ns = now_ns + round(BACKOFF_S[min(held.failures, len(BACKOFF_S) - 1)] * NS_PER_S)
        held.failures += 1

    def wake_at(self) -> int | None:
        """When `next` will have something that is not being fetched already; None: not before `changed`."""
        return min(
            (wish.due_ns for wish in self._open.values() if wish.takers and not wish.fetching), default=None
        )

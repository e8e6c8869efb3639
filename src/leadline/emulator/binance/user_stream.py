"""User data streams: the events of an account to whoever listens under its key (dossier §12).

Rule kept: events of one type never overtake each other; of different types they may.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection
from typing import Any

from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.agenda import Agenda
from leadline.emulator.binance.listen_keys import ListenKey, ListenKeys
from leadline.emulator.binance.ports import Board

Sink = Callable[[str, str, str], None]
"""Takes one event of a user data stream: its listenKey, its type, its JSON text."""
DELAY_NS = (200_000, 30_000_000)
# Recorded pairs of events of one fill came up to 29 ms apart (§12.3).
MOST_LAG_MS = 2
NS_PER_MS = 1_000_000
FRONT = {"ORDER_TRADE_UPDATE": ("T", "E"), "ALGO_UPDATE": ("T", "E")}
ORDER_NEWS = ("ORDER_TRADE_UPDATE", "TRADE_LITE", "ALGO_UPDATE")
USUAL_FRONT = ("E", "T")


class UserStreams:
    """Who listens to which key, and what is on its way to them."""

    def __init__(self, agenda: Agenda, board: Board, seed_rng: Callable[[str], random.Random]) -> None:
        self.keys = ListenKeys(agenda, seed_rng("listen keys"), self._notice)
        self._agenda = agenda
        self._board = board
        self._seed_rng = seed_rng
        self._sinks: list[tuple[str, Sink, frozenset[str] | None]] = []

    def serve(self, account: Account) -> None:
        """Carry the events of an account from now on."""
        lanes = _Lanes(self._board, self._seed_rng(f"user stream {account.name}"))

        def told(kind: str, body: dict[str, Any], now_ns: int) -> None:
            key = self.keys.of(account)
            if key is not None:
                due_ns, text = lanes.placed(kind, body, now_ns)
                self._agenda.at(due_ns, lambda _: self._carry(key, kind, text))

        account.listeners.append(told)

    def subscribe(self, listen_key: str, sink: Sink, events: Collection[str] | None) -> None:
        """Send the stream of a key there; a key of nobody is silence."""
        self.unsubscribe(listen_key, sink)
        self._sinks.append((listen_key, sink, None if events is None else frozenset(events)))

    def unsubscribe(self, listen_key: str, sink: Sink) -> None:
        """Stop sending it there."""
        self._sinks = [one for one in self._sinks if one[:2] != (listen_key, sink)]

    def _carry(self, key: ListenKey, kind: str, text: str) -> None:
        # After the end of a key nothing follows, not even what was on its way.
        if self.keys.of(key.account) is key:
            self._hand(key.text, kind, text)

    def _notice(self, key: ListenKey, now_ns: int) -> None:
        text = _text("listenKeyExpired", {"listenKey": key.text}, now_ns // NS_PER_MS)
        self._agenda.at(now_ns, lambda _: self._hand(key.text, "listenKeyExpired", text))

    def _hand(self, listen_key: str, kind: str, text: str) -> None:
        for key, sink, events in list(self._sinks):
            if key == listen_key and (events is None or kind in events):
                sink(listen_key, kind, text)


class _Lanes:
    """One lane for each type of event: a delay by chance, never past the event before."""

    def __init__(self, board: Board, rng: random.Random) -> None:
        self._board = board
        self._rng = rng
        self._sent_ns: dict[str, int] = {}
        self._told_ms: dict[str, int] = {}

    def placed(self, kind: str, body: dict[str, Any], now_ns: int) -> tuple[int, str]:
        """When an event leaves, and its text."""
        told_ms = now_ns // NS_PER_MS + self._rng.randint(0, MOST_LAG_MS)
        self._told_ms[kind] = told_ms = max(told_ms, self._told_ms.get(kind, 0))
        due_ns = max(now_ns + self._rng.randint(*DELAY_NS), told_ms * NS_PER_MS)
        due_ns += self._board.news_delay_ns("executions" if kind in ORDER_NEWS else "balances", self._rng)
        self._sent_ns[kind] = due_ns = max(due_ns, self._sent_ns.get(kind, 0))
        return due_ns, _text(kind, body, told_ms)


def _text(kind: str, body: dict[str, Any], told_ms: int) -> str:
    stamps = {**body, "E": told_ms}
    front = [name for name in FRONT.get(kind, USUAL_FRONT) if name in stamps]
    rest = [name for name in body if name not in front]
    ordered = {"e": kind} | {name: stamps[name] for name in (*front, *rest)}
    return json.dumps(ordered, separators=(",", ":"), ensure_ascii=False)

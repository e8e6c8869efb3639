"""The emulated Kraken without sockets: market, connections, REST and faults on the time it is told.

A simulation in memory and `serve` on real sockets drive exactly this. Time is Unix nanoseconds and never
goes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

from leadline.emulator import faults
from leadline.emulator.fault_board import Active, FaultBoard, RefusedConnect
from leadline.emulator.fault_forms import decoded
from leadline.emulator.instruments import DEMO_PAIRS, Pair
from leadline.emulator.kraken import frames
from leadline.emulator.kraken.auth import Tokens
from leadline.emulator.kraken.book_window import checksum
from leadline.emulator.kraken.level3 import order_names
from leadline.emulator.kraken.private_rest import PREFIX, PrivateRest
from leadline.emulator.kraken.private_ws import Desk
from leadline.emulator.kraken.rest import Rest
from leadline.emulator.kraken.streams import Streams
from leadline.emulator.kraken.ws import Connection
from leadline.emulator.limits import ConnectBudget
from leadline.emulator.lines import Lines
from leadline.emulator.market import Market, chance
from leadline.emulator.replies import replied
from leadline.emulator.sights import Sights
from leadline.emulator.surface import Doors
from leadline.emulator.trading import Trading
from leadline.emulator.truth import KrakenTruth
from leadline.emulator.wire import Answer

TRADING_CALLS = frozenset(
    {
        *("AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder"),
        *("CancelOrder", "CancelOrderBatch", "CancelAll", "CancelAllOrdersAfter"),
        *("add_order", "batch_add", "amend_order", "edit_order"),
        *("cancel_order", "batch_cancel", "cancel_all", "cancel_all_orders_after"),
    }
)
PUBLIC, PRIVATE, LEVEL3 = "ws_public", "ws_private", "ws_level3"
SOCKETS = {"/v2": PUBLIC, "/auth/v2": PRIVATE, "/level3/v2": LEVEL3}
_ROUTES = {"executions": PRIVATE, "balances": PRIVATE, "level3": LEVEL3}


class Exchange:
    """Everything behind the venue's addresses.

    `rate` is market events per second over all pairs; `start_ns` is when trading begins, `history_minutes`
    how many minutes of bars lie before it.
    """

    def __init__(
        self,
        *,
        start_ns: int,
        seed: int = 1,
        rate: float = 100.0,
        pairs: Iterable[Pair] = DEMO_PAIRS,
        history_minutes: int = 1_440,
    ) -> None:
        self.market = Market(pairs, seed=seed, rate=rate, start_ns=start_ns, history_minutes=history_minutes)
        self.board = FaultBoard(TRADING_CALLS)
        self.budget = ConnectBudget()
        self.trading = Trading(self.market, seed=seed)
        self.tokens = Tokens(chance(seed, "tokens"))
        self.desk = Desk(self.market, self.trading, self.tokens, self.board)
        self._sights = Sights(self.market, self.board)
        self._lines: Lines[Connection] = Lines(self.board, self._sights, self)
        self._streams = Streams(self.market, order_names(self.trading.order_id_of), self._sights)
        self._rest = Rest(self.market, self._sights, start_ns)
        self.private_rest = PrivateRest(self.market, self.trading, self.board, self.tokens)
        self._seed = seed
        self._numbers = count(1)
        self._now_ns = start_ns

    @property
    def connections(self) -> list[Connection]:
        """The open connections, oldest first."""
        return self._lines.open

    @property
    def doors(self) -> Doors:
        """Its addresses, and the key of the demo account."""
        endpoints = {route: path for path, route in SOCKETS.items()}
        key = {"api_key": self.trading.demo.api_key, "private_key": self.trading.demo.secret}
        return Doors(SOCKETS, "/0/", endpoints, key)

    def refusal(self, now_ns: int, route: str = PUBLIC) -> RefusedConnect | None:
        """How the next WebSocket connect is turned away, None where `connect` may follow; counts the try.

        All routes alike.
        """
        self.advance(now_ns)
        refused = self.board.refused("ws")
        if refused is not None:
            return refused
        return None if self.budget.take(now_ns) else RefusedConnect(429)

    def connect(self, now_ns: int, route: str = PUBLIC, address: str = "") -> Connection:
        """A new connection, its status frame already waiting in `outputs`; the route says all."""
        self.advance(now_ns)
        rng = chance(self._seed, "connection", next(self._numbers))
        connection = Connection(route, self.market, self._streams, self.board, rng, now_ns, self.desk)
        self._lines.add(connection)
        return connection

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | str,
        now_ns: int,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Answer | RefusedConnect:
        """The answer to one REST request; `RefusedConnect(None)` stands for a TCP reset.

        `query` may be its raw text; `body` is the bytes as sent, which a signature covers.
        """
        self.advance(now_ns)
        name = path.rpartition("/")[2]
        return replied(
            self.board, path, name, lambda: self._answer(method, path, query, now_ns, headers, body)
        )

    def advance(self, now_ns: int) -> None:
        """Let everything due by then happen, in order of time."""
        while True:
            due_ns = self._next_timer_ns()
            self.market.advance(min(due_ns, now_ns))
            if due_ns > now_ns:
                break
            self._now_ns = max(self._now_ns, due_ns)
            self._strike(due_ns)
        self._now_ns = max(self._now_ns, now_ns)

    def next_event_at(self) -> int:
        """When `advance` next has something to do."""
        return min(self.market.next_ns, self._next_timer_ns())

    def book_proof(self, symbol: str) -> Mapping[str, int]:
        """The checksum of the ten best levels a side."""
        return {"checksum": checksum(self.market.listings[symbol].book)}

    def account_names(self) -> list[str]:
        """Every account there is."""
        return [one.name for one in self.trading.accounts.values()]

    def truth(self, account: str | None = None) -> KrakenTruth | None:
        """What it knows of an account, the demo one where none is named; None where there is none such."""
        found = self.trading.demo if account is None else self.trading.named(account)
        return None if found is None else KrakenTruth(found, self.market.listings)

    def inject(self, fields: Any, now_ns: int) -> Active:
        """Put a fault on, described as posted JSON; raises `FaultError`."""
        self.advance(now_ns)
        return self._lines.put(decoded(fields, self.market.listings.keys()), now_ns)

    def end_faults(self, now_ns: int, fault_id: int | None = None) -> int:
        """End one fault, or all; returns how many were on."""
        self.advance(now_ns)
        return self._lines.end(now_ns, fault_id)

    def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | str,
        now_ns: int,
        headers: Iterable[tuple[str, str]],
        body: bytes,
    ) -> Answer:
        if path.startswith(PREFIX):
            return self.private_rest.answer(method, path, headers, body, now_ns)
        named = dict(parse_qsl(query, keep_blank_values=True)) if isinstance(query, str) else query
        asked = {**named, **dict(parse_qsl(body.decode(errors="replace")))}
        return self._rest.answer(method, path, asked, now_ns, self.board.rest_bucket(now_ns))

    def route_of(self, channel: str | None) -> str:
        """The address a channel is served at."""
        return _ROUTES.get(channel or "", PUBLIC)

    def fault_began(self, one: Active, now_ns: int) -> None:
        """A fault is on: do what it does to this venue."""
        fault = one.fault
        if isinstance(fault, faults.Skew | faults.Lag):
            self._streams.tickers_retold(fault.symbol, now_ns)
        elif isinstance(fault, faults.Status):
            self._set_status(fault.mode, fault.symbol)
        elif isinstance(fault, faults.Instrument):
            self._set_precision(fault, now_ns)
            self.board.end(one.fault_id)
        elif isinstance(fault, faults.Rate):
            self._set_limits(fault, now_ns)
            if fault.per_s is None:
                self.board.end(one.fault_id)

    def fault_ended(self, one: Active, now_ns: int) -> None:
        """A fault is off: undo what it did to this venue."""
        if isinstance(one.fault, faults.Skew | faults.Lag):
            self._streams.tickers_retold(one.fault.symbol, now_ns)
        elif isinstance(one.fault, faults.Status):
            self._set_status("online", one.fault.symbol)

    def _next_timer_ns(self) -> int:
        return min(self._lines.next_ns(), self.trading.next_ns())

    def _strike(self, due_ns: int) -> None:
        if self.trading.next_ns() <= due_ns:
            self.trading.woke(max(due_ns, self._now_ns))
        self._lines.strike(due_ns)

    def _set_status(self, mode: str, symbol: str | None) -> None:
        if symbol is not None:
            listing = self.market.listings[symbol]
            listing.status = mode
            self._streams.listing_changed(listing)
            return
        self.market.system = mode
        for connection in self.connections:
            connection.deliver(frames.status(mode, connection.connection_id))

    def _set_limits(self, fault: faults.Rate, now_ns: int) -> None:
        if fault.tier is not None:
            for account in self.trading.accounts.values():
                account.set_tier(fault.tier)
        if fault.burn is not None:
            demo = self.trading.demo
            counter = demo.rest if fault.symbol is None else demo.counter(fault.symbol)
            counter.charge(fault.burn, now_ns)

    def _set_precision(self, fault: faults.Instrument, now_ns: int) -> None:
        pair = self.market.listings[fault.symbol].pair
        price = pair.price_precision if fault.price_precision is None else fault.price_precision
        qty = pair.qty_precision if fault.qty_precision is None else fault.qty_precision
        self.market.change_precision(fault.symbol, price, qty)
        self._streams.listing_changed(self.market.listings[fault.symbol])
        # assumed: a running book subscription goes on with a snapshot in the new decimals
        self._streams.books_restarted(fault.symbol, now_ns)

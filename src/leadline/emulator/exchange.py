"""The emulated Kraken without sockets: market, connections, REST and faults on the time it is told.

A simulation in memory and `serve` on real sockets drive exactly this. Time is Unix nanoseconds and never
goes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

from leadline.emulator import faults, lines
from leadline.emulator.fault_board import Active, FaultBoard, RefusedConnect
from leadline.emulator.faults import AnyFault
from leadline.emulator.instruments import DEMO_PAIRS, Pair
from leadline.emulator.kraken import frames
from leadline.emulator.kraken.auth import Tokens
from leadline.emulator.kraken.book_window import checksum
from leadline.emulator.kraken.level3 import order_names
from leadline.emulator.kraken.private_rest import PREFIX as PRIVATE
from leadline.emulator.kraken.private_rest import PrivateRest
from leadline.emulator.kraken.private_ws import Desk
from leadline.emulator.kraken.rest import Rest
from leadline.emulator.kraken.streams import Streams
from leadline.emulator.kraken.ws import Connection
from leadline.emulator.limits import ConnectBudget
from leadline.emulator.market import Market, chance
from leadline.emulator.sights import Sights
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
        self.connections: list[Connection] = []
        self.trading = Trading(self.market, seed=seed)
        self.tokens = Tokens(chance(seed, "tokens"))
        self.desk = Desk(self.market, self.trading, self.tokens, self.board)
        self._sights = Sights(self.market, self.board)
        self._streams = Streams(self.market, order_names(self.trading.order_id_of), self._sights)
        self._rest = Rest(self.market, self._sights, start_ns)
        self.private_rest = PrivateRest(self.market, self.trading, self.board, self.tokens)
        self._seed = seed
        self._numbers = count(1)
        self._now_ns = start_ns

    def refusal(self, now_ns: int, route: str = "ws_public") -> RefusedConnect | None:
        """How the next WebSocket connect is turned away, None where `connect` may follow; counts the try.

        All routes alike.
        """
        self.advance(now_ns)
        refused = self.board.refused("ws")
        if refused is not None:
            return refused
        return None if self.budget.take(now_ns) else RefusedConnect(429)

    def connect(self, now_ns: int, route: str = "ws_public") -> Connection:
        """A new connection, its status frame already waiting in `outputs`."""
        self.advance(now_ns)
        rng = chance(self._seed, "connection", next(self._numbers))
        connection = Connection(route, self.market, self._streams, self.board, rng, now_ns, self.desk)
        self.connections = [one for one in self.connections if not one.ended] + [connection]
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
        query = dict(parse_qsl(query)) if isinstance(query, str) else query
        refused = self.board.refused("rest")
        if refused is not None:
            return refused
        reply = self.board.reply(path)
        replaced = reply is not None and (reply.body is not None or reply.status != 200)
        if reply is not None and replaced and not reply.accepted:
            return Answer(reply.status, (reply.body or "").encode(), reply.delay_s)
        answer = self._answer(method, path, query, now_ns, headers, body)
        if self.board.drops_answer(path.rpartition("/")[2]):
            return RefusedConnect(None, executed=True)
        if reply is None:
            return answer
        if replaced:
            return Answer(reply.status, (reply.body or "").encode(), reply.delay_s)
        return Answer(answer.status, answer.body, reply.delay_s)

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
        """Put a fault on, described as posted JSON; raises `faults.FaultError`."""
        self.advance(now_ns)
        fault = faults.decoded(fields, self.market.listings.keys())
        one = self.board.put(fault, now_ns)
        self._begin(one, now_ns)
        return one

    def end_faults(self, now_ns: int, fault_id: int | None = None) -> int:
        """End one fault, or all; returns how many were on."""
        self.advance(now_ns)
        ids = [one for one in self.board.active if fault_id in (None, one)]
        for one in ids:
            self._end(one, now_ns)
        return len(ids)

    def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        now_ns: int,
        headers: Iterable[tuple[str, str]],
        body: bytes,
    ) -> Answer:
        if path.startswith(PRIVATE):
            return self.private_rest.answer(method, path, headers, body, now_ns)
        asked = {**query, **dict(parse_qsl(body.decode(errors="replace")))}
        return self._rest.answer(method, path, asked, now_ns, self.board.rest_bucket(now_ns))

    def _next_timer_ns(self) -> int:
        due_ns = min(self.board.next_expiry_ns(), self.trading.next_ns())
        for connection in self.connections:
            due_ns = min(due_ns, connection.wake_at())
        return min((due_ns, *(closing[0] for closing in lines.closings(self.board, self.connections))))

    def _strike(self, due_ns: int) -> None:
        if self.trading.next_ns() <= due_ns:
            self.trading.woke(max(due_ns, self._now_ns))
        for fault_id in [one.fault_id for one in self.board.active.values() if one.until_ns <= due_ns]:
            self._end(fault_id, due_ns)
        lines.close_aged(self.board, self.connections, due_ns)
        for connection in self.connections:
            if connection.wake_at() <= due_ns:
                connection.woke(due_ns)
        self.connections = [one for one in self.connections if not one.ended]

    def _begin(self, one: Active, now_ns: int) -> None:
        fault: AnyFault = one.fault
        lines.begin(self.board, one, self.connections)
        if isinstance(fault, faults.Stall | faults.OnFrames):
            self._aim(one, fault)
        elif isinstance(fault, faults.Skew | faults.Lag):
            self._sights.begin(one)
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

    def _end(self, fault_id: int, now_ns: int) -> None:
        one = self.board.end(fault_id)
        if isinstance(one.fault, faults.HalfOpen):
            lines.thaw(one, self.connections, now_ns)
        elif isinstance(one.fault, faults.Skew | faults.Lag):
            self._sights.end(fault_id)
            self._streams.tickers_retold(one.fault.symbol, now_ns)
        elif isinstance(one.fault, faults.Status):
            self._set_status("online", one.fault.symbol)

    def _aim(self, one: Active, fault: faults.Stall | faults.OnFrames) -> None:
        """Settle which connection a fault on frames is about; where none is open it is about none."""
        if fault.only is not None:
            line = {"executions": "ws_private", "balances": "ws_private", "level3": "ws_level3"}
            route = line.get(fault.channel or "", "ws_public")
            found = lines.picked(self.connections, route, fault.only)
            one.only = found[0].connection_id if found else -1

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

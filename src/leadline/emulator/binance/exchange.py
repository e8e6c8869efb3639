"""The emulated Binance USDⓈ-M Futures without sockets, on the time it is told.

Market, connections, REST and faults; driven exactly as the emulated Kraken is. Time is Unix nanoseconds and
never goes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any
from urllib.parse import urlencode

from leadline.emulator import faults, lines
from leadline.emulator.binance.agenda import Agenda
from leadline.emulator.binance.agg_trades import AggTapes
from leadline.emulator.binance.api_connection import ApiConnection
from leadline.emulator.binance.connection import Connection
from leadline.emulator.binance.contracts import DEMO_CONTRACTS, Contract, pairs_of
from leadline.emulator.binance.depth import UpdateIds
from leadline.emulator.binance.gateway import Gateway, fields
from leadline.emulator.binance.klines import AllKlines
from leadline.emulator.binance.listed import Listed
from leadline.emulator.binance.market_api import MarketApi
from leadline.emulator.binance.marks import MarkPrices
from leadline.emulator.binance.rest import MarketRest
from leadline.emulator.binance.streams import Streams
from leadline.emulator.binance.targets import API, ENDPOINTS, PRIVATE, PUBLIC, Target, target_of
from leadline.emulator.binance.topics import Sources
from leadline.emulator.binance.trading import Trading
from leadline.emulator.binance.troubles import FAILURES, only_reduces
from leadline.emulator.binance.truth import BinanceTruth
from leadline.emulator.binance.weights import AddressWeights, Turned
from leadline.emulator.binance.ws_api import ApiSession
from leadline.emulator.fault_board import Active, FaultBoard, RefusedConnect
from leadline.emulator.limits import ConnectBudget
from leadline.emulator.market import Market, chance
from leadline.emulator.numbers import NS_PER_S
from leadline.emulator.sights import Sights
from leadline.emulator.wire import Answer

TRADING_CALLS = frozenset(
    {
        *("order", "batchOrders", "allOpenOrders", "algoOrder", "algoOpenOrders", "countdownCancelAll"),
        *("order.place", "order.modify", "order.cancel", "algoOrder.place", "algoOrder.cancel"),
    }
)
HANDSHAKE_WEIGHT = 5
# assumed: the connect budget of the spot venue, as none is published for this one
CONNECTS = 300
CONNECT_WINDOW_NS = 300 * NS_PER_S
_PRIVATE_CHANNELS = ("executions", "balances")
_PUBLIC_CHANNELS = ("ticker", "book", "top")


class BinanceExchange:
    """Everything behind the venue's addresses.

    `rate` is market events per second over all contracts; `start_ns` is when trading begins,
    `history_minutes` how many minutes of bars lie before it.
    """

    def __init__(
        self,
        *,
        start_ns: int,
        seed: int = 1,
        rate: float = 100.0,
        contracts: Iterable[Contract] = DEMO_CONTRACTS,
        history_minutes: int = 1_440,
    ) -> None:
        contracts = tuple(contracts)
        self.market = Market(
            pairs_of(contracts), seed=seed, rate=rate, start_ns=start_ns, history_minutes=history_minutes
        )
        self.board = FaultBoard(TRADING_CALLS)
        self.budget = ConnectBudget(CONNECTS, CONNECT_WINDOW_NS)
        self.connections: list[Connection | ApiConnection] = []
        self.weights = AddressWeights()
        self.listed = Listed(self.market, contracts)
        self.ids = UpdateIds(self.market, chance(seed, "update ids"))
        self.marks = MarkPrices(self.market, contracts, chance(seed, "marks"), start_ns)
        self._agenda = Agenda()
        self.aggs = AggTapes(self.market, self._agenda, chance(seed, "aggregates"))
        sources = Sources(
            self.market,
            self.listed,
            self.ids,
            self.aggs,
            AllKlines(self.market, seed),
            self.marks,
            self._agenda,
        )
        self._sights = Sights(self.market, self.board)
        self._streams = Streams(sources, chance(seed, "liquidations"))
        self.trading = Trading(self.market, self.marks, self.listed.rows, self.weights, self.board, seed=seed)
        self.trading.liquidation_listeners.append(self._streams.liquidated)
        self.listed.listeners.append(lambda symbol: self._streams.contract_changed(symbol, self._now_ns))
        rest = MarketRest(sources, self._sights, start_ns)
        self._gateway = Gateway(rest, self.trading, self.weights)
        self._market_api = MarketApi(rest, self.weights)
        self._seed = seed
        self._numbers = count(1)
        self._now_ns = start_ns

    def refusal(self, now_ns: int, route: str = PUBLIC) -> RefusedConnect | None:
        """How the next WebSocket connect is turned away, None where `connect` may follow; counts the try."""
        self.advance(now_ns)
        refused = self.board.refused("ws")
        if refused is not None:
            return refused
        if route == API:
            try:
                self.weights.charge(HANDSHAKE_WEIGHT, now_ns)
            except Turned as turned:
                return RefusedConnect(turned.status)
        return None if self.budget.take(now_ns) else RefusedConnect(429)

    def connect(
        self, now_ns: int, route: str = PUBLIC, target: Target | None = None
    ) -> Connection | ApiConnection:
        """A new connection; `target` is what its address asked for, else the wrapped form of the route."""
        self.advance(now_ns)
        asked = target or target_of(ENDPOINTS.get(route, "/stream"), "") or Target(route)
        connection_id = chance(self._seed, "connection", next(self._numbers)).getrandbits(63)
        made: Connection | ApiConnection
        if asked.route == API:
            session = ApiSession(now_ns, asked.rate_limits)
            made = ApiConnection(session, connection_id, self.trading, self._market_api, self.board)
        else:
            made = Connection(asked, connection_id, self._streams, self.trading, self.board, now_ns)
        self.connections = [one for one in self.connections if not one.ended] + [made]
        return made

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

        A `query` given as text is the raw one, which a signature covers; so is `body`.
        """
        self.advance(now_ns)
        refused = self.board.refused("rest")
        if refused is not None:
            return refused
        raw = query if isinstance(query, str) else urlencode(query)
        reply = self.board.reply(path)
        replaced = reply is not None and (reply.body is not None or reply.status != 200)
        if reply is not None and replaced and not reply.accepted:
            return Answer(reply.status, (reply.body or "").encode(), reply.delay_s)
        name = path.rpartition("/")[2] if method != "GET" else ""
        asked = {**fields(body.decode(errors="replace")), **fields(raw)}
        trouble = self.board.backend(name, reducing=method == "DELETE" or only_reduces(asked))
        if trouble is not None:
            failure = FAILURES[trouble.trouble]
            if trouble.accepted and failure.may_have_acted:
                self._gateway.answer(method, path, raw, now_ns, headers, body)
            return Answer(failure.status, failure.body)
        answer = self._gateway.answer(method, path, raw, now_ns, headers, body)
        if self.board.drops_answer(name):
            return RefusedConnect(None, executed=True)
        if reply is None:
            return answer
        if replaced:
            return Answer(reply.status, (reply.body or "").encode(), reply.delay_s)
        return Answer(answer.status, answer.body, reply.delay_s, answer.headers)

    def advance(self, now_ns: int) -> None:
        """Let everything due by then happen, in order of time."""
        while True:
            due_ns = self.next_event_at()
            if due_ns > now_ns:
                break
            self._now_ns = max(self._now_ns, due_ns)
            if self.market.next_ns <= due_ns:
                self.market.advance(due_ns)
            else:
                self._strike(self._now_ns)
        self._now_ns = max(self._now_ns, now_ns)

    def next_event_at(self) -> int:
        """When `advance` next has something to do."""
        due_ns = min(
            self.market.next_ns,
            self._agenda.next_ns(),
            self.marks.next_ns(),
            self.trading.next_ns(),
            self.board.next_expiry_ns(),
        )
        for connection in self.connections:
            due_ns = min(due_ns, connection.wake_at())
        if self.board.active:
            due_ns = min((due_ns, *(one[0] for one in lines.closings(self.board, self.connections))))
        return due_ns

    def book_proof(self, symbol: str) -> Mapping[str, int]:
        """The id of the last applied change."""
        return {"last_update_id": self.ids.last(symbol)}

    def account_names(self) -> list[str]:
        """Every account there is."""
        return [one.name for one in self.trading.accounts.values()]

    def truth(self, account: str | None = None) -> BinanceTruth | None:
        """What it knows of an account, the demo one where none is named; None where there is none such."""
        found = self.trading.demo if account is None else self.trading.named(account)
        return None if found is None else BinanceTruth(found, self.market.listings)

    def inject(self, fields: Any, now_ns: int) -> Active:
        """Put a fault on, described as posted JSON; raises `faults.FaultError`.

        A symbol may have the venue's form or the unified one, `BTC/USDT:USDT`.
        """
        self.advance(now_ns)
        if isinstance(fields, dict):
            fields = {"venue": "binance", **fields}
            known = {one.unified: symbol for symbol, one in self.listed.contracts.items()}
            if fields.get("symbol") in known:
                fields["symbol"] = known[fields["symbol"]]
        one = self.board.put(faults.decoded(fields, self.market.listings.keys()), now_ns)
        self._begin(one, now_ns)
        return one

    def end_faults(self, now_ns: int, fault_id: int | None = None) -> int:
        """End one fault, or all; returns how many were on."""
        self.advance(now_ns)
        ids = [one for one in self.board.active if fault_id in (None, one)]
        for one in ids:
            self._end(one, now_ns)
        return len(ids)

    def _strike(self, due_ns: int) -> None:
        """Do what is due of everything but the market."""
        if self.marks.next_ns() <= due_ns:
            self.marks.woke(due_ns)
        if self.trading.next_ns() <= due_ns:
            self.trading.woke(due_ns)
        if self._agenda.next_ns() <= due_ns:
            self._agenda.woke(due_ns)
        for fault_id in [one.fault_id for one in self.board.active.values() if one.until_ns <= due_ns]:
            self._end(fault_id, due_ns)
        lines.close_aged(self.board, self.connections, due_ns)
        for connection in self.connections:
            if connection.wake_at() <= due_ns:
                connection.woke(due_ns)
        self.connections = [one for one in self.connections if not one.ended]

    def _begin(self, one: Active, now_ns: int) -> None:
        fault = one.fault
        lines.begin(self.board, one, self.connections)
        if isinstance(fault, faults.Stall | faults.OnFrames):
            self._aim(one, fault)
        elif isinstance(fault, faults.Skew | faults.Lag):
            self._sights.begin(one)
        elif isinstance(fault, faults.Status):
            self._set_mode(fault.mode, fault.symbol)
        elif isinstance(fault, faults.Rate):
            self.weights.spend(round(fault.burn or 0), now_ns)
            self.board.end(one.fault_id)
        elif isinstance(fault, faults.ListenKeyExpire):
            self.trading.expire_listen_keys(now_ns, silent=fault.silent)
            self.board.end(one.fault_id)
        elif isinstance(fault, faults.OldRoutes):
            self._reroute(now_ns)

    def _end(self, fault_id: int, now_ns: int) -> None:
        one = self.board.end(fault_id)
        if isinstance(one.fault, faults.HalfOpen):
            lines.thaw(one, self.connections, now_ns)
        elif isinstance(one.fault, faults.Skew | faults.Lag):
            self._sights.end(fault_id)
        elif isinstance(one.fault, faults.Status):
            self._set_mode("online", one.fault.symbol)
        elif isinstance(one.fault, faults.OldRoutes):
            self._reroute(now_ns)

    def _aim(self, one: Active, fault: faults.Stall | faults.OnFrames) -> None:
        """Settle which connection a fault on frames is about; where none is open it is about none."""
        if fault.only is not None:
            channel = fault.channel or "book"
            route = PUBLIC if channel in _PUBLIC_CHANNELS else "ws_market"
            found = lines.picked(
                self.connections, PRIVATE if channel in _PRIVATE_CHANNELS else route, fault.only
            )
            one.only = found[0].connection_id if found else -1

    def _set_mode(self, mode: str, symbol: str | None) -> None:
        for name in self.market.listings if symbol is None else (symbol,):
            self.listed.set_mode(name, mode)

    def _reroute(self, now_ns: int) -> None:
        for connection in self.connections:
            if isinstance(connection, Connection):
                connection.rerouted(now_ns)

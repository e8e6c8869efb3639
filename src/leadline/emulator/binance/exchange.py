"""The emulated Binance USDⓈ-M Futures without sockets, on the time it is told.

Market, connections, REST and faults; driven exactly as the emulated Kraken is. Time is Unix nanoseconds and
never goes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any
from urllib.parse import urlencode

from leadline.emulator import faults
from leadline.emulator.binance.agenda import Agenda
from leadline.emulator.binance.agg_trades import AggTapes
from leadline.emulator.binance.api_connection import ApiConnection
from leadline.emulator.binance.connection import Connection
from leadline.emulator.binance.contracts import DEMO_CONTRACTS, Contract, pairs_of
from leadline.emulator.binance.delivery import Deliveries
from leadline.emulator.binance.depth import UpdateIds
from leadline.emulator.binance.forced import ADL, LIQUIDATION
from leadline.emulator.binance.gateway import Gateway, fields
from leadline.emulator.binance.klines import AllKlines
from leadline.emulator.binance.listed import Listed
from leadline.emulator.binance.market_api import MarketApi
from leadline.emulator.binance.marks import MarkPrices
from leadline.emulator.binance.rest import MarketRest
from leadline.emulator.binance.streams import Streams
from leadline.emulator.binance.targets import (
    API,
    ENDPOINTS,
    MARKET,
    PATTERNS,
    PRIVATE,
    PUBLIC,
    Target,
    target_of,
)
from leadline.emulator.binance.topics import Sources
from leadline.emulator.binance.trading import Trading
from leadline.emulator.binance.troubles import FAILURES, only_reduces
from leadline.emulator.binance.truth import BinanceTruth
from leadline.emulator.binance.weights import AddressWeights, Turned
from leadline.emulator.binance.ws_api import ApiSession
from leadline.emulator.fault_board import Active, FaultBoard, RefusedConnect
from leadline.emulator.fault_forms import decoded
from leadline.emulator.limits import ConnectBudget
from leadline.emulator.lines import Lines
from leadline.emulator.market import Market, chance
from leadline.emulator.numbers import NS_PER_S
from leadline.emulator.replies import replied
from leadline.emulator.sights import Sights
from leadline.emulator.surface import Doors
from leadline.emulator.wire import Answer

TRADING_CALLS = frozenset(
    {
        *("order", "batchOrders", "allOpenOrders", "algoOrder", "algoOpenOrders", "countdownCancelAll"),
        *("order.place", "order.modify", "order.cancel", "algoOrder.place", "algoOrder.cancel"),
    }
)
HANDSHAKE_WEIGHT = 5
CAUSES = {"liquidation": LIQUIDATION, "adl": ADL}
# assumed: the connect budget of the spot venue, as none is published for this one
CONNECTS = 300
CONNECT_WINDOW_NS = 300 * NS_PER_S
_ROUTES = {
    **dict.fromkeys(("executions", "balances"), PRIVATE),
    **dict.fromkeys(("ticker", "book", "top"), PUBLIC),
}


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
        self._lines: Lines[Connection | ApiConnection] = Lines(self.board, self._sights, self)
        self._streams = Streams(sources, chance(seed, "liquidations"))
        self.trading = Trading(self.market, self.marks, self.listed.rows, self.weights, self.board, seed=seed)
        self.trading.forced.listeners.append(self._streams.liquidated)
        self.listed.listeners.append(lambda symbol: self._streams.contract_changed(symbol, self._now_ns))
        self._deliveries = Deliveries(
            self.listed, self.marks, self._agenda, self.trading.forced.end_contract, start_ns
        )
        rest = MarketRest(sources, self._sights, start_ns)
        self._gateway = Gateway(rest, self.trading, self.weights)
        self._market_api = MarketApi(rest, self.weights)
        self._seed = seed
        self._numbers = count(1)
        self._now_ns = start_ns

    @property
    def connections(self) -> list[Connection | ApiConnection]:
        """The open connections, oldest first."""
        return self._lines.open

    @property
    def doors(self) -> Doors:
        """Its addresses, and the key of the demo account."""
        key = {"api_key": self.trading.demo.api_key, "api_secret": self.trading.demo.secret}
        return Doors(PATTERNS, "/fapi/", ENDPOINTS, key)

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

    def connect(self, now_ns: int, route: str = PUBLIC, address: str = "") -> Connection | ApiConnection:
        """A new connection; `address` is the path and query asked for, else the wrapped form of the route."""
        self.advance(now_ns)
        path, _, query = (address or ENDPOINTS.get(route, "/stream")).partition("?")
        asked = target_of(path, query) or Target(route)
        connection_id = chance(self._seed, "connection", next(self._numbers)).getrandbits(63)
        made: Connection | ApiConnection
        if asked.route == API:
            session = ApiSession(now_ns, asked.rate_limits)
            made = ApiConnection(session, connection_id, self.trading, self._market_api, self.board)
        else:
            made = Connection(asked, connection_id, self._streams, self.trading, self.board, now_ns)
        self._lines.add(made)
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
        raw = query if isinstance(query, str) else urlencode(query)
        name = path.rpartition("/")[2] if method != "GET" else ""
        return replied(
            self.board, path, name, lambda: self._answer(method, path, name, raw, now_ns, headers, body)
        )

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
        return min(
            self.market.next_ns,
            self._agenda.next_ns(),
            self.marks.next_ns(),
            self.trading.next_ns(),
            self._lines.next_ns(),
        )

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
        """Put a fault on, described as posted JSON; raises `FaultError`.

        A symbol may have the venue's form or the unified one, `BTC/USDT:USDT`.
        """
        self.advance(now_ns)
        if isinstance(fields, dict):
            fields = {"venue": "binance", **fields}
            known = {one.unified: symbol for symbol, one in self.listed.contracts.items()}
            if fields.get("symbol") in known:
                fields["symbol"] = known[fields["symbol"]]
        return self._lines.put(decoded(fields, self.market.listings.keys()), now_ns)

    def end_faults(self, now_ns: int, fault_id: int | None = None) -> int:
        """End one fault, or all; returns how many were on."""
        self.advance(now_ns)
        return self._lines.end(now_ns, fault_id)

    def route_of(self, channel: str | None) -> str:
        """The address a channel is served at."""
        return _ROUTES.get(channel or "book", MARKET)

    def fault_began(self, one: Active, now_ns: int) -> None:
        """A fault is on: do what it does to this venue."""
        fault = one.fault
        if isinstance(fault, faults.Status):
            self._set_mode(fault.mode, fault.symbol)
        elif isinstance(fault, faults.Rate):
            self.weights.spend(round(fault.burn or 0), now_ns)
            self.board.end(one.fault_id)
        elif isinstance(fault, faults.ListenKeyExpire):
            self.trading.expire_listen_keys(now_ns, silent=fault.silent)
            self.board.end(one.fault_id)
        elif isinstance(fault, faults.ForceClose):
            cause, mark = CAUSES[fault.cause], self.marks.mark(fault.symbol)
            self.trading.forced.everywhere(fault.symbol, cause, mark, now_ns, fault.part, hollow=fault.hollow)
            self.board.end(one.fault_id)
        elif isinstance(fault, faults.Delist):
            self._deliveries.delist(fault.symbol, now_ns + round(fault.after_s * NS_PER_S), now_ns)
            self.board.end(one.fault_id)
        elif isinstance(fault, faults.OldRoutes):
            self._reroute(now_ns)

    def fault_ended(self, one: Active, now_ns: int) -> None:
        """A fault is off: undo what it did to this venue."""
        if isinstance(one.fault, faults.Status):
            self._set_mode("online", one.fault.symbol)
        elif isinstance(one.fault, faults.OldRoutes):
            self._reroute(now_ns)

    def _answer(
        self,
        method: str,
        path: str,
        name: str,
        raw: str,
        now_ns: int,
        headers: Iterable[tuple[str, str]],
        body: bytes,
    ) -> Answer:
        asked = {**fields(body.decode(errors="replace")), **fields(raw)}
        trouble = self.board.backend(name, reducing=method == "DELETE" or only_reduces(asked))
        if trouble is None:
            return self._gateway.answer(method, path, raw, now_ns, headers, body)
        failure = FAILURES[trouble.trouble]
        if trouble.accepted and failure.may_have_acted:
            self._gateway.answer(method, path, raw, now_ns, headers, body)
        return Answer(failure.status, failure.body)

    def _strike(self, due_ns: int) -> None:
        """Do what is due of everything but the market."""
        if self.marks.next_ns() <= due_ns:
            self.marks.woke(due_ns)
        if self.trading.next_ns() <= due_ns:
            self.trading.woke(due_ns)
        if self._agenda.next_ns() <= due_ns:
            self._agenda.woke(due_ns)
        self._lines.strike(due_ns)

    def _set_mode(self, mode: str, symbol: str | None) -> None:
        for name in self.market.listings if symbol is None else (symbol,):
            self.listed.set_mode(name, mode)

    def _reroute(self, now_ns: int) -> None:
        for connection in self.connections:
            if isinstance(connection, Connection):
                connection.rerouted(now_ns)

"""The account side of the emulated Binance as its exchange drives it: REST, WebSocket API, user data, timers.

The exchange decides about faults, addresses and connections; everything here is told the time and does I/O
with nobody.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping

from leadline.emulator.binance.accounts import DEMO, DEMO_FUNDS, Account, account_chance, opened
from leadline.emulator.binance.acts import Acts
from leadline.emulator.binance.agenda import Agenda
from leadline.emulator.binance.algo import Algos
from leadline.emulator.binance.configuration import Configuration
from leadline.emulator.binance.desk import Desk
from leadline.emulator.binance.endpoints import endpoints
from leadline.emulator.binance.engine import Engine
from leadline.emulator.binance.errors import refused
from leadline.emulator.binance.forced import ForcedCloses
from leadline.emulator.binance.funding import FundingFees
from leadline.emulator.binance.gate import Gate
from leadline.emulator.binance.history import History
from leadline.emulator.binance.ids import Ids
from leadline.emulator.binance.liquidation import Liquidations
from leadline.emulator.binance.margin import Margins
from leadline.emulator.binance.order_form import Scene
from leadline.emulator.binance.ports import Board, Marks, Row, Rows, Weights
from leadline.emulator.binance.private_rest import PrivateRest
from leadline.emulator.binance.queries import Queries
from leadline.emulator.binance.settlement import NS_PER_MS, Settlement
from leadline.emulator.binance.terms import Terms, terms_of
from leadline.emulator.binance.user_stream import Sink, UserStreams
from leadline.emulator.binance.ws_api import ApiSession, WsApi
from leadline.emulator.instruments import Pair
from leadline.emulator.market import Market
from leadline.emulator.wire import Answer


class Trading:
    """Every account and what it may do; `accounts` is by API key, `demo` is there from the start.

    `history` has the requests that executed; `forced` closes positions, `configuration` changes settings.
    """

    def __init__(
        self, market: Market, marks: Marks, rows: Rows, weights: Weights, board: Board, *, seed: int
    ) -> None:
        self.accounts: dict[str, Account] = {}
        self.history = History()
        self._market, self._marks, self._rows, self._seed = market, marks, rows, seed
        self._terms: dict[str, tuple[Row, Pair, Terms]] = {}
        self._agenda = Agenda()
        self.margins = Margins(marks, self.terms)
        ids, accounts = Ids(self._rng("ids")), self.accounts.values()
        settlement = Settlement(marks, self.terms)
        engine = Engine(market, marks, self.margins, settlement, self.terms, ids)
        self._desk = Desk(engine, self.margins, self._scene, self._agenda, ids)
        algos = Algos(market, marks, engine, self._desk, self._scene, self.terms, self._agenda, ids)
        # Liquidation looks at the marks after conditional orders had their chance.
        self.forced = ForcedCloses(engine, algos, settlement, self.terms, accounts)
        self._liquidations = Liquidations(marks, self.margins, self.forced, accounts)
        self._funding = FundingFees(marks, settlement, self.terms, accounts)
        self.streams = UserStreams(self._agenda, board, self._rng)
        gate = Gate(self.accounts)
        self.configuration = Configuration(self.margins, settlement, self.terms)
        acts = Acts(self._desk, algos, self.configuration, self.terms)
        queries = Queries(self._desk, algos, self.margins, board, self.terms, lambda: self._rows().keys())
        table = endpoints(acts, queries, self.streams)
        self._rest = PrivateRest(table, gate, self.history)
        self._ws_api = WsApi(self._rest, table, gate, weights)
        self.demo = self.account(DEMO)

    def account(self, name: str, funds: Mapping[str, int] | None = None) -> Account:
        """Open another account; `funds` in 10^-8 of each asset, the demo's where None.

        Raises ValueError where the name is taken.
        """
        if self.named(name) is not None:
            raise ValueError(f"an account named {name!r} exists already; choose another name")
        account = opened(self._seed, name, DEMO_FUNDS if funds is None else funds)
        self.accounts[account.api_key] = account
        self.streams.serve(account)
        return account

    def named(self, name: str) -> Account | None:
        """The account of that name."""
        return next((one for one in self.accounts.values() if one.name == name), None)

    def terms(self, symbol: str) -> Terms:
        """The terms of a contract now; raises -1121 where there is none of that symbol."""
        row = self._rows().get(symbol)
        if row is None:
            raise refused(-1121)
        pair = self._market.listings[symbol].pair
        kept = self._terms.get(symbol)
        if kept is None or kept[0] is not row or kept[1] is not pair:
            kept = self._terms[symbol] = (row, pair, terms_of(row, pair))
        return kept[2]

    def weight(self, method: str, path: str, query: Mapping[str, str]) -> int | None:
        """What a request of the account side costs; None where the path belongs to the market side.

        The exchange charges it before it calls `rest`.
        """
        return self._rest.weight(method, path, query)

    def rest(
        self, method: str, path: str, query: str, body: bytes, headers: Mapping[str, str], now_ns: int
    ) -> Answer | None:
        """The answer to a REST request, order-count headers included; None where the path is not of here.

        `query` is the raw text behind the question mark, `headers` have lower-case names.
        """
        return self._rest.answer(method, path, query, body, headers, now_ns)

    def ws_api(self, session: ApiSession, text: str, now_ns: int) -> str | None:
        """The answer to one frame of the WebSocket API; None for a market method (depth, ticker.…, time).

        It charges the weight itself.
        """
        return self._ws_api.answer(session, text, now_ns)

    def subscribe(self, listen_key: str, sink: Sink, events: Collection[str] | None = None) -> None:
        """Send a user data stream there; an unknown key is silence. `events` is an allow-list."""
        self.streams.subscribe(listen_key, sink, events)

    def unsubscribe(self, listen_key: str, sink: Sink) -> None:
        """Stop; nothing happens where there is no such subscription."""
        self.streams.unsubscribe(listen_key, sink)

    def expire_listen_keys(self, now_ns: int, *, silent: bool) -> None:
        """End every listenKey now, with the notice or without (the fault LISTENKEY_EXPIRE)."""
        self.streams.keys.expire_all(now_ns, silent=silent)

    def next_ns(self) -> int:
        """When `woke` next has something to do."""
        return self._agenda.next_ns()

    def woke(self, now_ns: int) -> None:
        """Do what is due: news to streams, expiries, countdowns, listenKeys."""
        self._agenda.woke(now_ns)

    def _scene(self, symbol: str, now_ns: int) -> Scene:
        terms = self.terms(symbol)
        book = self._market.listings[symbol].book
        return Scene(terms, book, self._marks.mark(symbol), now_ns // NS_PER_MS)

    def _rng(self, purpose: str) -> random.Random:
        return account_chance(self._seed, purpose)

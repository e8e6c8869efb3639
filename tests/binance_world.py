"""A whole client and an emulated Binance on virtual time: faults, cuts, fills, and the truth beside them.

Every message takes 25 ms and no answer is lost; where the crowd stands still, only what the test fills fills.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from leadline.app.account import LiveAccount
from leadline.app.account_settings import AccountSettings
from leadline.app.system import System
from leadline.clock import NS_PER_MS, NS_PER_S
from leadline.core.book import BookView
from leadline.core.retry import ConnectBudget
from leadline.emulator.binance import truth
from leadline.emulator.binance.contracts import DEMO_CONTRACTS, Contract
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.matching import ASK, BID
from leadline.emulator.matching import Order as CrowdOrder
from leadline.emulator.wire import Answer
from leadline.engine.journal import MemoryJournal
from leadline.errors import ConnectFailed
from leadline.model.market import Channel, Side, Subscription
from leadline.model.order import Order, OrderKind, OrderRequest
from leadline.net.http import Request, Response
from leadline.net.key_state import MemoryKey, MemoryKeyState
from leadline.net.websocket import Socket
from leadline.simulation.http import SimulatedHttp
from leadline.simulation.latency import Latency
from leadline.simulation.loop import LoopClock, VirtualLoop
from leadline.simulation.network import PRIVATE, REQUESTS, Network
from leadline.venues.binance.auth import Credentials, Signer
from leadline.venues.binance.kit import BinanceKey, binance_account
from leadline.venues.binance.limits import AddressLimits
from leadline.venues.binance.venue import Binance
from stage import START_NS, play

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
ONE_WAY_S = 0.025
BID_PRICE = "63380.0"
"""Inside the spread of a still BTC/USDT, so that an order of ours there is the best and rests."""

_BTC, _ETH = (replace(one, pair=replace(one.pair, levels=40, weight=1.0)) for one in DEMO_CONTRACTS[:2])
LIVELY = (_BTC, _ETH)
STILL = (replace(_BTC, pair=replace(_BTC.pair, levels=20, step=2000, weight=0.0)), _ETH)
"""The crowd leaves BTC/USDT alone, and its spread is wide."""

PATHS = {"public": "ws_public", "market": "ws_market"}
PARAMS = {Channel.BOOK: 20, Channel.BARS: 60, Channel.TOP: 5}

E = TypeVar("E")


def each(symbols: Iterable[str], *channels: Channel) -> list[Subscription]:
    """Subscriptions of all symbols to all channels."""
    names = list(symbols)
    return [Subscription(channel, name, PARAMS.get(channel, 0)) for channel in channels for name in names]


def limit(
    qty: str = "0.010", price: str = BID_PRICE, *, symbol: str = BTC, side: Side = Side.BUY, **more: Any
) -> OrderRequest:
    """A limit order that rests where the crowd stands still."""
    amount, at = Decimal(qty), Decimal(price)
    return OrderRequest(symbol=symbol, side=side, kind=OrderKind.LIMIT, qty=amount, limit_price=at, **more)


def perform(scene: Callable[[World], Awaitable[None]], **world: Any) -> None:
    """Play a scene to its end; it fails when it leaves a task behind or an exception to nobody."""
    play(scene, partial(World, **world))  # type: ignore[type-var]


@dataclass(frozen=True, slots=True)
class Asked:
    """One REST request, when and how it was answered."""

    at_s: float
    name: str
    query: dict[str, str]
    status: int


class World:
    """The venue, the network and the clock; `paths` says which of the venue's addresses a route leads to."""

    def __init__(
        self,
        loop: VirtualLoop,
        *,
        contracts: Sequence[Contract] = LIVELY,
        rate: float = 20.0,
        clock: Callable[[VirtualLoop, int], LoopClock] = LoopClock,
    ) -> None:
        self.loop = loop
        self.clock = clock(loop, START_NS)
        self.exchange = BinanceExchange(
            start_ns=START_NS, seed=1, rate=rate, contracts=contracts, history_minutes=60
        )
        self.demo = self.exchange.trading.demo
        self.network = Network(self.exchange, loop, random.Random(1), START_NS)
        self.network.latency = _Constant(random.Random(1))
        self.network.step()
        self.paths = dict(PATHS)
        self.by_rest = False
        """No connection for requests stands: orders go by REST."""
        self.journal = MemoryJournal()
        self.key = MemoryKey()
        self.luck = random.Random(5)
        self.asked: list[Asked] = []
        """REST requests as they were answered."""
        self.sent: list[tuple[float, str, Any]] = []
        """What the client said on public streams: when, the method, and its parameters."""
        self.network.asked = self._said

    @property
    def now_s(self) -> float:
        return self.network.now_ns / NS_PER_S

    # --- what happens at the venue and on the way to it ---

    def inject(self, **fault: Any) -> None:
        """Break something at the venue, now."""
        self.exchange.inject(fault, self.network.venue_ns)
        self.network.step()

    def heal(self) -> None:
        """End every fault at the venue."""
        self.exchange.end_faults(self.network.venue_ns)
        self.network.step()

    def unreachable(self, for_s: float) -> None:
        """No name resolves, and no connection stands."""
        self.network.unresolved_until_ns = self.network.now_ns + round(for_s * NS_PER_S)
        self.network.cut()

    def elsewhere(self, method: str, path: str, **params: str) -> None:
        """Another program of the account asks for this by REST, and gets it."""
        signer, now_ns = Signer(Credentials(self.demo.api_key, self.demo.secret)), self.network.venue_ns
        text = signer.query((*params.items(), ("timestamp", str(now_ns // NS_PER_MS))))
        query, body = ("", text.encode()) if method == "POST" else (text, b"")
        answer = self.exchange.request(method, path, query, now_ns, signer.headers, body)
        assert isinstance(answer, Answer)
        assert answer.status == 200, answer.body
        self.network.step()

    def fill(self, client_id: str, qty: str) -> None:
        """The crowd takes so much of a resting order of the account, at its price."""
        [one] = [one for one in self.demo.open_orders.values() if one.ticket.client_id == client_id]
        symbol = one.ticket.symbol
        pair = self.exchange.market.listings[symbol].pair
        lots = int(Decimal(qty).scaleb(pair.qty_precision))
        assert one.price is not None
        before, side = one.executed, BID if one.ticket.side == "SELL" else ASK
        crowd = CrowdOrder(self.exchange.market.new_order_id(), side, one.price, lots)
        self.exchange.market.submit(symbol, crowd, self.network.venue_ns, may_rest=False)
        self.network.step()
        assert one.executed == before + lots, "somebody else stood before it"

    # --- the client ---

    def system(
        self, required: Sequence[Subscription] = (), *, account: dict[str, Any] | None = None, **parts: Any
    ) -> System:
        """A trader's system; with `account`, settings of one, on the journal the last one left."""
        limits = AddressLimits(self.clock)
        http = _AskedHttp(self, limits)
        market = Binance(http, self.clock, limits=limits)
        budget = ConnectBudget()
        return System(
            market,
            {route: partial(self._connect, route) for route in market.routes},
            self.clock,
            required=required,
            chance=random.Random(3),
            connects=budget,
            http=http,
            account=None if account is None else self._account(market, http, limits, budget, account),
            **parts,
        )

    def _account(
        self,
        market: Binance,
        http: SimulatedHttp,
        limits: AddressLimits,
        budget: ConnectBudget,
        settings: dict[str, Any],
    ) -> LiveAccount:
        key = BinanceKey(Credentials(self.demo.api_key, self.demo.secret))
        return LiveAccount(
            AccountSettings("main", key, **settings),
            lambda state: binance_account(key, state, http, market, self.clock, limits),
            nullcontext(MemoryKeyState(self.key)),
            nullcontext(self.journal),
            partial(self.network.connect, PRIVATE),
            self.clock,
            chance=random.Random(4),
            connects=budget,
            connect_requests=self._connect_requests,
            new_id=lambda: str(uuid.UUID(int=self.luck.getrandbits(128), version=4)),
        )

    async def _connect_requests(self) -> Socket:
        if self.by_rest:
            raise ConnectFailed("the WebSocket API cannot be reached")
        return await self.network.connect(REQUESTS)

    async def _connect(self, route: str) -> Socket:
        return await self.network.connect(self.paths[route])

    @asynccontextmanager
    async def client(self, required: Sequence[Subscription] = (), **parts: Any) -> AsyncIterator[Client]:
        """A running system and all that it has told; ready where it has something to be ready with."""
        async with self.system(required, **parts) as system:
            yield Client(self, system)

    # --- the truth beside what the client believes ---

    def orders(self, client_id: str | None = None) -> list[dict[str, Any]]:
        """Every order there has been (or those of one client id)."""
        return truth.orders(self.demo, self.exchange.market.listings, client_id)

    def fills(self) -> list[dict[str, Any]]:
        """Every fill there has been, oldest first, with the name it has for us."""
        told = truth.fills(self.demo, self.exchange.market.listings)
        return [{**one, "exec_id": f"{one['symbol']}:{one['trade_id']}"} for one in told]

    def position(self, symbol: str = "BTCUSDT") -> Decimal:
        pair = self.exchange.market.listings[symbol].pair
        held = [one.amount for one in self.demo.held() if one.symbol == symbol]
        return Decimal(sum(held)).scaleb(-pair.qty_precision)

    def wallet(self, asset: str = "USDT") -> Decimal:
        return Decimal(self.demo.wallets[asset]).scaleb(-8)

    def best(self, symbol: str = "BTCUSDT") -> tuple[Decimal, Decimal]:
        """The best bid and ask."""
        listing = self.exchange.market.listings[symbol]
        scale = -listing.pair.price_precision
        sides = (listing.book.bids.top(1)[0][0], listing.book.asks.top(1)[0][0])
        return Decimal(sides[0]).scaleb(scale), Decimal(sides[1]).scaleb(scale)

    def requests(self, name: str, since_s: float = 0.0) -> list[Asked]:
        """REST requests of a method and path that were answered since then."""
        return [one for one in self.asked if one.name == name and one.at_s >= since_s]

    def _said(self, link: int, text: str) -> None:
        message = json.loads(text)
        self.sent.append((self.now_s, message["method"], message.get("params")))


class Client:
    """A system, and everything that its feed, its orders and its account have told."""

    def __init__(self, world: World, system: System) -> None:
        self.system = system
        self.feed = system.feed
        self.told: list[tuple[float, Any]] = []
        self._world = world
        system.feed.listen(self._hear)
        if system.account is not None:
            system.orders.on(self._hear)
            system.desk.log.listen(self._hear)

    def _hear(self, event: Any) -> None:
        self.told.append((self._world.now_s, event))

    def events(self, kind: type[E] | tuple[type[E], ...]) -> list[tuple[float, E]]:
        """What it was told of one kind, each with its time."""
        return [(at_s, one) for at_s, one in self.told if isinstance(one, kind)]

    async def submit(self, request: OrderRequest) -> Order:
        """Place an order, and wait a moment for what becomes of it."""
        order = await self.system.orders.submit(request)
        await self._world.clock.sleep(0.3)
        return self.order(order.client_id)

    def order(self, client_id: str) -> Order:
        """An order as it is known."""
        found = self.system.orders.get(client_id)
        assert found is not None
        return found

    def fills(self) -> list[tuple[str, Decimal, Decimal, bool, tuple[Any, ...]]]:
        """Every fill of every order as it is known, in order of its name."""
        return sorted(
            (fill.exec_id, fill.qty, fill.price, fill.maker is True, fill.fees)
            for order in self.system.orders.orders()
            for fill in order.fills
        )

    async def position(self, symbol: str = BTC) -> Decimal:
        """The quantity that is held, as it is known."""
        reading = await self.system.desk.reads.positions()
        return sum((one.qty for one in reading.value if one.symbol == symbol), Decimal(0))


def levels(view: BookView, depth: int) -> tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]:
    """Bids and asks of a book, best first."""
    return (
        [(one.price, one.qty) for one in view.bids(depth)],
        [(one.price, one.qty) for one in view.asks(depth)],
    )


async def until(world: World, condition: Callable[[], bool], within_s: float) -> float:
    """Wait for something, looked at a hundred times a second; when it was so. Fails where it never is."""
    deadline_s = world.now_s + within_s
    while not condition():
        assert world.now_s < deadline_s, f"not within {within_s} s"
        await world.clock.sleep(0.01)
    return world.now_s


class _Constant(Latency):
    def one_way_ns(self, now_ns: int) -> int:
        return round(ONE_WAY_S * 1000) * NS_PER_MS


class _NoLoss(random.Random):
    def random(self) -> float:
        return 0.5


class _AskedHttp(SimulatedHttp):
    """The client's HTTP; what was asked is written down."""

    def __init__(self, world: World, limits: AddressLimits) -> None:
        super().__init__(world.network, world.clock, limits.weight, _NoLoss(), limits.terms)
        self._world = world

    async def exchange(self, request: Request) -> Response:
        response = await super().exchange(request)
        name, world = f"{request.method} {request.path}", self._world
        world.asked.append(Asked(world.now_s, name, dict(request.query), response.status))
        return response

"""What the contract suite needs to know of a venue, and the world it is put in: no socket, virtual time.

A venue joins the suite by one class that implements `WireBench`, entered in venue_benches.py.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from leadline.clock import NS_PER_S
from leadline.core.account_session import AccountNews, AccountSession
from leadline.core.book import BookView
from leadline.core.cells import MemoryCells
from leadline.core.retry import Backoff, ConnectBudget
from leadline.core.session import MarketSession, News, Session
from leadline.emulator.matching import ASK
from leadline.emulator.matching import Order as CrowdOrder
from leadline.errors import Error
from leadline.model.market import FrozenBook, Side, Subscription
from leadline.model.order import OrderKind, OrderRequest
from leadline.net.connection import Line
from leadline.net.http import Request
from leadline.net.key_state import MemoryKey, MemoryKeyState
from leadline.net.websocket import Socket
from leadline.simulation.http import SimulatedHttp
from leadline.simulation.latency import Latency
from leadline.simulation.loop import LoopClock, VirtualLoop
from leadline.simulation.network import Network
from leadline.venues.catalogue import AnyKit
from leadline.venues.kit import TradingAccount
from leadline.venues.ports import AccountPorts, MarketData, Placement

T = TypeVar("T")

START_NS = 1_795_000_000 * NS_PER_S
ONE_WAY_S = 0.025
STEP_S = 0.02
LOOKED_AT = 5
"""Levels a side in which books are compared."""


@dataclass(frozen=True, slots=True)
class AtVenue:
    """An order of the account as the venue itself knows it."""

    client_id: str
    order_id: str
    """As the ports call it."""
    open: bool
    qty: Decimal
    filled: Decimal
    price: Decimal | None


class Bench(ABC):
    """One venue as the suite sees it; the numbers are such that every venue so far takes them."""

    name: str
    symbol: str
    """Traded by the suite; nobody else has orders in a wide gap around `price`."""
    other: str
    """Another one, quoted all the time."""
    misspelt: str
    """A name of nothing, close to `symbol`."""
    price = Decimal("63380.0")
    qty = Decimal("0.01")
    unaffordable = Decimal(40)
    """A quantity at that price that the demo account cannot pay, within the venue's rules."""

    @abstractmethod
    def world(self, loop: VirtualLoop, rate: float) -> World:
        """The venue and the client, put together; `rate` is what the crowd does a second."""

    def limit(self, **changes: Any) -> OrderRequest:
        """A limit buy inside the gap, which rests as the best price; changed as told."""
        request: dict[str, Any] = {
            "symbol": self.symbol, "side": Side.BUY, "kind": OrderKind.LIMIT,
            "qty": self.qty, "limit_price": self.price,
        }  # fmt: skip
        return OrderRequest(**request | changes)


class WireBench(Bench):
    """A venue with a wire: its kit, its emulator, and the truth that the emulator keeps."""

    kit: AnyKit
    listing: str
    """What the emulator calls `symbol`."""
    spellings: tuple[str, ...]
    """Other names of `symbol`, from the venue's own tables."""
    chatter: tuple[str, ...]
    """Words by which requests are known that the ports make by themselves, to keep a line or a clock."""
    asset: str
    """The asset that fees and costs are paid in."""

    def world(self, loop: VirtualLoop, rate: float) -> WireWorld:
        return WireWorld(self, loop, rate)

    @abstractmethod
    def exchange(self, rate: float) -> Any:
        """The emulated venue from START_NS on."""

    @abstractmethod
    def key(self, exchange: Any) -> Any:
        """The key of the emulator's demo account, as the kit's parts take it."""

    @abstractmethod
    def orders(self, exchange: Any) -> list[AtVenue]:
        """Every order of the demo account there has ever been."""

    @abstractmethod
    def fills(self, exchange: Any) -> list[Decimal]:
        """The quantities of all its fills."""

    @abstractmethod
    def owned(self, exchange: Any) -> Decimal:
        """How much of `asset` it owns."""


class _Constant(Latency):
    """Every message is under way equally long; `one_way_s` may be changed."""

    one_way_s = ONE_WAY_S

    def one_way_ns(self, now_ns: int) -> int:
        return round(self.one_way_s * NS_PER_S)


class _Certain(random.Random):
    """Luck without extremes: nothing is lost that nobody loses."""

    def random(self) -> float:
        return 0.5


class _Watched(Network):
    """Looks at the venue after each moment at which something has happened there."""

    look: Callable[[], None] = staticmethod(lambda: None)

    def step(self) -> None:
        super().step()
        self.look()


@dataclass
class Heard:
    """What a session has said, in order; of a book also what it held then."""

    news: list[tuple[int, Any]] = field(default_factory=list)
    books: list[FrozenBook] = field(default_factory=list)

    def __call__(self, news: News | AccountNews, now_ns: int) -> None:
        self.news.append((now_ns, news))
        if isinstance(news, BookView):
            self.books.append(news.freeze(LOOKED_AT))

    def of(self, *kinds: type[Any]) -> list[Any]:
        """News of some kinds."""
        return [one for _, one in self.news if isinstance(one, kinds)]


Sides = tuple[tuple[tuple[Decimal, Decimal], ...], tuple[tuple[Decimal, Decimal], ...]]
"""Bids and asks, best first: price and quantity."""


def sides(book: FrozenBook) -> Sides:
    """A book of ours in the form in which the truth is told."""
    bids, asks = (tuple((one.price, one.qty) for one in side) for side in (book.bids, book.asks))
    return bids[:LOOKED_AT], asks[:LOOKED_AT]


@dataclass
class Streams:
    """A session of each route, and what all of them have said."""

    market: MarketData
    sessions: dict[str, MarketSession]
    heard: Heard

    def on(self, subscription: Subscription) -> MarketSession:
        """The session that streams this."""
        return self.sessions[self.market.route_of(subscription)]


@dataclass
class Desk:
    """A session of the account that carries its requests, and what it has said."""

    session: AccountSession
    heard: Heard


class World(ABC):
    """A venue and the client's ports over it; time passes when the test waits."""

    bench: Bench
    market: MarketData
    account: AccountPorts

    def __init__(self, clock: LoopClock) -> None:
        self.clock = clock
        self._names = 0

    @abstractmethod
    def trading(self) -> AbstractAsyncContextManager[Desk]:
        """The account's session and what carries its requests, once requests can leave on the stream."""

    @abstractmethod
    def end(self) -> None:
        """The venue stands still from now on."""

    # --- what happens at the venue and on the way to it ---

    @abstractmethod
    def lose_an_answer(self) -> None:
        """The next request that trades is acted on, and its answer is lost."""

    @abstractmethod
    async def lost_on_its_way(self, request: Coroutine[Any, Any, Any]) -> Error:
        """How a request ends that never arrives."""

    @abstractmethod
    def unreachable(self, for_s: float = 1e6) -> None:
        """No name resolves, and no connection stands."""

    @abstractmethod
    def take(self, client_id: str, qty: Decimal) -> None:
        """The crowd takes so much of an order at its price."""

    # --- the truth ---

    @abstractmethod
    def orders(self) -> list[AtVenue]:
        """All orders of the account there have ever been."""

    def placed(self, client_id: str) -> list[AtVenue]:
        """Those of one name."""
        return [one for one in self.orders() if one.client_id == client_id]

    def open(self) -> list[AtVenue]:
        """Those that are open."""
        return [one for one in self.orders() if one.open]

    @property
    @abstractmethod
    def venue_ns(self) -> int:
        """The venue's clock, in truth."""

    # --- what the client does ---

    @abstractmethod
    def sent(self) -> int:
        """Requests that have left so far and were not made by the ports of themselves."""

    def placement(self, request: OrderRequest | None = None, deadline_s: float = 5.0) -> Placement:
        """An order about to leave under a name of its own."""
        self._names += 1
        until_ns = self.account.venue_ns() + round(deadline_s * NS_PER_S)
        return Placement(f"suite-{self._names}", None, request or self.bench.limit(), until_ns)

    def beginning(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Let something go on beside the test."""
        return asyncio.ensure_future(work)

    async def passing(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    async def until(self, holds: Callable[[], object], within_s: float = 30.0) -> None:
        """Let time pass until something holds; fails when that takes too long."""
        until_ns = self.clock.mono_ns() + round(within_s * NS_PER_S)
        while not holds():
            assert self.clock.mono_ns() < until_ns, f"it does not come to hold within {within_s} s"
            await asyncio.sleep(STEP_S)


class WireWorld(World):
    """A venue that is emulated, reached over a network in memory."""

    bench: WireBench
    account: TradingAccount

    def __init__(self, bench: WireBench, loop: VirtualLoop, rate: float) -> None:
        super().__init__(LoopClock(loop, START_NS))
        self.bench = bench
        self.kit = bench.kit
        self.exchange = bench.exchange(rate)
        self.network = _Watched(self.exchange, loop, random.Random(1), START_NS)
        self.way = self.network.latency = _Constant(random.Random(1))
        self.network.step()
        parts = self.kit.budget(self.clock, MemoryCells())
        spent, terms = self.kit.terms(parts)
        self.http = SimulatedHttp(self.network, self.clock, spent, _Certain(), terms)
        self.asked: list[Request] = []
        self.http.departing = self.asked.append
        self.streamed: list[str] = []
        self.network.departing = self.streamed.append
        self.market = self.kit.market(self.http, self.clock, parts)
        state = MemoryKeyState(MemoryKey())
        key = bench.key(self.exchange)
        self.account = self.kit.account(key, state, self.http, self.market, self.clock, parts).account
        self._endpoints = self.kit.emulated("127.0.0.1:1")

    def end(self) -> None:
        self.network.stop()

    # --- connections ---

    @asynccontextmanager
    async def streams(self, *wanted: Subscription) -> AsyncIterator[Streams]:
        """All public sessions, connecting, and these subscriptions wanted of them."""
        await self.market.load()
        heard = Heard()
        sessions = {route: self.market.session(heard, route) for route in self.market.routes}
        streams = Streams(self.market, sessions, heard)
        for one in wanted:
            streams.on(one).want(one, self.clock.mono_ns())
        works = [self.market.run()]
        for route, session in sessions.items():
            line = self._line(session, self.kit.market_address(self._endpoints, route))
            session.poke = line.poke
            works.append(line.run())
        async with _beside(works):
            yield streams

    @asynccontextmanager
    async def trading(self) -> AsyncIterator[Desk]:
        await self.market.load()
        async with self.desk() as desk:
            self.account.carry(desk.session)
            await self.until(self.account.can_stream)
            yield desk

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Desk]:
        """The account's session and that of its requests, connecting."""
        heard = Heard()
        session = self.account.session(heard)
        line = self._line(session, self.kit.account_address(self._endpoints), session)
        session.poke = line.poke
        works = [line.run(), self.account.run(), self.market.run()]
        requests = self.account.request_session()
        if requests is not None:
            carrier = self._line(requests, self.kit.requests_address(self._endpoints))
            requests.poke = carrier.poke
            works.append(carrier.run())
        async with _beside(works):
            yield Desk(session, heard)

    def _line(self, session: Session, address: str | None, account: AccountSession | None = None) -> Line:
        fields = dataclasses.fields(self._endpoints)
        (route,) = [one.name for one in fields if getattr(self._endpoints, one.name) == address]

        async def connect() -> Socket:
            if account is not None:
                await self.account.authorise(account)
            return await self.network.connect(route)

        return Line(session, connect, self.clock, Backoff(random.Random(1)), ConnectBudget())

    # --- what happens at the venue and on the way to it ---

    def fault(self, **fields: Any) -> None:
        """Break something at the venue, as the switchboard calls it."""
        self.exchange.inject({"venue": self.kit.name, **fields}, self.network.venue_ns)
        self.network.step()

    def heal(self) -> None:
        """End every fault."""
        self.exchange.end_faults(self.network.venue_ns)
        self.network.step()

    def lose_an_answer(self) -> None:
        self.fault(kind="ACCEPT_THEN_DROP", count=1)

    async def lost_on_its_way(self, request: Coroutine[Any, Any, Any]) -> Error:
        self.network.losing_until_ns = 1 << 62
        self.way.one_way_s = 1.0
        task = self.beginning(request)
        await self.passing(0.5)
        self.cut()
        outcome = (await asyncio.gather(task, return_exceptions=True))[0]
        self.network.losing_until_ns = 0
        self.way.one_way_s = ONE_WAY_S
        assert isinstance(outcome, Error), outcome
        return outcome

    def unreachable(self, for_s: float = 1e6) -> None:
        self.network.unresolved_until_ns = self.network.now_ns + round(for_s * NS_PER_S)
        self.network.cut()

    def cut(self) -> None:
        """Every connection breaks; what is under way to the venue is lost."""
        self.network.cut()

    def take(self, client_id: str, qty: Decimal) -> None:
        (one,) = self.placed(client_id)
        assert one.price is not None
        pair = self.exchange.market.listings[self.bench.listing].pair
        price = int(one.price.scaleb(pair.price_precision))
        lots = int(qty.scaleb(pair.qty_precision))
        market = self.exchange.market
        crowd = CrowdOrder(market.new_order_id(), ASK, price, lots)
        market.submit(self.bench.listing, crowd, self.network.venue_ns, may_rest=False)
        self.network.step()
        (after,) = self.placed(client_id)
        assert after.filled == one.filled + qty, "somebody else stood before it"

    # --- the truth ---

    def orders(self) -> list[AtVenue]:
        return self.bench.orders(self.exchange)

    @property
    def venue_ns(self) -> int:
        return self.network.venue_ns

    def book(self) -> Sides:
        """The best levels of `symbol` there, now."""
        listing = self.exchange.market.listings[self.bench.listing]
        pair = listing.pair

        def side(levels: Sequence[tuple[int, int]]) -> tuple[tuple[Decimal, Decimal], ...]:
            return tuple(
                (Decimal(price).scaleb(-pair.price_precision), Decimal(qty).scaleb(-pair.qty_precision))
                for price, qty in levels
            )

        return side(listing.book.bids.top(LOOKED_AT)), side(listing.book.asks.top(LOOKED_AT))

    def remember_books(self) -> set[Sides]:
        """Every state of that book from now on, as they come to be."""
        states = {self.book()}
        self.network.look = lambda: states.add(self.book())
        return states

    # --- what the client sends ---

    def requests(self) -> int:
        """Requests that have left so far, whichever way and whoever made them."""
        return len(self.asked) + len(self.streamed)

    def sent(self) -> int:
        texts = [*self.streamed, *(one.path for one in self.asked)]
        return sum(not any(word in text for word in self.bench.chatter) for text in texts)


@asynccontextmanager
async def _beside(works: Sequence[Coroutine[Any, Any, Any]]) -> AsyncIterator[None]:
    """Let works run as long as the block does; one that ends with an error is heard."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result


def play(bench: Bench, scene: Callable[[Any], Awaitable[object]], rate: float = 0.0) -> None:
    """Play a scene; it fails when it leaves a task behind or an exception to nobody."""
    loop = VirtualLoop()
    escaped: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda loop, context: escaped.append(context))
    try:
        asyncio.set_event_loop(loop)
        world = bench.world(loop, rate)

        async def whole() -> set[asyncio.Task[Any]]:
            try:
                await scene(world)
            finally:
                world.end()
            return asyncio.all_tasks() - {asyncio.current_task()}

        left = loop.run_until_complete(whole())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    assert left == set()
    assert escaped == []

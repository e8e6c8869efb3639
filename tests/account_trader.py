"""The program under test: the System that a trader runs, and it can be ended at any instant."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Awaitable, Coroutine
from contextlib import nullcontext
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from leadline.app.account import LiveAccount
from leadline.app.account_settings import AccountSettings
from leadline.app.system import System
from leadline.core.retry import ConnectBudget
from leadline.engine.account_events import AccountEvent
from leadline.engine.desk import Desk
from leadline.engine.order_news import OrderEvent, OrderNews
from leadline.engine.orders import Orders
from leadline.errors import Error
from leadline.model.order import Order, OrderRequest, OrderState
from leadline.net.key_state import MemoryKeyState
from leadline.net.websocket import Socket
from leadline.simulation.journal import SimulatedJournal
from leadline.simulation.life import LIFE, Life
from leadline.simulation.network import PRIVATE
from leadline.venues.kraken.auth import Credentials
from leadline.venues.kraken.kit import KrakenKey, kraken_account
from leadline.venues.kraken.limits import Tier
from leadline.venues.kraken.venue import Kraken
from scenario import OverheardHttp

if TYPE_CHECKING:
    from account_stage import AccountStage

T = TypeVar("T")
N = TypeVar("N")


class Trader:
    """One run of the program; everything it does bears the mark of its life, so that a kill ends it.

    `news` and `told` are what its orders and its account have said, each with its time.
    """

    def __init__(self, stage: AccountStage, journal: SimulatedJournal, settings: dict[str, Any]) -> None:
        self.stage = stage
        self.life = Life()
        self.over = False
        self.journal = journal
        self.state = MemoryKeyState(stage.key)
        self.news: list[tuple[float, OrderNews]] = []
        self.told: list[tuple[float, AccountEvent]] = []
        http = OverheardHttp(stage)
        self._http = http
        self._market = Kraken(http, stage.clock)
        self.account = self._account(http, settings)
        self.system = self._system()
        self._up = asyncio.Event()
        self._leave = asyncio.Event()
        self._main: asyncio.Task[None] | None = None

    def _account(self, http: OverheardHttp, settings: dict[str, Any]) -> LiveAccount:
        stage = self.stage
        demo = stage.truth.account
        tier = settings.pop("tier", Tier.INTERMEDIATE)
        key = KrakenKey(Credentials(demo.api_key, demo.secret), tier)
        return LiveAccount(
            AccountSettings("main", key, **settings),
            lambda state: kraken_account(key, state, http, self._market.symbols, stage.clock),
            nullcontext(self.state),
            self.journal,
            self._connect_private,
            stage.clock,
            chance=random.Random(4),
            connects=ConnectBudget(),
            new_id=lambda: str(uuid.UUID(int=stage.luck.getrandbits(128), version=4)),
        )

    def _system(self) -> System:
        return System(
            self._market,
            self.stage.network.connect,
            self.stage.clock,
            chance=random.Random(3),
            connects=ConnectBudget(),
            http=self._http,
            account=self.account,
            **self.stage.parts,
        )

    async def _connect_private(self) -> Socket:
        return await self.stage.network.connect(PRIVATE)

    @property
    def desk(self) -> Desk:
        return self.account.desk

    @property
    def orders(self) -> Orders:
        return self.account.desk.orders

    # --- its life ---

    async def start(self) -> None:
        """Enter the system; it is not ready yet."""
        self._main = self.life.start(self.stage.loop, self._live(), "trader")
        up = asyncio.ensure_future(self._up.wait())
        await asyncio.wait([up, self._main], return_when=asyncio.FIRST_COMPLETED)
        if self._main.done():
            up.cancel()
            await self._main

    async def stop(self) -> None:
        """Leave the system in good order; raises what has ended it before."""
        assert self._main is not None
        self.over = True
        self._leave.set()
        await self._main

    async def _live(self) -> None:
        async with self.system:
            self.orders.on(lambda news: self.news.append((self.stage.now_s, news)))
            self.desk.log.listen(lambda event: self.told.append((self.stage.now_s, event)))
            self._up.set()
            await self._leave.wait()

    def does(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Let the program do something; the task never ends where the program is killed before."""
        context = copy_context()
        context.run(LIFE.set, self.life)
        return self.stage.loop.create_task(work, context=context)

    # --- what it asks and what it knows ---

    async def submit(self, request: OrderRequest) -> Order:
        """Place an order and return it as it is then known."""
        return await self.does(self.orders.submit(request))

    async def known(self, name: str, state: OrderState, within_s: float) -> float:
        """Wait until an order is in a state; the time at which it was seen. Fails where it never is."""
        deadline_s = self.stage.now_s + within_s
        while self.stage.now_s <= deadline_s:
            order = self.orders.get(name)
            if order is not None and order.state is state:
                seen_s = self.stage.now_s
                await self.stage.clock.sleep(0.001)  # those who listen have heard of it then
                return seen_s
            await self.stage.clock.sleep(0.01)
        raise AssertionError(f"{words(self.orders.get(name))}, not {state.value} after {within_s} s")

    def records(self, client_id: str) -> list[str]:
        """The kinds of records the journal holds of an order, oldest first."""
        return [
            type(record).__name__
            for record in self.journal.records()
            if getattr(record, "client_id", None) == client_id
        ]

    def events(self, client_id: str) -> list[OrderEvent]:
        """What it was told of one order."""
        return [
            news
            for _, news in self.news
            if isinstance(news, OrderEvent) and news.order.client_id == client_id
        ]

    def heard(self, kind: type[N]) -> list[tuple[float, N]]:
        """News of orders or of the account of one kind, each with its time."""
        return [(at_s, one) for at_s, one in (*self.news, *self.told) if isinstance(one, kind)]


async def refused(work: Awaitable[Any]) -> Error:
    """The error that something was refused with."""
    try:
        await work
    except Error as error:
        return error
    raise AssertionError("it was not refused")


def words(order: Order | None) -> str:
    """An order in a few words."""
    return "nothing" if order is None else f"{order.state.value} {order.filled_qty}"

"""A trading program and the emulated venue on virtual time, scripted: faults, cuts, deaths, and the truth.

Every message takes 25 ms and the crowd stands still: what fills is what the test fills, inside a wide spread.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from account_trader import Trader, refused, words
from leadline.clock import NS_PER_S
from leadline.emulator import truth
from leadline.emulator.accounts import EARN, SPOT, UNIT, Account
from leadline.emulator.exchange import Exchange
from leadline.emulator.instruments import Pair
from leadline.emulator.matching import ASK, BID
from leadline.emulator.matching import Order as CrowdOrder
from leadline.emulator.orders import AccountOrder
from leadline.engine.journal_file import Owner
from leadline.engine.records import AnyRecord
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest
from leadline.net.key_state import MemoryKey
from leadline.simulation.journal import SimulatedJournal
from leadline.simulation.latency import Latency
from leadline.simulation.life import Life
from leadline.simulation.loop import VirtualLoop
from leadline.venues.kraken.symbols import VENUE
from scenario import BTC, BTC_PAIR, ETH, ETH_PAIR, ONE_WAY_S, Scenario

BID_PRICE = "63380.0"
"""Inside the spread of BTC/USD, so that an order of ours there is the best and rests."""

_EUR_PAIR = Pair("BTC/EUR", 1, 8, 587_341, 5_000_000, 5_000)
PAIRS = tuple(replace(pair, levels=20, step=2000) for pair in (BTC_PAIR, ETH_PAIR, _EUR_PAIR))

T = TypeVar("T")
N = TypeVar("N")


def buy(qty: str = "0.01", price: str = BID_PRICE, symbol: str = BTC, **more: Any) -> OrderRequest:
    return _limit(Side.BUY, qty, price, symbol, **more)


def sell(qty: str = "0.01", price: str = BID_PRICE, symbol: str = BTC, **more: Any) -> OrderRequest:
    return _limit(Side.SELL, qty, price, symbol, **more)


def _limit(side: Side, qty: str, price: str, symbol: str, **more: Any) -> OrderRequest:
    amount, limit = Decimal(qty), Decimal(price)
    return OrderRequest(symbol=symbol, side=side, kind=OrderKind.LIMIT, qty=amount, limit_price=limit, **more)


def perform(
    scene: Callable[[AccountStage], Awaitable[None]], pairs: Sequence[Pair] = PAIRS, rate: float = 0
) -> None:
    """Play a scene; it fails when the program leaves a task behind or an exception to nobody.

    `rate` is what the crowd does a second, over all pairs.
    """
    loop = VirtualLoop()
    escaped: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda loop, context: escaped.append(context))
    with tempfile.TemporaryDirectory() as folder:
        asyncio.set_event_loop(loop)
        stage = AccountStage(loop, pairs, Path(folder), rate)

        async def whole() -> set[asyncio.Task[Any]]:
            try:
                await scene(stage)
                await stage.stop()
            finally:
                if stage.running:  # the scene has failed, and that alone is to be heard
                    stage.kill()
                stage.network.stop()
            dead = {task for life in stage.dead for task in life.tasks}
            return asyncio.all_tasks() - {asyncio.current_task()} - dead

        try:
            left = loop.run_until_complete(whole())
        finally:
            for life in stage.dead:
                life.bury()
            asyncio.set_event_loop(None)
            loop.close()
    assert left == set()
    assert escaped == []


class Way(Latency):
    """Every message is under way for 25 ms, and the next ones as much longer as `later_s` says in turn."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self.later_s: list[float] = []

    def one_way_ns(self, now_ns: int) -> int:
        later_s = self.later_s.pop(0) if self.later_s else 0.0
        return round((ONE_WAY_S + later_s) * NS_PER_S)


class Truth:
    """What the venue itself knows of the account; amounts are exact texts."""

    def __init__(self, exchange: Exchange, account: Account) -> None:
        self.account = account
        self._listings = exchange.market.listings

    def orders(self, client_id: str | None = None) -> list[dict[str, Any]]:
        """Every order there has been (or those of one client id), oldest first."""
        return truth.orders(self.account, self._listings, client_id)

    def fills(self) -> list[dict[str, Any]]:
        """Every fill there has been, oldest first."""
        return truth.fills(self.account, self._listings)

    def balances(self) -> dict[str, dict[str, Decimal]]:
        """By asset: `spot`, `earn`, and what open orders hold."""
        return {
            asset: {name: Decimal(text) for name, text in row.items()}
            for asset, row in truth.balances(self.account).items()
        }

    def order(self, name: str) -> AccountOrder:
        """The one order of a client or venue id."""
        (found,) = [
            one for one in self.account.orders.values() if name in (one.order_id, one.ticket.cl_ord_id)
        ]
        return found


class AccountStage(Scenario):
    """The venue with its demo account, and the program that trades on it: one at a time, one journal.

    `trader` is the running one; `start`, `stop`, `kill` and `kill_and_restart` change it.
    """

    trader: Trader

    def __init__(self, loop: VirtualLoop, pairs: Sequence[Pair], folder: Path, rate: float) -> None:
        super().__init__(loop, pairs=pairs, rate=rate)
        self.way = self.network.latency = Way(random.Random(1))
        self.departed: list[tuple[float, dict[str, Any]]] = []
        """What the program has put on the account's stream: when, and the message."""
        self.network.departing = self._departing
        self.truth = Truth(self.exchange, self.exchange.trading.demo)
        self.key = MemoryKey()
        self.luck = random.Random(5)
        self.dead: list[Life] = []
        self.written: list[tuple[float, AnyRecord]] = []
        """What was put on disk for good before something left, each with its time."""
        self.folder = folder
        self.runs = 0
        self.parts: dict[str, Any] = {}
        """What the system of the next program is built with besides."""

    # --- the program ---

    async def start(self, *, ready: bool = True, **settings: Any) -> Trader:
        """Run the program, on the journal the one before has left; `settings` are those of the account."""
        self.runs += 1
        self.trader = Trader(self, self._journal(), settings)
        await self.trader.start()
        if ready:
            await self.trader.does(self.trader.system.ready(30))
        return self.trader

    async def stop(self) -> None:
        """End the program in good order; nothing where none runs."""
        if self.running:
            await self.trader.stop()

    @property
    def running(self) -> bool:
        """Whether a program runs now."""
        return self.runs > 0 and not self.trader.over

    def kill(self) -> None:
        """The program executes nothing from now on; what it had sent still arrives."""
        trader = self.trader
        trader.life.kill()
        trader.state.died()
        self.network.died(trader.life)
        self.dead.append(trader.life)
        trader.over = True
        trader.journal.abandon(self._place(self.runs + 1))

    async def kill_and_restart(self, *, ready: bool = True, **settings: Any) -> Trader:
        """Kill, and start anew on what the disk has kept."""
        self.kill()
        return await self.start(ready=ready, **settings)

    def _place(self, run: int) -> Path:
        return self.folder / f"{run}.sqlite"

    def _journal(self) -> SimulatedJournal:
        path = self._place(self.runs)
        before = self._place(self.runs - 1)
        if before.exists() and not path.exists():
            path = self.trader.journal.path
        owner = Owner(VENUE, "demo")
        return SimulatedJournal(path, owner, self.clock, random.Random(self.runs), self._on_disk)

    def _on_disk(self, record: AnyRecord) -> None:
        self.written.append((self.now_s, record))

    def streamed(self, method: str) -> list[tuple[float, dict[str, Any]]]:
        """Requests of one method that left on the stream: when, and their parameters."""
        return [
            (at_s, message.get("params", {}))
            for at_s, message in self.departed
            if message["method"] == method
        ]

    def _departing(self, text: str) -> None:
        self.departed.append((self.now_s, json.loads(text, parse_float=Decimal)))

    # --- what happens at the venue and on the way to it ---

    def fault(self, **fault: Any) -> None:
        """Break something at the venue, now."""
        self.inject(**fault)

    def heal(self) -> None:
        """End every fault at the venue."""
        self.exchange.end_faults(self.network.venue_ns)
        self.network.step()

    def cut(self) -> None:
        """Break every connection; what is under way to the venue is lost."""
        self.network.cut()

    def unreachable(self, for_s: float) -> None:
        """No name resolves, and no connection stands."""
        self.network.unresolved_until_ns = self.network.now_ns + round(for_s * NS_PER_S)
        self.network.cut()

    def fill(self, name: str, qty: str | None = None) -> None:
        """The crowd takes (so much of) an order of the account at its price."""
        one = self.truth.order(name)
        symbol = one.ticket.symbol
        assert one.limit_price is not None
        precision = self.exchange.market.listings[symbol].pair.qty_precision
        lots = one.remaining if qty is None else int(Decimal(qty).scaleb(precision))
        before = one.filled
        side = BID if one.ticket.side == "sell" else ASK
        order = CrowdOrder(self.exchange.market.new_order_id(), side, one.limit_price, lots)
        self.exchange.market.submit(symbol, order, self.network.venue_ns, may_rest=False)
        self.network.step()
        assert one.filled == before + lots, "somebody else stood before it"

    def transfer(self, asset: str, amount: str, *, to_earn: bool = True) -> None:
        """The account's owner moves some of an asset between spot and Earn."""
        wallets = (SPOT, EARN) if to_earn else (EARN, SPOT)
        units = int(Decimal(amount) * UNIT)
        self.exchange.trading.transfer(self.truth.account, asset, *wallets, units, self.network.venue_ns)
        self.network.step()

    # --- the truth beside what the program believes ---

    def differences(self) -> list[str]:
        """Orders and fills in which the program and the venue do not agree, in words."""
        orders = self.trader.orders
        found = [
            f"{one['order_id']}: {one['status']} {one['filled']}, known as {words(ours)}"
            for one in self.truth.orders()
            if (ours := orders.get(one["order_id"])) is None
            or (ours.state.value, ours.filled_qty) != (_STATES[one["status"]], Decimal(one["filled"]))
        ]
        known = {order.order_id for order in orders.orders() if order.order_id}
        found += [f"{name}: the venue has no such order" for name in known - set(self.truth.account.orders)]
        return found + self._fill_differences()

    def _fill_differences(self) -> list[str]:
        ours = sorted(
            (fill.exec_id, fill.qty, fill.price, fill.maker, *((fee.asset, fee.qty) for fee in fill.fees))
            for order in self.trader.orders.orders()
            for fill in order.fills
        )
        theirs = sorted(
            (
                one["exec_id"],
                Decimal(one["qty"]),
                Decimal(one["price"]),
                one["maker"],
                (one["fee_asset"], Decimal(one["fee"])),
            )
            for one in self.truth.fills()
        )
        return [f"fill {one}" for one in ours if one not in theirs or ours.count(one) > 1] + [
            f"missing {one}" for one in theirs if one not in ours
        ]

    async def balance_differences(self) -> list[str]:
        """Assets in which the program and the venue do not agree, to the last digit."""
        owned = (await self.trader.does(self.trader.desk.balances.all())).value
        nothing = Decimal(0)
        found = []
        for asset, row in self.truth.balances().items():
            ours = owned.get(asset)
            mine = (ours.tradable, ours.earn) if ours else (nothing, nothing)
            theirs = (row.get("spot", nothing), row.get("earn", nothing))
            if mine != theirs:
                found.append(f"{asset}: {mine}, at the venue {theirs}")
        return found


_STATES = {
    "pending_new": "working",
    "new": "working",
    **{name: name for name in ("partially_filled", "filled", "canceled", "expired")},
}


__all__ = ["BTC", "ETH", "AccountStage", "Trader", "buy", "perform", "refused", "sell"]

"""A Kraken on real sockets that does nothing by itself, and its truth beside what a program believes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from leadline.app.account_settings import AccountSettings
from leadline.app.config import Settings
from leadline.clock import NS_PER_S, SystemClock
from leadline.emulator import truth
from leadline.emulator.exchange import Exchange
from leadline.emulator.instruments import DEMO_PAIRS
from leadline.emulator.matching import ASK, BID
from leadline.emulator.matching import Order as CrowdOrder
from leadline.emulator.serve import serve
from leadline.engine.orders import Orders
from leadline.model.order import OrderState
from leadline.venues.kraken.auth import Credentials
from leadline.venues.kraken.kit import KrakenKey
from leadline.venues.kraken.limits import Tier
from leadline.venues.kraken.venue import Endpoints

BTC, ETH = "BTC/USD", "ETH/USD"
PAIRS = tuple(  # with one that has the euro: the account owns some, and only pairs name their assets
    replace(pair, levels=20, step=2000 if pair.symbol == BTC else pair.step)
    for pair in DEMO_PAIRS
    if pair.symbol in (BTC, ETH, "BTC/EUR")
)

_LIVE = {
    "pending_new": OrderState.WORKING,
    "new": OrderState.WORKING,
    "partially_filled": OrderState.PARTIALLY_FILLED,
}


class LeapClock(SystemClock):
    """The machine's clock, ahead by what it was told to leap."""

    def __init__(self) -> None:
        self._ahead_ns = 0

    def leap(self, by_s: float) -> None:
        self._ahead_ns += round(by_s * NS_PER_S)

    def wall_ns(self) -> int:  # type: ignore[override]
        return SystemClock.wall_ns() + self._ahead_ns

    def mono_ns(self) -> int:  # type: ignore[override]
        return SystemClock.mono_ns() + self._ahead_ns


@dataclass(frozen=True)
class TradingVenue:
    """Where it listens, whose account it keeps, and where that account's files lie."""

    exchange: Exchange
    settings: Settings
    clock: LeapClock
    control: str

    # --- what happens there ---

    def step(self) -> int:
        """Let happen what is due by now; that moment in Unix nanoseconds."""
        now_ns = self.clock.wall_ns()
        self.exchange.advance(now_ns)
        return now_ns

    async def inject(self, **fault: Any) -> None:
        """Break something, now."""
        await self._controlled("POST", json={"venue": "kraken", **fault})

    async def heal(self) -> None:
        """End every fault."""
        await self._controlled("DELETE")

    async def leap(self, by_s: float) -> None:
        """Let so much time pass there at once."""
        self.clock.leap(by_s)
        await self.told()

    async def fill(self, client_id: str, qty: str, *, told: bool = True) -> None:
        """The crowd takes so much of an order of the account, at its price; the news may wait for `told`."""
        [one] = [
            one for one in self.exchange.trading.demo.orders.values() if one.ticket.cl_ord_id == client_id
        ]
        symbol = one.ticket.symbol
        assert one.limit_price is not None
        lots = int(Decimal(qty).scaleb(self.exchange.market.listings[symbol].pair.qty_precision))
        before, side = one.filled, BID if one.ticket.side == "sell" else ASK
        order = CrowdOrder(self.exchange.market.new_order_id(), side, one.limit_price, lots)
        self.exchange.market.submit(symbol, order, self.step(), may_rest=False)
        assert one.filled == before + lots, "somebody else stood before it"
        if told:
            await self.told()

    async def told(self) -> None:
        """Have everything that has happened sent now, in one write."""
        await self._controlled("GET")

    async def _controlled(self, method: str, **more: Any) -> None:
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, f"{self.control}/faults", **more) as answer,
        ):
            assert answer.status == 200, await answer.text()

    # --- what it knows ---

    def orders(self) -> list[dict[str, Any]]:
        """Every order there has been, oldest first."""
        self.step()
        return truth.orders(self.exchange.trading.demo, self.exchange.market.listings)

    def fills(self) -> list[dict[str, Any]]:
        """Every fill there has been, oldest first."""
        self.step()
        return truth.fills(self.exchange.trading.demo, self.exchange.market.listings)

    def balances(self) -> dict[str, dict[str, Decimal]]:
        """By asset: spot, and what open orders hold of it."""
        self.step()
        return {
            asset: {name: Decimal(text) for name, text in row.items()}
            for asset, row in truth.balances(self.exchange.trading.demo).items()
        }

    def best(self, symbol: str) -> tuple[Decimal, Decimal]:
        """The best bid and the best ask."""
        told = truth.ticker(self.exchange.market.listings[symbol], self.step())
        return Decimal(told["bid"]), Decimal(told["ask"])

    # --- held against what a program believes ---

    def disagreements(self, orders: Orders) -> list[str]:
        """Orders and fills in which the program and the venue differ, in words."""
        known = {order.order_id: order for order in orders.orders() if order.order_id}
        told = self.orders()
        found = [f"{name} is not of the venue" for name in known.keys() - {one["order_id"] for one in told}]
        for one in told:
            ours, state = known.get(one["order_id"]), _LIVE.get(one["status"]) or OrderState(one["status"])
            if ours is None:
                found.append(f"{one['order_id']} ({one['status']}) is not known")
            elif (ours.state, ours.filled_qty) != (state, Decimal(one["filled"])):
                found.append(f"{one['order_id']}: {one['status']} {one['filled']}, known as {ours}")
        return found + self._fill_disagreements(orders)

    def _fill_disagreements(self, orders: Orders) -> list[str]:
        ours = sorted(
            (order.order_id or "", fill.exec_id, fill.qty, fill.price)
            for order in orders.orders()
            for fill in order.fills
        )
        theirs = sorted(
            (one["order_id"], one["exec_id"], Decimal(one["qty"]), Decimal(one["price"]))
            for one in self.fills()
        )
        return [] if ours == theirs else [f"fills {ours} are at the venue {theirs}"]

    def placed_twice(self) -> list[str]:
        """Client ids under which the venue has more than one order."""
        names = [one["cl_ord_id"] for one in self.orders() if one["cl_ord_id"]]
        return sorted({name for name in names if names.count(name) > 1})


@asynccontextmanager
async def trading_venue(folder: Path, *, rate: float = 0.0, **account: Any) -> AsyncIterator[TradingVenue]:
    """One for the length of the block, whose crowd trades so often a second.

    `account` are further settings of the account `main`.
    """
    clock = LeapClock()
    exchange = Exchange(start_ns=clock.wall_ns(), seed=1, rate=rate, pairs=PAIRS, history_minutes=5)
    async with serve(exchange, clock) as endpoints:
        demo = exchange.trading.demo
        demo.set_tier("pro")
        main = AccountSettings("main", KrakenKey(Credentials(demo.api_key, demo.secret), Tier.PRO), **account)
        addresses = Endpoints(**endpoints.as_json()["kraken"]["endpoints"])
        yield TradingVenue(exchange, Settings(addresses, (main,), folder), clock, endpoints.control)


def as_file(settings: Settings, path: Path) -> Path:
    """The settings as a file that names the variables with the key, as a user would write it."""
    [main] = settings.accounts
    found = settings.endpoints
    names = ("ws_public", "ws_private", "ws_level3", "rest")
    credentials = {
        "api_key": "${KRAKEN_API_KEY}",
        "private_key": "${KRAKEN_PRIVATE_KEY}",
        "tier": main.key.tier.name.lower(),
        "dead_man_s": str(main.dead_man_s),
    }
    kraken = {"endpoints": {name: getattr(found, name) for name in names}, "credentials": credentials}
    path.write_text(yaml.safe_dump({"venues": {"kraken": kraken}, "state_dir": str(settings.state_dir)}))
    return path


def key_variables(settings: Settings) -> dict[str, str]:
    """The variables that such a file names."""
    [main] = settings.accounts
    return {"KRAKEN_API_KEY": main.key.api_key, "KRAKEN_PRIVATE_KEY": main.key.credentials.secret}

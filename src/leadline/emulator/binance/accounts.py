"""Who trades at the emulated Binance: keys, wallets, positions, settings, orders and what was booked.

Money is integers of 10^-8. A wallet changes by income rows only: opening + Σ income of its asset.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from leadline.emulator.binance.algo_orders import AlgoOrder
from leadline.emulator.binance.order_counts import OrderCounts
from leadline.emulator.binance.orders import Order, PositionSide, UserTrade
from leadline.emulator.binance.positions import Position
from leadline.emulator.market import chance

DEMO = "demo"
MONEY = 10**8
DEMO_FUNDS = {"USDT": 100_000 * MONEY, "USDC": 20_000 * MONEY}
MAKER_RATE = 200
TAKER_RATE = 500
"""Fees in 10^-6 of the notional (§15.4, VIP 0)."""
RATE_UNIT = 10**6
LEVERAGE = 20
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

News = Callable[[str, dict[str, Any], int], None]
"""Hears of an event: its type, its body without `e` and `E`, the time."""


@dataclass(slots=True)
class SymbolSettings:
    """What an account has chosen for one contract."""

    leverage: int = LEVERAGE
    isolated: bool = False


@dataclass(frozen=True, slots=True)
class Income:
    """One row of the income history."""

    income_type: str
    asset: str
    amount: int
    time_ms: int
    tran_id: int
    symbol: str = ""
    trade_id: str = ""
    info: str = ""


@dataclass(frozen=True, slots=True)
class MarginChange:
    """One change of an isolated position's margin by its owner; `kind` 1 adds, 2 takes."""

    symbol: str
    position_side: PositionSide
    kind: int
    amount: int
    asset: str
    time_ms: int


class Account:
    """One user with one API key. Each of `listeners` hears of every event of its user data stream."""

    def __init__(self, name: str, rng: random.Random, funds: Mapping[str, int]) -> None:
        self.name = name
        self.alias = "".join(rng.choices(_ALPHABET, k=12))
        self.api_key = "".join(rng.choices(_ALPHABET, k=64))
        self.secret = "".join(rng.choices(_ALPHABET, k=64))
        self.hedge = False
        self.multi_assets = False
        self.maker_rate = MAKER_RATE
        self.taker_rate = TAKER_RATE
        self.fee_burn = False
        self.opening: dict[str, int] = dict(funds)
        self.wallets: dict[str, int] = dict(funds)
        self.touched_ms: dict[str, int] = {}
        self.settings: dict[str, SymbolSettings] = {}
        self.positions: dict[tuple[str, PositionSide], Position] = {}
        self.orders: dict[tuple[str, int], Order] = {}
        self.open_orders: dict[tuple[str, int], Order] = {}
        self.algo_orders: dict[int, AlgoOrder] = {}
        self.open_algos: dict[int, AlgoOrder] = {}
        self.trades: list[UserTrade] = []
        self.income: list[Income] = []
        self.margin_changes: list[MarginChange] = []
        self.countdowns: dict[str, int] = {}
        """By symbol, when everything resting there is cancelled."""
        self.counts = OrderCounts()
        self.listeners: list[News] = []
        self._by_client_id: dict[tuple[str, str], Order] = {}
        self._by_algo_client_id: dict[str, AlgoOrder] = {}

    def setting(self, symbol: str) -> SymbolSettings:
        """What is chosen for a contract; the venue's defaults at first."""
        return self.settings.setdefault(symbol, SymbolSettings())

    def position(self, symbol: str, side: PositionSide) -> Position:
        """The position of a side, empty at first."""
        key = (symbol, side)
        if key not in self.positions:
            self.positions[key] = Position(symbol, side)
        return self.positions[key]

    def held(self) -> list[Position]:
        """The positions that are not empty."""
        return [one for one in self.positions.values() if one.amount]

    def sides(self) -> tuple[PositionSide, ...]:
        """The position sides there are in the account's mode."""
        return ("LONG", "SHORT") if self.hedge else ("BOTH",)

    def open_of(self, symbol: str) -> list[Order]:
        """The open orders of a contract, oldest first."""
        return [order for (name, _), order in self.open_orders.items() if name == symbol]

    def enter(self, order: Order) -> None:
        """Take a new order in."""
        key = (order.ticket.symbol, order.order_id)
        self.orders[key] = self.open_orders[key] = order
        self._by_client_id[order.ticket.symbol, order.ticket.client_id] = order

    def enter_algo(self, algo: AlgoOrder) -> None:
        """Take a new conditional order in."""
        self.algo_orders[algo.algo_id] = self.open_algos[algo.algo_id] = algo
        self._by_algo_client_id[algo.client_id] = algo

    def by_client_id(self, symbol: str, client_id: str) -> Order | None:
        """The newest order of that client id: an open one bars its id, so no older one is open."""
        return self._by_client_id.get((symbol, client_id))

    def algo_by_client_id(self, client_id: str) -> AlgoOrder | None:
        """The newest conditional order of that client id."""
        return self._by_algo_client_id.get(client_id)

    def book(self, row: Income) -> None:
        """Enter a change of a wallet."""
        self.wallets[row.asset] = self.wallets.get(row.asset, 0) + row.amount
        self.touched_ms[row.asset] = row.time_ms
        self.income.append(row)

    def tell(self, kind: str, body: dict[str, Any], now_ns: int) -> None:
        """Hand an event to every listener."""
        for listener in self.listeners:
            listener(kind, body, now_ns)


def account_chance(seed: int, purpose: str) -> random.Random:
    """Random numbers of the account side for one purpose."""
    return chance(seed, "binance", purpose)


def opened(seed: int, name: str, funds: Mapping[str, int]) -> Account:
    """A new account; the same seed and name give the same key."""
    return Account(name, account_chance(seed, f"account {name}"), funds)

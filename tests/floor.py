"""A still market whose book the test fills by hand, and an account that trades in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulated import START_NS, S
from leadline.emulator.accounts import UNIT, Account
from leadline.emulator.instruments import Pair
from leadline.emulator.market import Market
from leadline.emulator.matching import ASK, BID, Order
from leadline.emulator.orders import (
    AccountOrder,
    Amendment,
    Execution,
    LedgerEntry,
    Refused,
    Ticket,
    Trigger,
)
from leadline.emulator.trading import Trading

STILL = Pair("BTC/USD", 1, 8, 1_000, 10_000_000, 5_000, levels=0)
"""Opens at 100.0 with an empty book; one tick is 0.1, `BTC` lots make one."""
SECOND = Pair("ETH/USD", 2, 8, 10_000, 10_000_000, 5_000, levels=0)
BTC = 10**8
LIMIT = Ticket("BTC/USD", "buy", "limit", BTC, 990)


class Floor:
    """Prices are ticks of 0.1 USD, quantities 10^-8 BTC; `now_ns` moves by hand."""

    def __init__(self, *, usd: int = 1_000_000, btc: int = 100) -> None:
        self.market = Market((STILL, SECOND), seed=1, rate=0, start_ns=START_NS, history_minutes=0)
        self.trading = Trading(self.market, seed=1)
        self.balances = {"USD": usd * UNIT, "BTC": btc * UNIT}
        self.account = self.opened("me")
        self.news: list[Execution | LedgerEntry] = []
        self.account.listeners.append(self.news.append)
        self.now_ns = START_NS

    def opened(self, name: str) -> Account:
        return self.trading.account(name, balances=self.balances)

    def crowd(self, side: str, price: int, qty: int, *, symbol: str = "BTC/USD") -> None:
        """Somebody else's limit order."""
        book_side = BID if side == "buy" else ASK
        self.market.submit(symbol, Order(self.market.new_order_id(), book_side, price, qty), self.now_ns)

    def trade_at(self, price: int) -> None:
        """Let two others trade at a price no order of the book stands in the way of."""
        self.crowd("sell", price, BTC)
        self.crowd("buy", price, BTC)

    def add(self, ticket: Ticket = LIMIT, account: Account | None = None, **changes: Any) -> AccountOrder:
        return self.trading.add(account or self.account, replace(ticket, **changes), self.now_ns)

    def amend(self, order: AccountOrder, **changes: Any) -> str:
        return self.trading.amend(self.account, order, Amendment(**changes), self.now_ns)

    def cancel(self, order: AccountOrder) -> None:
        self.trading.cancel(self.account, order, self.now_ns)

    def refusal(self, ticket: Ticket = LIMIT, **changes: Any) -> str:
        """The text an order is refused with, `` where it is taken."""
        try:
            self.add(ticket, **changes)
        except Refused as refused:
            return refused.text
        return ""

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * S)
        self.trading.woke(self.now_ns)

    def told(self, order: AccountOrder) -> list[str]:
        """What was told of an order, in order."""
        return [one.exec_type for one in self.news if isinstance(one, Execution) and one.order is order]

    def book(self, side: str) -> list[tuple[int, int]]:
        listing = self.market.listings["BTC/USD"]
        return (listing.book.bids if side == "buy" else listing.book.asks).top(10)


def stop(order_type: str, side: str, price: int, **more: Any) -> Ticket:
    """A waiting order of one BTC."""
    kind = more.pop("price_type", "static")
    return Ticket("BTC/USD", side, order_type, BTC, trigger=Trigger(price, kind), **more)  # type: ignore[arg-type]

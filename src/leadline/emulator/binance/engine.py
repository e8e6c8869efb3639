"""Orders of accounts in the matching of the market: entry, fills, changes, ends (dossier §6, §12.4, §15.3).

Rule kept: what is refused here leaves no order and no event; what is accepted is told from NEW to its end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from leadline.emulator.binance import user_events
from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.errors import refused
from leadline.emulator.binance.ids import Ids
from leadline.emulator.binance.margin import Margins, TermsOf
from leadline.emulator.binance.orders import STP, Amendment, Order, OrderStatus, Ticket, UserTrade
from leadline.emulator.binance.ports import MARK_DECIMALS, Marks
from leadline.emulator.binance.settlement import NS_PER_MS, Settlement
from leadline.emulator.binance.terms import Terms
from leadline.emulator.market import Batch, Market
from leadline.emulator.matching import ASK, BID, Fill, OrderBook
from leadline.emulator.matching import Order as EngineOrder
from leadline.emulator.tape import Trade

STP_EXPIRED, REMAINDER, STP_REMAINDER, KNOCKED_OUT = "1", "2", "3", "4"
MARKET_REMAINDER = "9"

Ended = Callable[[Account, Order, int], None]


class Owned(NamedTuple):
    """An order in the book and whose it is."""

    account: Account
    order: Order


class Engine:
    """Carries orders that were judged from their entry to their end, and tells their accounts.

    Each of `entered` hears of a new order before its first fill, each of `ended` of an order that is over;
    `filled` of every fill, once the market has settled.
    """

    def __init__(
        self,
        market: Market,
        marks: Marks,
        margins: Margins,
        settlement: Settlement,
        terms_of: TermsOf,
        ids: Ids,
    ) -> None:
        self.entered: list[Ended] = []
        self.ended: list[Ended] = []
        self.filled: list[Ended] = []
        self._market = market
        self._marks = marks
        self._margins = margins
        self._settlement = settlement
        self._terms_of = terms_of
        self._ids = ids
        self._resting: dict[int, Owned] = {}
        self._queue: deque[Callable[[int], None]] = deque()
        self._busy = False
        market.listeners.append(self._heard)
        market.followers.append(self.follow)

    def place(self, account: Account, ticket: Ticket, now_ns: int, algo_id: int | None = None) -> Order:
        """Take an order in; raises `errors.Refused` where the engine does not record it at all (§6.1)."""
        book, terms = self.book(ticket.symbol), self._terms_of(ticket.symbol)
        incoming = self._incoming(account, ticket, ticket.qty, self._limit(ticket, terms))
        self._check_entry(book, ticket, incoming, terms)
        order = self._numbered(account, ticket, now_ns, algo_id)
        self.tell(account, order, "NEW", now_ns)
        for listener in self.entered:
            listener(account, order, now_ns)
        self._submit(account, order, incoming, now_ns)
        return order

    def amend(
        self, account: Account, order: Order, price: int, qty: int, modify_id: int | None, now_ns: int
    ) -> None:
        """Give a resting order another price and quantity; it loses its place (§6.3)."""
        ticket = order.ticket
        crossing = ticket.time_in_force == "GTX" and self.takes(ticket, price)
        if qty <= order.executed or crossing:
            self.end(account, order, "CANCELED", now_ns)
            return
        number, before = len(order.amendments) + 1, (order.price or 0, order.qty)
        self._leave_book(order, now_ns)
        order.price, order.qty, order.update_ms = price, qty, now_ns // NS_PER_MS
        order.amendments.append(
            Amendment(
                self._ids.amendment_id(),
                order.update_ms,
                (before[0], price),
                (before[1], qty),
                number,
                modify_id,
            )
        )
        self.tell(account, order, "AMENDMENT", now_ns, modify_id=modify_id)
        self._submit(account, order, self._incoming(account, ticket, order.remaining, price), now_ns)

    def end(
        self, account: Account, order: Order, status: OrderStatus, now_ns: int, expiry_reason: str = "0"
    ) -> None:
        """Take an open order out; `status` is CANCELED, EXPIRED or EXPIRED_IN_MATCH."""
        if not order.open:
            return
        self._leave_book(order, now_ns)
        order.status, order.expiry_reason = status, expiry_reason
        order.update_ms = now_ns // NS_PER_MS
        self._close(account, order, now_ns)
        self.tell(account, order, "CANCELED" if status == "CANCELED" else "EXPIRED", now_ns)
        self._ended(account, order, now_ns)

    def taken_over(
        self, account: Account, ticket: Ticket, price: int, now_ns: int, kind: str, income: str
    ) -> Order:
        """Close by force, outside the book (§12.4); a TRADE is told without the NEW it would follow."""
        order = self._numbered(account, ticket, now_ns)
        if kind != "TRADE":
            self.tell(account, order, "NEW", now_ns)
        trade_id = self._market.listings[ticket.symbol].tape.skip_id()
        self._booked(
            account, order, trade_id, price, order.qty, now_ns, maker=False, kind=kind, income=income
        )
        return order

    def hollow(self, account: Account, ticket: Ticket, now_ns: int) -> None:
        """Tell an order of nothing that was filled for nothing, without a fee (§17.47)."""
        order = self._numbered(account, replace(ticket, qty=0), now_ns)
        order.status = "FILLED"
        self._close(account, order, now_ns)
        body = self._update(account, order, "CALCULATED", now_ns)
        body["o"] |= {"t": self._market.listings[ticket.symbol].tape.skip_id(), "N": None, "n": None}
        account.tell("ORDER_TRADE_UPDATE", body, now_ns)

    def _numbered(self, account: Account, ticket: Ticket, now_ns: int, algo_id: int | None = None) -> Order:
        """A new order of an account."""
        time_ms, order_id = now_ns // NS_PER_MS, self._ids.order_id(ticket.symbol)
        order = Order(order_id, ticket, ticket.qty, ticket.price, time_ms, time_ms, algo_id=algo_id)
        account.enter(order)
        return order

    def takes(self, ticket: Ticket, price: int) -> bool:
        """Whether a limit at that price would meet somebody."""
        book = self.book(ticket.symbol)
        if ticket.side == "BUY":
            best = book.best(ASK)
            return best is not None and price >= best[0]
        best = book.best(BID)
        return best is not None and price <= best[0]

    def book(self, symbol: str) -> OrderBook:
        """The book of a contract."""
        return self._market.listings[symbol].book

    def soon(self, act: Callable[[int], None]) -> None:
        """Do something as soon as the market has settled what it is at."""
        self._queue.append(act)

    def follow(self, now_ns: int) -> None:
        """Do what was put off, unless it is being done further up."""
        if self._busy:
            return
        self._busy = True
        while self._queue:
            self._queue.popleft()(now_ns)
        self._busy = False

    def tell(
        self,
        account: Account,
        order: Order,
        kind: str,
        now_ns: int,
        trade: UserTrade | None = None,
        modify_id: int | None = None,
    ) -> None:
        """ORDER_TRADE_UPDATE of an order as it is now."""
        body = self._update(account, order, kind, now_ns, trade, modify_id)
        account.tell("ORDER_TRADE_UPDATE", body, now_ns)

    def _update(
        self,
        account: Account,
        order: Order,
        kind: str,
        now_ns: int,
        trade: UserTrade | None = None,
        modify_id: int | None = None,
    ) -> user_events.Body:
        terms = self._terms_of(order.ticket.symbol)
        sums = self._margins.resting(account, order.ticket.symbol, order.ticket.position_side)
        return user_events.order_update(order, terms, kind, now_ns // NS_PER_MS, sums, trade, modify_id)

    def _limit(self, ticket: Ticket, terms: Terms) -> int:
        """How far an order may reach: its price, or the bound around the mark of a MARKET one (§4.3)."""
        if ticket.price is not None:
            return ticket.price
        mark = Decimal(self._marks.mark(ticket.symbol)).scaleb(terms.price_scale - MARK_DECIMALS)
        bound = mark * (1 + ticket.sign * terms.take_bound)
        rounding = ROUND_FLOOR if ticket.side == "BUY" else ROUND_CEILING
        return int(bound.to_integral_value(rounding))

    def _check_entry(self, book: OrderBook, ticket: Ticket, incoming: EngineOrder, terms: Terms) -> None:
        if ticket.time_in_force == "GTX" and self.takes(ticket, incoming.price):
            raise refused(-5022)
        if ticket.time_in_force == "FOK":
            met = sum(qty for _, qty in book.reachable(incoming))
            if met < ticket.qty:
                raise refused(-5021)
        if ticket.order_type == "MARKET":
            self._check_counterparty(book, ticket, terms)

    def _check_counterparty(self, book: OrderBook, ticket: Ticket, terms: Terms) -> None:
        """assumed: an empty side is -2020, one beyond the band of PERCENT_PRICE -4131."""
        best = book.best(ASK if ticket.side == "BUY" else BID)
        if best is None:
            raise refused(-2020)
        price = terms.price_value(best[0])
        mark = Decimal(self._marks.mark(ticket.symbol)).scaleb(-MARK_DECIMALS)
        above = terms.multiplier_up and price > mark * terms.multiplier_up
        below = terms.multiplier_down and price < mark * terms.multiplier_down
        if above if ticket.side == "BUY" else below:
            raise refused(-4131)

    def _incoming(self, account: Account, ticket: Ticket, qty: int, price: int) -> EngineOrder:
        # Self-trade prevention is not applied to FOK (§6.11); the book applies it to orders with an owner.
        owner = None if ticket.time_in_force == "FOK" else account.name
        side = BID if ticket.side == "BUY" else ASK
        return EngineOrder(self._market.new_order_id(), side, price, qty, owner, stp=STP[ticket.stp])

    def _submit(self, account: Account, order: Order, incoming: EngineOrder, now_ns: int) -> None:
        ticket = order.ticket
        may_rest = ticket.order_type == "LIMIT" and ticket.time_in_force not in ("IOC", "FOK")
        order.engine_id = incoming.order_id
        self._resting[incoming.order_id] = Owned(account, order)
        busy, self._busy = self._busy, True
        self._market.submit(ticket.symbol, incoming, now_ns, may_rest=may_rest)
        for prevented in self.book(ticket.symbol).taken_prevented():
            other = self._resting[prevented.order_id]
            self.end(other.account, other.order, "EXPIRED_IN_MATCH", now_ns, STP_EXPIRED)
        if order.open and (incoming.prevented or not may_rest):
            self._expire_rest(account, order, incoming.prevented, now_ns)
        self._busy = busy
        self.follow(now_ns)

    def _expire_rest(self, account: Account, order: Order, prevented: bool, now_ns: int) -> None:
        ticket = order.ticket
        if prevented:
            reason = STP_REMAINDER if ticket.time_in_force == "IOC" else STP_EXPIRED
            self.end(account, order, "EXPIRED_IN_MATCH", now_ns, reason)
        else:
            reason = MARKET_REMAINDER if ticket.order_type == "MARKET" else REMAINDER
            self.end(account, order, "EXPIRED", now_ns, reason)

    def _heard(self, batch: Batch) -> None:
        for fill, trade in zip(batch.fills, batch.trades, strict=True):
            for engine_order, maker in _sides(fill):
                owned = self._resting.get(engine_order.order_id)
                if owned is not None:
                    self._filled(owned, trade, fill, maker=maker)

    def _filled(self, owned: Owned, trade: Trade, fill: Fill, *, maker: bool) -> None:
        account, order = owned
        if fill.qty == order.remaining and order.engine_id is not None:
            del self._resting[order.engine_id]
            order.engine_id = None
        self._booked(account, order, trade.trade_id, fill.price, fill.qty, trade.time_ns, maker=maker)

    def _booked(
        self, account: Account, order: Order, trade_id: int, price: int, qty: int, now_ns: int,
        *, maker: bool, kind: str = "TRADE", income: str = "REALIZED_PNL",
    ) -> None:  # fmt: skip
        trade = self._settlement.fill(
            account, order, trade_id, price, qty, now_ns, maker=maker, income=income
        )
        order.status = "PARTIALLY_FILLED" if order.remaining else "FILLED"
        order.update_ms = now_ns // NS_PER_MS
        if not order.remaining:
            self._close(account, order, now_ns)
        terms = self._terms_of(order.ticket.symbol)
        if kind == "TRADE":
            account.tell("TRADE_LITE", user_events.trade_lite(order, terms, trade), now_ns)
        position = account.position(order.ticket.symbol, order.ticket.position_side)
        self._settlement.tell_positions(account, "ORDER", [position], terms.margin_asset, now_ns)
        self.tell(account, order, kind, now_ns, trade)
        if not order.remaining:
            self._ended(account, order, now_ns)
        for listener in self.filled:
            self.soon(lambda at_ns, hear=listener: hear(account, order, at_ns))  # type: ignore[misc]

    def _leave_book(self, order: Order, now_ns: int) -> None:
        if order.engine_id is not None:
            engine_id, order.engine_id = order.engine_id, None
            del self._resting[engine_id]
            self._market.cancel(order.ticket.symbol, engine_id, now_ns)

    @staticmethod
    def _close(account: Account, order: Order, now_ns: int) -> None:
        account.open_orders.pop((order.ticket.symbol, order.order_id), None)

    def _ended(self, account: Account, order: Order, now_ns: int) -> None:
        for listener in self.ended:
            listener(account, order, now_ns)


def _sides(fill: Fill) -> Iterator[tuple[EngineOrder, bool]]:
    yield fill.taker, False
    yield fill.maker, True

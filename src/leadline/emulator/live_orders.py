"""Accounts' open orders: in the book, waiting for a price or a time, and what fills make of them.

Acts on the market happen outside its telling of a batch: what a trade sets off is queued and done when every
listener has heard of the trade.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from leadline.emulator import money, regrid, triggers
from leadline.emulator.accounts import Account, Ids
from leadline.emulator.closes import close_ticket
from leadline.emulator.instruments import Pair
from leadline.emulator.market import Batch, Market, Ratio
from leadline.emulator.matching import ASK, BID, Fill, Order
from leadline.emulator.orders import AccountFill, AccountOrder, ExecType, Execution, Status, Ticket
from leadline.emulator.settlement import booked
from leadline.emulator.tape import Trade
from leadline.emulator.triggers import Waiter, Waiting

# assumed: the venue's words for an end are known for two cases only, `User requested` and `Post only order`
POST_ONLY = "Post only order"
NO_FUNDS = "Insufficient funds"
SELF_TRADE = "Self trade prevention"
NOT_FILLED = "Fill or kill order not filled"
REMAINDER = "Immediate or cancel remainder"
NO_LIQUIDITY = "Market order ran out of liquidity"
GRID = "Instrument changed"


class LiveOrders:
    """Carries orders that were accepted from their entry to their end, and tells the accounts."""

    def __init__(self, market: Market, ids: Ids, accounts: Iterable[Account]) -> None:
        self._market = market
        self._accounts = accounts
        self._ids = ids
        self._resting: dict[int, Waiter] = {}
        self._waiting = Waiting()
        self._queue: deque[Callable[[int], None]] = deque()
        self._busy = False
        self._last_ns = 0
        market.listeners.append(self._heard)
        market.followers.append(self.follow)
        market.regrid_listeners.append(self._regrid)

    def new_order(
        self, account: Account, ticket: Ticket, now_ns: int, parent_id: str | None = None
    ) -> AccountOrder:
        """An order as asked for, with its prices worked out and no id yet."""
        order = AccountOrder("", ticket, now_ns, qty=ticket.qty, touched_ns=now_ns, parent_id=parent_id)
        order.limit_price, order.display_qty = ticket.limit_price, ticket.display_qty
        listing = self._market.listings[ticket.symbol]
        triggers.start(order, listing.tape.last_price)
        if ticket.cash is not None:
            order.qty = self._bought_for(account, order, ticket.cash)
        return order

    def needed(self, account: Account, order: AccountOrder) -> int:
        """What an order needs of the asset it pays with before it is accepted, in 10^-10."""
        pair = self._pair(order)
        if order.ticket.side == "sell" or order.limit_price is not None or _waits(order):
            return money.hold_of(account, pair, order)
        needed = sum(money.needed_units(pair, price, qty) for price, qty in self._met(account, order))
        return needed if order.ticket.fee_in_base else money.with_fee(needed, account.taker_bp)

    def place(self, account: Account, order: AccountOrder, now_ns: int) -> None:
        """Take an accepted order in and let it act, unless it waits for its effective time."""
        self._last_ns = now_ns
        order.order_id = self._ids.new("O")
        account.enter(order)
        self._hold(account, order)
        self._tell(account, order, "pending_new", now_ns)
        if order.ticket.effective_ns is None or order.ticket.effective_ns <= now_ns:
            self.begin(account, order, now_ns)

    def begin(self, account: Account, order: AccountOrder, now_ns: int) -> None:
        """Let an accepted order go live: into the book, or to wait for its price."""
        if self._lacks_funds(account, order):
            # Only one that was scheduled: a market order holds nothing before it acts.
            self.end(account, order, "canceled", NO_FUNDS, now_ns)
            return
        if not _waits(order):
            self._enter_book(account, order, now_ns, fresh=True)
            return
        order.status = "new"
        self._tell(account, order, "new", now_ns)
        last = self._market.listings[order.ticket.symbol].tape.last_price
        if triggers.reached(order, last):
            # assumed: a trigger the market has already passed sets the order off at once
            self._set_off(account, order, now_ns)
        else:
            self._waiting.add(account, order)

    def end(self, account: Account, order: AccountOrder, status: Status, reason: str, now_ns: int) -> None:
        """Take an open order out of wherever it is; `status` is filled, canceled or expired."""
        if order.engine_id is not None:
            engine_id, order.engine_id = order.engine_id, None
            del self._resting[engine_id]
            self._market.cancel(order.ticket.symbol, engine_id, now_ns)
        self._waiting.remove(order)
        order.status, order.reason, order.closed_ns = status, reason, now_ns
        account.leave(order, money.spent_asset(self._pair(order), order))
        kind: ExecType = "filled" if status == "filled" else "expired" if status == "expired" else "canceled"
        self._tell(account, order, kind, now_ns, reason)

    def amended(
        self, account: Account, order: AccountOrder, now_ns: int, *, in_place: bool, reason: str
    ) -> None:
        """Put an order whose fields were changed where it now belongs; `in_place` keeps its priority."""
        order.amended, order.touched_ns = True, now_ns
        self._hold(account, order)
        self._tell(account, order, "amended", now_ns, reason)
        engine_id = order.engine_id
        if engine_id is None:
            return
        if in_place:
            self._market.lower(order.ticket.symbol, engine_id, order.remaining, now_ns)
            return
        order.engine_id = None
        del self._resting[engine_id]
        self._market.cancel(order.ticket.symbol, engine_id, now_ns)
        self._enter_book(account, order, now_ns, again=True)

    def would_take(self, order: AccountOrder, limit_price: int) -> bool:
        """Whether a limit at that price would meet somebody."""
        book = self._market.listings[order.ticket.symbol].book
        if order.ticket.side == "buy":
            best = book.best(ASK)
            return best is not None and limit_price >= best[0]
        best = book.best(BID)
        return best is not None and limit_price <= best[0]

    def order_id_of(self, engine_id: int) -> str | None:
        """The account order behind a resting order's number."""
        waiter = self._resting.get(engine_id)
        return waiter.order.order_id if waiter is not None else None

    def follow(self, now_ns: int) -> None:
        """Do what fills and trades have set off, unless it is being done further up."""
        if self._busy:
            return
        self._busy = True
        while self._queue:
            self._queue.popleft()(now_ns)
        self._busy = False

    def _enter_book(
        self,
        account: Account,
        order: AccountOrder,
        now_ns: int,
        *,
        fresh: bool = False,
        again: bool = False,
    ) -> None:
        """Send an order to the book; a `fresh` one goes live by it, one that is there `again` may take."""
        ticket = order.ticket
        market = order.limit_price is None
        if ticket.post_only and not again and self.would_take(order, order.limit_price or 0):
            self.end(account, order, "canceled", POST_ONLY, now_ns)
            return
        incoming = self._engine_order(account, order, self._market.new_order_id())
        if (
            ticket.time_in_force == "fok"
            and sum(qty for _, qty in self._met(account, order)) < order.remaining
        ):
            self.end(account, order, "canceled", NOT_FILLED, now_ns)
            return
        if fresh:
            order.status = "new"
            self._tell(account, order, "new", now_ns)
        order.engine_id = incoming.order_id
        self._resting[incoming.order_id] = Waiter(account, order)
        may_rest = not market and ticket.time_in_force not in ("ioc", "fok")
        busy, self._busy = self._busy, True
        self._market.submit(ticket.symbol, incoming, now_ns, market=market, may_rest=may_rest)
        self._after_submit(account, order, incoming, may_rest, now_ns)
        self._busy = busy
        self.follow(now_ns)

    def _after_submit(
        self, account: Account, order: AccountOrder, incoming: Order, may_rest: bool, now_ns: int
    ) -> None:
        book = self._market.listings[order.ticket.symbol].book
        for prevented in book.taken_prevented():
            other = self._resting[prevented.order_id]
            self.end(other.account, other.order, "canceled", SELF_TRADE, now_ns)
        if not order.open:
            return
        if incoming.prevented:
            self.end(account, order, "canceled", SELF_TRADE, now_ns)
        elif not may_rest:
            reason = NO_LIQUIDITY if order.limit_price is None else REMAINDER
            self.end(account, order, "canceled", reason, now_ns)

    def _set_off(self, account: Account, order: AccountOrder, now_ns: int) -> None:
        """Trigger a waiting order."""
        if not order.open:
            return
        self._waiting.remove(order)
        order.triggered = True
        self._tell(account, order, "status", now_ns)
        if self._lacks_funds(account, order):
            self.end(account, order, "canceled", NO_FUNDS, now_ns)
            return
        self._enter_book(account, order, now_ns)

    def _lacks_funds(self, account: Account, order: AccountOrder) -> bool:
        asset = money.spent_asset(self._pair(order), order)
        return self.needed(account, order) > account.available(asset) + account.hold_of(order, asset)

    def _heard(self, batch: Batch) -> None:
        self._last_ns = batch.time_ns
        for fill, trade in zip(batch.fills, batch.trades, strict=True):
            for engine_order, maker in ((fill.taker, False), (fill.maker, True)):
                if engine_order.owner is not None:
                    self._filled(engine_order.order_id, fill, trade, maker=maker)
        if batch.trades:
            off, shifted = self._waiting.struck(batch.symbol, batch.trades)
            for waiter in shifted:
                self._hold(waiter.account, waiter.order)
            self._queue.extend(partial(self._set_off, waiter.account, waiter.order) for waiter in off)

    def _filled(self, engine_id: int, fill: Fill, trade: Trade, *, maker: bool) -> None:
        waiter = self._resting.get(engine_id)
        if waiter is None:
            return
        account, order = waiter
        order.status = "partially_filled"
        one, entries = booked(account, order, self._pair(order), fill, trade, self._ids, maker=maker)
        if not order.remaining:
            del self._resting[engine_id]
            order.engine_id = None
        self._hold(account, order)
        self._tell(account, order, "trade", trade.time_ns, fill=one)
        for entry in entries:
            account.tell(entry)
        if not order.remaining:
            self.end(account, order, "filled", "", trade.time_ns)
        elif maker and fill.refill:
            self._tell(account, order, "iceberg_refill", trade.time_ns)
        if order.ticket.close is not None:
            self._queue.append(partial(self._close_fill, account, order, one))

    def _close_fill(self, account: Account, parent: AccountOrder, fill: AccountFill, now_ns: int) -> None:
        """Make the conditional close of one fill.

        assumed: it is bound by no minimum, counter or cap; where funds lack it is cancelled at once.
        """
        ticket = close_ticket(parent.ticket, fill)
        order = self.new_order(account, ticket, now_ns, parent.order_id)
        asset = money.spent_asset(self._pair(order), order)
        if self.needed(account, order) <= account.available(asset):
            self.place(account, order, now_ns)
            return
        order.order_id = self._ids.new("O")
        account.enter(order)
        self._tell(account, order, "pending_new", now_ns)
        self.end(account, order, "canceled", NO_FUNDS, now_ns)

    def _regrid(self, symbol: str, price: Ratio, qty: Ratio) -> None:
        """Move orders and fills to a pair's new tick and lot; what is left with nothing ends."""
        book, now_ns = self._market.listings[symbol].book, self._last_ns
        for account in self._accounts:
            regrid.records(account, symbol, price, qty)
            for order in [one for one in account.open_orders.values() if one.ticket.symbol == symbol]:
                resting = None if order.engine_id is None else book.order(order.engine_id)
                if resting is not None:
                    order.qty, order.limit_price = order.filled + resting.remaining, resting.price
                if (resting is None) == (order.engine_id is None) and order.remaining:
                    self._hold(account, order)
                else:
                    self.end(account, order, "canceled", GRID, now_ns)

    def _engine_order(self, account: Account, order: AccountOrder, engine_id: int = 0) -> Order:
        """What the book gets to see of an order; with the number 0 it is only to be looked at."""
        return Order(
            engine_id,
            BID if order.ticket.side == "buy" else ASK,
            order.limit_price or 0,
            order.remaining,
            account.name,
            display=order.display_qty or 0,
            stp=order.ticket.stp,
        )

    def _met(self, account: Account, order: AccountOrder) -> Iterator[tuple[int, int]]:
        """Price and quantity of the fills the order would have now."""
        left = order.remaining
        book = self._market.listings[order.ticket.symbol].book
        probe = self._engine_order(account, order)
        for price, qty in book.reachable(probe, market=order.limit_price is None):
            if not left:
                return
            yield price, min(left, qty)
            left -= min(left, qty)

    def _bought_for(self, account: Account, order: AccountOrder, cash: int) -> int:
        """How much of the base a cost in the quote buys now; what is not whole lots stays unspent."""
        pair = self._pair(order)
        scale = 10 ** max(0, pair.price_precision + pair.qty_precision - pair.cost_precision)
        left = cash * scale
        bought = 0
        book = self._market.listings[pair.symbol].book
        for price, qty in book.reachable(self._engine_order(account, order), market=True):
            taken = min(qty, left // price)
            bought += taken
            left -= taken * price
            if taken < qty:
                break
        return bought

    def _pair(self, order: AccountOrder) -> Pair:
        return self._market.listings[order.ticket.symbol].pair

    def _hold(self, account: Account, order: AccountOrder) -> None:
        pair = self._pair(order)
        account.hold(order, money.spent_asset(pair, order), money.hold_of(account, pair, order))

    @staticmethod
    def _tell(
        account: Account,
        order: AccountOrder,
        kind: ExecType,
        now_ns: int,
        reason: str = "",
        fill: AccountFill | None = None,
    ) -> None:
        account.tell(
            Execution(
                exec_type=kind,
                order=order,
                status=order.status,
                filled=order.filled,
                cost=order.cost,
                fee=order.fee,
                qty=order.qty,
                limit_price=order.limit_price,
                time_ns=now_ns,
                reason=reason,
                fill=fill,
                display_qty=order.display_qty,
                trigger_price=order.trigger_price,
                triggered=order.triggered,
                amended=order.amended,
            )
        )


def _waits(order: AccountOrder) -> bool:
    return order.ticket.trigger is not None and not order.triggered

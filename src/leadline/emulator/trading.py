"""The private side of the matching engine: what accounts may ask of it and whether they get it.

Sans-IO: every act is told the time. A refusal is `Refused` with the venue's text, and nothing has happened
then but the charge on the order counter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import replace

from leadline.emulator import money, order_checks, triggers
from leadline.emulator.accounts import DEMO, EARN, SPOT, Account, Ids, demo_funds
from leadline.emulator.counters import OPEN_ORDERS_PER_PAIR, Tier, age_points
from leadline.emulator.instruments import Pair
from leadline.emulator.live_orders import LiveOrders
from leadline.emulator.market import Market, chance
from leadline.emulator.numbers import NS_PER_S
from leadline.emulator.orders import AccountOrder, Amendment, Refused, Ticket
from leadline.emulator.timers import Timer, Timers

BATCH = range(2, 16)
USER = "User requested"
EXPIRED = "Expired"
REPLACED = "Order replaced"
DEAD_MAN = "Timeout"
UNKNOWN_ORDER = "EOrder:Unknown order"
LONGEST_ARMED_S = 86_400
_SUBTYPES = {SPOT: ("spottostaking", "stakingfromspot"), EARN: ("stakingtospot", "spotfromstaking")}


class Trading:
    """Every account and what it may do; `accounts` is by API key, `demo` is there from the start."""

    def __init__(self, market: Market, *, seed: int) -> None:
        self.accounts: dict[str, Account] = {}
        self._market = market
        self._seed = seed
        self._ids = Ids(chance(seed, "ids"))
        self._live = LiveOrders(market, self._ids, self.accounts.values())
        self._timers = Timers(market)
        self.demo = self.account(DEMO)

    def account(
        self, name: str, *, tier: Tier = "intermediate", balances: Mapping[str, int] | None = None
    ) -> Account:
        """Open another account; `balances` in 10^-10 of each asset, the demo's where None.

        Raises ValueError where the name is taken.
        """
        if self.named(name) is not None:
            raise ValueError(f"an account named {name!r} exists already; choose another name")
        if balances is None:
            pairs = [listing.pair for listing in self._market.listings.values()]
            balances = demo_funds(asset for pair in pairs for asset in (pair.base, pair.quote))
        account = Account(name, chance(self._seed, "account", name), tier, balances)
        self.accounts[account.api_key] = account
        return account

    def named(self, name: str) -> Account | None:
        """The account of that name."""
        return next((one for one in self.accounts.values() if one.name == name), None)

    def order_id_of(self, engine_id: int) -> str | None:
        """The order id of an account's order that rests in a book under that number."""
        return self._live.order_id_of(engine_id)

    def add(self, account: Account, ticket: Ticket, now_ns: int, *, validate: bool = False) -> AccountOrder:
        """Place an order (dossier §10.1); raises `Refused`.

        A validated one is returned without an order id, nothing having happened.
        """
        self._receive(account, ticket.symbol, 1, 0, now_ns, validate=validate)
        order = self._judged(account, ticket, now_ns)
        self._admit(account, order)
        if not validate:
            self._place(account, order, now_ns)
        return order

    def add_batch(
        self, account: Account, tickets: list[Ticket], now_ns: int, *, validate: bool = False
    ) -> list[AccountOrder | str]:
        """Place 2–15 orders of one pair (§10.7); a text is that order's refusal.

        Raises `Refused` where validation refuses the whole.
        """
        symbols = {ticket.symbol for ticket in tickets}
        if len(tickets) not in BATCH or len(symbols) != 1:
            raise order_checks.invalid("orders")
        self._receive(account, symbols.pop(), len(tickets) / 2, 0, now_ns, validate=validate)
        for ticket in tickets:
            self._judged(account, ticket, now_ns)
        answers: list[AccountOrder | str] = []
        for ticket in tickets:
            # Worked out anew: the orders before it may have moved the market.
            order = self._live.new_order(account, ticket, now_ns)
            try:
                self._admit(account, order)
            except Refused as refusal:
                answers.append(refusal.text)
                continue
            if not validate:
                self._place(account, order, now_ns)
            answers.append(order)
        return answers

    def amend(self, account: Account, order: AccountOrder, amendment: Amendment, now_ns: int) -> str:
        """Change a live order in place (§10.2) and return the amend id; raises `Refused`.

        A quantity not above what is filled cancels the rest.
        """
        symbol = order.ticket.symbol
        age = age_points("amend", now_ns - order.touched_ns)
        self._receive(account, symbol, 1, age, now_ns)
        _check_open(order)
        order_checks.check_deadline(amendment.deadline_ns, now_ns)
        order_checks.check_amendment(order, amendment)
        changed = _changed(order, amendment)
        if amendment.qty is not None and amendment.qty <= order.filled:
            amend_id = self._ids.new("T")
            self._live.end(account, order, "canceled", USER, now_ns)
            return amend_id
        self._check_change(account, order, changed, amendment)
        in_place = (changed.limit_price, changed.display_qty) == (order.limit_price, order.display_qty)
        in_place = in_place and changed.qty <= order.qty
        order.ticket, order.qty, order.limit_price = changed.ticket, changed.qty, changed.limit_price
        order.display_qty, order.trigger_price = changed.display_qty, changed.trigger_price
        amend_id = self._ids.new("T")
        changed.amended, changed.touched_ns = True, now_ns
        order.amends.append((amend_id, now_ns, changed))
        self._live.amended(account, order, now_ns, in_place=in_place, reason=USER)
        return amend_id

    def edit(
        self, account: Account, order: AccountOrder, ticket: Ticket, now_ns: int, *, validate: bool = False
    ) -> AccountOrder:
        """Cancel an order and place another for it (§10.3); raises `Refused`, the order then stays.

        `ticket.qty` is the whole quantity wanted; assumed: the new order is for what is not filled of it.
        """
        age = age_points("edit", now_ns - order.touched_ns)
        self._receive(account, ticket.symbol, 1, age, now_ns, validate=validate)
        _check_open(order)
        old = order.ticket
        if old.symbol != ticket.symbol or old.cl_ord_id is not None or old.close is not None:
            raise Refused("EOrder:Invalid order")
        if order.triggered or order.filled >= ticket.qty:
            raise Refused("EOrder:Invalid order")
        made = self._judged(account, replace(ticket, qty=ticket.qty - order.filled), now_ns)
        self._admit(account, made, instead_of=order)
        if not validate:
            self._live.end(account, order, "canceled", REPLACED, now_ns)
            self._place(account, made, now_ns)
        return made

    def cancel(self, account: Account, order: AccountOrder, now_ns: int) -> None:
        """Cancel an open order; raises `Refused("EOrder:Unknown order")` where it is not open.

        assumed: cancels are taken however high the order counter stands.
        """
        order_checks.check_up(self._market.mode(order.ticket.symbol))
        _check_open(order)
        self._cancel(account, order, now_ns)

    def cancel_batch(self, account: Account, orders: Iterable[AccountOrder], now_ns: int) -> int:
        """Cancel those of the orders that are open, whose pair is up; returns how many."""
        order_checks.check_up(self._market.system)
        canceled = 0
        for order in orders:
            if order.open and self._market.mode(order.ticket.symbol) != "maintenance":
                self._cancel(account, order, now_ns)
                canceled += 1
        return canceled

    def cancel_all(self, account: Account, now_ns: int) -> int:
        """Cancel every open order whose pair is up, also waiting ones; returns how many.

        assumed: it costs one point for every pair in which it cancels.
        """
        order_checks.check_up(self._market.system)
        orders = [
            order
            for order in account.open_orders.values()
            if self._market.mode(order.ticket.symbol) != "maintenance"
        ]
        for symbol in dict.fromkeys(order.ticket.symbol for order in orders):
            account.counter(symbol).charge(1, now_ns)
        for order in orders:
            self._live.end(account, order, "canceled", USER, now_ns)
        return len(orders)

    def arm(self, account: Account, timeout_s: int, now_ns: int) -> int | None:
        """Set the dead-man timer (§10.6); returns when it will fire, None where 0 disarmed it."""
        order_checks.check_up(self._market.system)
        if not 0 <= timeout_s < LONGEST_ARMED_S:
            raise order_checks.invalid("timeout")
        if not timeout_s:
            account.armed_ns = None
            return None
        account.armed_ns = now_ns + timeout_s * NS_PER_S
        self._timers.set(account.armed_ns, "dead_man", account)
        return account.armed_ns

    def transfer(
        self, account: Account, asset: str, from_wallet: str, to_wallet: str, amount: int, now_ns: int
    ) -> None:
        """Move 10^-10 units between `spot/main` and `earn/flexible`; raises `Refused`."""
        if {from_wallet, to_wallet} != {SPOT, EARN} or amount <= 0:
            raise Refused("EFunding:Invalid amount")
        free = account.available(asset) if from_wallet == SPOT else account.balance(asset, EARN)
        if amount > free:
            raise Refused("EFunding:Insufficient funds")
        ref_id = self._ids.new("R")
        out, into = _SUBTYPES[from_wallet]
        for wallet, subtype, moved in ((from_wallet, out, -amount), (to_wallet, into, amount)):
            ledger_id = self._ids.new("L")
            account.tell(
                account.post(ledger_id, ref_id, now_ns, "transfer", subtype, asset, wallet, moved, 0)
            )

    def next_ns(self) -> int:
        """When `woke` next has something to do."""
        return self._timers.next_ns()

    def woke(self, now_ns: int) -> None:
        """Let every timer due by then strike: dead-man, expiry, effective time."""
        while (timer := self._timers.due(now_ns)) is not None:
            self._strike(timer, now_ns)

    def _strike(self, timer: Timer, now_ns: int) -> None:
        account, order = timer.account, timer.order
        if order is None:
            account.armed_ns = None
            for one in list(account.open_orders.values()):
                # One whose pair is down goes when the pair returns.
                self._timers.set(now_ns, "cancel", account, one)
        elif timer.kind == "cancel":
            self._live.end(account, order, "canceled", DEAD_MAN, now_ns)
        elif timer.kind == "expire":
            self._live.end(account, order, "expired", EXPIRED, now_ns)
        else:
            self._live.begin(account, order, now_ns)

    def _receive(
        self, account: Account, symbol: str, fixed: float, age: int, now_ns: int, *, validate: bool = False
    ) -> None:
        """Charge a request as it comes in; the age part only where the counter has room for it.

        assumed: a request that is only validated costs nothing.
        """
        order_checks.check_up(self._market.mode(symbol))
        if validate:
            return
        counter = account.counter(symbol)
        counter.charge(fixed, now_ns)
        if not counter.room(age, now_ns):
            raise Refused("EOrder:Rate limit exceeded")
        counter.charge(age, now_ns)

    def _judged(self, account: Account, ticket: Ticket, now_ns: int) -> AccountOrder:
        """The order of a ticket in which nothing is wrong by itself."""
        order_checks.check_mode(self._market.mode(ticket.symbol), ticket)
        order_checks.check_deadline(ticket.deadline_ns, now_ns)
        order_checks.check_ticket(ticket, now_ns)
        order = self._live.new_order(account, ticket, now_ns)
        listing = self._market.listings[ticket.symbol]
        order_checks.check_size(listing.pair, order, listing.tape.last_price)
        return order

    def _admit(self, account: Account, order: AccountOrder, instead_of: AccountOrder | None = None) -> None:
        """Whether the account may have that order now: client id, cap, funds."""
        ticket = order.ticket
        if ticket.cl_ord_id is not None and account.by_cl_ord_id(ticket.cl_ord_id) is not None:
            # assumed: the venue's words for a client id that an open order bears
            raise order_checks.invalid("cl_ord_id")
        cap = OPEN_ORDERS_PER_PAIR[account.tier] + (instead_of is not None)
        if account.open_of(ticket.symbol) >= cap:
            raise Refused("EOrder:Orders limit exceeded")
        asset = money.spent_asset(self._pair(order), order)
        freed = 0 if instead_of is None else account.hold_of(instead_of, asset)
        if self._live.needed(account, order) > account.available(asset) + freed:
            raise Refused("EOrder:Insufficient funds")

    def _place(self, account: Account, order: AccountOrder, now_ns: int) -> None:
        ticket = order.ticket
        self._live.place(account, order, now_ns)
        if not order.open:
            return
        if order.status == "pending_new" and ticket.effective_ns is not None:
            self._timers.set(ticket.effective_ns, "effective", account, order)
        if ticket.expire_ns is not None:
            self._timers.set(ticket.expire_ns, "expire", account, order)

    def _cancel(self, account: Account, order: AccountOrder, now_ns: int) -> None:
        age = age_points("cancel", now_ns - order.touched_ns)
        account.counter(order.ticket.symbol).charge(age, now_ns)
        self._live.end(account, order, "canceled", USER, now_ns)

    def _check_change(
        self, account: Account, order: AccountOrder, changed: AccountOrder, amendment: Amendment
    ) -> None:
        """Whether an order may become what an amendment makes of it."""
        pair, symbol = self._pair(order), order.ticket.symbol
        order_checks.check_size(pair, changed, self._market.listings[symbol].tape.last_price)
        mode = self._market.mode(symbol)
        if mode == "cancel_only":
            raise Refused(f"EService:Market in {mode} mode")
        limit = changed.limit_price
        if limit is not None and limit != order.limit_price and order.engine_id is not None:
            takes = self._live.would_take(order, limit)
            if takes and amendment.post_only:
                raise Refused("EOrder:Post only order")
            if takes and mode == "post_only":
                raise Refused(f"EService:Market in {mode} mode")
        asset = money.spent_asset(pair, order)
        free = account.available(asset) + account.hold_of(order, asset)
        if money.hold_of(account, pair, changed) > free:
            raise Refused("EOrder:Insufficient funds")

    def _pair(self, order: AccountOrder) -> Pair:
        return self._market.listings[order.ticket.symbol].pair


def _check_open(order: AccountOrder) -> None:
    if not order.open:
        raise Refused(UNKNOWN_ORDER)


def _changed(order: AccountOrder, amendment: Amendment) -> AccountOrder:
    """A copy of an order as an amendment wants it."""
    changed = copy(order)
    changed.fills, changed.amends = list(order.fills), []
    if amendment.qty is not None:
        changed.qty = amendment.qty
    if amendment.display_qty is not None:
        changed.display_qty = amendment.display_qty
    ticket = order.ticket
    if amendment.limit_price is not None:
        if ticket.limit_price_type == "static":
            changed.limit_price = amendment.limit_price
        else:
            changed.ticket = replace(changed.ticket, limit_price=amendment.limit_price)
    if amendment.trigger_price is not None and ticket.trigger is not None:
        if triggers.is_trailing(ticket):
            distance = replace(ticket.trigger, price=amendment.trigger_price)
            changed.ticket = replace(changed.ticket, trigger=distance)
        else:
            changed.trigger_price = amendment.trigger_price
    if triggers.is_trailing(ticket) and not order.triggered:
        triggers.trail(changed)
    return changed

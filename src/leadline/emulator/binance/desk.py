"""Orders as accounts ask for them: whether they may, and then it is done (dossier §6, §15.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from leadline.emulator.binance import checks
from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.agenda import Agenda
from leadline.emulator.binance.brackets import most_notional
from leadline.emulator.binance.engine import KNOCKED_OUT, Engine
from leadline.emulator.binance.errors import refused
from leadline.emulator.binance.ids import Ids
from leadline.emulator.binance.margin import Margins, added
from leadline.emulator.binance.order_form import Scene, matched_price, read_order, read_price_match, read_side
from leadline.emulator.binance.orders import Order, Ticket
from leadline.emulator.binance.params import Params
from leadline.emulator.matching import ASK, BID
from leadline.emulator.numbers import ratio

NS_PER_MS = 1_000_000
SceneOf = Callable[[str, int], Scene]


class Desk:
    """Placing, changing and cancelling."""

    def __init__(self, engine: Engine, margins: Margins, scene_of: SceneOf, agenda: Agenda, ids: Ids) -> None:
        self._engine = engine
        self._margins = margins
        self._scene_of = scene_of
        self._agenda = agenda
        self._ids = ids
        engine.filled.append(self._shrunk)

    def place(self, account: Account, params: Params, now_ns: int) -> Order:
        """POST order; raises `errors.Refused`."""
        return self.enter(account, self.judged(account, params, now_ns), now_ns)

    def judged(self, account: Account, params: Params, now_ns: int) -> Ticket:
        """The ticket of an order that would be taken in now, up to what the engine says (POST order/test)."""
        scene = self._scene_of(params.needed("symbol"), now_ns)
        ticket = read_order(account, params, scene)
        client_id = params.text("newClientOrderId") or self._ids.client_id()
        checks.check_client_id(client_id, "newClientOrderId")
        return self.admitted(account, replace(ticket, client_id=client_id), scene)

    def admitted(self, account: Account, ticket: Ticket, scene: Scene) -> Ticket:
        """A ticket the account may have, its quantity cut where it only closes; raises `errors.Refused`."""
        if ticket.closing:
            ticket = replace(ticket, qty=self._closable(account, ticket))
        same = account.by_client_id(ticket.symbol, ticket.client_id)
        if same is not None and same.open:
            raise refused(-4116)
        if len(account.open_of(ticket.symbol)) >= scene.terms.most_orders:
            raise refused(-2025)
        if not ticket.closing:
            self._check_margin(account, ticket, scene)
        return ticket

    def enter(self, account: Account, ticket: Ticket, now_ns: int, algo_id: int | None = None) -> Order:
        """Hand an admitted ticket to the engine."""
        order = self._engine.place(account, ticket, now_ns, algo_id)
        if order.open and ticket.good_till_ms:
            due_ns = ticket.good_till_ms * NS_PER_MS
            # assumed: a GTD order that runs out is EXPIRED without a reason
            self._agenda.at(due_ns, lambda at_ns: self._engine.end(account, order, "EXPIRED", at_ns))
        self._knock_out(account, order, now_ns)
        return order

    def modify(self, account: Account, params: Params, now_ns: int) -> Order:
        """PUT order; raises `errors.Refused`, the order then stays as it was."""
        for name in ("quantity", "price"):
            if name == "quantity" or not read_price_match(params, limit=True):
                params.needed(name)
        scene = self._scene_of(params.needed("symbol"), now_ns)
        order = self.found(account, params, -2013)
        side, terms = read_side(params), scene.terms
        if not order.open:
            raise refused(-2013)
        if order.ticket.order_type != "LIMIT":
            raise refused(-5025)
        if side != order.ticket.side:
            raise refused(-1117)
        if terms.status != "TRADING":
            raise refused(-5024)
        if len(order.amendments) >= terms.most_modifications:
            raise refused(-5026)
        price = params.decimal("price")
        if price is None:
            price = matched_price(params.text("priceMatch"), side, scene)
        qty = params.decimal("quantity") or Decimal(0)
        self._check_change(account, order, params, price, qty, scene)
        wanted = terms.qty(qty)
        if order.ticket.closing and wanted > order.executed:
            rest = replace(order.ticket, price=terms.price(price), qty=wanted - order.executed)
            wanted = order.executed + self._closable(account, rest, instead_of=order)
        self._engine.amend(account, order, terms.price(price), wanted, params.integer("modifyId"), now_ns)
        self._knock_out(account, order, now_ns)
        return order

    def cancel(self, account: Account, params: Params, now_ns: int) -> Order:
        """DELETE order; raises -2011 where it is not open."""
        self._scene_of(params.needed("symbol"), now_ns)
        order = self.found(account, params, -2011)
        if not order.open:
            raise refused(-2011)
        self._engine.end(account, order, "CANCELED", now_ns)
        return order

    def cancel_all(self, account: Account, symbol: str, now_ns: int) -> None:
        """Cancel every order resting in a contract; conditional ones stay (§6.7)."""
        for order in account.open_of(symbol):
            self._engine.end(account, order, "CANCELED", now_ns)

    def arm(self, account: Account, symbol: str, countdown_ms: int, now_ns: int) -> None:
        """Set or, with 0, stop the countdown of a contract (§6.8); assumed: conditional orders stay."""
        account.countdowns.pop(symbol, None)
        if not countdown_ms:
            return
        due_ns = account.countdowns[symbol] = now_ns + countdown_ms * NS_PER_MS

        def strike(at_ns: int) -> None:
            if account.countdowns.get(symbol) == due_ns:
                del account.countdowns[symbol]
                self.cancel_all(account, symbol, at_ns)

        self._agenda.at(due_ns, strike)

    def found(self, account: Account, params: Params, missing: int) -> Order:
        """The order of `orderId`, else of `origClientOrderId`; raises the code where there is none."""
        symbol = params.needed("symbol")
        order_id = params.integer("orderId")
        if order_id is not None:
            order = account.orders.get((symbol, order_id))
        elif "origClientOrderId" in params:
            order = account.by_client_id(symbol, params.text("origClientOrderId"))
        else:
            # assumed: the code for neither of two parameters of which one is needed
            raise refused(-1102, "origClientOrderId")
        if order is None:
            raise refused(missing)
        return order

    def _check_change(
        self, account: Account, order: Order, params: Params, price: Decimal, qty: Decimal, scene: Scene
    ) -> None:
        terms, ticket = scene.terms, order.ticket
        reduce_only = params.flag("reduceOnly", refused(-4062))
        if reduce_only and not ticket.closing:
            raise refused(-5047)
        checks.check_price(terms, price)
        checks.check_qty(terms, qty, terms.lots)
        if not reduce_only and not ticket.closing:
            checks.check_notional(terms, price, qty, -5029)
        checks.check_band(terms, ticket.side, price, scene.mark_value)
        if (terms.price(price), terms.qty(qty)) == (order.price, order.qty):
            raise refused(-5027)
        if not ticket.closing:
            wanted = replace(ticket, price=terms.price(price), qty=terms.qty(qty) - order.executed)
            self._check_margin(account, wanted, scene, instead_of=order)

    def _check_margin(
        self, account: Account, ticket: Ticket, scene: Scene, instead_of: Order | None = None
    ) -> None:
        """Bracket, then margin: what the order would bind more than is bound now."""
        if ticket.qty <= 0:
            return
        terms = scene.terms
        one = self._margins.exposure(account, ticket.symbol, ticket.position_side)
        bids, asks = one.bids, one.asks
        freed = 0
        if instead_of is not None and instead_of.price is not None:
            freed = terms.money(instead_of.price, instead_of.remaining)
        worth = terms.money(self._margin_price(ticket, scene), ticket.qty)
        bids += worth - freed if ticket.side == "BUY" else 0
        asks += worth - freed if ticket.side == "SELL" else 0
        leverage = account.setting(ticket.symbol).leverage
        if abs(one.notional) + added(one.notional, bids, asks) > most_notional(terms.base_asset, leverage):
            raise refused(-2027)
        needed = ratio(added(one.notional, bids, asks), leverage) - one.order_initial
        if needed > max(0, self._margins.available(account, terms.margin_asset)):
            raise refused(-2019)

    def _margin_price(self, ticket: Ticket, scene: Scene) -> int:
        """assumed: a sell binds margin at the best bid at least, a MARKET order at the price it meets."""
        best = scene.book.best(BID if ticket.side == "SELL" else ASK)
        met = best[0] if best is not None else 0
        if ticket.price is None:
            return met
        return max(ticket.price, met) if ticket.side == "SELL" else ticket.price

    def _closable(self, account: Account, ticket: Ticket, instead_of: Order | None = None) -> int:
        """How much of a closing order is left to close; raises -2022 where nothing is."""
        position = account.positions.get((ticket.symbol, ticket.position_side))
        amount = position.amount if position is not None else 0
        if amount * ticket.sign >= 0:
            raise refused(-2022)
        before = sum(
            order.remaining
            for order in self._closing(account, ticket.symbol, ticket.position_side)
            if order is not instead_of and ticket.price is not None and _precedes(order, ticket)
        )
        qty = min(ticket.qty, abs(amount) - before)
        if qty <= 0:
            raise refused(-2022)
        return qty

    def _shrunk(self, account: Account, order: Order, now_ns: int) -> None:
        self._knock_out(account, order, now_ns)

    def _knock_out(self, account: Account, order: Order, now_ns: int) -> None:
        """Expire the closing orders for which nothing would be left to close, last in line first (`er` 4)."""
        ticket = order.ticket
        position = account.positions.get((ticket.symbol, ticket.position_side))
        amount = position.amount if position is not None else 0
        left = abs(amount)
        for one in self._closing(account, ticket.symbol, ticket.position_side):
            fits = amount * one.ticket.sign < 0 and one.remaining <= left
            if fits:
                left -= one.remaining
            else:
                self._engine.end(account, one, "EXPIRED", now_ns, KNOCKED_OUT)

    @staticmethod
    def _closing(account: Account, symbol: str, position_side: str) -> list[Order]:
        """The open orders that only close a position, in the order in which they would trade."""
        orders = [
            one
            for one in account.open_of(symbol)
            if one.ticket.closing and one.ticket.position_side == position_side
        ]
        return sorted(orders, key=lambda one: (-one.ticket.sign * (one.price or 0), one.order_id))


def _precedes(order: Order, ticket: Ticket) -> bool:
    """Whether a resting order would trade before one that comes in now."""
    if order.ticket.side != ticket.side:
        return False
    return (order.price or 0) * ticket.sign >= (ticket.price or 0) * ticket.sign

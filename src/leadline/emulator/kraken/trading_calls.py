"""The trading endpoints of private REST: forms to the engine and its answers back (dossier §14.3)."""

from __future__ import annotations

from typing import Any

from leadline.emulator.accounts import Account
from leadline.emulator.kraken import order_forms
from leadline.emulator.kraken.account_queries import Call
from leadline.emulator.kraken.form import Form
from leadline.emulator.kraken.private_rows import Row, close_words, order_words
from leadline.emulator.kraken.rest import listing_of
from leadline.emulator.market import Listing, Market
from leadline.emulator.numbers import fixed, stamp_second
from leadline.emulator.orders import AccountOrder, Refused, Ticket
from leadline.emulator.trading import Trading

BATCH_SIZES = (2, 15)
MOST_CANCELS = 50
LONGEST_TIMEOUT_S = 86_399


class TradingCalls:
    """The endpoints that act; each takes a call and returns the `result`."""

    def __init__(self, market: Market, trading: Trading) -> None:
        self._market = market
        self._trading = trading

    def add_order(self, call: Call) -> Any:
        listing = listing_of(self._market, call.form.needed("pair"))
        ticket = self._ticket(call.form, call, listing, order_forms.deadline(call.form, call.now_ns))
        validate = call.form.flag("validate")
        order = self._trading.add(call.account, ticket, call.now_ns, validate=validate)
        result: Row = {"descr": _description(listing, ticket)}
        return result if validate else result | {"txid": [order.order_id]}

    def add_order_batch(self, call: Call) -> Any:
        listing = listing_of(self._market, call.form.needed("pair"))
        forms = call.form.rows("orders")
        if not BATCH_SIZES[0] <= len(forms) <= BATCH_SIZES[1]:
            raise Refused("EGeneral:Invalid arguments:orders")
        deadline_ns = order_forms.deadline(call.form, call.now_ns)
        tickets = [self._ticket(form, call, listing, deadline_ns) for form in forms]
        validate = call.form.flag("validate")
        made = self._trading.add_batch(call.account, tickets, call.now_ns, validate=validate)
        return {"orders": [_batch_row(listing, *one) for one in zip(tickets, made, strict=True)]}

    def amend_order(self, call: Call) -> Any:
        order = self._named(call)
        listing = self._market.listings[order.ticket.symbol]
        deadline_ns = order_forms.deadline(call.form, call.now_ns)
        amendment = order_forms.amendment(
            call.form, order, listing.pair, listing.tape.last_price, deadline_ns
        )
        return {"amend_id": self._trading.amend(call.account, order, amendment, call.now_ns)}

    def edit_order(self, call: Call) -> Any:
        form, now_ns = call.form, call.now_ns
        listing = listing_of(self._market, form.needed("pair"))
        order = _only(_orders(call.account, form.needed("txid")))
        if order.ticket.symbol != listing.pair.symbol:
            raise Refused("EOrder:Invalid order")
        deadline_ns = order_forms.deadline(form, now_ns)
        ticket = order_forms.edited(form, order, listing.pair, listing.tape.last_price, now_ns, deadline_ns)
        validate = form.flag("validate")
        made = self._trading.edit(call.account, order, ticket, now_ns, validate=validate)
        result = _edit_result(listing, order, ticket)
        return result if validate else result | {"txid": made.order_id}

    def cancel_order(self, call: Call) -> Any:
        if "cl_ord_id" in call.form:
            found = [self._named(call)]
        else:
            found = _orders(call.account, call.form.needed("txid"))
        for order in found:
            self._trading.cancel(call.account, order, call.now_ns)
        return {"count": len(found)}

    def cancel_order_batch(self, call: Call) -> Any:
        texts, client_ids = call.form.words("orders"), call.form.words("cl_ord_ids")
        if not 1 <= len(texts) + len(client_ids) <= MOST_CANCELS:
            raise Refused("EGeneral:Invalid arguments:orders")
        account = call.account
        found = {one.order_id: one for text in texts for one in _found(account, text)}
        for client_id in client_ids:
            order = account.by_cl_ord_id(client_id)
            if order is not None:
                found[order.order_id] = order
        return {"count": self._trading.cancel_batch(account, list(found.values()), call.now_ns)}

    def cancel_all(self, call: Call) -> Any:
        return {"count": self._trading.cancel_all(call.account, call.now_ns)}

    def cancel_all_orders_after(self, call: Call) -> Any:
        call.form.needed("timeout")
        timeout_s = call.form.integer("timeout")
        if not 0 <= timeout_s <= LONGEST_TIMEOUT_S:
            raise Refused("EGeneral:Invalid arguments:timeout")
        trigger_ns = self._trading.arm(call.account, timeout_s, call.now_ns)
        return {
            "currentTime": stamp_second(call.now_ns),
            "triggerTime": "0" if trigger_ns is None else stamp_second(trigger_ns),
        }

    @staticmethod
    def _ticket(form: Form, call: Call, listing: Listing, deadline_ns: int) -> Ticket:
        return order_forms.ticket(form, listing.pair, listing.tape.last_price, call.now_ns, deadline_ns)

    @staticmethod
    def _named(call: Call) -> AccountOrder:
        """The order a call names by `cl_ord_id` or `txid`, open or not."""
        if ("cl_ord_id" in call.form) == ("txid" in call.form):
            raise Refused("EGeneral:Invalid arguments:txid")
        if "txid" in call.form:
            order = call.account.orders.get(call.form.text("txid"))
        else:
            order = call.account.by_cl_ord_id(call.form.text("cl_ord_id"))
        if order is None:
            raise Refused("EOrder:Unknown order")
        return order


def _found(account: Account, text: str) -> list[AccountOrder]:
    """The orders meant by an id or by a userref."""
    if text in account.orders:
        return [account.orders[text]]
    return account.by_userref(int(text)) if text.removeprefix("-").isdecimal() else []


def _orders(account: Account, text: str) -> list[AccountOrder]:
    found = _found(account, text)
    if not found:
        raise Refused("EOrder:Unknown order")
    return found


def _only(found: list[AccountOrder]) -> AccountOrder:
    if len(found) > 1:
        raise Refused("EGeneral:Invalid arguments:txid")
    return found[0]


def _description(listing: Listing, ticket: Ticket) -> Row:
    descr = {"order": order_words(listing.pair, ticket)}
    return descr if ticket.close is None else descr | {"close": close_words(listing.pair, ticket.close)}


def _batch_row(listing: Listing, ticket: Ticket, made: AccountOrder | str) -> Row:
    if isinstance(made, str):
        return {"error": made}
    row: Row = {"txid": made.order_id} if made.order_id else {}
    row["descr"] = {"order": order_words(listing.pair, ticket)}
    return row if ticket.close is None else row | {"close": close_words(listing.pair, ticket.close)}


def _edit_result(listing: Listing, old: AccountOrder, ticket: Ticket) -> Row:
    pair = listing.pair
    trigger, limit = ticket.trigger, ticket.limit_price
    first = limit if trigger is None else trigger.price
    return {
        "status": "ok",
        "originaltxid": old.order_id,
        "volume": fixed(ticket.qty, pair.qty_precision),
        "price": fixed(first or 0, pair.price_precision),
        "price2": fixed(limit or 0 if trigger is not None else 0, pair.price_precision),
        "orders_cancelled": 1,
        "descr": {"order": order_words(pair, ticket)},
    }

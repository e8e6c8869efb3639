"""The trading methods of the private WebSocket: from checked parameters to the fields of the answers (§10).

Raises `requests.Refusal` for what the gateway refuses and `orders.Refused` for what the engine refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from leadline.emulator.accounts import Account
from leadline.emulator.instruments import Pair
from leadline.emulator.kraken import requests, tickets
from leadline.emulator.kraken.params import Params, invalid
from leadline.emulator.kraken.requests import Refusal, Request, unsupported
from leadline.emulator.market import Market
from leadline.emulator.numbers import NS_PER_S, stamp_second
from leadline.emulator.orders import AccountOrder, Refused, Ticket
from leadline.emulator.trading import Trading

BATCH_ADD = range(2, 16)
BATCH_CANCEL = range(2, 51)
LONGEST_TIMEOUT_S = 86_400
PARAMETERS: dict[str, tuple[str, ...]] = {
    "add_order": tickets.ADD_NAMES,
    "amend_order": tickets.AMEND_NAMES,
    "edit_order": tickets.EDIT_NAMES,
    "cancel_order": ("order_id", "cl_ord_id", "order_userref", "token"),
    "cancel_all": ("token",),
    "cancel_all_orders_after": ("timeout", "token"),
    "batch_add": ("symbol", "orders", "deadline", "validate", "token"),
    "batch_cancel": ("orders", "cl_ord_id", "token"),
}
NUMBERS = (
    "order_qty", "limit_price", "display_qty", "cash_order_qty", "trigger_price", "stop_price", "price",
)  # fmt: skip

Outcome = dict[str, Any]
"""Fields of one answer: `result` or what stands in its place, `error`, `success`."""


def parameters(request: Request) -> Params:
    """The parameters of a trading method, their names and numbers checked; raises `Refusal`."""
    if request.extra:
        raise Refusal(unsupported(request.extra[0], request.method))
    params = Params(request.params, request.method, PARAMETERS[request.method])
    for name in params.names(NUMBERS):
        params.number(name)
    return params


class OrderMethods:
    """Carries the methods out for whichever account asks."""

    def __init__(self, market: Market, trading: Trading, documented_batch_cancel: bool) -> None:
        self._market = market
        self._trading = trading
        self._documented_batch_cancel = documented_batch_cancel
        self._methods: dict[str, Callable[[Account, Params, int], list[Outcome]]] = {
            "add_order": self._add_order,
            "amend_order": self._amend_order,
            "edit_order": self._edit_order,
            "cancel_order": self._cancel_order,
            "cancel_all": self._cancel_all,
            "cancel_all_orders_after": self._cancel_all_orders_after,
            "batch_add": self._batch_add,
            "batch_cancel": self._batch_cancel,
        }

    def carried_out(self, method: str, account: Account, params: Params, now_ns: int) -> list[Outcome]:
        """The answers, in the order they are sent."""
        cancels = method.startswith("cancel") or method == "batch_cancel"
        # assumed: who may place and change orders may cancel them too
        able = {"orders-modify", "orders-cancel"} if cancels else {"orders-modify"}
        if not able & account.permissions:
            raise Refused("EGeneral:Permission denied")
        return self._methods[method](account, params, now_ns)

    def _add_order(self, account: Account, params: Params, now_ns: int) -> list[Outcome]:
        pair = self._listed(params)
        deadline_ns = tickets.deadline(params, now_ns)
        ticket = tickets.ticket(params, pair, now_ns, deadline_ns)
        validate = params.flag("validate")
        order = self._trading.add(account, ticket, now_ns, validate=validate)
        named = _named(params, ticket, "" if validate else order.order_id)
        return [_done(named | tickets.warnings(params))]

    def _amend_order(self, account: Account, params: Params, now_ns: int) -> list[Outcome]:
        order_id, cl_ord_id = params.text("order_id"), params.text("cl_ord_id")
        if (order_id is None) == (cl_ord_id is None):
            raise invalid("order_id")
        params.text("symbol")
        deadline_ns = tickets.deadline(params, now_ns)
        order = self._open(account, order_id, cl_ord_id)
        pair = self._market.listings[order.ticket.symbol].pair
        amendment = tickets.amendment(params, order, pair, deadline_ns)
        amend_id = self._trading.amend(account, order, amendment, now_ns)
        asked = {"order_id": order_id} if cl_ord_id is None else {"cl_ord_id": cl_ord_id}
        return [_done({"amend_id": amend_id} | asked)]

    def _edit_order(self, account: Account, params: Params, now_ns: int) -> list[Outcome]:
        params.required("order_id", "symbol")
        pair = self._listed(params)
        deadline_ns = tickets.deadline(params, now_ns)
        order_id = params.text("order_id")
        order = self._open(account, order_id, None)
        if order.ticket.symbol != pair.symbol:
            raise invalid("symbol")
        ticket = tickets.edited(params, order, pair, deadline_ns)
        validate = params.flag("validate")
        new = self._trading.edit(account, order, ticket, now_ns, validate=validate)
        named = {"order_id": "" if validate else new.order_id, "original_order_id": order_id}
        return [_done(named | tickets.warnings(params))]

    def _cancel_order(self, account: Account, params: Params, now_ns: int) -> list[Outcome]:
        """One answer for each order; they come in reverse as in the venue's own example (§10.4)."""
        outcomes = [
            self._cancelled(account, account.orders.get(one), {"order_id": one}, now_ns)
            for one in params.texts("order_id")
        ]
        outcomes += [
            self._cancelled(account, account.by_cl_ord_id(one), {"cl_ord_id": one}, now_ns)
            for one in params.texts("cl_ord_id")
        ]
        for userref in params.integers("order_userref"):
            # assumed: orders found by their tag are answered one by one under their order ids
            tagged: list[AccountOrder | None] = [*account.by_userref(userref)]
            outcomes += [
                self._cancelled(account, one, {"order_id": one.order_id} if one else {}, now_ns)
                for one in tagged or [None]
            ]
        if not outcomes:
            raise invalid("order_id")
        return outcomes[::-1]

    def _cancelled(
        self, account: Account, order: AccountOrder | None, named: dict[str, str], now_ns: int
    ) -> Outcome:
        try:
            if order is None:
                raise Refused("EOrder:Unknown order")
            self._trading.cancel(account, order, now_ns)
        except Refused as refused:
            return {"error": refused.text, "success": False}
        return _done(named)

    def _cancel_all(self, account: Account, params: Params, now_ns: int) -> list[Outcome]:
        return [_done({"count": self._trading.cancel_all(account, now_ns)})]

    def _cancel_all_orders_after(self, account: Account, params: Params, now_ns: int) -> list[Outcome]:
        timeout_s = params.integer("timeout")
        if timeout_s is None or not 0 <= timeout_s < LONGEST_TIMEOUT_S:
            raise invalid("timeout")
        trigger_ns = self._trading.arm(account, timeout_s, now_ns)
        trigger = "0" if trigger_ns is None else _second_after(trigger_ns)
        return [_done({"currentTime": _second_after(now_ns), "triggerTime": trigger})]

    def _batch_add(self, account: Account, params: Params, now_ns: int) -> list[Outcome]:
        params.required("symbol", "orders")
        pair = self._listed(params)
        deadline_ns = tickets.deadline(params, now_ns)
        rows = params.objects("orders", tickets.ROW_NAMES)
        if len(rows) not in BATCH_ADD:
            raise invalid("orders")
        asked = [tickets.ticket(row, pair, now_ns, deadline_ns) for row in rows]
        validate = params.flag("validate")
        made = self._trading.add_batch(account, asked, now_ns, validate=validate)
        result = [
            # assumed: a row that is refused alone is told as in REST, by an `error` in the place of the id
            {"error": one}
            if isinstance(one, str)
            else _named(row, ticket, "" if validate else one.order_id) | tickets.warnings(row)
            for row, ticket, one in zip(rows, asked, made, strict=True)
        ]
        return [_done(result)]

    def _batch_cancel(self, account: Account, params: Params, now_ns: int) -> list[Outcome]:
        names = params.texts("orders")
        by_client = params.texts("cl_ord_id")
        if len(names) + len(by_client) not in BATCH_CANCEL:
            raise invalid("orders")
        found: list[AccountOrder | None] = []
        for name in names:
            if name.removeprefix("-").isdecimal():
                found += account.by_userref(int(name))
            else:
                found.append(account.orders.get(name))
        found += [account.by_cl_ord_id(one) for one in by_client]
        # assumed: what is not open is passed over and shows in the count alone
        wanted = {one.order_id: one for one in found if one is not None and one.open}
        count = self._trading.cancel_batch(account, list(wanted.values()), now_ns)
        if self._documented_batch_cancel:
            return [_done({"count": count})]
        return [{"orders_cancelled": count, "success": True}]

    def _listed(self, params: Params) -> Pair:
        params.required("symbol")
        symbol = params.text("symbol") or ""
        error = requests.pair_error(symbol, self._market.listings.keys())
        if error:
            raise Refusal(error)
        return self._market.listings[symbol].pair

    def _open(self, account: Account, order_id: str | None, cl_ord_id: str | None) -> AccountOrder:
        order = (
            account.by_cl_ord_id(cl_ord_id) if cl_ord_id is not None else account.orders.get(order_id or "")
        )
        if order is None or not order.open:
            raise Refused("EOrder:Unknown order")
        return order


def _done(result: Any) -> Outcome:
    return {"result": result, "success": True}


def _named(params: Params, ticket: Ticket, order_id: str) -> dict[str, Any]:
    """An order by its id and by the tag it was sent with."""
    if ticket.cl_ord_id is not None:
        return {"order_id": order_id, "cl_ord_id": ticket.cl_ord_id}
    if "order_userref" in params:
        return {"order_id": order_id, "order_userref": ticket.userref}
    return {"order_id": order_id}


def _second_after(unix_ns: int) -> str:
    """Whole seconds, upwards as recorded: 19.975 was told as 20."""
    return stamp_second(-(-unix_ns // NS_PER_S) * NS_PER_S)

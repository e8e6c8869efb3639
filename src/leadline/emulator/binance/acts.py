"""The endpoints that change something: orders, batches, conditional orders, settings (dossier §6–§8)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from leadline.emulator.binance import order_rows
from leadline.emulator.binance.algo import Algos
from leadline.emulator.binance.configuration import Configuration
from leadline.emulator.binance.desk import Desk
from leadline.emulator.binance.errors import Refused, refused
from leadline.emulator.binance.margin import TermsOf
from leadline.emulator.binance.orders import Order
from leadline.emulator.binance.params import Params
from leadline.emulator.binance.queries import Call

Row = dict[str, Any]
MOST_PLACED, MOST_CANCELED = 5, 10
CANCELED_ALL = {"code": 200, "msg": "The operation of cancel all open order is done."}


class Acts:
    """Every act of an account; order counts are charged by whoever lets requests in."""

    def __init__(self, desk: Desk, algos: Algos, configuration: Configuration, terms_of: TermsOf) -> None:
        self._desk = desk
        self._algos = algos
        self._configuration = configuration
        self._terms_of = terms_of

    def place(self, call: Call) -> Row:
        """POST order."""
        order = self._desk.place(call.account, call.params, call.now_ns)
        result = call.params.text("newOrderRespType") == "RESULT"
        return order_rows.placed(order, self._terms_of(order.ticket.symbol), result=result)

    def test(self, call: Call) -> Row:
        """POST order/test: judged, and no more; assumed: the answer is that of an order numbered 0."""
        ticket = self._desk.judged(call.account, call.params, call.now_ns)
        order = Order(0, ticket, ticket.qty, ticket.price, call.now_ms, call.now_ms)
        return order_rows.changed(order, self._terms_of(ticket.symbol))

    def modify(self, call: Call) -> Row:
        """PUT order."""
        order = self._desk.modify(call.account, call.params, call.now_ns)
        terms = self._terms_of(order.ticket.symbol)
        return order_rows.modified(order, terms, call.params.integer("modifyId"))

    def cancel(self, call: Call) -> Row:
        """DELETE order."""
        order = self._desk.cancel(call.account, call.params, call.now_ns)
        return order_rows.changed(order, self._terms_of(order.ticket.symbol))

    def place_batch(self, call: Call) -> list[Row]:
        """POST batchOrders: each for itself (§6.6)."""
        return self._each(call, self.place)

    def modify_batch(self, call: Call) -> list[Row]:
        """PUT batchOrders."""
        return self._each(call, self.modify)

    def cancel_batch(self, call: Call) -> list[Row]:
        """DELETE batchOrders: by `orderIdList`, else by `origClientOrderIdList`."""
        named = {name.lower(): value for name, value in call.params.values.items()}
        symbol = self._terms_of(call.params.needed("symbol")).symbol
        for listed, single in (("orderidlist", "orderId"), ("origclientorderidlist", "origClientOrderId")):
            if listed in named:
                values = _names(named[listed], listed, str if single == "origClientOrderId" else int)
                if not 0 < len(values) <= MOST_CANCELED:
                    raise refused(-4032)
                asked = [{"symbol": symbol, single: str(value)} for value in values]
                return [self._one(call, self.cancel, values) for values in asked]
        raise refused(-1102, "orderIdList")

    def cancel_all(self, call: Call) -> Row:
        """DELETE allOpenOrders."""
        symbol = self._terms_of(call.params.needed("symbol")).symbol
        self._desk.cancel_all(call.account, symbol, call.now_ns)
        return CANCELED_ALL

    def countdown(self, call: Call) -> Row:
        """POST countdownCancelAll."""
        symbol = self._terms_of(call.params.needed("symbol")).symbol
        countdown_ms = call.params.whole("countdownTime")
        self._desk.arm(call.account, symbol, countdown_ms, call.now_ns)
        return {"symbol": symbol, "countdownTime": str(countdown_ms)}

    def place_algo(self, call: Call) -> Row:
        """POST algoOrder."""
        algo = self._algos.place(call.account, call.params, call.now_ns)
        return order_rows.algo_placed(algo, self._terms_of(algo.ticket.symbol))

    def cancel_algo(self, call: Call) -> Row:
        """DELETE algoOrder."""
        return order_rows.algo_canceled(self._algos.cancel(call.account, call.params, call.now_ns))

    def cancel_all_algos(self, call: Call) -> Row:
        """DELETE algoOpenOrders."""
        symbol = self._terms_of(call.params.needed("symbol")).symbol
        self._algos.cancel_all(call.account, symbol, call.now_ns)
        return CANCELED_ALL

    def leverage(self, call: Call) -> Row:
        """POST leverage."""
        return self._configuration.leverage(call.account, call.params, call.now_ns)

    def margin_type(self, call: Call) -> Row:
        """POST marginType."""
        return self._configuration.margin_type(call.account, call.params, call.now_ns)

    def position_mode(self, call: Call) -> Row:
        """POST positionSide/dual."""
        return self._configuration.position_mode(call.account, call.params, call.now_ns)

    def multi_assets(self, call: Call) -> Row:
        """POST multiAssetsMargin."""
        return self._configuration.multi_assets(call.account, call.params, call.now_ns)

    def fee_burn(self, call: Call) -> Row:
        """POST feeBurn."""
        return self._configuration.fee_burn(call.account, call.params, call.now_ns)

    def position_margin(self, call: Call) -> Row:
        """POST positionMargin."""
        return self._configuration.position_margin(call.account, call.params, call.now_ns)

    def _each(self, call: Call, act: Callable[[Call], Row]) -> list[Row]:
        orders = _list(call.params.needed("batchOrders"), "batchOrders")
        if not 0 < len(orders) <= MOST_PLACED:
            raise refused(-4082)
        if not all(isinstance(one, dict) for one in orders):
            raise refused(-1130, "batchOrders")
        return [self._one(call, act, {name: text_of(value) for name, value in one.items()}) for one in orders]

    @staticmethod
    def _one(call: Call, act: Callable[[Call], Row], values: dict[str, str]) -> Row:
        params = Params(values)
        try:
            params.check(())
            return act(Call(call.account, params, call.now_ns))
        except Refused as refusal:
            return {"code": refusal.code, "msg": refusal.message}


def text_of(value: Any) -> str:
    """A JSON value as the parameter text it stands for; null is an empty one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _names(text: str, name: str, kind: type) -> list[Any]:
    """The orders of a list; since 2023 one with spaces or with quoted numbers is refused (§2.1, §17.43).

    assumed: as illegal characters.
    """
    values = _list(text, name)
    if any(one.isspace() for one in text) or not all(type(one) is kind for one in values):
        raise refused(-1100, name)
    return values


def _list(text: str, name: str) -> list[Any]:
    try:
        values = json.loads(text, parse_float=str)
    except ValueError:
        raise refused(-1130, name) from None
    if not isinstance(values, list):
        raise refused(-1130, name)
    return values

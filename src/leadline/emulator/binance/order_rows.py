"""Orders, conditional orders and trades as REST and the WebSocket API show them (dossier §6–§8)."""

from __future__ import annotations

from typing import Any

from leadline.emulator.binance.algo_orders import AlgoOrder
from leadline.emulator.binance.orders import Amendment, Order, UserTrade
from leadline.emulator.binance.terms import MONEY_DECIMALS, Terms, money_text, trimmed
from leadline.emulator.binance.user_events import average
from leadline.emulator.numbers import fixed, rescaled

Row = dict[str, Any]


def placed(order: Order, terms: Terms, *, result: bool) -> Row:
    """The answer to POST order: with ACK it says NEW and nothing executed, whatever happened (§17.7).

    With RESULT so does what rests or may rest.
    """
    final = result and (order.ticket.order_type == "MARKET" or order.ticket.time_in_force in ("IOC", "FOK"))
    row = changed(order, terms)
    if not final:
        row |= {"status": "NEW", "executedQty": terms.qty_text(0), "cumQty": terms.qty_text(0)}
    return row


def changed(order: Order, terms: Terms) -> Row:
    """An order as it is, in the form of answers to POST, PUT and DELETE: no avgPrice, no cumQuote (§6.1)."""
    ticket = order.ticket
    return {
        "orderId": order.order_id,
        "symbol": ticket.symbol,
        "status": order.status,
        "clientOrderId": ticket.client_id,
        "price": terms.price_text(order.price or 0),
        "origQty": terms.qty_text(order.qty),
        "executedQty": terms.qty_text(order.executed),
        "cumQty": terms.qty_text(order.executed),
        "timeInForce": ticket.time_in_force,
        "type": ticket.order_type,
        "reduceOnly": ticket.closing,
        "closePosition": ticket.close_position,
        "side": ticket.side,
        "positionSide": ticket.position_side,
        "stopPrice": terms.price_text(0),
        "workingType": ticket.working_type,
        "priceProtect": ticket.price_protect,
        "origType": ticket.order_type,
        "priceMatch": ticket.price_match,
        "selfTradePreventionMode": ticket.stp,
        "goodTillDate": ticket.good_till_ms,
        "updateTime": order.update_ms,
    }


def modified(order: Order, terms: Terms, modify_id: int | None) -> Row:
    """The answer to PUT order."""
    row = changed(order, terms) | {"pair": terms.pair}
    return row if modify_id is None else row | {"modifyId": modify_id}


def asked(order: Order, terms: Terms) -> Row:
    """An order as GET shows it (§6.4)."""
    row = changed(order, terms)
    del row["cumQty"]
    decimals = terms.price_decimals + 3
    quote = rescaled(
        order.cost, terms.price_scale + terms.qty_scale, terms.price_decimals + terms.qty_decimals
    )
    update = row.pop("updateTime")
    return row | {
        "avgPrice": fixed(average(order, terms, decimals), decimals),
        "cumQuote": fixed(quote, terms.price_decimals + terms.qty_decimals),
        "time": order.time_ms,
        "updateTime": update,
    }


def forced(order: Order, terms: Terms) -> Row:
    """An order as GET forceOrders shows it."""
    row = asked(order, terms)
    return {name: row[name] for name in FORCED}


FORCED = (
    "orderId", "symbol", "status", "clientOrderId", "price", "avgPrice", "origQty", "executedQty",
    "cumQuote", "timeInForce", "type", "reduceOnly", "closePosition", "side", "positionSide", "stopPrice",
    "workingType", "origType", "time", "updateTime",
)  # fmt: skip


def algo_placed(algo: AlgoOrder, terms: Terms) -> Row:
    """The answer to POST algoOrder."""
    row = _algo(algo, terms)
    row |= {
        "activatePrice": "" if algo.ticket.activate is None else _trigger_text(algo.ticket.activate, terms),
        "callbackRate": trimmed(algo.ticket.callback, 2) if algo.ticket.callback else "",
    }
    return row | _algo_times(algo)


def algo_canceled(algo: AlgoOrder) -> Row:
    """The answer to DELETE algoOrder: `code` is a text here (§17.9)."""
    return {"algoId": algo.algo_id, "clientAlgoId": algo.client_id, "code": "200", "msg": "success"}


def algo_asked(algo: AlgoOrder, terms: Terms) -> Row:
    """A conditional order as GET shows it."""
    row, order = _algo(algo, terms), algo.order
    decimals = terms.price_decimals + 3
    sent: Row = {
        "actualOrderId": str(order.order_id) if order else "",
        "actualPrice": fixed(average(order, terms, decimals) if order else 0, decimals),
    }
    if order is not None:
        sent |= {"actualQty": terms.qty_text(order.executed), "actualType": algo.sent_type}
    found: Row = {}
    for name, value in row.items():
        found[name] = value
        if name == "algoStatus":
            found |= sent
        if name == "icebergQuantity":
            found |= ATTACHED
    return found | _algo_times(algo)


ATTACHED = {
    "tpTriggerPrice": "0.000", "tpPrice": "0.000", "slTriggerPrice": "0.000", "slPrice": "0.000",
    "tpOrderType": "",
}  # fmt: skip


def _algo(algo: AlgoOrder, terms: Terms) -> Row:
    ticket = algo.ticket
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.client_id,
        "algoType": "CONDITIONAL",
        "orderType": ticket.order_type,
        "symbol": ticket.symbol,
        "side": ticket.side,
        "positionSide": ticket.position_side,
        "timeInForce": ticket.time_in_force,
        "quantity": terms.qty_text(ticket.qty),
        "algoStatus": algo.status,
        "triggerPrice": _trigger_text(ticket.trigger, terms),
        "price": terms.price_text(ticket.price or 0),
        "icebergQuantity": None,
        "selfTradePreventionMode": ticket.stp,
        "workingType": ticket.working_type,
        "priceMatch": ticket.price_match,
        "closePosition": ticket.close_position,
        "priceProtect": ticket.price_protect,
        "reduceOnly": ticket.reduce_only,
    }


def _algo_times(algo: AlgoOrder) -> Row:
    return {
        "createTime": algo.create_ms,
        "updateTime": algo.update_ms,
        "triggerTime": algo.trigger_ms,
        "goodTillDate": algo.ticket.good_till_ms,
    }


def _trigger_text(price: int, terms: Terms) -> str:
    """A trigger with the contract's decimals, or more where it was sent with more."""
    text = trimmed(price, MONEY_DECIMALS)
    if len(text.partition(".")[2]) > terms.price_decimals:
        return text
    return fixed(rescaled(price, MONEY_DECIMALS, terms.price_decimals), terms.price_decimals)


def trade_row(trade: UserTrade, terms: Terms) -> Row:
    """A row of userTrades (§8.5)."""
    quote = rescaled(trade.price * trade.qty, terms.price_scale + terms.qty_scale, MONEY_DECIMALS)
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "side": trade.side,
        "positionSide": trade.position_side,
        "price": terms.price_text(trade.price),
        "qty": terms.qty_text(trade.qty),
        "quoteQty": trimmed(quote, MONEY_DECIMALS),
        "realizedPnl": money_text(trade.realised),
        "commission": money_text(trade.commission),
        "commissionAsset": trade.commission_asset,
        "buyer": trade.side == "BUY",
        "maker": trade.maker,
        "time": trade.time_ms,
    }


def amendment_row(one: Amendment, order: Order, terms: Terms) -> Row:
    """A row of orderAmendment (§6.10)."""

    def change(before: str, after: str) -> Row:
        return {"before": before, "after": after}

    detail: Row = {
        "price": change(*(trimmed(price, terms.price_scale) for price in one.price)),
        "origQty": change(*(trimmed(qty, terms.qty_scale) for qty in one.qty)),
        "count": one.number,
    }
    if one.modify_id is not None:
        detail["modifyId"] = one.modify_id
    return {
        "amendmentId": one.amendment_id,
        "symbol": terms.symbol,
        "pair": terms.pair,
        "orderId": order.order_id,
        "clientOrderId": order.ticket.client_id,
        "time": one.time_ms,
        "amendment": detail,
    }

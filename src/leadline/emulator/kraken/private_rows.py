"""How private REST writes an account's orders, trades, ledger and balances (dossier §13.5, §14.2).

Amounts are texts with REST's own decimals, times are numbers with six decimals, assets and pairs stand under
their REST ids; money in Earn is an asset of its own such as `XBT.F`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from leadline.emulator.instruments import Pair, asset
from leadline.emulator.market import Listing
from leadline.emulator.numbers import fixed, ratio, rescaled
from leadline.emulator.orders import AccountFill, AccountOrder, Close, LedgerEntry, PriceType, Ticket, Trigger

BALANCE_DECIMALS = 10
POSITION_ID = "TKH2SE-M7IF5-CFI7LT"
_STATUS = {
    "pending_new": "pending",
    "new": "open",
    "partially_filled": "open",
    "filled": "closed",
    "canceled": "canceled",
    "expired": "expired",
}
Row = dict[str, Any]


def moment(unix_ns: int) -> msgspec.Raw:
    """Unix seconds as a number with six decimals, digit by digit."""
    return msgspec.Raw(fixed(unix_ns // 1000, 6).encode("ascii"))


def wallet_asset(name: str, wallet: str) -> str:
    """The REST name of an asset in a wallet."""
    return asset(name).rest_id if wallet.startswith("spot") else f"{asset(name).altname}.F"


def amount(name: str, units: int) -> str:
    """A balance or a change of one, with the asset's decimals."""
    decimals = asset(name).precision
    return fixed(rescaled(units, BALANCE_DECIMALS, decimals), decimals)


def order(one: AccountOrder, listings: Mapping[str, Listing], *, trades: bool = False) -> Row:
    """An order as OpenOrders, ClosedOrders and QueryOrders show it."""
    pair, ticket = listings[one.ticket.symbol].pair, one.ticket
    money = pair.cost_precision
    row: Row = {
        "refid": one.parent_id,
        "userref": ticket.userref,
        "status": _STATUS[one.status],
        "opentm": moment(one.opened_ns),
        "starttm": moment(ticket.effective_ns) if ticket.effective_ns else 0,
        "expiretm": moment(ticket.expire_ns) if ticket.expire_ns else 0,
        "descr": _description(pair, one),
        "vol": fixed(one.qty, pair.qty_precision),
        "vol_exec": fixed(one.filled, pair.qty_precision),
        "cost": fixed(one.cost, money),
        "fee": fixed(one.fee, money),
        "price": average(pair, one.cost, one.filled),
        "stopprice": _price(pair, one.trigger_price or 0),
        "limitprice": _price(pair, one.limit_price or 0 if one.triggered else 0),
        "misc": _misc(one),
        "oflags": _flags(ticket),
    }
    if ticket.cl_ord_id:
        row["cl_ord_id"] = ticket.cl_ord_id
    if ticket.trigger is not None:
        row["trigger"] = ticket.trigger.reference
    if trades and one.fills:
        row["trades"] = [fill.exec_id for fill in one.fills]
    if one.closed_ns is not None:
        row |= {"closetm": moment(one.closed_ns), "reason": one.reason or None}
    return row


def trade(one: AccountFill, pair: Pair) -> Row:
    """A fill as TradesHistory and QueryTrades show it."""
    return {
        "ordertxid": one.order_id,
        "postxid": POSITION_ID,
        "pair": pair.rest_id,
        "aclass": "forex",
        "time": moment(one.time_ns),
        "type": one.side,
        "ordertype": one.order_type,
        "price": _price(pair, one.price),
        "cost": fixed(one.cost, pair.cost_precision),
        "fee": fixed(one.fee, pair.cost_precision),
        "vol": fixed(one.qty, pair.qty_precision),
        "margin": fixed(0, pair.cost_precision),
        "leverage": "0",
        "misc": "",
        "trade_id": one.trade_id,
        "maker": one.maker,
    }


def ledger_entry(one: LedgerEntry) -> Row:
    """A ledger entry as Ledgers and QueryLedgers show it."""
    return {
        "refid": one.ref_id,
        "time": moment(one.time_ns),
        "type": one.kind,
        "subtype": one.subtype,
        "aclass": "currency",
        "asset": wallet_asset(one.asset, one.wallet),
        "amount": amount(one.asset, one.amount),
        "fee": amount(one.asset, one.fee),
        "balance": amount(one.asset, one.balance),
    }


def amends(one: AccountOrder, pair: Pair) -> list[Row]:
    """The states an order has had, oldest first, as OrderAmends shows them."""
    states = [("original", one.order_id, one.opened_ns, one.ticket.qty, 0, one.ticket.limit_price)]
    for amend_id, time_ns, state in one.amends:
        shown = one if state is None else state
        states.append(("user", amend_id, time_ns, shown.qty, shown.filled, shown.limit_price))
    return [
        {
            "amend_id": amend_id,
            "amend_type": kind,
            "order_qty": fixed(qty, pair.qty_precision),
            "remaining_qty": fixed(qty - filled, pair.qty_precision),
            "limit_price": fixed(limit or 0, pair.price_precision),
            "timestamp": time_ns,
        }
        for kind, amend_id, time_ns, qty, filled, limit in states
    ]


def average(pair: Pair, cost: int, qty: int) -> str:
    """The mean price of what is filled; `cost` in units of the cost precision."""
    decimals = pair.rest_price_decimals
    if not qty:
        return fixed(0, decimals)
    return fixed(ratio(cost * 10 ** (decimals + pair.qty_precision), qty * 10**pair.cost_precision), decimals)


def order_words(pair: Pair, ticket: Ticket) -> str:
    """An order in the venue's words: `buy 1.25000000 XBTUSD @ limit 30010.0`."""
    qty = fixed(ticket.qty, pair.qty_precision)
    if ticket.cash is not None:
        qty = fixed(ticket.cash, pair.cost_precision)
    terms = _terms(pair, ticket)
    leverage = " with 5:1 leverage" if ticket.margin else ""
    return f"{ticket.side} {qty} {pair.altname} @ {terms}{leverage}"


def close_words(pair: Pair, close: Close | None) -> str:
    """A conditional close in the venue's words, empty where there is none."""
    return "" if close is None else f"close position @ {_terms(pair, close)}"


def _description(pair: Pair, one: AccountOrder) -> Row:
    ticket = one.ticket
    first, second = _prices(pair, one)
    return {
        "pair": pair.altname,
        "aclass": "forex",
        "type": ticket.side,
        "ordertype": ticket.order_type,
        "price": first,
        "price2": second,
        "leverage": "5:1" if ticket.margin else "none",
        "order": order_words(pair, _as_it_stands(one)),
        "close": close_words(pair, ticket.close),
    }


def _as_it_stands(one: AccountOrder) -> Ticket:
    """What was asked for, as amended since; the distances of a trailing order stay what they were."""
    if one.ticket.order_type.startswith("trailing"):
        return replace(one.ticket, qty=one.qty)
    return replace(one.ticket, qty=one.qty, limit_price=one.limit_price)


def _prices(pair: Pair, one: AccountOrder) -> tuple[str, str]:
    """`price` and `price2` of an order as they stand now: trigger and limit, or the limit alone."""
    ticket = one.ticket
    limit = "0" if one.limit_price is None else fixed(one.limit_price, pair.price_precision)
    if ticket.trigger is None:
        return limit, "0"
    trailing = ticket.order_type.startswith("trailing")
    if trailing or one.trigger_price is None:
        first = _distance(pair, ticket.trigger.price, ticket.trigger.price_type)
    else:
        first = fixed(one.trigger_price, pair.price_precision)
    if trailing and ticket.limit_price is not None:
        limit = _distance(pair, ticket.limit_price, ticket.limit_price_type)
    return first, limit


def _terms(pair: Pair, asked: Ticket | Close) -> str:
    words = asked.order_type.removesuffix("-limit").replace("-", " ")
    parts = [words] if asked.trigger is None else [f"{words} {_trigger(pair, asked.trigger)}"]
    if asked.limit_price is not None:
        limit = f"limit {_distance(pair, asked.limit_price, asked.limit_price_type)}"
        parts = [*parts, limit] if asked.trigger is not None else [limit]
    return " -> ".join(parts)


def _trigger(pair: Pair, trigger: Trigger) -> str:
    return _distance(pair, trigger.price, trigger.price_type)


def _distance(pair: Pair, price: int, price_type: PriceType) -> str:
    """A price, or a distance with its sign: `30010.0`, `+150.0`, `-2.0000%`."""
    if price_type == "static":
        return fixed(price, pair.price_precision)
    sign = "" if price < 0 else "+"
    if price_type == "pct":
        return f"{sign}{fixed(price * 100, 4)}%"
    return sign + fixed(price, pair.price_precision)


def _misc(one: AccountOrder) -> str:
    words = []
    if one.triggered:
        words.append("touched" if one.ticket.order_type.startswith("take") else "stopped")
    if one.filled and one.status in ("canceled", "expired"):
        words.append("partial")
    if one.amended:
        words.append("amended")
    return ",".join(words)


def _flags(ticket: Ticket) -> str:
    flags = ["post"] if ticket.post_only else []
    flags.append("fcib" if ticket.fee_in_base else "fciq")
    if ticket.cash is not None:
        flags.append("viqc")
    return ",".join(flags)


def _price(pair: Pair, ticks: int) -> str:
    decimals = pair.rest_price_decimals
    return fixed(rescaled(ticks, pair.price_precision, decimals), decimals)

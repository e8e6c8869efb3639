"""Binance's rules for orders (dossier §4.2, §6, §7), held against a request before anything is sent.

Rule: nothing is rounded or left out silently; each failure names the field, the value, the rule and what
would pass. What depends on the mark price or on the account is held as far as that is known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from leadline.clock import NS_PER_S
from leadline.errors import CheckFailed
from leadline.model.instrument import Instrument, InstrumentStatus
from leadline.model.market import Side
from leadline.model.order import (
    Amendment,
    Order,
    OrderKind,
    OrderRequest,
    PositionSide,
    PriceType,
    TimeInForce,
)
from leadline.venues.binance.facts import Facts
from leadline.venues.binance.filter_rules import (
    check_market_qty,
    check_notional,
    check_price,
    check_price_band,
    check_qty,
)
from leadline.venues.binance.order_form import CONDITIONAL, TYPES, is_conditional, time_in_force
from leadline.venues.binance.symbols import Filters
from leadline.venues.number_rules import check_positive, check_step, failed, plain

BATCH_MAX = 5
CONDITIONAL_MAX = 200
"""Waiting orders an account can have, over all symbols (§7)."""

DEADLINE_S = (0.1, 60.0)
"""assumed: a receive window has at most 60 s (§2.5)."""
CALLBACK_PCT = (Decimal("0.1"), Decimal(20))
CALLBACK_STEP_PCT = Decimal("0.1")
"""assumed: a trailing distance is in tenths of a percent."""
SHORTEST_GTD_NS = 601 * NS_PER_S
"""Dossier §6.1: more than 600 s ahead; a second for the way."""
LATEST_GTD_NS = 253_402_300_798 * NS_PER_S

LIMITED = frozenset({OrderKind.LIMIT, OrderKind.STOP_LOSS_LIMIT, OrderKind.TAKE_PROFIT_LIMIT})
_CLOSING = frozenset({OrderKind.STOP_LOSS, OrderKind.TAKE_PROFIT})
"""Kinds that can close all there is."""
_SWEEPING = frozenset(TYPES) - LIMITED
"""Kinds that take what the market gives."""

_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")

_CLOSED = {
    InstrumentStatus.CANCEL_ONLY: "only cancels are taken",
    InstrumentStatus.MAINTENANCE: "it is being settled or delivered",
    InstrumentStatus.DELISTED: "it is delisted",
    InstrumentStatus.WORK_IN_PROGRESS: "it is not open yet",
}


def check(request: OrderRequest, instrument: Instrument, filters: Filters, facts: Facts, now_ns: int) -> None:
    """Hold a request against contract, filters and account at this Unix time; raises CheckFailed."""
    if request.symbol != instrument.symbol:
        rule = "orders take the venue's own name"
        raise failed("symbol", request.symbol, rule, f"use {instrument.symbol}")
    _check_kind(request, filters)
    _check_spot_only(request)
    _check_status(request, instrument, now_ns)
    _check_side(request)
    _check_amount(request, filters)
    _check_limit(request, filters)
    _check_trigger(request, filters)
    _check_life(request, filters, now_ns)
    _check_flags(request)
    _check_worth(request, instrument, filters, facts)
    _check_count(request, filters, facts)
    _check_deadline(request.deadline_s)


def check_batch(requests: Sequence[OrderRequest]) -> None:
    """Hold together what is to be one batch: 2 to 5 orders (§6.6)."""
    if not 2 <= len(requests) <= BATCH_MAX:
        raise failed("orders", len(requests), f"a batch has 2 to {BATCH_MAX} orders", "split it")
    if any(request.validate for request in requests):
        raise failed("validate", "True", "a batch cannot be tested", "validate its orders one at a time")


def check_client_id(client_id: str) -> None:
    """Hold a name of ours against what Binance takes (§6.1); raises CheckFailed."""
    if not _CLIENT_ID.fullmatch(client_id):
        rule = "Binance takes 1 to 36 letters, digits and . : / _ -"
        raise failed("client id", repr(client_id), rule, "give another")


def check_amendment(order: Order, change: Amendment, instrument: Instrument, filters: Filters) -> None:
    """Hold a change against the order and its contract; raises CheckFailed.

    What the venue would answer by cancelling the order is refused here: a quantity that is filled already
    (§6.3). A post-only order whose new price crosses is cancelled too, which only the book can tell.
    """
    if instrument.status in _CLOSED:
        raise failed("symbol", instrument.symbol, _CLOSED[instrument.status], "cancel it, or wait")
    if order.kind is not OrderKind.LIMIT:
        rule = "Binance changes limit orders only"
        raise failed("kind", order.kind.value, rule, "cancel it and place another")
    for field, value in (("display_qty", change.display_qty), ("trigger_price", change.trigger_price)):
        if value is not None:
            raise failed(field, value, "a limit order at Binance has none", "leave it out")
    if change.post_only:
        raise failed("post_only", "True", "Binance keeps it as it was placed", "leave it out")
    qty = order.qty if change.qty is None else change.qty
    price = order.limit_price if change.limit_price is None else change.limit_price
    if change.qty is None and change.limit_price is None:
        raise CheckFailed("an amendment must change something: give qty or limit_price")
    if qty is None or price is None:
        raise CheckFailed("the order's quantity and price are not known yet; change it once they are")
    if (qty, price) == (order.qty, order.limit_price):
        raise CheckFailed("the amendment changes nothing: the order has this qty and limit_price already")
    check_qty("qty", qty, filters)
    check_price("limit_price", price, filters)
    _check_not_filled(order, qty, filters)
    reduces = order.sent is not None and order.sent.reduce_only
    if not reduces:
        check_notional(qty, price, filters, instrument)
    _check_deadline(change.deadline_s)


def _check_not_filled(order: Order, qty: Decimal, filters: Filters) -> None:
    filled = max(order.filled_qty, order.venue_filled_qty)
    if qty <= filled:
        least = plain(filled + filters.qty.step)
        rule = f"{plain(filled)} is filled already, and Binance would cancel the order"
        raise failed("qty", qty, rule, f"give {least} or more, or cancel the order")


# What there is


def _check_kind(request: OrderRequest, filters: Filters) -> None:
    wire = TYPES.get(request.kind)
    if wire is None:
        kinds = ", ".join(sorted(kind.value for kind in TYPES))
        raise failed("kind", request.kind.value, "Binance has no such order", f"use {kinds}")
    if filters.order_types and wire not in filters.order_types:
        raise failed("kind", request.kind.value, f"{request.symbol} does not take it", "use another kind")


def _check_spot_only(request: OrderRequest) -> None:
    """What other venues have."""
    for field, there, cure in (
        ("cost", request.cost is not None, "give qty"),
        ("effective_ns", request.effective_ns is not None, "place it when it is due"),
        ("margin", request.margin, "leave it out: every position here is margined"),
        ("close", request.close is not None, "place the closing order by itself"),
        ("display_qty", request.display_qty is not None, "leave it out"),
        ("fee_in", request.fee_in is not None, "leave it out"),
        ("limit_price_type", request.limit_price_type is not PriceType.STATIC, "give a price"),
        ("validate", request.validate and is_conditional(request), "Binance tests limit and market orders"),
    ):
        if there:
            raise failed(field, "given", "an order of this kind at Binance has none", cure)


def _check_status(request: OrderRequest, instrument: Instrument, now_ns: int) -> None:
    if instrument.status in _CLOSED:
        rule = _CLOSED[instrument.status]
        raise failed("symbol", instrument.symbol, rule, "wait until it trades, or use another contract")
    if instrument.expires_ns is not None and now_ns >= instrument.expires_ns:
        raise failed("symbol", instrument.symbol, "the contract has ended", "use another contract")
    if instrument.status is InstrumentStatus.REDUCE_ONLY and not request.closes:
        rule = f"{instrument.symbol} takes only what makes a position smaller"
        raise failed("reduce_only", "False", rule, "set it, to close a position")


def _check_side(request: OrderRequest) -> None:
    """What only reduces, against the side of the position it names."""
    side = request.position_side
    if (
        side is not PositionSide.NET
        and (request.reduce_only or request.close_position)
        and not _unwinds(request)
    ):
        rule = f"a {request.side.value} makes a {side.value} position larger"
        raise failed("reduce_only", "True", rule, f"give side {_unwinding(side).value}")


def _unwinds(request: OrderRequest) -> bool:
    return request.side is _unwinding(request.position_side)


def _unwinding(side: PositionSide) -> Side:
    return Side.SELL if side is PositionSide.LONG else Side.BUY


# How much


def _check_amount(request: OrderRequest, filters: Filters) -> None:
    if request.close_position:
        if request.kind not in _CLOSING:
            kinds = " or ".join(sorted(kind.value for kind in _CLOSING))
            raise failed(
                "close_position", "True", "only a market order with a trigger has it", f"use {kinds}"
            )
        if request.qty is not None:
            raise failed("qty", request.qty, "close_position closes all there is then", "leave one out")
        if request.reduce_only:
            raise failed("reduce_only", "True", "close_position says it already", "leave it out")
        return
    if request.qty is None:
        raise CheckFailed("qty: an order needs one, in the base asset")
    check_qty("qty", request.qty, filters)
    if request.kind in _SWEEPING:
        check_market_qty("qty", request.qty, filters)


def _check_worth(request: OrderRequest, instrument: Instrument, filters: Filters, facts: Facts) -> None:
    """What it is worth at least, and how far its price may be from the mark (§4.2).

    assumed: a waiting order is held against the band and the minimum by its own trigger, when it is placed.
    """
    price, trigger = request.limit_price, request.trigger
    mark = facts.mark
    if trigger is not None:
        mark = None if request.kind is OrderKind.TRAILING_STOP else trigger.price
    if price is not None and mark is not None:
        check_price_band(
            request.side, price, mark, filters, "trigger" if trigger is not None else "mark price"
        )
    worth = price if price is not None else mark
    if request.qty is not None and worth is not None and not request.closes:
        check_notional(request.qty, worth, filters, instrument)


def _check_count(request: OrderRequest, filters: Filters, facts: Facts) -> None:
    if is_conditional(request):
        if facts.waiting >= CONDITIONAL_MAX:
            rule = f"{facts.waiting} orders wait for a trigger, and an account has {CONDITIONAL_MAX} at most"
            raise failed("kind", request.kind.value, rule, "cancel one first")
        return
    standing = facts.open_orders if request.kind is OrderKind.LIMIT else None
    if standing is not None and filters.orders_max is not None and standing >= filters.orders_max:
        rule = f"{standing} orders of it are open, and {filters.orders_max} is the most"
        raise failed("symbol", request.symbol, rule, "cancel one first")


# At which price


def _check_limit(request: OrderRequest, filters: Filters) -> None:
    price, match = request.limit_price, request.price_match
    if request.kind not in LIMITED:
        for field, value in (("limit_price", price), ("price_match", match)):
            if value is not None:
                rule = f"an order of kind {request.kind.value} has none"
                raise failed(field, value, rule, "leave it out")
        return
    if price is None and match is None:
        raise CheckFailed(f"limit_price: an order of kind {request.kind.value} needs one, or price_match")
    if price is not None:
        if match is not None:
            raise failed("price_match", match.value, "the order has a limit_price", "give one of them")
        check_price("limit_price", price, filters)


def _check_trigger(request: OrderRequest, filters: Filters) -> None:
    trigger, kind = request.trigger, request.kind
    if trigger is None:
        if kind in CONDITIONAL:
            raise CheckFailed(f"trigger: an order of kind {kind.value} needs one")
        return
    if kind not in CONDITIONAL:
        raise failed("trigger", trigger.price, f"an order of kind {kind.value} has none", "leave it out")
    if trigger.reference.value == "index":
        raise failed("trigger.reference", "index", "Binance watches last or mark price", "use one of them")
    if kind is OrderKind.TRAILING_STOP:
        _check_callback(trigger.price, trigger.price_type)
        if trigger.activation_price is not None:
            check_price("trigger.activation_price", trigger.activation_price, filters)
        return
    if trigger.activation_price is not None:
        rule = "only a trailing order begins at a price"
        raise failed("trigger.activation_price", trigger.activation_price, rule, "leave it out")
    if trigger.price_type is not PriceType.STATIC:
        rule = "Binance takes a price here"
        raise failed("trigger.price_type", trigger.price_type.value, rule, "give the price itself")
    check_price("trigger.price", trigger.price, filters)


def _check_callback(distance: Decimal, price_type: PriceType) -> None:
    if price_type is not PriceType.PCT:
        rule = "a trailing order at Binance has a distance in percent"
        raise failed("trigger.price_type", price_type.value, rule, "use pct")
    check_positive("trigger.price", distance)
    least, most = CALLBACK_PCT
    if not least <= distance <= most:
        rule = f"a trailing distance is {plain(least)} to {plain(most)} percent"
        raise failed("trigger.price", distance, rule, "give one between")
    check_step("trigger.price", distance, CALLBACK_STEP_PCT, least, "it is in tenths of a percent")


# When, and how


def _check_life(request: OrderRequest, filters: Filters, now_ns: int) -> None:
    tif, expires_ns = request.time_in_force, request.expires_ns
    if request.kind not in LIMITED and tif is not TimeInForce.GTC:
        rule = f"an order of kind {request.kind.value} has none"
        raise failed("time_in_force", tif.value, rule, "leave it out")
    if request.post_only and tif is not TimeInForce.GTC:
        rule = "post-only is a time in force of its own at Binance"
        raise failed("time_in_force", tif.value, rule, "use gtc, or leave post_only out")
    if tif is TimeInForce.GTD and expires_ns is None:
        raise CheckFailed("expires_ns: an order good till a date needs one")
    if tif is not TimeInForce.GTD and expires_ns is not None:
        raise failed("expires_ns", expires_ns, "only an order good till a date has one", "use GTD")
    if tif is TimeInForce.GTD and is_conditional(request):
        raise failed("time_in_force", tif.value, "an order that waits for a trigger has no date", "use gtc")
    wire = time_in_force(request)
    if request.kind in LIMITED and filters.times_in_force and wire not in filters.times_in_force:
        raise failed("time_in_force", wire, f"{request.symbol} does not take it", "use gtc")
    if expires_ns is not None:
        _check_date(expires_ns, now_ns)


def _check_date(expires_ns: int, now_ns: int) -> None:
    if expires_ns % NS_PER_S:
        whole = expires_ns - expires_ns % NS_PER_S
        raise failed("expires_ns", expires_ns, "Binance takes whole seconds", f"give {whole + NS_PER_S}")
    if expires_ns < now_ns + SHORTEST_GTD_NS:
        first = math.ceil(Fraction(now_ns + SHORTEST_GTD_NS, NS_PER_S)) * NS_PER_S
        raise failed("expires_ns", expires_ns, "it is less than ten minutes ahead", f"give {first} or later")
    if expires_ns > LATEST_GTD_NS:
        raise failed("expires_ns", expires_ns, "it is beyond every calendar", f"give {LATEST_GTD_NS} at most")


def _check_flags(request: OrderRequest) -> None:
    if request.post_only and request.kind not in LIMITED:
        raise failed("post_only", "True", f"an order of kind {request.kind.value} has no limit", "use limit")
    unheeded = request.post_only or request.time_in_force is TimeInForce.FOK
    if request.self_trade is not None and unheeded:
        rule = "Binance takes no notice of it on post-only and fill-or-kill orders"
        raise failed("self_trade", request.self_trade.value, rule, "leave it out")


def _check_deadline(deadline_s: float) -> None:
    least, most = DEADLINE_S
    if not least <= deadline_s <= most:  # NaN is not
        rule = f"Binance's receive window takes {least:g} to {most:g} seconds"
        raise failed("deadline_s", deadline_s, rule, "give 2.0")

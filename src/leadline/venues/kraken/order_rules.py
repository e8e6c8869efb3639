"""Kraken's rules for orders (dossier §10.1–10.3), held against a request before anything is sent.

Rule: nothing is rounded or left out silently; each failure names the field, the value, the rule and what
would pass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from leadline.clock import NS_PER_S
from leadline.errors import CheckFailed
from leadline.model.instrument import Instrument, InstrumentStatus
from leadline.model.market import Side
from leadline.model.order import (
    Amendment,
    ConditionalClose,
    OrderKind,
    OrderRequest,
    PositionSide,
    PriceType,
    TimeInForce,
    Trigger,
    TriggerReference,
)
from leadline.venues.kraken.rest_trading import BATCH_MAX
from leadline.venues.number_rules import (
    MOST_DIGITS,
    check_digits,
    check_positive,
    check_step,
    failed,
    plain,
    times,
)

TRAILING = frozenset({OrderKind.TRAILING_STOP, OrderKind.TRAILING_STOP_LIMIT})
TRIGGERED = TRAILING | {
    OrderKind.STOP_LOSS, OrderKind.STOP_LOSS_LIMIT, OrderKind.TAKE_PROFIT, OrderKind.TAKE_PROFIT_LIMIT,
}  # fmt: skip
LIMITED = frozenset(
    {
        OrderKind.LIMIT, OrderKind.ICEBERG, OrderKind.STOP_LOSS_LIMIT, OrderKind.TAKE_PROFIT_LIMIT,
        OrderKind.TRAILING_STOP_LIMIT,
    }
)  # fmt: skip
CLOSING = (LIMITED | TRIGGERED) - {OrderKind.ICEBERG}

DEADLINE_S = (1.0, 60.0)
LONGEST_LIFE_NS = 30 * 86_400 * NS_PER_S
"""assumed: Kraken's "one month ahead" is at least 30 days."""
DISPLAY_SHARE = 15
"""An iceberg shows at least one part in so many."""
PCT_DECIMALS = 2
"""assumed: percentages carry at most hundredths; Kraken's documents show no finer ones."""

_CLOSED = {
    InstrumentStatus.CANCEL_ONLY: "only cancels are taken",
    InstrumentStatus.MAINTENANCE: "it is under maintenance",
    InstrumentStatus.DELISTED: "it is delisted",
    InstrumentStatus.WORK_IN_PROGRESS: "it is not open yet",
}


def needs_userref(request: OrderRequest) -> bool:
    """Whether Kraken refuses a client id on this order: beside a conditional close (dossier §10.1)."""
    return request.close is not None


def check(request: OrderRequest, instrument: Instrument, now_ns: int) -> None:
    """Hold a request against its instrument and Kraken's rules at this Unix time; raises CheckFailed.

    A pair in a status that this version does not know is left to the venue to judge.
    """
    if request.symbol != instrument.symbol:
        raise failed("symbol", request.symbol, "orders take the venue's own name", f"use {instrument.symbol}")
    _check_spot(request)
    _check_status(request, instrument)
    _check_amount(request, instrument)
    _check_limit(request, instrument)
    _check_trigger(request.kind, request.trigger, instrument)
    _check_cost(request, instrument)
    _check_display(request, instrument)
    _check_life(request, now_ns)
    _check_flags(request, instrument)
    if request.close is not None:
        _check_close(request.close, instrument)
    _check_deadline(request.deadline_s)


def check_batch(requests: Sequence[OrderRequest]) -> None:
    """Hold together what is to be one batch: 2 to 15 orders of one symbol, all meant or none (§10.7)."""
    if not 2 <= len(requests) <= BATCH_MAX:
        raise failed("orders", len(requests), f"a batch has 2 to {BATCH_MAX} orders", "split it")
    symbols = sorted({request.symbol for request in requests})
    if len(symbols) > 1:
        raise failed("symbol", ", ".join(symbols), "a batch has one symbol", "make one batch for each")
    if len({request.validate for request in requests}) > 1:
        raise failed("validate", "mixed", "a batch is validated as a whole", "make two batches")


def check_amendment(amendment: Amendment, instrument: Instrument) -> None:
    """Hold an amendment against its instrument; raises CheckFailed.

    assumed: prices of an amendment are absolute, also those of a trailing order.
    """
    if instrument.status in _CLOSED:
        raise failed("symbol", instrument.symbol, _CLOSED[instrument.status], "cancel it, or wait")
    changes = (amendment.qty, amendment.limit_price, amendment.display_qty, amendment.trigger_price)
    if all(change is None for change in changes):
        raise CheckFailed(
            "an amendment must change something: give qty, limit_price, display_qty or trigger_price"
        )
    if amendment.qty is not None:
        _check_qty("qty", amendment.qty, instrument, instrument.qty_min)
    if amendment.limit_price is not None:
        _check_price("limit_price", amendment.limit_price, instrument)
    if amendment.trigger_price is not None:
        _check_price("trigger_price", amendment.trigger_price, instrument)
    if amendment.display_qty is not None:
        _check_qty("display_qty", amendment.display_qty, instrument, instrument.lot)
    _check_deadline(amendment.deadline_s)


# What the pair lets pass


def _check_spot(request: OrderRequest) -> None:
    """What only contracts have is refused: left out, the order would do something else."""
    rule, cure = "Kraken Spot has no contracts", "leave it out"
    if request.position_side is not PositionSide.NET:
        raise failed("position_side", request.position_side.value, rule, cure)
    if request.price_match is not None:
        raise failed("price_match", request.price_match.value, rule, "give limit_price")
    if request.close_position:
        raise failed("close_position", True, rule, "give qty; settle-position closes a margin position")
    trigger = request.trigger
    if trigger is None:
        return
    if trigger.reference is TriggerReference.MARK:
        raise failed("trigger.reference", "mark", rule, "use last or index")
    if trigger.activation_price is not None:
        raise failed("trigger.activation_price", trigger.activation_price, rule, cure)
    if trigger.protect:
        raise failed("trigger.protect", True, rule, cure)


def _check_status(request: OrderRequest, instrument: Instrument) -> None:
    status = instrument.status
    if status in _CLOSED:
        raise failed("symbol", instrument.symbol, _CLOSED[status], "wait until the pair is online")
    if status is InstrumentStatus.POST_ONLY and not request.post_only:
        raise failed("post_only", "False", f"{instrument.symbol} takes post-only orders only", "set it")
    plain_limit = request.kind in (OrderKind.LIMIT, OrderKind.ICEBERG)
    if status in (InstrumentStatus.LIMIT_ONLY, InstrumentStatus.POST_ONLY) and not plain_limit:
        # assumed: orders that wait for a trigger are no limit orders
        raise failed("kind", request.kind.value, f"{instrument.symbol} takes limit orders only", "use limit")
    closes = request.reduce_only or request.kind is OrderKind.SETTLE_POSITION
    if status is InstrumentStatus.REDUCE_ONLY and not closes:
        # assumed: whatever does not close a margin position is refused
        rule = f"{instrument.symbol} takes what reduces a position only"
        raise failed("reduce_only", "False", rule, "set it")


# How much


def _check_amount(request: OrderRequest, instrument: Instrument) -> None:
    if request.cost is None:
        if request.qty is None:
            raise CheckFailed("qty: an order needs one; or cost, for a market buy")
        _check_qty("qty", request.qty, instrument, instrument.qty_min)
        return
    if request.qty is not None:
        raise failed("cost", request.cost, "it stands in place of qty", "give one of them")
    if request.kind is not OrderKind.MARKET or request.side is not Side.BUY or request.margin:
        raise failed("cost", request.cost, "only a market buy without margin has one", "give qty")
    check_positive("cost", request.cost)
    # where the source does not say, the venue's own check is finer
    told, finest = instrument.cost_precision, instrument.price_precision + instrument.qty_precision
    decimals = finest if told is None else min(told, MOST_DIGITS)
    step = Decimal(1).scaleb(-decimals)
    check_step("cost", request.cost, step, instrument.cost_min, "has too many decimals")
    if request.cost < instrument.cost_min:
        least = f"the least is {plain(instrument.cost_min)}"
        raise failed("cost", request.cost, least, "give that or more")


def _check_qty(field: str, qty: Decimal, instrument: Instrument, least: Decimal) -> None:
    check_positive(field, qty)
    check_step(field, qty, instrument.lot, least, f"must be a multiple of {plain(instrument.lot)}")
    if qty < least:
        raise failed(field, qty, f"the least is {plain(least)}", "give that or more")


def _check_cost(request: OrderRequest, instrument: Instrument) -> None:
    """The minimum cost, where the order names a price; otherwise only the venue can tell."""
    static = request.limit_price_type is PriceType.STATIC
    if request.qty is None or request.limit_price is None or not static:
        return
    needed = Fraction(instrument.cost_min) / Fraction(request.limit_price)
    if Fraction(request.qty) < needed:
        lots = math.ceil(needed / Fraction(instrument.lot))
        raise failed(
            "qty", request.qty,
            f"at {plain(request.limit_price)} it is worth less than {plain(instrument.cost_min)} "
            f"{instrument.quote}, the least Kraken takes",
            f"give {times(lots, instrument.lot)} or more",
        )  # fmt: skip


def _check_display(request: OrderRequest, instrument: Instrument) -> None:
    shown = request.display_qty
    if request.kind is not OrderKind.ICEBERG:
        if shown is not None:
            raise failed("display_qty", shown, "only an iceberg has one", "leave it out, or use iceberg")
        return
    if shown is None or request.qty is None:
        raise CheckFailed("display_qty: an iceberg needs one, at least a 15th of qty")
    _check_qty("display_qty", shown, instrument, instrument.lot)
    if shown > request.qty:
        raise failed("display_qty", shown, "it is more than qty", f"give {plain(request.qty)} or less")
    least = Fraction(request.qty) / DISPLAY_SHARE
    if Fraction(shown) < least:
        lots = math.ceil(least / Fraction(instrument.lot))
        raise failed(
            "display_qty", shown, "an iceberg shows at least a 15th of qty",
            f"give {times(lots, instrument.lot)} or more",
        )  # fmt: skip


# At which price


def _check_limit(request: OrderRequest, instrument: Instrument) -> None:
    price, kind = request.limit_price, request.kind
    if price is None:
        if kind in LIMITED:
            raise CheckFailed(f"limit_price: an order of kind {kind.value} needs one")
        return
    if kind not in LIMITED:
        raise failed("limit_price", price, f"an order of kind {kind.value} has none", "leave it out")
    if request.limit_price_type is PriceType.STATIC:
        _check_price("limit_price", price, instrument)
    elif kind is OrderKind.TRAILING_STOP_LIMIT:
        _check_distance("limit_price", price, request.limit_price_type, instrument)
    else:
        rule = "only the limit of a trailing-stop-limit is relative"
        raise failed("limit_price_type", request.limit_price_type.value, rule, "use static")


def _check_trigger(kind: OrderKind, trigger: Trigger | None, instrument: Instrument) -> None:
    if trigger is None:
        if kind in TRIGGERED:
            raise CheckFailed(f"trigger: an order of kind {kind.value} needs one")
        return
    if kind not in TRIGGERED:
        raise failed("trigger", trigger.price, f"an order of kind {kind.value} has none", "leave it out")
    if trigger.reference is TriggerReference.INDEX and instrument.has_index is False:
        raise failed("trigger.reference", "index", f"{instrument.symbol} has no index price", "use last")
    _check_trigger_price("trigger.price", kind, trigger.price, trigger.price_type, instrument)


def _check_trigger_price(
    field: str, kind: OrderKind, price: Decimal, price_type: PriceType, instrument: Instrument
) -> None:
    if kind in TRAILING:
        check_positive(field, price)
        if price_type is PriceType.STATIC:
            raise failed(f"{field} type", "static", "a trailing order has a distance", "use pct or quote")
    elif price_type is PriceType.STATIC:
        _check_price(field, price, instrument)
        return
    _check_distance(field, price, price_type, instrument)
    if not price:
        raise failed(field, price, "it would be set off at once", "give a distance other than 0")


def _check_price(field: str, price: Decimal, instrument: Instrument) -> None:
    check_positive(field, price)
    rule = f"must be a multiple of {plain(instrument.tick)}"
    check_step(field, price, instrument.tick, instrument.tick, rule)


def _check_distance(field: str, distance: Decimal, price_type: PriceType, instrument: Instrument) -> None:
    check_digits(field, distance)
    size = distance.copy_abs()
    if price_type is PriceType.QUOTE:
        rule = f"must be a multiple of {plain(instrument.tick)}"
        check_step(field, size, instrument.tick, Decimal(0), rule)
        return
    step = Decimal(1).scaleb(-PCT_DECIMALS)
    check_step(field, size, step, Decimal(0), f"percentages have at most {PCT_DECIMALS} decimals")
    if size >= 100:
        raise failed(field, distance, "100 % away there is no price", "give less than 100")


def _check_close(close: ConditionalClose, instrument: Instrument) -> None:
    kind = close.kind
    if kind not in CLOSING:
        kinds = ", ".join(sorted(one.value for one in CLOSING))
        raise failed("close.kind", kind.value, "Kraken makes no such order of a fill", f"use {kinds}")
    for field, price, wanted in (
        ("close.limit_price", close.limit_price, kind in LIMITED),
        ("close.trigger_price", close.trigger_price, kind in TRIGGERED),
    ):
        if price is None and wanted:
            raise CheckFailed(f"{field}: a close of kind {kind.value} needs one")
        if price is not None and not wanted:
            raise failed(field, price, f"a close of kind {kind.value} has none", "leave it out")
    if close.limit_price is not None:
        if close.limit_price_type is PriceType.STATIC:
            _check_price("close.limit_price", close.limit_price, instrument)
        else:
            _check_distance("close.limit_price", close.limit_price, close.limit_price_type, instrument)
    if close.trigger_price is not None:
        _check_trigger_price(
            "close.trigger_price", kind, close.trigger_price, close.trigger_price_type, instrument
        )


# When, and how


def _check_life(request: OrderRequest, now_ns: int) -> None:
    tif, expires_ns = request.time_in_force, request.expires_ns
    if tif is TimeInForce.GTD and expires_ns is None:
        raise CheckFailed("expires_ns: an order good till a date needs one")
    if tif is not TimeInForce.GTD and expires_ns is not None:
        raise failed("expires_ns", expires_ns, "only an order good till a date has one", "use GTD")
    if tif is TimeInForce.FOK and request.kind is not OrderKind.LIMIT:
        raise failed("time_in_force", tif.value, "only a limit order is filled or killed", "use limit")
    if request.post_only and tif in (TimeInForce.IOC, TimeInForce.FOK):
        raise failed("time_in_force", tif.value, "a post-only order must be able to rest", "use gtc or gtd")
    if expires_ns is not None:
        _check_moment("expires_ns", expires_ns, now_ns)
        if expires_ns > now_ns + LONGEST_LIFE_NS:
            raise failed("expires_ns", expires_ns, "it is more than a month ahead", "give 30 days at most")
    if request.effective_ns is not None:
        _check_moment("effective_ns", request.effective_ns, now_ns)
        if expires_ns is not None and expires_ns <= request.effective_ns:
            raise failed("expires_ns", expires_ns, "it is not after effective_ns", "give a later one")


def _check_moment(field: str, moment_ns: int, now_ns: int) -> None:
    if moment_ns <= now_ns:
        raise failed(field, moment_ns, "it is in the past", f"give more than {now_ns} (Unix nanoseconds)")
    if moment_ns % NS_PER_S:
        whole = moment_ns - moment_ns % NS_PER_S
        raise failed(field, moment_ns, "Kraken takes whole seconds", f"give {whole} or {whole + NS_PER_S}")


def _check_flags(request: OrderRequest, instrument: Instrument) -> None:
    if request.margin and instrument.marginable is False:
        raise failed("margin", "True", f"{instrument.symbol} has no margin trading", "leave it out")
    if request.post_only and request.kind not in LIMITED:
        raise failed("post_only", "True", f"an order of kind {request.kind.value} has no limit", "use limit")
    settles = request.kind is OrderKind.SETTLE_POSITION
    if request.reduce_only and not request.margin and not settles:
        raise failed("reduce_only", "True", "only margin positions can be reduced", "set margin, or leave it")


def _check_deadline(deadline_s: float) -> None:
    least, most = DEADLINE_S
    if not least <= deadline_s <= most:  # NaN is not
        raise failed("deadline_s", deadline_s, f"Kraken takes {least} to {most} seconds", "give 2.0")

"""Order parameters of the private WebSocket turned into what the engine takes: ticks, lots, nanoseconds.

Only form is judged here (types, names, grids, what belongs together); what the market and the account say
is the engine's. Raises `requests.Refusal` for what the gateway refuses, `orders.Refused` for the rest.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Literal, get_args

from leadline.emulator.instruments import Pair
from leadline.emulator.kraken.params import Params, invalid
from leadline.emulator.numbers import NS_PER_S
from leadline.emulator.orders import (
    AccountOrder,
    Amendment,
    Close,
    OrderType,
    PriceType,
    Refused,
    Ticket,
    Trigger,
)

ORDER_TYPES: tuple[OrderType, ...] = get_args(OrderType)
CLOSE_TYPES = tuple(one for one in ORDER_TYPES if one not in ("market", "iceberg", "settle-position"))
LIMIT_PRICED = ("limit", "iceberg", "stop-loss-limit", "take-profit-limit", "trailing-stop-limit")
TRIGGERED = tuple(one for one in ORDER_TYPES if one.startswith(("stop", "take", "trailing")))
PRICE_TYPES: tuple[PriceType, ...] = get_args(PriceType)
SIDES: tuple[Literal["buy", "sell"], ...] = ("buy", "sell")
REFERENCES: tuple[Literal["last", "index"], ...] = ("last", "index")
LIFE: tuple[Literal["gtc", "gtd", "ioc", "fok"], ...] = ("gtc", "gtd", "ioc", "fok")
STP_TYPES: tuple[Literal["cancel_newest", "cancel_oldest", "cancel_both"], ...] = (
    "cancel_newest",
    "cancel_oldest",
    "cancel_both",
)
TRIGGER_NAMES = ("reference", "price", "price_type")
CLOSE_NAMES = (
    "order_type", "limit_price", "limit_price_type", "trigger_price", "trigger_price_type", "stop_price",
)  # fmt: skip
ROW_NAMES = (
    "order_type", "side", "order_qty", "limit_price", "limit_price_type", "triggers", "time_in_force",
    "expire_time", "effective_time", "post_only", "reduce_only", "margin", "cl_ord_id", "order_userref",
    "conditional", "display_qty", "fee_preference", "stp_type", "cash_order_qty", "sender_sub_id", "no_mpp",
    "stop_price", "trigger",
)  # fmt: skip
ADD_NAMES = (*ROW_NAMES, "symbol", "token", "deadline", "validate")
AMEND_NAMES = (
    "order_id", "cl_ord_id", "order_qty", "limit_price", "limit_price_type", "display_qty", "trigger_price",
    "trigger_price_type", "post_only", "deadline", "symbol", "token",
)  # fmt: skip
EDIT_NAMES = (
    "order_id", "symbol", "order_qty", "limit_price", "display_qty", "triggers", "fee_preference",
    "post_only", "reduce_only", "order_userref", "deadline", "validate", "token", "price", "stop_price",
    "trigger", "no_mpp",
)  # fmt: skip
DEPRECATED = {
    "stop_price": "stop_price is deprecated, use triggers.price",
    "trigger": "trigger is deprecated use triggers.reference",
    "no_mpp": "no_mpp is deprecated",
    "price": "price is deprecated, use limit_price",
}
DEADLINE_NS = (500_000_000, 60 * NS_PER_S)
USUAL_DEADLINE_NS = 5 * NS_PER_S
LATEST_EXPIRY_NS = 31 * 86_400 * NS_PER_S
FREE_TEXT_ID = 18
LARGEST_EXPONENT = 24


def scaled(value: Decimal, decimals: int) -> int | None:
    """`value` × 10^`decimals` exactly; None where it has finer digits than that."""
    _, digits, exponent = value.as_tuple()
    shift = int(exponent) + decimals
    number = int("".join(map(str, digits)))
    if not number:
        return 0
    if value.adjusted() > LARGEST_EXPONENT:
        raise invalid("number too large")
    if -shift > len(digits):
        return None
    whole, rest = divmod(number * 10 ** max(shift, 0), 10 ** max(-shift, 0))
    if rest:
        return None
    return int(-whole if value < 0 else whole)


def ticket(params: Params, pair: Pair, now_ns: int, deadline_ns: int) -> Ticket:
    """One new order of add_order or of a row of batch_add."""
    order_type = params.choice("order_type", ORDER_TYPES)
    cl_ord_id, userref = _identifiers(params)
    close = _close(params, pair)
    if close is not None and cl_ord_id is not None:
        raise invalid("cl_ord_id")
    limit_price, limit_price_type = _limit(params, pair, order_type)
    cash = params.number("cash_order_qty")
    qty = params.number("order_qty")
    if (qty is None) == (cash is None):
        raise invalid("order_qty")
    made = Ticket(
        symbol=pair.symbol,
        side=params.choice("side", SIDES),
        order_type=order_type,
        qty=0 if qty is None else lots(pair, qty, "order_qty"),
        limit_price=limit_price,
        limit_price_type=limit_price_type,
        trigger=_trigger(params, pair, order_type),
        time_in_force=_time_in_force(params),
        effective_ns=_effective(params, now_ns),
        deadline_ns=deadline_ns,
        post_only=params.flag("post_only"),
        reduce_only=params.flag("reduce_only"),
        margin=params.flag("margin"),
        close=close,
        display_qty=_display_qty(params, pair),
        fee_in_base=_fee_in_base(params),
        stp=params.choice("stp_type", STP_TYPES, "cancel_newest"),
        cash=None if cash is None else _cash(pair, cash),
        cl_ord_id=cl_ord_id,
        userref=userref,
    )
    made = replace(made, expire_ns=_expiry(params, made, now_ns))
    _belongs_together(made)
    params.text("sender_sub_id")
    params.flag("no_mpp")
    return made


def edited(params: Params, order: AccountOrder, pair: Pair, deadline_ns: int) -> Ticket:
    """The order edit_order makes in the place of another, flags and tags not inherited (dossier §10.3)."""
    old = order.ticket
    qty = params.number("order_qty")
    price = "price" if "price" in params else "limit_price"
    limit = params.number(price)
    trigger = old.trigger
    if any(name in params for name in ("triggers", "stop_price", "trigger")):
        trigger = _trigger(params, pair, old.order_type)
    display = _display_qty(params, pair)
    return replace(
        old,
        qty=order.qty if qty is None else lots(pair, qty, "order_qty"),
        limit_price=order.limit_price if limit is None else _price(pair, limit, "static", price),
        trigger=trigger,
        display_qty=order.display_qty if display is None else display,
        fee_in_base=_fee_in_base(params) if "fee_preference" in params else old.fee_in_base,
        post_only=params.flag("post_only"),
        reduce_only=params.flag("reduce_only"),
        userref=_userref(params),
        cl_ord_id=None,
        close=None,
        deadline_ns=deadline_ns,
    )


def amendment(params: Params, order: AccountOrder, pair: Pair, deadline_ns: int) -> Amendment:
    """What amend_order changes; a changed kind of price must be the kind the order has (assumed)."""
    old = order.ticket
    trigger_type: PriceType = old.trigger.price_type if old.trigger else "static"
    if params.choice("limit_price_type", PRICE_TYPES, old.limit_price_type) != old.limit_price_type:
        raise invalid("limit_price_type")
    if params.choice("trigger_price_type", PRICE_TYPES, trigger_type) != trigger_type:
        raise invalid("trigger_price_type")
    qty, limit, trigger = (params.number(name) for name in ("order_qty", "limit_price", "trigger_price"))
    return Amendment(
        qty=None if qty is None else lots(pair, qty, "order_qty"),
        limit_price=None if limit is None else _price(pair, limit, old.limit_price_type, "limit_price"),
        display_qty=_display_qty(params, pair),
        trigger_price=None if trigger is None else _price(pair, trigger, trigger_type, "trigger_price"),
        post_only=params.flag("post_only"),
        deadline_ns=deadline_ns,
    )


def deadline(params: Params, now_ns: int) -> int:
    """Until when the engine may match it: 0.5 to 60 s from now, 5 s if not said (dossier §10.1)."""
    moment_ns = params.moment_ns("deadline")
    if moment_ns is None:
        return now_ns + USUAL_DEADLINE_NS
    if moment_ns <= now_ns:
        raise Refused("EService:Deadline elapsed")
    # assumed: a moment outside the window is an invalid argument, one gone by has elapsed
    if not DEADLINE_NS[0] <= moment_ns - now_ns <= DEADLINE_NS[1]:
        raise invalid("deadline")
    return moment_ns


def warnings(params: Params) -> dict[str, list[str]]:
    """What is said about deprecated parameters, as part of a result."""
    said = [DEPRECATED[name] for name in params.names(tuple(DEPRECATED))]
    return {"warnings": said} if said else {}


def lots(pair: Pair, value: Decimal, name: str) -> int:
    """A quantity in the pair's lots."""
    number = scaled(value, pair.qty_precision)
    if number is None or number < 0:
        # assumed: too fine a quantity is an invalid argument like a negative one
        raise invalid(name)
    return number


def _identifiers(params: Params) -> tuple[str | None, int]:
    cl_ord_id = params.text("cl_ord_id")
    userref = _userref(params)
    if cl_ord_id is not None and ("order_userref" in params or not _well_formed(cl_ord_id)):
        raise invalid("cl_ord_id")
    return cl_ord_id, userref


def _userref(params: Params) -> int:
    userref = params.integer("order_userref") or 0
    if not -(2**31) <= userref < 2**31:
        raise invalid("order_userref")
    return userref


def _well_formed(cl_ord_id: str) -> bool:
    """A UUID with or without dashes, or up to 18 ASCII characters (dossier §10.9)."""
    if 0 < len(cl_ord_id) <= FREE_TEXT_ID:
        return cl_ord_id.isascii() and cl_ord_id.isprintable()
    parts = cl_ord_id.split("-")
    if [len(part) for part in parts] not in ([32], [8, 4, 4, 4, 12]):
        return False
    return all(letter in "0123456789abcdefABCDEF" for part in parts for letter in part)


def _limit(params: Params, pair: Pair, order_type: OrderType) -> tuple[int | None, PriceType]:
    """The limit price and its kind: distances exist for trailing-stop-limit only."""
    trailing = order_type == "trailing-stop-limit"
    if "limit_price_type" in params and not trailing:
        raise invalid("limit_price_type")
    kind = params.choice("limit_price_type", PRICE_TYPES, "quote" if trailing else "static")
    value = params.number("limit_price")
    if (value is None) == (order_type in LIMIT_PRICED):
        raise invalid("limit_price")
    return (None if value is None else _price(pair, value, kind, "limit_price")), kind


def _trigger(params: Params, pair: Pair, order_type: OrderType) -> Trigger | None:
    inner = params.nested("triggers", TRIGGER_NAMES)
    price_name = "stop_price" if inner is None else "price"
    source = params if inner is None else inner
    reference = source.choice("trigger" if inner is None else "reference", REFERENCES, "last")
    kind: PriceType = "static" if inner is None else inner.choice("price_type", PRICE_TYPES, "static")
    value = source.number(price_name)
    if order_type not in TRIGGERED:
        if inner is not None or value is not None:
            raise invalid("triggers")
        return None
    if value is None:
        raise invalid("triggers")
    trailing = order_type.startswith("trailing")
    if trailing and (kind == "static" or value <= 0):
        raise invalid("triggers")
    price = _price(pair, value, kind, "triggers")
    return Trigger(price, kind, reference)


def _close(params: Params, pair: Pair) -> Close | None:
    """The conditional close; distances are told apart from prices by their kind alone."""
    inner = params.nested("conditional", CLOSE_NAMES)
    if inner is None:
        return None
    order_type = inner.choice("order_type", CLOSE_TYPES)
    limit_kind = inner.choice("limit_price_type", PRICE_TYPES, "static")
    trigger_kind = inner.choice("trigger_price_type", PRICE_TYPES, "static")
    limit = inner.number("limit_price")
    trigger_name = "trigger_price" if "trigger_price" in inner else "stop_price"
    trigger = inner.number(trigger_name)
    if (limit is None) == (order_type in LIMIT_PRICED) or (trigger is None) == (order_type in TRIGGERED):
        raise invalid("conditional")
    return Close(
        order_type=order_type,
        limit_price=None if limit is None else _price(pair, limit, limit_kind, "conditional"),
        limit_price_type=limit_kind,
        trigger=None
        if trigger is None
        else Trigger(_price(pair, trigger, trigger_kind, "conditional"), trigger_kind),
    )


def _price(pair: Pair, value: Decimal, kind: str, name: str) -> int:
    """A price or distance in ticks, or in hundredths of a percent."""
    if kind == "static" and value <= 0:
        raise Refused("EOrder:Invalid price")
    number = scaled(value, 2 if kind == "pct" else pair.price_precision)
    if number is None:
        raise invalid(name) if kind == "pct" else Refused("EOrder:Tick size check failed")
    return number


def _cash(pair: Pair, value: Decimal) -> int:
    number = scaled(value, pair.cost_precision)
    if number is None or number <= 0:
        raise invalid("cash_order_qty")
    return number


def _display_qty(params: Params, pair: Pair) -> int | None:
    value = params.number("display_qty")
    return None if value is None else lots(pair, value, "display_qty")


def _fee_in_base(params: Params) -> bool:
    # assumed: the fee is taken in the quote currency unless the base is asked for; all recorded fees are
    return params.choice("fee_preference", ("base", "quote"), "quote") == "base"


def _effective(params: Params, now_ns: int) -> int | None:
    moment_ns = params.moment_ns("effective_time")
    return None if moment_ns is None or moment_ns <= now_ns else moment_ns


def _expiry(params: Params, made: Ticket, now_ns: int) -> int | None:
    moment_ns = params.moment_ns("expire_time")
    if (moment_ns is None) == (made.time_in_force == "gtd"):
        raise invalid("expire_time")
    if moment_ns is not None and not now_ns < moment_ns <= now_ns + LATEST_EXPIRY_NS:
        raise invalid("expire_time")
    return moment_ns


def _belongs_together(made: Ticket) -> None:
    """The rules of §10.1 that tie parameters to order types."""
    if made.post_only and made.order_type not in LIMIT_PRICED:
        raise invalid("post_only")
    if made.time_in_force == "fok" and made.order_type != "limit":
        raise invalid("time_in_force")
    if made.cash is not None and (made.order_type, made.side, made.margin) != ("market", "buy", False):
        raise invalid("cash_order_qty")
    if (made.display_qty is None) == (made.order_type == "iceberg"):
        raise invalid("display_qty")


def _time_in_force(params: Params) -> Literal["gtc", "gtd", "ioc", "fok"]:
    """Lower case is documented; clients in the field send upper case and are understood."""
    word = params.text("time_in_force")
    found = next((one for one in LIFE if word is None or one in (word, word.lower())), None)
    if found is None:
        raise invalid("time_in_force")
    return found

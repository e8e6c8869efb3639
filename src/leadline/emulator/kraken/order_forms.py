"""Order parameters of private REST put into the WebSocket's, whose rules then judge both (§10, §14.3).

What REST has of its own is decided here: relative prices (`+`, `-`, `#`, `%`), flags in one list, leverage,
times as Unix seconds or `+n`, hyphens, and its deadline range.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeVar

from leadline.emulator.instruments import Pair
from leadline.emulator.kraken import tickets
from leadline.emulator.kraken.form import Form
from leadline.emulator.kraken.params import Params
from leadline.emulator.kraken.requests import Refusal
from leadline.emulator.numbers import NS_PER_S, fixed, stamp
from leadline.emulator.orders import AccountOrder, Amendment, Refused, Ticket

DEADLINE_NS = (2 * NS_PER_S, 60 * NS_PER_S)
LEAST_AHEAD_S = 5
LONGEST_TIME = 11
"""The digits of a moment some thousand years ahead."""

_NUMBER = re.compile(r"([+\-#]?)(\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(%?)", re.ASCII)
_REST_NAMES = {
    "order_type": "ordertype",
    "order_qty": "volume",
    "limit_price": "price",
    "triggers": "price",
    "side": "type",
    "conditional": "close",
    "order_userref": "userref",
    "stp_type": "stptype",
    "time_in_force": "timeinforce",
    "expire_time": "expiretm",
    "effective_time": "starttm",
    "display_qty": "displayvol",
    "cash_order_qty": "viqc",
    "fee_preference": "oflags",
    "post_only": "oflags",
}
Fields = dict[str, Any]
Judged = TypeVar("Judged")


def ticket(form: Form, pair: Pair, last: int, now_ns: int, deadline_ns: int) -> Ticket:
    """The order of AddOrder or of a row of AddOrderBatch; `last` is the last price in ticks.

    Raises `orders.Refused`.
    """
    side = form.choice("type", ("buy", "sell"))
    order_type = form.choice("ordertype", tickets.ORDER_TYPES)
    flags = _flags(form)
    fields: Fields = {
        "order_type": order_type,
        "side": side,
        "cash_order_qty" if "viqc" in flags else "order_qty": _plain(form.needed("volume"), "volume"),
        "post_only": "post" in flags,
        "fee_preference": "base" if "fcib" in flags else "quote",
        "reduce_only": form.flag("reduce_only"),
        "margin": form.text("leverage", "none") not in ("none", "0", "1"),
        "stp_type": form.text("stptype", "cancel-newest").replace("-", "_"),
        "time_in_force": form.text("timeinforce", "GTC"),
    }
    if "cl_ord_id" in form:
        fields["cl_ord_id"] = form.text("cl_ord_id")
    if "userref" in form:
        fields["order_userref"] = form.integer("userref")
    if "displayvol" in form:
        fields["display_qty"] = _plain(form.text("displayvol"), "displayvol")
    fields |= _times(form, now_ns) | _Prices(pair, last, side, order_type).of(form)
    close = form.inner("close")
    if close is not None and "ordertype" in close:
        fields["conditional"] = _close(close, pair, "sell" if side == "buy" else "buy")
    return _judged(lambda: tickets.ticket(_params(fields, "AddOrder"), pair, now_ns, deadline_ns))


def edited(form: Form, order: AccountOrder, pair: Pair, last: int, now_ns: int, deadline_ns: int) -> Ticket:
    """The order EditOrder makes in the place of another; raises `orders.Refused`."""
    old = order.ticket
    fields: Fields = {"post_only": "post" in _flags(form), "order_userref": form.integer("userref")}
    for name, wanted in (("volume", "order_qty"), ("displayvol", "display_qty")):
        if name in form:
            fields[wanted] = _plain(form.text(name), name)
    if "price" in form:
        fields |= _Prices(pair, last, old.side, old.order_type).of(form)
    return _judged(lambda: tickets.edited(_params(fields, "EditOrder"), order, pair, deadline_ns))


def amendment(form: Form, order: AccountOrder, pair: Pair, last: int, deadline_ns: int) -> Amendment:
    """What AmendOrder changes; raises `orders.Refused`."""
    old = order.ticket
    fields: Fields = {"post_only": form.flag("post_only")}
    for name in ("order_qty", "display_qty"):
        if name in form:
            fields[name] = _plain(form.text(name), name)
    prices = _Prices(pair, last, old.side, old.order_type)
    kinds = {"limit_price": old.limit_price_type, "trigger_price": _trigger_type(order)}
    for name, kind in kinds.items():
        if name in form:
            value, _ = prices.read(form.text(name), name)
            fields[name] = prices.static(form.text(name), name, last) if kind == "static" else value
    return _judged(lambda: tickets.amendment(_params(fields, "AmendOrder"), order, pair, deadline_ns))


def deadline(form: Form, now_ns: int) -> int:
    """Until when the engine may match it: 2 to 60 s from now, 60 if not said (dossier §14.3)."""
    text = form.text("deadline")
    if not text:
        return now_ns + DEADLINE_NS[1]
    moment_ns = _judged(lambda: Params({"deadline": text}, "", ("deadline",)).moment_ns("deadline")) or 0
    if moment_ns <= now_ns:
        raise Refused("EService:Deadline elapsed")
    # assumed: a moment outside the range is an invalid argument, one gone by has elapsed
    if not DEADLINE_NS[0] <= moment_ns - now_ns <= DEADLINE_NS[1]:
        raise _invalid("deadline")
    return moment_ns


class _Prices:
    """Reads `price` and `price2` of one order, relative ones by the last price (assumed)."""

    def __init__(self, pair: Pair, last: int, side: str, order_type: str) -> None:
        self._pair = pair
        self._last = last
        self._order_type = order_type
        # `#`: a limit and a take-profit lie on the better side of the market, a stop on the other.
        better = -1 if side == "buy" else 1
        self._automatic = -better if order_type.startswith(("stop", "trailing")) else better

    def of(self, form: Form) -> Fields:
        """The limit price and the trigger as the WebSocket names them."""
        order_type = self._order_type
        if order_type in ("limit", "iceberg"):
            return {"limit_price": self.static(form.needed("price"), "price", self._last)}
        if order_type not in tickets.TRIGGERED:
            return {}
        value, kind = self.read(form.needed("price"), "price")
        fields: Fields = {
            "triggers": {"price": value, "price_type": kind, "reference": form.text("trigger", "last")}
        }
        if order_type.endswith("-limit"):
            fields |= self._limit(form)
        return fields

    def _limit(self, form: Form) -> Fields:
        text = form.needed("price2")
        if self._order_type == "trailing-stop-limit":
            value, kind = self.read(text, "price2")
            return {"limit_price": value, "limit_price_type": kind}
        trigger = self.static(form.text("price"), "price", self._last)
        return {"limit_price": self.static(text, "price2", self._ticks(trigger))}

    def read(self, text: str, name: str) -> tuple[Decimal, str]:
        """A number and its kind: static, or a signed distance in quote or percent."""
        found = _NUMBER.fullmatch(text)
        if found is None or (found[3] and not found[1]):
            raise _invalid(name)
        sign, number, percent = found[1], Decimal(found[2]), found[3]
        if not sign:
            return number, "static"
        negative = sign == "-" or (sign == "#" and self._automatic < 0)
        return -number if negative else number, "pct" if percent else "quote"

    def static(self, text: str, name: str, base: int) -> Decimal:
        """The price itself, a relative one counted from `base` in ticks and rounded to the tick."""
        value, kind = self.read(text, name)
        if kind == "static":
            return value
        origin = Decimal(fixed(base, self._pair.price_precision))
        price = origin + (origin * value / 100 if kind == "pct" else value)
        return price.quantize(Decimal(1).scaleb(-self._pair.price_precision), ROUND_HALF_UP)

    def _ticks(self, price: Decimal) -> int:
        return int(price.scaleb(self._pair.price_precision))


def _close(form: Form, pair: Pair, side: str) -> Fields:
    """The conditional close; its relative prices stay relative to the fill it belongs to."""
    order_type = form.choice("ordertype", tickets.CLOSE_TYPES)
    prices = _Prices(pair, 0, side, order_type)
    fields: Fields = {"order_type": order_type}
    names = {"price": "limit_price"}
    if order_type in tickets.TRIGGERED:
        names = {"price": "trigger_price", "price2": "limit_price"}
    for name, wanted in names.items():
        if name in form:
            fields[wanted], fields[f"{wanted}_type"] = prices.read(form.text(name), name)
    return fields


def _times(form: Form, now_ns: int) -> Fields:
    fields = {}
    for name, wanted in (("starttm", "effective_time"), ("expiretm", "expire_time")):
        text = form.text(name, "0")
        if text.removeprefix("+") == "0":
            continue
        if not text.removeprefix("+").isdecimal() or len(text) > LONGEST_TIME:
            raise _invalid(name)
        seconds = int(text)
        if text.startswith("+") and seconds < LEAST_AHEAD_S:
            raise _invalid(name)
        fields[wanted] = stamp(now_ns + seconds * NS_PER_S if text.startswith("+") else seconds * NS_PER_S)
    return fields


def _flags(form: Form) -> list[str]:
    flags = form.words("oflags")
    if not set(flags) <= {"post", "fcib", "fciq", "nompp", "viqc"}:
        raise _invalid("oflags")
    return flags


def _plain(text: str, name: str) -> Decimal:
    found = _NUMBER.fullmatch(text)
    if found is None or found[1] or found[3]:
        raise _invalid(name)
    return Decimal(found[2])


def _trigger_type(order: AccountOrder) -> str:
    return order.ticket.trigger.price_type if order.ticket.trigger else "static"


def _params(fields: Fields, call: str) -> Params:
    return Params(fields, call, tuple(fields))


def _judged(judge: Callable[[], Judged]) -> Judged:
    """What the WebSocket's rules say, in REST's names."""
    try:
        return judge()
    except Refusal as refusal:
        start, _, name = refusal.text.rpartition(":")
        raise Refused(f"{start}:{_REST_NAMES.get(name, name)}") from refusal


def _invalid(name: str) -> Refused:
    return Refused(f"EGeneral:Invalid arguments:{name}")

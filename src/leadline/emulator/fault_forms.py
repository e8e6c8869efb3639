"""Faults as a person or a test posts them: JSON read into the types, and what is wrong with it said."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, get_args, get_type_hints

import msgspec

from leadline.emulator.faults import (
    CHANNELS,
    KINDS_OF,
    LINES,
    MODES,
    AnyFault,
    Close,
    Fault,
    ForceClose,
    Lag,
    Misstate,
    Rate,
    Refuse,
    Reply,
    Skew,
    Status,
    SubReject,
)

# What is kept for LAG to show again; more would be memory without a use.
MOST_LAG_S = 60.0
_WEIGHED = frozenset({"binance"})
"""Where requests have weights, which are spent by a `burn`."""


class FaultError(ValueError):
    """A fault that cannot be put on; the message names the field and the values it takes."""


def venue_of(fields: Any) -> str:
    """The venue that posted JSON names, Kraken where it names none; raises `FaultError`."""
    if not isinstance(fields, dict):
        raise FaultError('a fault is a JSON object such as {"venue": "kraken", "kind": "CLOSE"}')
    venue = fields.get("venue", "kraken")
    if venue not in KINDS_OF:
        raise FaultError(f"venue: {venue!r} is none of {', '.join(KINDS_OF)}")
    return str(venue)


def decoded(fields: Any, symbols: Collection[str]) -> AnyFault:
    """The fault that posted JSON describes; raises `FaultError`."""
    venue = venue_of(fields)
    kinds = KINDS_OF[venue]
    kind = fields.get("kind")
    if kind not in kinds:
        raise FaultError(f"kind: {kind!r} is none of {', '.join(kinds)}")
    for name in fields:
        if name != "kind" and name not in kinds[kind].__struct_fields__:
            raise FaultError(f"{name}: {kind} has no such field; it takes {_fields(kinds[kind], venue)}")
    try:
        fault: AnyFault = msgspec.convert(fields, kinds[kind])  # type: ignore[assignment]
    except msgspec.ValidationError as error:
        raise FaultError(f"{kind}: {error}; it takes {_fields(kinds[kind], venue)}") from error
    _check_venue(fault, venue)
    _check(fault, symbols)
    return fault


def _check_venue(fault: AnyFault, venue: str) -> None:
    """What only one of the venues has."""
    for name, known in (("channel", CHANNELS[venue]), ("line", LINES[venue])):
        value = getattr(fault, name, None)
        if value not in (None, "all", *known):
            raise FaultError(f"{name}: {venue} has no {value}; it has {', '.join(known)}")
    burns_alone = isinstance(fault, Rate) and (fault.per_s, fault.tier) == (None, None)
    if isinstance(fault, Rate) and venue in _WEIGHED and not (burns_alone and fault.burn is not None):
        raise FaultError(f"RATE: of {venue} it takes burn alone, the weight to spend")
    if isinstance(fault, Status) and fault.mode not in MODES[venue]:
        raise FaultError(f"mode: {venue} has no {fault.mode}; it has {', '.join(MODES[venue])}")


def _check(fault: AnyFault, symbols: Collection[str]) -> None:
    symbol = getattr(fault, "symbol", None)
    if symbol is not None and symbol not in symbols and not isinstance(fault, SubReject):
        shown = ", ".join(list(symbols)[:12])
        raise FaultError(f"symbol: {symbol!r} is not listed here; listed are {shown}")
    for name in ("for_s", "count", "per_s", "after_s", "delay_s", "burst", "burn"):
        value = getattr(fault, name, None)
        if value is not None and (value < 0 or (value == 0 and name not in ("delay_s", "after_s"))):
            raise FaultError(f"{name}: {value} is not above zero")
    for name in ("price_precision", "qty_precision"):
        value = getattr(fault, name, None)
        if value is not None and not 0 <= value <= 10:
            raise FaultError(f"{name}: {value} is not within 0 to 10")
    if isinstance(fault, Rate) and (fault.per_s, fault.tier, fault.burn) == (None, None, None):
        raise FaultError("RATE: it needs per_s, tier or burn")
    if isinstance(fault, Rate) and fault.counter is not None and (fault.tier, fault.burn) == (None, None):
        raise FaultError(f"counter: {fault.counter} needs tier or burn")
    if isinstance(fault, Close) and not 1000 <= fault.code <= 4999:
        raise FaultError(f"code: {fault.code} is not within 1000 to 4999")
    if isinstance(fault, Refuse | Reply) and fault.status is not None and not 200 <= fault.status <= 599:
        raise FaultError(f"status: {fault.status} is not within 200 to 599")
    if isinstance(fault, Close) and fault.after_s is not None and fault.only is not None:
        raise FaultError("only: it picks a connection that is open now, so it does not go with after_s")
    if isinstance(fault, ForceClose) and not 0 < fault.part <= 1:
        raise FaultError(f"part: {fault.part} is not above zero and at most 1")
    _check_untruth(fault, symbols)


def _check_untruth(fault: AnyFault, symbols: Collection[str]) -> None:
    """What SKEW, LAG and MISSTATE take beyond their types."""
    if isinstance(fault, Skew | Lag) and fault.channel == "book" and fault.route == "ws":
        raise FaultError("route: a book is shown otherwise on rest alone; on ws it is the ticker")
    if isinstance(fault, Skew) and not (fault.factor.is_finite() and fault.factor > 0 and fault.factor != 1):
        raise FaultError(f"factor: {fault.factor} is not above zero and other than 1")
    if isinstance(fault, Lag) and not 0 < fault.delay_s <= MOST_LAG_S:
        raise FaultError(f"delay_s: {fault.delay_s} is not above zero and at most {MOST_LAG_S:g}")
    if not isinstance(fault, Misstate):
        return
    if fault.asset is None and fault.hide_order is None:
        raise FaultError("MISSTATE: it needs asset with amount, or hide_order")
    if (fault.asset is None) != (fault.amount == 0) or not fault.amount.is_finite():
        raise FaultError(f"amount: {fault.amount} of asset {fault.asset!r}; both are needed, amount not zero")
    # A contract's symbol has no slash; what a wallet of futures holds is its quote.
    parts = (one.split("/") if "/" in one else [one.partition("_")[0][-4:]] for one in symbols)
    assets = dict.fromkeys(name for names in parts for name in names)
    if fault.asset is not None and fault.asset not in assets:
        listed = ", ".join(list(assets)[:12])
        raise FaultError(f"asset: {fault.asset!r} is not traded here; there are {listed}")


def _fields(kind: type[Fault], venue: str) -> str:
    hints = get_type_hints(kind)
    return ", ".join(f"{name} ({_type_text(hints[name], venue)})" for name in kind.__struct_fields__)


def _type_text(hint: Any, venue: str) -> str:
    values = [value for one in (hint, *get_args(hint)) for value in get_args(one) if isinstance(value, str)]
    foreign = {one for known in (CHANNELS, LINES) for names in known.values() for one in names}
    foreign -= {*CHANNELS[venue], *LINES[venue]}
    if values:
        return " | ".join(one for one in dict.fromkeys(values) if one not in foreign)
    names = [one.__name__ for one in get_args(hint) if one is not type(None)]
    return names[0] if names else str(hint.__name__)

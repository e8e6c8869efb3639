"""Whether a contract takes an order of these terms: status, filters, price band (dossier §4.2, §15.2)."""

from __future__ import annotations

import re
from decimal import Decimal

from leadline.emulator.binance.errors import refused
from leadline.emulator.binance.terms import Grid, Terms

CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]+")
LONGEST_CLIENT_ID = 36


def check_status(terms: Terms, *, closing: bool) -> None:
    """assumed: a contract about to be settled may still be closed; one that is over takes nothing."""
    if terms.status == "TRADING":
        return
    if terms.status in ("PRE_SETTLE", "PRE_DELIVERING") and closing:
        return
    raise refused(-4140 if terms.status in ("PRE_SETTLE", "PRE_DELIVERING", "PENDING_TRADING") else -4141)


def check_control(terms: Terms, side: str, *, closing: bool) -> None:
    """A contract under risk control takes only what closes (§4.2)."""
    codes = {"BOTH": -4105, "BUY": -4106, "SELL": -4107}
    if not closing and terms.control_side in ("BOTH", side):
        raise refused(codes[terms.control_side])


def check_price(terms: Terms, price: Decimal) -> None:
    """PRICE_FILTER, and the number of decimals before it."""
    check_decimals(price, terms.price_decimals)
    if price <= 0 or (terms.prices.least and price < terms.prices.least):
        raise refused(-4013)
    if terms.prices.most and price > terms.prices.most:
        raise refused(-4002)
    if not terms.prices.on_step(price):
        raise refused(-4014)


def check_qty(terms: Terms, qty: Decimal, lots: Grid) -> None:
    """LOT_SIZE or MARKET_LOT_SIZE, and the number of decimals before it."""
    check_decimals(qty, terms.qty_decimals)
    if qty <= 0 or (lots.least and qty < lots.least):
        raise refused(-4004 if qty > 0 else -4003)
    if lots.most and qty > lots.most:
        raise refused(-4005)
    if not lots.on_step(qty):
        raise refused(-4023)


def check_decimals(value: Decimal, decimals: int) -> None:
    """More decimals than the precision says are refused; assumed: zeros at the end do not count."""
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > decimals:
        raise refused(-1111)


def check_notional(terms: Terms, price: Decimal, qty: Decimal, code: int = -4164) -> None:
    """MIN_NOTIONAL."""
    if price * qty < terms.least_notional:
        raise refused(code, _plain(terms.least_notional))


def check_band(terms: Terms, side: str, price: Decimal, mark: Decimal) -> None:
    """PERCENT_PRICE: a buy is capped above, a sell is floored below; nothing else (§4.2)."""
    if side == "BUY" and terms.multiplier_up and price > mark * terms.multiplier_up:
        raise refused(-4016, _plain(_shown(terms, mark * terms.multiplier_up)))
    if side == "SELL" and terms.multiplier_down and price < mark * terms.multiplier_down:
        raise refused(-4024, _plain(_shown(terms, mark * terms.multiplier_down)))


def check_client_id(client_id: str, name: str) -> None:
    """Length and characters of a client id."""
    if len(client_id) > LONGEST_CLIENT_ID:
        raise refused(-4015)
    if not CLIENT_ID.fullmatch(client_id):
        raise refused(-1100, name)


def _shown(terms: Terms, price: Decimal) -> Decimal:
    return round(price, terms.price_decimals)


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")

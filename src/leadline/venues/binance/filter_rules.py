"""The filters of exchangeInfo (dossier §4.2), one function each; a zero in a filter rules nothing.

Rule: a failure names what the filter asks and the nearest that would pass; all arithmetic is exact.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from leadline.model.instrument import Instrument
from leadline.model.market import Side
from leadline.venues.binance.symbols import Filters, Steps
from leadline.venues.number_rules import check_positive, check_step, failed, plain, times


def check_price(field: str, price: Decimal, filters: Filters) -> None:
    """PRICE_FILTER and the decimals of a price (-4013, -4002, -4014, -1111); raises CheckFailed."""
    check_positive(field, price)
    _check_steps(field, price, filters.price)
    _check_decimals(field, price, filters.price_precision)


def check_qty(field: str, qty: Decimal, filters: Filters) -> None:
    """LOT_SIZE and the decimals of a quantity (-4004, -4005, -4023, -1111); raises CheckFailed."""
    check_positive(field, qty)
    _check_steps(field, qty, filters.qty)
    _check_decimals(field, qty, filters.qty_precision)


def check_market_qty(field: str, qty: Decimal, filters: Filters) -> None:
    """MARKET_LOT_SIZE, of orders without a limit; raises CheckFailed."""
    _check_steps(field, qty, filters.market_qty)


def check_notional(qty: Decimal, price: Decimal, filters: Filters, instrument: Instrument) -> None:
    """MIN_NOTIONAL: what the order is worth at this price (-4164); raises CheckFailed."""
    if Fraction(qty) * Fraction(price) >= Fraction(filters.notional_min):
        return
    step = filters.qty.step or instrument.lot
    lots = math.ceil(Fraction(filters.notional_min) / Fraction(price) / Fraction(step))
    raise failed(
        "qty", qty,
        f"at {plain(price)} it is worth less than {plain(filters.notional_min)} {instrument.quote}, the least"
        " Binance takes",
        f"give {times(lots, step)} or more, or set reduce_only if it closes a position",
    )  # fmt: skip


def check_price_band(side: Side, price: Decimal, mark: Decimal, filters: Filters, by: str) -> None:
    """PERCENT_PRICE: a buy not too far above, a sale not too far below (-4016, -4024); raises CheckFailed."""
    if side is Side.BUY and filters.price_up:
        most = mark * filters.price_up
        if price > most:
            rule = f"a buy may cost {plain(most)} at most, by the {by} {plain(mark)}"
            raise failed("limit_price", price, rule, "give a lower price")
    if side is Side.SELL and filters.price_down:
        least = mark * filters.price_down
        if price < least:
            rule = f"a sale may cost {plain(least)} at least, by the {by} {plain(mark)}"
            raise failed("limit_price", price, rule, "give a higher price")


def _check_steps(field: str, value: Decimal, steps: Steps) -> None:
    if steps.minimum and value < steps.minimum:
        raise failed(field, value, f"the least is {plain(steps.minimum)}", "give that or more")
    if steps.maximum and value > steps.maximum:
        raise failed(field, value, f"the most is {plain(steps.maximum)}", "give that or less")
    if steps.step:
        rule = f"it goes up by {plain(steps.step)} from {plain(steps.minimum)}"
        check_step(field, value, steps.step, steps.minimum, rule, steps.minimum)


def _check_decimals(field: str, value: Decimal, decimals: int) -> None:
    step = Decimal(1).scaleb(-decimals)
    check_step(field, value, step, step, f"it has more than {decimals} decimals")

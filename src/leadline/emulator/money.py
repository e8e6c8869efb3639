"""Costs, fees and holds of an order in integers, and the one rule of their rounding.

What changes hands is rounded down and what is held is rounded up, so that a hold always covers its fills
and no balance can fall below zero.
"""

from __future__ import annotations

from leadline.emulator.accounts import Account
from leadline.emulator.instruments import Pair, asset
from leadline.emulator.orders import AccountOrder

LEDGER_DECIMALS = 10
WHOLE_BP = 10_000


def cost_of(pair: Pair, price: int, qty: int) -> int:
    """Price × quantity in units of the quote's cost precision, rounded down (assumed)."""
    scale = pair.price_precision + pair.qty_precision - pair.cost_precision
    product = price * qty
    return int(product // 10**scale) if scale >= 0 else int(product * 10**-scale)


def base_units(pair: Pair, qty: int) -> int:
    """A quantity of the base in 10^-10."""
    return int(qty * 10 ** (LEDGER_DECIMALS - pair.qty_precision))


def quote_units(pair: Pair, cost: int) -> int:
    """What a cost moves in the ledger, in 10^-10: rounded down to the asset's decimals (assumed)."""
    decimals = asset(pair.quote).precision
    scale = pair.cost_precision - decimals
    whole = cost // 10**scale if scale >= 0 else cost * 10**-scale
    return int(whole * 10 ** (LEDGER_DECIMALS - decimals))


def needed_units(pair: Pair, price: int, qty: int) -> int:
    """Price × quantity in 10^-10 of the quote, rounded up."""
    scale = pair.price_precision + pair.qty_precision - LEDGER_DECIMALS
    product = price * qty
    return int(-(-product // 10**scale)) if scale >= 0 else int(product * 10**-scale)


def with_fee(amount: int, bp: int) -> int:
    """An amount and the fee on it, rounded up."""
    return amount - (-amount * bp // WHOLE_BP)


def spent_asset(pair: Pair, order: AccountOrder) -> str:
    """Which asset an order pays with."""
    return pair.quote if order.ticket.side == "buy" else pair.base


def hold_of(account: Account, pair: Pair, order: AccountOrder) -> int:
    """What an open order holds of the asset it pays with: fee included, at its limit or trigger price."""
    if order.ticket.side == "sell":
        qty = with_fee(order.remaining, account.taker_bp) if order.ticket.fee_in_base else order.remaining
        return base_units(pair, qty)
    price = order.limit_price if order.limit_price is not None else order.trigger_price
    needed = needed_units(pair, price or 0, order.remaining)
    return needed if order.ticket.fee_in_base else with_fee(needed, account.taker_bp)

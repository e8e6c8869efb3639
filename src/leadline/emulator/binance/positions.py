"""One position of an account and what a fill does to it (dossier §15.4)."""

from __future__ import annotations

from dataclasses import dataclass

from leadline.emulator.binance.orders import PositionSide
from leadline.emulator.binance.terms import Terms
from leadline.emulator.numbers import ratio, rescaled

ENTRY_DECIMALS = 12


@dataclass(slots=True)
class Position:
    """`amount` in lots, negative for short; `entry` in 10^-12; money in 10^-8."""

    symbol: str
    side: PositionSide
    amount: int = 0
    entry: int = 0
    realised: int = 0
    """Σ of realised profit, before fees (`cr`)."""
    paid: int = 0
    """Fees and funding that the open part has cost, for the break-even price."""
    isolated_wallet: int = 0
    update_ms: int = 0
    margin_called: bool = False

    def unrealised(self, terms: Terms, mark: int) -> int:
        """Profit at a mark price, both in 10^-8."""
        gain = rescaled(mark, 8, ENTRY_DECIMALS) - self.entry
        return rescaled(gain * self.amount, ENTRY_DECIMALS + terms.qty_scale, 8)

    def notional(self, terms: Terms, mark: int) -> int:
        """Signed worth at a mark price in 10^-8."""
        return terms.worth(mark, self.amount)

    def break_even(self, terms: Terms) -> int:
        """The price in 10^-12 at which closing would leave nothing gained or lost."""
        if not self.amount:
            return 0
        scale = int(10 ** (ENTRY_DECIMALS - 8 + terms.qty_scale))
        return self.entry + ratio(self.paid * scale, abs(self.amount)) * (1 if self.amount > 0 else -1)


def apply_fill(position: Position, terms: Terms, change: int, price: int) -> int:
    """Enter a fill of `change` lots (signed) at a price; returns the profit it realised, in 10^-8.

    A fill beyond zero leaves the rest open at its own price.
    """
    before = position.amount
    after = before + change
    at = rescaled(price, terms.price_scale, ENTRY_DECIMALS)
    realised = 0
    if before * change < 0:
        closed = min(abs(change), abs(before)) * (1 if before > 0 else -1)
        realised = rescaled((at - position.entry) * closed, ENTRY_DECIMALS + terms.qty_scale, 8)
        position.realised += realised
        left = abs(before) - abs(closed)
        position.paid = ratio(position.paid * left, abs(before))
        if not left:
            position.entry = at if after else 0
    else:
        position.entry = ratio(position.entry * abs(before) + at * abs(change), abs(after))
    position.amount = after
    return realised

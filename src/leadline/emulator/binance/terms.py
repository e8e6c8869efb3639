"""What a contract's row of exchangeInfo means for orders: decimals, filters, bounds (dossier §4.2, §5.2).

Prices and quantities are integers of the listing's own decimals; money is integers of 10^-8 of the asset.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from leadline.emulator.binance.ports import Row
from leadline.emulator.instruments import Pair
from leadline.emulator.numbers import fixed, ratio, rescaled

MONEY_DECIMALS = 8
NO_FILTER: Row = {}


@dataclass(frozen=True, slots=True)
class Grid:
    """The least, the most and the step of a price or quantity; 0 switches a part off."""

    least: Decimal
    most: Decimal
    step: Decimal

    def on_step(self, value: Decimal) -> bool:
        """Whether a value is a whole number of steps above the least."""
        return not self.step or (value - self.least) % self.step == 0


@dataclass(frozen=True, slots=True)
class Terms:
    """One contract as it trades now."""

    symbol: str
    pair: str
    margin_asset: str
    base_asset: str
    status: str
    price_decimals: int
    qty_decimals: int
    """`pricePrecision` and `quantityPrecision`: how many decimals may be sent, and are shown on REST."""
    price_scale: int
    qty_scale: int
    """The decimals of the listing's integers."""
    prices: Grid
    lots: Grid
    market_lots: Grid
    most_orders: int
    least_notional: Decimal
    multiplier_up: Decimal
    multiplier_down: Decimal
    control_side: str
    take_bound: Decimal
    trigger_protect: Decimal
    most_modifications: int

    def money(self, price: int, qty: int) -> int:
        """Price × quantity in 10^-8, rounded half away from zero."""
        return rescaled(price * qty, self.price_scale + self.qty_scale, MONEY_DECIMALS)

    def worth(self, mark: int, qty: int) -> int:
        """A quantity at a mark price (10^-8) in 10^-8."""
        return ratio(mark * qty, 10**self.qty_scale)

    def price(self, value: Decimal) -> int:
        """A price on the tick as an integer of the listing."""
        return int(value.scaleb(self.price_scale))

    def qty(self, value: Decimal) -> int:
        """A quantity on the step as an integer of the listing."""
        return int(value.scaleb(self.qty_scale))

    def price_value(self, price: int) -> Decimal:
        """The price an integer of the listing stands for."""
        return Decimal(price).scaleb(-self.price_scale)

    def qty_value(self, qty: int) -> Decimal:
        """The quantity an integer of the listing stands for."""
        return Decimal(qty).scaleb(-self.qty_scale)

    def price_text(self, price: int) -> str:
        """A price as REST shows it, `pricePrecision` decimals."""
        return fixed(rescaled(price, self.price_scale, self.price_decimals), self.price_decimals)

    def qty_text(self, qty: int) -> str:
        """A quantity as REST shows it, `quantityPrecision` decimals."""
        return fixed(rescaled(qty, self.qty_scale, self.qty_decimals), self.qty_decimals)


def terms_of(row: Row, pair: Pair) -> Terms:
    """The terms in a row of exchangeInfo, for a listing with that pair's decimals."""
    filters: dict[str, Row] = {one["filterType"]: one for one in row["filters"]}
    percent = filters.get("PERCENT_PRICE", NO_FILTER)
    return Terms(
        symbol=row["symbol"],
        pair=row["pair"],
        margin_asset=row["marginAsset"],
        base_asset=row["baseAsset"],
        status=row["status"],
        price_decimals=row["pricePrecision"],
        qty_decimals=row["quantityPrecision"],
        price_scale=pair.price_precision,
        qty_scale=pair.qty_precision,
        prices=_grid(filters.get("PRICE_FILTER", NO_FILTER), "Price", "tickSize"),
        lots=_grid(filters.get("LOT_SIZE", NO_FILTER), "Qty", "stepSize"),
        market_lots=_grid(filters.get("MARKET_LOT_SIZE", NO_FILTER), "Qty", "stepSize"),
        most_orders=int(filters.get("MAX_NUM_ORDERS", NO_FILTER).get("limit", 200)),
        least_notional=Decimal(filters.get("MIN_NOTIONAL", NO_FILTER).get("notional", 0)),
        multiplier_up=Decimal(percent.get("multiplierUp", 0)),
        multiplier_down=Decimal(percent.get("multiplierDown", 0)),
        control_side=str(filters.get("POSITION_RISK_CONTROL", NO_FILTER).get("positionControlSide", "NONE")),
        take_bound=Decimal(row.get("marketTakeBound", 0)),
        trigger_protect=Decimal(row.get("triggerProtect", 0)),
        most_modifications=int(row.get("maxMoveOrderLimit", 10_000)),
    )


def _grid(one: Row, what: str, step: str) -> Grid:
    def number(name: str) -> Decimal:
        value: Any = one.get(name, 0)
        return Decimal(value)

    return Grid(number(f"min{what}"), number(f"max{what}"), number(step))


def trimmed(scaled: int, decimals: int) -> str:
    """A decimal without trailing zeros, as user data events have them (dossier §12.4)."""
    text = fixed(scaled, decimals)
    return text.rstrip("0").rstrip(".") if "." in text else text


def money_text(units: int) -> str:
    """An amount of 10^-8 with all its decimals."""
    return fixed(units, MONEY_DECIMALS)

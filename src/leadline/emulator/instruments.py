"""What the emulated venue lists: pairs and assets under all of Kraken's names (dossier §14.1, §17).

A pair's prices are integers of its last price decimal, its quantities integers of its last quantity decimal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_REST_ASSET_IDS = {
    "BTC": "XXBT",
    "ETH": "XETH",
    "XRP": "XXRP",
    "LTC": "XLTC",
    "DOGE": "XXDG",
    "USD": "ZUSD",
    "EUR": "ZEUR",
}
_ALTERNATE_NAMES = {"BTC": "XBT", "DOGE": "XDG"}
_PRECISION = {"USD": (4, 2), "EUR": (4, 2), "USDT": (8, 4)}


@dataclass(frozen=True, slots=True)
class Asset:
    """One currency: its WebSocket name, its REST id and its REST alternate name."""

    name: str
    precision: int
    precision_display: int

    @property
    def rest_id(self) -> str:
        return _REST_ASSET_IDS.get(self.name, self.name)

    @property
    def altname(self) -> str:
        return _ALTERNATE_NAMES.get(self.name, self.name)


@dataclass(frozen=True, slots=True)
class Pair:
    """One listed pair, and the figures its order flow is drawn from.

    `price` is the opening price and `qty` a typical order, both scaled; `levels` is how many price levels
    a side the flow keeps, `step` the usual distance between them in ticks, `weight` its share of events.
    """

    symbol: str
    price_precision: int
    qty_precision: int
    price: int
    qty: int
    qty_min: int = 1
    levels: int = 60
    step: int = 1
    weight: float = 1.0
    cost_precision: int = 5
    marginable: bool = False
    history: bool = True

    @property
    def base(self) -> str:
        return self.symbol.split("/")[0]

    @property
    def quote(self) -> str:
        return self.symbol.split("/")[1]

    @property
    def altname(self) -> str:
        return asset(self.base).altname + asset(self.quote).altname

    @property
    def wsname(self) -> str:
        return f"{asset(self.base).altname}/{asset(self.quote).altname}"

    @property
    def rest_id(self) -> str:
        """The key REST answers under: both legacy ids joined where both have one, else the alternate name."""
        both_legacy = self.base in _REST_ASSET_IDS and self.quote in _REST_ASSET_IDS
        if not both_legacy or self.symbol == "DOGE/USD":
            return self.altname
        return asset(self.base).rest_id + asset(self.quote).rest_id

    @property
    def cost_min(self) -> int:
        """The least cost of an order in units of the cost precision: 0.5, where BTC is the quote 0.00002."""
        return int(2 * 10**self.cost_precision) // (100_000 if self.quote == "BTC" else 4)

    @property
    def rest_price_decimals(self) -> int:
        """REST market data prints prices with the cost decimals: XBTUSD 5, USDCUSD 8 as recorded."""
        return max(self.cost_precision, self.price_precision)


def asset(name: str) -> Asset:
    """The asset of that WebSocket name; digits as recorded for USD, EUR and USDT, 10 and 5 for the rest."""
    precision, display = _PRECISION.get(name, (10, 5))
    return Asset(name, precision, display)


def assets_of(pairs: Iterable[Pair]) -> list[Asset]:
    """Every asset the pairs trade, each once, in order of appearance."""
    names = dict.fromkeys(name for pair in pairs for name in (pair.base, pair.quote))
    return [asset(name) for name in names]


DEMO_PAIRS: tuple[Pair, ...] = (
    Pair("BTC/USD", 1, 8, 633_814, 8_000_000, 5_000, levels=1_200, step=12, weight=4, marginable=True),
    Pair("ETH/USD", 2, 8, 321_588, 90_000_000, 100_000, levels=150, step=8, weight=3, marginable=True),
    Pair("SOL/USD", 2, 8, 17_542, 800_000_000, 2_000_000, levels=120, step=1, weight=2),
    Pair("XRP/USD", 5, 8, 221_345, 40_000_000_000, 165_000_000, levels=120, step=9, weight=2),
    Pair("ADA/USD", 6, 8, 653_214, 90_000_000_000, 440_000_000, levels=100, step=15, cost_precision=8),
    Pair("DOGE/USD", 7, 8, 1_962_340, 700_000_000_000, 2_000_000_000, levels=100, step=60, cost_precision=8),
    Pair("LTC/USD", 2, 8, 11_243, 400_000_000, 4_000_000, levels=100),
    Pair("DOT/USD", 4, 8, 41_362, 20_000_000_000, 60_000_000, levels=100, step=3),
    Pair("ETH/BTC", 5, 8, 5_073, 60_000_000, 100_000, levels=80, cost_precision=10),
    Pair("BTC/EUR", 1, 8, 587_341, 5_000_000, 5_000, levels=150, step=15),
    Pair("PEPE/USD", 9, 5, 11_873, 12 * 10**15, 10**10, levels=80, step=2, weight=0.5, cost_precision=10),
    Pair("EURQ/USD", 4, 4, 11_634, 2_500_000, 5_000, levels=6, step=9, weight=0.25),
)


def synthetic(count: int, levels: int = 30) -> tuple[Pair, ...]:
    """`count` made-up pairs `S0000/USD`… whose price and quantity precisions run through 0 to 10."""
    return tuple(
        Pair(
            f"S{number:04d}/USD",
            price_precision=number % 11,
            qty_precision=number * 7 % 11,
            price=10_000 + 37 * number,
            qty=5_000,
            levels=levels,
            history=False,
        )
        for number in range(count)
    )

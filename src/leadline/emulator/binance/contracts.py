"""What the emulated Binance lists: futures contracts, filters, rows of exchangeInfo (dossier §4.2, §5.2).

A contract's market lies on its tick, which is coarser than the decimals it is shown with: BTCUSDT moves by
0.10 and shows 63381.40. The listing of a contract has the venue's own symbol.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from leadline.emulator.instruments import Pair
from leadline.emulator.numbers import fixed, rescaled

PERPETUAL_DELIVERY_MS = 4_133_404_800_000
ORDER_TYPES = (
    *("LIMIT", "MARKET", "STOP", "STOP_MARKET"),
    *("TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"),
)
TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX", "GTD")
MOST_PRICE = 60
"""The highest permitted price in opening prices; the lowest is a hundredth part of one."""


@dataclass(frozen=True, slots=True)
class Contract:
    """One contract, and the pair its order flow is drawn for.

    `price_decimals` and `qty_decimals` are pricePrecision and quantityPrecision; `basis` is how far its price
    lies above the index, in 10^-4.
    """

    pair: Pair
    base: str
    quote: str = "USDT"
    price_decimals: int = 2
    contract_type: str = "PERPETUAL"
    underlying_type: str = "COIN"
    delivery_ms: int = PERPETUAL_DELIVERY_MS
    onboard_ms: int = 1_569_398_400_000
    most_qty: int = 1_000
    most_market_qty: int = 0
    least_notional: str = "5"
    band: str = "0.0500"
    status: str = "TRADING"
    basis: int = 2

    @property
    def symbol(self) -> str:
        return self.pair.symbol

    @property
    def market_cap(self) -> int:
        """The most a market order may be for: an eighth of a limit order unless said."""
        return self.most_market_qty or max(1, self.most_qty // 8)

    @property
    def pair_name(self) -> str:
        """What the venue calls the pair: the symbol without the delivery date."""
        return f"{self.base}{self.quote}"

    @property
    def unified(self) -> str:
        """The name programs know it by, `BTC/USDT:USDT` or `BTC/USDT:USDT-261225`."""
        delivery = self.symbol.partition("_")[2]
        return f"{self.base}/{self.quote}:{self.quote}" + (f"-{delivery}" if delivery else "")

    @property
    def perpetual(self) -> bool:
        """Whether it never expires, and so pays funding."""
        return self.contract_type in ("PERPETUAL", "TRADIFI_PERPETUAL")


def price_text(contract: Contract, pair: Pair, ticks: int) -> str:
    """A price as streams and REST show it, all decimals of pricePrecision."""
    return fixed(rescaled(ticks, pair.price_precision, contract.price_decimals), contract.price_decimals)


def row(contract: Contract, pair: Pair, status: str) -> dict[str, Any]:
    """The contract's element of `exchangeInfo.symbols`, key for key as recorded in 2026."""
    return {
        "symbol": contract.symbol,
        "pair": contract.pair_name,
        "contractType": contract.contract_type,
        "deliveryDate": contract.delivery_ms,
        "onboardDate": contract.onboard_ms,
        "status": status,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": contract.base,
        "quoteAsset": contract.quote,
        "marginAsset": contract.quote,
        "pricePrecision": contract.price_decimals,
        "quantityPrecision": pair.qty_precision,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": contract.underlying_type,
        "underlyingSubType": [],
        "triggerProtect": contract.band,
        "liquidationFee": "0.012500",
        "marketTakeBound": contract.band.rstrip("0"),
        "maxMoveOrderLimit": 10_000,
        "filters": _filters(contract, pair),
        "orderTypes": list(ORDER_TYPES),
        "timeInForce": list(TIMES_IN_FORCE),
        "permissionSets": ["GRID", "COPY", "DCA", "PSB"],
    }


def _filters(contract: Contract, pair: Pair) -> list[dict[str, Any]]:
    ticks, lots = pair.price_precision, pair.qty_precision
    step = fixed(1, lots)
    decimals = contract.price_decimals
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": fixed(max(1, pair.price // 100) * 10 ** (decimals - ticks), decimals),
            "maxPrice": str(pair.price * MOST_PRICE // 10**ticks + 1),
            "tickSize": fixed(10 ** (decimals - ticks), decimals),
        },
        {"filterType": "LOT_SIZE", "minQty": step, "maxQty": str(contract.most_qty), "stepSize": step},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": step,
            "maxQty": str(contract.market_cap),
            "stepSize": step,
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": contract.least_notional},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": fixed(10_000 + int(contract.band[2:]), 4),
            "multiplierDown": fixed(10_000 - int(contract.band[2:]), 4),
            "multiplierDecimal": "4",
        },
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]


def _perpetual(base: str, ticks: int, lots: int, price: int, qty: int, levels: int, **more: Any) -> Contract:
    """A perpetual against USDT, opening two basis points above the index; `more` is about the contract."""
    terms = {name: more.pop(name) for name in ("step", "weight") if name in more}
    return Contract(Pair(f"{base}USDT", ticks, lots, price, qty, levels=levels, **terms), base, **more)


# Opening prices are those of the pairs the emulated Kraken lists, a small basis above them.
DEMO_CONTRACTS: tuple[Contract, ...] = (
    _perpetual(
        *("BTC", 1, 3, 633_940, 120, 1_200), step=12, weight=4, least_notional="50", most_market_qty=120
    ),
    _perpetual("ETH", 2, 3, 321_652, 1_500, 1_100, step=8, weight=3, least_notional="20", most_qty=10_000),
    _perpetual("SOL", 2, 2, 17_546, 1_500, 600, weight=2, price_decimals=4, most_qty=100_000),
    _perpetual("XRP", 4, 1, 22_139, 6_000, 600, weight=2, price_decimals=4, most_qty=10_000_000),
    _perpetual("ADA", 4, 0, 6_533, 1_500, 200, price_decimals=5, most_qty=10_000_000),
    _perpetual("DOGE", 5, 0, 19_628, 7_000, 200, price_decimals=6, most_qty=50_000_000),
    _perpetual("LTC", 2, 3, 11_245, 6_000, 200, most_qty=10_000),
    _perpetual("DOT", 3, 1, 4_137, 2_500, 200, price_decimals=3, most_qty=1_000_000),
    _perpetual("1000PEPE", 7, 0, 118_754, 90_000, 200, step=20, price_decimals=7, most_qty=100_000_000),
    _perpetual("币安人生", 4, 0, 1_312, 500, 60, price_decimals=7, most_qty=1_000_000, weight=0.5),
    _perpetual(
        *("XAU", 2, 3, 410_392, 800, 150),
        step=6,
        weight=0.5,
        contract_type="TRADIFI_PERPETUAL",
        underlying_type="COMMODITY",
        band="0.0200",
    ),
    Contract(
        Pair("BTCUSDT_261225", 1, 3, 637_617, 40, levels=300, step=15),
        "BTC",
        price_decimals=1,
        contract_type="CURRENT_QUARTER",
        delivery_ms=1_798_185_600_000,
        most_qty=500,
        most_market_qty=1,
        basis=60,
    ),
    Contract(
        Pair("OMGUSDT", 4, 1, 2_211, 4_000, levels=20, weight=0.0),
        "OMG",
        price_decimals=4,
        delivery_ms=1_747_814_400_000,
        status="SETTLING",
    ),
)


def synthetic(count: int, levels: int = 600) -> tuple[Contract, ...]:
    """`count` made-up perpetuals `S0000USDT`… with quantity decimals 0 to 3 and ticks of 1 to 4 decimals."""
    made = []
    for number in range(count):
        ticks = 1 + number % 4
        pair = Pair(
            f"S{number:04d}USDT",
            price_precision=ticks,
            qty_precision=number % 4,
            price=20_000 + 37 * number,
            qty=5_000,
            levels=levels,
            history=False,
        )
        made.append(Contract(pair, f"S{number:04d}", price_decimals=ticks + number % 2, most_qty=10**6))
    return tuple(made)


def pairs_of(contracts: Iterable[Contract]) -> list[Pair]:
    """The pairs a market is made of."""
    return [replace(one.pair) for one in contracts]

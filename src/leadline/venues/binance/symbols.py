"""Binance's contracts as a table built from its own exchangeInfo: names, steps and filters.

Rule: a name means what the row says of its contract, and nothing is guessed from spelling.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches

import msgspec
from msgspec import Raw, Struct, field

from leadline.clock import NS_PER_MS
from leadline.errors import UnknownSymbol
from leadline.model.instrument import Instrument, InstrumentStatus

VENUE = "binance"

_NEVER_MS = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1000
"""A delivery after this is the far day that perpetual contracts bear (dossier §5.2: in 2100)."""

_STATUSES = {
    "PENDING_TRADING": InstrumentStatus.WORK_IN_PROGRESS,
    "TRADING": InstrumentStatus.ONLINE,
    "PRE_DELIVERING": InstrumentStatus.REDUCE_ONLY,
    "PRE_SETTLE": InstrumentStatus.REDUCE_ONLY,
    "DELIVERING": InstrumentStatus.MAINTENANCE,
    "SETTLING": InstrumentStatus.MAINTENANCE,
    "DELIVERED": InstrumentStatus.DELISTED,
    "CLOSE": InstrumentStatus.DELISTED,
}
"""assumed: before a delivery or settlement positions can only be closed, during it nothing trades."""


_MOST_DECIMALS = 18


class FilterRow(Struct, rename="camel", frozen=True):
    """One filter as sent, whichever it is (dossier §4.2); what a kind does not have is None."""

    filter_type: str
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    tick_size: Decimal | None = None
    min_qty: Decimal | None = None
    max_qty: Decimal | None = None
    step_size: Decimal | None = None
    limit: int | None = None
    notional: Decimal | None = None
    multiplier_up: Decimal | None = None
    multiplier_down: Decimal | None = None
    position_control_side: str | None = None


class ContractRow(Struct, rename="camel", frozen=True):
    """One row of exchangeInfo's `symbols` as sent (dossier §5.2)."""

    symbol: str
    pair: str
    contract_type: str
    delivery_date: int
    status: str
    base_asset: str
    quote_asset: str
    margin_asset: str
    price_precision: int
    quantity_precision: int
    filters: list[FilterRow]
    underlying_type: str = ""
    order_types: list[str] = field(default_factory=list)
    time_in_force: list[str] = field(default_factory=list)
    trigger_protect: Decimal | None = None
    market_take_bound: Decimal | None = None
    max_move_order_limit: int | None = None


class RateLimitRow(Struct, rename="camel", frozen=True):
    """One pool of requests as sent: so many in so many seconds or minutes (dossier §3.1)."""

    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int
    count: int | None = None


class ExchangeInfo(Struct, rename="camel", frozen=True):
    """exchangeInfo as sent, its contracts undecoded so that one that cannot be read harms no other."""

    symbols: list[Raw]
    rate_limits: list[RateLimitRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Steps:
    """What a price or quantity must keep to: bounds, and whole steps from the minimum; a 0 rules nothing."""

    minimum: Decimal
    maximum: Decimal
    step: Decimal


@dataclass(frozen=True, slots=True)
class Filters:
    """What the venue holds an order of one contract against (dossier §4.2, §4.3); None is not ruled.

    `price_precision` and `qty_precision` are how many decimals may be sent, which is not the step.
    """

    price: Steps
    qty: Steps
    market_qty: Steps
    price_precision: int
    qty_precision: int
    notional_min: Decimal
    orders_max: int | None
    price_up: Decimal | None
    """A buy costs at most so many times the mark price."""
    price_down: Decimal | None
    """A sell costs at least so many times the mark price."""
    position_control: str
    """`NONE`, or why positions can only be reduced."""
    order_types: frozenset[str]
    """As spelled by the venue; conditional ones go to the algo endpoints."""
    times_in_force: frozenset[str]
    trigger_protect: Decimal | None
    market_take_bound: Decimal | None
    """How far from the mark price, as a share of it, a market order may sweep."""
    modifications_max: int | None


@dataclass(frozen=True, slots=True)
class Contract:
    """One row that can be used: the instrument, what the venue calls it, what it holds orders against."""

    instrument: Instrument
    wire: str
    filters: Filters


class SymbolTable:
    """All contracts of the venue by each of their names; replaced whole by every answer of exchangeInfo.

    Left out, with their names in `left_out`: rows that claim one symbol, because either could be meant; rows
    that cannot be read.
    """

    def __init__(self) -> None:
        self.left_out: tuple[str, ...] = ()
        self._read: dict[bytes, tuple[str, Contract | None]] = {}
        """What came of each row, so that an answer costs what has changed in it and no more."""
        self._contracts: dict[str, Contract] = {}
        self._wires: dict[str, Contract] = {}
        self._derived: dict[str, set[str]] = {}

    def load(self, exchange_info: ExchangeInfo) -> None:
        """Replace the table by an answer of exchangeInfo."""
        known, self._read = self._read, {}
        for row in map(bytes, exchange_info.symbols):
            self._read[row] = known.get(row) or _contract(row)
        read = self._read.values()
        claims = Counter(contract.instrument.symbol for _, contract in read if contract is not None)
        listed = [
            contract
            for _, contract in read
            if contract is not None and claims[contract.instrument.symbol] == 1
        ]
        self._contracts = {contract.instrument.symbol: contract for contract in listed}
        self._wires = {contract.wire: contract for contract in listed}
        self.left_out = tuple(name for name, _ in read if name not in self._wires)
        self._derived = {}
        for contract in listed:
            for spelling in _spellings(contract):
                self._derived.setdefault(spelling, set()).add(contract.instrument.symbol)

    def get(self, symbol: str) -> Instrument | None:
        """The instrument of a unified symbol, spelled exactly."""
        contract = self._contracts.get(symbol)
        return None if contract is None else contract.instrument

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of a symbol in any spelling; raises UnknownSymbol with the nearest."""
        return self._contracts[self.resolve(symbol)].instrument

    def instruments(self) -> Sequence[Instrument]:
        """All instruments, by symbol."""
        return [self._contracts[symbol].instrument for symbol in sorted(self._contracts)]

    def wire(self, symbol: str) -> str:
        """What the venue calls the contract (`BTCUSDT`), in capitals; raises UnknownSymbol."""
        return self._contracts[self.resolve(symbol)].wire

    def of_wire(self, name: str) -> Instrument | None:
        """The instrument of a venue's name, spelled exactly; None for what is not listed."""
        contract = self._wires.get(name)
        return None if contract is None else contract.instrument

    def filters(self, symbol: str) -> Filters:
        """What the venue holds an order of the contract against; raises UnknownSymbol."""
        return self._contracts[self.resolve(symbol)].filters

    def resolve(self, spelling: str) -> str:
        """The unified symbol meant by `BTC/USDT:USDT`, `BTCUSDT`, `btcusdt`, `BTC/USDT`, `BTC-USDT` …

        The venue's own names come before ours derived from them. Raises UnknownSymbol: with the candidates
        where a spelling fits several contracts, else with the nearest.
        """
        if spelling in self._contracts:
            return spelling
        wanted = spelling.strip().upper()
        if (contract := self._wires.get(wanted)) is not None:
            return contract.instrument.symbol
        symbols = self._derived.get(wanted, set())
        if len(symbols) == 1:
            return next(iter(symbols))
        raise UnknownSymbol(spelling, sorted(symbols) or self._nearest(wanted))

    def _nearest(self, wanted: str) -> list[str]:
        """Up to three symbols with a spelling like `wanted`, nearest first."""
        close = get_close_matches(wanted, [*self._wires, *self._derived], n=9, cutoff=0.6)
        found: list[str] = []
        for near in close:
            if (contract := self._wires.get(near)) is not None:
                found.append(contract.instrument.symbol)
            found.extend(sorted(self._derived.get(near, ())))
        return list(dict.fromkeys(found))[:3]


def _spellings(contract: Contract) -> set[str]:
    """What people write for a contract besides the venue's name, in capitals.

    The settling asset is left out only of a contract without end that is settled in what it is quoted in.
    """
    instrument = contract.instrument
    whole = {instrument.symbol, contract.wire}
    if instrument.settle == instrument.quote and "_" not in contract.wire:
        whole.add(f"{instrument.base}/{instrument.quote}")
    return {spelling.upper().replace("/", separator) for spelling in whole for separator in ("/", "-", "")}


def _contract(row: bytes) -> tuple[str, Contract | None]:
    """The row's name and what can be used of it, None where it cannot be read or contradicts itself."""
    try:
        sent = _rows.decode(row)
    except msgspec.ValidationError:
        return _name(row), None
    filters = _filters(sent)
    if filters is None:
        return sent.symbol, None
    return sent.symbol, Contract(_instrument(sent, filters), sent.symbol, filters)


_rows: msgspec.json.Decoder[ContractRow] = msgspec.json.Decoder(ContractRow)


class _Name(Struct):
    symbol: str


def _name(row: bytes) -> str:
    try:
        return msgspec.json.decode(row, type=_Name).symbol
    except msgspec.ValidationError:
        return row[:40].decode(errors="replace")


def _filters(row: ContractRow) -> Filters | None:
    """The row's filters; None where a price's or a quantity's is missing, or what is there is no number."""
    if not (0 <= row.price_precision <= _MOST_DECIMALS and 0 <= row.quantity_precision <= _MOST_DECIMALS):
        return None
    if not all(_finite(one) for one in row.filters):
        return None
    by_kind = {one.filter_type: one for one in row.filters}
    price, qty = by_kind.get("PRICE_FILTER"), by_kind.get("LOT_SIZE")
    if price is None or qty is None:
        return None
    empty = FilterRow("")
    market = by_kind.get("MARKET_LOT_SIZE", qty)
    percent = by_kind.get("PERCENT_PRICE", empty)
    risk = by_kind.get("POSITION_RISK_CONTROL", empty)
    return Filters(
        price=_steps(price.min_price, price.max_price, price.tick_size),
        qty=_steps(qty.min_qty, qty.max_qty, qty.step_size),
        market_qty=_steps(market.min_qty, market.max_qty, market.step_size),
        price_precision=row.price_precision,
        qty_precision=row.quantity_precision,
        notional_min=by_kind.get("MIN_NOTIONAL", empty).notional or Decimal(0),
        orders_max=by_kind.get("MAX_NUM_ORDERS", empty).limit,
        price_up=percent.multiplier_up,
        price_down=percent.multiplier_down,
        position_control=risk.position_control_side or "NONE",
        order_types=frozenset(row.order_types),
        times_in_force=frozenset(row.time_in_force),
        trigger_protect=row.trigger_protect,
        market_take_bound=row.market_take_bound,
        modifications_max=row.max_move_order_limit,
    )


def _finite(row: FilterRow) -> bool:
    numbers = (
        *(row.min_price, row.max_price, row.tick_size, row.min_qty, row.max_qty, row.step_size),
        *(row.notional, row.multiplier_up, row.multiplier_down),
    )
    return all(number is None or (number.is_finite() and number >= 0) for number in numbers)


def _steps(minimum: Decimal | None, maximum: Decimal | None, step: Decimal | None) -> Steps:
    return Steps(minimum or Decimal(0), maximum or Decimal(0), step or Decimal(0))


def _instrument(row: ContractRow, filters: Filters) -> Instrument:
    status = _STATUSES.get(row.status, InstrumentStatus.UNKNOWN)
    if status is InstrumentStatus.ONLINE and filters.position_control != "NONE":
        status = InstrumentStatus.REDUCE_ONLY
    tick, lot = filters.price.step, filters.qty.step
    return Instrument(
        venue=VENUE,
        symbol=_symbol(row),
        base=row.base_asset,
        quote=row.quote_asset,
        price_precision=max(row.price_precision, _decimals(tick)),
        qty_precision=max(row.quantity_precision, _decimals(lot)),
        tick=tick or Decimal(1).scaleb(-row.price_precision),
        lot=lot or Decimal(1).scaleb(-row.quantity_precision),
        qty_min=filters.qty.minimum,
        cost_min=filters.notional_min,
        status=status,
        settle=row.margin_asset,
        expires_ns=None if row.delivery_date >= _NEVER_MS else row.delivery_date * NS_PER_MS,
    )


def _symbol(row: ContractRow) -> str:
    """CCXT's unified symbol: `BTC/USDT:USDT`, with the day of delivery where it is named by one.

    The day is the one in the venue's own name: `deliveryDate` moves when a contract is delisted early.
    """
    unified = f"{row.base_asset}/{row.quote_asset}:{row.margin_asset}"
    day = row.symbol.removeprefix(f"{row.pair}_")
    return unified if day == row.symbol else f"{unified}-{day}"


def _decimals(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0

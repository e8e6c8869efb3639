"""Kraken's names for one pair, as a table built from its own AssetPairs; nothing is guessed from spelling.

The one substitution is Kraken's own: a side of `wsname` that is exactly XBT or XDG reads BTC or DOGE on
WebSocket v2 and here (dossier §17). Letters are never stripped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches

from msgspec import Struct

from leadline.errors import UnknownSymbol
from leadline.model.instrument import Instrument, InstrumentStatus

VENUE = "kraken"

_RENAMED = {"XBT": "BTC", "XDG": "DOGE"}


class AssetPair(Struct, frozen=True):
    """One row of AssetPairs as sent (dossier §14.1); what older answers leave out is None."""

    altname: str
    base: str
    quote: str
    pair_decimals: int
    lot_decimals: int
    wsname: str | None = None
    tick_size: Decimal | None = None
    ordermin: Decimal | None = None
    costmin: Decimal | None = None
    status: str | None = None
    cost_decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """What Kraken calls one pair: `symbol` on WebSocket v2 and here, the rest elsewhere."""

    symbol: str
    altname: str
    wsname: str
    rest_key: str


def symbol_of(wsname: str) -> str:
    """The WebSocket v2 symbol of a v1 name: `XBT/USD` is `BTC/USD`, `XRP/XBT` is `XRP/BTC`."""
    return "/".join(_RENAMED.get(side, side) for side in wsname.split("/"))


def instrument_of(symbol: str, pair: AssetPair) -> Instrument:
    """The instrument of a row.

    assumed: without `tick_size` the tick is one unit of the last decimal, without minimums there are none
    beyond one lot, and a row without a status says nothing of it.
    """
    base, quote = symbol.split("/")
    lot = Decimal(1).scaleb(-pair.lot_decimals)
    return Instrument(
        venue=VENUE,
        symbol=symbol,
        base=base,
        quote=quote,
        price_precision=pair.pair_decimals,
        qty_precision=pair.lot_decimals,
        tick=Decimal(1).scaleb(-pair.pair_decimals) if pair.tick_size is None else pair.tick_size,
        lot=lot,
        qty_min=lot if pair.ordermin is None else pair.ordermin,
        cost_min=Decimal(0) if pair.costmin is None else pair.costmin,
        status=InstrumentStatus(pair.status),
        cost_precision=pair.cost_decimals,
    )


class SymbolTable:
    """All pairs of Kraken by each of their names; the instruments change as the stream tells.

    Left out, with their keys in `left_out`: dark-pool rows (`XXBTZUSD.d`) and others without a `wsname`,
    because no stream carries them; rows that claim one symbol, because either could be meant; rows that
    cannot be read.
    """

    def __init__(self) -> None:
        self.left_out: tuple[str, ...] = ()
        self._names: dict[str, Names] = {}
        self._instruments: dict[str, Instrument] = {}
        self._assets: dict[str, str] = {}
        self._official: dict[str, set[str]] = {}
        self._derived: dict[str, set[str]] = {}

    def load(self, pairs: Mapping[str, AssetPair | None]) -> None:
        """Replace the table by an answer of AssetPairs: rows by REST key, None for what could not be read."""
        listed = {
            key: Names(symbol_of(pair.wsname), pair.altname, pair.wsname, key)
            for key, pair in pairs.items()
            if pair is not None and pair.wsname is not None and pair.wsname.count("/") == 1
        }
        claims = Counter(names.symbol for names in listed.values())
        listed = {key: names for key, names in listed.items() if claims[names.symbol] == 1}
        self.left_out = tuple(key for key in pairs if key not in listed)
        self._names = {names.symbol: names for names in listed.values()}
        self._instruments, self._assets = {}, {}
        for key, names in listed.items():
            pair = pairs[key]
            assert pair is not None
            instrument = instrument_of(names.symbol, pair)
            self._instruments[names.symbol] = instrument
            self._assets[pair.base] = instrument.base
            self._assets[pair.quote] = instrument.quote
        self._index()

    def update(self, instruments: Iterable[Instrument]) -> None:
        """Take over what the instrument stream told.

        A pair listed since the last `load` is streamable at once and has no REST names before the next one.
        """
        for instrument in instruments:
            known = instrument.symbol in self._instruments
            self._instruments[instrument.symbol] = instrument
            if not known:
                self._add_spellings(instrument.symbol)

    def get(self, symbol: str) -> Instrument | None:
        """The instrument of a WebSocket v2 symbol, spelled exactly."""
        return self._instruments.get(symbol)

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of a symbol in any of Kraken's spellings; raises UnknownSymbol with the nearest."""
        return self._instruments[self.resolve(symbol)]

    def instruments(self) -> Sequence[Instrument]:
        """All instruments, by symbol."""
        return [self._instruments[symbol] for symbol in sorted(self._instruments)]

    def names(self, symbol: str) -> Names | None:
        """All names of a pair given in any spelling; None when REST names are not known yet.

        Raises UnknownSymbol as `instrument` does.
        """
        return self._names.get(self.resolve(symbol))

    def asset(self, rest_name: str) -> str:
        """What a REST asset id (`XXBT`, `ZUSD`, `SOL`) is called here; raises UnknownSymbol."""
        code = self._assets.get(rest_name)
        if code is None:
            raise UnknownSymbol(rest_name, get_close_matches(rest_name.upper(), self._assets, n=3))
        return code

    def trades(self, asset: str) -> bool:
        """Whether a listed pair has this asset, so that REST's name of it is known to be the stream's."""
        return asset in self._assets.values()

    def resolve(self, spelling: str) -> str:
        """The symbol meant by `XBT/USD`, `BTC-USD`, `XXBTZUSD`, `btcusd` …

        Kraken's own names come before ours derived from them (`BTCUSD`, `BTC-USD`). Raises UnknownSymbol:
        with the candidates where a spelling fits several pairs, else with the nearest.
        """
        if spelling in self._instruments:
            return spelling
        wanted = spelling.strip().upper()
        for spellings in (self._official, self._derived):
            symbols = spellings.get(wanted, ())
            if len(symbols) == 1:
                return next(iter(symbols))
            if symbols:
                raise UnknownSymbol(spelling, sorted(symbols))
        raise UnknownSymbol(spelling, self._nearest(wanted))

    def _nearest(self, wanted: str) -> list[str]:
        """Up to three symbols with a spelling like `wanted`, nearest first."""
        close = get_close_matches(wanted, [*self._official, *self._derived], n=9, cutoff=0.6)
        found = [symbol for near in close for symbol in sorted(self._spelled(near))]
        return list(dict.fromkeys(found))[:3]

    def _spelled(self, spelling: str) -> set[str]:
        return self._official.get(spelling, set()) | self._derived.get(spelling, set())

    def _index(self) -> None:
        self._official, self._derived = {}, {}
        for symbol in self._instruments:
            self._add_spellings(symbol)

    def _add_spellings(self, symbol: str) -> None:
        names = self._names.get(symbol)
        slashed = {symbol, names.wsname} if names else {symbol}
        own = slashed | ({names.altname, names.rest_key} if names else set())
        for spelling in own:
            self._official.setdefault(spelling.upper(), set()).add(symbol)
        for spelling in slashed:
            for separator in ("-", ""):
                self._derived.setdefault(spelling.upper().replace("/", separator), set()).add(symbol)

"""Kraken's names: every pair by every name, and nothing by guessing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.errors import UnknownSymbol
from leadline.model.instrument import Instrument, InstrumentStatus
from leadline.net.http import Response
from leadline.venues.kraken.rest import asset_pairs
from leadline.venues.kraken.symbols import AssetPair, SymbolTable, symbol_of
from vectors import VECTORS, needs_vectors, records

CAPTURE = VECTORS / "kraken" / "rest" / "assetpairs_20210417.capture.jsonl.gz"


def row(
    altname: str, wsname: str | None, base: str = "XXBT", quote: str = "ZUSD", decimals: int = 1
) -> AssetPair:
    return AssetPair(altname, base, quote, pair_decimals=decimals, lot_decimals=8, wsname=wsname)


def table(**rows: AssetPair | None) -> SymbolTable:
    made = SymbolTable()
    made.load(rows)
    return made


@pytest.fixture
def few() -> SymbolTable:
    return table(
        XXBTZUSD=row("XBTUSD", "XBT/USD"),
        XBTUSDT=row("XBTUSDT", "XBT/USDT", quote="USDT"),
        XXDGXXBT=row("XDGXBT", "XDG/XBT", "XXDG", "XXBT", 8),
        XXRPZUSD=row("XRPUSD", "XRP/USD", "XXRP"),
        XTZUSD=row("XTZUSD", "XTZ/USD", "XTZ"),
    )


def recorded() -> tuple[SymbolTable, dict[str, AssetPair | None]]:
    raw = next(record["raw"] for record in records(CAPTURE) if "raw" in record)
    pairs = dict(asset_pairs().answer(Response(200, (), raw.encode()), 0).value)
    return table(**pairs), pairs


@pytest.mark.parametrize(
    "spelling",
    ["BTC/USD", "btc/usd", "XBT/USD", "BTC-USD", "xbt-usd", "XXBTZUSD", "XBTUSD", "BTCUSD", " BTC/USD "],
)
def test_every_spelling_of_a_pair_finds_it(few: SymbolTable, spelling: str) -> None:
    assert few.instrument(spelling).symbol == "BTC/USD"


def test_only_whole_sides_are_renamed() -> None:
    assert symbol_of("XBT/USD") == "BTC/USD"
    assert symbol_of("XDG/XBT") == "DOGE/BTC"
    assert symbol_of("XBTX/XDGE") == "XBTX/XDGE"
    assert symbol_of("XRP/ZUSD") == "XRP/ZUSD"


def test_letters_are_never_stripped(few: SymbolTable) -> None:
    assert few.instrument("XRP/USD").base == "XRP"
    assert few.instrument("XTZ/USD").base == "XTZ"
    for stripped in ("RP/USD", "TZ/USD", "XBTZUSD"):
        with pytest.raises(UnknownSymbol):
            few.instrument(stripped)


def test_an_unknown_symbol_names_the_nearest(few: SymbolTable) -> None:
    with pytest.raises(UnknownSymbol) as failure:
        few.instrument("BTC/UDS")
    assert failure.value.nearest[0] == "BTC/USD"
    assert "did you mean BTC/USD" in str(failure.value)


def test_what_resembles_nothing_has_no_nearest(few: SymbolTable) -> None:
    with pytest.raises(UnknownSymbol) as failure:
        few.instrument("???")
    assert failure.value.nearest == ()


def test_a_spelling_of_two_pairs_is_refused_with_both() -> None:
    made = table(ONE=row("ONE", "AB/CD"), TWO=row("TWO", "ABC/D"))
    with pytest.raises(UnknownSymbol) as failure:
        made.instrument("ABCD")
    assert failure.value.nearest == ("AB/CD", "ABC/D")
    assert made.instrument("AB-CD").symbol == "AB/CD"


def test_a_name_of_krakens_own_beats_one_derived() -> None:
    made = table(ABCD=row("ABCD", "AB/CD"), TWO=row("TWO", "ABC/D"))
    assert made.instrument("abcd").symbol == "AB/CD"


def test_rows_that_cannot_be_streamed_read_or_told_apart_are_left_out_and_said() -> None:
    made = table(
        **{
            "XXBTZUSD": row("XBTUSD", "XBT/USD"),
            "XXBTZUSD.d": row("XBTUSD.d", None),
            "BROKEN": None,
            "SOLUSD": row("SOLUSD", "SOL/USD"),
            "SOLUSD2": row("SOLUSD2", "SOL/USD"),
            "ODD": row("ODD", "ODD"),
        }
    )
    assert [instrument.symbol for instrument in made.instruments()] == ["BTC/USD"]
    assert made.left_out == ("XXBTZUSD.d", "BROKEN", "SOLUSD", "SOLUSD2", "ODD")
    with pytest.raises(UnknownSymbol):
        made.instrument("SOL/USD")


def test_a_row_gives_exact_steps_and_minimums() -> None:
    pair = AssetPair(
        "XBTUSD",
        "XXBT",
        "ZUSD",
        1,
        8,
        "XBT/USD",
        Decimal("0.5"),
        Decimal("0.00005"),
        Decimal("0.5"),
        "post_only",
        5,
    )
    found = table(XXBTZUSD=pair).instrument("BTC/USD")
    assert (found.tick, found.lot) == (Decimal("0.5"), Decimal("0.00000001"))
    assert (found.qty_min, found.cost_min) == (Decimal("0.00005"), Decimal("0.5"))
    assert (found.base, found.quote, found.venue) == ("BTC", "USD", "kraken")
    assert found.status is InstrumentStatus.POST_ONLY
    assert (found.cost_precision, found.marginable, found.has_index) == (5, None, None)


def test_an_old_row_has_the_last_decimal_as_tick_and_no_known_status(few: SymbolTable) -> None:
    found = few.instrument("DOGE/BTC")
    assert found.tick == Decimal("0.00000001")
    assert found.qty_min == found.lot
    assert found.status is InstrumentStatus.UNKNOWN


def test_the_stream_changes_an_instrument_and_keeps_its_names(few: SymbolTable) -> None:
    few.update([instrument("BTC/USD", price_precision=2)])
    assert few.instrument("XXBTZUSD").price_precision == 2
    changed = few.get("BTC/USD")
    assert changed is not None
    assert changed.price_precision == 2


def test_a_pair_listed_on_the_stream_is_known_at_once_but_not_to_rest(few: SymbolTable) -> None:
    few.update([instrument("NEW/USD")])
    assert few.instrument("new-usd").symbol == "NEW/USD"
    assert few.names("NEW/USD") is None


def test_a_new_answer_replaces_the_table(few: SymbolTable) -> None:
    few.load({"SOLUSD": row("SOLUSD", "SOL/USD", "SOL")})
    assert [instrument.symbol for instrument in few.instruments()] == ["SOL/USD"]
    assert few.get("BTC/USD") is None
    assert few.asset("SOL") == "SOL"
    with pytest.raises(UnknownSymbol):
        few.asset("XXBT")


def test_asset_ids_have_the_names_of_the_pairs_sides(few: SymbolTable) -> None:
    assert {few.asset(name) for name in ("XXBT", "ZUSD", "XXDG", "XTZ")} == {"BTC", "USD", "DOGE", "XTZ"}
    with pytest.raises(UnknownSymbol, match="XXBT"):
        few.asset("XBTT")


def instrument(symbol: str, price_precision: int = 1) -> Instrument:
    base, quote = symbol.split("/")
    tick = Decimal(1).scaleb(-price_precision)
    lot = Decimal("0.00000001")
    return Instrument("kraken", symbol, base, quote, price_precision, 8, tick, lot, lot, Decimal(0))


@needs_vectors
def test_the_names_of_every_recorded_pair_are_a_bijection() -> None:
    made, pairs = recorded()
    listed = [names for instrument in made.instruments() if (names := made.names(instrument.symbol))]
    assert len(pairs) == 304
    assert len(listed) == 293
    for name in ("symbol", "altname", "wsname", "rest_key"):
        assert len({getattr(names, name) for names in listed}) == 293
    for names in listed:
        for spelling in (names.symbol, names.altname, names.wsname, names.rest_key):
            assert made.resolve(spelling) == names.symbol
            assert made.resolve(spelling.lower()) == names.symbol
        assert made.resolve(names.symbol.replace("/", "-")) == names.symbol


@needs_vectors
def test_the_only_recorded_pairs_left_out_are_those_of_the_dark_pool() -> None:
    made, _ = recorded()
    assert len(made.left_out) == 11
    assert all(key.endswith(".d") for key in made.left_out)


@needs_vectors
def test_slashless_spellings_of_recorded_pairs_find_their_pair_or_are_refused() -> None:
    made, _ = recorded()
    for instrument in made.instruments():
        assert made.resolve(instrument.symbol.replace("/", "")) == instrument.symbol


@needs_vectors
def test_balance_assets_of_the_recorded_pairs_are_a_bijection() -> None:
    made, pairs = recorded()
    ids = {side for pair in pairs.values() if pair and pair.wsname for side in (pair.base, pair.quote)}
    assert len({made.asset(name) for name in ids}) == len(ids)
    assert (made.asset("XXBT"), made.asset("XXDG"), made.asset("XXRP"), made.asset("XTZ")) == (
        "BTC",
        "DOGE",
        "XRP",
        "XTZ",
    )


def test_an_asset_is_known_by_one_name_when_a_listed_pair_has_it(few: SymbolTable) -> None:
    assert [few.trades(asset) for asset in ("BTC", "DOGE", "USDT")] == [True, True, True]
    assert [few.trades(asset) for asset in ("XXBT", "KFEE", "EUR")] == [False, False, False]

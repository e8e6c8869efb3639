from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from leadline.errors import UnknownSymbol
from leadline.model.instrument import InstrumentStatus
from leadline.venues.binance.symbols import ExchangeInfo, Steps, SymbolTable
from vectors import VECTORS, needs_vectors, records

FOLDER = VECTORS / "binance" / "rest"
PERPETUAL_MS = 4133404800000
DELIVERY_MS = 1798185600000


def filters(tick: str = "0.10", step: str = "0.001") -> list[dict[str, Any]]:
    return [
        {"filterType": "PRICE_FILTER", "minPrice": "556.80", "maxPrice": "4529764", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": step},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": step},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": "50"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95"},
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
        {"filterType": "NEWLY_INVENTED", "anything": ["at", "all"]},
    ]


def row(symbol: str = "BTCUSDT", base: str = "BTC", **changed: Any) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "pair": f"{base}USDT",
        "contractType": "PERPETUAL",
        "deliveryDate": PERPETUAL_MS,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "filters": filters(),
        "orderTypes": ["LIMIT", "MARKET", "STOP"],
        "timeInForce": ["GTC", "GTX"],
        "triggerProtect": "0.0500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        **changed,
    }


QUARTERLY = row("BTCUSDT_261225", contractType="CURRENT_QUARTER", deliveryDate=DELIVERY_MS, pricePrecision=1)
GOLD = row("XAUUSDT", "XAU", contractType="TRADIFI_PERPETUAL")
CHINESE = row(
    "币安人生USDT", "币安人生", pricePrecision=7, quantityPrecision=0, filters=filters("0.0001000", "1")
)


def info(*rows: object) -> ExchangeInfo:
    return msgspec.json.decode(json.dumps({"symbols": rows}).encode(), type=ExchangeInfo)


def table(*rows: object) -> SymbolTable:
    symbols = SymbolTable()
    symbols.load(info(*rows))
    return symbols


def test_perpetuals_quarterlies_and_what_is_no_coin_have_their_unified_symbols() -> None:
    symbols = table(row(), QUARTERLY, GOLD, CHINESE)

    assert [instrument.symbol for instrument in symbols.instruments()] == [
        "BTC/USDT:USDT",
        "BTC/USDT:USDT-261225",
        "XAU/USDT:USDT",
        "币安人生/USDT:USDT",
    ]
    assert symbols.wire("BTC/USDT:USDT-261225") == "BTCUSDT_261225"
    assert symbols.left_out == ()


@pytest.mark.parametrize(
    "spelling", ["BTC/USDT:USDT", "BTCUSDT", "btcusdt", " BTC/USDT ", "BTC-USDT", "btc-usdt:usdt"]
)
def test_a_perpetual_is_found_by_every_spelling_of_its_names(spelling: str) -> None:
    symbols = table(row(), QUARTERLY)

    assert symbols.instrument(spelling).symbol == "BTC/USDT:USDT"
    assert symbols.wire(spelling) == "BTCUSDT"


@pytest.mark.parametrize("spelling", ["BTCUSDT_261225", "btcusdt_261225", "BTC-USDT:USDT-261225"])
def test_a_quarterly_is_found_by_its_names_and_never_by_its_pairs(spelling: str) -> None:
    assert table(row(), QUARTERLY).resolve(spelling) == "BTC/USDT:USDT-261225"
    with pytest.raises(UnknownSymbol):
        table(QUARTERLY).resolve("BTC/USDT")


def test_a_symbol_of_chinese_letters_is_found_as_it_is_spelled() -> None:
    symbols = table(CHINESE)

    assert symbols.resolve("币安人生usdt") == "币安人生/USDT:USDT"
    instrument = symbols.of_wire("币安人生USDT")
    assert instrument is not None
    assert (instrument.price_precision, instrument.qty_precision) == (7, 0)


def test_only_the_tables_own_names_are_of_the_wire() -> None:
    symbols = table(row())

    assert symbols.of_wire("BTCUSDT") == symbols.get("BTC/USDT:USDT")
    assert symbols.of_wire("btcusdt") is None
    assert symbols.of_wire("BTCUSD_PERP") is None
    assert symbols.get("BTCUSDT") is None


def test_an_unknown_symbol_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownSymbol) as unknown:
        table(row(), QUARTERLY).instrument("BTCUSTD")
    assert unknown.value.nearest[0] == "BTC/USDT:USDT"


def test_a_spelling_that_fits_two_contracts_is_refused_with_both() -> None:
    symbols = table(row("XYUSDT", "XY"), row("X-YUSDT", "X-Y"))

    assert symbols.resolve("XY/USDT") == "XY/USDT:USDT"
    both = table(row("ONE", "A-B"), row("TWO", "A", quoteAsset="B/USDT"))
    with pytest.raises(UnknownSymbol) as unknown:
        both.resolve("A-B-USDT:USDT")
    assert unknown.value.nearest == ("A-B/USDT:USDT", "A/B/USDT:USDT")


def test_rows_that_claim_one_symbol_are_left_out_because_either_could_be_meant() -> None:
    symbols = table(row("ABUSDT", "AB"), row("BAUSDT", "AB"), row())

    assert [instrument.symbol for instrument in symbols.instruments()] == ["BTC/USDT:USDT"]
    assert symbols.left_out == ("ABUSDT", "BAUSDT")


@pytest.mark.parametrize(
    ("status", "meant"),
    [
        ("TRADING", InstrumentStatus.ONLINE),
        ("PENDING_TRADING", InstrumentStatus.WORK_IN_PROGRESS),
        ("PRE_DELIVERING", InstrumentStatus.REDUCE_ONLY),
        ("PRE_SETTLE", InstrumentStatus.REDUCE_ONLY),
        ("DELIVERING", InstrumentStatus.MAINTENANCE),
        ("SETTLING", InstrumentStatus.MAINTENANCE),
        ("DELIVERED", InstrumentStatus.DELISTED),
        ("CLOSE", InstrumentStatus.DELISTED),
        ("SOMETHING_NEW", InstrumentStatus.UNKNOWN),
    ],
)
def test_a_status_is_what_one_may_do(status: str, meant: InstrumentStatus) -> None:
    assert table(row(status=status)).instrument("BTCUSDT").status is meant


def test_a_contract_under_risk_control_is_for_reducing_only() -> None:
    controlled = filters()
    controlled[6]["positionControlSide"] = "LONG"

    symbols = table(row(filters=controlled))

    assert symbols.instrument("BTCUSDT").status is InstrumentStatus.REDUCE_ONLY
    assert symbols.filters("BTCUSDT").position_control == "LONG"


def test_a_perpetual_has_no_end_until_it_is_to_be_delisted() -> None:
    assert table(row()).instrument("BTCUSDT").expires_ns is None
    delisted = table(row(deliveryDate=DELIVERY_MS)).instrument("BTCUSDT")
    assert delisted.expires_ns == DELIVERY_MS * 1_000_000
    assert delisted.symbol == "BTC/USDT:USDT"


def test_a_quarterly_that_ends_early_keeps_its_name() -> None:
    moved = table(QUARTERLY | {"deliveryDate": DELIVERY_MS - 86_400_000})

    assert moved.instrument("BTCUSDT_261225").symbol == "BTC/USDT:USDT-261225"


def test_all_filters_are_exact_and_unknown_ones_are_tolerated() -> None:
    held = table(row()).filters("BTCUSDT")

    assert held.price == Steps(Decimal("556.80"), Decimal(4529764), Decimal("0.10"))
    assert held.qty == Steps(Decimal("0.001"), Decimal(1000), Decimal("0.001"))
    assert held.market_qty.maximum == 120
    assert (held.price_precision, held.qty_precision) == (2, 3)
    assert (held.notional_min, held.orders_max) == (50, 200)
    assert (held.price_up, held.price_down) == (Decimal("1.05"), Decimal("0.95"))
    assert (held.trigger_protect, held.market_take_bound) == (Decimal("0.0500"), Decimal("0.05"))
    assert held.modifications_max == 10000
    assert held.times_in_force == {"GTC", "GTX"}
    assert held.order_types == {"LIMIT", "MARKET", "STOP"}


def test_steps_and_minimums_of_the_instrument_come_from_the_filters() -> None:
    instrument = table(row()).instrument("BTCUSDT")

    assert (instrument.tick, instrument.lot) == (Decimal("0.10"), Decimal("0.001"))
    assert (instrument.price_precision, instrument.qty_precision) == (2, 3)
    assert (instrument.qty_min, instrument.cost_min) == (Decimal("0.001"), 50)
    assert instrument.settle == "USDT"
    assert instrument.price_units(Decimal("83091.70")) == 8309170


@pytest.mark.parametrize(
    "broken",
    [
        {"symbol": "ETHUSDT"},
        row("ETHUSDT", "ETH", filters=[]),
        row("ETHUSDT", "ETH", pricePrecision=400),
        row("ETHUSDT", "ETH", filters=filters("NaN")),
        row("ETHUSDT", "ETH", filters=filters("0.1", "-1")),
        row("ETHUSDT", "ETH", deliveryDate="soon"),
    ],
)
def test_a_row_that_cannot_be_used_harms_no_other(broken: dict[str, Any]) -> None:
    symbols = table(broken, row())

    assert symbols.left_out == ("ETHUSDT",)
    assert symbols.resolve("BTCUSDT") == "BTC/USDT:USDT"


def test_what_is_no_row_at_all_is_named_by_how_it_begins() -> None:
    assert table(7, row()).left_out == ("7",)


def test_a_new_answer_replaces_the_table_whole() -> None:
    symbols = table(row(), GOLD)
    symbols.load(info(GOLD | {"status": "CLOSE"}))

    assert symbols.get("BTC/USDT:USDT") is None
    assert symbols.instrument("XAUUSDT").status is InstrumentStatus.DELISTED


def test_a_contract_whose_row_has_not_changed_is_not_read_anew() -> None:
    symbols = table(row(), GOLD)
    before = symbols.filters("BTCUSDT"), symbols.filters("XAUUSDT")
    symbols.load(info(row(), GOLD | {"status": "CLOSE"}))

    assert symbols.filters("BTCUSDT") is before[0]
    assert symbols.filters("XAUUSDT") is not before[1]


@needs_vectors
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("exchangeinfo_20210417.capture.jsonl.gz", 113),
        ("exchangeinfo_20211205.capture.jsonl.gz", 145),
        ("exchangeinfo_testnet_20260923_4symbols.capture.jsonl", 4),
    ],
)
def test_every_contract_of_the_recorded_answers_is_read(name: str, count: int) -> None:
    [recorded] = [record for record in records(FOLDER / name) if "raw" in record]
    told = msgspec.json.decode(recorded["raw"], type=ExchangeInfo)
    symbols = SymbolTable()
    symbols.load(told)

    assert symbols.left_out == ()
    assert len(symbols.instruments()) == count
    for sent in json.loads(recorded["raw"])["symbols"]:
        instrument, held = symbols.instrument(sent["symbol"]), symbols.filters(sent["symbol"])
        by_kind = {one["filterType"]: one for one in sent["filters"]}
        assert str(held.price.step) == by_kind["PRICE_FILTER"]["tickSize"]
        assert str(held.market_qty.maximum) == by_kind["MARKET_LOT_SIZE"]["maxQty"]
        assert instrument.tick % Decimal(1).scaleb(-instrument.price_precision) == 0
        assert instrument.lot % Decimal(1).scaleb(-instrument.qty_precision) == 0
        assert symbols.of_wire(sent["symbol"]) == instrument


@needs_vectors
def test_a_delivering_quarterly_and_a_settling_perpetual_can_be_told_from_what_trades() -> None:
    [recorded] = [
        record
        for record in records(FOLDER / "exchangeinfo_testnet_20260923_4symbols.capture.jsonl")
        if "raw" in record
    ]
    symbols = SymbolTable()
    symbols.load(msgspec.json.decode(recorded["raw"], type=ExchangeInfo))

    quarterly, settling = symbols.instrument("BTCUSDT_250627"), symbols.instrument("EOSUSDT")
    assert quarterly.symbol == "BTC/USDT:USDT-250627"
    assert quarterly.expires_ns == 1751011200000 * 1_000_000
    assert settling.expires_ns is not None
    assert quarterly.status is settling.status is InstrumentStatus.MAINTENANCE

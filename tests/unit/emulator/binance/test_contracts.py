from __future__ import annotations

from decimal import Decimal

from binance_emulated import BTC, NAMED, QUARTER
from leadline.emulator.binance.contracts import DEMO_CONTRACTS, Contract, price_text, row, synthetic
from leadline.emulator.instruments import DEMO_PAIRS, Pair


def filters(contract: Contract) -> dict[str, dict[str, str]]:
    return {one["filterType"]: one for one in row(contract, contract.pair, "TRADING")["filters"]}


def test_prices_show_all_decimals_though_the_tick_is_coarser() -> None:
    assert price_text(BTC, BTC.pair, 633_814) == "63381.40"
    assert filters(BTC)["PRICE_FILTER"]["tickSize"] == "0.10"
    assert price_text(NAMED, NAMED.pair, 1_312) == "0.1312000"


def test_every_opening_price_passes_the_contracts_own_filters() -> None:
    for one in (*DEMO_CONTRACTS, *synthetic(9)):
        found = filters(one)["PRICE_FILTER"]
        price = Decimal(price_text(one, one.pair, one.pair.price))
        least, tick = Decimal(found["minPrice"]), Decimal(found["tickSize"])
        assert least < price < Decimal(found["maxPrice"])
        assert (price - least) % tick == 0


def test_names_are_the_venues_and_the_programs() -> None:
    assert (BTC.symbol, BTC.pair_name, BTC.unified) == ("BTCUSDT", "BTCUSDT", "BTC/USDT:USDT")
    assert (QUARTER.pair_name, QUARTER.unified) == ("BTCUSDT", "BTC/USDT:USDT-261225")
    assert not QUARTER.perpetual
    assert NAMED.unified == "币安人生/USDT:USDT"


def test_a_market_order_is_bounded_by_an_eighth_unless_said() -> None:
    assert filters(BTC)["MARKET_LOT_SIZE"]["maxQty"] == "125"
    assert filters(DEMO_CONTRACTS[0])["MARKET_LOT_SIZE"]["maxQty"] == "120"


def test_the_bitcoin_contract_opens_a_small_basis_above_the_pair_on_the_other_venue() -> None:
    spot = next(one for one in DEMO_PAIRS if one.symbol == "BTC/USD")
    pair: Pair = DEMO_CONTRACTS[0].pair
    assert spot.price_precision == pair.price_precision
    assert 0 < (pair.price - spot.price) / spot.price < 0.001


def test_made_up_contracts_run_through_decimals() -> None:
    made = synthetic(8, levels=5)
    assert {one.pair.price_precision for one in made} == {1, 2, 3, 4}
    assert {one.pair.qty_precision for one in made} == {0, 1, 2, 3}
    assert len({one.symbol for one in made}) == 8

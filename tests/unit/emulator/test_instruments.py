from __future__ import annotations

import pytest

from leadline.emulator.instruments import DEMO_PAIRS, assets_of, synthetic


@pytest.mark.parametrize(
    ("symbol", "rest_id", "altname", "wsname"),
    [
        ("BTC/USD", "XXBTZUSD", "XBTUSD", "XBT/USD"),
        ("ETH/BTC", "XETHXXBT", "ETHXBT", "ETH/XBT"),
        ("BTC/EUR", "XXBTZEUR", "XBTEUR", "XBT/EUR"),
        ("DOGE/USD", "XDGUSD", "XDGUSD", "XDG/USD"),
        ("SOL/USD", "SOLUSD", "SOLUSD", "SOL/USD"),
    ],
)
def test_a_pair_has_all_of_krakens_names(symbol: str, rest_id: str, altname: str, wsname: str) -> None:
    pair = next(one for one in DEMO_PAIRS if one.symbol == symbol)
    assert (pair.rest_id, pair.altname, pair.wsname) == (rest_id, altname, wsname)


def test_the_demo_has_a_thin_book_a_deep_one_and_quantities_past_a_doubles_reach() -> None:
    assert min(pair.levels for pair in DEMO_PAIRS) < 10
    assert max(pair.levels for pair in DEMO_PAIRS) > 1_000
    assert max(pair.qty for pair in DEMO_PAIRS) > 2**53
    assert len({pair.price_precision for pair in DEMO_PAIRS}) >= 6


def test_synthetic_pairs_run_through_all_precisions() -> None:
    pairs = synthetic(1_000)
    assert len({pair.symbol for pair in pairs}) == 1_000
    assert {pair.price_precision for pair in pairs} == set(range(11))
    assert {pair.qty_precision for pair in pairs} == set(range(11))


def test_each_asset_is_listed_once() -> None:
    names = [one.name for one in assets_of(DEMO_PAIRS)]
    assert len(names) == len(set(names))
    assert {"BTC", "USD", "EUR", "DOGE"} <= set(names)

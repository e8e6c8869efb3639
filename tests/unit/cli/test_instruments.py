from __future__ import annotations

import pytest

from leadline.cli.instruments import find
from served import served


@pytest.mark.parametrize(
    ("search", "symbols"),
    [
        ("btc/", ["BTC/EUR", "BTC/USD"]),
        ("XXBTZUSD", ["BTC/USD"]),
        ("BTC/USDD", ["BTC/USD"]),
        ("no such thing", []),
    ],
)
async def test_a_search_finds_by_part_by_spelling_or_the_nearest(search: str, symbols: list[str]) -> None:
    async with served() as venue:
        found = await find(venue.settings, search)

    assert [instrument.symbol for instrument in found][: len(symbols)] == symbols
    assert bool(found) is bool(symbols)


async def test_an_empty_search_finds_everything() -> None:
    async with served() as venue:
        found = await find(venue.settings, "")

    assert len(found) == len(venue.exchange.market.listings)

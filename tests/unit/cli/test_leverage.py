from __future__ import annotations

from pathlib import Path

import pytest

from leadline.cli.leverage import change, look
from leadline.errors import AuthError, CheckFailed, UnknownSymbol
from served_binance import served_binance


@pytest.mark.parametrize("symbol", ["BTC/USDT:USDT", "BTCUSDT", "btcusdt"])
async def test_a_leverage_is_set_by_any_spelling_of_the_symbol(tmp_path: Path, symbol: str) -> None:
    async with served_binance(tmp_path) as venue:
        name, before, done = await change(venue.settings, "main", symbol, 5)
        _, after = await look(venue.settings, "main", symbol)

    assert (name, done) == ("BTC/USDT:USDT", 5)
    assert before is not None
    assert after is not None
    assert (before.leverage, after.leverage) == (20, 5)


async def test_beyond_what_the_symbol_allows_nothing_is_changed(tmp_path: Path) -> None:
    async with served_binance(tmp_path) as venue:
        with pytest.raises(CheckFailed, match="leverage 126 is not between 1 and 125"):
            await change(venue.settings, "main", "BTCUSDT", 126)
        with pytest.raises(UnknownSymbol):
            await change(venue.settings, "main", "NOPEUSDT", 5)
        _, after = await look(venue.settings, "main", "BTCUSDT")

    assert after is not None
    assert after.leverage == 20


async def test_a_key_of_the_other_environment_is_explained(tmp_path: Path) -> None:
    async with served_binance(tmp_path) as venue:
        with pytest.raises(AuthError) as caught:
            await look(venue.with_key("x" * 64, "y" * 64, "testnet"), "main", "BTCUSDT")

    [cure] = caught.value.__notes__
    assert cure.startswith("the testnet does not take the key: was it made for the production?")

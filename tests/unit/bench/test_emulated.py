"""The emulated venue in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadline.app.opening import open_market
from leadline.bench.emulated import emulated
from leadline.errors import ConnectFailed, ConnectionLost


async def test_it_answers_while_the_block_lasts_and_not_after(tmp_path: Path) -> None:
    async with emulated() as venue:
        settings = venue.settings(tmp_path)
        async with open_market(settings) as market:
            assert "BTC/USD" in {one.symbol for one in market.reference.instruments()}
        assert venue.control.startswith("http://127.0.0.1:")
        assert settings.account().key.api_key == venue.kraken.credentials.api_key

    with pytest.raises((ConnectFailed, ConnectionLost)):
        async with open_market(settings):
            pass

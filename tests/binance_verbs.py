"""What tests of the terminal need of a local Binance: a position, and a settings file."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from leadline.app.access import order_desk
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest, OrderState
from served_binance import ServedBinance

BTC = "BTC/USDT:USDT"


async def bought(venue: ServedBinance, qty: str) -> None:
    """Buy at the market, or sell where the quantity is negative."""
    wanted = Decimal(qty)
    side = Side.BUY if wanted > 0 else Side.SELL
    request = OrderRequest(symbol=BTC, side=side, kind=OrderKind.MARKET, qty=abs(wanted))
    async with order_desk(venue.settings, "main") as desk:
        order = await desk.place(request)
    assert order.state is OrderState.FILLED, order.reason


def written(folder: Path, venue: dict[str, Any]) -> Path:
    """A settings file; JSON is YAML."""
    file = folder / "leadline.yaml"
    file.write_text(json.dumps({"venues": {"binance": venue}, "state_dir": str(folder / "state")}))
    return file

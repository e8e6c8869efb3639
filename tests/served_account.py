"""A local Kraken on real sockets with its demo account, and everything an account needs in a folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from leadline.app.account_settings import AccountSettings
from leadline.app.config import Settings
from leadline.clock import SystemClock
from leadline.emulator.exchange import Exchange
from leadline.emulator.serve import serve
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest
from leadline.venues.kraken.auth import Credentials
from leadline.venues.kraken.kit import KrakenKey
from leadline.venues.kraken.limits import Tier
from leadline.venues.kraken.venue import Endpoints


@dataclass(frozen=True)
class ServedAccount:
    """Where it listens and whose account it keeps, and the way to break it."""

    exchange: Exchange
    settings: Settings

    def inject(self, **fault: Any) -> None:
        """Break something, now."""
        self.exchange.inject({"venue": "kraken", **fault}, self.exchange.next_event_at())


@asynccontextmanager
async def served_account(folder: Path) -> AsyncIterator[ServedAccount]:
    """A local Kraken whose clock is ours; the account's files lie in the folder."""
    clock = SystemClock()
    exchange = Exchange(start_ns=clock.wall_ns(), seed=1, rate=20.0, history_minutes=5)
    async with serve(exchange, clock) as endpoints:
        told = endpoints.as_json()["kraken"]
        account = AccountSettings("main", KrakenKey(Credentials(**_named(told["credentials"])), Tier.PRO))
        yield ServedAccount(exchange, Settings(Endpoints(**told["endpoints"]), (account,), folder))


def _named(credentials: dict[str, str]) -> dict[str, str]:
    return {"api_key": credentials["api_key"], "secret": credentials["private_key"]}


def far_bid(**changes: Any) -> OrderRequest:
    """A limit order that rests."""
    fields = {"kind": OrderKind.LIMIT, "qty": Decimal("0.01"), "limit_price": Decimal(30_000)} | changes
    return OrderRequest(symbol="BTC/USD", side=Side.BUY, **fields)

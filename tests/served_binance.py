"""A local Binance on real sockets beside a local Kraken, with the settings of its demo account."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from leadline.app.account_settings import AccountSettings
from leadline.app.config import Settings
from leadline.clock import SystemClock
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.exchange import Exchange
from leadline.emulator.serve import serve
from leadline.venues.binance.auth import Credentials
from leadline.venues.binance.endpoints import Endpoints
from leadline.venues.binance.kit import BinanceKey


@dataclass(frozen=True)
class ServedBinance:
    """The venue, and settings that lead to it."""

    exchange: BinanceExchange
    settings: Settings

    def with_key(self, api_key: str, api_secret: str, environment: str = "production") -> Settings:
        """The same venue, asked with another key as if it were another environment."""
        account = AccountSettings("main", BinanceKey(Credentials(api_key, api_secret)))
        return replace(self.settings, accounts=(account,), environment=environment)


@asynccontextmanager
async def served_binance(folder: Path) -> AsyncIterator[ServedBinance]:
    """One whose clock is ours; the account's files lie in the folder."""
    clock = SystemClock()
    kraken = Exchange(start_ns=clock.wall_ns(), seed=1, rate=0.0, history_minutes=1)
    exchange = BinanceExchange(start_ns=clock.wall_ns(), seed=1, rate=20.0, history_minutes=5)
    async with serve(kraken, clock, binance=exchange) as endpoints:
        told = endpoints.as_json()["binance"]
        account = AccountSettings("main", BinanceKey(Credentials(**told["credentials"])))
        settings = Settings(Endpoints(**told["endpoints"]), (account,), folder, venue="binance")
        yield ServedBinance(exchange, settings)

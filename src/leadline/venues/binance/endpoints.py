"""Where Binance USDⓈ-M Futures listens: for REST, each route of streams, and requests.

Rule: a stream is asked for on its own route; on another it is acknowledged and never comes (dossier §1.4).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The five addresses of one environment, whole URLs (dossier §1)."""

    rest: str
    ws_public: str
    """Best prices and depth."""
    ws_market: str
    """Trades, candles, mark prices, statistics, liquidations, contract news."""
    ws_private: str
    """What concerns the account, named by a listen key."""
    ws_api: str
    """Requests and their answers."""


PRODUCTION = Endpoints(
    rest="https://fapi.binance.com",
    ws_public="wss://fstream.binance.com/public/stream",
    ws_market="wss://fstream.binance.com/market/stream",
    ws_private="wss://fstream.binance.com/private/stream",
    ws_api="wss://ws-fapi.binance.com/ws-fapi/v1",
)

TESTNET = Endpoints(
    rest="https://demo-fapi.binance.com",
    ws_public="wss://demo-fstream.binance.com/public/stream",
    ws_market="wss://demo-fstream.binance.com/market/stream",
    ws_private="wss://demo-fstream.binance.com/private/stream",
    ws_api="wss://testnet.binancefuture.com/ws-fapi/v1",
)
"""assumed: of the three names its streams have, the newest is the one that stays (dossier §1.2)."""

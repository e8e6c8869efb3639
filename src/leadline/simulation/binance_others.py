"""What befalls an account at Binance without its client: funding falls due, its owner changes how it trades.

Rule: the venue decides, as it would of any request; what it refuses its owner is left undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from leadline.emulator.binance.errors import Refused
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.binance.params import Params

FUNDING, CONFIGURE = "FUNDING", "CONFIGURE"
OTHERS = frozenset({FUNDING, CONFIGURE})
"""Kinds of strikes that are no faults of the venue."""

SETTINGS = ("leverage", "margin_type", "multi_assets")
"""What the owner may change; the position mode cannot be while there are orders or positions."""


class Others:
    """Acts at one emulated venue, on its demo account."""

    def __init__(self, exchange: BinanceExchange) -> None:
        self._exchange = exchange
        self._names = {one.unified: wire for wire, one in exchange.listed.contracts.items()}

    def act(self, fields: Mapping[str, Any], now_ns: int) -> None:
        """One act, as the weather describes it."""
        self._exchange.advance(now_ns)
        if fields["kind"] == FUNDING:
            self._exchange.marks.fund(now_ns)
            return
        with suppress(Refused):
            self._configure(fields, now_ns)

    def _configure(self, fields: Mapping[str, Any], now_ns: int) -> None:
        trading = self._exchange.trading
        account, configuration = trading.demo, trading.configuration
        symbol = self._names[fields["symbol"]]
        match fields["what"]:
            case "leverage":
                wanted = {"symbol": symbol, "leverage": str(fields["leverage"])}
                configuration.leverage(account, Params(wanted), now_ns)
            case "margin_type":
                other = "CROSSED" if account.setting(symbol).isolated else "ISOLATED"
                configuration.margin_type(account, Params({"symbol": symbol, "marginType": other}), now_ns)
            case _:
                other = "false" if account.multi_assets else "true"
                configuration.multi_assets(account, Params({"multiAssetsMargin": other}), now_ns)

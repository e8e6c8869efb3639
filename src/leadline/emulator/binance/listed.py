"""Which contracts are listed and how each trades now, with their rows of exchangeInfo (dossier §5.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from leadline.emulator.binance import contracts
from leadline.emulator.binance.contracts import Contract
from leadline.emulator.binance.frames import Shown
from leadline.emulator.market import Market

TRADING = "TRADING"
TRADED = (TRADING, "PRE_SETTLE", "PRE_DELIVERING")
"""While a contract has one of these, its market goes on."""
STATUS_OF_MODE = {"online": TRADING, "cancel_only": "PRE_SETTLE", "maintenance": "SETTLING"}
"""What a trading mode of the switchboard means in the venue's own words."""


class Listed:
    """Every contract by symbol. Each of `listeners` hears of a contract whose row has changed."""

    def __init__(self, market: Market, listed: Iterable[Contract]) -> None:
        self.contracts = {one.symbol: one for one in listed}
        self.listeners: list[Callable[[str], None]] = []
        self._market = market
        self._status = {symbol: one.status for symbol, one in self.contracts.items()}
        self._rows: dict[str, dict[str, Any]] = {}
        for symbol, status in self._status.items():
            market.listings[symbol].status = "online" if status == TRADING else "maintenance"
            self._rows[symbol] = self._row(symbol)

    def status(self, symbol: str) -> str:
        """How a contract trades, in the venue's words."""
        return self._status[symbol]

    def trading(self) -> list[str]:
        """The contracts that trade."""
        return [symbol for symbol, status in self._status.items() if status == TRADING]

    def rows(self) -> dict[str, dict[str, Any]]:
        """Every row of exchangeInfo by symbol; not to be changed."""
        return self._rows

    def shown(self, symbol: str) -> Shown:
        """How the contract's numbers are written now."""
        return Shown(self.contracts[symbol], self._market.listings[symbol].pair)

    def set_mode(self, symbol: str, mode: str) -> None:
        """Let a contract trade in another mode; one that never traded stays as it was listed."""
        if self.contracts[symbol].status != TRADING:
            return
        self._market.listings[symbol].status = mode
        self._status[symbol] = STATUS_OF_MODE[mode]
        self.changed(symbol)

    def turn(self, symbol: str, status: str) -> None:
        """Let a contract go on to another status for good, in the venue's words."""
        self.contracts[symbol] = replace(self.contracts[symbol], status=status)
        self._market.listings[symbol].status = "online" if status in TRADED else "maintenance"
        self._status[symbol] = status
        self.changed(symbol)

    def set_delivery(self, symbol: str, delivery_ms: int) -> None:
        """Set the date on which a contract ends."""
        self.contracts[symbol] = replace(self.contracts[symbol], delivery_ms=delivery_ms)
        self.changed(symbol)

    def changed(self, symbol: str) -> None:
        """The contract's row is to be made anew, and everybody told."""
        self._rows[symbol] = self._row(symbol)
        for listener in self.listeners:
            listener(symbol)

    def _row(self, symbol: str) -> dict[str, Any]:
        pair = self._market.listings[symbol].pair
        return contracts.row(self.contracts[symbol], pair, self._status[symbol])
